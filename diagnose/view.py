"""An incident in, its redacted view out: passages redacted, records graded, causes found, excerpt cut.

Redaction stands between the incident and everything else: what leaves this module holds no raw value.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from diagnose.analyst import View
from diagnose.anchor import Interest
from diagnose.excerpt import ELLIPSIS, Baseline, build_excerpt
from diagnose.failure import JobContext
from diagnose.finding import events, find
from diagnose.incident import Incident
from diagnose.layout import Source, SourceKind
from diagnose.log import Line, printable
from diagnose.ranking import judge
from diagnose.record import Level
from diagnose.redaction import Redaction
from diagnose.scan import Mark, Passage, Scan
from diagnose.sign import WriteSign
from diagnose.signature import Catalogue

_MAX_SHOWN_SIGNS: Final = 3
_MARGIN_CHARS: Final = 256
"""Dropped at the cut side of an overlong line's piece: a secret may stand across the cut."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Redacted:
    """Passages and signs without raw values."""

    passages: tuple[Passage, ...]
    signs: tuple[WriteSign, ...]
    gaps: tuple[str, ...]
    repeats: Mapping[tuple[str, str], int]
    """How often a repeated template occurred, by redacted file name and template."""


def redact_incident(incident: Incident, redaction: Redaction) -> Redacted:
    """Redact everything that may be shown, in one pass that knows all values.

    Args:
        incident: raw scans and context.
        redaction: remembers the values found; use it again for whatever is shown later.
    """
    passages = [*_context_passages(incident.context)]
    for scan in incident.scans:
        passages.extend(_with_signs(scan))
    signs = sorted((s for scan in incident.scans for s in scan.signs), key=lambda sign: -sign.weight)
    texts = ["\n".join(line.text for line in p.lines) for p in passages]
    names = sorted({p.source.file for p in passages} | {s.file for s in signs})
    context = _context_text(incident.context)
    learned = [context, *("\n".join(scan.witnesses) for scan in incident.scans)]
    redaction.texts(learned)
    shown = [*names, *(s.text for s in signs), *incident.gaps]
    clean = redaction.texts([context, *texts, *(printable(text) for text in shown)])
    clean_texts = clean[1 : 1 + len(texts)]
    clean_names = dict(zip(names, clean[1 + len(texts) :], strict=False))
    rest = clean[1 + len(texts) + len(names) :]
    return Redacted(
        passages=tuple(_rebuilt(p, t, clean_names) for p, t in zip(passages, clean_texts, strict=True)),
        signs=tuple(
            replace(sign, file=clean_names[sign.file], text=text)
            for sign, text in zip(signs, rest, strict=False)
        ),
        gaps=tuple(rest[len(signs) :]),
        repeats={
            (clean_names[scan.source.file], name): count
            for scan in incident.scans
            for name, count in scan.counts.items()
            if scan.source.file in clean_names
        },
    )


def build_view(
    incident: Incident,
    redacted: Redacted,
    catalogue: Catalogue,
    *,
    values: dict[str, str],
    max_bytes: int,
    baseline: Baseline | None = None,
) -> View:
    """Grade, match, judge and cut.

    Args:
        incident: for its tasks and counts; nothing raw of it is shown.
        redacted: its passages and signs.
        catalogue: known failures.
        values: redacted values of the job's context, for advice.
        max_bytes: hard limit of the excerpt.
        baseline: templates of a good run, if there is one.
    """
    happened = events(redacted.passages, incident.tasks)
    found = find(happened, catalogue)
    judgement = judge(happened, found)
    excerpt = build_excerpt(
        happened,
        found,
        judgement,
        max_bytes=max_bytes,
        gaps=redacted.gaps,
        lines_read=incident.lines,
        repeats=redacted.repeats,
        signs=frozenset((s.file, s.line) for s in redacted.signs[:_MAX_SHOWN_SIGNS]),
        baseline=baseline,
    )
    return View(
        events=happened,
        findings=found,
        judgement=judgement,
        excerpt=excerpt,
        values=values,
        lines_read=incident.lines,
        gaps=redacted.gaps,
    )


def _with_signs(scan: Scan) -> list[Passage]:
    """Add the lines that show a write to a scan's passages, where they are not in them already."""
    kept = {line.number for passage in scan.passages for line in passage.lines}
    plainest = sorted(scan.signs, key=lambda sign: -sign.weight)[:_MAX_SHOWN_SIGNS]
    missing = [sign for sign in plainest if sign.line not in kept]
    added = [_single_line(scan.source, sign.line, sign.text) for sign in missing]
    return sorted([*scan.passages, *added], key=lambda p: p.lines[0].number)


def _single_line(source: Source, number: int, text: str) -> Passage:
    mark = Mark(
        first=0,
        last=0,
        interest=Interest.HINT,
        level=Level.INFO,
        time=None,
        logger="",
        traceback=False,
        template="",
        after_end=False,
    )
    return Passage(source, (Line(number, text),), (mark,))


def _context_passages(context: JobContext) -> Iterable[Passage]:
    """Make the platform's own words about the failure citable as `context.<field>`."""
    details = context.step.get("failure_details") or {}
    words = {
        "context.step.failure_details.message": details.get("Message"),
        "context.step.failure_details.reason": details.get("Reason"),
        "context.step.state_change_reason": context.step.get("state_change_reason"),
    }
    for field, text in words.items():
        if text and text != "Unknown Error":
            source = Source(file=field, kind=SourceKind.CONTEXT, stream="log")
            for number, line in enumerate(str(text).splitlines(), start=1):
                passage = _single_line(source, number, line)
                mark = replace(passage.marks[0], interest=Interest.FATAL, level=Level.ERROR)
                yield replace(passage, marks=(mark,))


def _context_text(context: JobContext) -> str:
    """Give every value of the context as text, so that its secrets are known everywhere."""
    rows = [f"{k}={v}" for group in (context.spark, context.yarn, context.hive) for k, v in group.items()]
    args = [str(arg) for arg in context.step.get("args", ())]
    pairs = [f'{flag} "{value}"' for flag, value in pairwise(args) if flag.startswith("-")]
    return "\n".join([*rows, *args, *pairs, context.document])


def _rebuilt(passage: Passage, text: str, names: dict[str, str]) -> Passage:
    lines = tuple(
        replace(line, text=_trim(clean, line))
        for line, clean in zip(passage.lines, _lines_of(text, len(passage.lines)), strict=True)
    )
    return Passage(replace(passage.source, file=names[passage.source.file]), lines, passage.marks)


def _lines_of(text: str, count: int) -> Sequence[str]:
    lines = text.split("\n")
    if len(lines) != count:  # a log line can't hold a line feed, and redaction keeps the count
        raise AssertionError("redaction changed the number of lines")
    return lines


def _trim(text: str, line: Line) -> str:
    """Drop what may be half a secret at the cut sides of an overlong line's piece."""
    if line.cut_left:
        text = text[_MARGIN_CHARS:].partition(" ")[2]
    if line.cut_right:
        text = text[:-_MARGIN_CHARS].rpartition(" ")[0] + ELLIPSIS
    return text
