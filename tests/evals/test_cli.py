import json
import runpy
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evals.archive import load_run
from evals.cli import main

Build = Callable[..., Any]
Captured = pytest.CaptureFixture[str]


def test_a_run_that_holds_exits_0(dataset: Build, product: Build, capsys: Captured) -> None:
    assert main(["run", str(dataset("one"))], diagnose=product()) == 0
    out, err = capsys.readouterr()
    assert "PASSED" in out
    assert err == ""


def test_a_case_with_a_wrong_label_exits_1_and_is_named(
    dataset: Build, product: Build, capsys: Captured
) -> None:
    folder = dataset("one", category="DATA_QUALITY", failure_type="CORRUPT_FILE")
    assert main(["run", str(folder)], diagnose=product()) == 1
    assert "one: category: expected DATA_QUALITY, got DEPENDENCY_FAILURE" in capsys.readouterr().out


def test_an_errored_case_exits_1_with_its_reason(dataset: Build, product: Build, capsys: Captured) -> None:
    assert main(["run", str(dataset("one"))], diagnose=product(error=ValueError("boom"))) == 1
    assert "one: no error: ValueError: boom" in capsys.readouterr().out


def test_an_empty_dataset_exits_2(tmp_path: Path, rows: Build, product: Build, capsys: Captured) -> None:
    rows(tmp_path, [])
    assert main(["run", str(tmp_path)], diagnose=product()) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("evals: ")
    assert "nothing to score" in err


def test_an_altered_dataset_exits_2(dataset: Build, product: Build, capsys: Captured) -> None:
    folder = dataset("one")
    (folder / "one" / "meta.json").write_text("{}", encoding="utf-8")
    assert main(["run", str(folder)], diagnose=product()) == 2
    assert "case one" in capsys.readouterr().err


def test_requirements_can_be_chosen(dataset: Build, product: Build) -> None:
    folder = dataset("one", safe_to_retry=False)
    assert main(["run", str(folder), "--require", "category,leak"], diagnose=product()) == 0
    assert main(["run", str(folder), "--require", "category,retry"], diagnose=product()) == 1


def test_an_unknown_requirement_exits_2(dataset: Build, capsys: Captured) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["run", str(dataset("one")), "--require", "beauty"])
    assert stop.value.code == 2
    assert "choose from" in capsys.readouterr().err


def test_a_run_is_kept_and_not_asked_again(
    dataset: Build, product: Build, tmp_path: Path, capsys: Captured
) -> None:
    folder = tmp_path / "run"
    arguments = ["run", str(dataset("one", "two")), "--format", "json", "--output", str(folder)]
    assert main(arguments, diagnose=product()) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["passed"] is True
    assert str(folder) in err
    first, again = load_run(folder), product()
    assert main(arguments, diagnose=again) == 0
    assert again.asked == []
    assert "2 of 2 answers are there" in capsys.readouterr().err
    assert load_run(folder) == first


def test_another_run_in_the_folder_is_refused_unless_begun_anew(
    dataset: Build, product: Build, tmp_path: Path, capsys: Captured
) -> None:
    arguments = ["run", str(dataset("one")), "--output", str(tmp_path / "run")]
    assert main(arguments, diagnose=product()) == 0
    assert main([*arguments, "--repeats", "2"], diagnose=product()) == 2
    assert "repeats: 1 there, 2 now" in capsys.readouterr().err
    assert main([*arguments, "--repeats", "2", "--fresh"], diagnose=product()) == 0
    assert len(load_run(tmp_path / "run").rows) == 2


