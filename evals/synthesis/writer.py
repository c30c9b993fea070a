"""Cases → a dataset's folder: one folder per case, and `cases.jsonl`."""

import shutil
from collections.abc import Iterable
from pathlib import Path

from evals.dataset import CASES_FILE
from evals.errors import DatasetError
from evals.synthesis.generator import SyntheticCase


def write(cases: Iterable[SyntheticCase], folder: Path) -> int:
    """Write all cases below `folder` and tell how many; folders of cases of an earlier run are removed.

    Raises:
        DatasetError: `folder` holds something that is not such a dataset; nothing was changed then.
    """
    _clear(folder)
    rows = []
    for made in cases:
        for name, data in made.files.items():
            file = folder / made.id / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
        rows.append((made.id, made.case.line()))
    text = "".join(f"{line}\n" for _, line in sorted(rows))
    (folder / CASES_FILE).write_text(text, encoding="utf-8")
    return len(rows)


def _clear(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    found = sorted(folder.iterdir())
    strange = [path.name for path in found if not _is_ours(path)]
    if strange:
        raise DatasetError(
            f"{folder}: holds {strange[0]}, which is no case; give an empty folder or a synthetic dataset"
        )
    for path in found:
        if path.is_dir():
            shutil.rmtree(path)


def _is_ours(path: Path) -> bool:
    if path.name == CASES_FILE:
        return True
    return path.is_dir() and (path / "meta.json").is_file() and (path / "logs").is_dir()
