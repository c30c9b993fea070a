from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evals.errors import RunError
from evals.journal import FILE, Journal
from evals.run import Run

Build = Callable[..., Any]


def journal(folder: Path, run: Run) -> Journal:
    return Journal(
        folder / FILE, run.identity, run.provenance, {row.key: row.case_sha256 for row in run.rows}
    )


def test_rows_are_there_again_after_a_kill(tmp_path: Path, judged: Build, run_of: Build) -> None:
    rows = [judged("two"), judged("one")]
    whole = run_of(rows)
    for row in rows:  # each opening finds what was written before
        with journal(tmp_path, whole) as there:
            there.keep(row)
    with journal(tmp_path, whole) as there:
        assert there.keys == {("one", 0), ("two", 0)}
        assert there.run() == whole


@pytest.mark.parametrize("cut", [1, 2, 40, 4000])
def test_half_a_line_at_the_end_is_removed(tmp_path: Path, judged: Build, run_of: Build, cut: int) -> None:
    rows = [judged("one", excerpt="x" * 5000), judged("two", excerpt="x" * 5000)]
    whole = run_of(rows)
    with journal(tmp_path, whole) as there:
        for row in rows:
            there.keep(row)
    file = tmp_path / FILE
    file.write_bytes(file.read_bytes()[:-cut])
    with journal(tmp_path, whole) as there:
        assert there.keys == {("one", 0)}
        there.keep(rows[1])
    with journal(tmp_path, whole) as there:
        assert there.run() == whole


def test_a_run_taken_up_again_keeps_its_own_provenance(tmp_path: Path, judged: Build, run_of: Build) -> None:
    with journal(tmp_path, run_of([judged()], run_id="first")):
        pass
    with journal(tmp_path, run_of([judged()], run_id="second")) as there:
        assert there.provenance.run_id == "first"


def test_another_run_is_refused_by_what_differs(tmp_path: Path, judged: Build, run_of: Build) -> None:
    with journal(tmp_path, run_of([judged()])):
        pass
    with pytest.raises(RunError, match=r"analyst: 'rules' there, 'bedrock' now.*--fresh"):
        journal(tmp_path, run_of([judged()], analyst="bedrock"))


def test_a_row_is_kept_once(tmp_path: Path, judged: Build, run_of: Build) -> None:
    row = judged()
    with journal(tmp_path, run_of([row])) as there:
        there.keep(row)
        with pytest.raises(RunError, match="fetch, repeat 0 is there already"):
            there.keep(row)


def test_a_damaged_line_is_named(tmp_path: Path, judged: Build, run_of: Build) -> None:
    row = judged()
    whole = run_of([row])
    with journal(tmp_path, whole) as there:
        there.keep(row)
    file = tmp_path / FILE
    file.write_bytes(file.read_bytes().replace(b'"case_id":"fetch"', b'"case":"fetch"'))
    with pytest.raises(RunError, match="line 2: damaged"):
        journal(tmp_path, whole)


def test_a_place_that_can_t_be_written_is_named(tmp_path: Path, judged: Build, run_of: Build) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="can't be written"):
        journal(tmp_path / "file", run_of([judged()]))


def test_two_processes_can_t_write_one_run(tmp_path: Path, judged: Build, run_of: Build) -> None:
    whole = run_of([judged()])
    with journal(tmp_path, whole), pytest.raises(RunError, match="another `evals run` is writing there"):
        journal(tmp_path, whole)
    with journal(tmp_path, whole):
        pass


def test_rows_that_are_no_part_of_the_run_are_refused(tmp_path: Path, judged: Build, run_of: Build) -> None:
    mine, foreign = judged("mine"), judged("foreign")
    with journal(tmp_path, run_of([mine, foreign], cases=1)) as there:
        there.keep(foreign)
    with pytest.raises(RunError, match=r"foreign.*no part of this run"):
        journal(tmp_path, run_of([mine], cases=1))


def test_a_row_that_stands_there_twice_is_refused(tmp_path: Path, judged: Build, run_of: Build) -> None:
    whole = run_of([judged()])
    with journal(tmp_path, whole) as there:
        there.keep(whole.rows[0])
    file = tmp_path / FILE
    file.write_bytes(file.read_bytes() + file.read_bytes().splitlines(keepends=True)[1])
    with pytest.raises(RunError, match=r"line 3.*twice"):
        journal(tmp_path, whole)


def test_errored_rows_can_be_asked_again(tmp_path: Path, judged: Build, run_of: Build) -> None:
    good, bad = judged("good"), judged("bad", error=OSError("gone"))
    whole = run_of([good, bad])
    with journal(tmp_path, whole) as there:
        there.keep(good)
        there.keep(bad)
        assert there.drop_errors() == 1
        assert there.drop_errors() == 0
    with journal(tmp_path, whole) as there:
        assert there.keys == {("good", 0)}
        there.keep(judged("bad"))
        assert not any(row.error for row in there.run().rows)
