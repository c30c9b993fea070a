"""Chunks of one file in, its scan out, though most lines are only counted.

A sieve names the lines in which something may be found. Between them lie stretches: their lines can be
nothing but context, so it is enough to know where they are, and to decode those that turn out to be wanted.
Around a line that matters everything goes as if every line had been read: which record it belongs to, what
stands before and behind it, what the time was. Memory: a chunk, and what `diagnose.keeper` keeps.
"""

import re
from bisect import bisect_left
from collections.abc import Sequence
from typing import Final

from diagnose.anchor import Interest
from diagnose.chunk import Chunk, Piece, chunks
from diagnose.course import Course
from diagnose.keeper import Repeat
from diagnose.log import Line, Lines
from diagnose.loss import Losses
from diagnose.note import ATTEMPT_ID, MAX_SIGNS, shows_info
from diagnose.reason import ALL, ATTEMPT, DIRE, GRADE, HEADER, OWN, RECORD, SECRET, SETTING, SIGN, STOP, TASK
from diagnose.record import MAX_RECORD_CHARS, MAX_RECORD_LINES, Header, Record, parse_header
from diagnose.sieve import PLACE_BITS, PLACE_MASK, Hits, Sieve
from diagnose.stamp import Stamps, is_dated, is_loud, record_end
from diagnose.stretch import Stretch
from diagnose.task import TaskBook

FIRST_WINDOW_BYTES: Final = 4096
"""Searched for headers first, where lines have none so far; each further window is four times as long."""
_SIMPLE: Final = GRADE | DIRE | TASK
"""Reasons of records that may be nothing but a repeat."""
_ATTEMPT: Final = re.compile(ATTEMPT_ID.pattern.encode())


