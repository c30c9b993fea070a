import argparse
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import runs

from evals.archive import save_run
from evals.command import report
from evals.errors import ComparisonError, GateError, RunError
from evals.run import Demands, Miss

Captured = pytest.CaptureFixture[str]
Invoke = Callable[..., int]


@pytest.fixture
def invoke() -> Invoke:
    def call(*arguments: object) -> int:
        parser = argparse.ArgumentParser()
        report.add(parser.add_subparsers())
        parsed = parser.parse_args(["report", *map(str, arguments)])
        return int(parsed.run(parsed))

    return call


@pytest.fixture
def new(tmp_path: Path) -> Path:
    rows = [runs.row("a", right=False, prompt_version="v2"), runs.row("b", prompt_version="v2")]
    return save_run(tmp_path / "new", runs.run(rows, run_id="new", prompt_version="v2")).parent


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return save_run(tmp_path / "old", runs.run([runs.row("a"), runs.row("b")], run_id="old")).parent


def test_the_page_goes_beside_the_result_and_a_failed_run_is_no_error(
    invoke: Invoke, new: Path, capsys: Captured
) -> None:
    assert invoke(new / "result.json") == 0
    assert (new / "report.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert capsys.readouterr().out == ""


def test_other_formats_go_to_standard_output_or_where_they_are_told(
    invoke: Invoke, new: Path, tmp_path: Path, capsys: Captured
) -> None:
    assert invoke(new, "--format", "json") == 0
    assert json.loads(capsys.readouterr().out)["provenance"]["run_id"] == "new"
    assert invoke(new, "--format", "markdown", "--output", tmp_path / "x" / "comment.md") == 0
    assert (tmp_path / "x" / "comment.md").read_text(encoding="utf-8").startswith("# ✅ Evaluation PASSED")


def test_a_baseline_adds_what_changed(invoke: Invoke, new: Path, old: Path, capsys: Captured) -> None:
    assert invoke(new, "--baseline", old, "--format", "json") == 0
    assert [each["case_id"] for each in json.loads(capsys.readouterr().out)["comparison"]["flips"]] == ["a"]


def test_what_differs_must_be_allowed(invoke: Invoke, new: Path, tmp_path: Path) -> None:
    other = save_run(
        tmp_path / "other", runs.run([runs.row("a"), runs.row("b")], settings={"budget": 1})
    ).parent
    with pytest.raises(ComparisonError, match="settings"):
        invoke(new, "--baseline", other)
    assert invoke(new, "--baseline", other, "--allow", "settings") == 0


def test_requirements_and_known_misses_are_those_of_the_run(
    invoke: Invoke, tmp_path: Path, capsys: Captured
) -> None:
    miss = Miss(case_id="a", requirement="category", reason="two causes of equal weight")
    made = runs.run([runs.row("a", right=False)])
    demands = Demands(required=("category", "leak"), known=(miss,))
    folder = save_run(tmp_path / "run", made.model_copy(update={"demands": demands})).parent
    assert invoke(folder, "--format", "json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["required"] == ["category", "leak"]
    assert told["passed"] is True
    assert [each["case_id"] for each in told["known"]] == ["a"]


@pytest.mark.parametrize(
    ("text", "why"),
    [("{", "JSON"), ("{}", "verdict"), (None, "can't be read")],
    ids=["torn", "empty", "missing"],
)
def test_a_gate_record_that_is_none_is_refused(
    invoke: Invoke, new: Path, tmp_path: Path, text: str | None, why: str
) -> None:
    record = tmp_path / "gate.json"
    if text is not None:
        record.write_text(text)
    with pytest.raises(GateError, match=why):
        invoke(new, "--gate", record)


def test_a_gate_record_of_another_run_is_refused(invoke: Invoke, new: Path, tmp_path: Path) -> None:
    record = tmp_path / "gate.json"
    candidate = {
        "run_id": "another", "file": "f", "sha256": "0" * 64, "date": "2026-01-01T00:00:00Z", "commit": "c",
        "analyst": "a", "model_id": None, "prompt_version": None, "prompt_sha256": None, "cases": 1, "datasets": [],
    }  # fmt: skip
    check = {"name": "completeness", "verdict": "PASS", "reason": "whole"}
    stored = {
        "verdict": "PASS", "date": "2026-01-01T00:00:00Z", "candidate": candidate, "baseline": None,
        "policy_sha256": "", "production": None, "checks": [check], "more_cases": None,
    }  # fmt: skip
    record.write_text(json.dumps(stored))
    with pytest.raises(GateError, match="of run another, the report of new"):
        invoke(new, "--gate", record)
    stored["candidate"] = {**candidate, "run_id": "new"}
    record.write_text(json.dumps(stored))
    assert invoke(new, "--gate", record) == 0


def test_an_empty_run_is_refused(invoke: Invoke, tmp_path: Path) -> None:
    empty = runs.run([runs.row("a")]).model_copy(update={"rows": ()})
    with pytest.raises(RunError, match="nothing in the run"):
        invoke(save_run(tmp_path / "empty", empty))


@pytest.mark.parametrize("option", [("--allow", "datasets")])
def test_unknown_names_are_wrong_usage(
    invoke: Invoke, new: Path, option: tuple[str, str], capsys: Captured
) -> None:
    with pytest.raises(SystemExit) as stop:
        invoke(new, *option)
    assert stop.value.code == 2
    assert "choose from" in capsys.readouterr().err


def test_help_shows_an_example(invoke: Invoke, capsys: Captured) -> None:
    with pytest.raises(SystemExit):
        invoke("--help")
    assert "example:\n  evals report " in capsys.readouterr().out
