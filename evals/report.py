"""A finished evaluation → text for a terminal, Markdown for a page, or JSON for a program. Pure.

Every form opens with where the numbers come from, then shows each case, then the scores with their
denominators and exact 95 % intervals, then what failed. Reasons quote lines that the product showed, and the
exceptions it raised: a report is as confidential as those.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from evals.evaluation import Evaluation
from evals.metric import Count, Value
from evals.requirement import Failure
from evals.result import Result

NOT_SCORED: Final = "-"

HEADER: Final = (
    "case",
    "expected",
    "got",
    "strict",
    "accepted",
    "safe: label/said",
    "shown",
    "literal",
    "excerpt",
    "leak",
    "confidence",
    "CPU ms",
)


def to_text(evaluation: Evaluation) -> str:
    """Render aligned columns for a terminal."""
    sections = [
        "\n".join(_provenance(evaluation)),
        "\n".join(_align([HEADER, *map(_row, evaluation.results)])),
        "\n".join(_align([_measure(value) for value in evaluation.values.values()])),
        "\n".join(_verdict(evaluation)),
    ]
    return "\n\n".join(sections) + "\n"


def to_markdown(evaluation: Evaluation) -> str:
    """Render a page with tables."""
    scores = [_measure(value) for value in evaluation.values.values()]
    sections = [
        "# Evaluation",
        "\n".join(f"- {line}" for line in _provenance(evaluation)),
        "## Cases",
        _table(HEADER, [_row(result) for result in evaluation.results]),
        "## Scores",
        _table(("score", "count", "value", "exact 95 % interval"), scores),
        "## Verdict",
        "\n".join(f"- {line.strip()}" for line in _verdict(evaluation)),
    ]
    return "\n\n".join(sections) + "\n"


def to_json(evaluation: Evaluation) -> str:
    """Render one JSON object: provenance, passed, failures, metrics, cases."""
    source = evaluation.provenance
    report = {
        "provenance": {
            "date": source.date.isoformat(),
            "commit": source.commit,
            "python": source.python,
            "datasets": [{"name": n, "cases": c, "sha256": s} for n, c, s in source.datasets],
            "analysts": source.analysts,
            "prompts": source.prompts,
            "cost_usd": source.cost_usd,
        },
        "passed": evaluation.passed,
        "required": evaluation.required,
        "failures": [_failure_object(failure) for failure in evaluation.failures],
        "metrics": {name: _value_object(value) for name, value in evaluation.values.items()},
        "cases": [_result_object(result) for result in evaluation.results],
    }
    return json.dumps(report, indent=2, ensure_ascii=False) + "\n"


FORMATS: Final[Mapping[str, Callable[[Evaluation], str]]] = MappingProxyType(
    {"text": to_text, "json": to_json, "markdown": to_markdown}
)


def _provenance(evaluation: Evaluation) -> list[str]:
    source = evaluation.provenance
    total = len(evaluation.results)
    lines = [
        f"{total} cases, {source.date:%Y-%m-%d %H:%M} UTC, commit {source.commit}, Python {source.python}"
    ]
    lines += [f"dataset {name}: {count} cases, sha256 {sha256}" for name, count, sha256 in source.datasets]
    analysts = ", ".join(source.analysts) or "none answered"
    prompts = ", ".join(source.prompts) or "no prompt"
    lines.append(f"analyst {analysts}; {prompts}; cost {source.cost_usd:.4f} USD")
    return lines


def _row(result: Result) -> tuple[str, ...]:
    label, diagnosis = result.case.metadata, result.outcome.diagnosis
    expected = f"{label.category}/{label.failure_type}"
    got = f"{diagnosis.category}/{diagnosis.failure_type}" if diagnosis else "ERROR"
    said = _yes(diagnosis.safe_to_retry) if diagnosis else "error"
    return (
        result.case.id,
        expected,
        "=" if got == expected else got,
        _mark(result, "category"),
        _mark(result, "acceptance"),
        f"{_yes(label.safe_to_retry)}/{said}",
        _mark(result, "evidence"),
        _mark(result, "grounding"),
        _mark(result, "excerpt"),
        _mark(result, "leak", good="none", bad="LEAK"),
        f"{diagnosis.confidence:.2f}" if diagnosis else NOT_SCORED,
        f"{result.outcome.cpu_ms:.0f}",
    )


def _mark(result: Result, scorer: str, *, good: str = "yes", bad: str = "NO") -> str:
    value = result.scores[scorer].value
    if value is None:
        return NOT_SCORED
    return good if value >= 1 else bad


def _yes(value: bool) -> str:  # noqa: FBT001 (the value is what is rendered)
    return "yes" if value else "no"


def _measure(value: Value) -> tuple[str, str, str, str]:
    title = value.metric.title
    if value.share is None:
        return title, "0/0", "not scored", ""
    if value.metric.count is Count.MEAN:
        return title, f"n={value.total}", f"{value.share:.3f}", ""
    return title, f"{value.hits}/{value.total}", f"{value.share:.3f}", f"[{value.low:.3f}, {value.high:.3f}]"


def _verdict(evaluation: Evaluation) -> list[str]:
    required = ", ".join(evaluation.required) or "no error"
    if evaluation.passed:
        return [f"PASSED: {required}"]
    failed = {failure.case_id for failure in evaluation.failures if failure.case_id}
    head = f"FAILED: {len(failed)} of {len(evaluation.results)} cases; required: {required}"
    return [head, *(f"  {_failure_line(failure)}" for failure in evaluation.failures)]


def _failure_line(failure: Failure) -> str:
    return f"{failure.case_id or 'all cases'}: {failure.requirement}: {failure.reason}"


def _align(rows: Sequence[Sequence[str]]) -> Iterable[str]:
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _failure_object(failure: Failure) -> dict[str, str | None]:
    return {
        "case_id": failure.case_id or None,
        "requirement": failure.requirement,
        "reason": failure.reason,
    }


def _value_object(value: Value) -> dict[str, Any]:
    return {
        "title": value.metric.title,
        "total": value.total,
        "count": value.hits,
        "value": value.share,
        "low": value.low,
        "high": value.high,
    }


def _result_object(result: Result) -> dict[str, Any]:
    label, diagnosis = result.case.metadata, result.outcome.diagnosis
    said = diagnosis.model_dump(mode="json", include=_SAID) if diagnosis else None
    return {
        "case_id": result.case.id,
        "cluster": label.cluster,
        "sha256": label.sha256,
        "expected": label.model_dump(
            mode="json", include={"category", "accept", "failure_type", "safe_to_retry"}
        ),
        "got": said,
        "error": result.outcome.error or None,
        "cpu_ms": round(result.outcome.cpu_ms, 1),
        "scores": {
            name: {"value": score.value, "reason": score.reason} for name, score in result.scores.items()
        },
    }


_SAID: Final = {
    "category",
    "failure_type",
    "safe_to_retry",
    "confidence",
    "status",
    "analyst",
    "log_evidences",
}
