"""A comparison or a gate record → text for a terminal, Markdown for a pull request, JSON for a program. Pure.

Markdown goes where others read it, with words that come from logs in it: these stand in code spans, all else
is escaped (`evals.report.markup`).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import orjson
from pydantic import BaseModel

from evals.comparison import Comparison, Difference, Side, Span
from evals.criterion import Check, Verdict
from evals.flip import Answer, Flip
from evals.gate import GateRecord, RunId
from evals.metric import Unit
from evals.report.glyph import flat
from evals.report.markup import code, plain, table

MAX_FLIPS: Final = 30
"""Changed cases that Markdown shows: a comment on a pull request holds 65,536 characters. JSON has all."""
MAX_SHOWN_CHARS: Final = 160
"""Of a log line in a table; the run has the whole."""

NONE: Final = "-"
_HEADER: Final = (
    "metric", "cases", "baseline", "candidate", "difference", "95 % interval", "p", "p (Holm)", "detectable",
    "finding",
)  # fmt: skip
_MARKS: Final = {Verdict.PASS: "✅", Verdict.FAIL: "❌", Verdict.INCONCLUSIVE: "❔"}


def to_text(comparison: Comparison) -> str:
    """Render a comparison in aligned columns."""
    rows = [_HEADER, *map(_row, _shown(comparison.differences))]
    flips = [line for flip in comparison.flips for line in _flip_lines(flip)]
    sections = [
        "\n".join(_head(comparison)),
        "\n".join(_align(rows)),
        "\n".join([f"{len(comparison.flips)} cases changed", *flips]),
    ]
    return "\n\n".join(sections) + "\n"


def to_markdown(comparison: Comparison) -> str:
    """Render a comparison as a page with tables."""
    shown = comparison.flips[:MAX_FLIPS]
    rows = [tuple(map(plain, _row(each))) for each in _shown(comparison.differences)]
    sections = [
        "# Comparison",
        "\n".join(f"- {plain(line)}" for line in _head(comparison)),
        "## Metrics",
        table(_HEADER, rows),
        f"## Changed cases: {len(comparison.flips)}",
    ]
    if shown:
        sections.append(table(("case", "what", "label", "baseline", "candidate"), map(_flip_row, shown)))
    if left := len(comparison.flips) - len(shown):
        sections.append(f"{left} more: `evals compare … --format json`")
    return "\n\n".join(sections) + "\n"


def to_json(comparison: Comparison) -> str:
    """Render a comparison as one JSON object, every changed case in it."""
    return orjson.dumps(
        comparison, default=_jsonable, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    ).decode()


FORMATS: Final[Mapping[str, Callable[[Comparison], str]]] = MappingProxyType(
    {"text": to_text, "json": to_json, "markdown": to_markdown}
)


def gate_text(record: GateRecord) -> str:
    """Render a gate record for a terminal."""
    rows = [
        ("verdict", "check", "reason"),
        *((c.verdict.value, c.name, flat(c.reason) + _more(c)) for c in record.checks),
    ]
    failed = [f"  {each.case_id}: {flat(each.reason)}" for check in record.checks for each in check.failed]
    sections = ["\n".join(_gate_head(record)), "\n".join(_align(rows))]
    if failed:
        sections.append("\n".join(["cases that broke a limit:", *failed]))
    return "\n\n".join([*sections, _conclusion(record)]) + "\n"


def gate_markdown(record: GateRecord) -> str:
    """Render a gate record as a section for a page or a CI step's summary."""
    rows = [
        (
            f"{_MARKS[check.verdict]} {check.verdict}",
            plain(check.name),
            *(
                NONE if value is None else f"{value:.4g}"
                for value in (check.measured, check.bound, check.limit)
            ),
            plain(check.reason + _more(check)),
        )
        for check in record.checks
    ]
    sections = [
        f"## {_MARKS[record.verdict]} Gate: {plain(_conclusion(record))}",
        "\n".join(f"- {plain(line)}" for line in _gate_head(record)),
        table(("verdict", "check", "measured", "bound", "limit", "reason"), rows),
    ]
    broken = [(plain(c.name), _code(f.case_id), _code(f.reason)) for c in record.checks for f in c.failed]
    if broken:
        sections += ["### Cases that broke a limit", table(("check", "case", "reason"), broken)]
    return "\n\n".join(sections) + "\n"


def _head(comparison: Comparison) -> list[str]:
    lines = [_side("baseline", comparison.baseline), _side("candidate", comparison.candidate)]
    lines.append(f"{comparison.cases} cases in {comparison.clusters} clusters")
    lines += [f"differs: {change}" for change in comparison.changed]
    lines += [f"caution: {flat(caveat)}" for caveat in comparison.caveats]
    return lines


def _side(name: str, side: Side) -> str:
    run, identity = side.provenance, side.identity
    prompt = f", prompt {identity.prompt_version}" if identity.prompt_version else ""
    who = f"{identity.analyst}{prompt}"
    return f"{name}: run {run.run_id}, {who}, {run.date:%Y-%m-%d %H:%M} UTC, commit {run.commit[:12]}"


