import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq, minimize_scalar
from scipy.stats import binomtest, norm
from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar

from evals.statistics import Interval, Pairs, mcnemar, tango
from evals.statistics.paired import score


@st.composite
def tables(draw: st.DrawFn, most: int = 400) -> Pairs:
    total = draw(st.integers(1, most))
    better = draw(st.integers(0, total))
    return Pairs(total=total, better=better, worse=draw(st.integers(0, total - better)))


def likeliest_score(pairs: Pairs, difference: float) -> float:
    """Tango's statistic with the constrained likelihood maximised by search."""
    same = pairs.total - pairs.discordant

    def loss(worse: float) -> float:
        shares = (
            (pairs.better, worse + difference),
            (pairs.worse, worse),
            (same, 1 - 2 * worse - difference),
        )
        return -sum(count * math.log(max(share, 1e-300)) for count, share in shares if count)

    low, high = max(0.0, -difference), (1 - difference) / 2
    found = minimize_scalar(loss, bounds=(low, high), method="bounded", options={"xatol": 1e-13})
    worse = min((low, high, found.x), key=loss)
    variance = (2 * worse + difference - difference**2) / pairs.total
    return (pairs.difference - difference) / math.sqrt(variance)


@pytest.mark.parametrize(
    ("counts", "confidence", "limits"),
    [
        ((21, 1, 7), 0.95, (-0.517, -0.026)),  # Fagerland, Lydersen, Laake 2014, airway reactivity
        ((161, 6, 16), 0.95, (-0.1240, -0.0054)),  # the same book's complete responses (Cavo 2012)
        ((618, 28, 25), 0.90, (-0.0148, 0.0247)),  # R, PropCIs::scoreci.mp(25, 28, 618, 0.9)
    ],
)
def test_tango_intervals_are_the_published_ones(
    counts: tuple[int, int, int], confidence: float, limits: tuple[float, float]
) -> None:
    total, better, worse = counts
    interval = tango(Pairs(total=total, better=better, worse=worse), confidence=confidence)
    assert (interval.low, interval.high) == pytest.approx(limits, abs=5.1e-4)


@pytest.mark.parametrize(
    ("total", "better", "worse"),
    [(50, 12, 2), (30, 0, 3), (30, 3, 0), (10, 5, 5), (200, 7, 11), (7, 7, 0), (9, 4, 5), (1000, 60, 30)],
)
def test_tango_limits_are_those_of_a_searched_likelihood(total: int, better: int, worse: int) -> None:
    pairs = Pairs(total=total, better=better, worse=worse)
    interval = tango(pairs)
    for limit, level in ((interval.low, 1.959964), (interval.high, -1.959964)):
        if abs(limit) < 1:
            assert likeliest_score(pairs, limit) == pytest.approx(level, abs=2e-3)


def test_without_disagreement_the_limits_are_the_closed_form() -> None:
    for total in (1, 2, 52, 1000, 1_000_000):
        z = norm.ppf(0.975) ** 2
        expected = pytest.approx(z / (total + z), rel=1e-9)
        interval = tango(Pairs(total=total, better=0, worse=0))
        assert (-interval.low, interval.high) == (expected, expected)


@given(tables(), st.sampled_from([0.5, 0.9, 0.95, 0.999]))
def test_the_interval_holds_the_difference_and_mirrors_itself(pairs: Pairs, confidence: float) -> None:
    interval = tango(pairs, confidence=confidence)
    assert -1 <= interval.low <= pairs.difference <= interval.high <= 1
    assert interval.low < interval.high
    other = tango(pairs.swapped, confidence=confidence)
    assert (-other.high, -other.low) == (
        pytest.approx(interval.low, abs=1e-9),
        pytest.approx(interval.high, abs=1e-9),
    )


@given(tables())
def test_one_more_case_for_the_candidate_never_lowers_a_limit(pairs: Pairs) -> None:
    if pairs.discordant == pairs.total:
        return
    before = tango(pairs)
    after = tango(Pairs(total=pairs.total, better=pairs.better + 1, worse=pairs.worse))
    assert after.low >= before.low - 1e-9 and after.high >= before.high - 1e-9


