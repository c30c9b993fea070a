import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evals.errors import ScenarioError
from evals.lab import stock as module
from evals.lab.cluster.engine import Engine
from evals.lab.scenario import Scenario
from evals.lab.stock import stock


class FakeCluster:
    def __init__(self) -> None:
        self.commands: list[tuple[str, ...]] = []
        self.texts: list[str] = []

    def run(self, *words: str) -> str:
        self.commands.append(words)
        if words[0] == "put":
            self.texts.append(Path(words[-1]).read_text(encoding="utf-8"))
        return ""


def scenario(**more: Any) -> Scenario:
    row = {"id": "demo", "description": "x", "place": "yarn", "source": "print(1)", "healthy": True}
    return Scenario.model_validate({**row, **more})


@pytest.fixture
def values(tmp_path: Path) -> dict[str, str]:
    job = {"home": "job/home", "tmp": "job/tmp", "job": "job/home/jobs/demo.py"}
    for name in ("home", "tmp"):
        (tmp_path / job[name]).mkdir(parents=True)
    return {name: str(tmp_path / path) for name, path in job.items()}


def test_hdfs_is_emptied_and_filled_in_order(engine: Engine, values: dict[str, str]) -> None:
    cluster = FakeCluster()
    hdfs = [
        {"path": "/data/in", "owner": "etl", "mode": "750", "quota_files": 3},
        {"path": "/data/in/a.csv", "text": "{{tmp}},1\n"},
        {"path": "/data/q", "quota_bytes": 10},
    ]
    stock(scenario(hdfs=hdfs), engine, cluster, values)  # type: ignore[arg-type]
    assert [words[:4] for words in cluster.commands] == [
        ("reset",),
        ("mkdir", "/data/in", "etl", "750"),
        ("quota", "/data/in", "3", "-"),
        ("put", "/data/in/a.csv", "hadoop", "755"),
        ("mkdir", "/data/q", "hadoop", "755"),
        ("quota", "/data/q", "-", "10"),
    ]
    assert cluster.texts == [f"{values['tmp']},1\n"]


def test_a_prepared_file_can_be_put(
    engine: Engine, values: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOMETHING_PRIVATE", "x")
    prepare = "import os; open('made', 'w').write(str('SOMETHING_PRIVATE' in os.environ))"
    made = scenario(prepare=prepare, hdfs=[{"path": "/m", "source": "{{tmp}}/made"}])
    cluster = FakeCluster()
    stock(made, replace(engine, python=Path(sys.executable)), cluster, values)  # type: ignore[arg-type]
    assert cluster.texts == ["False"]


def test_a_preparation_that_fails_is_told(engine: Engine, values: dict[str, str]) -> None:
    broken = scenario(prepare="raise SystemExit('no such month')")
    with pytest.raises(ScenarioError, match="demo: prepare failed: no such month"):
        stock(broken, replace(engine, python=Path(sys.executable)), None, values)


def test_an_archive_is_made_from_text_with_the_same_bytes(engine: Engine, values: dict[str, str]) -> None:
    flow = scenario(
        archive=[{"path": "flow.zip", "files": {"flow/__init__.py": "", "flow/a.py": "x = '{{home}}'"}}]
    )
    packed = []
    for _ in range(2):
        stock(flow, engine, None, values)
        packed.append((Path(values["home"]) / "lib" / "flow.zip").read_bytes())
    assert packed[0] == packed[1]
    with zipfile.ZipFile(Path(values["home"]) / "lib" / "flow.zip") as archive:
        assert archive.read("flow/a.py").decode() == f"x = '{values['home']}'"


JAVA = {"a/B.java": "package a; public class B { public static int n() { return 1; } }"}
USER = {"a/C.java": "package a; public class C { int m() { return B.n(); } }"}


@pytest.mark.skipif(not Path("/usr/bin/javac").exists(), reason="no Java compiler here")
def test_java_is_compiled_against_the_archives_before_it(engine: Engine, values: dict[str, str]) -> None:
    jdk = replace(engine, java=Path("/usr/bin/javac").resolve().parent)
    two = scenario(archive=[{"path": "b.jar", "files": JAVA}, {"path": "c.jar", "files": USER}])
    stock(two, jdk, None, values)
    with zipfile.ZipFile(Path(values["home"]) / "lib" / "c.jar") as archive:
        assert archive.namelist() == ["a/C.class"]
    with pytest.raises(ScenarioError, match="javac failed"):
        stock(scenario(archive=[{"path": "c.jar", "files": USER}]), jdk, None, values)


def test_java_without_a_compiler_names_the_next_step(engine: Engine, values: dict[str, str]) -> None:
    with pytest.raises(ScenarioError, match="install a JDK 17"):
        stock(scenario(archive=[{"path": "b.jar", "files": JAVA}]), engine, None, values)


def test_a_small_disk_is_mounted_for_the_user_and_taken_away(
    engine: Engine, values: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[list[str]] = []

    def call(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        calls.append(command)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(module.subprocess, "run", call)
    cluster: Any = FakeCluster()
    cluster.node_folders = lambda kind: [tmp_path / kind]
    stock(scenario(disk_mb=80, user="etl"), engine, cluster, values)
    folder = tmp_path / "local" / "usercache" / "etl" / "appcache"
    assert calls == [["mount", "-t", "tmpfs", "-o", "size=80m", "tmpfs", str(folder)]]
    module.unmount(cluster)
    assert len(calls) == 1, "nothing is mounted there"
