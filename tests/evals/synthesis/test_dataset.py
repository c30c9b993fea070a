"""The committed synthetic dataset is what the generator makes today, and is balanced as promised."""

import re
from collections import Counter
from functools import cache
from pathlib import Path

from diagnose.taxonomy import FACTS, Category, FailureType, RetryRule
from evals.case import Case
from evals.dataset import Dataset, load
from evals.synthesis.check import inflate
from evals.synthesis.cli import COUNT, SEED
from evals.synthesis.generator import SyntheticCase, generate
from evals.synthesis.template import load_templates

FOLDER = Path(__file__).resolve().parents[3] / "datasets" / "synthetic"
MOST_BYTES = 8_000_000


@cache
def committed() -> Dataset:
    return load(FOLDER)


@cache
def generated() -> dict[str, SyntheticCase]:
    return {made.id: made for made in generate(load_templates(), seed=SEED, count=COUNT)}


def text(name: str, data: bytes) -> str:
    return inflate(data) if name.endswith(".gz") else data.decode()


def without_checksum(case: Case) -> str:
    """A row without its checksum: another version of zlib compresses the same text to other bytes."""
    return case.model_copy(update={"metadata": case.metadata.model_copy(update={"sha256": "0" * 64})}).line()


def numbers(word: str) -> Counter[int]:
    notes = [case.metadata.notes for case in committed().cases]
    found = (re.search(rf"\b{word} ([\d, ]+)", note) for note in notes)
    return Counter(int(number) for hit in found if hit for number in hit[1].split(","))


def test_every_case_is_generated_again_word_for_word() -> None:
    assert {case.id for case in committed().cases} == set(generated())
    for case in committed().cases:
        again = generated()[case.id]
        assert without_checksum(again.case) == without_checksum(case)
        stored = {
            path.relative_to(FOLDER / case.id).as_posix(): path.read_bytes()
            for path in (FOLDER / case.id).rglob("*") if path.is_file()
        }  # fmt: skip
        assert {name: text(name, data) for name, data in stored.items()} == {
            name: text(name, data) for name, data in again.files.items()
        }


def test_there_are_enough_cases_and_templates() -> None:
    assert len(committed().cases) == COUNT
    assert len({case.metadata.cluster for case in committed().cases}) >= 60


def test_every_failure_type_and_category_occurs() -> None:
    assert {case.metadata.failure_type for case in committed().cases} == set(FailureType)
    assert {case.metadata.category for case in committed().cases} == set(Category)


def test_truly_safe_cases_are_a_quarter_or_more() -> None:
    safe = [case for case in committed().cases if case.metadata.safe_to_retry]
    assert 0.23 <= len(safe) / COUNT <= 0.33
    assert all(FACTS[case.metadata.failure_type].retry is RetryRule.TRANSIENT for case in safe)


def test_secrets_and_attempts_are_many() -> None:
    assert sum(bool(case.metadata.canaries) for case in committed().cases) >= 60
    assert sum("2 attempts" in case.metadata.notes for case in committed().cases) >= 40


def test_every_decoy_stands_in_at_least_five_cases() -> None:
    assert {number for number in range(1, 28) if numbers("decoys")[number] < 5} == set()


def test_the_files_are_small() -> None:
    assert sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()) <= MOST_BYTES
