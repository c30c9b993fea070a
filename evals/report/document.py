"""A finished evaluation → one JSON object for a program. Pure.

Everything that the page shows but excerpts: identity, provenance, verdict, metrics, tables, failures, the
comparison and the gate's record where they are given, and every row.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

import orjson
from pydantic import BaseModel

from evals.breakdown import By, Group, breakdown
from evals.calibration import calibration
from evals.confusion import class_scores, confusion
from evals.evaluation import Evaluation
from evals.metric import Value
from evals.report.baseline import Baseline
from evals.requirement import Failure
from evals.run import Row, Run
from evals.selection import risk_coverage

if TYPE_CHECKING:
    from evals.gate import GateRecord

GROUPINGS: Final[tuple[By, ...]] = ("origin", "dataset", "part", "category", "difficulty")


def to_json(
    evaluation: Evaluation, *, baseline: Baseline | None = None, gate: "GateRecord | None" = None
) -> str:
    """Render an evaluation; `comparison` and `gate` are null where they are not given."""
    run = evaluation.run
    report = {
        "identity": run.identity,
        "provenance": run.provenance,
        "completeness": run.completeness,
        "passed": evaluation.passed,
        "required": [str(each) for each in evaluation.required],
        "failures": [_failure(failure) for failure in evaluation.failures],
        "known": [_failure(failure) for failure in evaluation.known],
        "metrics": _values(evaluation.values),
        "tables": _tables(run),
        "comparison": baseline.comparison if baseline else None,
        "gate": gate,
        "cases": [row.model_dump(mode="json", exclude={"excerpt"}) for row in run.rows],
    }
    options = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    return orjson.dumps(report, default=_jsonable, option=options).decode()


def _tables(run: Run) -> dict[str, Any]:
    rows = run.rows
    return {
        **{by: [_group(group) for group in breakdown(rows, by)] for by in GROUPINGS},
        "confusion": list(_confusion(rows)),
        "classes": [asdict(each) for each in class_scores(rows)],
        "calibration": [asdict(each) for each in calibration(rows)],
        "risk_coverage": [asdict(each) for each in risk_coverage(rows)],
    }


def _confusion(rows: Iterable[Row]) -> Iterable[dict[str, Any]]:
    """Give the pairs that occur."""
    found = confusion(rows)
    for (label, answer), count in found.counts.items():
        if count:
            accepted = found.accepted[label, answer]
            yield {"expected": str(label), "got": answer, "count": count, "accepted": accepted}


def _group(group: Group) -> dict[str, Any]:
    return {"name": group.name, "cases": group.cases, "metrics": _values(group.values)}


def _values(values: Mapping[str, Value]) -> dict[str, dict[str, Any]]:
    return {name: _value(value) for name, value in values.items()}


def _value(value: Value) -> dict[str, Any]:
    return {
        "title": value.metric.title,
        "unit": str(value.metric.unit),
        "total": value.total,
        "count": value.hits,
        "value": value.share,
        "low": value.low,
        "high": value.high,
        "bound": value.bound,
    }


def _failure(failure: Failure) -> dict[str, str | None]:
    return {
        "case_id": failure.case_id or None,
        "requirement": str(failure.requirement),
        "reason": failure.reason,
    }


def _jsonable(value: Any) -> Any:  # noqa: ANN401 (orjson hands over whatever it does not know)
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    raise TypeError(type(value).__name__)
