"""Records with their interest in, the passages of one file out.

A record with interest stays whole, with lines of context around it. Records of the same template are kept
twice and once more for the last; the rest is counted. Past `MAX_SCAN_BYTES` the least promising passages in
the middle are dropped, and that is counted too.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from diagnose.anchor import Interest
from diagnose.log import Line
from diagnose.passage import Mark, Passage, Scan
from diagnose.record import Header, Level, Record, parse_header, template
from diagnose.stretch import Stretch

MAX_SCAN_BYTES: Final = 256 * 1024
"""Kept of one file: eight times the default excerpt; more would only cost redaction time."""
MAX_REPEATS: Final = 2
MAX_PASSAGE_LINES: Final = 400
MAX_TEMPLATES: Final = 20_000
TAIL_LINES: Final = 30
"""The last lines of a driver's or step's output are kept though nothing in them alarms."""
MAX_LEFT: Final = 200
"""Parts of what passed that are kept before they are put together: a part may be 16 KB."""
SHUTDOWN: Final = ("Invoking stop() from shutdown hook", "Final app status:")


class _Before:
    """The last lines that passed without interest; stretches are decoded when somebody asks."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lines: deque[Line] = deque(maxlen=most)
        self._left: list[Stretch | Sequence[Line]] = []

    def extend(self, lines: Sequence[Line]) -> None:
        if self._left:
            self._left.append(lines)
            if len(self._left) > MAX_LEFT:
                self.last()
        else:
            self._lines.extend(lines)

    def leave(self, stretch: Stretch) -> None:
        self._left.append(stretch)

    def settle(self) -> None:
        """Let go of the chunks of the stretches."""
        last = self._left[-1] if self._left else None
        trimmed = last.trimmed(self._most) if isinstance(last, Stretch) else None
        if trimmed is None:
            self.last()
        else:
            self.clear()
            self._left.append(trimmed)

    def clear(self) -> None:
        self._lines.clear()
        self._left.clear()

    def last(self) -> list[Line]:
        """Give as many as are remembered."""
        missing, found = self._most, []
        while self._left and missing > 0:
            part = self._left.pop()
            lines = part.last(missing) if isinstance(part, Stretch) else part[-missing:]
            found.append(lines)
            missing -= len(lines)
        self._left.clear()
        for lines in reversed(found):
            self._lines.extend(lines)
        return list(self._lines)


class Repeat(NamedTuple):
    """A record of a known template and with a dated header, before it is decoded."""

    number: int
    """Of its first line."""
    raw: bytes
    """Its lines, without the last line feed; ASCII."""

    def record(self) -> Record:
        """Give it as it would have been read."""
        lines = tuple(Line(n, text) for n, text in enumerate(self.raw.decode().split("\n"), self.number))
        header = parse_header(lines[0].text)
        return Record(lines, header, header.time if header else None)


