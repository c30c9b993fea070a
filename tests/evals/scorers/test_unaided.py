from collections.abc import Callable
from typing import Any

import pytest

from diagnose.diagnosis import Status
from evals.scorers.unaided import unaided

Build = Callable[..., Any]


def test_an_accepted_category_of_its_own_is_right(case: Build, outcome: Build) -> None:
    assert unaided(case(), outcome()).value == 1
    wrong = case(category="DATA_QUALITY", failure_type="CAST_FAILURE")
    assert unaided(wrong, outcome()).value == 0


@pytest.mark.parametrize("status", [s for s in Status if s is not Status.DIAGNOSED])
def test_what_the_rules_said_instead_is_not_its_own(case: Build, outcome: Build, status: Status) -> None:
    score = unaided(case(), outcome(status=status))
    assert score.value == 0
    assert status in score.reason


def test_an_errored_case_is_wrong(case: Build, outcome: Build) -> None:
    assert unaided(case(), outcome(error="boom")).value == 0
