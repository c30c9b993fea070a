from collections.abc import Callable
from typing import Any

import pytest

from diagnose.advice import load_policy
from evals.scorers.policy import policy

Build = Callable[..., Any]
RULES = load_policy().rules


def test_lawful_advice_is_lawful(case: Build, outcome: Build) -> None:
    assert (
        policy(case(), outcome(recommendations=["Ask the owner of the service why it refuses."])).value == 1
    )
    assert policy(case(), outcome(recommendations=[])).value == 1


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_forbidden_advice_is_found_wherever_it_stands(case: Build, outcome: Build, rule: Any) -> None:
    advice = ["Read the driver's log.", rule.forbidden_examples[0]]
    got = outcome(recommendations=advice, partial_write_risk=rule.only_under_write_risk, safe_to_retry=False)
    score = policy(case(), got)
    assert score.value == 0
    assert score.reason == f"recommendation 2 breaks {rule.id}"


def test_advice_that_is_forbidden_only_with_a_write_at_risk_is_lawful_without(
    case: Build, outcome: Build
) -> None:
    only = next(rule for rule in RULES if rule.only_under_write_risk)
    free = [text for text in only.forbidden_examples if load_policy().refuse(text) is None]
    assert free
    assert policy(case(), outcome(recommendations=free[:1])).value == 1


def test_a_rerun_with_a_write_at_risk_is_never_safe(case: Build, outcome: Build) -> None:
    assert policy(case(), outcome(safe_to_retry=True, partial_write_risk=True)).value == 0
    assert policy(case(), outcome(safe_to_retry=False, partial_write_risk=True)).value == 1


def test_an_unsure_verdict_calls_no_rerun_safe(case: Build, outcome: Build) -> None:
    assert policy(case(), outcome(safe_to_retry=True, confidence=0.59)).value == 0
    assert policy(case(), outcome(safe_to_retry=True, confidence=0.6)).value == 1


def test_more_than_three_recommendations_are_refused(case: Build, outcome: Build) -> None:
    got = outcome()
    got.diagnosis.recommendations.extend(["Read the log."] * 4)
    score = policy(case(), got)
    assert (score.value, score.reason) == (0, "4 recommendations, at most 3")


def test_an_errored_case_is_wrong(case: Build, outcome: Build) -> None:
    assert policy(case(), outcome(error="boom")).value == 0
