from collections.abc import Callable
from typing import Any

import pytest

from evals.dataset import Dataset, load
from evals.errors import DatasetError
from evals.known import FILE, load_known

REASON = "two causes of equal weight"


Build = Callable[..., Any]


@pytest.fixture
def listed(dataset: Build) -> Callable[[str], Dataset]:
    def build(text: str) -> Dataset:
        folder = dataset("a", "a-b")
        (folder / FILE).write_text(text, encoding="utf-8")
        return load(folder)

    return build


def test_a_dataset_without_a_list_has_no_known_misses(dataset: Build) -> None:
    assert load_known(load(dataset("a"))) == ()


def test_each_miss_carries_its_reason(listed: Build) -> None:
    loaded = listed(f'[a-b]\nmisses = ["category", "evidence"]\nreason = "{REASON}"\n')
    assert [(m.case_id, m.requirement, m.reason) for m in load_known(loaded)] == [
        ("a-b", "category", REASON),
        ("a-b", "evidence", REASON),
    ]


@pytest.mark.parametrize("name", ["leak", "retry", "confidence"])
def test_nothing_excuses_a_leak_or_a_wrong_safe(listed: Build, name: str) -> None:
    loaded = listed(f'[a]\nmisses = ["{name}"]\nreason = "{REASON}"\n')
    with pytest.raises(DatasetError, match="nothing excuses"):
        load_known(loaded)


@pytest.mark.parametrize(
    "text",
    ["[a", '[a]\nmisses = []\nreason = "long enough"', '[a]\nmisses = ["beauty"]\nreason = "long enough"',
     '[a]\nmisses = ["category"]\nreason = "short"', '[a]\nmisses = ["category"]'],
)  # fmt: skip
def test_a_list_that_is_not_valid_is_refused(listed: Build, text: str) -> None:
    with pytest.raises(DatasetError, match="correct it"):
        load_known(listed(text))


def test_a_case_that_is_not_there_can_t_be_listed(listed: Build) -> None:
    with pytest.raises(DatasetError, match="gone: no such case"):
        load_known(listed(f'[gone]\nmisses = ["category"]\nreason = "{REASON}"\n'))
