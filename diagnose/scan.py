"""One log file in, the passages worth looking at out, with what every byte of it said.

A passage is a run of consecutive lines: records with an anchor, whole, and lines of context around them.
Records of the same template are kept twice and once more for the last; the rest is counted. Memory is
bounded: past `MAX_SCAN_BYTES` of one file the least promising passages in its middle are dropped, and
that is counted too. Write signs and task events are noted from every line read.
"""

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import re2

from diagnose.anchor import AnchorSearch, Interest
from diagnose.layout import Source, SourceKind, mentioned
from diagnose.log import Line, ReadReport
from diagnose.logger import is_own
from diagnose.record import Level, Record, records, template
from diagnose.sign import SignSearch, WriteSign
from diagnose.task import Scope, TaskBook

MAX_SCAN_BYTES: Final = 256 * 1024
"""Kept of one file: eight times the default excerpt; more would only cost redaction time."""
MAX_REPEATS: Final = 2
MAX_PASSAGE_LINES: Final = 400
MAX_SIGNS: Final = 20
MAX_TEMPLATES: Final = 20_000
TAIL_LINES: Final = 30
"""The last lines of a driver's or step's output are kept though nothing in them alarms."""
_TAIL_KINDS: Final = {SourceKind.STEP, SourceKind.DRIVER, SourceKind.OTHER, SourceKind.CONTROLLER}
_ATTEMPT: Final = re.compile(r"appattempt_(\d+_\d+)_(\d{6})")
_SENSITIVE: Final = (
    r"(?i)passw|pwd|secret|token|api.?key|access.?key|private.?key|credential|authorization|signature|"
    r"\b(?:DB_)?PW\b|://[^/\s]*:[^/\s]*@|AKIA|ASIA"
)
"""Words of lines that may hold a secret; wide, for what they pick is only learned from."""
MAX_WITNESS_CHARS: Final = 64 * 1024
_OWN_KINDS: Final = {SourceKind.STEP, SourceKind.DRIVER, SourceKind.OTHER, SourceKind.EXECUTOR}
MAX_OWN_LINES: Final = 50
"""Lines of one record that may be prints between two logged events."""
_ENDINGS: Final = (
    "ShutdownHookManager: Shutdown hook called",
    "ApplicationMaster: Unregistering ApplicationMaster",
    "Driver commanded a shutdown",
    "Step failed with exitCode",
    "waitProcessCompletion ended",
)
_SHUTDOWN: Final = ("Invoking stop() from shutdown hook", "Final app status:")


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
    spark_starts: int = 0
    """How many Spark applications began in it."""
    attempts: set[tuple[str, int]] = field(default_factory=set)
    """Application attempts that it names: application and number."""
    strong_apps: set[str] = field(default_factory=set)
    weak_apps: set[str] = field(default_factory=set)
    first_time: datetime | None = None

    def add_sign(self, what: str, line: Line) -> None:
        """Note a line that shows a write."""
        source = self.source
        sign = WriteSign(what, source.file, line.number, line.text, source.container, source.attempt)
        self.signs.append(sign)


class Scanner:
    """Reads files into scans; holds the compiled patterns and the tasks of all files read."""

    def __init__(self, *, context_lines: int = 10) -> None:
        self._anchors = AnchorSearch()
        self._signs = SignSearch()
        self._sensitive = re2.compile(_SENSITIVE)
        self._context = context_lines
        self.tasks = TaskBook()

    def scan(
        self,
        source: Source,
        lines: Iterable[Line],
        report: ReadReport,
        *,
        relevant: Callable[[Record], bool] = lambda _: True,
    ) -> Scan:
        """Read one file.

        Args:
            source: what the file is.
            lines: its lines, read once.
            report: how reading went; kept in the scan.
            relevant: false for records that belong to somebody else (daemon logs name all applications).

        Returns:
            The scan; complete when this returns.
        """
        scan = Scan(source=source, report=report)
        keeper = _Keeper(scan, self._context)
        noted = self._note(scan, lines)
        for record in records(noted):
            scan.first_time = scan.first_time or record.time
            if not scan.signs:
                self._note_own_words(scan, record)
            interest = self._anchors.grade(record) if relevant(record) else Interest.CONTEXT
            keeper.add(record, interest)
        keeper.finish(tail=source.kind in _TAIL_KINDS)
        return scan

    def _note(self, scan: Scan, lines: Iterable[Line]) -> Iterator[Line]:
        source = scan.source
        scope: Scope = (source.application, source.attempt)
        notes_tasks = source.kind in _TAIL_KINDS
        witness = _Witness(scan)
        for line in lines:
            scan.lines += 1
            text = line.text
            witness.note(text, hit=self._sensitive.search(text) is not None)
            if not text.startswith("\tat "):
                self._note_sign(scan, line)
            if notes_tasks:
                self.tasks.note(scope, text)
            if source.kind in (SourceKind.STEP, SourceKind.OTHER):
                _note_applications(scan, text)
            _note_state(scan, text)
            yield line

    def _note_sign(self, scan: Scan, line: Line) -> None:
        what = self._signs.find(line.text) if len(scan.signs) < MAX_SIGNS else None
        if what is not None:
            scan.add_sign(what, line)

    def _note_own_words(self, scan: Scan, record: Record) -> None:
        """Look for a claimed write in what the job itself printed or logged, tracebacks aside."""
        if record.traceback or scan.source.kind not in _OWN_KINDS:
            return
        for place, line in enumerate(record.lines[:MAX_OWN_LINES]):
            own = is_own(record.header) if place == 0 else line.text[:1] not in (" ", "\t", "")
            if own and not _is_code(line.text):
                what = self._signs.find_own(line.text)
                if what is not None:
                    scan.add_sign(what, line)
                    return


