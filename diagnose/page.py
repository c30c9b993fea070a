"""Records in, best first; out come the lines there is room for, as runs of consecutive lines by file.

A page counts the bytes of what it takes, the header lines that its runs will stand under included, and never
takes more than it has. A record larger than its share is folded (`diagnose.fold`); a jump in the line numbers
is the only mark of that, and tells how many lines were left out.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from diagnose.finding import Event
from diagnose.fold import Sheaf, folded
from diagnose.layout import Source
from diagnose.passage import Passage

MAX_LINE_CHARS: Final = 4000
"""Longest line shown; two excerpt lines of this length leave most of the default budget."""
ELLIPSIS: Final = "…"
_SHARE: Final = 0.4
"""A record may take this share of the budget before it is folded."""
_SHARE_MIN_BYTES: Final = 512


def shorten(text: str, limit: int) -> str:
    """Cut a text to a number of characters, with an ellipsis when something is cut."""
    return text if len(text) <= limit else text[:limit].rstrip() + ELLIPSIS


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """Consecutive lines of one file; `numbers` pairs with `lines`."""

    source: Source
    numbers: tuple[int, ...]
    lines: tuple[str, ...]
    repeats: int
    """How often the most frequent of its records occurred in the file, by template."""
    folded: int
    """Lines of the same record that were left out right before it."""


@dataclass(slots=True)
class _Sheet:
    """The lines taken of one file, by number and, for pieces of overlong lines, place."""

    source: Source
    lines: dict[tuple[int, int], str] = field(default_factory=dict)
    numbers: set[int] = field(default_factory=set)
    repeats: dict[int, int] = field(default_factory=dict)
    """By the number of a record's first line: how often its template occurred."""
    folds: dict[int, int] = field(default_factory=dict)
    """By the number of a line: how many lines of its record were left out right before it."""


