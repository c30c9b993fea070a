import os
import signal
from pathlib import Path

import pytest

from evals.analyst import Analyst
from evals.dataset import Dataset, load
from evals.errors import AnalystError, RunError
from evals.pace import unlimited
from evals.pool import spread
from evals.replay import plan, replay
from evals.run import Timing

LAB = Path(__file__).parents[2] / "datasets" / "lab"


@pytest.fixture(scope="module")
def few() -> Dataset:
    lab = load(LAB)
    return Dataset(name=lab.name, folder=lab.folder, cases=lab.cases[:5])


def test_processes_give_what_one_process_gives(few: Dataset) -> None:
    spread_out = spread(plan([few]), Analyst(), jobs=2, pace=unlimited)
    alone = replay(plan([few]), Analyst().open(), pace=unlimited)
    same = [
        {row.key: row.model_copy(update={"timing": Timing()}) for row in rows} for rows in (spread_out, alone)
    ]
    assert same[0] == same[1]
    assert len(same[0]) == 5


def test_a_worker_that_dies_ends_the_run_with_the_next_step(few: Dataset) -> None:
    rows = spread(plan([few], repeats=40), Analyst(), jobs=2, pace=unlimited)
    next(rows)
    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
    workers = [int(pid) for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    assert workers
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
    with pytest.raises(RunError, match="run the same command again"):
        list(rows)


def test_each_question_is_paced(few: Dataset) -> None:
    waits: list[int] = []
    assert len(list(spread(plan([few]), Analyst(), jobs=1, pace=lambda: waits.append(1)))) == 5
    assert len(waits) == 5


def test_no_task_needs_no_answer() -> None:
    assert list(spread([], Analyst(), jobs=2, pace=unlimited)) == []


def test_an_analyst_that_can_t_be_opened_is_a_clear_error(few: Dataset) -> None:
    with pytest.raises((RunError, AnalystError)):
        list(spread(plan([few]), Analyst(name="oracle"), jobs=1, pace=unlimited))
