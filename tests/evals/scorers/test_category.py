from collections.abc import Callable
from typing import Any

from evals.scorers.acceptance import acceptance
from evals.scorers.category import category
from evals.scorers.kind import kind

Build = Callable[..., Any]


def test_the_labelled_category_is_right(case: Build, outcome: Build) -> None:
    assert category(case(), outcome()).value == 1
    assert acceptance(case(), outcome()).value == 1
    assert kind(case(), outcome()).value == 1


def test_another_accepted_category_is_right_only_for_acceptance(case: Build, outcome: Build) -> None:
    got = outcome(failure_type="SQL_ERROR")
    assert category(case(accept=["CONFIGURATION_ERROR"]), got).value == 0
    assert acceptance(case(accept=["CONFIGURATION_ERROR"]), got).value == 1
    assert kind(case(accept=["CONFIGURATION_ERROR"]), got).value == 0


def test_an_errored_case_is_wrong_and_says_why(case: Build, outcome: Build) -> None:
    for scorer in (category, acceptance, kind):
        score = scorer(case(), outcome(error="boom"))
        assert score.value == 0
        assert "boom" in score.reason
