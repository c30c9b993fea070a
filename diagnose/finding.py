"""Redacted passages and the catalogue in, findings out: which known failure stands where, and how it stands.

A finding's standing says what the line's place in the run is worth, before what the line says: the
exception that ended the driver stands highest, a failure that was survived or handled lowest.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Final

from diagnose import attempt
from diagnose.anchor import Interest
from diagnose.ending import ERROR_CLASS, FS_SHELL, QUIET, TASK_TOLD, TOLD_LINES, is_ending
from diagnose.fate import DRIVERS, Fates
from diagnose.layout import Source, SourceKind
from diagnose.logger import is_own
from diagnose.record import Level, parse_header
from diagnose.scan import Mark, Passage
from diagnose.signature import Catalogue, Match, Role, Signature
from diagnose.task import Scope, TaskBook, task_of


class Standing(IntEnum):
    """What a record's place in the run is worth."""

    PAST = 0
    """Survived, handled, or logged while the driver shut down: not the cause."""
    HINT = 1
    ERROR = 2
    FATAL = 3
    """Ended a stage, a container or a process."""
    TERMINAL = 4
    """Ended the driver or the step itself."""


@dataclass(frozen=True, slots=True)
class Event:
    """One record of a redacted passage, with its standing."""

    passage: Passage
    mark: Mark
    standing: Standing
    reason: str
    """Why the standing is PAST, in words; "" otherwise."""
    order: int
    """Place among all events: files in reading order, lines in order."""
    scope: Scope
    """Application and attempt: the file's, or in a daemon's log those that `diagnose.attempt` names."""

    @property
    def source(self) -> Source:
        """The file the record comes from."""
        return self.passage.source

    @property
    def texts(self) -> list[str]:
        """The record's lines as texts."""
        return [text for _, text in self.lines]

    @property
    def lines(self) -> Iterator[tuple[int, str]]:
        """The record's lines: position in the passage and text."""
        for position in range(self.mark.first, self.mark.last + 1):
            yield position, self.passage.lines[position].text


@dataclass(frozen=True, slots=True)
class Spot:
    """One line of an event, by its position in the event's passage."""

    event: Event
    position: int

    @property
    def text(self) -> str:
        """The redacted line."""
        return self.event.passage.lines[self.position].text

    @property
    def number(self) -> int:
        """The line's number in its file, from 1."""
        return self.event.passage.lines[self.position].number

    @property
    def place(self) -> tuple[str, int]:
        """File and line number."""
        return (self.event.source.file, self.number)


@dataclass(frozen=True, slots=True)
class Finding(Spot):
    """A signature found in one line of an event."""

    signature: Signature
    captures: Mapping[str, str]

    @property
    def time(self) -> datetime | None:
        """When the record was logged, UTC, if its log says so."""
        return self.event.mark.time


def ending_line(event: "Event") -> int | None:
    """Find the position of the line in which a record says how the run ended, or None."""
    return next((p for p, text in event.lines if is_ending(text, parse_header(text), first=True)), None)


MAX_HANDLED: Final = 2
"""Exceptions that the job had caught, shown beside its own last one."""
HANDLED: Final = "the job handled this exception and went on"
_LAST_WORDS: Final = 10
"""Lines at the end of a driver's output that count as its last words."""


def events(passages: Sequence[Passage], tasks: TaskBook) -> list[Event]:
    """Give every record of the passages its standing.

    Args:
        passages: redacted passages, in reading order.
        tasks: which tasks were lost, survived and aborted.

    Returns:
        One event per record, in order.
    """
    grader, begun = _Grader(passages, tasks), attempt.begun(passages)
    found: list[Event] = []
    for passage in passages:
        for mark in passage.marks:
            standing, reason = grader.grade(passage, mark)
            found.append(
                Event(passage, mark, standing, reason, len(found), attempt.scope(passage, mark, begun))
            )
    return found