def _shown(differences: Sequence[Difference]) -> Iterable[Difference]:
    """Leave out what neither run has a number for."""
    return (each for each in differences if each.baseline is not None or each.candidate is not None)


def _row(each: Difference) -> tuple[str, ...]:
    return (
        f"{each.title} (guard)" if each.guard else each.title,
        str(each.cases) if each.cases else NONE,
        _number(each.baseline, each),
        _number(each.candidate, each),
        _number(each.difference, each, sign="+"),
        _interval(each.interval, each),
        _chance(each.p),
        _chance(each.p_holm),
        NONE if each.detectable is None else f"{100 * each.detectable:.1f} pp",
        each.finding.value,
    )


def _number(value: float | None, each: Difference, *, sign: str = "") -> str:
    if value is None:
        return NONE
    if each.counted:
        return f"{100 * value:{sign}.1f} {'pp' if sign else '%'}"
    digits = {Unit.SHARE: ".3f", Unit.TOKENS: ",.0f", Unit.USD: ".4f", Unit.MILLISECONDS: ",.1f"}[each.unit]
    unit = "" if each.unit is Unit.SHARE else f" {each.unit}"
    return f"{value:{sign}{digits}}{unit}"


def _interval(span: Span | None, each: Difference) -> str:
    if span is None:
        return NONE
    return f"[{_number(span.low, each, sign='+')}, {_number(span.high, each, sign='+')}]"


def _chance(p: float | None) -> str:
    if p is None:
        return NONE
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def _flip_lines(flip: Flip) -> list[str]:
    lines = [f"  {flip.case_id} ({flip.dataset}): {_changes(flip)}; label {_label(flip)}"]
    for side, answer in (("baseline", flip.before), ("candidate", flip.after)):
        lines.append(f"    {side}: {_answer(answer)}")
        lines += [f"      | {flat(line)}" for line in answer.evidence]
    return lines


def _flip_row(flip: Flip) -> tuple[str, ...]:
    sides = (plain(_answer(each)) + _first_line(each) for each in (flip.before, flip.after))
    return (_code(flip.case_id), plain(_changes(flip)), plain(_label(flip)), *sides)


def _first_line(answer: Answer) -> str:
    return f" {_code(answer.evidence[0])}" if answer.evidence else ""


def _changes(flip: Flip) -> str:
    broken = ", ".join(change.metric for change in flip.changes if not change.repaired)
    repaired = ", ".join(change.metric for change in flip.changes if change.repaired)
    told = (f"{word}: {names}" for word, names in (("broken", broken), ("repaired", repaired)) if names)
    return f"{flip.kind} [{'; '.join(told)}]"


def _label(flip: Flip) -> str:
    expected = flip.expected
    return f"{expected.category}/{expected.failure_type}, {_safe(expected.safe_to_retry)}"


def _answer(answer: Answer) -> str:
    if answer.safe_to_retry is None:
        return f"no answer: {flat(answer.error)}"
    said = f"{answer.category}/{answer.failure_type}, {_safe(answer.safe_to_retry)}"
    return f"{said}, confidence {answer.confidence:.2f}"


def _safe(value: bool) -> str:  # noqa: FBT001 (the value is what is rendered)
    return "safe" if value else "not safe"


def _gate_head(record: GateRecord) -> list[str]:
    lines = [_run("candidate", record.candidate)]
    lines.append(_run("baseline", record.baseline) if record.baseline else "baseline: none")
    before = record.production
    lines.append(f"in production: {before.version}, gate {before.gate}" if before else "in production: none")
    lines.append(f"policy sha256 {record.policy_sha256[:12]}, judged {record.date:%Y-%m-%d %H:%M} UTC")
    return lines


def _run(side: str, run: RunId) -> str:
    prompt = f", prompt {run.prompt_version} {(run.prompt_sha256 or '')[:12]}" if run.prompt_version else ""
    return f"{side}: run {run.run_id}, {run.analyst}{prompt}, {run.cases} cases, sha256 {run.sha256[:12]}"


def _conclusion(record: GateRecord) -> str:
    bad = [check.name for check in record.checks if check.verdict is record.verdict]
    if record.verdict is Verdict.PASS:
        return f"PASS: all {len(record.checks)} checks hold"
    more = record.more_cases if record.verdict is Verdict.INCONCLUSIVE else None
    wanted = f"; about {more} more cases are needed" if more else ""
    return f"{record.verdict}: {', '.join(bad)}{wanted}"


def _more(check: Check) -> str:
    return f"; about {check.more_cases} more cases needed" if check.more_cases else ""


def _align(rows: Sequence[Sequence[str]]) -> Iterable[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _code(text: str) -> str:
    return code(text, limit=MAX_SHOWN_CHARS)


def _jsonable(value: Any) -> Any:  # noqa: ANN401 (orjson hands over whatever it does not know)
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    raise TypeError(type(value).__name__)
