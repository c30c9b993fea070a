"""A model's answer and the excerpt in, a draft whose evidence stands in the excerpt out.

A quoted text counts when it stands literally in one line of the excerpt, white space aside; the whole line is
what will be shown. `{NAME}` and the like, which a guardrail puts in place of what it masks, match any text.
What can't be found is dropped and counted.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from diagnose.diagnosis import EvidenceRole
from diagnose.draft import Draft, Quote
from diagnose.excerpt import ELLIPSIS, Block, LogExcerpt
from diagnose.reply import Answer
from diagnose.taxonomy import FACTS, Category, FailureType

MIN_QUOTE_CHARS: Final = 12
"""A part of a line shorter than this proves nothing; a whole line may be shorter."""
MAX_EVIDENCE: Final = 8
MAX_RULED_OUT: Final = 5
BLIND_CONFIDENCE: Final = 0.3
"""The most that is claimed when nothing the model quoted stands in the excerpt."""
DISAGREEMENT_PENALTY: Final = 0.25
"""Taken when the catalogue knows a cause of another category."""
UNFOUNDED_PENALTY: Final = 0.3
"""Taken in full when every quote is unfounded, in part when some are."""


def ground(answer: Answer, *, excerpt: LogExcerpt, rules: Draft, lines_read: int) -> Draft:
    """Make an answer a draft.

    Args:
        answer: what the model says.
        excerpt: what it was shown.
        rules: what the catalogue says of the same excerpt.
        lines_read: log lines read; with 0 and no line of the platform quoted, the cause can't be known.
    """
    page = _Page(excerpt)
    wanted = [line for text in answer.log_evidences for line in text.splitlines() if line.strip()]
    found = [page.find(text) for text in wanted]
    shown = list({(q.file, q.line): q for q in found if q is not None}.values())[:MAX_EVIDENCE]
    unfounded = sum(1 for quote in found if quote is None)
    blind = lines_read == 0 and not shown
    kind = FailureType.LOGS_UNAVAILABLE if blind else answer.failure_type
    ruled_out = [(page.find(row.text), row.reason) for row in answer.ruled_out]
    return Draft(
        root_cause=answer.root_cause,
        failure_type=kind,
        retry=FACTS[kind].retry,
        recommendations=tuple(answer.recommendations),
        evidence=tuple(_with_roles(shown, rules.evidence)),
        confidence=_confidence(answer, rules, shown=len(shown), unfounded=unfounded, blind=blind),
        veto=None if answer.safe_to_retry else answer.retry_reason,
        ruled_out=tuple((q.masked or q.text, reason) for q, reason in ruled_out if q)[:MAX_RULED_OUT],
        unfounded=unfounded,
    )


def _confidence(answer: Answer, rules: Draft, *, shown: int, unfounded: int, blind: bool) -> float:
    value = answer.confidence
    if unfounded:
        value -= UNFOUNDED_PENALTY * unfounded / (shown + unfounded)
    category, theirs = FACTS[answer.failure_type].category, FACTS[rules.failure_type].category
    if theirs not in (Category.UNKNOWN, category):
        value -= DISAGREEMENT_PENALTY
    if blind or (not shown and category is not Category.UNKNOWN):
        value = min(value, BLIND_CONFIDENCE)
    return round(max(value, 0.0), 2)


def _with_roles(quotes: Sequence[Quote], known: Sequence[Quote]) -> Iterable[Quote]:
    """Give the first line the role of the cause, and the others the role that the rules know them in."""
    roles = {(q.file, q.line): q.role for q in known}
    for place, quote in enumerate(quotes):
        told = roles.get((quote.file, quote.line), EvidenceRole.CONTEXT)
        yield replace(quote, role=EvidenceRole.CAUSE if place == 0 else told)


_MASK: Final = re.compile(r"\{([A-Z][A-Z0-9_]{2,})\}")
"""What a guardrail leaves of a masked value, such as `{EMAIL}`."""
_SPACE: Final = re.compile(r"\s+")


def _plain(text: str) -> str:
    return _SPACE.sub(" ", text).strip()


@dataclass(frozen=True, slots=True)
class _Line:
    block: Block
    number: int
    text: str
    plain: str

    def quote(self, masked: str | None = None) -> Quote:
        return Quote(
            text=self.text,
            file=self.block.file,
            line=self.number,
            container=self.block.container,
            attempt=self.block.attempt,
            role=EvidenceRole.CONTEXT,
            masked=masked,
        )


class _Page:
    """The excerpt's lines, to be searched for quotes."""

    def __init__(self, excerpt: LogExcerpt) -> None:
        self._lines = [
            _Line(block, number, text, _plain(text))
            for block in excerpt.blocks
            for number, text in zip(block.numbers, block.lines, strict=True)
        ]
        self._whole: dict[str, _Line] = {}
        for line in self._lines:
            self._whole.setdefault(line.plain, line)

    def find(self, text: str) -> Quote | None:
        """Find the line that a text was copied from: a whole line, else a part, else one with masks."""
        wanted = _plain(text).removesuffix(ELLIPSIS).rstrip()
        if not wanted:
            return None
        if (line := self._whole.get(wanted)) is not None:
            return line.quote()
        if len(wanted) >= MIN_QUOTE_CHARS:
            part = next((line for line in self._lines if wanted in line.plain), None)
            if part is not None:
                return part.quote()
        return self._masked(wanted)

    def _masked(self, wanted: str) -> Quote | None:
        pieces = _MASK.split(wanted)[::2]
        if len(pieces) == 1 or sum(len(p) for p in pieces) < MIN_QUOTE_CHARS:
            return None
        held = next((line for line in self._lines if _holds_in_order(line.plain, pieces)), None)
        return held.quote(_MASK.sub(_placeholder, wanted)) if held else None


def _placeholder(mask: re.Match[str]) -> str:
    return f"[REDACTED-{mask[1].replace('_', '-')}]"


def _holds_in_order(text: str, pieces: Sequence[str]) -> bool:
    """Tell whether a text begins with the first piece, ends with the last, and holds the rest between."""
    first, *middle, last = pieces
    if not text.startswith(first) or not text.endswith(last):
        return False
    place = len(first)
    for piece in middle:
        place = text.find(piece, place, len(text) - len(last))
        if place < 0:
            return False
        place += len(piece)
    return place <= len(text) - len(last)
