"""A run of lines that nobody looked at: where it stands, and what may still be asked of it.

A stretch holds whole records, none of them of any interest. Its last lines may become the context of what
comes behind it, and its last header the time of a record that has none.
"""

from dataclasses import dataclass
from datetime import datetime

from diagnose.chunk import Chunk
from diagnose.log import Line
from diagnose.record import MAX_RECORD_CHARS, MAX_RECORD_LINES, records


@dataclass(slots=True)
class Stretch:
    """Whole lines of a chunk, from the beginning of a record to the end of one."""

    chunk: Chunk
    start: int
    end: int
    loose: bool
    """No line in it has a header, and each is a record; otherwise each record begins with a header."""
    after: int = 0
    """The number of the line behind it, once that is known."""

    def last(self, most: int) -> list[Line]:
        """Give the last lines as their records hold them: a huge record loses lines in its middle."""
        start = self.chunk.back(self.start, self.end, most)
        if not self.loose and start > self.start and not self.chunk.is_header(start):
            start = self.chunk.last_header(self.start, start) or self.start
        lines = self._whole(start)
        if not self.loose and (
            len(lines) >= MAX_RECORD_LINES // 2 or self.end - start >= MAX_RECORD_CHARS // 2
        ):
            lines = _as_recorded(lines)
            if len(lines) < most and start > self.start:
                lines = _as_recorded(self._whole(self.start))
        return lines[-most:]

    def trimmed(self, most: int) -> "Stretch | None":
        """Give its last lines apart from the chunk, or None where it has not so many, or huge ones."""
        start = self.chunk.back(self.start, self.end, most)
        if not self.loose and start > self.start and not self.chunk.is_header(start):
            start = self.chunk.last_header(self.start, start) or self.start
        if self.end - start >= MAX_RECORD_CHARS // 2:
            return None
        data = self.chunk.data[start : self.end]
        if not most <= data.count(b"\n") < MAX_RECORD_LINES // 2:
            return None
        return Stretch(Chunk(data), 0, len(data), self.loose, self.after)

    def last_time(self) -> datetime | None:
        """Give the time of the last header that has one."""
        if self.loose:
            return None
        place = self.chunk.last_header(self.start, self.end, self._has_time)
        header = None if place is None else self.chunk.header(place)
        return header.time if header else None

    def _whole(self, start: int) -> list[Line]:
        return self.chunk.lines(start, self.end, self.after - self.chunk.count(start, self.end))

    def _has_time(self, place: int) -> bool:
        header = self.chunk.header(place)
        return header is not None and header.time is not None


def _as_recorded(lines: list[Line]) -> list[Line]:
    return [line for record in records(lines) for line in record.lines]
