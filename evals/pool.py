"""Tasks spread over worker processes, rows back as they are done.

Each worker opens the analyst for itself and has a pipe of its own, whose other end nobody else holds: however
it ends, with half a row written too, the parent reads the end of the file. (Over the one queue of a
`ProcessPoolExecutor` the parent waits for ever for the other half.) A worker that dies is replaced and its
task asked again; a task that takes two workers down, or is not answered in time, becomes an errored row. A
worker whose parent was killed ends at once.
"""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from typing import Final

from evals.analyst import Analyst
from evals.errors import AnalystError, RunError
from evals.replay import Task, answer, unanswered
from evals.run import Row

LIMIT_SECONDS: Final = 900.0
"""The longest that a Lambda may run: what answers later would never have answered there."""

_OPENING_SECONDS: Final = 300.0
"""Far above what imports and the reading of a prompt take on a busy machine."""

_CONTEXT: Final = multiprocessing.get_context("spawn")
"""A forked worker would inherit threads, half-used connections and the other workers' pipes."""

_OPENED: Final = "opened"


def spread(
    tasks: Iterable[Task],
    analyst: Analyst,
    *,
    jobs: int,
    pace: Callable[[], None],
    limit_seconds: float = LIMIT_SECONDS,
) -> Iterator[Row]:
    """Answer tasks in `jobs` processes; rows come in the order they are done.

    Args:
        tasks: what to ask.
        analyst: whom to ask; opened once in each process.
        jobs: how many processes, at least 1.
        pace: called before each task is handed out; waits as long as a rate limit wants it.
        limit_seconds: what is not answered by then is an errored row.

    Raises:
        AnalystError: a worker can't open the analyst.
        RunError: a worker died before any could begin, or did nothing for minutes before it could.
    """
    crew = _Crew(iter(tasks), analyst, pace, limit_seconds)
    try:
        while len(crew.workers) < jobs and crew.hand():
            pass
        while crew.workers:
            for worker in crew.heard():
                if (row := crew.row_of(worker)) is not None:
                    yield row
                    crew.go_on(worker)
    finally:
        for worker in crew.workers:
            worker.end()


class _Crew:
    """The workers, and what is left for them to do."""

    def __init__(
        self, rest: Iterator[Task], analyst: Analyst, pace: Callable[[], None], limit_seconds: float
    ) -> None:
        self.workers: list[_Worker] = []
        self._rest, self._analyst, self._pace, self._limit_seconds = rest, analyst, pace, limit_seconds
        self._lost: set[tuple[str, int]] = set()
        self._begun = False
        """A worker has opened the analyst: one that dies before it has is no sign that none can."""

    def hand(self, worker: "_Worker | None" = None, task: Task | None = None) -> bool:
        """Hand a task (or the next) to a worker (or a new one); False: there is none left."""
        task = task or next(self._rest, None)
        if task is None:
            return False
        self._pace()
        if worker is None:
            self.workers.append(worker := _Worker(self._analyst, self._limit_seconds))
        worker.take(task)
        return True

    def heard(self) -> list["_Worker"]:
        """Wait for workers that say something, have ended, or are late."""
        left = min(worker.late_at for worker in self.workers) - time.monotonic()
        ready = wait([worker.pipe for worker in self.workers], timeout=max(0.0, left))
        now = time.monotonic()
        return [worker for worker in self.workers if worker.pipe in ready or worker.late_at <= now]

    def row_of(self, worker: "_Worker") -> Row | None:
        """Give the row of a worker's task; None: it has only begun, or another worker is asked again."""
        told = worker.hear()
        self._begun = self._begun or worker.opened
        if told is None or isinstance(told, Row):
            return told
        self._dismiss(worker)
        if isinstance(told, TimeoutError):
            return unanswered(worker.task, told)
        if not self._begun:
            raise RunError(f"a worker process ended before it could begin ({told})")
        if worker.task.key not in self._lost:
            self._lost.add(worker.task.key)
            self.hand(task=worker.task)
            return None
        twice = f"the worker process died with this case twice (the last time {told}), see its memory"
        return unanswered(worker.task, EOFError(twice))

    def go_on(self, worker: "_Worker") -> None:
        """Give a worker that is done, or the one in its place, the next task; there may be none."""
        stays = worker in self.workers
        if not self.hand(worker if stays else None) and stays:
            self._dismiss(worker)

    def _dismiss(self, worker: "_Worker") -> None:
        self.workers.remove(worker)
        worker.end()


class _Worker:
    """A process that answers one task at a time."""

    task: Task

    def __init__(self, analyst: Analyst, limit_seconds: float) -> None:
        self._limit_seconds = limit_seconds
        self.pipe, theirs = _CONTEXT.Pipe()
        self.process = _CONTEXT.Process(target=_serve, args=(theirs, analyst), daemon=True)
        self.process.start()
        theirs.close()
        self.opened = False
        self.late_at = time.monotonic() + _OPENING_SECONDS

    def take(self, task: Task) -> None:
        """Hand over a task."""
        self.task = task
        if self.opened:
            self.late_at = time.monotonic() + self._limit_seconds
        with suppress(OSError):  # a worker that is dead: heard of next
            self.pipe.send(task)

    def hear(self) -> Row | EOFError | TimeoutError | None:
        """Read what the worker says, or why it says nothing; None: it may begin.

        Raises:
            AnalystError: it can't open the analyst.
            RunError: it did not begin in time.
        """
        try:
            told = self.pipe.recv() if self.pipe.poll() else None
        except (EOFError, OSError):
            self.process.join(10)
            code = self.process.exitcode or 0
            how = f"killed by signal {-code}" if code < 0 else f"exit code {code}"
            return EOFError(how)
        if isinstance(told, AnalystError):
            raise told
        if told == _OPENED:
            self.opened = True
            self.late_at = time.monotonic() + self._limit_seconds
            return None
        if isinstance(told, Row):
            return told
        if not self.opened:
            raise RunError(f"a worker process could not begin within {_OPENING_SECONDS:.0f} s")
        return TimeoutError(f"no answer within {self._limit_seconds:g} s")

    def end(self) -> None:
        """End the process, whatever it does."""
        self.process.kill()
        self.process.join()
        self.pipe.close()


def _serve(pipe: "Connection[object, Task]", analyst: Analyst) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is told, and ends its workers
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        diagnose = analyst.open()
    except AnalystError as error:
        pipe.send(error)
        return
    pipe.send(_OPENED)
    while True:
        pipe.send(answer(pipe.recv(), diagnose))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
