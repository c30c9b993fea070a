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
from evals.metric import Value
from evals.requirement import Failure
from evals.run import Row, Run

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
        "\n".join(_provenance(evaluation.run)),
        "\n".join(_align([HEADER, *map(_row, evaluation.run.rows)])),
        "\n".join(_align([_measure(value) for value in evaluation.values.values()])),
        "\n".join(_verdict(evaluation)),
    ]
    return "\n\n".join(sections) + "\n"


def to_markdown(evaluation: Evaluation) -> str:
    """Render a page with tables."""
    scores = [_measure(value) for value in evaluation.values.values()]
    sections = [
        "# Evaluation",
        "\n".join(f"- {line}" for line in _provenance(evaluation.run)),
        "## Cases",
        _table(HEADER, [_row(row) for row in evaluation.run.rows]),
        "## Scores",
        _table(("score", "count", "value", "exact 95 % interval"), scores),
        "## Verdict",
        "\n".join(f"- {line.strip()}" for line in _verdict(evaluation)),
    ]
    return "\n\n".join(sections) + "\n"


def to_json(evaluation: Evaluation) -> str:
    """Render one JSON object: provenance, passed, failures, metrics, cases."""
    run = evaluation.run
    report = {
        "identity": run.identity.model_dump(mode="json"),
        "provenance": run.provenance.model_dump(mode="json"),
        "completeness": run.completeness,
        "passed": evaluation.passed,
        "required": evaluation.required,
        "failures": [_failure_object(failure) for failure in evaluation.failures],
        "known": [_failure_object(failure) for failure in evaluation.known],
        "metrics": {name: _value_object(value) for name, value in evaluation.values.items()},
        "cases": [row.model_dump(mode="json", exclude={"excerpt"}) for row in run.rows],
    }
    return json.dumps(report, indent=2, ensure_ascii=False) + "\n"


FORMATS: Final[Mapping[str, Callable[[Evaluation], str]]] = MappingProxyType(
    {"text": to_text, "json": to_json, "markdown": to_markdown}
)


def _provenance(run: Run) -> list[str]:
    source, identity = run.provenance, run.identity
    lines = [
        f"{len(run.rows)} of {identity.planned} answers, {source.date:%Y-%m-%d %H:%M} UTC, "
        f"commit {source.commit}, Python {source.python}"
    ]
    lines += [f"dataset {item.name}: {item.cases} cases, sha256 {item.sha256}" for item in identity.datasets]
    prompt = "no prompt"
    if identity.prompt_version:
        prompt = f"prompt {identity.prompt_version} {identity.prompt_sha256}"
    cost = sum(row.diagnosis.cost_usd or 0.0 for row in run.rows if row.diagnosis)
    lines.append(f"analyst {identity.analyst}; {prompt}; cost {cost:.4f} USD")
    return lines


def _row(row: Row) -> tuple[str, ...]:
    label, diagnosis = row.expected, row.diagnosis
    expected = f"{label.category}/{label.failure_type}"
    got = f"{diagnosis.category}/{diagnosis.failure_type}" if diagnosis else "ERROR"
    said = _yes(diagnosis.safe_to_retry) if diagnosis else "error"
    return (
        row.case_id,
        expected,
        "=" if got == expected else got,
        _mark(row, "category"),
        _mark(row, "acceptance"),
        f"{_yes(label.safe_to_retry)}/{said}",
        _mark(row, "evidence"),
        _mark(row, "grounding"),
        _mark(row, "excerpt"),
        _mark(row, "leak", good="none", bad="LEAK"),
        f"{diagnosis.confidence:.2f}" if diagnosis else NOT_SCORED,
        f"{row.timing.cpu_ms:.0f}",
    )


def _mark(row: Row, scorer: str, *, good: str = "yes", bad: str = "NO") -> str:
    value = row.scores[scorer].value
    if value is None:
        return NOT_SCORED
    return good if value >= 1 else bad


def _yes(value: bool) -> str:  # noqa: FBT001 (the value is what is rendered)
    return "yes" if value else "no"


def _measure(value: Value) -> tuple[str, str, str, str]:
    return value.metric.title, value.amount, value.text, value.interval


def _verdict(evaluation: Evaluation) -> list[str]:
    required = ", ".join(evaluation.required) or "no error"
    known = [f"  known: {_failure_line(failure)}" for failure in evaluation.known]
    if evaluation.passed:
        return [f"PASSED: {required}", *known]
    failed = {failure.case_id for failure in evaluation.failures if failure.case_id}
    head = f"FAILED: {len(failed)} of {evaluation.run.identity.cases} cases; required: {required}"
    return [head, *(f"  {_failure_line(failure)}" for failure in evaluation.failures), *known]


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