class _Witness:
    """Keeps lines that may name a secret, each with the line after it, within a bound."""

    def __init__(self, scan: Scan) -> None:
        self._scan = scan
        self._left = MAX_WITNESS_CHARS
        self._pending = False

    def note(self, text: str, *, hit: bool) -> None:
        if (hit or self._pending) and self._left > 0:
            self._scan.witnesses.append(text)
            self._left -= len(text)
        self._pending = hit


def _is_code(text: str) -> bool:
    """Tell a traceback's and an exception's lines from the job's own words."""
    return text[:1] in (" ", "\t") or "Exception: " in text or "Error: " in text or "Exception in " in text


def _note_applications(scan: Scan, text: str) -> None:
    if "_" in text and ("application_" in text or "job_" in text):
        strong, weak = mentioned(text)
        if strong:
            scan.strong_apps.add(strong)
        if weak:
            scan.weak_apps.add(weak)


def _note_state(scan: Scan, text: str) -> None:
    if not scan.info_seen and " INFO " in text[:60]:
        scan.info_seen = True
    if "Running Spark version" in text:
        scan.spark_starts += 1
    if "appattempt_" in text:
        scan.attempts.update((f"application_{app}", int(number)) for app, number in _ATTEMPT.findall(text))
    if not scan.ended and any(ending in text for ending in _ENDINGS):
        scan.ended = True


class _Keeper:
    """Decides, record by record, what stays in memory."""

    def __init__(self, scan: Scan, context_lines: int) -> None:
        self._scan = scan
        self._context = context_lines
        self._before: deque[Line] = deque(maxlen=max(context_lines, TAIL_LINES))
        self._lines: list[Line] = []
        self._marks: list[Mark] = []
        self._after = 0
        self._last: dict[str, tuple[Record, Interest, bool]] = {}
        self._seen: dict[str, int] = {}
        self._size = 0
        self._after_end = False

    def add(self, record: Record, interest: Interest) -> None:
        if not self._after_end and any(word in record.lines[0].text for word in _SHUTDOWN):
            self._after_end = True
        name = template(record) if interest > Interest.CONTEXT else ""
        if name and self._is_repeat(name):
            self._last[name] = (record, interest, self._after_end)
            self._close()
        elif interest > Interest.CONTEXT:
            self._keep(record, interest, name)
        else:
            self._pass(record)

    def finish(self, *, tail: bool) -> None:
        if tail and self._before:
            fresh = [line for line in self._before if not self._lines or line.number > self._lines[-1].number]
            self._extend_tail(fresh[-TAIL_LINES:])
        self._close()
        kept = {line.number for p in self._scan.passages for line in p.lines}
        for name, (record, interest, after_end) in self._last.items():
            if record.lines[0].number not in kept:
                self._after_end = after_end
                self._append_alone(record, interest, name)
        self._scan.passages.sort(key=lambda p: p.lines[0].number)
        self._scan.counts = {name: count for name, count in self._seen.items() if count > MAX_REPEATS}

    def _is_repeat(self, name: str) -> bool:
        if name not in self._seen and len(self._seen) >= MAX_TEMPLATES:
            return False
        self._seen[name] = self._seen.get(name, 0) + 1
        return self._seen[name] > MAX_REPEATS

    def _keep(self, record: Record, interest: Interest, name: str) -> None:
        if len(self._lines) > MAX_PASSAGE_LINES:
            self._close()
        if not self._lines:
            self._lines.extend(list(self._before)[-self._context :] if self._context else [])
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
            after_end=self._after_end,
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
            after_end=self._after_end,
        )
        self._marks.append(mark)

    def _append_alone(self, record: Record, interest: Interest, name: str) -> None:
        self._lines, self._marks = list(record.lines), [self._mark(record, interest, name, 0)]
        self._close()

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
