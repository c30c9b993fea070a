"""Tasks that a chunk's lines call lost in, those that are finished behind it out; most lines are not read.

A driver prints a line for every finished task, and all are alike but for the few that were lost before.
Limits: one chunk at a time; what was lost in earlier ones is known to the book of tasks.
"""

from collections.abc import Set as AbstractSet
from typing import Final

from diagnose.chunk import Chunk
from diagnose.note import Notes
from diagnose.sieve import Sieve
from diagnose.task import TaskBook, TaskRef, finished_task, task_of

FEW_TASKS: Final = 3
"""Lost tasks that are looked for faster one by one than with an automaton that must be built first."""


class Losses:
    """Remembers where in a chunk tasks were lost.

    Args:
        tasks: lost tasks of all files.
        sieve: finds many tasks at once.
    """

    def __init__(self, tasks: TaskBook, sieve: Sieve) -> None:
        self._tasks = tasks
        self._sieve = sieve
        self._places: dict[TaskRef, int] = {}
        """Where in the chunk a task was last lost."""

    def note(self, text: str, start: int) -> None:
        """Take a line that may call a task lost; `start` is where it begins in the chunk."""
        if task := task_of(text):
            self._places[task] = start

    def settle(self, chunk: Chunk, notes: Notes) -> None:
        """Look through the chunk for lost tasks that were finished after all; then it is done with."""
        tasks = self._tasks
        lost = {task for scope, task in tasks.lost - tasks.survived if scope == notes.scope}
        if lost and notes.takes_tasks:
            if len(lost) <= FEW_TASKS:
                self._seek_each(chunk, notes, lost)
            else:
                for end in self._sieve.finished(chunk.data, (task.index for task in lost)):
                    self._take(chunk, notes, end, lost)
        self._places.clear()

    def _seek_each(self, chunk: Chunk, notes: Notes, lost: AbstractSet[TaskRef]) -> None:
        for task in lost:
            words, place = b"Finished task %d." % task.index, self._places.get(task, 0)
            while (place := chunk.data.find(words, place)) >= 0:
                if self._take(chunk, notes, place, lost) == task:
                    break
                place += len(words)

    def _take(self, chunk: Chunk, notes: Notes, place: int, lost: AbstractSet[TaskRef]) -> TaskRef | None:
        """Note the lost task that the line at a place calls finished, and give it."""
        start = chunk.data.rfind(b"\n", 0, place) + 1
        text = chunk.text(start, chunk.line_end(place))
        task = finished_task(text)
        if task is None or task not in lost or start <= self._places.get(task, -1):
            return None
        self._tasks.note(notes.scope, text)
        return task
