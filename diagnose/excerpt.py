"""Redacted events in, the excerpt out: the lines that explain the failure, ranked, within a hard budget.

Ranking comes before cutting: the root cause and what ended the run first, shutdown noise last. Records are
taken whole; one larger than its share is folded to its messages and first frames. What budget is left
buys context lines around the best records.
`LogExcerpt.render()` is plain text: redacted log lines otherwise unchanged, each block of consecutive lines
under one line `== <file>:<first>-<last> <container> <attempt>` (`-` where there is none).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Protocol

from diagnose.anchor import Interest
from diagnose.finding import Event, Finding, Standing, is_frame
from diagnose.layout import Source
from diagnose.ranking import Judgement
from diagnose.record import Level
from diagnose.scan import Passage
from diagnose.signature import Role

MAX_LINE_CHARS: Final = 4000
"""Longest line shown; two excerpt lines of this length leave most of the default budget."""
ELLIPSIS: Final = "…"
_SHARE: Final = 0.4
"""A record may take this share of the budget before it is folded."""
_FOLDED_FRAMES: Final = 4
_FOLD_SHARE_MIN_BYTES: Final = 512


class Baseline(Protocol):
    """What a good run of the same job printed."""

    def seen(self, template: str) -> bool:
        """Tell whether a line of this template was in a good run."""
        ...


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


def shorten(text: str, limit: int) -> str:
    """Cut a text to a number of characters, with an ellipsis when something is cut."""
    return text if len(text) <= limit else text[:limit].rstrip() + ELLIPSIS


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
    weigher = _Weigher(found, judgement, signs, baseline)
    ranked = sorted(happened, key=lambda e: (-weigher.weigh(e), e.order))
    page = _Page(max_bytes, repeats)
    left_out = 0
    for event in ranked:
        if weigher.weigh(event) > 0:
            left_out += not page.take(event)
    for event in ranked:
        page.take_context(event)
    return LogExcerpt(
        blocks=_within(page.blocks(), max_bytes),
        gaps=tuple(gaps),
        max_bytes=max_bytes,
        lines_read=lines_read,
        records_left_out=left_out,
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


class _Weigher:
    """Says what an event is worth in the excerpt."""

    def __init__(
        self,
        found: Sequence[Finding],
        judgement: Judgement,
        signs: frozenset[tuple[str, int]],
        baseline: Baseline | None,
    ) -> None:
        self._roles: dict[int, set[Role]] = {}
        for finding in found:
            self._roles.setdefault(id(finding.event), set()).add(finding.signature.role)
        chief = [f.event for f in (judgement.primary, judgement.aftermath) if f]
        chief += [judgement.unknown] if judgement.unknown else []
        self._chief = {id(event) for event in chief}
        self._support = {id(f.event) for f in (*judgement.supports[:6], *judgement.rivals[:3])}
        self._signs = signs
        self._baseline = baseline

    def weigh(self, event: Event) -> float:
        if id(event) in self._chief:
            return 100
        if id(event) in self._support:
            return 85 + event.standing
        weight = self._by_place(event)
        if self._baseline and self._baseline.seen(event.mark.template):
            weight /= 4
        return weight

    def _by_place(self, event: Event) -> float:
        roles = self._roles.get(id(event), set())
        if event.standing is Standing.TERMINAL:
            return 80
        if self._is_sign(event):
            return 55
        if roles == {Role.NOISE}:
            return 2
        if event.standing is Standing.PAST:
            return 8
        if Role.CAUSE in roles:
            return 60 + event.standing
        return 45 + event.standing if roles else _plain_weight(event)

    def _is_sign(self, event: Event) -> bool:
        if not self._signs:
            return False
        lines = event.passage.lines[event.mark.first : event.mark.last + 1]
        return any((event.source.file, line.number) in self._signs for line in lines)


def _plain_weight(event: Event) -> float:
    by_interest = {
        Interest.FATAL: 40,
        Interest.ERROR: 30,
        Interest.WARNING: 14,
        Interest.TAIL: 18,
        Interest.HINT: 10,
    }
    weight = by_interest.get(event.mark.interest, 0)
    return weight + event.standing + (1 if event.mark.level is Level.ERROR else 0)


@dataclass(slots=True)
class _Sheet:
    """The lines taken of one file, by position of the piece."""

    source: Source
    lines: dict[tuple[int, int], str] = field(default_factory=dict)
    repeats: dict[int, int] = field(default_factory=dict)
    """By the number of a record's first line: how often its template occurred."""


