"""Two runs → for one metric, the cases that both were judged on, with both verdicts. Pure.

Repeats are folded first: a case is right when every repeat was (pass^k), a mean is the mean over repeats.
A case without an answer must not help its run: where the other run was judged right or wrong, it counts as
wrong.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from evals.fold import average, score, worst
from evals.metric import COUNTED, METRICS, Count, Metric, Unit
from evals.run import Row, Run

BY_NAME: Final = {metric.name: metric for metric in METRICS}
_LOW_SHARES: Final = frozenset({"brier", "ece", "aurc"})


@dataclass(frozen=True, kw_only=True)
class Paired:
    """Values of the cases that both runs were judged on, in the order of their ids."""

    cases: tuple[str, ...]
    clusters: tuple[str, ...]
    before: tuple[float, ...]
    """The baseline's; of a counted metric 1.0 for right and 0.0 for wrong."""
    after: tuple[float, ...]
    """The candidate's."""

    @property
    def total(self) -> int:
        """Cases."""
        return len(self.cases)

    @property
    def spread(self) -> int:
        """Clusters."""
        return len(set(self.clusters))

    @property
    def differences(self) -> tuple[float, ...]:
        """Candidate less baseline, case by case."""
        return tuple(new - old for old, new in zip(self.before, self.after, strict=True))

    @property
    def won(self) -> int:
        """Cases that the candidate alone has right."""
        return sum(difference > 0 for difference in self.differences)

    @property
    def lost(self) -> int:
        """Cases that the baseline alone has right."""
        return sum(difference < 0 for difference in self.differences)


def is_counted(metric: Metric) -> bool:
    """Tell whether each case is right or wrong by the metric."""
    return metric.count in COUNTED


def is_paired(metric: Metric) -> bool:
    """Tell whether each case has a value of its own; a percentile or a formula over all cases has none."""
    return is_counted(metric) or metric.count is Count.MEAN


def is_more_better(metric: Metric) -> bool:
    """Tell the direction: leaks, errors in confidence, tokens, dollars and times are better when fewer."""
    return metric.count is not Count.MISSES and metric.unit is Unit.SHARE and metric.name not in _LOW_SHARES


def pair_metric(baseline: Run, candidate: Run, metric: Metric) -> Paired:
    """Pair the verdicts, or the means, of one metric; `is_paired` must hold for it."""
    wrong = 0.0 if is_counted(metric) else None
    others = dict(candidate.by_case())
    found = []
    for name, rows in baseline.by_case():
        rivals = others.get(name, ())
        old, new = fold(rows, metric), fold(rivals, metric)
        if old is None and new is not None and _errored(rows):
            old = wrong
        if new is None and old is not None and _errored(rivals):
            new = wrong
        if old is not None and new is not None:
            found.append((name, rows[0].cluster, old, new))
    cases, clusters, before, after = zip(*found, strict=True) if found else ((), (), (), ())
    return Paired(cases=cases, clusters=clusters, before=before, after=after)


def fold(rows: Sequence[Row], metric: Metric) -> float | None:
    """Make one value of a case's repeats: 1.0 right, 0.0 wrong, or a mean; None when it is not scored."""
    values = [_read(row, metric) for row in rows]
    if not is_counted(metric):
        return average(values)
    lowest = worst(values, every=metric.every)
    return None if lowest is None else float(lowest >= 1)


def is_answered(row: Row) -> bool:
    """Tell whether there is an answer, without an error."""
    return row.diagnosis is not None and not row.error


def _read(row: Row, metric: Metric) -> float | None:
    return score(row, metric.scorer) if metric.scorer else float(is_answered(row))


def _errored(rows: Sequence[Row]) -> bool:
    return not all(map(is_answered, rows))
