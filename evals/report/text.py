"""A finished evaluation → aligned columns for a terminal. Pure.

Opens with where the numbers come from, then shows each case, then the scores with their denominators and
exact 95 % intervals, then what failed. Reasons quote lines that the product showed, and the exceptions it
raised: a report is as confidential as those.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from evals.breakdown import NO_PART, breakdown
from evals.evaluation import Evaluation
from evals.metric import Value
from evals.report.baseline import Baseline
from evals.report.glyph import flat
from evals.report.headline import headline, line
from evals.report.provenance import facts
from evals.run import Row

if TYPE_CHECKING:
    from evals.gate import GateRecord

NOT_SCORED: Final = "-"
_HEADER: Final = (
    "case", "expected", "got", "strict", "accepted", "safe: label/said", "shown", "literal", "excerpt",
    "leak", "confidence", "CPU ms",
)  # fmt: skip


def to_text(
    evaluation: Evaluation, *, baseline: Baseline | None = None, gate: "GateRecord | None" = None
) -> str:
    """Render an evaluation, and after it the comparison and the gate's record where they are given."""
    run = evaluation.run
    sections = [
        "\n".join(_align([(name, flat(value)) for name, value in facts(run)])),
        "\n".join(_align([_HEADER, *map(_row, run.rows)])),
        "\n".join(_align([_measure(value) for value in evaluation.values.values()])),
    ]
    if parts := _parts(run.rows):
        sections.append("\n".join(_align(parts)))
    if baseline is not None or gate is not None:
        sections += _others(baseline, gate)
    return "\n\n".join([*sections, "\n".join(_verdict(evaluation))]) + "\n"


def _parts(rows: Sequence[Row]) -> list[tuple[str, ...]]:
    """Set the lab's two parts side by side: what rules were tuned on, and what was only scored."""
    groups = [group for group in breakdown(rows, "part") if group.name != NO_PART]
    if len(groups) < 2:
        return []
    names = [f"{group.name}: {group.cases} cases" for group in groups]
    lines = [("of the lab", *(cell for name in names for cell in (name, "")))]
    for name, first in groups[0].values.items():
        cells = (cell for group in groups for cell in (group.values[name].amount, group.values[name].text))
        lines.append((first.metric.title, *cells))
    return lines


def _others(baseline: Baseline | None, gate: "GateRecord | None") -> Iterable[str]:
    from evals import summary  # noqa: PLC0415 (asked for by few)

    if baseline is not None:
        yield summary.to_text(baseline.comparison).rstrip("\n")
    if gate is not None:
        yield summary.gate_text(gate).rstrip("\n")


def _row(row: Row) -> tuple[str, ...]:
    label, diagnosis = row.expected, row.diagnosis
    expected = f"{label.category}/{label.failure_type}"
    got = f"{diagnosis.category}/{diagnosis.failure_type}" if diagnosis else "ERROR"
    said = _yes(diagnosis.safe_to_retry) if diagnosis else "error"
    return (
        f"{row.case_id} #{row.repeat + 1}" if row.repeat else row.case_id,
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
    score = row.scores.get(scorer)
    if score is None or score.value is None:
        return NOT_SCORED
    return good if score.value >= 1 else bad


def _yes(value: bool) -> str:  # noqa: FBT001 (the value is what is rendered)
    return "yes" if value else "no"


def _measure(value: Value) -> tuple[str, str, str, str]:
    return value.metric.title, value.amount, value.text, value.interval


def _verdict(evaluation: Evaluation) -> list[str]:
    head = headline(evaluation)
    lines = [f"{head.verdict}: {head.text}; required: {head.required}"]
    lines += [f"  {flat(line(failure))}" for failure in evaluation.failures]
    return lines + [f"  known: {flat(line(failure))}" for failure in evaluation.known]


def _align(rows: Sequence[Sequence[str]]) -> Iterable[str]:
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()
