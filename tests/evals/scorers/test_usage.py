from collections.abc import Callable
from typing import Any

from evals.scorers.cost import cost
from evals.scorers.tokens import tokens

Build = Callable[..., Any]


def test_tokens_are_those_that_were_billed(case: Build, outcome: Build) -> None:
    score = tokens(case(), outcome(tokens_used=1234, input_tokens=1200, output_tokens=34))
    assert (score.value, score.reason) == (1234, "1200 in, 34 out")


def test_without_a_call_there_are_no_tokens_and_no_cost(case: Build, outcome: Build) -> None:
    assert tokens(case(), outcome()).value == 0
    assert cost(case(), outcome()).value is None


def test_cost_is_the_payloads(case: Build, outcome: Build) -> None:
    assert cost(case(), outcome(cost_usd=0.0031)).value == 0.0031
    assert cost(case(), outcome(cost_usd=0.0)).value == 0


def test_what_an_errored_case_used_is_not_known(case: Build, outcome: Build) -> None:
    for scorer in (tokens, cost):
        score = scorer(case(), outcome(error="boom"))
        assert score.value is None
        assert "boom" in score.reason
