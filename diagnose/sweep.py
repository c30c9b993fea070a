"""Chunks of one file in, its scan out, though most lines are only counted.

A sieve names the lines in which something may be found. Between them lie stretches: their lines can be
nothing but context, so it is enough to know where they are, and to decode those that turn out to be wanted.
Around a line that matters everything goes as if every line had been read: which record it belongs to, what
stands before and behind it, what the time was. Memory: a chunk, and what `diagnose.keeper` keeps.
"""

from collections.abc import Sequence
from typing import Final

from diagnose.anchor import Interest
from diagnose.chunk import Chunk, Piece, chunks
from diagnose.course import Course
from diagnose.keeper import Repeat
from diagnose.log import Line, Lines
from diagnose.note import MAX_SIGNS, shows_info
from diagnose.reason import ALL, ATTEMPT, GRADE, HEADER, OWN, RECORD, SECRET, SETTING, SIGN, STOP, TASK
from diagnose.record import MAX_RECORD_LINES, Header, parse_header
from diagnose.sieve import PLACE_BITS, PLACE_MASK, Hits, Sieve
from diagnose.stamp import Stamps, is_dated
from diagnose.stretch import Stretch
from diagnose.task import TaskBook, TaskRef, finished_task, task_of

FIRST_WINDOW_BYTES: Final = 4096
"""Searched for headers first, where lines have none so far; each further window is four times as long."""
_ATTEMPT_BYTES: Final = 40
"""Ends that are alike for so long name the same attempt: "appattempt_" and 29 characters of numbers."""


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
        self._lost: dict[TaskRef, int] = {}
        """Where in the chunk a task was last lost."""
        self._stamps = Stamps()

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
            reasons = ALL if found.lines or found.attempts else self._unseen(TASK | SECRET)
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
        self._lost.clear()
        self._note_info()
        place, window = 0, FIRST_WINDOW_BYTES
        while place < end:
            self._seeks_headers = self._lacks_headers()
            stop = end
            if self._seeks_headers and place + window < end:
                stop, window = chunk.line_end(place + window) + 1, window * 4
            place = self._take_window(place, stop)
        self._note_pending(end)
        self._note_finished()
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
        hits, attempts = self._search(part, headers=self._seeks_headers)
        self._note_attempts(attempts, part)
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
            if reasons:
                reached = self._skip(place, start)
                if reached < start:
                    return reached
                again = reasons == GRADE and self._repeat(start, stop)
                place = stop + 1 if again else self._take(start, stop, reasons)
        return self._skip(place, end)

    def _note_attempts(self, ends: Sequence[int], data: bytes) -> None:
        """Note the attempts whose ids end at these places, each once."""
        for end in {data[max(end - _ATTEMPT_BYTES, 0) : end]: end for end in ends}.values():
            named = data[data.rfind(b"appattempt_", 0, end) : end]
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

    def _repeat(self, start: int, stop: int) -> bool:
        """Count a line with a hint if it is a record of its own and only repeats what was seen before."""
        gap, data, course = self._gap, self._chunk.data, self._course
        if gap is None or course.relevant is not None or course.scan.first_time is None:
            return False
        if not is_dated(data, stop + 1) or not is_dated(data, start):
            return False
        raw = data[start:stop]
        name = self._stamps.template(raw)
        if not raw.isascii() or not course.keeper.is_known(name):
            return False
        gap.after = self._number_at(start)
        course.keeper.repeat(name, Interest.HINT, Repeat(gap.after, raw))
        if gap.start < start:
            course.keeper.leave(gap)
            gap = self._gap = Stretch(self._chunk, stop + 1, stop + 1, loose=False)
        gap.start, gap.end, gap.loose = stop + 1, stop + 1, False
        return True

    def _note(self, start: int, stop: int, reasons: int) -> None:
        """Take what a line says by itself."""
        line = Line(self._number_at(start), self._chunk.text(start, stop))
        if reasons & SECRET:
            self._note_pending(start)
            self._after_secret = stop + 1
        self._course.notes.take(line, reasons)
        self._noted = stop + 1
        if reasons & TASK and (task := task_of(line.text)):
            self._lost[task] = start

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

    def _note_finished(self) -> None:
        """Look for lost tasks that were finished after all."""
        notes, tasks = self._course.notes, self._tasks
        lost = {task for scope, task in tasks.lost - tasks.survived if scope == notes.scope}
        if not lost or not notes.takes_tasks:
            return
        data = self._chunk.data
        for end in self._sieve.finished(data, (task.index for task in lost)):
            start = data.rfind(b"\n", 0, end) + 1
            text = self._chunk.text(start, data.find(b"\n", end))
            task = finished_task(text)
            if task in lost and start > self._lost.get(task, -1):
                tasks.note(notes.scope, text)

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
