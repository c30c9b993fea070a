import gzip
import hashlib
import json
import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from evals.errors import ScenarioError
from evals.lab.cluster.cluster import Application
from evals.lab.harvest import harvest
from evals.lab.index import RUNS_FILE, healthy_folder, write_index
from evals.lab.record import identifier
from evals.lab.rename import NODE_HOST
from evals.lab.scenario import Scenario
from evals.lab.submission import Place, Submission
from evals.source import read_lines

LABEL = {
    "category": "DEPENDENCY_FAILURE",
    "failure_type": "SERVICE_UNREACHABLE",
    "safe_to_retry": True,
    "evidence": ["Connection refused"],
    "difficulty": "easy",
}


def make_scenario(**label: Any) -> Scenario:
    return Scenario.model_validate(
        {"id": "demo", "description": "x", "source": "pass", "label": {**LABEL, **label}}
    )


def make_submission(
    place: Place, stderr: str = "Connection refused\n", code: int = 7, **more: Any
) -> Submission:
    return Submission(
        arguments=("spark-submit", f"{place.home}/jobs/demo.py"),
        stdout=f"from {place.tmp}/in and {place.engine.spark}/python/x.py\n".encode(),
        stderr=f"host {socket.gethostname()}: {stderr}".encode(),
        exit_code=code,
        started=datetime(2026, 1, 1, 0, 0, 0, tzinfo=UTC),
        ended=datetime(2026, 1, 1, 0, 0, 9, tzinfo=UTC),
        services={},
        **{"daemons": {}, **more},
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


class FakeCluster:
    def __init__(self, folder: Path) -> None:
        self.folder, self.conf, self.default_fs = folder, folder / "conf", "localhost:40123"
        self.logs = folder / "logs"

    def node_folders(self, kind: str) -> list[Path]:
        return [self.folder / f"lab-{kind}Dir-nm-0_0"]

    def containers(self, application: str) -> list[Path]:
        return sorted((self.folder / application).glob("container_*"))


def test_containers_and_daemons_of_a_cluster_are_harvested(tmp_path: Path, place: Place) -> None:
    name = "container_1795372022454_0003_01_000001"
    container = tmp_path / "cluster" / "application_1795372022454_0003" / name
    container.mkdir(parents=True)
    (container / "stderr").write_bytes(b"hdfs://localhost:40123/data \xff\n")
    (container / "stdout").write_bytes(b"")
    (container / "launch_container.sh").write_bytes(b"export X=1")
    here = Place(
        home=place.home,
        tmp=place.tmp,
        cache=place.cache,
        engine=place.engine,
        cluster=FakeCluster(tmp_path / "cluster"),
    )  # type: ignore[arg-type]
    application = Application(id="application_1795372022454_0003", state="FINISHED", final="FAILED")
    submission = make_submission(
        here,
        applications=(application,),
        daemons={"nodemanager": f"{name} done\n".encode(), "resourcemanager": b""},
    )
    scenario = make_scenario().model_copy(update={"undelivered": ("steps/*/syslog",)})
    folder = harvest(scenario, submission, here, tmp_path / "out")
    lines = {path.partition("/")[2]: text for path, text in read_lines(folder / "logs").items()}
    [stderr] = [path for path in lines if path.startswith("containers/")]
    [node] = [path for path in lines if path.startswith("node/")]
    assert not [path for path in lines if path.endswith("syslog.gz")]
    assert lines[stderr][0] == "hdfs://ip-10-0-2-11.ec2.internal:8020/data \ufffd"
    harvested = stderr.split("/")[2]
    assert harvested != name and harvested.endswith("_01_000001")
    assert lines[node][0] == f"{harvested} done"
    assert node.endswith(f"/applications/hadoop-yarn/hadoop-yarn-nodemanager-{NODE_HOST}.log.gz")


def test_harvesting_twice_gives_the_same_bytes(tmp_path: Path, place: Place) -> None:
    folders = [
        harvest(make_scenario(), make_submission(place), place, tmp_path / name) for name in ("a", "b")
    ]
    files = [sorted(path for path in folder.rglob("*") if path.is_file()) for folder in folders]
    assert [path.read_bytes() for path in files[0]] == [path.read_bytes() for path in files[1]]
    assert gzip.decompress(files[0][0].read_bytes())


def test_what_ran_stands_beside_the_case(tmp_path: Path, place: Place) -> None:
    folder = harvest(make_scenario(), make_submission(place), place, tmp_path / "out")
    row = json.loads((folder / "provenance.json").read_text(encoding="utf-8"))
    assert (row["spark"], row["hadoop"], row["date"]) == ("3.5.7", "3.3.4", "2026-01-01")
    assert row["part"] in {"tuned", "held-back"}


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


def test_a_healthy_run_is_no_case(tmp_path: Path, place: Place) -> None:
    scenario = Scenario.model_validate({"id": "demo", "description": "x", "source": "pass", "healthy": True})
    (tmp_path / "out").mkdir()
    folder = harvest(scenario, make_submission(place, code=0), place, healthy_folder(tmp_path / "out"))
    meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
    assert meta["step"]["Status"]["State"] == meta["event"]["detail"]["state"] == "COMPLETED"
    assert "FailureDetails" not in meta["step"]["Status"]
    assert write_index([scenario], tmp_path / "out").read_text(encoding="utf-8") == ""
    row = json.loads((healthy_folder(tmp_path / "out") / RUNS_FILE).read_text(encoding="utf-8"))
    assert (row["id"], row["log_root"]) == ("demo", "demo/logs")


def test_a_scenario_that_was_changed_after_its_run_is_refused(tmp_path: Path, place: Place) -> None:
    scenario = make_scenario()
    harvest(scenario, make_submission(place), place, tmp_path / "out")
    write_index([make_scenario(notes="a better label")], tmp_path / "out")
    with pytest.raises(ScenarioError, match="changed after its run"):
        write_index([scenario.model_copy(update={"args": ("x",)})], tmp_path / "out")


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


def test_a_transient_cause_is_unsafe_after_a_write_or_for_a_reason(tmp_path: Path, place: Place) -> None:
    with pytest.raises(ScenarioError, match="tell of no write"):
        index(tmp_path, place, make_scenario(safe_to_retry=False))
    assert index(tmp_path, place, make_scenario(safe_to_retry=False, notes="a lock is left"))
