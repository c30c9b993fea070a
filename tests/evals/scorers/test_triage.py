from collections.abc import Callable
from typing import Any

from evals.scorers.triage import triage

Build = Callable[..., Any]


def test_the_labelled_label_is_right_and_another_is_wrong(case: Build, outcome: Build) -> None:
    labelled = case(triage_label="PARTIAL_WRITE_RISK")
    assert triage(labelled, outcome(triage_label="PARTIAL_WRITE_RISK")).value == 1
    score = triage(labelled, outcome(triage_label="SOURCE_DELAY"))
    assert score.value == 0
    assert "expected PARTIAL_WRITE_RISK, got SOURCE_DELAY" in score.reason


def test_a_case_without_a_label_is_not_scored(case: Build, outcome: Build) -> None:
    assert triage(case(), outcome(triage_label="SOURCE_DELAY")).value is None
    assert triage(case(), outcome(error="boom")).value is None


def test_an_errored_case_is_wrong_and_says_why(case: Build, outcome: Build) -> None:
    score = triage(case(triage_label="UNKNOWN"), outcome(error="boom"))
    assert score.value == 0
    assert "boom" in score.reason
