"""Log lines in, records out: a header line with all that belongs to it, or one exception with its trace.

A record begins at a line with a log header (Spark's, Hadoop's, EMR's step controller, Python's logging), at
`Traceback (most recent call last):` and at `Exception in thread "…"`. In streams without headers (standard
output) each line that belongs to no exception is a record of its own.
Limits: a record keeps at most `MAX_RECORD_LINES` lines and `MAX_RECORD_CHARS` characters, its first and its
last; each further piece of an overlong line is a record of its own.
"""

import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import IntEnum
from typing import Final

from diagnose.log import Line

MAX_RECORD_LINES: Final = 600
"""A Spark trace with ten `Caused by` has about 400 lines; longer records lose their middle."""
MAX_RECORD_CHARS: Final = 128 * 1024
MAX_LATE_FRAMES: Final = 8
"""Once a record's beginning is full, only the first frames below each further message are kept."""


class Level(IntEnum):
    """The level a header names; NONE where there is no header."""

    NONE = 0
    DEBUG = 1
    INFO = 2
    WARN = 3
    ERROR = 4


@dataclass(frozen=True, slots=True)
class Header:
    """What a log header says: when (UTC), how loud, by which logger."""

    level: Level
    time: datetime | None
    logger: str
    message_start: int


@dataclass(frozen=True, slots=True)
class Record:
    """Lines that belong together, in order, and the header they stand under."""

    lines: tuple[Line, ...]
    header: Header | None
    time: datetime | None
    """The header's time, or that of the last header before."""
    traceback: bool = False
    """The record is a Python traceback or a bare Java exception, not a logged event."""

    @property
    def level(self) -> Level:
        """The header's level, NONE without a header."""
        return self.header.level if self.header else Level.NONE


_LEVELS: Final = {
    "TRACE": Level.DEBUG, "DEBUG": Level.DEBUG, "INFO": Level.INFO, "NOTICE": Level.INFO,
    "WARN": Level.WARN, "WARNING": Level.WARN, "ERROR": Level.ERROR, "SEVERE": Level.ERROR,
    "FATAL": Level.ERROR, "CRITICAL": Level.ERROR,
}  # fmt: skip
_LEVEL: Final = r"(?P<level>TRACE|DEBUG|INFO|NOTICE|WARN(?:ING)?|ERROR|SEVERE|FATAL|CRITICAL)"
_DATE: Final = (
    r"(?P<year>[0-9]{2}|[0-9]{4})[-/](?P<month>[0-9][0-9])[-/](?P<day>[0-9][0-9])[ T]"
    r"(?P<hour>[0-9][0-9]):(?P<minute>[0-9][0-9]):(?P<second>[0-9][0-9])(?:[.,][0-9]{1,9})?(?:Z|[+-][0-9][0-9]:?[0-9][0-9])?"
)
_HEADER: Final = re.compile(
    rf"(?:\x1b\[[\d;]*m)*(?:\[?{_DATE}\]?[ ,:|-]*(?:\[[^\]]{{0,80}}\] *|- ){{0,3}}(?:\w[\w.$-]{{0,60}} - )?)?"
    rf"\[?{_LEVEL}\]?(?=[\s:|-])[ :|-]*(?:\[[^\]]{{0,80}}\] *)?(?P<logger>[\w.$]+)?"
)
_JSON_LEVEL: Final = re.compile(r'\{.{0,200}?"level":\s*"(?P<level>[A-Z]+)"')
BARE_START: Final = re.compile(r'Traceback \(most recent call last\):|Exception in thread "')
_CHAIN: Final = re.compile(
    r"During handling of the above exception|The above exception was the direct cause|Traceback \(most"
)
_TRACE_TAIL: Final = re.compile(
    r"\s|: |Caused by: |\.\.\. \d+ more|Driver stacktrace:|JVM stacktrace:|Suppressed: |== |\+- |:- |'\w|"
    r"Parse Mode:|-*\^+$|[\w.$]+(?:Error|Exception|Throwable)\b|\[[A-Z][A-Z0-9_.]{3,}\] "
)
_OPEN_MESSAGE: Final = re.compile(r": |Caused by|== SQL ==|.*(?:Error|Exception): ?$")
MAX_MESSAGE_LINES: Final = 12
"""Plain lines after a message that goes on (quoted SQL, a message that begins on the next line)."""


MAX_HEADER_CHARS: Final = 300
"""Longer than any log header; a hostile line must not cost more."""


def parse_header(text: str) -> Header | None:
    """Read the log header at the start of a line, or None when there is none."""
    if text[:1] == "{":
        hit = _JSON_LEVEL.match(text)
        return Header(_LEVELS.get(hit["level"], Level.NONE), None, "", 0) if hit else None
    hit = _HEADER.match(text[:MAX_HEADER_CHARS])
    if hit is None:
        return None
    return Header(_LEVELS[hit["level"]], _time(hit), hit["logger"] or "", hit.end())