@given(tables(), st.integers(-999, 999), st.integers(-999, 999))
def test_the_score_falls_as_the_supposed_difference_rises(pairs: Pairs, one: int, two: int) -> None:
    low, high = sorted((one, two))
    at = [score(pairs.total, pairs.better, pairs.worse, value / 1000) for value in (low, high)]
    assert at[0] >= at[1] - 1e-6 * max(1.0, abs(at[1]))


def test_the_score_of_no_difference_is_the_root_of_mcnemars_chi_square() -> None:
    assert score(100, 12, 5, 0.0) == pytest.approx(7 / math.sqrt(17))
    assert score(100, 0, 0, 0.0) == 0.0
    assert score(5, 5, 0, -1.0) == math.inf and score(5, 5, 0, 1.0) == 0.0


@settings(max_examples=30, deadline=None)
@given(tables(60), st.floats(0.02, 0.9), st.sampled_from([-1, 1]))
def test_the_score_is_that_of_a_searched_likelihood(pairs: Pairs, size: float, sign: int) -> None:
    difference = sign * size  # at 0 and without disagreement both variances are nothing but rounding
    expected = likeliest_score(pairs, difference)
    assert score(pairs.total, pairs.better, pairs.worse, difference) == pytest.approx(
        expected, rel=2e-3, abs=2e-3
    )


def test_a_broken_number_of_cases_fits_between_whole_ones() -> None:
    between = brentq(lambda value: score(50.5, 2.5, 1.5, value) - 1.645, -0.9, 0.0)
    assert between == pytest.approx(-0.04, abs=0.04)
    assert score(50, 2, 1, -0.05) < score(51, 3, 1, -0.05)


@pytest.mark.parametrize(
    ("better", "worse", "one_sided"),
    [(5, 0, 0.031), (4, 0, 0.0625), (20, 10, 0.049), (6, 0, 0.0156), (0, 0, 1.0)],
)
def test_exact_mcnemar_is_the_published_one(better: int, worse: int, one_sided: float) -> None:
    pairs = Pairs(total=50, better=better, worse=worse)
    assert mcnemar(pairs, alternative="greater") == pytest.approx(one_sided, abs=5e-4)
    assert mcnemar(pairs.swapped, alternative="less") == pytest.approx(one_sided, abs=5e-4)


@given(tables())
def test_exact_mcnemar_is_that_of_scipy_and_statsmodels(pairs: Pairs) -> None:
    table = np.array([[0, pairs.better], [pairs.worse, 0]])
    expected = statsmodels_mcnemar(table, exact=True).pvalue if pairs.discordant else 1.0
    assert mcnemar(pairs, alternative="two-sided") == pytest.approx(expected, rel=1e-9)
    if pairs.discordant:
        for side in ("less", "greater"):
            expected = binomtest(pairs.better, pairs.discordant, 0.5, alternative=side).pvalue
            assert mcnemar(pairs, alternative=side) == pytest.approx(expected, rel=1e-9)


def test_thousands_of_disagreements_stay_exact() -> None:
    pairs = Pairs(total=20_000, better=5_100, worse=4_900)
    expected = binomtest(5_100, 10_000, 0.5, alternative="greater").pvalue
    assert mcnemar(pairs, alternative="greater") == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("total", "better", "worse"), [(0, 0, 0), (5, -1, 0), (5, 0, -1), (5, 3, 3)])
def test_counts_of_no_sample_are_refused(total: int, better: int, worse: int) -> None:
    with pytest.raises(ValueError, match=f"total={total}, better={better}, worse={worse}"):
        Pairs(total=total, better=better, worse=worse)


def test_arguments_outside_their_range_are_refused() -> None:
    pairs = Pairs(total=5, better=1, worse=1)
    with pytest.raises(ValueError, match=r"confidence=95\.0"):
        tango(pairs, confidence=95.0)
    with pytest.raises(ValueError, match="alternative='larger'"):
        mcnemar(pairs, alternative="larger")  # type: ignore[arg-type]


def test_pairs_know_their_difference() -> None:
    pairs = Pairs(total=8, better=3, worse=1)
    assert (pairs.difference, pairs.discordant) == (0.25, 4)
    assert pairs.swapped == Pairs(total=8, better=1, worse=3)
    assert tango(Pairs(total=1, better=1, worse=0)) != Interval(low=1.0, high=1.0)
