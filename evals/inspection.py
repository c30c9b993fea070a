"""Dataset folders → everything that is wrong with them at once: labels, files, secrets, names, twins.

`evals.dataset.load` is strict and quick, for a run; `check` reads every byte and stops at no problem.
Limits: per file the first `evals.source.MAX_FILE_BYTES` decompressed bytes are read; whether a label is true
is a person's judgement (datasets/LABELLING.md).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson
from pydantic import ValidationError

from evals.case import Case
from evals.census import Census, count
from evals.dataset import (
    CASES_FILE,
    LABEL_FILE,
    META_FILE,
    Dataset,
    digest,
    explain,
    label_folders,
    name_of,
    read_label,
)
from evals.errors import DatasetError
from evals.finding import Finding, Findings, Level, Rule, ordered
from evals.jsonl import read_lines
from evals.rule import Specimen, findings, label_text, path_problem, vars_findings
from evals.secret import sightings
from evals.source import read_context
from evals.source import read_lines as read_logs
from evals.twin import Fingerprints

MAX_BYTES: Final = 10_000_000
"""Of all datasets together; a clone should stay quick."""

_PYTHON: Final = frozenset({".py", ".pyi", ".pyc", ".pyo", ".ipynb"})


@dataclass(frozen=True, kw_only=True)
class _Entry:
    """One row: where it stands, what it holds, and the case if it is valid."""

    place: str
    folder: Path
    row: Mapping[str, Any]
    case: Case | None

    @property
    def name(self) -> str:
        return name_of(self.row)

    @property
    def log_root(self) -> str:
        given = self.row.get("vars")
        value = given.get("log_root") if isinstance(given, dict) else None
        return value if isinstance(value, str) else ""


@dataclass(kw_only=True)
class _Survey:
    """What is found on the way."""

    items: list[Finding] = field(default_factory=list)
    entries: list[_Entry] = field(default_factory=list)
    prints: Fingerprints = field(default_factory=Fingerprints)

    def add(self, rule: Rule, place: object, message: str, *, case: str = "", warning: bool = False) -> None:
        level = Level.WARNING if warning else Level.ERROR
        self.items.append(Finding(rule=rule, level=level, place=str(place), case=case, message=message))


def check(paths: Sequence[Path]) -> Findings:
    """Check the datasets at `paths`, ids and twins over all of them.

    Raises:
        DatasetError: A path is no folder.
    """
    survey = _Survey()
    censuses = [_check_dataset(path, survey) for path in paths]
    _check_ids(survey)
    _check_twins(survey)
    total = sum(census.size_bytes for census in censuses)
    if total > MAX_BYTES:
        message = f"{total:,} bytes in all, more than {MAX_BYTES:,}; shorten logs or drop cases"
        survey.add(Rule.SIZE, ", ".join(map(str, paths)), message, warning=True)
    return Findings(items=ordered(survey.items), censuses=tuple(censuses))


def _check_dataset(folder: Path, survey: _Survey) -> Census:
    if not folder.is_dir():
        raise DatasetError(
            f"{folder}: no such folder; give a folder with {CASES_FILE} or with labelled cases"
        )
    entries = [*_entries(folder, survey)]
    if not entries:
        survey.add(Rule.LINE, folder, "no case in it; add one, or name another folder")
    size_bytes = _check_folder(folder, entries, survey)
    _check_strays(folder, entries, survey)
    for entry in entries:
        survey.entries.append(entry)
        survey.items += vars_findings(entry.row, entry.place, entry.name)
        _check_entry(entry, len(survey.entries) - 1, survey)
    cases = tuple(entry.case for entry in entries if entry.case)
    dataset = Dataset(name=folder.resolve().name, folder=folder, cases=cases)
    return count(dataset.name, cases, sha256=dataset.sha256, size_bytes=size_bytes)


def _entries(folder: Path, survey: _Survey) -> Iterator[_Entry]:
    if (folder / CASES_FILE).is_file():
        yield from _rows(folder, survey)
    else:
        yield from _labels(folder, survey)


def _rows(folder: Path, survey: _Survey) -> Iterator[_Entry]:
    path = folder / CASES_FILE
    last = ""
    for line in read_lines(path):
        place = f"{path}:{line.number}"
        if line.value is None:
            survey.add(Rule.LINE, place, line.problem)
            continue
        name = name_of(line.value)
        if name and name < last:
            message = f"stands after {last}; write the cases sorted by id, for short differences"
            survey.add(Rule.LINE, place, message, case=name, warning=True)
        last = max(last, name)
        yield _Entry(place=place, folder=folder, row=line.value, case=_validated(line.value, place, survey))


def _validated(row: Mapping[str, Any], place: str, survey: _Survey) -> Case | None:
    try:
        return Case.model_validate(row)
    except ValidationError as error:
        for problem in explain(row, error):
            survey.add(Rule.LABEL, place, problem)
    return None


def _labels(folder: Path, survey: _Survey) -> Iterator[_Entry]:
    for case_folder in label_folders(folder):
        name = "" if case_folder == folder else case_folder.name
        try:
            case = read_label(case_folder, name)
        except DatasetError as error:
            survey.add(Rule.LABEL, case_folder / LABEL_FILE, str(error))
            continue
        row = case.model_dump(mode="json", by_alias=True, exclude_none=True)
        yield _Entry(place=str(case_folder / LABEL_FILE), folder=folder, row=row, case=case)


def _check_entry(entry: _Entry, key: int, survey: _Survey) -> None:
    """Check one case with its files; a row that is no case still has its folder looked for."""
    problem = path_problem(entry.log_root) if entry.log_root else ""
    root = entry.folder / entry.log_root
    if problem or not entry.log_root:
        if problem:
            survey.add(Rule.PATH, entry.place, problem, case=entry.name)
        return
    if not root.resolve().is_relative_to(entry.folder.resolve()):
        message = f"log_root {entry.log_root} leads out of the dataset; keep the logs inside"
        survey.add(Rule.PATH, entry.place, message, case=entry.name)
        return
    if not root.is_dir() or not any(path.is_file() for path in root.rglob("*")):
        message = f"{root} holds no file, and git keeps no empty folder; restore the logs, or one empty file"
        survey.add(Rule.FILES, entry.place, message, case=entry.name)
        return
    if entry.case:
        _check_case(entry, entry.case, key, survey)


def _check_case(entry: _Entry, case: Case, key: int, survey: _Survey) -> None:
    root = entry.folder / entry.log_root
    try:
        found = digest(root)
        logs = read_logs(root)
    except (DatasetError, OSError) as error:
        survey.add(Rule.FILES, entry.place, str(error), case=case.id)
        return
    if found != case.metadata.sha256:
        message = f"its files have the checksum {found}; restore them, or review the label and write this one"
        survey.add(Rule.CHECKSUM, entry.place, message, case=case.id)
    _check_index(entry, case, root, survey)
    meta, told = _meta(root, case, survey)
    survey.prints.add(key, case.metadata.cluster, logs.values())
    survey.items += findings(
        Specimen(
            place=entry.place,
            case=case,
            logs=logs,
            meta=meta,
            told=told,
            texts=_texts(entry, root, logs),
        )
    )


def _check_index(entry: _Entry, case: Case, root: Path, survey: _Survey) -> None:
    """Compare a row with the `label.json` that it was written from, where there is one."""
    path = root.parent / LABEL_FILE
    if entry.place == str(path) or not path.is_file():
        return
    try:
        label = read_label(root.parent, "").metadata
    except DatasetError as error:
        survey.add(Rule.LABEL, path, str(error), case=case.id)
        return
    if label.model_copy(update={"sha256": case.metadata.sha256}) != case.metadata:
        message = f"{path} says otherwise; review both and write {CASES_FILE} again"
        survey.add(Rule.LABEL, entry.place, message, case=case.id)


def _meta(root: Path, case: Case, survey: _Survey) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Read the platform's records beside the logs, and their values as texts; nothing where they are bad."""
    path = root.parent / META_FILE
    if not path.is_file():
        message = f"no {META_FILE} beside its logs; the product is asked without the platform's records"
        survey.add(Rule.FILES, path, message, case=case.id, warning=True)
        return {}, ()
    try:
        value = orjson.loads(path.read_bytes())
        if isinstance(value, dict):
            return value, read_context(root)
        problem = "holds no JSON object"
    except (ValueError, RecursionError) as error:
        problem = f"not valid JSON, or too deep ({error})"
    message = f"{problem}; it must hold event, step and cluster: restore the file"
    survey.add(Rule.FILES, path, message, case=case.id)
    return {}, ()


