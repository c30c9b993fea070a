from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evals.case import Case
from evals.dataset import load
from evals.errors import DatasetError
from evals.subset import pick, read_subset, restrict, select

Build = Callable[..., Any]

TYPES = {"DATA_QUALITY": "CORRUPT_FILE", "DEPENDENCY_FAILURE": "SERVICE_UNREACHABLE"}


@pytest.fixture
def cases(row: Build) -> Callable[..., list[Case]]:
    def build(*named: tuple[str, str, str]) -> list[Case]:
        return [
            Case.model_validate(row(name, category=category, failure_type=TYPES[category], cluster=cluster))
            for name, category, cluster in named
        ]

    return build


def test_categories_and_incidents_take_turns(cases):
    found = cases(
        ("a1", "DATA_QUALITY", "a"),
        ("a2", "DATA_QUALITY", "a"),
        ("b1", "DATA_QUALITY", "b"),
        ("c1", "DEPENDENCY_FAILURE", "c"),
        ("c2", "DEPENDENCY_FAILURE", "c"),
    )
    assert select(found, 1) == ("a1",)
    assert select(found, 2) == ("a1", "c1")
    assert select(found, 3) == ("a1", "b1", "c1")
    assert select(found, 4) == ("a1", "b1", "c1", "c2")
    assert select(found, 99) == ("a1", "a2", "b1", "c1", "c2")
    assert select(list(reversed(found)), 3) == select(found, 3)
    assert select([], 3) == ()


def test_a_subset_is_read_without_comments(tmp_path: Path):
    file = tmp_path / "subset.txt"
    file.write_text("# lab\none\n\n two  # hard\n", encoding="utf-8")
    assert read_subset(file) == {"one", "two"}


@pytest.mark.parametrize("data", [b"", b"# nothing\n", b"\xff\xfe"])
def test_a_subset_that_names_nothing_is_refused(tmp_path: Path, data: bytes):
    file = tmp_path / "subset.txt"
    file.write_bytes(data)
    with pytest.raises(DatasetError, match=r"subset\.txt"):
        read_subset(file)


def test_a_missing_subset_is_refused(tmp_path: Path):
    with pytest.raises(DatasetError, match="can't be read"):
        read_subset(tmp_path / "none.txt")


def test_cases_are_picked_by_id(dataset: Build):
    loaded = load(dataset("b", "a", "c"))
    assert [case.id for _, case in pick([loaded], frozenset({"c", "a"}))] == ["a", "c"]
    assert [case.id for _, case in pick([loaded], None)] == ["a", "b", "c"]


def test_a_subset_that_names_an_unknown_case_is_refused(dataset: Build):
    loaded = load(dataset("a"))
    with pytest.raises(DatasetError, match="case x of the subset"):
        pick([loaded], frozenset({"a", "x"}))


def test_a_restricted_dataset_is_another_version(dataset: Callable[..., Path]) -> None:
    whole = load(dataset("one", "two", "three"))
    (left,) = restrict([whole], frozenset({"one", "three"}))
    assert [case.id for case in left.cases] == [case.id for case in whole.cases if case.id != "two"]
    assert left.sha256 != whole.sha256
    assert left.whole == whole.sha256
    assert restrict([whole], frozenset({"one", "two", "three"})) == (whole,)
    with pytest.raises(DatasetError, match="four"):
        restrict([whole], frozenset({"one", "four"}))
