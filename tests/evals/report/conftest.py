"""Evaluations to report on: one that fails in every way, its baseline, and one that is well."""

from collections.abc import Callable
from typing import Any

import pytest
import runs

from evals.comparison import compare
from evals.evaluation import Evaluation
from evals.known import Miss
from evals.mismatch import Kind
from evals.report import Baseline
from evals.requirement import Requirement
from evals.run import Row

EXCERPT = "\n".join(
    [
        "== stdout.gz:1-9 - -",
        *(f"line {number}" for number in range(1, 6)),
        runs.LINE,
        *(f"line {number}" for number in range(7, 10)),
        "",
    ]
)


def make_row(name: str, **changes: Any) -> Row:
    """One judged row with an excerpt that has neighbours for its evidence."""
    return runs.row(name, **changes).model_copy(update={"excerpt": EXCERPT})


def make_rows(**changes: Any) -> list[Row]:
    return [
        make_row("broken", right=False, **changes),
        make_row("errored", error="TimeoutError: no answer in 60 s; lower --rate", **changes),
        make_row("known", right=False, **changes),
        *(make_row(f"well-{number}", safe=number % 2 == 0, **changes) for number in range(6)),
    ]


KNOWN = Miss(case_id="known", requirement=Requirement.CATEGORY, reason="two causes of equal weight")


@pytest.fixture
def row() -> Callable[..., Row]:
    return make_row


@pytest.fixture
def failed() -> Evaluation:
    return runs.assessed(
        runs.run(make_rows(prompt_version="v2"), run_id="new", prompt_version="v2"), Requirement, [KNOWN]
    )


@pytest.fixture
def passed() -> Evaluation:
    rows = [make_row(f"well-{number}", model_id=None, safe=number % 2 == 0) for number in range(4)]
    return runs.assessed(runs.run(rows, run_id="good", model_id=None), Requirement)


@pytest.fixture
def baseline(failed: Evaluation) -> Baseline:
    """The baseline of `failed`: there `broken` was right, `well-0` was wrong."""
    rows = [
        make_row("broken"),
        *(each for each in make_rows()[1:3]),
        make_row("well-0", right=False, safe=True),
        *(make_row(f"well-{number}", safe=number % 2 == 0) for number in range(1, 6)),
    ]
    before = runs.run(rows, run_id="old")
    return Baseline(run=before, comparison=compare(before, failed.run, allow=[Kind.INCOMPLETE]))
