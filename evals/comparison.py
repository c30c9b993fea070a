"""Two runs over the same cases → what differs, how sure that is, and which cases changed. Pure.

A difference is candidate less baseline, with the wider of two intervals (Tango's score interval over cases, a
bootstrap over clusters) and a p value; guards are adjusted together (Holm). "No difference seen" is not "no
difference": the detectable difference beside it says how large one would have had to be.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from evals.errors import ComparisonError
from evals.flip import Flip, find_flips
from evals.metric import METRICS, Count, Metric, Unit, measure
from evals.mismatch import EXCUSABLE, Kind, mismatches
from evals.pairing import Paired, is_counted, is_more_better, is_paired, pair_metric
from evals.run import Identity, Provenance, Run
from evals.statistics import Pairs, detectable_difference, holm, mcnemar, tango

ALPHA: Final = 0.05
CONFIDENCE: Final = 0.95
SEED: Final = 20260101
"""Of every resampling, so that a comparison repeats to the last digit."""
RESAMPLES: Final = 10_000
MIN_CLUSTERS: Final = 20
"""Below, intervals over clusters are too narrow (three times the nominal error was seen at 10)."""
_NOTHING: Final = Paired(cases=(), clusters=(), before=(), after=())
_CHANGES: Final = ("analyst", "model_id", "prompt_version", "prompt_sha256", "sampling")
_SHA256_CHARS: Final = 64
_SHOWN_CHARS: Final = 12


class Finding(StrEnum):
    """What a difference says."""

    BETTER = "better"
    WORSE = "worse"
    SAME = "no difference seen"
    NONE = "not compared"


@dataclass(frozen=True, kw_only=True)
class Span:
    """An interval of differences."""

    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One metric in both runs, over the cases that both were judged on."""

    metric: str
    title: str
    unit: Unit
    counted: bool
    """A share of cases, 0 to 1; otherwise a mean, or another number of all cases."""
    more_is_better: bool
    guard: bool
    cases: int
    clusters: int
    baseline: float | None = None
    candidate: float | None = None
    difference: float | None = None
    won: int | None = None
    """Cases that the candidate alone has right; None for a mean."""
    lost: int | None = None
    """Cases that the baseline alone has right; None for a mean."""
    tango: Span | None = None
    cluster: Span | None = None
    interval: Span | None = None
    """The lower of the two lows to the higher of the two highs, 95 %."""
    p: float | None = None
    """Two-sided: McNemar's exact test for shares, a sign-flipping test over clusters for means."""
    p_holm: float | None = None
    """Adjusted over the guards; None for what is no guard."""
    detectable: float | None = None
    """The smallest difference seen with a chance of 80 % at this number of cases; None for a mean."""
    finding: Finding = Finding.NONE


@dataclass(frozen=True, kw_only=True)
class Side:
    """Which run it was."""

    identity: Identity
    provenance: Provenance


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Everything a reader of the comparison needs."""

    baseline: Side
    candidate: Side
    changed: tuple[str, ...]
    """What was meant to differ: analyst, model, prompt, sampling; with both values."""
    caveats: tuple[str, ...]
    """What should have been the same and was not, and what weakens every number."""
    cases: int
    clusters: int
    differences: tuple[Difference, ...]
    flips: tuple[Flip, ...]


def compare(
    baseline: Run, candidate: Run, *, guards: Collection[str] = (), allow: Collection[Kind] = ()
) -> Comparison:
    """Compare two runs.

    Args:
        baseline: what is there.
        candidate: what wants to replace it.
        guards: metrics whose p values are adjusted together.
        allow: what may differ all the same, for exploring; each becomes a caveat.

    Raises:
        ComparisonError: the runs can't be compared; the message names both values and the next step.
    """
    caveats = _check(baseline, candidate, allow)
    differences = [
        _difference(baseline, candidate, metric, guard=metric.name in guards) for metric in METRICS
    ]
    cases = {row.case_id: row.cluster for row in baseline.rows}
    clusters = len(set(cases.values()))
    if clusters < MIN_CLUSTERS:
        caveats.append(f"only {clusters} clusters: below {MIN_CLUSTERS} the intervals are too narrow")
    return Comparison(
        baseline=Side(identity=baseline.identity, provenance=baseline.provenance),
        candidate=Side(identity=candidate.identity, provenance=candidate.provenance),
        changed=_changes(baseline.identity, candidate.identity),
        caveats=tuple(caveats),
        cases=len(cases),
        clusters=clusters,
        differences=_judged(differences),
        flips=find_flips(baseline, candidate),
    )


def _check(baseline: Run, candidate: Run, allow: Collection[Kind]) -> list[str]:
    for side, run in (("baseline", baseline), ("candidate", candidate)):
        if not run.rows:
            name = run.provenance.run_id
            raise ComparisonError(f"nothing to compare: the {side} {name} has no rows; run the cases first")
    found = mismatches(baseline, candidate)
    excused = set(allow) & EXCUSABLE
    if refused := [each for each in found if each.kind not in excused]:
        kinds = sorted({each.kind.value for each in refused})
        hint = f"; to look all the same: --allow {','.join(kinds)}" if set(kinds) <= EXCUSABLE else ""
        raise ComparisonError("the runs differ in " + "; ".join(each.text for each in refused) + hint)
    return [f"compared all the same: {each.text}" for each in found]


def _changes(old: Identity, new: Identity) -> tuple[str, ...]:
    pairs = ((name, getattr(old, name), getattr(new, name)) for name in _CHANGES)
    return tuple(f"{name}: {_shown(was)} → {_shown(now)}" for name, was, now in pairs if was != now)


def _shown(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key}={_shown(item)}" for key, item in sorted(value.items())) or "none"
    text = "none" if value is None else str(value)
    return text[:_SHOWN_CHARS] if len(text) == _SHA256_CHARS else text


def _difference(baseline: Run, candidate: Run, metric: Metric, *, guard: bool) -> Difference:
    paired = pair_metric(baseline, candidate, metric) if is_paired(metric) else _NOTHING
    empty = Difference(
        metric=metric.name,
        title=metric.title,
        unit=metric.unit,
        counted=is_counted(metric),
        more_is_better=is_more_better(metric),
        guard=guard,
        cases=paired.total,
        clusters=paired.spread,
    )
    if not paired.total:
        return _unpaired(empty, baseline, candidate, metric)
    if not empty.counted:
        return _mean(empty, paired)
    measured = _counted(empty, paired)
    return _inverted(measured, paired) if metric.count is Count.MISSES else measured


def _unpaired(empty: Difference, baseline: Run, candidate: Run, metric: Metric) -> Difference:
    """Show both numbers of what can't be compared case by case."""
    old, new = (measure(run.rows, [metric])[metric.name].share for run in (baseline, candidate))
    gap = None if old is None or new is None else new - old
    return replace(empty, baseline=old, candidate=new, difference=gap)