class Keeper:
    """Decides, record by record, what stays in memory."""

    def __init__(self, scan: Scan, context_lines: int) -> None:
        self._scan = scan
        self._context = context_lines
        self._before = _Before(max(context_lines, TAIL_LINES))
        self._lines: list[Line] = []
        self._marks: list[Mark] = []
        self._after = 0
        self._last: dict[str, tuple[Record | Repeat, Interest | None, bool]] = {}
        self._seen: dict[str, int] = {}
        self._size = 0
        self.after_end = False
        """The driver has begun to shut down."""

    @property
    def calm(self) -> bool:
        """Tell whether no passage is open: lines without interest are only context for what may come."""
        return not self._lines

    def add(self, record: Record, interest: Interest) -> None:
        """Take the next record."""
        if not self.after_end and any(word in record.lines[0].text for word in SHUTDOWN):
            self.after_end = True
        name = template(record) if interest > Interest.CONTEXT else ""
        if name and self._is_repeat(name):
            self._last[name] = (record, interest, self.after_end)
            self._close()
        elif interest > Interest.CONTEXT:
            self._keep(record, interest, name)
        else:
            self._pass(record)

    @property
    def wanted_lines(self) -> int:
        """How many lines of context the open passage still takes."""
        return self._after

    def follow(self, lines: Sequence[Line]) -> None:
        """End the open passage with all the lines it still takes; more without interest come behind them."""
        self._lines.extend(lines)
        self._close()

    def leave(self, stretch: Stretch) -> None:
        """Take lines of records without interest, all closed; only while `calm`."""
        self._before.leave(stretch)

    def settle(self) -> None:
        """Let go of the chunks of the stretches."""
        self._before.settle()

    def finish(self, grade: Callable[[Record], Interest], *, tail: bool) -> None:
        """Take in that the log has ended.

        Args:
            grade: tells the interest of a record.
            tail: the log's last lines are kept.
        """
        before = self._before.last() if tail else []
        if before:
            fresh = [line for line in before if not self._lines or line.number > self._lines[-1].number]
            self._extend_tail(fresh[-TAIL_LINES:])
        self._close()
        kept = {line.number for p in self._scan.passages for line in p.lines}
        for name, (last, interest, after_end) in self._last.items():
            record = last.record() if isinstance(last, Repeat) else last
            if record.lines[0].number not in kept:
                self.after_end = after_end
                self._append_alone(record, grade(record) if interest is None else interest, name)
        self._append_statements()
        self._scan.passages.sort(key=lambda p: p.lines[0].number)
        self._scan.note_sink()
        self._scan.counts = {name: count for name, count in self._seen.items() if count > MAX_REPEATS}

    def is_known(self, name: str) -> bool:
        """Tell whether a further record of this template only has to be counted."""
        return self._seen.get(name, 0) >= MAX_REPEATS

    def repeat(self, name: str, interest: Interest | None, again: Repeat) -> None:
        """Count a record whose template is known; only while `calm`.

        Args:
            name: its template.
            interest: more than context; None where that is so but how much more has not been asked.
            again: the record.
        """
        self._seen[name] += 1
        self._last[name] = (again, interest, self.after_end)

    def _is_repeat(self, name: str) -> bool:
        if name not in self._seen and len(self._seen) >= MAX_TEMPLATES:
            return False
        self._seen[name] = self._seen.get(name, 0) + 1
        return self._seen[name] > MAX_REPEATS

    def _keep(self, record: Record, interest: Interest, name: str) -> None:
        if len(self._lines) > MAX_PASSAGE_LINES:
            self._close()
        if not self._lines:
            self._lines.extend(self._before.last()[-self._context :] if self._context else [])
        self._before.clear()
        self._marks.append(self._mark(record, interest, name, len(self._lines)))
        self._lines.extend(record.lines)
        self._after = self._context

    def _mark(self, record: Record, interest: Interest, name: str, first: int) -> Mark:
        return Mark(
            first=first,
            last=first + len(record.lines) - 1,
            interest=interest,
            level=record.level,
            time=record.time,
            logger=record.header.logger if record.header else "",
            traceback=record.traceback,
            template=name,
            after_end=self.after_end,
        )

    def _pass(self, record: Record) -> None:
        """Take a record without interest: context after a kept one, or context before the next."""
        lines = record.lines
        if self._lines and self._after:
            taken = lines[: self._after]
            self._lines.extend(taken)
            self._after -= len(taken)
            lines = lines[len(taken) :]
        if lines:
            if self._lines:
                self._close()
            self._before.extend(lines)

    def _extend_tail(self, lines: list[Line]) -> None:
        if not lines:
            return
        if self._lines and lines[0].number > self._lines[-1].number + 1:
            self._close()
        first = len(self._lines)
        self._lines.extend(lines)
        mark = Mark(
            first=first,
            last=len(self._lines) - 1,
            interest=Interest.TAIL,
            level=Level.NONE,
            time=None,
            logger="",
            traceback=False,
            template="",
            after_end=self.after_end,
        )
        self._marks.append(mark)

    def _append_alone(self, record: Record, interest: Interest, name: str) -> None:
        self._lines, self._marks = list(record.lines), [self._mark(record, interest, name, 0)]
        self._close()

    def _append_statements(self) -> None:
        """Add what settings were, each line as a passage without interest, where no passage holds it."""
        kept = {line.number for p in self._scan.passages for line in p.lines}
        for line in self._scan.statements:
            if line.number not in kept and self._size + len(line.text) <= MAX_SCAN_BYTES:
                self.after_end = False
                record = Record((line,), Header(Level.INFO, None, "", 0), None)
                self._append_alone(record, Interest.CONTEXT, "")

    def _close(self) -> None:
        if self._lines:
            passage = Passage(self._scan.source, tuple(self._lines), tuple(self._marks))
            self._scan.passages.append(passage)
            self._size += passage.size
            self._shrink()
        self._lines, self._marks, self._after = [], [], 0

    def _shrink(self) -> None:
        passages = self._scan.passages
        while self._size > MAX_SCAN_BYTES and len(passages) > 2:
            lowest = min(p.interest for p in passages)
            places = [i for i, p in enumerate(passages) if p.interest == lowest]
            dropped = passages.pop(places[len(places) // 2])
            self._size -= dropped.size
            self._scan.dropped += 1
