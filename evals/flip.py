"""Two runs → the cases whose verdict differs, with both answers, the worst first. Pure.

A number says how much changed; a flip says what. A case is listed once, with every metric that changed on it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from evals.metric import METRICS, Metric
from evals.pairing import fold, is_counted
from evals.run import Expected, Row, Run

MAX_SHOWN_LINES: Final = 3
"""Evidence lines of an answer that a flip keeps; the run has all."""


class Kind(StrEnum):
    """What happened to a case, the worst first."""

    NEW_LEAK = "new leak"
    NEW_WRONG_SAFE = 'new wrong "safe"'
    BROKEN = "broken"
    REPAIRED = "repaired"


@dataclass(frozen=True, kw_only=True)
class Change:
    """A metric's verdict before and after."""

    metric: str
    title: str
    repaired: bool
    reason: str
    """Why the scorer judged the candidate so."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a run said of the case."""

    category: str
    failure_type: str
    safe_to_retry: bool | None
    """None: it gave no answer."""
    confidence: float | None
    evidence: tuple[str, ...]
    error: str


@dataclass(frozen=True, kw_only=True)
class Flip:
    """A case that changed."""

    case_id: str
    dataset: str
    cluster: str
    kind: Kind
    changes: tuple[Change, ...]
    """What broke first, in the order of the metrics."""
    expected: Expected
    before: Answer
    after: Answer


_KINDS: Final = {"leaks": Kind.NEW_LEAK, "wrong_safe": Kind.NEW_WRONG_SAFE}
_ORDER: Final = tuple(Kind)
_COUNTED: Final = tuple(filter(is_counted, METRICS))


def find_flips(baseline: Run, candidate: Run) -> tuple[Flip, ...]:
    """List the cases that both runs have and judge otherwise."""
    others = dict(candidate.by_case())
    pairs = [(rows, others[name]) for name, rows in baseline.by_case() if name in others]
    flips = [flip for before, after in pairs if (flip := _flip(before, after))]
    return tuple(sorted(flips, key=lambda flip: (_ORDER.index(flip.kind), flip.case_id)))


def _flip(before: Sequence[Row], after: Sequence[Row]) -> Flip | None:
    changed = [metric for metric in _COUNTED if _changed(before, after, metric)]
    if not changed:
        return None
    worst = min(changed, key=lambda metric: _ORDER.index(_kind(after, metric)))
    changes = sorted((_change(after, metric) for metric in changed), key=lambda change: change.repaired)
    row = before[0]
    return Flip(
        case_id=row.case_id,
        dataset=row.dataset,
        cluster=row.cluster,
        kind=_kind(after, worst),
        changes=tuple(changes),
        expected=row.expected,
        before=_answer(_telling(before, worst)),
        after=_answer(_telling(after, worst)),
    )


def _changed(before: Sequence[Row], after: Sequence[Row], metric: Metric) -> bool:
    old, new = fold(before, metric), fold(after, metric)
    return old is not None and new is not None and old != new


def _kind(after: Sequence[Row], metric: Metric) -> Kind:
    return Kind.REPAIRED if fold(after, metric) else _KINDS.get(metric.name, Kind.BROKEN)


def _change(after: Sequence[Row], metric: Metric) -> Change:
    score = _telling(after, metric).scores.get(metric.scorer)
    return Change(
        metric=metric.name,
        title=metric.title,
        repaired=bool(fold(after, metric)),
        reason=score.reason if score else "",
    )


def _telling(rows: Sequence[Row], metric: Metric) -> Row:
    """Choose the repeat that decided: the first wrong one, else the first."""
    return next((row for row in rows if _is_wrong(row, metric)), rows[0])


def _is_wrong(row: Row, metric: Metric) -> bool:
    score = row.scores.get(metric.scorer)
    return score is not None and score.value is not None and score.value < 1


def _answer(row: Row) -> Answer:
    given = row.diagnosis
    if given is None:
        return Answer(
            category="none",
            failure_type="none",
            safe_to_retry=None,
            confidence=None,
            evidence=(),
            error=row.error or "no answer",
        )
    return Answer(
        category=given.category,
        failure_type=given.failure_type,
        safe_to_retry=given.safe_to_retry,
        confidence=given.confidence,
        evidence=tuple(given.log_evidences[:MAX_SHOWN_LINES]),
        error=row.error,
    )
