from pathlib import Path
from typing import Any

import pytest

from evals.errors import PrerequisiteError, ScenarioError
from evals.lab import submission
from evals.lab.cli import main
from evals.lab.scenario import Scenario

LABEL = {
    "category": "UNKNOWN",
    "failure_type": "UNEXPLAINED_EXIT",
    "safe_to_retry": False,
    "evidence": ["exit code 4"],
    "difficulty": "easy",
}
FAKE_SUBMIT = """#!/bin/sh
echo "$@"
echo "environment: $(env | sort | cut -d= -f1 | tr '\\n' ' ')" >&2
exit ${CODE:-4}
"""


def scenario(**changes: Any) -> Scenario:
    row = {"id": "demo", "description": "x", "source": "pass", "label": LABEL}
    return Scenario.model_validate({**row, **changes})


@pytest.fixture
def place(tmp_path: Path) -> submission.Place:
    place = submission.Place(
        home=tmp_path / "home", tmp=tmp_path / "tmp", cache=tmp_path / "cache", spark=tmp_path / "spark"
    )
    for folder in (place.home, place.tmp, place.cache, place.spark / "bin"):
        folder.mkdir(parents=True)
    script = place.spark / "bin" / "spark-submit"
    script.write_text(FAKE_SUBMIT, encoding="utf-8")
    script.chmod(0o755)
    return place


def test_a_job_is_submitted_with_its_files_and_arguments(place: submission.Place) -> None:
    demo = scenario(
        args=["{{tmp}}/in.csv"],
        conf={"spark.x": "y"},
        packages=["g:a:1"],
        file=[{"path": "in.csv", "text": "a,b", "mode": 0o600}],
    )
    done = submission.submit(demo, place)
    assert done.exit_code == 4
    said = done.stdout.decode()
    for part in (
        "--deploy-mode client",
        "--conf spark.x=y",
        "--packages g:a:1",
        f"demo.py {place.tmp}/in.csv",
    ):
        assert part in said
    assert (place.tmp / "in.csv").read_text(encoding="utf-8") == "a,b"
    assert (place.home / "jobs" / "demo.py").read_text(encoding="utf-8") == "pass"


def test_the_job_sees_nothing_of_our_environment(
    place: submission.Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOMETHING_PRIVATE", "x")
    assert b"SOMETHING_PRIVATE" not in submission.submit(scenario(), place).stderr


def test_a_job_that_succeeds_is_refused(place: submission.Place) -> None:
    (place.spark / "bin" / "spark-submit").write_text("#!/bin/sh\nexit 0\n", encoding="utf-8")
    with pytest.raises(ScenarioError, match="the job succeeded"):
        submission.submit(scenario(), place)


def test_a_job_that_hangs_is_stopped(place: submission.Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submission, "TIMEOUT_SECONDS", 0.2)
    (place.spark / "bin" / "spark-submit").write_text("#!/bin/sh\nexec sleep 20\n", encoding="utf-8")
    with pytest.raises(ScenarioError, match="not ended after"):
        submission.submit(scenario(), place)


def test_a_missing_java_or_pyspark_exits_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(submission.shutil, "which", lambda _name: None)
    assert main(["run", "all", "--output", str(tmp_path)]) == 2
    assert "java: not found" in capsys.readouterr().err
    monkeypatch.setattr(submission.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(submission.importlib.util, "find_spec", lambda _name: None)
    assert main(["run", "all", "--output", str(tmp_path)]) == 2
    assert "pyspark: not installed" in capsys.readouterr().err


def test_what_a_scenario_needs_is_checked() -> None:
    with pytest.raises(PrerequisiteError, match="module_that_nobody_wrote"):
        submission.check(scenario(requires=["module_that_nobody_wrote"]))


def test_an_unknown_scenario_exits_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("evals.lab.cli.find_spark", lambda: tmp_path)
    assert main(["run", "nosuch", "--output", str(tmp_path)]) == 2
    assert "nosuch.toml" in capsys.readouterr().err


@pytest.mark.parametrize("command", [[], ["run"], ["index"]])
def test_every_help_shows_an_example(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([*command, "--help"])
    assert "example:\n  python -m evals.lab run" in capsys.readouterr().out
