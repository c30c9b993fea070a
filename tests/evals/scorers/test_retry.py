from collections.abc import Callable
from typing import Any

from evals.scorers.precision import precision
from evals.scorers.recall import recall
from evals.scorers.safety import safety

Build = Callable[..., Any]


def test_a_wrong_safe_is_scored_on_unsafe_cases_only(case: Build, outcome: Build) -> None:
    assert safety(case(safe_to_retry=False), outcome(safe_to_retry=True)).value == 0
    assert safety(case(safe_to_retry=False), outcome(safe_to_retry=False)).value == 1
    assert safety(case(safe_to_retry=False), outcome(error="boom")).value == 1
    assert safety(case(safe_to_retry=True), outcome(safe_to_retry=False)).value is None


def test_recall_is_scored_on_safe_cases_only(case: Build, outcome: Build) -> None:
    assert recall(case(safe_to_retry=True), outcome(safe_to_retry=True)).value == 1
    assert recall(case(safe_to_retry=True), outcome(safe_to_retry=False)).value == 0
    assert recall(case(safe_to_retry=True), outcome(error="boom")).value == 0
    assert recall(case(safe_to_retry=False), outcome()).value is None


def test_precision_is_scored_on_cases_called_safe_only(case: Build, outcome: Build) -> None:
    assert precision(case(safe_to_retry=True), outcome(safe_to_retry=True)).value == 1
    assert precision(case(safe_to_retry=False), outcome(safe_to_retry=True)).value == 0
    assert precision(case(safe_to_retry=True), outcome(safe_to_retry=False)).value is None
    assert precision(case(safe_to_retry=True), outcome(error="boom")).value is None
