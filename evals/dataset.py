"""A folder ↔ labelled cases: read strictly (labels, ids, folders, checksums) and written sorted by id.

Two layouts are read: a folder with `cases.jsonl`; a folder of case folders with `label.json` beside `logs`.
Reading stops at the first problem and looks only at what a run rests on; `evals.inspection` is thorough.

The checksum of a case is the SHA-256 of this text, sorted by path: one line `<sha256 of the file>  <path>`
for each file under `log_root` and for `meta.json` beside it, paths relative to the parent of `log_root`:

    cd datasets/lab/ID && find logs meta.json -type f | LC_ALL=C sort | xargs sha256sum | sha256sum
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from evals.case import Case
from evals.errors import DatasetError
from evals.jsonl import read_rows, write_rows
from evals.label import Label, to_case

CASES_FILE: Final = "cases.jsonl"
LABEL_FILE: Final = "label.json"
META_FILE: Final = "meta.json"
LOGS_FOLDER: Final = "logs"


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """Cases of one folder; every one of them holds what `load` promises."""

    name: str
    folder: Path
    cases: tuple[Case, ...]
    whole: str | None = None
    """Checksum of the whole dataset, where this is only a part of it."""

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
        DatasetError: As `load`; or an id or a name stands in two datasets.
    """
    datasets = tuple(load(path) for path in paths)
    names = [dataset.name for dataset in datasets]
    if twice := next((name for name in names if names.count(name) > 1), ""):
        raise DatasetError(f"two of the given folders are called {twice}: rename one, runs tell them by name")
    _check_unique([case for dataset in datasets for case in dataset.cases], "the given paths")
    return datasets


def write_cases(folder: Path, cases: Iterable[Case]) -> Path:
    """Write `folder/cases.jsonl`: one line per case, sorted by id, whole or not at all.

    Raises:
        DatasetError: Two cases have one id.
        OSError: The folder can't be written to.
    """
    ordered = sorted(cases, key=lambda case: case.id)
    _check_unique(ordered, str(folder / CASES_FILE))
    rows = (case.model_dump(mode="json", by_alias=True, exclude_none=True) for case in ordered)
    return write_rows(folder / CASES_FILE, rows)


def index_labels(folder: Path) -> Path:
    """Write `cases.jsonl` from the `label.json` files in the folders of `folder`, with fresh checksums.

    Raises:
        DatasetError: No label is there, or one is not valid.
    """
    cases = [*_read_labels(folder)]
    if not cases:
        raise DatasetError(
            f"{folder}: no {LABEL_FILE} in its folders; write one beside each case's {LOGS_FOLDER}"
        )
    return write_cases(folder, cases)


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
    return _read_labels(path)


def _read_lines(path: Path) -> Iterator[Case]:
    for number, row in read_rows(path):
        try:
            yield Case.model_validate(row)
        except ValidationError as error:
            raise DatasetError(f"{path}:{number}: {explain(row, error)[0]}") from error


def _read_labels(path: Path) -> Iterator[Case]:
    for folder in label_folders(path):
        yield read_label(folder, "" if folder == path else folder.name)


def label_folders(path: Path) -> list[Path]:
    """List the case folders of a dataset without `cases.jsonl`: `path` itself, or those in it, by name."""
    if (path / LABEL_FILE).is_file():
        return [path]
    return sorted(label.parent for label in path.glob(f"*/{LABEL_FILE}"))


def read_label(folder: Path, name: str) -> Case:
    """Read one case folder with `label.json`; `name` is the folder's path in the dataset.

    Raises:
        DatasetError: A file can't be read, or the label is not valid.
    """
    row = _json(folder / LABEL_FILE)
    meta = _json(folder / META_FILE) if (folder / META_FILE).is_file() else {}
    try:
        label = Label.model_validate(row)
        return to_case(label, folder=name, meta=meta, sha256=digest(folder / LOGS_FOLDER))
    except ValidationError as error:
        raise DatasetError(f"{folder / LABEL_FILE}: {explain(row, error)[0]}") from error


def _json(path: Path) -> dict[str, Any]:
    try:
        value = orjson.loads(path.read_bytes())
    except OSError as error:
        raise DatasetError(f"{path}: can't be read ({error}); restore the file") from error
    except orjson.JSONDecodeError as error:
        raise DatasetError(f"{path}: not valid JSON ({error}); restore the file") from error
    if not isinstance(value, dict):
        raise DatasetError(f"{path}: not a JSON object; correct it, datasets/README.md has the layout")
    return value


def name_of(row: Mapping[str, Any]) -> str:
    """Find the id in a row that may not be valid otherwise; empty when there is none."""
    given = row.get("vars")
    name = row.get("id") or (given.get("case_id") if isinstance(given, dict) else None)
    return str(name or "")


def explain(row: Mapping[str, Any], error: ValidationError) -> list[str]:
    """Turn each problem of a row into a sentence with the case, the field, the value and the next step."""
    name = name_of(row) or "without an id"
    return [f"case {name}: {_problem(item)}" for item in error.errors(include_url=False)]


def _problem(item: ErrorDetails) -> str:
    field = ".".join(str(part) for part in item["loc"]) or "the row"
    given = f" (given: {item['input']!r:.100})" if isinstance(item["input"], str | int | float) else ""
    return f"{field}: {item['msg']}{given}; correct it, datasets/case.schema.json has the form"


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
