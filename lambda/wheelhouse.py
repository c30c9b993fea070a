"""A lock of packages → their files in a folder, for another Python and processor than this one's.

Only wheels whose hashes are locked are unpacked. What no run can load is left out, as `DROPPED` lists; all
else stays as it is in the wheel. Limits: Linux; uv does the work.
"""

import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email.parser import HeaderParser
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

PLATFORMS: Final = {"arm64": "aarch64-manylinux_2_28", "x86_64": "x86_64-manylinux_2_28"}
"""Of Lambda's processors, as uv names them; the runtimes from python3.12 on have glibc 2.34."""
DROPPED: Final[Mapping[str, str]] = {
    "bin/*": "command lines, with a path of the machine that packaged",
    ".lock": "held by uv while it unpacks",
    "*.dist-info/RECORD": "lists the command lines too; nothing is uninstalled from the zip",
    "*.dist-info/INSTALLER": "says who unpacked the wheel",
    "*.dist-info/REQUESTED": "says who asked for it",
    "*.pyi": "types, read by no interpreter",
    "certifi/tests/*": "tests of the package itself",
    "numpy/*tests/*": "tests of the package itself",
    "numpy/conftest.py": "set-up of those tests",
    "numpy/_core/include/*": "headers for compiling against it",
    "*.a": "libraries for compiling against it",
    "zstandard/_cffi.*": "needs cffi, which is not locked; CPython takes the other engine",
}
"""Files of packages that no run can load, and why; nothing else is left out. `*` takes `/` too."""
_WITHOUT: Final = {"zstandard/_cffi.*": "cffi"}
"""What is dropped only as long as another package is not there."""


class RefusedError(Exception):
    """The answer is no; the message says why."""

    exit_code = 1


class PrerequisiteError(RefusedError):
    """Something needed is missing; the message says what to do."""

    exit_code = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """What the zip is for."""

    python_version: str
    architecture: str


def install(uv: str, lock: Path, target: Target, folder: Path) -> None:
    """Unpack what is locked for a target into a folder; every wheel must have a locked hash.

    Raises:
        PrerequisiteError: uv can't, as it says.
    """
    command = [
        uv, "pip", "install", "--quiet", "--require-hashes", "--only-binary", ":all:",
        "--no-compile-bytecode", "--link-mode", "copy", "--target", str(folder),
        "--python-platform", PLATFORMS[target.architecture], "--python-version", target.python_version,
        "--python", sys.executable, "--requirements", str(lock),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
        raise PrerequisiteError(f"uv can't install {lock}: {said[:2000]}")


def find_uv(given: str | None = None) -> str:
    """Find uv: the one given, or the one beside this interpreter, or the PATH's.

    Raises:
        PrerequisiteError: it is not there.
    """
    beside = Path(sys.executable).with_name("uv")
    found = shutil.which(given) if given else str(beside) if beside.is_file() else shutil.which("uv")
    if found is None:
        raise PrerequisiteError(f"{given or 'uv'} is not there: run `make setup`, or give --uv PATH")
    return found


def drop(stage: Path) -> None:
    """Remove what `DROPPED` lists."""
    here = {name.lower() for name in read_packages(stage)}
    patterns = [pattern for pattern in DROPPED if _WITHOUT.get(pattern) not in here]
    for path in list(stage.rglob("*")):
        if path.is_file() and is_named(path.relative_to(stage).as_posix(), patterns):
            path.unlink()


def is_named(name: str, patterns: Iterable[str]) -> bool:
    """Tell whether a file's name in the folder fits one of the patterns; `*` takes `/` too."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def read_packages(stage: Path) -> dict[str, str]:
    """Read which packages are there, with their versions."""
    heads = (
        HeaderParser().parsestr(path.read_text(encoding="utf-8"))
        for path in stage.glob("*.dist-info/METADATA")
    )
    return dict(sorted((str(head["Name"]), str(head["Version"])) for head in heads))