def _texts(entry: _Entry, root: Path, logs: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Collect what is published of a case: logs, `meta.json` and the label."""
    texts = {str(root / name): "\n".join(lines) for name, lines in logs.items()}
    for path in (root.parent / META_FILE, root.parent / LABEL_FILE):
        if path.is_file():
            texts[str(path)] = path.read_text(encoding="utf-8", errors="replace")
    if not entry.place.endswith(LABEL_FILE):
        texts[f"{entry.place} (label)"] = label_text(entry.row)
    return texts


def _check_folder(folder: Path, entries: Sequence[_Entry], survey: _Survey) -> int:
    """Look at what stands in the folder besides cases; give the size of all files in bytes."""
    size_bytes = 0
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            survey.add(Rule.FOLDER, path, "a symbolic link; put the file itself there")
        elif path.suffix in _PYTHON or path.name == "__pycache__":
            survey.add(Rule.FOLDER, path, "Python in a data folder; keep code in evals/")
        if path.is_file() and not path.is_symlink():
            size_bytes += path.stat().st_size
    known = {Path(entry.log_root).parts[0] for entry in entries if Path(entry.log_root).parts}
    for path in sorted(folder.iterdir()):
        if path.is_dir() and path.name not in known and not path.name.startswith((".", "__")):
            survey.add(Rule.FOLDER, path, "no case names this folder; label it or remove it", warning=True)
    return size_bytes


def _check_strays(folder: Path, entries: Sequence[_Entry], survey: _Survey) -> None:
    """Search what belongs to no valid case for credentials too: it is published all the same."""
    roots = [folder / entry.log_root for entry in entries if entry.case and not path_problem(entry.log_root)]
    known = {folder / CASES_FILE}
    known |= {root.parent / name for root in roots for name in (META_FILE, LABEL_FILE)}
    canaries = [canary for entry in entries if entry.case for canary in entry.case.metadata.canaries]
    covered = set(roots)
    strays = [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink() and path not in known and covered.isdisjoint(path.parents)
    ]
    texts = read_logs(folder) if strays else {}
    for path in strays:
        for seen in sightings("\n".join(texts[path.relative_to(folder).as_posix()]), canaries):
            message = f"looks like a live credential ({seen.kind}, {seen.mark}); remove it"
            survey.add(Rule.CREDENTIAL, f"{path}:{seen.line}" if seen.line else path, message)


def _check_ids(survey: _Survey) -> None:
    seen: dict[str, str] = {}
    for entry in survey.entries:
        if entry.name in seen:
            message = f"the id stands in {seen[entry.name]} already; rename or remove one"
            survey.add(Rule.DUPLICATE, entry.place, message, case=entry.name)
        elif entry.name:
            seen[entry.name] = entry.place


def _check_twins(survey: _Survey) -> None:
    for twin in survey.prints.twins():
        first, second = survey.entries[twin.first], survey.entries[twin.second]
        if twin.identical:
            message = f"its logs are those of case {first.name} ({first.place}); remove one"
        else:
            message = (
                f"{twin.share:.0%} of its lines are those of case {first.name}, numbers aside; "
                "give both one cluster, or remove one"
            )
        survey.add(Rule.DUPLICATE, second.place, message, case=second.name, warning=not twin.identical)
