from collections.abc import Callable
from typing import Any

import pytest

from diagnose.diagnosis import Status
from evals.scorers.status import status

Build = Callable[..., Any]


@pytest.mark.parametrize("got", list(Status))
def test_only_an_analysts_own_end_counts(case: Build, outcome: Build, got: Status) -> None:
    score = status(case(), outcome(status=got, status_reason="why"))
    assert score.value == (got is Status.DIAGNOSED)
    assert score.reason == f"{got}: why"


def test_an_errored_case_has_no_answer(case: Build, outcome: Build) -> None:
    score = status(case(), outcome(error="boom"))
    assert score.value == 0
    assert "boom" in score.reason
