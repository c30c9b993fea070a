"""A release of Spark by name → its interpreter, folders, jars and versions, once it was set up.

Nothing is fetched here, and nothing is taken from the environment of the one who runs it.
"""

import hashlib
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from evals.errors import PrerequisiteError, ScenarioError

FOLDER: Final = Path(__file__).parent
"""Where the lists of packages, jars and checksums of each engine stand."""

JAVA_MAJOR: Final = 17
_JAVA_SECONDS: Final = 30


@dataclass(frozen=True, kw_only=True)
class Release:
    """What an engine consists of.

    Attributes:
        spark: Version of pyspark.
        hadoop: Version of the Hadoop that pyspark brings, and of the mini clusters.
        label: The EMR release whose Spark is nearest.
    """

    spark: str
    hadoop: str
    label: str


RELEASES: Final = {
    "spark-3.5": Release(spark="3.5.7", hadoop="3.3.4", label="emr-7.3.0"),
    "spark-4": Release(spark="4.0.1", hadoop="3.4.1", label="emr-spark-8.0-preview"),
}


@dataclass(frozen=True, kw_only=True)
class Engine:
    """An engine that is installed."""

    name: str
    release: Release
    root: Path
    python: Path
    spark: Path
    """Folder of the package `pyspark`."""
    jars: Path | None
    """What the mini clusters need beside Spark's jars; None until somebody asks for a cluster."""
    java: Path
    """Folder of the Java programs."""


def find_engine(name: str, root: Path, *, cluster: bool, jars: Path | None = None) -> Engine:
    """Find an installed engine.

    Args:
        name: One of `RELEASES`.
        root: Folder of all engines, as `setup` fills it.
        cluster: Whether its jars for a cluster are needed too.
        jars: A folder of jars to use instead of the fetched ones.

    Raises:
        PrerequisiteError: Java, a package or a jar is missing, or not the one that is asked for.
    """
    java = find_java()
    folder = root / name
    python = folder / "venv" / "bin" / "python"
    found = sorted(folder.glob("venv/lib/python3*/site-packages/pyspark"))
    if not python.is_file() or not found:
        raise PrerequisiteError(f"{name}: no pyspark in {folder}; run `python -m evals.lab setup`")
    release = RELEASES[name]
    version = re.search(
        r"__version__[^'\"]*['\"]([^'\"]+)", (found[0] / "version.py").read_text(encoding="utf-8")
    )
    if version is None or version[1] != release.spark:
        shown = version[1] if version else "unknown"
        raise PrerequisiteError(
            f"{name}: {folder} holds pyspark {shown}, not {release.spark}; remove it and "
            "run `python -m evals.lab setup`"
        )
    place = (jars or folder / "jars") if cluster else None
    if place is not None:
        check_jars(name, place)
    # Not resolved: a virtual environment is known by the path its interpreter is called with.
    return Engine(
        name=name,
        release=release,
        root=folder.absolute(),
        python=python.absolute(),
        spark=found[0].absolute(),
        jars=place.absolute() if place else None,
        java=java,
    )


def check_jars(name: str, folder: Path) -> None:
    """Compare the jars of a folder with the committed checksums; jars beside them do no harm.

    Raises:
        PrerequisiteError: One is missing or another.
    """
    for line in (FOLDER / f"{name}.sha256").read_text(encoding="utf-8").splitlines():
        expected, jar = line.split()
        path = folder / jar
        if not path.is_file():
            raise PrerequisiteError(
                f"{name}: {path} is missing; run `python -m evals.lab setup`, or give --jars its folder"
            )
        with path.open("rb") as stream:
            if hashlib.file_digest(stream, "sha256").hexdigest() != expected:
                raise PrerequisiteError(
                    f"{name}: {path} is not the jar it should be (SHA-256); remove it and fetch it anew"
                )


def find_java() -> Path:
    """Find the folder of Java's programs.

    Raises:
        PrerequisiteError: There is none, or not release 17.
    """
    java = shutil.which("java")
    if java is None:
        raise PrerequisiteError(
            "java: not found on the PATH; install Java 17 (for example openjdk-17-jdk-headless)"
        )
    done = subprocess.run(  # noqa: S603 (found on the PATH, constant arguments)
        [java, "-version"], capture_output=True, text=True, timeout=_JAVA_SECONDS, check=False
    )
    major = re.search(r'version "(\d+)', done.stderr)
    if major is None or int(major[1]) != JAVA_MAJOR:
        shown = major[1] if major else "of an unknown release"
        raise PrerequisiteError(
            f"java: {java} is Java {shown}, the lab needs Java {JAVA_MAJOR}; put it first on the PATH"
        )
    return Path(java).resolve().parent


def find_compiler(engine: Engine, scenario_id: str) -> Path:
    """Find the Java compiler, for archives made from text.

    Raises:
        ScenarioError: Java has no compiler.
    """
    compiler = engine.java / "javac"
    if not compiler.is_file():
        raise ScenarioError(
            f"{scenario_id}: {compiler} is missing and its archive holds Java; install a JDK 17 "
            "(for example openjdk-17-jdk-headless)"
        )
    return compiler