class _Grader:
    """Knows the run as a whole: last tracebacks, last lines, tasks, what was outlived."""

    def __init__(self, passages: Sequence[Passage], tasks: TaskBook) -> None:
        self._tasks = tasks
        self._fates = Fates(passages)
        self._last_traceback: dict[str, int] = {}
        self._last_line: dict[str, int] = {}
        for passage in passages:
            file = passage.source.file
            self._last_line[file] = max(self._last_line.get(file, 0), passage.lines[-1].number)
            for mark in passage.marks:
                if mark.traceback and passage.lines[mark.first].text.startswith("Traceback"):
                    number = passage.lines[mark.first].number
                    self._last_traceback[file] = max(self._last_traceback.get(file, 0), number)
        self._told = {
            (passage.source.file, line.number)
            for passage in passages
            for line in passage.lines
            if line.text.startswith(TASK_TOLD)
        }
        self._plain = _plain_lines(passages, self._last_traceback)
        self._lone = len({passage.source.file for passage in passages}) == 1

    def grade(self, passage: Passage, mark: Mark) -> tuple[Standing, str]:
        first = passage.lines[mark.first].text
        task = task_of(first)
        scope = (passage.source.application, passage.source.attempt)
        if task is not None:
            return self._grade_task(passage.source, scope, first, mark)
        if passage.source.kind in DRIVERS:
            return self._grade_driver(passage, mark)
        return _grade_other(passage, mark, lone=self._lone), ""

    def _grade_task(self, source: Source, scope: Scope, first: str, mark: Mark) -> tuple[Standing, str]:
        task = task_of(first)
        if task is None:
            return Standing.HINT, ""
        if self._tasks.has_survived(scope, task):
            return Standing.PAST, f"a later attempt of task {task.index} in stage {task.stage} succeeded"
        if self._fates.outlived(scope, task):
            return (
                Standing.PAST,
                f"the job went on after stage {task.stage} was given up, and ended over a later one",
            )
        blind = not self._tasks.lost  # no driver's log tells what became of the task
        if self._tasks.is_fatal(scope, task) or (blind and self._fates.gave_up(scope, task)):
            return Standing.FATAL, ""
        if mark.after_end:
            return Standing.PAST, "logged after the driver had begun to shut down"
        return (Standing.ERROR if source.kind in DRIVERS else Standing.HINT), ""

    def _grade_driver(self, passage: Passage, mark: Mark) -> tuple[Standing, str]:
        if mark.traceback:
            return self._grade_traceback(passage, mark)
        if self._fates.is_interim(passage, mark):
            if self._fates.went_on(passage, mark):
                return Standing.PAST, "the application went on after this report"
            return Standing.ERROR, ""
        ends = (mark.interest is not Interest.TAIL and _says_end(passage, mark)) or (
            passage.source.stream == "stderr"
            and self._is_near_end(passage, mark)
            and any(ERROR_CLASS.match(passage.lines[i].text) for i in range(mark.first, mark.last + 1))
        )
        ends = ends or self._is_shell_s_last(passage, mark)
        if ends or self._fates.is_starving(passage, mark):
            return Standing.TERMINAL, ""
        return self._grade_plain(passage, mark)

    def _is_near_end(self, passage: Passage, mark: Mark) -> bool:
        return self._last_line[passage.source.file] - passage.lines[mark.last].number < _LAST_WORDS

    def _is_shell_s_last(self, passage: Passage, mark: Mark) -> bool:
        last = passage.lines[mark.last]
        left = self._last_line[passage.source.file] - last.number
        return passage.source.kind is SourceKind.STEP and left <= 1 and FS_SHELL.match(last.text) is not None

    def _grade_plain(self, passage: Passage, mark: Mark) -> tuple[Standing, str]:
        """Grade a driver's record that says nothing of how the run ended."""
        if mark.after_end:
            return Standing.PAST, "logged after the driver had begun to shut down"
        if mark.level is Level.NONE:
            return self._grade_bare(passage, mark), ""
        if QUIET.search(passage.lines[mark.first].text):
            return Standing.ERROR, ""
        if self._is_last_warning(passage, mark):
            return Standing.ERROR, ""
        standing = _by_interest(mark)
        if standing is Standing.FATAL and _CONTAINER_END.search(passage.lines[mark.first].text):
            scope = (passage.source.application, passage.source.attempt)
            by_loss = self._fates.ended_by_loss(scope, self._tasks)
            standing = Standing.FATAL if by_loss else Standing.HINT
        return standing, ""

    def _is_last_warning(self, passage: Passage, mark: Mark) -> bool:
        """Tell a warning of the job's own among the last lines of its output: an exit may follow from it."""
        source, first = passage.source, passage.lines[mark.first].text
        own = source.kind is SourceKind.DRIVER and source.stream == "stdout" and is_own(parse_header(first))
        return own and mark.level is Level.WARN and self._is_near_end(passage, mark)

    def _grade_traceback(self, passage: Passage, mark: Mark) -> tuple[Standing, str]:
        first = passage.lines[mark.first]
        if not first.text.startswith("Traceback"):
            main = 'thread "main"' in first.text or 'thread "Driver"' in first.text
            return (Standing.TERMINAL if main else Standing.ERROR), ""
        if first.number < self._last_traceback[passage.source.file]:
            return Standing.PAST, HANDLED
        end = passage.lines[mark.last].number
        went_on = sum(number > end for number in self._plain.get(passage.source.file, ()))
        if went_on > _LAST_WORDS:
            return Standing.ERROR, ""
        return (Standing.FATAL if went_on else Standing.TERMINAL), ""

    def _grade_bare(self, passage: Passage, mark: Mark) -> Standing:
        """Grade a line without header: it counts when it is among the last words."""
        near_end = self._is_near_end(passage, mark)
        if passage.lines[mark.first].text.startswith("#"):
            return Standing.FATAL  # HotSpot's banner
        number = passage.lines[mark.first].number
        told = any(file == passage.source.file and 0 < number - at <= TOLD_LINES for file, at in self._told)
        return Standing.ERROR if near_end or told else Standing.HINT


def _plain_lines(passages: Iterable[Passage], after: Mapping[str, int]) -> dict[str, set[int]]:
    """Number the kept lines after each file's last traceback that are the job's own words."""
    plain: dict[str, set[int]] = {}
    for passage in passages:
        file = passage.source.file
        for line in passage.lines if file in after else ():
            if line.number > after[file] and line.text.strip() and is_own(parse_header(line.text)):
                plain.setdefault(file, set()).add(line.number)
    return plain


