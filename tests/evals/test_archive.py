from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evals.archive import RESULT, load_run, save_run
from evals.errors import RunError

Build = Callable[..., Any]


def test_a_saved_run_is_read_again(tmp_path: Path, judged: Build, run_of: Build) -> None:
    whole = run_of([judged("one"), judged("two", error=ValueError("x"))])
    file = save_run(tmp_path / "run", whole)
    assert load_run(tmp_path / "run") == load_run(file) == whole
    assert [path.name for path in file.parent.iterdir()] == [RESULT]


def test_the_same_run_is_the_same_bytes(judged: Build, run_of: Build) -> None:
    row = judged()
    assert run_of([row]).dump() == run_of([row]).dump()


def test_no_run_there_is_said_with_the_next_step(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(RunError, match="no finished run there"):
            load_run(path)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"version": 2}'])
def test_a_damaged_result_is_named(tmp_path: Path, text: str) -> None:
    file = tmp_path / RESULT
    file.write_text(text)
    with pytest.raises(RunError, match="not a run's result"):
        load_run(tmp_path)


def test_rows_out_of_order_or_twice_are_refused(tmp_path: Path, judged: Build, run_of: Build) -> None:
    whole = run_of([judged("one"), judged("two")])
    text = whole.dump().decode()
    (tmp_path / RESULT).write_text(text.replace('"case_id":"two"', '"case_id":"one"'))
    with pytest.raises(RunError, match="sorted"):
        load_run(tmp_path)


def test_a_place_that_can_t_be_written_is_named(tmp_path: Path, judged: Build, run_of: Build) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="can't be written"):
        save_run(tmp_path / "file", run_of([judged()]))


def test_completeness_counts_what_was_planned(judged: Build, run_of: Build) -> None:
    rows = [judged("one"), judged("two", error=ValueError("x"))]
    assert run_of(rows, cases=4).completeness == 0.25