@pytest.mark.parametrize("option", [["--repeats", "0"], ["--jobs", "x"], ["--rate", "-1"], ["--rate", "nan"]])
def test_a_number_that_makes_no_sense_exits_2(dataset: Build, capsys: Captured, option: list[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["run", str(dataset("one")), *option])
    assert stop.value.code == 2
    assert option[1] in capsys.readouterr().err


def test_an_unknown_analyst_exits_2(dataset: Build, capsys: Captured) -> None:
    assert main(["run", str(dataset("one")), "--analyst", "oracle"]) == 2
    assert "oracle" in capsys.readouterr().err


def test_check_counts_the_cases_and_exits_0(dataset: Build, capsys: Captured) -> None:
    assert main(["dataset", "check", str(dataset("first"))]) == 0
    assert "1 case: 0 errors" in capsys.readouterr().out.replace("cases", "case")


def test_check_lists_all_that_is_wrong_and_exits_1(dataset: Build, capsys: Captured) -> None:
    folder = dataset("first", "second", evidence=["stands nowhere at all"])
    (folder / "first" / "meta.json").write_text("{}", encoding="utf-8")
    assert main(["dataset", "check", str(folder)]) == 1
    out = capsys.readouterr().out
    assert "first" in out
    assert "second" in out


def test_index_writes_the_cases_of_labels(tmp_path: Path, logs: Build, capsys: Captured) -> None:
    logs(tmp_path / "one")
    label = {"id": "one", "category": "DEPENDENCY_FAILURE", "failure_type": "SERVICE_UNREACHABLE",
             "safe_to_retry": True, "evidence": ["Connection refused"]}  # fmt: skip
    (tmp_path / "one" / "label.json").write_text(json.dumps(label), encoding="utf-8")
    assert main(["dataset", "index", str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'cases.jsonl'}\n"
    assert json.loads((tmp_path / "cases.jsonl").read_text())["vars"]["case_id"] == "one"


def test_the_schema_is_printed_as_committed(capsys: Captured) -> None:
    assert main(["dataset", "schema"]) == 0
    committed = Path(__file__).parents[2] / "datasets" / "case.schema.json"
    assert capsys.readouterr().out == committed.read_text(encoding="utf-8")


def test_progress_is_shown_on_a_terminal_only(
    dataset: Build, product: Build, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    main(["run", str(dataset("one"))], diagnose=product())
    assert "case/s" in capsys.readouterr().err


@pytest.mark.parametrize(
    "command",
    [
        [],
        ["run"],
        ["compare"],
        ["report"],
        ["gate"],
        ["promote"],
        ["dataset"],
        ["dataset", "check"],
        ["dataset", "index"],
        ["dataset", "schema"],
    ],
)
def test_every_help_shows_an_example(command: list[str], capsys: Captured) -> None:
    with pytest.raises(SystemExit) as stop:
        main([*command, "--help"])
    assert stop.value.code == 0
    assert "example:\n  evals " in capsys.readouterr().out


def test_the_module_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Captured) -> None:
    monkeypatch.setattr(sys, "argv", ["evals", "dataset", "check", str(tmp_path / "nowhere")])
    with pytest.raises(SystemExit) as stop:
        runpy.run_module("evals", run_name="__main__")
    assert stop.value.code == 2
    assert "nowhere" in capsys.readouterr().err


def test_fresh_removes_a_run_and_nothing_else(
    dataset: Build, product: Build, tmp_path: Path, capsys: Captured
) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "thesis.txt").write_text("years of work")
    arguments = ["run", str(dataset("one")), "--output", str(precious), "--fresh"]
    assert main(arguments, diagnose=product()) == 2
    assert "nothing is removed" in capsys.readouterr().err
    assert main(arguments[:-1], diagnose=product()) == 0
    assert main(arguments, diagnose=product()) == 0
    assert (precious / "thesis.txt").read_text() == "years of work"


def test_two_datasets_of_one_name_exit_2(
    dataset: Build, product: Build, tmp_path: Path, capsys: Captured
) -> None:
    folder = dataset("one")
    other = tmp_path / "other" / folder.name
    shutil.copytree(folder, other)
    assert main(["run", str(folder), str(other)], diagnose=product()) == 2
    assert "are called" in capsys.readouterr().err


def test_a_subset_says_what_it_is_a_part_of(dataset: Build, product: Build, tmp_path: Path) -> None:
    (tmp_path / "subset.txt").write_text("one\n")
    arguments = ["run", str(dataset("one", "two")), "--output", str(tmp_path / "run")]
    assert main([*arguments, "--subset", str(tmp_path / "subset.txt")], diagnose=product()) == 0
    (part,) = load_run(tmp_path / "run").identity.datasets
    assert part.cases == 1
    assert part.part_of is not None


def test_an_errored_case_can_be_asked_again(
    dataset: Build, product: Build, tmp_path: Path, capsys: Captured
) -> None:
    arguments = ["run", str(dataset("one")), "--output", str(tmp_path / "run")]
    assert main(arguments, diagnose=product(error=OSError("gone"))) == 1
    assert main(arguments, diagnose=product()) == 1
    assert main([*arguments, "--retry-errors"], diagnose=product()) == 0
    assert "1 errored cases are asked again" in capsys.readouterr().err


def test_requiring_nothing_exits_2(dataset: Build) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["run", str(dataset("one")), "--require", ","])
    assert stop.value.code == 2
