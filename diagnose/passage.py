"""What reading one log file gives: passages of consecutive lines, and what every line of it said."""

from dataclasses import dataclass, field
from datetime import datetime

from diagnose.anchor import Interest
from diagnose.layout import Source
from diagnose.log import Line, ReadReport
from diagnose.record import Level
from diagnose.sign import SINK, WriteSign, is_sink


@dataclass(frozen=True, slots=True)
class Mark:
    """A record inside a passage: its lines by position, and what is known of it."""

    first: int
    """Position of its first line in the passage."""
    last: int
    interest: Interest
    level: Level
    time: datetime | None
    logger: str
    traceback: bool
    template: str
    after_end: bool
    """The record was logged after the driver had begun to shut down."""


@dataclass(frozen=True, slots=True)
class Passage:
    """Consecutive lines of one file, and the records in them."""

    source: Source
    lines: tuple[Line, ...]
    marks: tuple[Mark, ...]

    @property
    def interest(self) -> Interest:
        """The highest interest of its records."""
        return max((mark.interest for mark in self.marks), default=Interest.CONTEXT)

    @property
    def size(self) -> int:
        """How much text it holds, in characters."""
        return sum(len(line.text) for line in self.lines)


@dataclass(slots=True)
class Scan:
    """What one file gave."""

    source: Source
    report: ReadReport
    passages: list[Passage] = field(default_factory=list)
    signs: list[WriteSign] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    """How often a kept template occurred."""
    dropped: int = 0
    lines: int = 0
    info_seen: bool = False
    """INFO lines were logged, so commits would have been seen."""
    ended: bool = False
    """The log reaches the end of its process."""
    witnesses: list[str] = field(default_factory=list)
    """Lines that may name a secret: redaction learns from them, nobody sees them."""
    statements: list[Line] = field(default_factory=list)
    """Lines that state the values of settings."""
    spark_starts: int = 0
    """How many Spark applications began in it."""
    attempts: set[tuple[str, int]] = field(default_factory=set)
    """Application attempts that it names: application and number."""
    strong_apps: set[str] = field(default_factory=set)
    weak_apps: set[str] = field(default_factory=set)
    first_time: datetime | None = None

    def note_sink(self) -> None:
        """Note the first frame kept that shows a task handing its rows to a sink."""
        lines = (line for passage in self.passages for line in passage.lines)
        if (frame := next((line for line in lines if is_sink(line.text)), None)) is not None:
            self.add_sign(SINK.what, frame)

    def add_sign(self, what: str, line: Line) -> None:
        """Note a line that shows a write."""
        source = self.source
        sign = WriteSign(what, source.file, line.number, line.text, source.container, source.attempt)
        self.signs.append(sign)
