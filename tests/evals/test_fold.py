import math

import pytest
from runs import scored as row

from evals.fold import average, cases, score, worst


def test_rows_are_grouped_by_case_in_order() -> None:
    mixed = [row("b"), row("a", repeat=1), row("a", repeat=0)]
    assert [[each.key for each in group] for group in cases(mixed)] == [[("a", 0), ("a", 1)], [("b", 0)]]
    assert cases([]) == ()


def test_a_case_is_right_only_if_every_repeat_is() -> None:
    assert worst([1.0, 1.0, 1.0]) == 1
    assert worst([1.0, 0.0, 1.0]) == 0
    assert worst([1.0, None]) == 1
    assert worst([None, None]) is None
    assert worst([]) is None


def test_a_question_for_every_repeat_is_not_scored_when_one_is_not() -> None:
    assert worst([1.0, None], every=True) is None
    assert worst([1.0, 0.5], every=True) == 0.5


def test_numbers_are_averaged_over_the_repeats_that_have_one() -> None:
    assert average([1.0, None, 4.0]) == pytest.approx(2.5)
    assert average([None]) is None
    assert average([0.1] * 10) == math.fsum([0.1] * 10) / 10


def test_a_scorer_that_was_not_there_is_not_scored() -> None:
    assert score(row(scores={"kind": 1.0}), "kind") == 1
    assert score(row(scores={"kind": 1.0}), "triage") is None
