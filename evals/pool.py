"""Tasks spread over worker processes, rows back as they are done.

Each worker opens the analyst for itself. A worker whose parent was killed ends at once: it would wait for
work for ever otherwise. A worker that dies takes the run down with a clear error; the journal keeps what was
done.
"""

import itertools
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Final

from evals.analyst import Analyst
from evals.errors import RunError
from evals.replay import Diagnose, Task, answer
from evals.run import Row

_AHEAD: Final = 2
"""Tasks handed out per worker: one under way, one waiting."""

_diagnose: Diagnose | None = None


def spread(tasks: Iterable[Task], analyst: Analyst, *, jobs: int, pace: Callable[[], None]) -> Iterator[Row]:
    """Answer tasks in `jobs` processes; rows come in the order they are done.

    Args:
        tasks: what to ask.
        analyst: whom to ask; opened once in each process.
        jobs: how many processes, at least 1.
        pace: called before each task is handed out; waits as long as a rate limit wants it.

    Raises:
        RunError: a worker process died.
    """
    # "spawn": a forked worker would inherit threads and half-used connections.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context, initializer=_begin, initargs=(analyst,)) as pool:
        rest = iter(tasks)
        pending: dict[Future[Row], Task] = {}
        try:
            while True:
                for task in itertools.islice(rest, jobs * _AHEAD - len(pending)):
                    pace()
                    pending[pool.submit(_work, task)] = task
                if not pending:
                    return
                for future in wait(pending, return_when=FIRST_COMPLETED).done:
                    row = future.result()
                    del pending[future]
                    yield row
        except BrokenProcessPool:
            under_way = ", ".join(sorted({task.case.id for task in pending.values()}))
            raise RunError(
                f"a worker process died (killed, out of memory, or by the case itself) while it had one of "
                f"{under_way}; what was done is kept where there is an --output: run the same command again"
            ) from None
        finally:
            workers = list((pool._processes or {}).values())  # there is no public way to end them
            pool.shutdown(wait=False, cancel_futures=True)
            for worker in workers:
                worker.terminate()


def _begin(analyst: Analyst) -> None:
    global _diagnose  # noqa: PLW0603 - a worker process has one analyst for its whole life
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is told, and ends its workers
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _diagnose = analyst.open()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work(task: Task) -> Row:
    if _diagnose is None:
        raise AssertionError("the worker was not begun")
    return answer(task, _diagnose)
