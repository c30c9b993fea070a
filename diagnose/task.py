"""Spark's task events, line by line: which tasks were lost, which of them a later attempt survived.

A task is known by (application, application attempt, stage, index); stage retries keep the stage's number.
Memory grows with the tasks that were lost, not with the log.
Source of the wording: Spark TaskSetManager, DAGScheduler, Executor (2.4 to 4.x).
"""

import re
from dataclasses import dataclass, field
from typing import Final

Scope = tuple[str | None, int | None]
"""An application and its attempt; both None in logs that name neither."""

_LOST: Final = re.compile(
    r"Lost task (?P<index>\d+)\.(?P<again>\d+) in stage (?P<stage>\d+)\.\d+ \(TID (?P<tid>\d+)[,)]"
)
_RAISED: Final = re.compile(
    r"Exception in task (?P<index>\d+)\.(?P<again>\d+) in stage (?P<stage>\d+)\.\d+ \(TID (?P<tid>\d+)\)"
)
_FINISHED: Final = re.compile(r"Finished task (?P<index>\d+)\.\d+ in stage (?P<stage>\d+)\.\d+ \(TID")
_ABORTED: Final = re.compile(
    r"Task (?P<index>\d+) in stage (?P<stage>\d+)\.\d+ (?:failed \d+ times|had a not serializable result)|"
    r"Aborting .{0,20}TaskSet (?P<set>\d+)\.\d+|"
    r"Stage (?P<failed>\d+) \(.{0,200}\) has failed the maximum allowable|"
    r"stage (?P<cancelled>\d+)\.\d+ .{0,80}(?:aborting|serialized results)"
)
_JOB_ABORTED: Final = re.compile(
    r"Job aborted due to stage failure: "
    r"(?:.{0,80}? in stage (?P<stage>\d+)\.\d+|.{0,160}?Stage (?P<failed>\d+)\b)"
)


@dataclass(frozen=True, slots=True)
class TaskRef:
    """A task of a stage, as one line names it."""

    stage: int
    index: int


@dataclass(slots=True)
class TaskBook:
    """What the drivers of a run said of their tasks."""

    lost: set[tuple[Scope, TaskRef]] = field(default_factory=set)
    survived: set[tuple[Scope, TaskRef]] = field(default_factory=set)
    aborted: set[tuple[Scope, int]] = field(default_factory=set)

    def note(self, scope: Scope, line: str) -> None:
        """Take in one line of a driver.

        Args:
            scope: the application and its attempt.
            line: the line as logged.
        """
        if "task" not in line and "Task" not in line and "tage" not in line:
            return
        if hit := _FINISHED.search(line):
            key = (scope, _ref(hit))
            if key in self.lost:
                self.survived.add(key)
        elif hit := _LOST.search(line) or _RAISED.search(line):
            self.lost.add((scope, _ref(hit)))
            self.survived.discard((scope, _ref(hit)))
        if hit := _ABORTED.search(line):
            stage = next(hit[name] for name in ("stage", "set", "failed", "cancelled") if hit[name])
            self.aborted.add((scope, int(stage)))

    def has_aborted(self, scope: Scope) -> bool:
        """Tell whether any stage of the attempt was aborted."""
        return any(known == scope for known, _ in self.aborted)

    def has_survived(self, scope: Scope, task: TaskRef) -> bool:
        """Tell whether a later attempt of the task succeeded."""
        return (scope, task) in self.survived

    def is_fatal(self, scope: Scope, task: TaskRef) -> bool:
        """Tell whether the task's stage was aborted, and the task itself never succeeded."""
        return (scope, task.stage) in self.aborted and not self.has_survived(scope, task)


def task_of(line: str) -> TaskRef | None:
    """Read the task that a failure line is about, or None."""
    hit = _LOST.search(line) or _RAISED.search(line)
    return _ref(hit) if hit else None


def tries_of(line: str) -> int | None:
    """Read how often the task that a failure line is about had failed before, or None."""
    hit = _LOST.search(line) or _RAISED.search(line)
    return int(hit["again"]) if hit else None


def aborted_stage(line: str) -> int | None:
    """Read the stage over which a line says that a job was aborted, or None."""
    hit = _JOB_ABORTED.search(line)
    return int(hit["stage"] or hit["failed"]) if hit else None


def finished_task(line: str) -> TaskRef | None:
    """Read which task a line calls finished, or None."""
    hit = _FINISHED.search(line)
    return _ref(hit) if hit else None


def _ref(hit: re.Match[str]) -> TaskRef:
    return TaskRef(stage=int(hit["stage"]), index=int(hit["index"]))
