"""A redacted excerpt and the lines that matter in it → these lines among their neighbours. Pure.

A reader who sees one line alone can't tell a cause from its echo. Only the neighbourhood is taken: a report
over many cases must not repeat whole excerpts.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from diagnose.diagnosis import Evidence
from evals.literal import shows
from evals.report.glyph import shorten

AROUND: Final = 3
"""Lines before and after a marked one."""
MAX_LINE_CHARS: Final = 240
MAX_MARKED_CHARS: Final = 1_000
MAX_SHOWN: Final = 12
"""Shown lines of one answer that are looked up: a flood of evidence must not flood the report."""
MAX_LABELLED: Final = 3
"""Lines marked for one labelled literal, which may stand in a whole stack of them."""

_HEADER: Final = re.compile(r"== (?P<file>.+):(?P<first>\d{1,12})-(?P<last>\d{1,12}) \S+ \S+")


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of a log."""

    number: int | None
    """In its file, from 1; None where the excerpt does not tell."""
    text: str
    shown: bool = False
    """The answer shows it as evidence."""
    labelled: bool = False
    """The label names it."""


@dataclass(frozen=True, kw_only=True)
class Passage:
    """Consecutive lines of one file."""

    file: str
    """Empty where the excerpt does not tell."""
    lines: tuple[Line, ...]
    found: bool = True
    """False: a shown line that stands nowhere in the excerpt."""


@dataclass(frozen=True, kw_only=True)
class _Block:
    file: str
    first: int | None
    lines: tuple[str, ...]

    def number(self, index: int) -> int | None:
        return None if self.first is None else self.first + index


@dataclass(frozen=True, kw_only=True)
class _Marks:
    shown: frozenset[tuple[int, int]]
    labelled: frozenset[tuple[int, int]]


def find_passages(
    excerpt: str, shown: Sequence[Evidence], labelled: Sequence[str] = (), *, around: int = AROUND
) -> tuple[Passage, ...]:
    """Cut out the neighbourhoods of shown and labelled lines.

    Args:
        excerpt: as a run stores it, blocks with a header each.
        shown: the evidence of an answer; what stands nowhere comes last, by itself.
        labelled: literals of the label.
        around: lines on either side, at least 0.

    Returns:
        Passages in the order of the excerpt; those that touch are one.
    """
    blocks = tuple(_blocks(excerpt))
    places = {id(each): _place(blocks, each) for each in shown[:MAX_SHOWN]}
    marks = _Marks(
        shown=frozenset(place for place in places.values() if place),
        labelled=frozenset(place for literal in labelled for place in _labelled(blocks, literal)),
    )
    passages = [
        _passage(number, block, span, marks)
        for number, block in enumerate(blocks)
        for span in _spans(number, block, marks, around)
    ]
    lost = [each for each in shown[:MAX_SHOWN] if places[id(each)] is None]
    return (*passages, *map(_alone, lost))


def _blocks(excerpt: str) -> Iterator[_Block]:
    """Part an excerpt at its headers. A log line that looks like one only moves a caption."""
    head: re.Match[str] | None = None
    lines: list[str] = []
    for text in excerpt.removesuffix("\n").split("\n") if excerpt else ():
        if found := _HEADER.fullmatch(text):
            yield from _block(head, lines)
            head, lines = found, []
        else:
            lines.append(text)
    yield from _block(head, lines)


def _block(head: re.Match[str] | None, lines: Sequence[str]) -> Iterator[_Block]:
    """Make a block; lines are numbered only where there are as many as its header says."""
    if not lines:
        return
    if head is None:
        yield _Block(file="", first=None, lines=tuple(lines))
        return
    first, last = int(head["first"]), int(head["last"])
    whole = last - first + 1 == len(lines)
    yield _Block(file=head["file"], first=first if whole else None, lines=tuple(lines))


def _place(blocks: Sequence[_Block], evidence: Evidence) -> tuple[int, int] | None:
    """Find a shown line: in its file at its number, else in its file, else anywhere."""
    found = [
        (block.file != evidence.file, block.number(index) != evidence.line, number, index)
        for number, block in enumerate(blocks)
        for index, text in enumerate(block.lines)
        if _same(text, evidence.text)
    ]
    return min(found)[2:] if found else None


def _same(line: str, shown: str) -> bool:
    """Tell whether a line is the shown one; either may be cut, with an ellipsis."""
    if line == shown:
        return True
    cut = shown.removesuffix("…")
    return bool(cut) and (line.startswith(cut) if cut != shown else line.strip() == shown.strip())


def _labelled(blocks: Sequence[_Block], literal: str) -> Iterable[tuple[int, int]]:
    found = (
        (number, index)
        for number, block in enumerate(blocks)
        for index, text in enumerate(block.lines)
        if shows(text, literal)
    )
    return [place for place, _ in zip(found, range(MAX_LABELLED), strict=False)]


def _spans(number: int, block: _Block, marks: _Marks, around: int) -> Iterator[tuple[int, int]]:
    """Join neighbourhoods that touch; give first index and the one after the last."""
    anchors = sorted(index for where, index in marks.shown | marks.labelled if where == number)
    start = end = -1
    for index in anchors:
        low, high = max(index - around, 0), min(index + around + 1, len(block.lines))
        if end >= low and start >= 0:
            end = high
            continue
        if start >= 0:
            yield start, end
        start, end = low, high
    if start >= 0:
        yield start, end


def _passage(number: int, block: _Block, span: tuple[int, int], marks: _Marks) -> Passage:
    lines = []
    for index in range(*span):
        shown, labelled = (number, index) in marks.shown, (number, index) in marks.labelled
        limit = MAX_MARKED_CHARS if shown or labelled else MAX_LINE_CHARS
        text = shorten(block.lines[index], limit)
        lines.append(Line(number=block.number(index), text=text, shown=shown, labelled=labelled))
    return Passage(file=block.file, lines=tuple(lines))


def _alone(evidence: Evidence) -> Passage:
    line = Line(number=evidence.line, text=shorten(evidence.text, MAX_MARKED_CHARS), shown=True)
    return Passage(file=evidence.file, lines=(line,), found=False)