def _time(hit: re.Match[str]) -> datetime | None:
    if hit["year"] is None:
        return None
    year, month, day = (int(hit[name]) for name in ("year", "month", "day"))
    hour, minute, second = (int(hit[name]) for name in ("hour", "minute", "second"))
    try:
        return datetime(year + 2000 if year < 100 else year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None


@dataclass(slots=True)
class OpenRecord:
    """A record that is still growing."""

    header: Header | None
    time: datetime | None
    traceback: bool
    head: list[Line] = field(default_factory=list)
    tail: deque[Line] = field(default_factory=deque)
    head_chars: int = 0
    tail_chars: int = 0
    last: str = ""
    frames: int = 0
    message_lines: int = 0
    in_frames: bool = True

    def add(self, line: Line) -> None:
        """Take the next line; of an overlong record the middle is let go."""
        self.last = line.text
        self.frames = self.frames + 1 if line.text.startswith("\tat ") else 0
        if not self.tail and self.has_room:
            self.head.append(line)
            self.head_chars += len(line.text)
            return
        if self.frames > MAX_LATE_FRAMES:
            return
        self.tail.append(line)
        self.tail_chars += len(line.text)
        while len(self.tail) > MAX_RECORD_LINES // 2 or self.tail_chars > MAX_RECORD_CHARS // 2:
            self.tail_chars -= len(self.tail.popleft().text)

    @property
    def has_room(self) -> bool:
        """Tell whether its beginning is still being kept."""
        return len(self.head) < MAX_RECORD_LINES // 2 and self.head_chars < MAX_RECORD_CHARS // 2

    def close(self) -> Record:
        """Give the record as it is."""
        return Record((*self.head, *self.tail), self.header, self.time, self.traceback)


class Grouper:
    """Groups lines into records as they come.

    Between two lines it may be told of lines that it need not see: `absorb` for those that belong to the
    open record, `close` and `now` where whole records are left out.
    """

    __slots__ = ("current", "now")

    def __init__(self) -> None:
        self.current: OpenRecord | None = None
        self.now: datetime | None = None
        """The time of the last header that had one."""

    def add(self, line: Line, header: Header | None) -> Record | None:
        """Take the next line with its header; give the record that it ends, if it ends one."""
        if header and header.time:
            self.now = header.time
        if self.current is not None and _belongs(self.current, line, header):
            self.current.add(line)
            return None
        ended = self.close()
        bare = header is None and BARE_START.match(line.text) is not None
        self.current = OpenRecord(header=header, time=self.now, traceback=bare)
        self.current.add(line)
        return ended

    def close(self) -> Record | None:
        """End the open record, if there is one, and give it."""
        ended, self.current = self.current, None
        return ended.close() if ended is not None else None


def records(lines: Iterable[Line]) -> Iterator[Record]:
    """Group lines into records.

    Args:
        lines: the lines of one stream, in order.

    Yields:
        Records in order; together they hold every line but the middle of an overlong record.
    """
    grouper = Grouper()
    for line in lines:
        if record := grouper.add(line, None if line.cut_left else parse_header(line.text)):
            yield record
    if record := grouper.close():
        yield record


def _belongs(current: OpenRecord, line: Line, header: Header | None) -> bool:
    """Tell whether a line continues the record that is open."""
    if line.cut_left or header is not None:
        return False
    if current.traceback:
        return _continues_trace(current, line.text)
    return current.header is not None and BARE_START.match(line.text) is None


def _continues_trace(current: OpenRecord, text: str) -> bool:
    """Follow an exception: frames, its line, its message, what Java adds, chained exceptions."""
    if not text.strip():
        current.message_lines = 1 if _OPEN_MESSAGE.match(current.last) else 0
        return True
    if BARE_START.match(text):
        return _is_chained(current)
    if text[0] in " \t" or _CHAIN.match(text):
        current.in_frames = current.in_frames or not text.startswith("\t")
        return True
    if current.in_frames:  # the first line after the frames names the exception
        current.in_frames, current.message_lines = False, 0
        return True
    if _TRACE_TAIL.match(text):
        return True
    current.message_lines = current.message_lines + 1 if current.message_lines else 0
    if _OPEN_MESSAGE.match(current.last):
        current.message_lines = 1
    return 0 < current.message_lines <= MAX_MESSAGE_LINES


def _is_chained(current: OpenRecord) -> bool:
    recent = [*current.head, *current.tail][-4:]
    return any(_CHAIN.match(line.text) and "Traceback" not in line.text for line in recent)


_NUMBER: Final = re.compile(r"0x[0-9a-f]+|\d+")
_ID: Final = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
MAX_TEMPLATE_CHARS: Final = 160


def template(record: Record) -> str:
    """Reduce a record to what repeats: its first line without header, ids and numbers, and its exceptions."""
    first = record.lines[0].text
    body = first[record.header.message_start - len(record.header.logger) :] if record.header else first
    causes = [line.text for line in record.lines[1:] if line.text.startswith(("Caused by: ", ": "))][-2:]
    text = " | ".join(part[:MAX_TEMPLATE_CHARS] for part in (body, *causes))
    return _NUMBER.sub("#", _ID.sub("#", text))
