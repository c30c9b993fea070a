from collections.abc import Callable
from typing import Any

import pytest

from evals.scorers.assurance import assurance
from evals.scorers.brier import brier
from evals.scorers.overconfidence import overconfidence

Build = Callable[..., Any]


def test_right_verdicts_need_confidence(case: Build, outcome: Build) -> None:
    assert assurance(case(), outcome(confidence=0.8)).value == 1
    assert assurance(case(), outcome(confidence=0.79)).value == 0
    assert assurance(case(), outcome(failure_type="SQL_ERROR")).value is None
    assert assurance(case(), outcome(error="boom")).value is None


def test_wrong_verdicts_must_not_be_confident(case: Build, outcome: Build) -> None:
    assert overconfidence(case(), outcome(failure_type="SQL_ERROR", confidence=0.8)).value == 0
    assert overconfidence(case(), outcome(failure_type="SQL_ERROR", confidence=0.79)).value == 1
    assert overconfidence(case(), outcome(confidence=1.0)).value == 1
    assert overconfidence(case(), outcome(error="boom")).value == 1


def test_brier_is_the_squared_distance(case: Build, outcome: Build) -> None:
    assert brier(case(), outcome(confidence=0.9)).value == pytest.approx(0.01)
    assert brier(case(), outcome(failure_type="SQL_ERROR", confidence=0.9)).value == pytest.approx(0.81)
    assert brier(case(), outcome(error="boom")).value is None
