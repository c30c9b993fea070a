"""The committed cases of our own laboratory."""

from collections import Counter
from pathlib import Path

import pytest

from evals.dataset import Dataset, load
from evals.lab.index import write_index
from evals.lab.scenario import read_all

FOLDER = Path(__file__).parents[2] / "datasets" / "lab"


@pytest.fixture(scope="module")
def lab() -> Dataset:
    return load(FOLDER)


def test_there_are_enough_cases_and_enough_safe_ones(lab: Dataset) -> None:
    assert len(lab.cases) >= 14
    assert sum(case.metadata.safe_to_retry for case in lab.cases) >= 7


def test_the_datasheet_gives_the_counts(lab: Dataset) -> None:
    text = (FOLDER.parent / "README.md").read_text(encoding="utf-8")
    safe = sum(case.metadata.safe_to_retry for case in lab.cases)
    secret = sum(bool(case.metadata.canaries) for case in lab.cases)
    assert f"{len(lab.cases)} cases, {safe} of them truly safe to retry; {secret} hold" in text
    for category, count in Counter(case.metadata.category for case in lab.cases).items():
        assert f"{category} {count}" in text


def test_every_case_has_its_scenario_and_the_label_of_it(lab: Dataset) -> None:
    scenarios = {scenario.id: scenario for scenario in read_all()}
    for case in lab.cases:
        label = scenarios[case.id].label
        assert (case.metadata.category, case.metadata.safe_to_retry) == (label.category, label.safe_to_retry)


def test_the_index_is_what_the_scenarios_give(tmp_path: Path, lab: Dataset) -> None:
    copy = tmp_path / "lab"
    copy.mkdir()
    for case in lab.cases:
        (copy / case.id).symlink_to(FOLDER / case.id, target_is_directory=True)
    committed = (FOLDER / "cases.jsonl").read_text(encoding="utf-8")
    assert write_index(read_all(), copy).read_text(encoding="utf-8") == committed


def test_job_names_do_not_give_the_label_away(lab: Dataset) -> None:
    for case in lab.cases:
        words = set(case.metadata.failure_type.lower().split("_")) | {
            "fail",
            "failure",
            "error",
            "safe",
            "retry",
        }
        assert not words & set(case.id.split("-"))