def _counted(empty: Difference, paired: Paired) -> Difference:
    pairs = Pairs(total=paired.total, better=paired.won, worse=paired.lost)
    score = tango(pairs, confidence=CONFIDENCE)
    low_high = Span(low=score.low, high=score.high)
    cluster = _cluster_span(paired)
    return replace(
        _levels(empty, paired),
        won=paired.won,
        lost=paired.lost,
        tango=low_high,
        cluster=cluster,
        interval=_hull(low_high, cluster),
        p=mcnemar(pairs, alternative="two-sided"),
        # Runs that never disagree: one case, the least that could have been seen.
        detectable=detectable_difference(paired.total, max(pairs.discordant, 1) / paired.total),
    )


def _mean(empty: Difference, paired: Paired) -> Difference:
    from evals.permutation import sign_flip  # noqa: PLC0415 (numpy stays out of the command line's start)

    cluster = _cluster_span(paired)
    p = sign_flip(paired.differences, paired.clusters, resamples=RESAMPLES, seed=SEED)
    return replace(_levels(empty, paired), cluster=cluster, interval=cluster, p=p)


def _levels(empty: Difference, paired: Paired) -> Difference:
    return replace(
        empty,
        baseline=math.fsum(paired.before) / paired.total,
        candidate=math.fsum(paired.after) / paired.total,
        difference=math.fsum(paired.differences) / paired.total,
    )


def _cluster_span(paired: Paired) -> Span | None:
    """Resample clusters; one cluster says nothing about others."""
    from evals.statistics.bootstrap import cluster_bootstrap  # noqa: PLC0415 (scipy takes a second)

    if paired.spread < 2:
        return None
    found = cluster_bootstrap(
        paired.differences, paired.clusters, confidence=CONFIDENCE, resamples=RESAMPLES, seed=SEED
    )
    return Span(low=found.low, high=found.high)


def _hull(first: Span, second: Span | None) -> Span:
    if second is None:
        return first
    return Span(low=min(first.low, second.low), high=max(first.high, second.high))


def _inverted(measured: Difference, paired: Paired) -> Difference:
    """Turn shares of right cases into shares of what must not happen."""
    return replace(
        measured,
        baseline=paired.before.count(0.0) / paired.total,
        candidate=paired.after.count(0.0) / paired.total,
        difference=(paired.lost - paired.won) / paired.total,
        tango=_negative(measured.tango),
        cluster=_negative(measured.cluster),
        interval=_negative(measured.interval),
    )


def _negative(span: Span | None) -> Span | None:
    return None if span is None else Span(low=-span.high, high=-span.low)


def _judged(differences: Sequence[Difference]) -> tuple[Difference, ...]:
    guarded = {each.metric: each.p for each in differences if each.guard and each.p is not None}
    adjusted = holm(guarded)
    told = (replace(each, p_holm=adjusted.get(each.metric)) for each in differences)
    return tuple(replace(each, finding=_finding(each)) for each in told)


def _finding(each: Difference) -> Finding:
    """Say in words what interval and p value say together; where they disagree, nothing is seen."""
    p = each.p if each.p_holm is None else each.p_holm
    if each.interval is None or each.difference is None or p is None:
        return Finding.NONE
    if p > ALPHA or each.interval.low <= 0 <= each.interval.high:
        return Finding.SAME
    return Finding.BETTER if (each.difference > 0) is each.more_is_better else Finding.WORSE
