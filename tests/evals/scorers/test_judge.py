import importlib
import inspect
import pkgutil
from collections.abc import Callable
from typing import Any

import pytest

import evals.scorers
from evals.scorers import SCORERS, judge

Build = Callable[..., Any]
MODULES = sorted(module.name for module in pkgutil.iter_modules(evals.scorers.__path__))

ALWAYS_SCORED = {"acceptance", "category", "kind", "overconfidence", "policy", "schema", "status"}
WRONG_WHEN_ERRORED = ALWAYS_SCORED - {"overconfidence"} | {"evidence", "excerpt", "recall"}


def test_every_module_is_a_registered_scorer() -> None:
    assert list(SCORERS) == MODULES


@pytest.mark.parametrize("name", MODULES)
def test_a_scorer_is_the_one_public_function_of_its_module(name: str) -> None:
    module = importlib.import_module(f"evals.scorers.{name}")
    public = [
        function.__name__
        for function in vars(module).values()
        if inspect.isfunction(function)
        and function.__module__ == module.__name__
        and not function.__name__.startswith("_")
    ]
    assert public == [name]
    assert list(inspect.signature(SCORERS[name]).parameters) == ["case", "outcome"]


def test_a_good_answer_is_judged_by_all(case: Build, outcome: Build) -> None:
    scores = judge(case(), outcome())
    assert list(scores) == list(SCORERS)
    assert all(scores[name].value == 1 for name in ALWAYS_SCORED)
    assert all(score.reason for score in scores.values())


def test_an_errored_case_is_wrong_wherever_an_answer_was_due(case: Build, outcome: Build) -> None:
    scores = judge(case(), outcome(error="boom"))
    assert {name for name, score in scores.items() if score.value == 0} >= WRONG_WHEN_ERRORED


def test_an_errored_case_is_neither_a_wrong_safe_nor_a_recalled_one(case: Build, outcome: Build) -> None:
    unsafe = judge(case(safe_to_retry=False), outcome(error="boom"))
    assert (unsafe["safety"].value, unsafe["precision"].value, unsafe["recall"].value) == (1, None, None)
    safe = judge(case(safe_to_retry=True), outcome(error="boom"))
    assert (safe["safety"].value, safe["precision"].value, safe["recall"].value) == (None, None, 0)
