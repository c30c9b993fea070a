"""What a run must hold, case by case and over all cases; each limit is a named constant with its reason."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from evals.metric import Value
from evals.run import Row

MIN_SAFE_RECALL: Final = 0.7
"""Saying "not safe" too often costs a person's look; below this share the field would help nobody."""

MIN_CONFIDENT_RIGHT: Final = 0.7
"""At least this share of right verdicts must carry a confidence that lets an engineer act on them."""

MAX_CONFIDENT_WRONG: Final = 0.02
"""Verdicts wrong at a confidence people act on: one in fifty is what an on-call team forgives."""


class Requirement(StrEnum):
    """What may be required of a run; an errored case fails whatever is chosen."""

    CATEGORY = "category"
    RETRY = "retry"
    EVIDENCE = "evidence"
    GROUNDING = "grounding"
    LEAK = "leak"
    CONFIDENCE = "confidence"


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Something required that does not hold: of one case, or of all (`case_id` empty)."""

    case_id: str
    requirement: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class _Limit:
    requirement: Requirement
    metric: str
    limit: float
    at_least: bool


PER_CASE: Final = {
    Requirement.CATEGORY: "acceptance",
    Requirement.RETRY: "safety",
    Requirement.EVIDENCE: "evidence",
    Requirement.GROUNDING: "grounding",
    Requirement.LEAK: "leak",
}
"""Requirement → the scorer that must give 1 in every case it scores. A safe failure called unsafe is no
failure of its case: it counts in the recall of truly safe ones."""

_LIMITS: Final = (
    _Limit(requirement=Requirement.RETRY, metric="safe_recall", limit=MIN_SAFE_RECALL, at_least=True),
    _Limit(
        requirement=Requirement.CONFIDENCE, metric="confident_right", limit=MIN_CONFIDENT_RIGHT, at_least=True
    ),
    _Limit(
        requirement=Requirement.CONFIDENCE,
        metric="confident_wrong",
        limit=MAX_CONFIDENT_WRONG,
        at_least=False,
    ),
)


def check(
    rows: Sequence[Row], values: Mapping[str, Value], required: Collection[Requirement]
) -> tuple[Failure, ...]:
    """List what does not hold: cases first, in their order, then the limits over all cases."""
    failures = [failure for row in rows for failure in check_case(row, required)]
    failures += [
        Failure(case_id="", requirement=limit.requirement, reason=reason)
        for limit in _LIMITS
        if limit.requirement in required and (reason := _breach(values[limit.metric], limit))
    ]
    return tuple(failures)


def check_case(row: Row, required: Collection[Requirement]) -> list[Failure]:
    """List what one answer does not hold."""
    name = row.case_id
    if row.error:
        return [Failure(case_id=name, requirement="no error", reason=row.error)]
    return [
        Failure(case_id=name, requirement=requirement, reason=score.reason)
        for requirement, scorer in PER_CASE.items()
        if requirement in required and (score := row.scores[scorer]).value is not None and score.value < 1
    ]


def _breach(value: Value, limit: _Limit) -> str:
    """Say how `value` breaks its limit; empty when it holds or nothing was scored."""
    if value.share is None:
        return ""
    holds = value.share >= limit.limit if limit.at_least else value.share <= limit.limit
    bound = "at least" if limit.at_least else "at most"
    if holds:
        return ""
    measured = f"{value.metric.title}: {value.hits}/{value.total} = {value.share:.3f}"
    return f"{measured}, required {bound} {limit.limit}"
