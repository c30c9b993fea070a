"""An incident in, its redacted view out: passages redacted, records graded, causes found, excerpt cut.

`brief` tells the same to a model.

Redaction stands between the incident and everything else: what leaves this module holds no raw value.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC
from itertools import pairwise
from typing import Any, Final

from diagnose.analyst import View
from diagnose.anchor import Interest
from diagnose.background import describe
from diagnose.brief import Brief, Hint
from diagnose.circumstance import PREFIX, Circumstances
from diagnose.excerpt import ELLIPSIS, Baseline, Block, LogExcerpt, build_excerpt, shorten
from diagnose.failure import Failure, JobContext
from diagnose.finding import Event, Finding, events, find
from diagnose.incident import Incident
from diagnose.inspection import without
from diagnose.layout import Source, SourceKind
from diagnose.leaf import reworded, texts
from diagnose.log import Line
from diagnose.ranking import Judgement, judge
from diagnose.record import Level
from diagnose.redaction import Redaction
from diagnose.scan import Mark, Passage, Scan
from diagnose.sign import WriteSign
from diagnose.signature import Catalogue
from diagnose.survey import survey
from diagnose.text import printable

_MAX_SHOWN_SIGNS: Final = 3
MAX_WITNESS_CHARS: Final = 512 * 1024
"""Of all lines that may name a secret; redaction only learns from them."""
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
    background: Mapping[str, str]
    """The groups of the job's context as text, by name."""
    values: Mapping[str, str]
    """Values of the job's context that advice may name."""
    signals: Mapping[str, Any] = field(default_factory=dict)
    """What the job's surroundings tell."""


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
    blocks = ["\n".join(line.text for line in p.lines) for p in passages]
    names = sorted({p.source.file for p in passages} | {s.file for s in signs})
    context = _context_text(incident.context)
    groups, values = describe(incident.context), incident.context.template_values()
    # What is only known for a secret beside its flag must be known before the log that quotes it bare.
    named = incident.failure.job_name or ""
    witnesses = "\n".join(line for scan in incident.scans for line in scan.witnesses)
    redaction.texts([context, named, *groups.values(), witnesses[:MAX_WITNESS_CHARS]])
    shown = [*names, *(s.text for s in signs), *incident.gaps]
    clean = redaction.texts([*blocks, *(printable(text) for text in shown)])
    clean_texts = clean[: len(blocks)]
    clean_names = dict(zip(names, clean[len(blocks) :], strict=False))
    rest = clean[len(blocks) + len(names) :]
    told = texts(incident.context.signals)
    return Redacted(
        background=dict(zip(groups, redaction.texts(tuple(groups.values())), strict=True)),
        values=dict(zip(values, redaction.texts(tuple(values.values())), strict=True)),
        signals=reworded(incident.context.signals, dict(zip(told, redaction.texts(told), strict=True))),
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


def masked(redacted: Redacted, values: tuple[str, ...]) -> Redacted:
    """Mask what a second look found, wherever it stands, and say so in the gaps."""
    gap = f"a second look masked {len(values)} values that the redaction had let through"
    return Redacted(
        passages=tuple(_masked_passage(passage, values) for passage in redacted.passages),
        signs=tuple(replace(sign, text=without(sign.text, values)) for sign in redacted.signs),
        gaps=(*(without(text, values) for text in redacted.gaps), gap),
        repeats=redacted.repeats,
        background={name: without(text, values) for name, text in redacted.background.items()},
        values={name: without(text, values) for name, text in redacted.values.items()},
        signals=reworded(redacted.signals, {t: without(t, values) for t in texts(redacted.signals)}),
    )


def _masked_passage(passage: Passage, values: tuple[str, ...]) -> Passage:
    lines = tuple(replace(line, text=without(line.text, values)) for line in passage.lines)
    return replace(passage, lines=lines)


@dataclass(frozen=True, kw_only=True, slots=True)
class Matched:
    """What the catalogue makes of the redacted records."""

    events: Sequence[Event]
    findings: Sequence[Finding]
    judgement: Judgement


def match(incident: Incident, redacted: Redacted, catalogue: Catalogue) -> Matched:
    """Grade the records, find the known failures in them, and judge which of them is the cause."""
    happened = events(redacted.passages, incident.tasks)
    found = find(happened, catalogue)
    return Matched(events=happened, findings=found, judgement=judge(happened, found))


def build_view(
    incident: Incident,
    redacted: Redacted,
    matched: Matched,
    *,
    max_bytes: int,
    baseline: Baseline | None = None,
) -> View:
    """Cut the excerpt, and put together what an analyst may see.

    Args:
        incident: for its counts; nothing raw of it is shown.
        redacted: its passages and signs.
        matched: what the catalogue makes of them.
        max_bytes: hard limit of the excerpt.
        baseline: templates of a good run, if there is one.
    """
    circumstances = survey(redacted.signals, failed_at=incident.failure.failed_at)
    cited = _signal_blocks(circumstances, max_bytes // _SIGNALS_SHARE)
    excerpt = build_excerpt(
        matched.events,
        matched.findings,
        matched.judgement,
        max_bytes=max_bytes - sum(len(block.render().encode()) for block in cited),
        gaps=(*redacted.gaps, *circumstances.gaps),
        lines_read=incident.lines,
        repeats=redacted.repeats,
        signs=frozenset((s.file, s.line) for s in redacted.signs[:_MAX_SHOWN_SIGNS]),
        baseline=baseline,
    )
    return View(
        events=matched.events,
        findings=matched.findings,
        judgement=matched.judgement,
        excerpt=_with_signals(excerpt, cited, max_bytes),
        values=redacted.values,
        lines_read=incident.lines,
        gaps=redacted.gaps,
        circumstances=circumstances,
    )


_SIGNALS_SHARE: Final = 8
"""Signals that are cited take at most this part of an excerpt."""


def _signal_blocks(circumstances: Circumstances, max_bytes: int) -> tuple[Block, ...]:
    """Make the signals that evidence may cite blocks of the excerpt: one line each, as many as fit."""
    blocks, left_bytes = [], max_bytes
    for leaf in circumstances.leaves:
        file = PREFIX + leaf.name
        block = Block(file=file, container=None, attempt=None, numbers=(1,), lines=(leaf.text,))
        left_bytes -= len(block.render().encode())
        if left_bytes < 0:
            break
        blocks.append(block)
    return tuple(blocks)


def _with_signals(excerpt: LogExcerpt, cited: tuple[Block, ...], max_bytes: int) -> LogExcerpt:
    return replace(excerpt, blocks=(*excerpt.blocks, *cited), max_bytes=max_bytes) if cited else excerpt


MAX_HINTS: Final = 12
"""The root cause, its symptoms and rivals; more would lead away from the excerpt."""


def brief(view: View, redacted: Redacted, failure: Failure) -> Brief:
    """Put together what a prompt may tell a model; every text in it is redacted.

    Args:
        view: excerpt, gaps and findings.
        redacted: the groups of the job's context.
        failure: its ids, of the platform's form or redacted before.
    """
    groups = redacted.background
    return Brief(
        cluster_id=failure.cluster_id,
        step_id=failure.step_id,
        failed_at=failure.failed_at.astimezone(UTC).isoformat() if failure.failed_at else "",
        cluster=groups.get("cluster", ""),
        log_location=groups.get("log_location", ""),
        spark=groups.get("spark", ""),
        yarn=groups.get("yarn", ""),
        hive=groups.get("hive", ""),
        step=groups.get("step", ""),
        signals=groups.get("signals", ""),
        gaps=(*view.gaps, *view.circumstances.gaps),
        excerpt=view.excerpt.render(),
        hints=tuple(_hints(view)),
    )


def _hints(view: View) -> Iterable[Hint]:
    """Name the findings, the judged cause first: each entry of the catalogue once per file, one per line."""
    judgement = view.judgement
    first = [f for f in (judgement.primary, judgement.aftermath) if f]
    ranked = [*first, *judgement.rivals, *judgement.supports, *judgement.symptoms, *judgement.past]
    per_file: dict[tuple[str, str], Finding] = {}
    for finding in ranked:
        per_file.setdefault((finding.signature.id, finding.event.source.file), finding)
    chosen: dict[tuple[str, int], Finding] = {}
    for finding in per_file.values():
        chosen.setdefault(finding.place, finding)
    for finding in list(chosen.values())[:MAX_HINTS]:
        yield Hint(
            signature=finding.signature.id,
            failure_type=finding.signature.failure_type,
            standing=finding.event.standing.name.lower(),
            role=finding.signature.role.value,
            place=f"{finding.event.source.file}:{finding.number}",
            line=shorten(finding.text, MAX_HINT_CHARS),
        )


MAX_HINT_CHARS: Final = 400
"""The whole line stands in the excerpt; a hint only has to point to it."""


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
    for place, text in words.items():
        if text and text != "Unknown Error":
            source = Source(file=place, kind=SourceKind.CONTEXT, stream="log")
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
