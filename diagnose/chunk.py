"""Blocks of a stream in, chunks of whole lines out, and pieces of lines that are too long for one.

A chunk holds clean text, as `diagnose.text.decoded` gives it, still in bytes: whoever wants a line decodes
that line. Memory: about `CHUNK_BYTES`, and what a chunk is joined from.
"""

import re
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from typing import Final

import re2

from diagnose.log import MAX_PIECE_BYTES, Line, Lines
from diagnose.record import Header, parse_header
from diagnose.text import decoded

CHUNK_BYTES: Final = 1024 * 1024
"""Worked on at once: large enough that the work per chunk doesn't count, small enough for the cache."""
_FAST_HEADER: Final = re.compile(
    rb"(?:[0-9]{2}|[0-9]{4})[-/][0-9]{2}[-/][0-9]{2}[ T][0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]{1,9})? "
    rb"(?:INFO|WARN|ERROR|DEBUG)[ :]"
)
"""Some headers, told in less time than `parse_header` takes."""
HEADER_START: Final = (
    r"(?:\[?(?:[0-9]{2}|[0-9]{4})[-/][0-9]{2}[-/][0-9]{2}[ T][0-9]{2}:|"
    r"\[?(?:TRACE|DEBUG|INFO|NOTICE|WARN|ERROR|SEVERE|FATAL|CRITICAL)|\{)"
)
"""What every header begins with, and some other lines."""
_HEADER_LINES: Final = re2.compile(rf"(?m)^{HEADER_START}".encode())
_MAY_BE_HEADER: Final = frozenset(b"[{0123456789TDINWESFC")
_SAMPLE_BYTES: Final = 4096
"""Looked at to tell how long lines are."""
_WIDE_BYTES: Final = 60
"""Long, for a line: CPython finds the end of one with vector instructions, but counts bytes one by one."""
_NEAR_LINES: Final = 40
"""Looked at one by one before a whole chunk is searched for a header."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a line that is longer than `MAX_PIECE_BYTES`, or the last of its parts."""

    raw: bytes
    cut_left: bool
    cut_right: bool

    def line(self, number: int) -> Line:
        """Give it as a line of this number."""
        return Line(number, decoded(self.raw), self.cut_left, self.cut_right)


@dataclass(slots=True)
class Chunk:
    """Whole lines in bytes; each ends with a line feed, the last as well."""

    data: bytes
    _wide: bool | None = field(default=None, init=False, repr=False)

    def text(self, start: int, end: int) -> str:
        """Decode one line; `end` is where its line feed stands."""
        text = self.data[start:end].decode("utf-8", errors="replace")
        return text if text.isascii() and "\0" not in text else text.replace("\0", "\ufffd")

    def line_end(self, start: int) -> int:
        """Find the line feed that ends a line."""
        return self.data.index(b"\n", start)

    def lines(self, start: int, end: int, number: int) -> list[Line]:
        """Decode whole lines; the first has this number."""
        raws = self.data[start:end].split(b"\n")[:-1]
        texts = (raw.decode("utf-8", errors="replace").replace("\0", "\ufffd") for raw in raws)
        return [Line(n, text) for n, text in enumerate(texts, start=number)]

    def count(self, start: int, end: int) -> int:
        """Count whole lines."""
        if end - start < _SAMPLE_BYTES or not self._is_wide():
            return self.data.count(b"\n", start, end)
        return end - start - len(self.data[start:end].replace(b"\n", b""))

    def _is_wide(self) -> bool:
        """Tell whether lines are so long that stepping from end to end is faster than reading each byte."""
        if self._wide is None:
            self._wide = self.data.count(b"\n", 0, _SAMPLE_BYTES) * _WIDE_BYTES < _SAMPLE_BYTES
        return self._wide

    def back(self, start: int, end: int, lines: int) -> int:
        """Find where the last so many lines before `end` begin, or `start` where there are fewer."""
        place = end
        for _ in range(lines):
            if place <= start:
                return start
            place = self.data.rfind(b"\n", start, place - 1) + 1 or start
        return max(place, start)

    def header(self, start: int) -> Header | None:
        """Read the header of the line that begins here."""
        return parse_header(self.text(start, self.line_end(start)))

    def is_header(self, start: int) -> bool:
        """Tell whether the line that begins here has a header."""
        data = self.data
        if data[start] not in _MAY_BE_HEADER:
            return False
        return _FAST_HEADER.match(data, start) is not None or self.header(start) is not None

    def first_header(self, start: int, end: int) -> int:
        """Find the first line with a header, or `end`."""
        place = start
        for _ in range(_NEAR_LINES):
            if place >= end or self.is_header(place):
                return min(place, end)
            place = self.line_end(place) + 1
        found = _HEADER_LINES.finditer(self.data[place:end])
        return next((place + hit.start() for hit in found if self.is_header(place + hit.start())), end)

    def last_header(self, start: int, end: int, wanted: Callable[[int], bool] | None = None) -> int | None:
        """Find the last line with a header, or None; `wanted` may ask for more than that."""
        wanted = wanted or self.is_header
        place = end
        for _ in range(_NEAR_LINES):
            if place <= start:
                return None
            place = self.back(start, place, 1)
            if wanted(place):
                return place
        found = [start + hit.start() for hit in _HEADER_LINES.finditer(self.data[start:place])]
        return next((p for p in reversed(found) if wanted(p)), None)


