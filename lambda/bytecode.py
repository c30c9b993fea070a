"""A folder of modules → their bytecode beside them, made by an interpreter of the runtime's version.

The function's disk is read-only, so what has no bytecode is compiled at every cold start. All final releases
of one minor version of CPython write the same bytecode, told by its magic number; any other interpreter's
would be ignored, or worse. It is unchecked (PEP 552): it holds no time, and no source is looked at again.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from wheelhouse import PrerequisiteError

RUNTIME_FOLDER: Final = "/var/task"
"""Where Lambda unpacks the zip; tracebacks name files there."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Compiler:
    """An interpreter that writes bytecode."""

    path: str
    version: str
    """In full, such as 3.12.1."""


def find_compiler(version: str, given: str | None = None) -> Compiler | None:
    """Find an interpreter whose bytecode the runtime takes: CPython, that minor version, a final release.

    Args:
        version: such as 3.12.
        given: the only one to be looked at; else this interpreter, the PATH's and pyenv's.
    """
    own = [shutil.which(f"python{version}"), *sorted(map(str, _pyenv(version)), reverse=True)]
    for path in [given] if given else [sys.executable, *own]:
        if path is not None and (full := _probe(path, version)):
            return Compiler(path=path, version=full)
    return None


def _pyenv(version: str) -> Iterator[Path]:
    return Path.home().glob(f".pyenv/versions/{version}.*/bin/python")


def _probe(path: str, version: str) -> str | None:
    words = "import sys; print(sys.implementation.name, *sys.version_info[:4], sep='.')"
    try:
        done = subprocess.run([path, "-c", words], capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    hit = re.fullmatch(rf"cpython\.({re.escape(version)}\.[0-9]+)\.final\s*", done.stdout)
    return hit[1] if hit and done.returncode == 0 else None


def compile_all(compiler: Compiler, stage: Path) -> None:
    """Write the bytecode of every module, in one process and in order, so that it comes out the same.

    Raises:
        PrerequisiteError: a module does not compile.
    """
    command = [
        "env", "PYTHONHASHSEED=0", compiler.path, "-s", "-m", "compileall", "-q", "-f", "-o", "0",
        "--invalidation-mode", "unchecked-hash", "-s", str(stage), "-p", RUNTIME_FOLDER, str(stage),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = " ".join((done.stdout + done.stderr).split())
        raise PrerequisiteError(f"Python {compiler.version} can't compile: {said[:2000]}")
