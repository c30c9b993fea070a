"""Finished runs on disk: a folder with `result.json`, the journal it came from, and its reports."""

import os
import tempfile
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from evals.errors import RunError
from evals.run import Run

RESULT: Final = "result.json"
JOURNAL: Final = "journal.jsonl"
PAGE: Final = "report.html"
COMMENT: Final = "report.md"
"""The report for a pull request."""
GATE: Final = "gate.json"
OWN: Final = (JOURNAL, RESULT, PAGE, COMMENT, GATE)
"""What a run writes into its folder."""
HOME: Final = Path("reports/runs")
"""Where runs are kept when nobody says; ignored by git."""


def save_run(folder: Path, run: Run) -> Path:
    """Write a run's result file, whole or not at all, and give its path.

    Raises:
        RunError: it can't be written.
    """
    target = folder / RESULT
    return write_whole(target, run.dump())


def write_whole(target: Path, data: bytes) -> Path:
    """Write a file under another name, then give it its own: nobody ever reads half of it.

    Raises:
        RunError: it can't be written.
    """
    half: Path | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".part")
        half = Path(name)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
        half.chmod(0o644)
        half.replace(target)
    except OSError as error:
        if half is not None:
            half.unlink(missing_ok=True)
        raise RunError(f"{target}: can't be written ({os.strerror(error.errno or 0)})") from None
    return target


def clear(folder: Path) -> None:
    """Remove the files of a run from its folder, and nothing else.

    Raises:
        RunError: the folder holds things and no run, or a file can't be removed.
    """
    if not folder.exists() or not any(folder.iterdir()):
        return
    if not any((folder / name).is_file() for name in (JOURNAL, RESULT)):
        raise RunError(f"{folder}: holds files, but no run; nothing is removed there: give another folder")
    try:
        for name in OWN:
            (folder / name).unlink(missing_ok=True)
    except OSError as error:
        raise RunError(f"{folder}: can't be cleared ({error.strerror})") from None


def find_result(path: Path) -> Path:
    """Find the result file of a run: `path` itself, or in the folder `path`.

    Raises:
        RunError: there is none.
    """
    file = path / RESULT if path.is_dir() else path
    if not file.is_file():
        raise RunError(
            f"{path}: no finished run there; give a folder with {RESULT}, "
            "or finish it with the same `evals run`"
        )
    return file


def load_run(path: Path) -> Run:
    """Read a finished run.

    Args:
        path: of its folder, or of its result file.

    Raises:
        RunError: there is none, or it is damaged.
    """
    file = find_result(path)
    try:
        return Run.model_validate_json(file.read_bytes())
    except OSError as error:
        raise RunError(f"{file}: can't be read ({error.strerror})") from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "no JSON"
        raise RunError(f"{file}: not a run's result ({field}: {first['msg']}); run the cases again") from None
