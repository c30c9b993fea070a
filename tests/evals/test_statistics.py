import pytest

from evals.statistics import clopper_pearson


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
def test_intervals_are_the_published_ones(successes: int, total: int, low: float, high: float) -> None:
    assert clopper_pearson(successes, total) == (pytest.approx(low, abs=6e-4), pytest.approx(high, abs=6e-4))


def test_zero_events_give_the_closed_form() -> None:
    for total in (1, 7, 60, 3000):
        assert clopper_pearson(0, total)[1] == pytest.approx(1 - 0.025 ** (1 / total), rel=1e-9)


def test_interval_is_symmetric() -> None:
    low, high = clopper_pearson(3, 17)
    assert clopper_pearson(14, 17) == (pytest.approx(1 - high), pytest.approx(1 - low))


def test_wider_coverage_gives_a_wider_interval() -> None:
    narrow, wide = clopper_pearson(9, 30, confidence=0.8), clopper_pearson(9, 30, confidence=0.99)
    assert wide[0] < narrow[0] < 0.3 < narrow[1] < wide[1]


@pytest.mark.parametrize(("successes", "total"), [(1, 0), (-1, 3), (4, 3), (0, 0)])
def test_counts_that_are_no_counts_are_refused(successes: int, total: int) -> None:
    with pytest.raises(ValueError, match="successes"):
        clopper_pearson(successes, total)