class Sweep:
    """Drives the scan of one file over its chunks.

    Args:
        course: the scan, which takes the lines that matter.
        tasks: lost tasks of all files.
        sieve: names the lines that matter.
    """

    def __init__(self, course: Course, tasks: TaskBook, sieve: Sieve) -> None:
        self._course = course
        self._tasks = tasks
        self._sieve = sieve
        self._chunk = Chunk(b"")
        self._gap: Stretch | None = None
        self._seeks_headers = True
        self._place, self._number = 0, 1
        """A place in the chunk, and the number of the line that begins there."""
        self._first = 1
        """The number of the chunk's first line."""
        self._noted = 0
        """Where the lines end that were noted by themselves."""
        self._after_secret = 0
        """Where the line begins that stands behind the last one that may name a secret."""
        self._losses = Losses(tasks, sieve)
        self._stamps = Stamps()
        self._hits: Sequence[int] = ()
        self._base, self._end = 0, 0  # of the window, as the hits are

    def run(self, lines: Lines) -> None:
        """Read a stream to its end."""
        for part in chunks(lines, self._sieve.is_clean):
            if isinstance(part, Piece):
                self._take_piece(part)
            elif self._sieve.pays(len(part.data)):
                self._take_chunk(part)
            else:
                self._take_all(part)

    def _take_all(self, chunk: Chunk) -> None:
        """Take each line of a chunk."""
        for line in chunk.lines(0, len(chunk.data), self._number):
            self._course.take(line)
        self._number += chunk.count(0, len(chunk.data))

    def _take_piece(self, piece: Piece) -> None:
        """Take a part of an overlong line as a line of its own."""
        course, data = self._course, piece.raw + b"\n"
        self._first = self._number
        line, reasons = piece.line(self._number), ALL
        if self._sieve.pays(len(data)) and self._sieve.is_clean(data):
            found = self._search(data, headers=False)
            reasons = ALL if found.lines or found.names_attempt else self._unseen(TASK | SECRET)
        course.scan.lines += 1
        course.notes.take(line, reasons)
        course.scan.info_seen = course.scan.info_seen or shows_info(line.text)
        course.group(line, None if line.cut_left else parse_header(line.text), reasons)
        if not line.cut_right:
            self._number += 1

    def _unseen(self, wanted: int) -> int:
        """Give the reasons that don't show in a line itself: a secret before it, tasks lost before."""
        secret = SECRET if self._course.notes.witness.pending else 0
        return wanted & (secret | (TASK if self._tasks.lost else 0))

    def _take_chunk(self, chunk: Chunk) -> None:
        first, end = self._number, len(chunk.data)
        self._first = first
        self._chunk, self._place, self._noted, self._after_secret = chunk, 0, 0, 0
        self._note_info()
        place, window = 0, FIRST_WINDOW_BYTES
        while place < end:
            self._seeks_headers = self._lacks_headers()
            stop = end
            if self._seeks_headers and place + window < end:
                stop, window = chunk.line_end(place + window) + 1, window * 4
            place = self._take_window(place, stop)
        self._note_pending(end)
        self._losses.settle(chunk, self._course.notes)
        self._settle()
        self._course.keeper.settle()
        self._course.scan.lines += self._number_at(end) - first
        self._chunk = Chunk(b"")

    def _lacks_headers(self) -> bool:
        return self._course.scan.first_time is None or self._is_loose()

    def _is_loose(self) -> bool:
        """Tell whether the next line without a header is a record of its own."""
        if self._gap is not None:
            return self._gap.loose
        current = self._course.grouper.current
        return current is None or current.header is None

    def _search(self, data: bytes, *, headers: bool) -> Hits:
        notes = self._course.notes
        return self._sieve.search(
            data,
            own=self._course.seeks_own,
            headers=headers,
            applications=notes.takes_applications,
            settings=notes.takes_settings(self._first),
        )

    def _take_window(self, place: int, end: int) -> int:
        """Take lines up to `end`; give where lines are left that must be searched for headers first."""
        data, base = self._chunk.data, place
        part = data if end - base == len(data) else data[base:end]
        hits, names_attempt = self._search(part, headers=self._seeks_headers)
        self._hits, self._base, self._end = hits, base, end
        if names_attempt:
            self._note_attempts(part)
        i, count = 0, len(hits)
        while i < count:
            last = (hits[i] >> PLACE_BITS) - 1 + base
            start, stop = data.rfind(b"\n", 0, last) + 1, data.find(b"\n", last)
            bound = (stop + 2 - base) << PLACE_BITS
            reasons = 0
            while i < count and hits[i] < bound:
                reasons |= 1 << (hits[i] & PLACE_MASK)
                i += 1
            if not reasons or (reasons == OWN and self._stamps.is_platforms(data, start)):
                continue
            if reasons != GRADE:
                reasons &= self._live()
            if reasons and not self._stamps.is_told(data, start, stop, reasons):
                reached = self._skip(place, start)
                if reached < start:
                    return reached
                place = self._again(start, stop, reasons, i) or self._take(start, stop, reasons)
                if place > stop + 1:
                    i = bisect_left(hits, (place + 1 - base) << PLACE_BITS, i)
        return self._skip(place, end)

    def _note_attempts(self, data: bytes) -> None:
        """Note the attempts that some lines name, each once."""
        if self._course.notes.takes_attempts:
            for named in {hit[0] for hit in _ATTEMPT.finditer(data)}:
                self._course.notes.take(Line(0, named.decode()), ATTEMPT)

    def _live(self) -> int:
        """Give the reasons that can still change anything."""
        course = self._course
        dead = (0 if course.seeks_own else OWN) | (SIGN if len(course.scan.signs) >= MAX_SIGNS else 0)
        dead |= 0 if course.notes.takes_tasks else TASK
        dead |= 0 if course.notes.takes_settings(self._first) else SETTING
        dead |= SECRET if course.notes.witness.full else 0
        return ALL & ~(dead | (STOP if course.keeper.after_end else 0))

    def _take(self, start: int, stop: int, reasons: int) -> int:
        """Take one line that may matter; give where the lines begin that are not in a record yet."""
        if reasons & HEADER and not self._header_matters(start):
            reasons &= ~HEADER
        notes = reasons & ~RECORD
        if notes and start >= self._noted:
            self._note(start, stop, notes)
        if not reasons & RECORD:
            return start
        line, header = self._line(start, stop)
        if self._gap is not None:
            self._end_gap(header)
        self._course.group(line, header, reasons & RECORD)
        return stop + 1

    def _header_matters(self, start: int) -> bool:
        if self._is_loose():
            return True
        if self._course.scan.first_time is not None or self._chunk.data[start] == ord("{"):
            return False
        header = self._chunk.header(start)
        return header is not None and header.time is not None

    def _again(self, start: int, stop: int, reasons: int, following: int) -> int:
        """Count a record that only repeats what was seen before, or pass one that is somebody else's.

        Args:
            start: where its first line begins.
            stop: where its first line ends.
            reasons: of its first line.
            following: the place in the hits of those behind that line.

        Returns:
            Where the lines begin that are not in a record yet; 0 where the record has to be read.
        """
        gap, course, data = self._gap, self._course, self._chunk.data
        if gap is None or reasons & ~_SIMPLE or course.scan.first_time is None:
            return 0
        after = record_end(data, stop) if (is_loud if reasons & DIRE else is_dated)(data, start) else 0
        if not after or (after > stop + 1 and self._says_more(start, after, reasons, following)):
            return 0
        if reasons & TASK and start >= self._noted:
            self._note(start, stop, TASK)
        if course.relevant is not None:
            if after > stop + 1 or gap.loose:
                return 0
            line, header = self._line(start, stop)
            if not course.relevant(Record((line,), header, header.time if header else None)):
                return start
        name = self._stamps.template(raw := data[start : after - 1])
        if not course.keeper.is_known(name):
            return 0
        gap.after = self._number_at(start)
        course.keeper.repeat(name, None if reasons & DIRE else Interest.HINT, Repeat(gap.after, raw))
        if gap.start < start:
            course.keeper.leave(gap)
            gap = self._gap = Stretch(self._chunk, after, after, loose=False)
        gap.start, gap.end, gap.loose = after, after, False
        return after

    def _says_more(self, start: int, after: int, reasons: int, following: int) -> bool:
        """Tell whether the lines below a record's first have to be looked at one by one."""
        data, hits = self._chunk.data, self._hits
        many = self._chunk.count(start, after) > MAX_RECORD_LINES // 2
        if many or after > self._end or after - start >= MAX_RECORD_CHARS // 2:
            return True
        live = self._live() & ~(GRADE | (reasons & DIRE))
        for hit in hits[following : bisect_left(hits, (after + 1 - self._base) << PLACE_BITS, following)]:
            bit, last = 1 << (hit & PLACE_MASK), (hit >> PLACE_BITS) - 1 + self._base
            frame = data.startswith(b"\tat ", data.rfind(b"\n", 0, last) + 1)
            if bit & (live & ~(OWN | SIGN) if frame else live):
                return True
        return False

    def _note(self, start: int, stop: int, reasons: int) -> None:
        """Take what a line says by itself."""
        line = Line(self._number_at(start), self._chunk.text(start, stop))
        if reasons & SECRET:
            self._note_pending(start)
            self._after_secret = stop + 1
        self._course.notes.take(line, reasons)
        self._noted = stop + 1
        if reasons & TASK:
            self._losses.note(line.text, start)

    def _note_pending(self, place: int) -> None:
        """Take the line behind one that may name a secret, where it stands before this place."""
        witness = self._course.notes.witness
        if witness.pending and self._after_secret < place:
            stop = self._chunk.line_end(self._after_secret)
            witness.note(self._chunk.text(self._after_secret, stop), hit=False)

    def _note_info(self) -> None:
        """Look for a line that was logged as INFO, once."""
        data, scan = self._chunk.data, self._course.scan
        place = -1 if scan.info_seen else 0
        while place >= 0 and not scan.info_seen:
            place = data.find(b" INFO ", place)
            if place >= 0:
                start, stop = data.rfind(b"\n", 0, place) + 1, self._chunk.line_end(place)
                scan.info_seen = shows_info(self._chunk.text(start, stop))
                place = stop

    def _line(self, start: int, stop: int) -> tuple[Line, Header | None]:
        text = self._chunk.text(start, stop)
        return Line(self._number_at(start), text), parse_header(text)

    def _number_at(self, place: int) -> int:
        """Number the line that begins at a place."""
        if place >= self._place:
            self._number += self._chunk.count(self._place, place)
        else:
            self._number -= self._chunk.count(place, self._place)
        self._place = place
        return self._number

    def _skip(self, place: int, end: int) -> int:
        """Pass lines in which nothing can be found; give where the headers must be known to go on."""
        course, gap = self._course, self._gap
        if gap is not None and not gap.loose:
            gap.end = end
            return end
        while place < end:
            current = course.grouper.current
            if self._is_loose() and not self._seeks_headers and not (current and current.traceback):
                return place
            if self._gap is not None:
                self._gap.end = place = end
            elif current is None:
                place = self._pass(place, loose=True)
            elif current.traceback:
                place = self._step(place)
            elif current.header is None:
                course.close()
            else:
                header = self._chunk.first_header(place, end)
                self._absorb(place, header)
                place = header
                if place < end:
                    course.close()
                    place = self._pass(self._follow(place, end), loose=False)
        return place

    def _pass(self, place: int, *, loose: bool) -> int:
        """Begin a gap at the beginning of a record, or take its line while a passage is open."""
        if not self._course.keeper.calm:
            return self._step(place)
        self._gap = Stretch(self._chunk, place, place, loose)
        return place

    def _follow(self, start: int, end: int) -> int:
        """Give an open passage the lines behind it, where each is plainly a record; tell where that ends."""
        keeper, data = self._course.keeper, self._chunk.data
        if keeper.calm or self._course.scan.first_time is None:
            return start
        place = last = next_one = start
        for _ in range(keeper.wanted_lines + 2):  # the record behind them must have ended as well
            if next_one >= end or not is_dated(data, next_one):
                return start
            place, last, next_one = last, next_one, self._chunk.line_end(next_one) + 1
        keeper.follow(self._chunk.lines(start, place, self._number_at(start)))
        return place

    def _step(self, place: int) -> int:
        stop = self._chunk.line_end(place)
        line, header = self._line(place, stop)
        self._course.group(line, header, 0)
        return stop + 1

    def _absorb(self, start: int, end: int) -> None:
        """Add lines without header to the open record; of very many only those that it will hold."""
        current = self._course.grouper.current
        if current is None or start >= end:
            return
        half = MAX_RECORD_LINES // 2
        data = self._chunk.data
        many = self._chunk.count(start, end) > 2 * half
        if many and not data.startswith(b"\tat ", start) and data.find(b"\n\tat ", start, end) < 0:
            while current.has_room:
                stop = self._chunk.line_end(start)
                current.add(self._line(start, stop)[0])
                start = stop + 1
            start = self._chunk.back(start, end, half)
        for line in self._chunk.lines(start, end, self._number_at(start)):
            current.add(line)

    def _end_gap(self, header: Header | None) -> None:
        """End the gap before a line that matters."""
        if header is None or header.time is None:
            self._settle()
        elif self._gap is not None:
            self._leave(self._gap)
            self._gap = None

    def _leave(self, gap: Stretch) -> None:
        if gap.start < gap.end:
            gap.after = self._number_at(gap.end)
            self._course.keeper.leave(gap)

    def _settle(self) -> None:
        """Make of the gap what it is: closed records, and the one that is open at its end."""
        gap, self._gap = self._gap, None
        if gap is None:
            return
        if gap.loose:
            self._leave(gap)
            return
        chunk, grouper = self._chunk, self._course.grouper
        last = chunk.last_header(gap.start, gap.end) or gap.start
        closed = Stretch(chunk, gap.start, last, loose=False)
        stop = chunk.line_end(last)
        self._leave(closed)
        line, header = self._line(last, stop)
        if header is None or header.time is None:
            grouper.now = closed.last_time() or grouper.now
        self._course.group(line, header, 0)
        self._absorb(stop + 1, gap.end)
