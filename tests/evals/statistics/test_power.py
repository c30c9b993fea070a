import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.statistics import (
    Pairs,
    cases_needed,
    detectable_difference,
    margin_floor,
    margin_reachable,
    score_floor,
    tango,
)
from evals.statistics.enumeration import p_exact


@pytest.mark.parametrize(
    ("total", "discordance", "points"),
    [
        *[(100, 0.05, 6.0), (100, 0.1, 8.5), (100, 0.2, 12.1), (200, 0.05, 4.3), (200, 0.1, 6.1)],
        *[(200, 0.2, 8.7), (500, 0.05, 2.8), (500, 0.1, 3.9), (500, 0.2, 5.6), (1000, 0.05, 2.0)],
        *[(1000, 0.1, 2.8), (1000, 0.2, 3.9)],
    ],
)
def test_differences_of_these_sizes_are_found(total: int, discordance: float, points: float) -> None:
    assert 100 * detectable_difference(total, discordance) == pytest.approx(points, abs=0.06)


def test_one_side_finds_smaller_differences() -> None:
    assert detectable_difference(100, 0.1, sides=1) < detectable_difference(100, 0.1)
    assert detectable_difference(100, 0.1, power=0.9) > detectable_difference(100, 0.1)


def test_a_detectable_difference_is_detected_as_often_as_said() -> None:
    difference = detectable_difference(300, 0.2)
    better, worse = (0.2 + difference) / 2, (0.2 - difference) / 2
    rng, found, runs = random.Random(5), 0, 1500
    for _ in range(runs):
        fates = rng.choices((1, -1, 0), (better, worse, 0.8), k=300)
        pairs = Pairs(total=300, better=fates.count(1), worse=fates.count(-1))
        found += tango(pairs).low > 0
    assert found / runs == pytest.approx(0.8, abs=0.05)


@pytest.mark.parametrize(("total", "points"), [(100, 7.9), (200, 5.6), (500, 3.5), (1000, 2.5)])
def test_margins_of_these_sizes_are_reachable(total: int, points: float) -> None:
    assert 100 * margin_reachable(total, 0.1) == pytest.approx(points, abs=0.06)


@pytest.mark.parametrize(("margin", "cases"), [(0.05, 52), (0.03, 88), (0.02, 133), (0.01, 268)])
def test_the_score_bound_alone_needs_so_many_clean_cases(margin: float, cases: int) -> None:
    assert score_floor(cases) <= margin < score_floor(cases - 1)
    assert tango(Pairs(total=cases, better=0, worse=0), confidence=0.9).low > -margin


@pytest.mark.parametrize(("margin", "cases"), [(0.05, 59), (0.03, 99), (0.02, 149), (0.01, 299)])
def test_the_gate_needs_so_many_clean_cases(margin: float, cases: int) -> None:
    assert margin_floor(cases) <= margin < margin_floor(cases - 1)
    assert p_exact(Pairs(total=cases, better=0, worse=0), margin) <= 0.05
    assert p_exact(Pairs(total=cases - 1, better=0, worse=0), margin) > 0.05


@given(st.integers(1, 10_000), st.sampled_from([0.01, 0.025, 0.05, 0.1, 0.2]))
def test_the_floor_is_the_higher_one_of_both_tests(total: int, alpha: float) -> None:
    floor = margin_floor(total, alpha=alpha)
    assert floor >= score_floor(total, alpha=alpha) and (1 - floor) ** total <= alpha * (1 + 1e-9)
    assert (
        cases_needed(floor * (1 + 1e-9), 0.0, alpha=alpha)
        <= total
        < cases_needed(0.9 * floor, 0.0, alpha=alpha)
    )


def test_no_margin_below_the_floor_is_reachable() -> None:
    assert margin_reachable(100, 0.0) == margin_floor(100)
    assert margin_reachable(100, 0.0001) == margin_floor(100)


def test_a_candidate_that_is_better_reaches_smaller_margins() -> None:
    assert margin_reachable(500, 0.1, difference=0.01) == pytest.approx(
        margin_reachable(500, 0.1) - 0.01, abs=1e-3
    )


@given(st.integers(60, 5000), st.floats(0.01, 0.5))
def test_cases_needed_turn_reachable_margins_round(total: int, discordance: float) -> None:
    margin = margin_reachable(total, discordance)
    if margin < 1:
        assert cases_needed(margin * (1 + 1e-9), discordance) <= total
        assert margin_reachable(cases_needed(margin, discordance), discordance) <= margin * (1 + 1e-9)


def test_cases_needed_rise_with_the_loss_that_is_there() -> None:
    assert cases_needed(0.05, 0.1) == math.ceil(6.1826 * 0.1 / 0.05**2)
    assert cases_needed(0.05, 0.1, difference=-0.02) > cases_needed(0.05, 0.1)
    assert cases_needed(0.05, 0.0) == 59


def test_arguments_outside_their_range_are_refused() -> None:
    with pytest.raises(ValueError, match="sides=3"):
        detectable_difference(10, 0.1, sides=3)
    with pytest.raises(ValueError, match="total=0"):
        detectable_difference(0, 0.1)
    with pytest.raises(ValueError, match="discordance=0"):
        detectable_difference(10, 0.0)
    with pytest.raises(ValueError, match=r"discordance=1\.5"):
        margin_reachable(10, 1.5)
    with pytest.raises(ValueError, match=r"difference=0\.3"):
        margin_reachable(10, 0.1, difference=0.3)
    with pytest.raises(ValueError, match=r"power=1\.0"):
        cases_needed(0.1, 0.1, power=1.0)
    with pytest.raises(ValueError, match=r"alpha=0\.7"):
        margin_floor(10, alpha=0.7)
    with pytest.raises(ValueError, match=r"margin=0\.0"):
        cases_needed(0.0, 0.1)
    with pytest.raises(ValueError, match="never"):
        cases_needed(0.05, 0.1, difference=-0.05)
