"""A diagnosis in, words for people out: plain text for a terminal, Markdown for Slack or a ticket, JSON.

Pure: takes the payload, returns a string. Log lines may be hostile: control characters never reach a
terminal, code fences can't be closed from inside, and Slack's `<!…>` mentions are defused.
"""

import json
import re
from collections.abc import Iterable
from typing import Final

from diagnose.diagnosis import Diagnosis, Evidence, Status
from diagnose.excerpt import LogExcerpt, shorten

_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_STYLES: Final = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}
_REFUSED: Final = (Status.INVALID_EVENT, Status.IGNORED)
"""Nothing was diagnosed: the reason is all there is to say."""
MAX_MARKDOWN_LINE_CHARS: Final = 300
"""A Slack section holds 3,000 characters; eight lines of this length fit."""


def as_json(*diagnoses: Diagnosis) -> str:
    """Give the payload as indented JSON; several, or none, as a list."""
    if len(diagnoses) == 1:
        return diagnoses[0].model_dump_json(indent=2) + "\n"
    rows = [row.model_dump(mode="json") for row in diagnoses]
    return json.dumps(rows, indent=2, ensure_ascii=False) + "\n"


def as_text(diagnosis: Diagnosis, *, colour: bool = False) -> str:
    """Give the diagnosis for a terminal.

    Args:
        diagnosis: the payload.
        colour: use ANSI colours.
    """
    paint = _Paint(colour)
    return "\n".join(_safe_lines(_text_lines(diagnosis, paint), colour=colour)) + "\n"


def _text_lines(d: Diagnosis, paint: "_Paint") -> Iterable[str]:
    if d.status in _REFUSED:
        yield f"{paint('yellow', d.status)}: {_clean(d.root_cause)}"
        return
    yield f"{paint('bold', d.category)} · {d.failure_type} · confidence {d.confidence:.2f} ({d.analyst})"
    yield paint("dim", _who(d))
    if told := _how(d):
        yield paint("dim", told)
    if d.status is not Status.DIAGNOSED:
        yield f"{paint('yellow', d.status)}: {_clean(d.status_reason or 'no reason given')}"
    yield ""
    yield _clean(d.root_cause)
    if d.evidence:
        yield from ("", paint("bold", "Evidence"))
    for item in d.evidence:
        yield f"  {paint('red' if item.role == 'cause' else 'cyan', _clean(item.text))}"
        yield paint("dim", f"    {item.role} · {_where(item)}")
    if d.recommendations:
        yield from ("", paint("bold", "What to do"))
        yield from (f"  {n}. {_clean(text)}" for n, text in enumerate(d.recommendations, start=1))
    yield ""
    verdict = paint("green", "yes") if d.safe_to_retry else paint("red", "no")
    yield f"{paint('bold', 'Safe to retry:')} {verdict}. {_clean(d.retry_reason)}"
    yield from _extras(d, paint)


def _extras(d: Diagnosis, paint: "_Paint") -> Iterable[str]:
    if d.ruled_out:
        yield from ("", paint("bold", "Ruled out"))
    for row in d.ruled_out:
        yield f"  {_clean(shorten(row.text, 160))}"
        yield paint("dim", f"    {_clean(row.reason)}")
    if d.gaps:
        yield from ("", paint("bold", "Gaps"))
    yield from (f"  - {paint('yellow', _clean(gap))}" for gap in d.gaps)


def _who(d: Diagnosis) -> str:
    parts = [_clean(d.job_name or "")]
    parts.append(f"step {_clean(d.step_id)}" if d.step_id else "")
    parts.append(f"cluster {_clean(d.cluster_id)}" if d.cluster_id else "")
    parts.append(f"failed {d.failed_at:%Y-%m-%d %H:%M} UTC" if d.failed_at else "")
    return ", ".join(part for part in parts if part) or "a log without a name"


