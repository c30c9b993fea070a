from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from runs import scored as row

from evals.run import Row
from evals.selection import risk_area, risk_coverage

ANSWERS = st.lists(st.tuples(st.integers(0, 20), st.sampled_from([True, False, None])), max_size=30)


def rows(*answers: tuple[float, bool | None]) -> list[Row]:
    got = {True: "UNKNOWN", False: "DATA_QUALITY", None: None}
    return [row(f"c{n:03}", got=got[right], confidence=sure) for n, (sure, right) in enumerate(answers)]


def test_the_curve_by_hand() -> None:
    points = risk_coverage(rows((0.9, True), (0.5, False), (0.7, True), (0.5, True)))
    assert [(each.confidence, each.count, each.wrong) for each in points] == [
        (0.9, 1, 0),
        (0.7, 2, 0),
        (0.5, 4, 1),
    ]
    assert [(each.coverage, each.risk) for each in points] == [(0.25, 0.0), (0.5, 0.0), (1.0, 0.25)]


def test_the_area_by_hand() -> None:
    # risks at coverage 1/3, 2/3, 1: 0, 1/2, 1/3
    assert risk_area(rows((0.9, True), (0.8, False), (0.7, True))) == pytest.approx((0 + 1 / 2 + 1 / 3) / 3)
    assert risk_area(rows((0.9, False), (0.8, True), (0.7, True))) == pytest.approx((1 + 1 / 2 + 1 / 3) / 3)
    assert risk_area(rows((0.5, True), (0.5, False))) == 0.5
    assert risk_area([]) is None
    assert risk_coverage([]) == ()


def test_an_errored_row_is_covered_last_and_wrong() -> None:
    points = risk_coverage(rows((0.9, True), (0.0, None)))
    assert [(each.coverage, each.risk) for each in points] == [(0.5, 0.0), (1.0, 0.5)]


@given(ANSWERS)
def test_coverage_rises_to_one(answers: list[tuple[int, bool | None]]) -> None:
    points = risk_coverage(rows(*((sure / 20, right) for sure, right in answers)))
    assert all(a.coverage < b.coverage and a.confidence > b.confidence for a, b in pairwise(points))
    assert all(a.wrong <= b.wrong for a, b in pairwise(points))
    assert not answers or points[-1].coverage == 1


@given(ANSWERS)
def test_the_area_is_the_mean_risk_at_each_answers_threshold(answers: list[tuple[int, bool | None]]) -> None:
    found = risk_area(rows(*((sure / 20, right) for sure, right in answers)))
    if not answers:
        assert found is None
        return
    flat = [(0 if right is None else sure, right is not True) for sure, right in answers]
    risks = []
    for sure, _ in flat:
        covered = [wrong for other, wrong in flat if other >= sure]
        risks.append(sum(covered) / len(covered))
    assert found == pytest.approx(sum(risks) / len(risks))
    assert 0 <= found <= 1


@given(ANSWERS, st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(answers: list[tuple[int, bool | None]], rng) -> None:
    ordered = rows(*((sure / 20, right) for sure, right in answers))
    shuffled = list(ordered)
    rng.shuffle(shuffled)
    assert risk_coverage(shuffled) == risk_coverage(ordered)
