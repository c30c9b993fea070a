from pathlib import Path

import pytest

from evals.errors import DatasetError
from evals.known import FILE, load_known

REASON = "two causes of equal weight"


def write(folder: Path, text: str) -> Path:
    (folder / FILE).write_text(text, encoding="utf-8")
    return folder


def test_a_dataset_without_a_list_has_no_known_misses(tmp_path: Path) -> None:
    assert load_known(tmp_path) == ()


def test_each_miss_carries_its_reason(tmp_path: Path) -> None:
    folder = write(tmp_path, f'[a-b]\nmisses = ["category", "evidence"]\nreason = "{REASON}"\n')
    assert [(m.case_id, m.requirement, m.reason) for m in load_known(folder)] == [
        ("a-b", "category", REASON),
        ("a-b", "evidence", REASON),
    ]


@pytest.mark.parametrize("name", ["leak", "retry"])
def test_nothing_excuses_a_leak_or_a_wrong_safe(tmp_path: Path, name: str) -> None:
    folder = write(tmp_path, f'[a]\nmisses = ["{name}"]\nreason = "{REASON}"\n')
    with pytest.raises(DatasetError, match="nothing excuses"):
        load_known(folder)


@pytest.mark.parametrize(
    "text",
    ["[a", '[a]\nmisses = []\nreason = "long enough"', '[a]\nmisses = ["beauty"]\nreason = "long enough"',
     '[a]\nmisses = ["category"]\nreason = "short"', '[a]\nmisses = ["category"]'],
)  # fmt: skip
def test_a_list_that_is_not_valid_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(DatasetError, match="correct it"):
        load_known(write(tmp_path, text))
