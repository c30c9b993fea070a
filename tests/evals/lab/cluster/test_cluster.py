"""The child's protocol, with a shell script in Java's place; the real one runs in `test_real.py`."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from evals.lab.cluster import cluster as module
from evals.lab.cluster.cluster import Cluster, ClusterError, pids
from evals.lab.cluster.engine import RELEASES, Engine

ANSWERS = """
echo READY
while IFS= read -r line; do
  case "$line" in
    applications) printf 'OK\\tapplication_1_0002 RUNNING UNDEFINED\\tapplication_1_0001 FINISHED FAILED\\n';;
    quit) exit 0;;
    bad*) printf 'ERROR\\tjava.io.IOException: no\\n';;
    *) printf '%s\\n' "$line" >> commands; printf 'OK\\tdone\\n';;
  esac
done
"""

Start = Callable[[str], Cluster]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    def make(script: str) -> Cluster:
        program = tmp_path / "jdk" / "bin" / "java"
        program.parent.mkdir(parents=True)
        program.write_text(f"#!/bin/sh\n{script}", encoding="utf-8")
        program.chmod(0o755)
        engine = Engine(
            name="spark-3.5", release=RELEASES["spark-3.5"], root=tmp_path, python=tmp_path / "python",
            spark=tmp_path / "pyspark", jars=tmp_path / "jars", java=program.parent,
        )  # fmt: skip
        folder = tmp_path / "cluster"
        folder.mkdir()
        return Cluster(replace(engine), folder, nodes=1, environment={"PATH": "/usr/bin:/bin"})

    return make


def test_commands_are_answered(start: Start) -> None:
    with start(ANSWERS) as cluster:
        assert cluster.run("mkdir", "/data/in put", "etl", "750") == "done"
        assert [one.id for one in cluster.applications()] == ["application_1_0001", "application_1_0002"]
        assert cluster.applications()[0].final == "FAILED"
        assert (cluster.folder / "commands").read_text(encoding="utf-8") == "mkdir\t/data/in put\tetl\t750\n"


def test_a_refusal_holds_its_reason(start: Start) -> None:
    with start(ANSWERS) as cluster, pytest.raises(ClusterError, match=r"bad /x: java\.io\.IOException: no"):
        cluster.run("bad", "/x")


def test_a_cluster_that_is_gone_is_told(start: Start) -> None:
    with start(ANSWERS) as cluster, pytest.raises(ClusterError, match=r"the cluster (ended|is gone)"):
        cluster.run("quit")


@pytest.mark.parametrize("script", ["exit 1", "echo sorry; read line"])
def test_a_cluster_that_does_not_start_is_told(start: Start, script: str) -> None:
    with pytest.raises(ClusterError, match="the cluster"):
        start(script)


def test_an_answer_that_never_comes_is_told(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "START_SECONDS", 0.2)
    with pytest.raises(ClusterError, match="no answer for 0 s"):
        start("read line")


def test_settling_kills_what_runs_and_waits_for_quiet(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_QUIET_SECONDS", 0.01)
    with start(ANSWERS) as cluster:
        cluster.settle()
        assert (cluster.folder / "commands").read_text(encoding="utf-8") == "kill\tapplication_1_0002\n"


def test_containers_of_all_nodes_are_listed(start: Start) -> None:
    with start(ANSWERS) as cluster:
        for node, name in ((1, "container_1"), (0, "container_2")):
            (
                cluster.folder
                / f"target/test/data/lab/yarn-1/lab-logDir-nm-{node}_0/application_1_0001/{name}"
            ).mkdir(parents=True)
        assert [path.name for path in cluster.containers("application_1_0001")] == [
            "container_1",
            "container_2",
        ]
        assert len(cluster.node_folders("log")) == 2


def test_the_name_node_stands_in_the_clients_configuration(start: Start) -> None:
    with start(ANSWERS) as cluster:
        cluster.conf.mkdir()
        text = "<value>hdfs://localhost:40123</value><value>1</value>"
        (cluster.conf / "hdfs-site.xml").write_text(text, encoding="utf-8")
        assert cluster.default_fs == "localhost:40123"


def test_processes_are_found_by_all_words_of_their_command_line(start: Start) -> None:
    with start(ANSWERS) as cluster:
        assert [*pids(str(cluster.folder), "Cluster.java")]
        assert not [*pids(str(cluster.folder), "no such word")]
    assert not [*pids(str(cluster.folder))], "nothing stays behind"