def _grade_other(passage: Passage, mark: Mark, *, lone: bool) -> Standing:
    """Grade executors, daemons and the controller: what they say rarely ended the job by itself.

    A `lone` log is a daemon's with nothing beside it, so nothing tells which of its nodes mattered.
    """
    lonely = (SourceKind.EXECUTOR, SourceKind.CONTROLLER, SourceKind.CONTEXT)
    quiet = QUIET.search(passage.lines[mark.first].text) is not None
    if passage.source.kind in lonely and (quiet or mark.interest >= Interest.ERROR):
        return Standing.ERROR
    texts = (passage.lines[i].text for i in range(mark.first, mark.last + 1))
    if passage.source.kind in (SourceKind.NODE_MANAGER, SourceKind.RESOURCE_MANAGER):
        fatal = any(_MASTER_KILL.search(t) or (not lone and attempt.NODE_GONE.search(t)) for t in texts)
        return Standing.FATAL if fatal else Standing.HINT
    return Standing.HINT


_MASTER_KILL: Final = re.compile(
    r"containerID=container_(?:e\d+_)?\d+_\d+_\d+_000001\b.{0,400}(?:Killing container|beyond the)|"
    r"RMAppImpl.{0,200}(?:failed \d+ times|final state.{0,20}(?:FAILED|KILLED))|killed by user|KILLED"
)


_CONTAINER_END: Final = re.compile(
    r"YarnAllocator|Lost executor|TaskSetManager|BlockManagerMaster|SchedulerBackend|Removing executor"
)
"""Records about a container's or an executor's end; fatal only where a stage was aborted over it."""


def _says_end(passage: Passage, mark: Mark) -> bool:
    lines = [passage.lines[i].text for i in range(mark.first, mark.last + 1)]
    header = parse_header(lines[0])
    return any(is_ending(text, header, first=place == 0) for place, text in enumerate(lines))


def _by_interest(mark: Mark) -> Standing:
    if mark.level <= Level.INFO:
        return Standing.HINT
    if mark.interest is Interest.FATAL:
        return Standing.FATAL
    return Standing.ERROR if mark.level is Level.ERROR else Standing.HINT


def find(happened: Iterable[Event], catalogue: Catalogue) -> list[Finding]:
    """Match every line of the events against the catalogue.

    Stack frames and quoted source code name what ran, not what failed: only signatures made for them
    see them.
    """
    found: list[Finding] = []
    for event in happened:
        kind = "" if event.source.kind is SourceKind.OTHER else event.source.kind.value
        for position, text in event.lines:
            frame = is_frame(text, traceback=event.mark.traceback)
            if not (frame and text.startswith("\t")):
                found.extend(_findings(catalogue.match(text, kind), event, position, frame=frame))
    return found


def _findings(matches: Iterable[Match], event: Event, position: int, *, frame: bool) -> Iterator[Finding]:
    for match in matches:
        if frame and not match.signature.frames:
            continue
        if match.signature.role is Role.CAUSE and _is_quoted(
            event.texts[position - event.mark.first], match.start
        ):
            continue
        if match.signature.agrees_with(event.texts):
            yield Finding(event, position, match.signature, match.captures)


def is_frame(text: str, *, traceback: bool) -> bool:
    """Tell a stack frame, or source code quoted by a traceback, from a message."""
    if text.startswith(("\tat ", "    at ", "\t... ", "\tSuppressed: ", "\t\t")):
        return True
    return traceback and text[:1] in (" ", "\t")


_EXCEPTION_LINE: Final = re.compile(r"(?:Caused by: |: )?[\w.$]*(?:Error|Exception)\b")
_QUOTED: Final = re.compile(r"(?:(?<=[ :=])|^)(['\"]).*?\1")


def _is_quoted(text: str, start: int) -> bool:
    """Tell whether a match begins inside a value that an exception's message quotes: that is data."""
    if not _EXCEPTION_LINE.match(text):
        return False
    return any(span.start() < start < span.end() for span in _QUOTED.finditer(text))


def causes(found: Iterable[Finding]) -> list[Finding]:
    """Pick the findings that can be a root cause."""
    return [f for f in found if f.signature.role is Role.CAUSE]


def handled(findings: Iterable[Finding], file: str) -> list[Finding]:
    """Give what a job's own traces tell of exceptions that it caught: the first finding of each, in order."""
    first: dict[int, Finding] = {}
    for finding in findings:
        if finding.event.reason == HANDLED and finding.event.source.file == file:
            first.setdefault(finding.event.passage.lines[finding.event.mark.first].number, finding)
    return [first[number] for number in sorted(first)]


def is_last_word(event: Event) -> bool:
    """Tell whether a record may be what the job itself had to say of its end, as far as its place tells."""
    kinds = (SourceKind.DRIVER, SourceKind.STEP, SourceKind.OTHER)
    spoken = event.source.kind in kinds and event.standing is not Standing.PAST
    return spoken and is_own(parse_header(event.texts[0]))