@dataclass(slots=True)
class _Rest:
    """What came behind the last line feed."""

    data: bytes = b""
    cut_left: bool = False


def chunks(lines: Lines, is_clean: Callable[[bytes], bool]) -> Iterator[Chunk | Piece]:
    """Split a stream.

    Args:
        lines: the stream, not yet read.
        is_clean: tells of whole lines that `decoded` would change nothing in them but invalid UTF-8.

    Yields:
        Chunks, and the pieces of each long line, in order.
    """
    rest = _Rest()
    for data in _gathered(lines.blocks()):
        for part in _parts(rest.data + data if rest.data else data, rest):
            yield part if isinstance(part, Piece) else Chunk(_cleaned(part, is_clean))
    if rest.data and not lines.report.error:
        if rest.cut_left:
            yield Piece(rest.data, cut_left=True, cut_right=False)
        else:
            yield Chunk(_cleaned(rest.data + b"\n", is_clean))


def _gathered(blocks: Iterator[bytes]) -> Iterator[bytes]:
    held: list[bytes] = []
    size = 0
    for block in blocks:
        held.append(block)
        size += len(block)
        if size >= CHUNK_BYTES:
            cut = block.rfind(b"\n") + 1 or len(block)
            rest, held[-1] = block[cut:], block[:cut]
            yield b"".join(held)
            held, size = [rest], len(rest)
    if held:
        yield b"".join(held)


def _cleaned(data: bytes, is_clean: Callable[[bytes], bool]) -> bytes:
    if is_clean(data):
        return data
    return "".join(f"{decoded(raw)}\n" for raw in data.split(b"\n")[:-1]).encode()


def _parts(data: bytes, rest: _Rest) -> Iterator[bytes | Piece]:
    """Cut bytes into runs of whole lines and pieces of long lines; keep what is left in `rest`."""
    begin = place = 0
    if rest.cut_left:
        begin = place = yield from _pieces(data, 0, rest)
    while place < len(data):
        feed = data.rfind(b"\n", place, place + MAX_PIECE_BYTES + 1)
        if feed >= 0:
            place = feed + 1
        elif len(data) - place <= MAX_PIECE_BYTES:
            break
        else:
            if begin < place:
                yield data[begin:place]
            begin = place = yield from _pieces(data, place, rest)
    if begin < place:
        yield data if begin == 0 and place == len(data) else data[begin:place]
    if place < len(data) or not rest.cut_left:
        rest.data = data[place:]


def _pieces(data: bytes, start: int, rest: _Rest) -> Generator[Piece, None, int]:
    """Cut one line into pieces; give where the next line begins."""
    end = data.find(b"\n", start)
    known = end >= 0
    end = end if known else len(data)
    while end - start > MAX_PIECE_BYTES:
        yield Piece(data[start : start + MAX_PIECE_BYTES], rest.cut_left, cut_right=True)
        start, rest.cut_left = start + MAX_PIECE_BYTES, True
    if not known:
        rest.data = data[start:]
        return len(data)
    yield Piece(data[start:end], rest.cut_left, cut_right=False)
    rest.data, rest.cut_left = b"", False
    return end + 1
