import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evals.dataset import digest, index_labels, load, load_all, write_cases
from evals.errors import DatasetError

Build = Callable[..., Any]


def test_a_dataset_loads_with_its_log_roots(dataset: Build) -> None:
    loaded = load(dataset("one", "two"))
    assert [case.id for case in loaded.cases] == ["one", "two"]
    assert all(loaded.log_root(case).is_dir() for case in loaded.cases)


def test_the_digest_is_the_documented_sum_of_sums(tmp_path: Path, logs: Build) -> None:
    root = logs(tmp_path / "a")
    files = ["logs/j-TEST/steps/s-TEST/stdout.gz", "meta.json"]
    sums = (f"{hashlib.sha256((tmp_path / 'a' / name).read_bytes()).hexdigest()}  {name}\n" for name in files)
    assert digest(root) == hashlib.sha256("".join(sums).encode()).hexdigest()


@pytest.mark.parametrize(
    "changed", ["one/meta.json", "one/logs/j-TEST/steps/s-TEST/stdout.gz", "one/logs/new"]
)
def test_an_altered_case_is_refused(dataset: Build, changed: str) -> None:
    folder = dataset("one")
    (folder / changed).write_text("altered", encoding="utf-8")
    with pytest.raises(DatasetError, match="case one: its files have the checksum"):
        load(folder)


def test_an_empty_dataset_is_refused(tmp_path: Path, rows: Build) -> None:
    rows(tmp_path / "set", [])
    with pytest.raises(DatasetError, match="nothing to score"):
        load(tmp_path / "set")


def test_a_missing_dataset_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no such folder"):
        load(tmp_path / "nowhere")


def test_a_missing_case_folder_is_refused(tmp_path: Path, rows: Build, row: Build) -> None:
    rows(tmp_path / "set", [row("gone")])
    with pytest.raises(DatasetError, match=r"case gone: its folder .* is missing"):
        load(tmp_path / "set")


def test_a_log_root_outside_the_dataset_is_refused(
    tmp_path: Path, rows: Build, row: Build, logs: Build
) -> None:
    logs(tmp_path / "other")
    outside = row("one")
    outside["vars"]["log_root"] = "../other/logs"
    rows(tmp_path / "set", [outside])
    with pytest.raises(DatasetError, match="leaves the dataset"):
        load(tmp_path / "set")


def test_a_double_id_is_refused(tmp_path: Path, rows: Build, row: Build) -> None:
    rows(tmp_path / "set", [row("twin"), row("twin")])
    with pytest.raises(DatasetError, match="case twin stands there twice"):
        load(tmp_path / "set")


def test_a_double_id_over_two_datasets_is_refused(tmp_path: Path, dataset: Build) -> None:
    folder = dataset("one")
    other = shutil.copytree(folder, tmp_path / "other")
    with pytest.raises(DatasetError, match="case one stands there twice"):
        load_all([folder, other])


def test_two_datasets_of_one_name_are_refused(dataset: Build) -> None:
    folder = dataset("one")
    with pytest.raises(DatasetError, match="are called set"):
        load_all([folder, folder])


def test_an_unknown_label_names_place_case_and_field(tmp_path: Path, rows: Build, row: Build) -> None:
    rows(tmp_path / "set", [row("odd", category="NETWORK")])
    with pytest.raises(DatasetError, match=r"cases.jsonl:1: case odd: metadata.category: .*NETWORK"):
        load(tmp_path / "set")


def test_a_line_that_is_no_json_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cases.jsonl").write_text("{\n", encoding="utf-8")
    with pytest.raises(DatasetError, match=r"cases\.jsonl:1: not valid JSON"):
        load(tmp_path)


def test_a_row_without_an_id_is_refused_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "cases.jsonl").write_text('\n{"vars": 1}\n', encoding="utf-8")
    with pytest.raises(DatasetError, match=r"cases\.jsonl:2: case without an id"):
        load(tmp_path)


def test_written_cases_are_sorted_and_read_again(dataset: Build) -> None:
    folder = dataset("one", "two", "three")
    before = load(folder)
    text = write_cases(folder, before.cases).read_text(encoding="utf-8")
    assert text == "".join(f"{case.line()}\n" for case in sorted(before.cases, key=lambda case: case.id))
    assert load(folder).sha256 == before.sha256


def test_two_cases_of_one_id_are_not_written(dataset: Build) -> None:
    folder = dataset("one")
    written = (folder / "cases.jsonl").read_bytes()
    with pytest.raises(DatasetError, match="case one stands there twice"):
        write_cases(folder, load(folder).cases * 2)
    assert (folder / "cases.jsonl").read_bytes() == written


def write_label(folder: Path, **changes: Any) -> None:
    label = {
        "id": folder.name,
        "category": "DEPENDENCY_FAILURE",
        "accept": [],
        "failure_type": "SERVICE_UNREACHABLE",
        "safe_to_retry": True,
        "evidence": ["Connection refused"],
    }
    (folder / "label.json").write_text(json.dumps({**label, **changes}), encoding="utf-8")


def test_labelled_folders_are_read_into_cases(tmp_path: Path, logs: Build) -> None:
    for name in ("b", "a"):
        logs(tmp_path / name)
        write_label(tmp_path / name)
    (tmp_path / "README.md").write_text("not a case", encoding="utf-8")
    assert [case.id for case in load(tmp_path).cases] == ["a", "b"]
    assert load(tmp_path / "a").log_root(load(tmp_path / "a").cases[0]) == tmp_path / "a" / "logs"


def test_a_labelled_folder_with_an_unknown_label_is_refused(tmp_path: Path, logs: Build) -> None:
    logs(tmp_path / "a")
    write_label(tmp_path / "a", failure_type="BROKEN")
    with pytest.raises(DatasetError, match=r"label.json: case a: metadata.failure_type"):
        load(tmp_path)


def test_the_checksum_of_a_dataset_does_not_depend_on_order(tmp_path: Path, dataset: Build) -> None:
    folder = dataset("one", "two")
    before = load(folder).sha256
    lines = (folder / "cases.jsonl").read_text(encoding="utf-8").splitlines()
    (folder / "cases.jsonl").write_text("\n".join(reversed(lines)), encoding="utf-8")
    assert load(folder).sha256 == before


def test_labelled_folders_become_a_dataset_with_checksums(tmp_path: Path, logs: Build) -> None:
    logs(tmp_path / "a")
    write_label(tmp_path / "a", origin="historical", cluster="incident-7", difficulty="hard", version=2)
    index_labels(tmp_path)
    (case,) = load(tmp_path).cases
    label = case.metadata
    assert (label.origin, label.cluster, label.difficulty, label.version) == (
        "historical",
        "incident-7",
        "hard",
        2,
    )
    (tmp_path / "a" / "meta.json").write_text("{}", encoding="utf-8")
    with pytest.raises(DatasetError, match="checksum"):
        load(tmp_path)


def test_folders_without_labels_make_no_dataset(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"no label\.json"):
        index_labels(tmp_path)


@pytest.mark.parametrize("text", ["[1]", "{", '"x"'])
def test_a_label_that_is_no_object_is_refused(tmp_path: Path, logs: Build, text: str) -> None:
    logs(tmp_path / "a")
    (tmp_path / "a" / "label.json").write_text(text, encoding="utf-8")
    with pytest.raises(DatasetError, match=r"a/label\.json: not"):
        load(tmp_path)
