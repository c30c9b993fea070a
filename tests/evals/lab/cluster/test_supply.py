import subprocess
from pathlib import Path
from typing import Any

import pytest

from evals.errors import PrerequisiteError
from evals.lab.cluster import supply as module
from evals.lab.cluster.supply import supply


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    seen: list[list[str]] = []

    def call(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        seen.append(command)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(module.subprocess, "run", call)
    monkeypatch.setattr(module, "find_java", lambda: Path("/jdk"))
    return seen


def test_packages_come_with_hashes_and_jars_with_checksums(
    tmp_path: Path, calls: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    checked: list[Path] = []

    def check(_name: str, folder: Path) -> None:
        checked.append(folder)
        if len(checked) == 1:
            raise PrerequisiteError("missing")

    monkeypatch.setattr(module, "check_jars", check)
    monkeypatch.setattr(module.shutil, "which", lambda name: f"/usr/bin/{name}")
    assert supply("spark-3.5", tmp_path) == tmp_path / "spark-3.5"
    venv, pip, maven = calls
    assert venv[1:3] == ["-m", "venv"]
    assert "--require-hashes" in pip and pip[-1].endswith("spark-3.5.txt")
    assert maven[0] == "/usr/bin/mvn" and f"-DoutputDirectory={tmp_path}/spark-3.5/jars" in maven
    assert len(checked) == 2, "what was fetched is checked"


def test_what_is_there_is_not_fetched_again(
    tmp_path: Path, calls: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "check_jars", lambda _name, _folder: None)
    package = tmp_path / "spark-4" / "venv" / "lib" / "python3.12" / "site-packages" / "pyspark"
    package.mkdir(parents=True)
    (package / "version.py").write_text("", encoding="utf-8")
    supply("spark-4", tmp_path)
    assert calls == []


def test_a_missing_maven_names_both_ways_out(
    tmp_path: Path, calls: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module.shutil, "which", lambda _name: None)
    with pytest.raises(PrerequisiteError, match="mvn: not found on the PATH; install Maven, or give --jars"):
        supply("spark-3.5", tmp_path)


def test_an_unknown_engine_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PrerequisiteError, match=r"spark-2: no such engine; there are spark-3\.5, spark-4"):
        supply("spark-2", tmp_path)


def test_a_fetch_that_fails_shows_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failed = subprocess.CompletedProcess([], 1, "", "first\nno network\n")
    monkeypatch.setattr(module.subprocess, "run", lambda *_args, **_more: failed)
    monkeypatch.setattr(module, "find_java", lambda: Path("/jdk"))
    with pytest.raises(PrerequisiteError, match=r"failed: first \| no network"):
        supply("spark-3.5", tmp_path)
