"""Rows of a run, made of the few values that a number depends on."""

from datetime import UTC, datetime
from typing import Any

from diagnose.diagnosis import Diagnosis, Status
from diagnose.taxonomy import FACTS, Category, FailureType
from diagnose.verdict import refuse
from evals.run import Expected, Row, Timing
from evals.score import Score

TYPES = {facts.category: failure_type for failure_type, facts in reversed(FACTS.items())}
BASE = refuse(Status.IGNORED, "", cluster_id="j-1", step_id="s-1", moment=datetime(2026, 1, 1, tzinfo=UTC))


def payload(**values: Any) -> Diagnosis:
    kind = FailureType(values.pop("failure_type", TYPES[Category(values.pop("category", "UNKNOWN"))]))
    told = {"status": Status.DIAGNOSED, "failure_type": kind, "category": FACTS[kind].category, **values}
    return BASE.model_copy(update=told)


def row(
    case_id: str = "a",
    *,
    repeat: int = 0,
    expected: str = "UNKNOWN",
    accept: tuple[str, ...] = (),
    got: str | None = "UNKNOWN",
    confidence: float = 0.9,
    scores: dict[str, float | None] | None = None,
    wall_ms: float = 0.0,
    cpu_ms: float = 0.0,
    **place: str,
) -> Row:
    """One row; `got=None` is an errored one."""
    return Row(
        case_id=case_id,
        repeat=repeat,
        dataset=place.get("dataset", "lab"),
        cluster=place.get("cluster", case_id),
        origin=place.get("origin", "lab"),
        difficulty=place.get("difficulty", "easy"),
        case_sha256="0" * 64,
        expected=Expected(
            category=Category(expected),
            accept=tuple(map(Category, accept)),
            failure_type=TYPES[Category(expected)],
            safe_to_retry=False,
        ),
        diagnosis=None if got is None else payload(category=got, confidence=confidence),
        error="boom" if got is None else "",
        scores={name: Score(value=value, reason="") for name, value in (scores or {}).items()},
        timing=Timing(wall_ms=wall_ms, cpu_ms=cpu_ms),
    )
