"""A folder → labelled cases, checked: labels, ids, folders and checksums.

Two layouts are read: a folder with `cases.jsonl`; a folder of case folders with `label.json` beside `logs`.

The checksum of a case is the SHA-256 of this text, sorted by path: one line `<sha256 of the file>  <path>`
for each file under `log_root` and for `meta.json` beside it, paths relative to the parent of `log_root`:

    cd datasets/lab/ID && find logs meta.json -type f | LC_ALL=C sort | xargs sha256sum | sha256sum
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from evals.case import Case
from evals.errors import DatasetError
from evals.label import Label, to_case

CASES_FILE: Final = "cases.jsonl"
LABEL_FILE: Final = "label.json"
META_FILE: Final = "meta.json"


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """Cases of one folder; every one of them holds what `load` promises."""

    name: str
    folder: Path
    cases: tuple[Case, ...]

    def log_root(self, case: Case) -> Path:
        """Where the logs of `case` stand."""
        return self.folder / case.vars.log_root

    @property
    def sha256(self) -> str:
        """One checksum for labels and logs of all cases, whatever their order."""
        lines = sorted(case.line() for case in self.cases)
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def load(path: Path) -> Dataset:
    """Read and check the dataset at `path`.

    Raises:
        DatasetError: Nothing is there, or a case is invalid, named twice, without its folder, or altered.
    """
    dataset = Dataset(name=path.resolve().name, folder=path, cases=tuple(_read(path)))
    if not dataset.cases:
        raise DatasetError(f"{path}: nothing to score: no case in it; add one, or name another folder")
    _check_unique(dataset.cases, str(path))
    for case in dataset.cases:
        _check_files(dataset, case)
    return dataset


def load_all(paths: Sequence[Path]) -> tuple[Dataset, ...]:
    """Read several datasets; ids must be unique over all of them.

    Raises:
        DatasetError: As `load`; or an id stands in two datasets.
    """
    datasets = tuple(load(path) for path in paths)
    _check_unique([case for dataset in datasets for case in dataset.cases], "the given paths")
    return datasets


def digest(log_root: Path) -> str:
    """Compute the checksum of a case's files; the module's docstring has the rule.

    Raises:
        DatasetError: A file can't be read.
    """
    parent = log_root.parent
    files = [path for path in log_root.rglob("*") if path.is_file()]
    meta = parent / META_FILE
    if meta.is_file():
        files.append(meta)
    named = sorted((path.relative_to(parent).as_posix(), path) for path in files)
    text = "".join(f"{_file_sha256(path)}  {name}\n" for name, path in named)
    return hashlib.sha256(text.encode()).hexdigest()


def _file_sha256(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise DatasetError(f"{path}: can't be read ({error}); restore the file") from error


def _read(path: Path) -> Iterator[Case]:
    if not path.is_dir():
        raise DatasetError(f"{path}: no such folder; give a folder with {CASES_FILE} or with labelled cases")
    if (path / CASES_FILE).is_file():
        return _read_lines(path / CASES_FILE)
    if (path / LABEL_FILE).is_file():
        return iter([_read_label(path, "")])
    labels = sorted(path.glob(f"*/{LABEL_FILE}"))
    return (_read_label(label.parent, label.parent.name) for label in labels)


def _read_lines(path: Path) -> Iterator[Case]:
    for number, line in enumerate(_text(path).splitlines(), start=1):
        if line.strip():
            yield _parse_line(line, f"{path}:{number}")


def _parse_line(line: str, place: str) -> Case:
    try:
        return Case.model_validate_json(line)
    except ValidationError as error:
        raise DatasetError(_explain(place, _name_of(line), error)) from error


def _read_label(folder: Path, name: str) -> Case:
    place = folder / LABEL_FILE
    text = _text(place)
    meta = _json(folder / META_FILE) if (folder / META_FILE).is_file() else {}
    try:
        label = Label.model_validate_json(text)
        return to_case(label, folder=name, meta=meta, sha256=digest(folder / "logs"))
    except ValidationError as error:
        raise DatasetError(_explain(str(place), _name_of(text), error)) from error


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path}: can't be read ({error}); restore the file") from error


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(_text(path))
    except json.JSONDecodeError as error:
        raise DatasetError(f"{path}: not valid JSON ({error}); restore the file") from error
    if not isinstance(value, dict):
        raise DatasetError(f"{path}: not a JSON object; it must hold event, step and cluster")
    return value


def _name_of(text: str) -> str:
    """Find the id in a row that is not valid otherwise."""
    try:
        row = json.loads(text)
        name = row.get("id") or row.get("vars", {}).get("case_id")
    except (json.JSONDecodeError, AttributeError):
        name = None
    return str(name or "without an id")


def _explain(place: str, name: str, error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    field = ".".join(str(part) for part in first["loc"]) or "the row"
    given = f" (given: {first['input']!r})" if isinstance(first["input"], str | int | float) else ""
    problem = f"{field}: {first['msg']}{given}"
    return f"{place}: case {name}: {problem}; correct it, datasets/case.schema.json has the form"


def _check_unique(cases: Iterable[Case], where: str) -> None:
    seen: set[str] = set()
    for case in cases:
        if case.id in seen:
            raise DatasetError(f"{where}: case {case.id} stands there twice; rename or remove one")
        seen.add(case.id)


def _check_files(dataset: Dataset, case: Case) -> None:
    root = dataset.log_root(case)
    name = f"{dataset.folder}: case {case.id}"
    if not root.resolve().is_relative_to(dataset.folder.resolve()):
        raise DatasetError(
            f"{name}: log_root {case.vars.log_root} leaves the dataset; keep it inside the folder"
        )
    if not root.is_dir():
        raise DatasetError(f"{name}: its folder {root} is missing; restore it or remove the case")
    found = digest(root)
    if found != case.metadata.sha256:
        raise DatasetError(
            f"{name}: its files have the checksum {found}, the label was given for {case.metadata.sha256}; "
            "restore the files, or review the label and write the new checksum"
        )
