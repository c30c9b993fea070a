import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from evals.statistics import cases_for_bound, clopper_pearson, wilson, zero_bound

TOTALS = st.integers(1, 3000)


@st.composite
def counts(draw: st.DrawFn) -> tuple[int, int]:
    total = draw(TOTALS)
    return draw(st.integers(0, total)), total


@pytest.mark.parametrize(
    ("successes", "total", "low", "high"),
    [
        (0, 100, 0.0, 0.0362),
        (48, 50, 0.863, 0.995),
        (20, 20, 0.832, 1.0),
        (0, 1, 0.0, 0.975),
        (5, 10, 0.1871, 0.8129),
        (1, 20, 0.0013, 0.2487),
    ],
)
def test_exact_intervals_are_the_published_ones(successes: int, total: int, low: float, high: float) -> None:
    assert clopper_pearson(successes, total) == (pytest.approx(low, abs=6e-4), pytest.approx(high, abs=6e-4))


@pytest.mark.parametrize(
    ("successes", "total", "low", "high"),
    [(20, 20, 0.839, 1.0), (48, 50, 0.865, 0.989), (81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605)],
)
def test_score_intervals_are_the_published_ones(successes: int, total: int, low: float, high: float) -> None:
    # The last two: Newcombe 1998, Statistics in Medicine 17, 857-872, table I.
    assert wilson(successes, total) == (pytest.approx(low, abs=6e-4), pytest.approx(high, abs=6e-4))


@given(counts(), st.sampled_from([0.5, 0.8, 0.95, 0.99]))
def test_both_intervals_are_those_of_statsmodels(count: tuple[int, int], confidence: float) -> None:
    exact = proportion_confint(*count, alpha=1 - confidence, method="beta")
    scored = proportion_confint(*count, alpha=1 - confidence, method="wilson")
    assert clopper_pearson(*count, confidence=confidence) == pytest.approx(exact, abs=1e-9)
    assert wilson(*count, confidence=confidence) == pytest.approx(scored, abs=1e-9)


@given(counts())
def test_intervals_hold_the_share_seen_and_mirror_each_other(count: tuple[int, int]) -> None:
    successes, total = count
    for interval in (clopper_pearson, wilson):
        low, high = interval(successes, total)
        assert 0 <= low <= successes / total + 1e-12 and successes / total - 1e-12 <= high <= 1
        assert interval(total - successes, total) == pytest.approx((1 - high, 1 - low), abs=1e-9)


def test_the_exact_interval_of_a_million_cases_is_that_of_statsmodels() -> None:
    for successes in (0, 1, 700, 500_000, 999_999):
        expected = proportion_confint(successes, 1_000_000, method="beta")
        assert clopper_pearson(successes, 1_000_000) == pytest.approx(expected, rel=1e-6, abs=1e-12)


def test_wider_coverage_gives_a_wider_interval() -> None:
    for interval in (clopper_pearson, wilson):
        narrow, wide = interval(9, 30, confidence=0.8), interval(9, 30, confidence=0.99)
        assert wide[0] < narrow[0] < 0.3 < narrow[1] < wide[1]


@pytest.mark.parametrize(
    ("total", "percent"), [(100, 2.95), (200, 1.49), (299, 1.00), (500, 0.60), (1000, 0.30), (3000, 0.10)]
)
def test_no_event_bounds_the_share_as_published(total: int, percent: float) -> None:
    assert 100 * zero_bound(total) == pytest.approx(percent, abs=0.005)


@given(TOTALS)
def test_the_zero_bound_is_the_exact_limit_of_one_side(total: int) -> None:
    assert zero_bound(total, confidence=0.975) == pytest.approx(clopper_pearson(0, total)[1], rel=1e-9)
    assert (1 - zero_bound(total)) ** total == pytest.approx(0.05)


@pytest.mark.parametrize(("limit", "total"), [(0.01, 299), (0.05, 59), (0.001, 2995), (0.5, 5), (0.95, 1)])
def test_so_many_clean_cases_reach_a_limit(limit: float, total: int) -> None:
    assert cases_for_bound(limit) == total


@given(st.floats(1e-5, 0.999), st.sampled_from([0.5, 0.9, 0.95, 0.999]))
def test_one_case_less_does_not_reach_the_limit(limit: float, confidence: float) -> None:
    total = cases_for_bound(limit, confidence=confidence)
    assert zero_bound(total, confidence=confidence) <= limit
    assert total == 1 or zero_bound(total - 1, confidence=confidence) > limit


@pytest.mark.parametrize(("successes", "total"), [(1, 0), (-1, 3), (4, 3), (0, 0)])
def test_counts_that_are_no_counts_are_refused(successes: int, total: int) -> None:
    for interval in (clopper_pearson, wilson):
        with pytest.raises(ValueError, match="successes"):
            interval(successes, total)


@pytest.mark.parametrize("confidence", [0.0, 1.0, -1.0, 95.0, float("nan")])
def test_a_coverage_that_is_no_share_is_refused(confidence: float) -> None:
    with pytest.raises(ValueError, match="confidence"):
        clopper_pearson(1, 2, confidence=confidence)
    with pytest.raises(ValueError, match="confidence"):
        zero_bound(10, confidence=confidence)


@pytest.mark.parametrize("limit", [0.0, 1.0, -0.1])
def test_a_limit_that_no_number_of_cases_reaches_is_refused(limit: float) -> None:
    with pytest.raises(ValueError, match="limit"):
        cases_for_bound(limit)
    with pytest.raises(ValueError, match="total"):
        zero_bound(0)