class _Page:
    """Takes records while there is room; knows what its blocks will cost."""

    def __init__(self, max_bytes: int, repeats: Mapping[tuple[str, str], int]) -> None:
        self._repeats = repeats
        self._left = max_bytes
        self._max = max_bytes
        self._sheets: dict[str, _Sheet] = {}

    def take(self, event: Event) -> bool:
        """Take a record whole, folded when it is larger than its share; false when there is no room."""
        wanted = _whole(event)
        if self._cost(event, wanted) > max(self._max * _SHARE, _FOLD_SHARE_MIN_BYTES):
            wanted = _folded(event)
        while wanted and self._cost(event, wanted) > self._left and len(wanted) > 1:
            wanted = wanted[: len(wanted) // 2] if len(wanted) > 2 * _FOLDED_FRAMES else wanted[:1]
        if not wanted or self._cost(event, wanted) > self._left:
            return False
        self._put(event, wanted)
        source, mark = event.source, event.mark
        count = self._repeats.get((source.file, mark.template), 1)
        self._sheets[source.file].repeats[event.passage.lines[mark.first].number] = count
        return True

    def take_context(self, event: Event) -> None:
        """Take the lines between a taken record and its neighbours, nearest first, while there is room."""
        sheet = self._sheets.get(event.source.file)
        passage = event.passage
        if sheet is None or _key(passage, event.mark.first) not in sheet.lines:
            return
        before = range(event.mark.first - 1, -1, -1)
        after = range(event.mark.last + 1, len(passage.lines))
        for positions in (after, before):
            for position in positions:
                if _key(passage, position) in sheet.lines or _is_marked(passage, position):
                    break
                if self._cost(event, [position]) > self._left:
                    break
                self._put(event, [position])

    def blocks(self) -> tuple[Block, ...]:
        """Give the taken lines as blocks: files in the order in which they were first taken."""
        return tuple(block for sheet in self._sheets.values() for block in _sheet_blocks(sheet))

    def _put(self, event: Event, positions: Sequence[int]) -> None:
        self._left -= self._cost(event, positions)
        sheet = self._sheets.setdefault(event.source.file, _Sheet(event.source))
        for position in positions:
            sheet.lines[_key(event.passage, position)] = _shown(event.passage, position)

    def _cost(self, event: Event, positions: Sequence[int]) -> int:
        """Bound the bytes that some lines add: every run of them may open a block of its own."""
        sheet = self._sheets.get(event.source.file)
        taken = sheet.lines if sheet else {}
        fresh = [p for p in positions if _key(event.passage, p) not in taken]
        text = sum(len(_shown(event.passage, p).encode()) + 1 for p in fresh)
        numbers = [event.passage.lines[p].number for p in fresh]
        starts = [n for i, n in enumerate(numbers) if i == 0 or n != numbers[i - 1] + 1]
        known = {number for number, _ in taken}
        runs = sum(1 for n in starts if n - 1 not in known)
        return text + runs * _header_bytes(event.source)


def _header_bytes(source: Source) -> int:
    return len(f"== {source.file}:9999999999-9999999999 {source.container or '-'} 99\n".encode())


def _key(passage: Passage, position: int) -> tuple[int, int]:
    line = passage.lines[position]
    return (line.number, position if line.cut_left else 0)


def _shown(passage: Passage, position: int) -> str:
    return shorten(passage.lines[position].text, MAX_LINE_CHARS)


def _whole(event: Event) -> list[int]:
    return list(range(event.mark.first, event.mark.last + 1))


def _folded(event: Event) -> list[int]:
    """Keep a record's messages and the first frames below each; frames are what repeats."""
    kept: list[int] = []
    frames = 0
    for position, text in event.lines:
        frame = is_frame(text, traceback=event.mark.traceback)
        frames = frames + 1 if frame else 0
        if not frame or frames <= _FOLDED_FRAMES:
            kept.append(position)
    return kept


def _is_marked(passage: Passage, position: int) -> bool:
    return any(mark.first <= position <= mark.last for mark in passage.marks)


def _sheet_blocks(sheet: _Sheet) -> Iterable[Block]:
    run: list[tuple[int, str]] = []
    for (number, _), text in sorted(sheet.lines.items()):
        if run and number != run[-1][0] + 1:
            yield _block(sheet, run)
            run = []
        run.append((number, text))
    if run:
        yield _block(sheet, run)


def _block(sheet: _Sheet, run: Sequence[tuple[int, str]]) -> Block:
    source = sheet.source
    return Block(
        file=source.file,
        container=source.container,
        attempt=source.attempt,
        numbers=tuple(number for number, _ in run),
        lines=tuple(text for _, text in run),
        repeats=max(sheet.repeats.get(number, 1) for number, _ in run),
    )