def _how(d: Diagnosis) -> str:
    """Name the prompt and what the model cost; nothing where no model was asked."""
    if not d.prompt_version:
        return ""
    cost = "" if d.cost_usd is None else f", {d.cost_usd:.4f} USD"
    return f"prompt {_clean(d.prompt_version)} (gate {_clean(d.prompt_gate)}), {d.tokens_used:,} tokens{cost}"


def _where(item: Evidence) -> str:
    return f"{_clean(item.file)}:{item.line}" + (f" (attempt {item.attempt})" if item.attempt else "")


def as_markdown(diagnosis: Diagnosis) -> str:
    """Give the diagnosis as Markdown that Slack, PagerDuty and ticket systems show well."""
    return "\n".join(_markdown_lines(diagnosis)) + "\n"


def _markdown_lines(d: Diagnosis) -> Iterable[str]:
    if d.status in _REFUSED:
        yield f"*{d.status}*: {_prose(d.root_cause)}"
        return
    yield f"*{d.category}* ({d.failure_type}), confidence {d.confidence:.2f}: {_prose(_who(d))}"
    if d.status is not Status.DIAGNOSED:
        yield f"_{d.status}: {_prose(d.status_reason or 'no reason given')}_"
    yield from ("", _prose(d.root_cause), "")
    if d.evidence:
        yield "```"
        yield from (_fenced(shorten(item.text, MAX_MARKDOWN_LINE_CHARS)) for item in d.evidence)
        yield from ("```", "")
    yield from (f"{n}. {_prose(text)}" for n, text in enumerate(d.recommendations, start=1))
    yield from ("", f"*Safe to retry: {'yes' if d.safe_to_retry else 'no'}.* {_prose(d.retry_reason)}")
    if d.gaps:
        yield from ("", f"_Gaps:_ {_prose('; '.join(d.gaps))}")


def _prose(text: str) -> str:
    """Defuse what Markdown and Slack would act on."""
    plain = _clean(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return plain.replace("](", "] (").replace("`", "'").replace("*", "\u2217").replace("\n", " ")


def _fenced(text: str) -> str:
    return re.sub(r"<(?=[!@#])", "&lt;", _clean(text).replace("```", "'''"))


def for_terminal(text: str) -> str:
    """Give a text of several lines without what a terminal would act on."""
    return "\n".join(_clean(line) for line in text.split("\n"))


def _clean(text: str) -> str:
    """Replace control and direction characters; a tab becomes blanks."""
    return _CONTROL.sub("\ufffd", text.replace("\t", "    "))


def _safe_lines(lines: Iterable[str], *, colour: bool) -> Iterable[str]:
    return lines if colour else (line.rstrip() for line in lines)


class _Paint:
    """Wraps words in ANSI colours, or not."""

    def __init__(self, on: bool) -> None:  # noqa: FBT001 - the one thing it is about
        self._on = on

    def __call__(self, style: str, text: str) -> str:
        return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if self._on else text


def excerpt_as_json(excerpt: LogExcerpt) -> str:
    """Give the excerpt's blocks with their provenance as JSON; not bounded."""
    rows = {
        "blocks": [
            {
                "file": block.file,
                "container": block.container,
                "attempt": block.attempt,
                "first": block.first,
                "last": block.last,
                "repeats": block.repeats,
                "folded": block.folded,
                "lines": [{"line": n, "text": t} for n, t in zip(block.numbers, block.lines, strict=True)],
            }
            for block in excerpt.blocks
        ],
        "gaps": list(excerpt.gaps),
        "lines_read": excerpt.lines_read,
        "records_left_out": excerpt.records_left_out,
        "max_bytes": excerpt.max_bytes,
    }
    return json.dumps(rows, indent=2, ensure_ascii=False) + "\n"


def excerpt_as_markdown(excerpt: LogExcerpt) -> str:
    """Give the excerpt as fenced blocks, one per passage."""
    parts = []
    for block in excerpt.blocks:
        title = f"{block.file}:{block.first}-{block.last}"
        body = "\n".join(_fenced(line) for line in block.lines)
        parts.append(f"*{_prose(title)}*\n```\n{body}\n```\n")
    return "\n".join(parts)
