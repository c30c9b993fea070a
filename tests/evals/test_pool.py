import os
import signal
from collections.abc import Iterable
from pathlib import Path

import pytest
from badanalyst import BadAnalyst

from evals.analyst import Analyst
from evals.dataset import Dataset, load
from evals.errors import AnalystError, RunError
from evals.pace import unlimited
from evals.pool import spread
from evals.replay import plan, replay
from evals.run import Row, Timing

LAB = Path(__file__).parents[2] / "datasets" / "lab"


@pytest.fixture(scope="module")
def few() -> Dataset:
    lab = load(LAB)
    return Dataset(name=lab.name, folder=lab.folder, cases=lab.cases[:5])


@pytest.fixture(scope="module")
def alone(few: Dataset) -> dict[tuple[str, int], Row]:
    return timeless(replay(plan([few]), Analyst().open(), pace=unlimited))


def timeless(rows: Iterable[Row]) -> dict[tuple[str, int], Row]:
    return {row.key: row.model_copy(update={"timing": Timing()}) for row in rows}


def workers() -> list[int]:
    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
    return [int(pid) for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def test_processes_give_what_one_process_gives(few: Dataset, alone: dict[tuple[str, int], Row]) -> None:
    assert timeless(spread(plan([few]), Analyst(), jobs=2, pace=unlimited)) == alone
    assert len(alone) == 5
    assert not workers()


def test_workers_that_are_killed_lose_no_row(few: Dataset) -> None:
    rows = spread(plan([few], repeats=4), Analyst(), jobs=2, pace=unlimited)
    done = [next(rows)]
    killed = workers()
    assert len(killed) == 2
    for pid in killed:
        os.kill(pid, signal.SIGKILL)
    done += rows
    assert len({row.key for row in done}) == len(done) == 20
    assert not [row.error for row in done if row.error]
    assert not workers()


@pytest.mark.parametrize("how", ["kill", "half"])
def test_a_worker_that_dies_once_with_a_case_is_replaced(
    few: Dataset, alone: dict[tuple[str, int], Row], tmp_path: Path, how: str
) -> None:
    bad = BadAnalyst(at=few.cases[1].id, how=how, once=tmp_path / "once")
    assert timeless(spread(plan([few]), bad, jobs=2, pace=unlimited)) == alone
    assert (tmp_path / "once").exists()


@pytest.mark.parametrize(
    ("how", "jobs", "why"),
    [
        ("kill", 1, "died with this case twice (the last time killed by signal 9)"),
        ("half", 2, "died with this case twice"),
        ("wait", 2, "TimeoutError: no answer within 15 s"),
    ],
)
def test_a_case_that_ends_its_worker_or_never_ends_is_an_errored_row(
    few: Dataset, alone: dict[tuple[str, int], Row], how: str, jobs: int, why: str
) -> None:
    bad = BadAnalyst(at=few.cases[1].id, how=how)
    rows = timeless(spread(plan([few]), bad, jobs=jobs, pace=unlimited, limit_seconds=15))
    errored = rows.pop((few.cases[1].id, 0))
    assert why in errored.error
    assert errored.diagnosis is None
    assert rows == {key: row for key, row in alone.items() if key != errored.key}


def test_a_worker_that_can_t_begin_ends_the_run(few: Dataset) -> None:
    with pytest.raises(RunError, match=r"before it could begin \(killed by signal 9\)"):
        list(spread(plan([few]), BadAnalyst(how="begin"), jobs=2, pace=unlimited))
    assert not workers()


def test_a_worker_that_dies_before_it_has_begun_is_replaced_where_another_could(
    few: Dataset, alone: dict[tuple[str, int], Row], tmp_path: Path
) -> None:
    bad = BadAnalyst(how="begin second", once=tmp_path / "first")
    assert timeless(spread(plan([few]), bad, jobs=2, pace=unlimited)) == alone
    assert (tmp_path / "first.again").exists()


def test_rows_that_nobody_wants_any_more_leave_no_process(few: Dataset) -> None:
    rows = spread(plan([few], repeats=40), Analyst(), jobs=2, pace=unlimited)
    next(rows)
    assert workers()
    rows.close()  # type: ignore[attr-defined]
    assert not workers()


def test_each_question_is_paced(few: Dataset) -> None:
    waits: list[int] = []
    assert len(list(spread(plan([few]), Analyst(), jobs=1, pace=lambda: waits.append(1)))) == 5
    assert len(waits) == 5


def test_no_task_needs_no_answer() -> None:
    assert list(spread([], Analyst(), jobs=2, pace=unlimited)) == []


def test_an_analyst_that_can_t_be_opened_is_a_clear_error(few: Dataset) -> None:
    with pytest.raises(AnalystError, match="oracle"):
        list(spread(plan([few]), Analyst(name="oracle"), jobs=1, pace=unlimited))
