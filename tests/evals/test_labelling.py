"""The labelling guide keeps to the vocabularies, and its examples keep to the guide."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from diagnose.taxonomy import FACTS, Category, RetryRule, TriageLabel
from evals.case import Metadata
from evals.jsonl import read_rows
from evals.rule import MIN_EVIDENCE_CHARS, WRITE_SIGNS
from evals.secret import sightings

GUIDE = (Path(__file__).parents[2] / "datasets" / "LABELLING.md").read_text(encoding="utf-8")
EXAMPLE = re.compile(
    r"^#### (?P<number>\d+)\. (?P<title>[^\n]+)\n\n```json\n(?P<label>.+?)\n```\n\n```text\n(?P<log>.+?)\n```\n\n"
    r"- \*\*Why:\*\* [^\n]+\n- \*\*Why not:\*\* [^\n]+\n- \*\*Rerun:\*\* (?P<rerun>Yes|No)[.:]",
    re.MULTILINE | re.DOTALL,
)
EXAMPLES = list(EXAMPLE.finditer(GUIDE))


def metadata(example: "re.Match[str]") -> Metadata:
    taken: dict[str, Any] = json.loads(example["label"])
    where = {"origin": "lab", "cluster": "x", "version": 1, "sha256": "0" * 64}
    return Metadata.model_validate({**where, **taken})


def title(example: "re.Match[str]") -> str:
    return example["title"]


def test_there_are_forty_examples_and_each_is_read() -> None:
    assert len(EXAMPLES) == GUIDE.count("\n#### ") >= 40
    assert [int(example["number"]) for example in EXAMPLES] == list(range(1, len(EXAMPLES) + 1))


@pytest.mark.parametrize("example", EXAMPLES, ids=title)
def test_an_examples_label_is_valid_and_says_all(example: "re.Match[str]") -> None:
    assert set(json.loads(example["label"])) == {
        "category", "accept", "failure_type", "safe_to_retry", "triage_label", "evidence", "difficulty",
    }  # fmt: skip
    label = metadata(example)
    assert label.category not in label.accept
    assert label.triage_label in {
        FACTS[label.failure_type].triage,
        *(
            [TriageLabel.PARTIAL_WRITE_RISK]
            if FACTS[label.failure_type].triage is TriageLabel.UNKNOWN
            else []
        ),
    }


@pytest.mark.parametrize("example", EXAMPLES, ids=title)
def test_an_examples_evidence_stands_in_one_of_its_lines(example: "re.Match[str]") -> None:
    label = metadata(example)
    assert label.evidence
    for literal in label.evidence:
        assert len(literal) >= MIN_EVIDENCE_CHARS
        assert any(literal in line for line in example["log"].split("\n"))


@pytest.mark.parametrize("example", EXAMPLES, ids=title)
def test_an_examples_retry_decision_keeps_the_rule(example: "re.Match[str]") -> None:
    label = metadata(example)
    assert label.safe_to_retry == (example["rerun"] == "Yes")
    if label.safe_to_retry:
        assert FACTS[label.failure_type].retry is RetryRule.TRANSIENT
        assert label.triage_label is not TriageLabel.PARTIAL_WRITE_RISK
        assert not any(sign in example["log"] for sign in WRITE_SIGNS)


def test_examples_reach_every_category_and_both_decisions() -> None:
    labels = [metadata(example) for example in EXAMPLES]
    assert {label.category for label in labels} == set(Category)
    assert len({label.failure_type for label in labels}) >= 30
    assert {label.safe_to_retry for label in labels} == {True, False}
    assert sum(bool(label.accept) for label in labels) >= 10


def test_the_table_of_failure_types_is_that_of_the_taxonomy() -> None:
    rows = re.findall(r"^\| ([A-Z_]+) \| ([A-Z_]+) \| .+ \| (\w+) \|$", GUIDE, re.MULTILINE)
    assert rows == [(name.value, facts.category.value, facts.retry.value) for name, facts in FACTS.items()]


def test_the_guide_holds_nothing_that_looks_like_a_secret() -> None:
    assert sightings(GUIDE, ()) == ()


def test_the_guide_is_for_every_dataset_that_has_rows() -> None:
    for path in (Path(__file__).parents[2] / "datasets").glob("*/cases.jsonl"):
        for _, row in read_rows(path):
            assert row["metadata"]["failure_type"] in GUIDE
