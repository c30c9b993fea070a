"""An engine's lists → its folder: a virtual environment with pyspark, and the jars of the mini clusters.

The only part of the lab that fetches: Python packages by pip with hashes, jars by Maven with checksums.
"""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from evals.errors import PrerequisiteError
from evals.lab.cluster.engine import FOLDER, RELEASES, check_jars, find_java

_FETCH_SECONDS: Final = 1800
"""pyspark alone is 300 MB."""

_COPY: Final = "org.apache.maven.plugins:maven-dependency-plugin:2.8:copy-dependencies"
_SHOWN_LINES: Final = 3


def supply(name: str, root: Path, jars: Path | None = None) -> Path:
    """Fill the folder of one engine with what is missing, and return it.

    Raises:
        PrerequisiteError: Java or Maven is missing, or something can't be fetched.
    """
    if name not in RELEASES:
        raise PrerequisiteError(f"{name}: no such engine; there are {', '.join(RELEASES)}")
    find_java()
    folder = root / name
    _supply_python(name, folder / "venv")
    if jars is None:
        _supply_jars(name, folder / "jars")
    else:
        check_jars(name, jars)
    return folder


def _supply_python(name: str, venv: Path) -> None:
    if any(venv.glob("lib/python3*/site-packages/pyspark/version.py")):
        return
    _run(name, [sys.executable, "-m", "venv", str(venv)])
    install = [str(venv / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _run(
        name,
        [
            *install,
            "--only-binary",
            "numpy,pandas,pyarrow,psycopg2-binary",
            "--require-hashes",
            "-r",
            str(FOLDER / f"{name}.txt"),
        ],
    )


def _supply_jars(name: str, folder: Path) -> None:
    try:
        check_jars(name, folder)
    except PrerequisiteError:
        maven = shutil.which("mvn")
        if maven is None:
            raise PrerequisiteError(
                "mvn: not found on the PATH; install Maven, or give --jars a folder with the jars of "
                f"{FOLDER.name}/{name}.sha256"
            ) from None
        pom = FOLDER / f"{name}.pom.xml"
        _run(
            name,
            [
                maven,
                "--quiet",
                "--batch-mode",
                _COPY,
                "--file",
                str(pom),
                f"-DoutputDirectory={folder.absolute()}",
            ],
        )
        check_jars(name, folder)


def _run(name: str, command: Sequence[str]) -> None:
    try:
        done = subprocess.run(  # noqa: S603 (our own programs, no shell)
            command, capture_output=True, text=True, timeout=_FETCH_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise PrerequisiteError(
            f"{name}: {command[0]} did not end in {_FETCH_SECONDS} s; try again"
        ) from error
    if done.returncode:
        said = (done.stderr + done.stdout).strip().splitlines()[-_SHOWN_LINES:]
        raise PrerequisiteError(
            f"{name}: {Path(command[0]).name} failed: {' | '.join(said)}; mend it and run setup again"
        )
