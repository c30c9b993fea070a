import gzip
import hashlib
import json
import socket
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from evals.errors import ScenarioError
from evals.lab.harvest import NODE_HOST, harvest, identifier
from evals.lab.index import write_index
from evals.lab.scenario import Scenario
from evals.lab.submission import Place, Submission
from evals.source import read_lines

Build = Callable[..., Any]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(
        home=tmp_path / "h", tmp=tmp_path / "t", cache=tmp_path / "c", spark=tmp_path / "site" / "pyspark"
    )


def make_scenario(**label: Any) -> Scenario:
    values = {
        "category": "DEPENDENCY_FAILURE",
        "failure_type": "SERVICE_UNREACHABLE",
        "safe_to_retry": True,
        "evidence": ["Connection refused"],
        "difficulty": "easy",
    }
    return Scenario.model_validate(
        {"id": "demo", "description": "x", "source": "pass", "label": {**values, **label}}
    )


def make_submission(place: Place, stderr: str = "Connection refused\n") -> Submission:
    return Submission(
        arguments=("spark-submit", f"{place.home}/jobs/demo.py"),
        stdout=f"from {place.tmp}/in and {place.spark}/python/x.py\n".encode(),
        stderr=f"host {socket.gethostname()}: {stderr}".encode(),
        exit_code=7,
        started=datetime(2026, 1, 1, 0, 0, 0, tzinfo=UTC),
        ended=datetime(2026, 1, 1, 0, 0, 9, tzinfo=UTC),
    )


def test_a_case_folder_has_emrs_layout_and_names(tmp_path: Path, place: Place) -> None:
    folder = harvest(make_scenario(), make_submission(place), place, tmp_path / "out")
    cluster, step = identifier("j", "demo"), identifier("s", "demo")
    lines = read_lines(folder / "logs")
    base = f"{cluster}/steps/{step}"
    assert set(lines) == {f"{base}/{name}.gz" for name in ("controller", "stderr", "stdout", "syslog")}
    assert lines[f"{base}/stdout.gz"][0] == "from /mnt/tmp/in and /usr/lib/spark/python/x.py"
    assert lines[f"{base}/stderr.gz"][0] == f"host {NODE_HOST}: Connection refused"
    assert any("ended with exit code 7" in line for line in lines[f"{base}/controller.gz"])
    meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
    assert meta["step"]["Config"]["Args"] == ["spark-submit", "/home/hadoop/jobs/demo.py"]
    assert meta["event"]["detail"]["stepId"] == step


def test_harvesting_twice_gives_the_same_bytes(tmp_path: Path, place: Place) -> None:
    folders = [
        harvest(make_scenario(), make_submission(place), place, tmp_path / name) for name in ("a", "b")
    ]
    files = [sorted(path for path in folder.rglob("*") if path.is_file()) for folder in folders]
    assert [path.read_bytes() for path in files[0]] == [path.read_bytes() for path in files[1]]
    assert gzip.decompress(files[0][0].read_bytes())


def test_logs_that_are_too_large_are_refused(tmp_path: Path, place: Place) -> None:
    noise = "".join(
        f"{hashlib.sha256(bytes([number % 256, number // 256])).hexdigest()}\n" for number in range(3000)
    )
    with pytest.raises(ScenarioError, match="make the job say less"):
        harvest(make_scenario(), make_submission(place, noise), place, tmp_path / "out")


def index(tmp_path: Path, place: Place, scenario: Scenario, stderr: str = "Connection refused\n") -> str:
    harvest(scenario, make_submission(place, stderr), place, tmp_path / "out")
    return write_index([scenario], tmp_path / "out").read_text(encoding="utf-8")


def test_the_index_holds_a_line_per_harvested_case(tmp_path: Path, place: Place) -> None:
    row = json.loads(index(tmp_path, place, make_scenario()))
    assert row["vars"]["log_root"] == "demo/logs"
    assert row["metadata"]["cluster"] == "demo"


def test_evidence_that_is_in_no_log_is_refused(tmp_path: Path, place: Place) -> None:
    with pytest.raises(ScenarioError, match="no line of its logs holds 'disk full'"):
        index(tmp_path, place, make_scenario(evidence=["disk full"]))


def test_a_safe_label_is_refused_when_the_logs_tell_of_a_write(tmp_path: Path, place: Place) -> None:
    with pytest.raises(ScenarioError, match="labelled safe to retry"):
        index(tmp_path, place, make_scenario(), "Connection refused\nINFO Saved output of task 'a'\n")


def test_a_canary_that_is_in_no_log_is_refused(tmp_path: Path, place: Place) -> None:
    scenario = make_scenario().model_copy(update={"args": ("{{canary:key}}",)})
    with pytest.raises(ScenarioError, match="canary 1 is in no log"):
        index(tmp_path, place, scenario)


def test_a_safe_label_needs_a_transient_cause(tmp_path: Path, place: Place) -> None:
    scenario = make_scenario(category="DATA_QUALITY", failure_type="CORRUPT_FILE")
    with pytest.raises(ScenarioError, match="CORRUPT_FILE is not transient"):
        index(tmp_path, place, scenario)


def test_a_transient_cause_is_unsafe_only_after_a_write(tmp_path: Path, place: Place) -> None:
    with pytest.raises(ScenarioError, match="tell of no write"):
        index(tmp_path, place, make_scenario(safe_to_retry=False))
