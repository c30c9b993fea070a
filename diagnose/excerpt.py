"""Redacted events in, the excerpt out: the lines that explain the failure, ranked, within a hard budget.

Ranking comes before cutting: the root cause and what ended the run first, shutdown noise last. Records are
taken whole; one larger than its share is folded to its messages and first frames. What budget is left
buys context lines around the best records.
`LogExcerpt.render()` is plain text: redacted log lines otherwise unchanged, each block of consecutive lines
under one line `== <file>:<first>-<last> <container> <attempt>` (`-` where there is none).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from diagnose.finding import Event, Finding
from diagnose.mention import Place, mentions
from diagnose.page import ELLIPSIS, Page, Run, shorten
from diagnose.ranking import Judgement
from diagnose.weight import CHIEF, SETTING, Baseline, Weigher

__all__ = ["ELLIPSIS", "Baseline", "Block", "LogExcerpt", "build_excerpt", "shorten"]
_MENTIONS_SHARE: Final = 0.15
"""Of the budget, for lines that say what the cause's settings and paths are."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """Consecutive lines of one file; `numbers` pairs with `lines`."""

    file: str
    container: str | None
    attempt: int | None
    numbers: tuple[int, ...]
    lines: tuple[str, ...]
    repeats: int = 1
    """How often the most frequent of its records occurred in the file, by template."""
    folded: int = 0
    """Lines of the same record that were left out right before it."""

    @property
    def first(self) -> int:
        """Number of the first line, from 1."""
        return self.numbers[0]

    @property
    def last(self) -> int:
        """Number of the last line."""
        return self.numbers[-1]

    def render(self) -> str:
        """Give the block's header line and its lines."""
        head = f"== {self.file}:{self.first}-{self.last} {self.container or '-'} {self.attempt or '-'}"
        return "\n".join((head, *self.lines)) + "\n"


@dataclass(frozen=True, kw_only=True, slots=True)
class LogExcerpt:
    """What is kept of an incident's logs, redacted, best file first."""

    blocks: tuple[Block, ...]
    gaps: tuple[str, ...]
    max_bytes: int
    lines_read: int
    records_left_out: int
    """Records that had interest and found no room."""

    def render(self) -> str:
        """Give the excerpt as text, at most `max_bytes` of UTF-8."""
        return "".join(block.render() for block in self.blocks)

    def holds(self, file: str, number: int, text: str) -> bool:
        """Tell whether a line stands in the excerpt (a cut line by its beginning)."""
        wanted = text.removesuffix(ELLIPSIS)
        return any(
            block.file == file and n == number and line.startswith(wanted)
            for block in self.blocks
            if block.file == file and block.first <= number <= block.last
            for n, line in zip(block.numbers, block.lines, strict=True)
        )


def build_excerpt(
    happened: Sequence[Event],
    found: Sequence[Finding],
    judgement: Judgement,
    *,
    max_bytes: int,
    gaps: Sequence[str] = (),
    lines_read: int = 0,
    signs: frozenset[tuple[str, int]] = frozenset(),
    repeats: Mapping[tuple[str, str], int] = MappingProxyType({}),
    baseline: Baseline | None = None,
) -> LogExcerpt:
    """Choose what fits.

    Args:
        happened: every event of the redacted passages.
        found: the findings in them.
        judgement: what the findings come to.
        max_bytes: hard limit of `render()`, in bytes of UTF-8.
        gaps: what is missing, passed through.
        lines_read: how many lines were read in all.
        signs: places (file, line) that show that a write began; they are worth a line.
        repeats: how often a template occurred, by file and template, where it is more than what is kept.
        baseline: templates of a good run rank lower; none is used where None is passed.

    Returns:
        The excerpt; its rendering never exceeds `max_bytes`.
    """
    weigher = Weigher(found, judgement, signs, baseline)
    weights = {id(event): weigher.weigh(event) for event in happened}
    ranked = sorted(happened, key=lambda e: (-weights[id(e)], e.order))
    page = Page(max_bytes, happened, repeats)
    left_out = 0
    places = mentions(happened, judgement)
    for event in ranked:
        if weights[id(event)] < SETTING and places:
            _take_lines(page, places, max_bytes)
            places = []
        if weights[id(event)] > 0:
            chief = weights[id(event)] >= CHIEF
            left_out += not page.take(event, weigher.keys(event), chief=chief)
    _take_lines(page, places, max_bytes)
    for event in ranked:
        page.take_context(event)
    return LogExcerpt(
        blocks=_within([_block(run) for run in page.runs()], max_bytes),
        gaps=tuple(gaps),
        max_bytes=max_bytes,
        lines_read=lines_read,
        records_left_out=left_out,
    )


def _take_lines(page: Page, places: Sequence[Place], max_bytes: int) -> None:
    """Take what the cause's settings and paths are, within a small share."""
    left = round(max_bytes * _MENTIONS_SHARE)
    for place in places:
        before = page.left_bytes
        page.take_line(place.passage, place.position, left)
        left -= before - page.left_bytes


def _block(run: Run) -> Block:
    source = run.source
    return Block(
        file=source.file,
        container=source.container,
        attempt=source.attempt,
        numbers=run.numbers,
        lines=run.lines,
        repeats=run.repeats,
        folded=run.folded,
    )


def _within(blocks: Sequence[Block], max_bytes: int) -> tuple[Block, ...]:
    """Hold the limit whatever the estimate was: blocks beyond it are left out, the last first."""
    kept, left = [], max_bytes
    for block in blocks:
        left -= len(block.render().encode())
        if left < 0:
            break
        kept.append(block)
    return tuple(kept)