class Page:
    """Takes records and lines while there is room.

    Args:
        max_bytes: hard limit of all runs and their headers together.
        events: all that may be taken.
        repeats: how often a template occurred, by file and template, where it is more than what is kept.
    """

    def __init__(
        self, max_bytes: int, events: Iterable[Event], repeats: Mapping[tuple[str, str], int]
    ) -> None:
        self.left_bytes = max_bytes
        self._share = max(round(max_bytes * _SHARE), _SHARE_MIN_BYTES)
        self._repeats = repeats
        self._sheets: dict[str, _Sheet] = {}
        self._shown: set[str] = set()
        self._headers: dict[str, int] = {}
        self._digits: dict[str, int] = {}
        for event in events:
            digits = len(str(event.passage.lines[-1].number))
            self._digits[event.source.file] = max(digits, self._digits.get(event.source.file, 1))

    def take(self, event: Event, keys: Sequence[int] = (), *, chief: bool = False) -> bool:
        """Take a record, folded when it is larger than its share or than what is left.

        Args:
            event: the record.
            keys: positions of its lines that must not be lost, the best first.
            chief: its best line may take more than a share.

        Returns:
            Whether any line of it was taken.
        """
        passage, first = event.passage, event.mark.first
        sheaf = Sheaf(
            lines=[_shown(passage, position) for position in range(first, event.mark.last + 1)],
            keys=[position - first for position in keys],
            shown=self._shown,
            breaks=_breaks(passage, first, event.mark.last),
            mark_bytes=self._header_bytes(passage.source),
        )
        share = max(self._share, sheaf.cost_bytes(sheaf.keys[:1])) if chief else self._share
        room = min(share, self.left_bytes)
        places = folded(sheaf, room) if room > sheaf.mark_bytes else []
        wanted = [first + place for place in places]
        if not wanted or not self._put(passage, wanted, self.left_bytes):
            return False
        sheet = self._sheets[passage.source.file]
        for before, position in pairwise(wanted):
            if position > before + 1:
                sheet.folds[passage.lines[position].number] = position - before - 1
        sheet.repeats[passage.lines[wanted[0]].number] = self._repeats.get(
            (passage.source.file, event.mark.template), 1
        )
        taken = {sheaf.lines[place] for place in places}
        self._shown.update(text for text in sheaf.frames if text in taken)
        return True

    def take_line(self, passage: Passage, position: int, most_bytes: int) -> bool:
        """Take one line by itself, if it costs no more than so many bytes and there is room."""
        return self._put(passage, [position], min(most_bytes, self.left_bytes))

    def take_context(self, event: Event) -> None:
        """Take the lines between a taken record and its neighbours, nearest first, while there is room."""
        passage = event.passage
        sheet = self._sheets.get(passage.source.file)
        if sheet is None or _key(passage, event.mark.first) not in sheet.lines:
            return
        before = range(event.mark.first - 1, -1, -1)
        after = range(event.mark.last + 1, len(passage.lines))
        for positions in (after, before):
            for position in positions:
                if _key(passage, position) in sheet.lines or _is_marked(passage, position):
                    break
                if not self._put(passage, [position], self.left_bytes):
                    break

    def holds(self, passage: Passage, position: int) -> bool:
        """Tell whether a line was taken."""
        sheet = self._sheets.get(passage.source.file)
        return sheet is not None and _key(passage, position) in sheet.lines

    def runs(self) -> Iterable[Run]:
        """Give what was taken: files in the order in which they were first taken, lines in order."""
        for sheet in self._sheets.values():
            yield from _runs(sheet)

    def _put(self, passage: Passage, positions: Sequence[int], most_bytes: int) -> bool:
        """Take lines if they add no more than so many bytes."""
        cost = self._cost(passage, positions)
        if cost > most_bytes:
            return False
        self.left_bytes -= cost
        sheet = self._sheets.setdefault(passage.source.file, _Sheet(passage.source))
        for position in positions:
            sheet.lines[_key(passage, position)] = _shown(passage, position)
            sheet.numbers.add(passage.lines[position].number)
        return True

    def _cost(self, passage: Passage, positions: Sequence[int]) -> int:
        """Give the bytes that lines add: headers of new runs on top, those of joined runs taken off."""
        sheet = self._sheets.get(passage.source.file)
        taken: Collection[tuple[int, int]] = sheet.lines if sheet else ()
        known: Collection[int] = sheet.numbers if sheet else ()
        fresh = [p for p in positions if _key(passage, p) not in taken]
        numbers = {passage.lines[p].number for p in fresh if not passage.lines[p].cut_left}
        begun = sum(n - 1 not in known and n - 1 not in numbers for n in numbers)
        joined = sum(n + 1 in known for n in numbers)
        pieces = sum(passage.lines[p].cut_left for p in fresh)
        text = sum(len(_shown(passage, p).encode()) + 1 for p in fresh)
        return text + (begun + pieces - joined) * self._header_bytes(passage.source)

    def _header_bytes(self, source: Source) -> int:
        size = self._headers.get(source.file)
        if size is None:
            number = "9" * self._digits.get(source.file, 10)
            size = self._headers[source.file] = len(header(source, number, number).encode()) + 1
        return size


def header(source: Source, first: object, last: object) -> str:
    """Give the line that a run of lines stands under."""
    return f"== {source.file}:{first}-{last} {source.container or '-'} {source.attempt or '-'}"


def _breaks(passage: Passage, first: int, last: int) -> set[int]:
    """Give positions whose line doesn't stand right behind the one before, in the file."""
    lines = passage.lines
    return {p for p in range(first + 1, last + 1) if lines[p].number != lines[p - 1].number + 1}


def _key(passage: Passage, position: int) -> tuple[int, int]:
    line = passage.lines[position]
    return (line.number, position if line.cut_left else 0)


def _shown(passage: Passage, position: int) -> str:
    return shorten(passage.lines[position].text, MAX_LINE_CHARS)


def _is_marked(passage: Passage, position: int) -> bool:
    return any(mark.first <= position <= mark.last for mark in passage.marks)


def _runs(sheet: _Sheet) -> Iterable[Run]:
    run: list[tuple[int, str]] = []
    for (number, _), text in sorted(sheet.lines.items()):
        if run and number != run[-1][0] + 1:
            yield _run(sheet, run)
            run = []
        run.append((number, text))
    if run:
        yield _run(sheet, run)


def _run(sheet: _Sheet, run: Sequence[tuple[int, str]]) -> Run:
    return Run(
        source=sheet.source,
        numbers=tuple(number for number, _ in run),
        lines=tuple(text for _, text in run),
        repeats=max(sheet.repeats.get(number, 1) for number, _ in run),
        folded=sheet.folds.get(run[0][0], 0),
    )
