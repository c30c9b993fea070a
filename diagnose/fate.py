"""Passages of a run in, what later lines say of earlier ones out: what it survived, what it waited for.

Pure. It works on what was kept of the logs, so it claims only what the kept lines prove: a stage counts as
survived when the job aborted over another one that began later, a driver as starving when Spark still said
so as the log ended.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from diagnose.layout import SourceKind
from diagnose.passage import Mark, Passage
from diagnose.task import Scope, TaskBook, TaskRef, aborted_stage, finished_task, task_of

DRIVERS: Final = frozenset({SourceKind.DRIVER, SourceKind.STEP, SourceKind.OTHER})
STARVATION: Final = timedelta(seconds=25)
"""Spark says that nobody takes its tasks every 15 s (`spark.starvation.timeout`) until the first task of the
application starts, and never again: said so shortly before the end, no task ever ran."""
_STARVING: Final = "Initial job has not accepted any resources"
_UNDECIDED: Final = re.compile(r"^\s+final status: UNDEFINED")
_LATER: Final = re.compile(
    r"^\s+final status: |\(state: (?:RUNNING|FINISHED|FAILED|KILLED)\)|Application diagnostics message"
)
"""Lines of a client that tell of an application which runs or has ended."""
_BY_LOSS: Final = re.compile(
    r"ExecutorLostFailure|FetchFailed|[Hh]eartbeat|[Ff]ailed to connect to|ConnectException|NoRouteToHost|"
    r"ClosedChannelException|Connection (?:reset|refused|closed|from)|[Ww]orker lost|[Ll]ost executor"
)
"""In the record of a lost task: it may have failed because an executor or its node was gone."""
_LAST_TRY: Final = re.compile(r"^.{0,120}Exception in task \d+\.(?:[3-9]|\d{2,}) in stage ")
"""`spark.task.maxFailures` is 4: with its fourth failure a task's stage is given up."""
_SUBMITTED: Final = re.compile(r"Submitting \d+ missing tasks from \w*Stage (?P<stage>\d+) ")


@dataclass(slots=True)
class _File:
    """What one file of a driver says, by line numbers."""

    last_report: int = 0
    warnings: list[tuple[int, datetime | None]] = field(default_factory=list)
    """Where and when Spark said that nobody takes its tasks."""
    last_task: int = 0
    last_time: datetime | None = None
    """When the last record before the shutdown was logged."""
    aborted: dict[int, int] = field(default_factory=dict)
    """Stage → where a job was first aborted over it."""
    begun: dict[int, int] = field(default_factory=dict)
    """Stage → where it is first named."""
    losses: list[tuple[TaskRef, bool]] = field(default_factory=list)
    """Tasks that were lost, and whether a gone executor may be why."""
    ended_by: int | None = None
    """The stage over which the last job was aborted."""


class Fates:
    """Knows what became of a driver's stages, reports and warnings."""

    def __init__(self, passages: Iterable[Passage]) -> None:
        """Take in the redacted passages, in reading order."""
        self._files: dict[str, _File] = {}
        self._survived: set[tuple[Scope, int]] = set()
        self._given_up: set[tuple[Scope, TaskRef]] = set()
        self._losses: dict[Scope, list[tuple[TaskRef, bool]]] = {}
        scopes: dict[str, Scope] = {}
        for passage in passages:
            if passage.source.kind is SourceKind.EXECUTOR:
                self._note_executor(passage)
            if passage.source.kind in DRIVERS:
                name = passage.source.file
                scopes[name] = (passage.source.application, passage.source.attempt)
                file = self._files.setdefault(name, _File())
                reports = (line.number for line in passage.lines if _LATER.search(line.text))
                file.last_report = max((file.last_report, *reports))
                for mark in passage.marks:
                    _note(file, passage, mark)
        for name, file in self._files.items():
            self._losses.setdefault(scopes[name], []).extend(file.losses)
        for scope in set(scopes.values()):
            files = [file for name, file in self._files.items() if scopes[name] == scope]
            self._survived.update((scope, stage) for stage in _survived(files))

    def _note_executor(self, passage: Passage) -> None:
        for mark in passage.marks:
            first = passage.lines[mark.first].text
            task = task_of(first) if _LAST_TRY.match(first) else None
            if task is not None:
                self._given_up.add(((passage.source.application, passage.source.attempt), task))

    def gave_up(self, scope: Scope, task: TaskRef) -> bool:
        """Tell whether an executor saw a task fail for as many times as Spark accepts."""
        return (scope, task) in self._given_up

    def is_interim(self, passage: Passage, mark: Mark) -> bool:
        """Tell whether a record is a report of an application that had not ended yet."""
        lines = (passage.lines[position].text for position in range(mark.first, mark.last + 1))
        return any(_UNDECIDED.match(text) for text in lines)

    def went_on(self, passage: Passage, mark: Mark) -> bool:
        """Tell whether a later report of the application follows this one."""
        return passage.lines[mark.last].number < self._files[passage.source.file].last_report

    def outlived(self, scope: Scope, task: TaskRef) -> bool:
        """Tell whether the job went on after the task's stage was given up, and ended over a later stage."""
        return (scope, task.stage) in self._survived

    def ended_by_loss(self, scope: Scope, tasks: TaskBook) -> bool:
        """Tell whether a stage was aborted, and gone executors may be why."""
        if not tasks.has_aborted(scope):
            return False
        fatal = [
            lost
            for task, lost in self._losses.get(scope, ())
            if tasks.is_fatal(scope, task) and not self.outlived(scope, task)
        ]
        return not fatal or any(fatal)

    def is_starving(self, passage: Passage, mark: Mark) -> bool:
        """Tell whether a record says that no task could start, and that stayed so to the end of the run."""
        if _STARVING not in passage.lines[mark.first].text:
            return False
        file = self._files[passage.source.file]
        number, time = file.warnings[-1]
        if len(file.warnings) < 2 or number < file.last_task or time is None or file.last_time is None:
            return False
        return file.last_time - time <= STARVATION


def _note(file: _File, passage: Passage, mark: Mark) -> None:
    number = passage.lines[mark.first].number
    first = passage.lines[mark.first].text
    if mark.time is not None and not mark.after_end:
        file.last_time = max(filter(None, (file.last_time, mark.time)))
    if _STARVING in first:
        file.warnings.append((number, mark.time))
    if task := task_of(first) or finished_task(first):
        file.last_task = max(file.last_task, number)
        file.begun.setdefault(task.stage, number)
        file.losses += [(task, _is_loss(passage, mark))] if task_of(first) else []
    elif hit := _SUBMITTED.search(first):
        file.begun.setdefault(int(hit["stage"]), number)
    for position in range(mark.first, mark.last + 1):
        stage = aborted_stage(passage.lines[position].text)
        if stage is not None:
            file.aborted.setdefault(stage, number)
            file.ended_by = stage


def _is_loss(passage: Passage, mark: Mark) -> bool:
    return any(_BY_LOSS.search(passage.lines[i].text) for i in range(mark.first, mark.last + 1))


def _survived(files: Sequence[_File]) -> Iterator[int]:
    """Name the stages over which a job was aborted before the stage began that ended the last one.

    A traceback on standard output may name that stage, and standard error tell when it began.
    """
    begun = {stage: place for file in files for stage, place in file.begun.items()}
    ends = [file.ended_by for file in files if file.ended_by is not None]
    end = max(ends, key=lambda stage: begun.get(stage, 0), default=None)
    for file in files:
        start = file.begun.get(end, 0) if end is not None else 0
        yield from (stage for stage, place in file.aborted.items() if stage != end and place < start)
