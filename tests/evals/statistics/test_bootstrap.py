import numpy as np
import pytest
from scipy.stats import bootstrap as scipy_bootstrap

from evals.statistics import Interval
from evals.statistics.bootstrap import cluster_bootstrap
from evals.statistics.cluster import cluster_interval


def drawn(clusters: int, size: int, seed: int = 3) -> tuple[list[float], list[str]]:
    generator = np.random.default_rng(seed)
    values = np.repeat(generator.normal(0, 1, clusters), size) + generator.normal(0, 1, clusters * size)
    return list(values), [str(number) for number in np.repeat(range(clusters), size)]


def test_single_cases_give_the_plain_bootstrap_of_scipy() -> None:
    differences, clusters = drawn(80, 1)
    ours = cluster_bootstrap(differences, clusters, seed=1)
    other = scipy_bootstrap(
        (np.array(differences),), np.mean, method="percentile", rng=np.random.default_rng(2)
    )
    expected = other.confidence_interval
    assert (ours.low, ours.high) == (
        pytest.approx(expected.low, abs=0.03),
        pytest.approx(expected.high, abs=0.03),
    )


def test_many_clusters_give_nearly_the_robust_t_interval() -> None:
    differences, clusters = drawn(200, 4)
    ours, other = cluster_bootstrap(differences, clusters, seed=1), cluster_interval(differences, clusters)
    assert (ours.low, ours.high) == (pytest.approx(other.low, abs=0.02), pytest.approx(other.high, abs=0.02))


def test_whole_clusters_are_drawn() -> None:
    differences, clusters = drawn(40, 5)
    apart = [str(number) for number in range(200)]
    alike, single = (cluster_bootstrap(differences, names, seed=1) for names in (clusters, apart))
    assert alike.high - alike.low > 1.4 * (single.high - single.low)


def test_clusters_weigh_as_many_cases_as_they_hold() -> None:
    interval = cluster_bootstrap([1.0] * 9 + [0.0], ["big"] * 9 + ["small"], confidence=0.4, seed=1)
    assert interval == Interval(low=0.9, high=0.9)


def test_a_seed_gives_one_interval_in_any_order_of_cases() -> None:
    differences, clusters = [0.0, 1.0, -1.0, 1.0, 0.0], ["a", "b", "a", "c", "d"]
    one = cluster_bootstrap(differences, clusters, resamples=200, seed=5)
    assert one == cluster_bootstrap(differences[::-1], clusters[::-1], resamples=200, seed=5)
    spread = [cluster_bootstrap(*drawn(30, 3), resamples=50, seed=seed) for seed in (5, 6)]
    assert spread[0] != spread[1]


def test_resamples_that_do_not_fit_at_once_are_drawn_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    differences, clusters = drawn(30, 3)
    whole = cluster_bootstrap(differences, clusters, resamples=101, seed=5)
    monkeypatch.setattr("evals.statistics.bootstrap._BLOCK", 300)
    assert cluster_bootstrap(differences, clusters, resamples=101, seed=5) == whole


def test_equal_differences_leave_no_width() -> None:
    assert cluster_bootstrap([0.0] * 6, list("aabbcc"), seed=1) == Interval(low=0.0, high=0.0)


@pytest.mark.parametrize(("name", "value"), [("confidence", 1.0), ("resamples", 0), ("seed", -1)])
def test_arguments_outside_their_range_are_refused(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{name}={value}"):
        cluster_bootstrap([0.0, 1.0], ["a", "b"], **{"seed": 1, name: value})  # type: ignore[arg-type]
