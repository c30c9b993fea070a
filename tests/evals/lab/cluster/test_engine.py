import hashlib
from pathlib import Path

import pytest

from evals.errors import PrerequisiteError
from evals.lab.cluster import engine as module
from evals.lab.cluster.engine import FOLDER, RELEASES, check_jars, find_engine, find_java


@pytest.fixture
def java(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return make_java(tmp_path, monkeypatch, "17.0.15")


def make_java(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str) -> Path:
    program = tmp_path / "jdk" / "bin" / "java"
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setattr(module.shutil, "which", lambda _name: str(program))
    return program.parent


def install(root: Path, version: str = "3.5.7") -> None:
    package = root / "spark-3.5" / "venv" / "lib" / "python3.11" / "site-packages" / "pyspark"
    package.mkdir(parents=True)
    (package / "version.py").write_text(f"__version__: str = '{version}'\n", encoding="utf-8")
    python = root / "spark-3.5" / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text("", encoding="utf-8")


def test_an_installed_engine_is_found(tmp_path: Path, java: Path) -> None:
    install(tmp_path)
    engine = find_engine("spark-3.5", tmp_path, cluster=False)
    assert engine.spark.name == "pyspark"
    assert engine.python.is_absolute()
    assert (engine.java, engine.jars) == (java, None)


def test_a_missing_pyspark_names_setup(tmp_path: Path, java: Path) -> None:
    with pytest.raises(PrerequisiteError, match=r"no pyspark in .*; run `python -m evals.lab setup`"):
        find_engine("spark-4", tmp_path, cluster=False)


def test_another_pyspark_is_refused(tmp_path: Path, java: Path) -> None:
    install(tmp_path, "3.5.1")
    with pytest.raises(PrerequisiteError, match=r"holds pyspark 3\.5\.1, not 3\.5\.7"):
        find_engine("spark-3.5", tmp_path, cluster=False)


def test_a_cluster_needs_its_jars(tmp_path: Path, java: Path) -> None:
    install(tmp_path)
    with pytest.raises(PrerequisiteError, match="is missing; run"):
        find_engine("spark-3.5", tmp_path, cluster=True)


def test_a_missing_or_other_java_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_java(tmp_path, monkeypatch, "21.0.2")
    with pytest.raises(PrerequisiteError, match="is Java 21, the lab needs Java 17"):
        find_java()
    monkeypatch.setattr(module.shutil, "which", lambda _name: None)
    with pytest.raises(PrerequisiteError, match="java: not found on the PATH; install Java 17"):
        find_java()


def test_jars_are_compared_with_their_checksums(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x.sha256").write_text(f"{hashlib.sha256(b'jar').hexdigest()}  a.jar\n", encoding="utf-8")
    monkeypatch.setattr(module, "FOLDER", tmp_path)
    (tmp_path / "a.jar").write_bytes(b"jar")
    (tmp_path / "other.jar").write_bytes(b"any")
    check_jars("x", tmp_path)
    (tmp_path / "a.jar").write_bytes(b"another")
    with pytest.raises(PrerequisiteError, match=r"a\.jar is not the jar it should be"):
        check_jars("x", tmp_path)


def test_every_engine_has_its_lists() -> None:
    for name, release in RELEASES.items():
        assert f"pyspark=={release.spark} " in (FOLDER / f"{name}.txt").read_text(encoding="utf-8")
        pom = (FOLDER / f"{name}.pom.xml").read_text(encoding="utf-8")
        sums = (FOLDER / f"{name}.sha256").read_text(encoding="utf-8").splitlines()
        assert f"<artifactId>hadoop-client-minicluster</artifactId><version>{release.hadoop}<" in pom
        assert pom.count("<dependency>") == len(sums)
        for line in sums:
            artifact, _, version = line.split()[1].removesuffix(".jar").rpartition("-")
            assert f"<artifactId>{artifact}</artifactId><version>{version}</version>" in pom
