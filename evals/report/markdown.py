"""A finished evaluation → Markdown for a pull request: verdict, provenance, scores, changes, failures. Pure.

A comment there holds 65,536 characters. What does not fit is left out by whole cases, and counted.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from evals.evaluation import Evaluation
from evals.report.baseline import Baseline
from evals.report.card import MAIN, Card, make_cards
from evals.report.headline import headline, line
from evals.report.markup import block, code, details, plain, table
from evals.report.provenance import facts
from evals.report.sheet import Pair, Sheet, make_pairs, make_sheets
from evals.run import Row

if TYPE_CHECKING:
    from evals.gate import GateRecord

MAX_CHARS: Final = 60_000
"""Below the 65,536 of a comment on GitHub, with room for what a workflow puts around it."""
MAX_HEAD_CHARS: Final = 30_000
"""Of everything that is not a case; the rest is for cases."""
_LEFT_OUT_CHARS: Final = 200
"""Kept free for the sentence that counts what is left out."""
MAX_LINES: Final = 2
"""Evidence of each answer to a changed case."""
MAX_PASSAGES: Final = 3
"""Places in the logs that a failed case is shown with."""
_NONE: Final = "-"
_MARKS: Final = {True: "✅", False: "❌"}


def to_markdown(
    evaluation: Evaluation, *, baseline: Baseline | None = None, gate: "GateRecord | None" = None
) -> str:
    """Render an evaluation in at most `MAX_CHARS` characters."""
    head = "\n\n".join(_head(evaluation, baseline, gate)) + "\n"
    if len(head) > MAX_HEAD_CHARS:
        head = head[:MAX_HEAD_CHARS].rsplit("\n", 1)[0] + "\n\nMore is in the page and in the JSON.\n"
    flips = baseline.comparison.flips if baseline else ()
    sheets = make_sheets(evaluation, flips)
    wrong = [sheet for sheet in sheets if sheet.failures]
    known = [sheet for sheet in sheets if sheet.known and not sheet.failures]
    pairs = make_pairs(flips, baseline.run, sheets) if baseline else ()
    parts = [head]
    for title, bodies in (
        ("Failures", [_case(sheet) for sheet in wrong]),
        ("Changed cases", [_pair(pair) for pair in pairs]),
        ("Known misses", [_case(sheet) for sheet in known]),
    ):
        parts += _section(title, bodies, MAX_CHARS - sum(map(len, parts)))
    return "".join(parts)


def _head(evaluation: Evaluation, baseline: Baseline | None, gate: "GateRecord | None") -> Iterator[str]:
    head = headline(evaluation)
    yield f"# {_MARKS[head.passed]} Evaluation {head.verdict}: {plain(head.text)}"
    yield "\n".join(f"- {plain(name)}: {_fact(value)}" for name, value in facts(evaluation.run))
    yield f"Required: {plain(head.required)}"
    if limits := [failure for failure in evaluation.failures if not failure.case_id]:
        yield "\n".join(f"- ❌ {plain(line(failure))}" for failure in limits)
    if gate is not None:
        from evals.summary import gate_markdown  # noqa: PLC0415 (asked for by few)

        yield gate_markdown(gate).rstrip("\n")
    yield "## Scores"
    yield from _scores(make_cards(evaluation.values, baseline), baseline)


def _fact(value: str) -> str:
    return plain(value) if len(value) < 100 else code(value, limit=400)


def _scores(cards: Sequence[Card], baseline: Baseline | None) -> Iterator[str]:
    header = ["score", "count", "value", "exact 95 % interval"]
    if baseline is not None:
        header += ["baseline", "change", "finding"]
        yield _against(baseline)
    main = [card for card in cards if card.value.total and card.value.metric.name in MAIN]
    rest = [card for card in cards if card.value.total and card.value.metric.name not in MAIN]
    compared = baseline is not None
    yield table(header, (_score(card, compared=compared) for card in main))
    if rest:
        yield details("Other numbers", table(header, (_score(card, compared=compared) for card in rest)))
    if left := [card.value.metric.title for card in cards if not card.value.total]:
        yield f"Not scored, no case asks for it: {plain('; '.join(left))}."


def _against(baseline: Baseline) -> str:
    found = baseline.comparison
    lines = [f"Against the baseline {code(baseline.run.provenance.run_id)}: {found.cases} cases"]
    lines += [f"- differs: {plain(each)}" for each in found.changed]
    lines += [f"- caution: {plain(each)}" for each in found.caveats]
    return "\n".join(lines)


def _score(card: Card, *, compared: bool) -> tuple[str, ...]:
    value, delta = card.value, card.delta
    cells = (plain(value.metric.title), value.amount, value.text, value.interval or _NONE)
    if not compared:
        return cells
    if delta is None:
        return (*cells, _NONE, _NONE, _NONE)
    return (*cells, delta.before, f"{delta.change} {delta.interval}".strip(), delta.finding)


def _section(title: str, bodies: Sequence[str], room: int) -> Iterator[str]:
    """Write as many cases as there is room for."""
    if not bodies:
        return
    heading = f"\n## {title}: {len(bodies)}\n\n"
    left = room - len(heading) - _LEFT_OUT_CHARS
    fitting: list[str] = []
    for body in bodies:
        left -= len(body) + 2
        if left < 0:
            break
        fitting.append(f"{body}\n\n")
    missing = len(bodies) - len(fitting)
    note = f"{missing} more are left out here; the page and the JSON have all.\n" if missing else ""
    if room >= len(heading) + len(note):
        yield heading + "".join(fitting) + note


def _case(sheet: Sheet) -> str:
    told = "; ".join(str(failure.requirement) for failure in sheet.failures or sheet.known)
    return details(f"{plain(sheet.name)}: {plain(told)}", "\n\n".join(_case_body(sheet)))


def _case_body(sheet: Sheet) -> Iterator[str]:
    row = sheet.row
    if row.description:
        yield plain(row.description)
    yield "\n".join((f"- expected: {_label(row)}", f"- got: {_answer(row)}"))
    yield "\n".join(
        f"- {plain(str(each.requirement))}: {code(each.reason, limit=600)}"
        for each in (*sheet.failures, *sheet.known)
    )
    yield from _evidence(sheet)


def _pair(pair: Pair) -> str:
    flip = pair.flip
    body = [f"- label: {_label(pair.after.row)}"]
    for side, sheet in (("baseline", pair.before), ("candidate", pair.after)):
        shown = sheet.row.diagnosis.log_evidences if sheet.row.diagnosis else []
        body += [f"- {side}: {_answer(sheet.row)}", *(f"    - {code(text)}" for text in shown[:MAX_LINES])]
    changes = [
        f"- {'repaired' if each.repaired else 'broken'}: {plain(each.title)}: {code(each.reason)}"
        for each in flip.changes
    ]
    names = ", ".join(each.metric for each in flip.changes)
    parts = ["\n".join(body), "\n".join(changes)]
    return details(f"{plain(str(flip.kind))}: {plain(flip.case_id)} ({plain(names)})", "\n\n".join(parts))


def _label(row: Row) -> str:
    label = row.expected
    others = f" (also accepted: {', '.join(label.accept)})" if label.accept else ""
    return plain(f"{label.category}/{label.failure_type}{others}, {_safe(label.safe_to_retry)}")


def _answer(row: Row) -> str:
    given = row.diagnosis
    if given is None:
        return f"no answer: {code(row.error)}"
    said = f"{given.category}/{given.failure_type}, {_safe(given.safe_to_retry)}, "
    return f"{plain(said)} confidence {given.confidence:.2f}: {code(given.root_cause, limit=400)}"


def _evidence(sheet: Sheet) -> Iterable[str]:
    """Quote shown and labelled lines with their neighbours; `>` marks what was shown."""
    lines: list[str] = []
    for passage in sheet.passages[:MAX_PASSAGES]:
        lines.append(f"== {passage.file or 'excerpt'}{'' if passage.found else ' (not in the excerpt)'}")
        lines += [f"{'>' if each.shown else ' '} {each.text[:200]}" for each in passage.lines]
    return [block(lines)] if lines else []


def _safe(value: bool) -> str:  # noqa: FBT001 (the value is what is rendered)
    return "safe" if value else "not safe"
