import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evals import replay
from evals.dataset import load
from evals.scorers import SCORERS

Build = Callable[..., Any]


def test_a_run_keeps_payload_excerpt_and_raw_logs(tmp_path: Path, logs: Build, product: Build) -> None:
    outcome = replay.run(logs(tmp_path / "a"), product(excerpt="the excerpt"))
    assert outcome.diagnosis is not None
    assert outcome.excerpt == "the excerpt"
    assert not outcome.error
    assert outcome.cpu_ms >= 0
    assert list(outcome.lines) == ["j-TEST/steps/s-TEST/stdout.gz"]


def test_an_exception_becomes_an_errored_outcome(tmp_path: Path, logs: Build, product: Build) -> None:
    outcome = replay.run(logs(tmp_path / "a"), product(error=ValueError("boom")))
    assert outcome.diagnosis is None
    assert outcome.error == "ValueError: boom"
    assert outcome.lines


def test_what_is_printed_and_logged_is_kept(
    tmp_path: Path, logs: Build, product: Build, capsys: pytest.CaptureFixture[str]
) -> None:
    fake = product()

    def talkative(log_root: Path, repeat: int) -> Any:
        del repeat
        sys.stdout.write("printed ")
        sys.stderr.write("whispered ")
        logging.getLogger("diagnose.log").debug("logged")
        return fake(log_root)

    talk = replay.run(logs(tmp_path / "a"), talkative).talk
    assert all(word in talk for word in ("printed", "whispered", "logged"))
    assert capsys.readouterr() == ("", "")


def test_what_a_case_raises_is_redacted(tmp_path: Path, logs: Build, product: Build) -> None:
    secret = "-".join(("Kelo", "tarin", "77ub"))
    outcome = replay.run(logs(tmp_path / "a"), product(error=ValueError(f"password={secret}")))
    assert outcome.error.startswith("ValueError: password=[REDACTED-")
    assert secret not in outcome.error


def test_every_case_is_asked_as_often_as_planned(dataset: Build, product: Build) -> None:
    loaded, fake, waits = load(dataset("one", "two")), product(), []
    tasks = replay.plan([loaded], repeats=2)
    rows = list(replay.replay(tasks, fake, pace=lambda: waits.append(1)))
    assert [row.key for row in rows] == [("one", 0), ("one", 1), ("two", 0), ("two", 1)]
    assert [row.key for row in rows] == [task.key for task in tasks]
    assert fake.asked == [loaded.folder / name / "logs" for name in ("one", "one", "two", "two")]
    assert len(waits) == 4


def test_what_differs_from_run_to_run_stands_apart(judged: Build) -> None:
    row = judged(stage_ms={"log": 3})
    assert row.diagnosis.stage_ms == {}
    assert row.diagnosis.analysis_timestamp == replay.NO_TIME
    assert row.timing.stage_ms == {"log": 3}
    assert row.timing.analysed_at.year == 2026


def test_raw_logs_are_read_only_for_scorers_that_look_at_them(
    tmp_path: Path, logs: Build, product: Build, case: Build
) -> None:
    task = replay.Task(dataset="set", case=case(), log_root=logs(tmp_path / "a"))
    invented = product(shown=("stands nowhere",))
    assert replay.run(task.log_root, invented, raw=False).lines == {}
    (row,) = replay.replay([task], invented, pace=lambda: None, scorers={"grounding": SCORERS["grounding"]})
    assert row.scores["grounding"].value == 0
    found = {name for name in SCORERS if replay.answer(task, product(), {name: SCORERS[name]}).scores[name]
             != replay.answer(task, product()).scores[name]}  # fmt: skip
    assert found == set(), "a scorer that looks at the logs is missing from READERS"


def test_an_errored_case_is_a_row_with_every_score(judged: Build) -> None:
    row = judged(error=ValueError("boom"))
    assert row.error == "ValueError: boom"
    assert row.diagnosis is None
    assert row.scores["category"].value == 0


@pytest.mark.parametrize("error", [SystemExit(0), KeyError("x"), ValueError("lone \ud800 surrogate")])
def test_whatever_a_case_raises_is_its_row(judged: Build, error: BaseException) -> None:
    row = judged(error=error)
    assert row.error.startswith(type(error).__name__)
    assert row.model_dump_json()


def test_an_answer_that_can_t_be_written_is_an_error(judged: Build) -> None:
    row = judged(root_cause="lone \ud800 surrogate")
    assert row.diagnosis is None
    assert "Unicode" in row.error or "surrogate" in row.error


def test_damaged_files_of_a_case_are_its_error_alone(
    tmp_path: Path, logs: Build, product: Build, case: Build
) -> None:
    root = logs(tmp_path / "a")
    (tmp_path / "a" / "meta.json").write_text("{", encoding="utf-8")
    row = replay.answer(replay.Task(dataset="set", case=case(), log_root=root), product())
    assert row.error.startswith("JSONDecodeError")
