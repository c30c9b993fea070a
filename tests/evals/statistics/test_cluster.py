import numpy as np
import pytest
import statsmodels.api
from hypothesis import given
from hypothesis import strategies as st

from evals.statistics.cluster import (
    cluster_interval,
    group,
    likeness,
    robust_interval,
    robust_p,
)

FATES = st.lists(
    st.tuples(st.sampled_from([-1.0, 0.0, 1.0]), st.sampled_from("abcdefgh")), min_size=1, max_size=60
)


def unequal(seed: int) -> tuple[list[float], list[str]]:
    generator = np.random.default_rng(seed)
    sizes = generator.integers(1, 12, 30)
    shifts = np.repeat(generator.normal(0, 0.3, 30), sizes)
    return list(shifts + generator.normal(0, 1, len(shifts))), [str(n) for n in np.repeat(range(30), sizes)]


@pytest.mark.parametrize("seed", range(5))
def test_the_t_interval_is_that_of_a_regression_with_cluster_errors(seed: int) -> None:
    differences, clusters = unequal(seed)
    codes = np.unique(clusters, return_inverse=True)[1]
    fitted = statsmodels.api.OLS(differences, np.ones(len(differences))).fit(
        cov_type="cluster", cov_kwds={"groups": codes}, use_t=True
    )
    interval = cluster_interval(differences, clusters, confidence=0.9)
    assert [interval.low, interval.high] == pytest.approx(list(fitted.conf_int(alpha=0.1)[0]))


def test_cases_that_are_clusters_of_their_own_give_students_t() -> None:
    differences = [0.0, 1.0, 0.5, -0.25, 1.0]
    fitted = statsmodels.stats.weightstats.DescrStatsW(differences).tconfint_mean()
    interval = cluster_interval(differences, ["a", "b", "c", "d", "e"])
    assert (interval.low, interval.high) == pytest.approx(fitted)


def test_likeness_within_clusters_widens_the_interval() -> None:
    differences = [-1.0] * 5 + [0.0] * 45
    alike = cluster_interval(differences, [str(n // 5) for n in range(50)])
    apart = cluster_interval(differences, [str(n % 10) for n in range(50)])
    assert alike.low < apart.low < -0.1 + 1e-9 and alike.high >= apart.high


@given(FATES)
def test_the_p_value_and_the_limit_agree(fates: list[tuple[float, str]]) -> None:
    groups = group([fate for fate, _ in fates], [name for _, name in fates])
    if len(groups.sizes) < 2 or groups.standard_error < 1e-9:
        return
    limit = robust_interval(groups, 0.9).low
    assert robust_p(groups, limit) == pytest.approx(0.05, abs=1e-6)
    assert robust_p(groups, limit - 0.01) < 0.05 < robust_p(groups, limit + 0.01)


def test_clusters_without_any_spread_are_certain() -> None:
    groups = group([0.0] * 4, ["a", "a", "b", "b"])
    assert [robust_p(groups, value) for value in (-0.1, 0.0, 0.1)] == [0.0, 0.5, 1.0]


def test_without_a_difference_clusters_count_as_one_case_each() -> None:
    alike = likeness(group([0.0] * 40, [str(n // 4) for n in range(40)]))
    assert (alike.spread, alike.upper(), alike.effect()) == (3.0, 1.0, 4.0)


def test_cases_that_are_clusters_of_their_own_lose_nothing() -> None:
    alike = likeness(group([-1.0, 0.0, 1.0, 0.0], ["a", "b", "c", "d"]))
    assert alike.effect() == 1.0


def test_clusters_that_fall_as_a_whole_are_all_alike() -> None:
    alike = likeness(group([-1.0] * 6 + [0.0] * 24, [str(n // 3) for n in range(30)]))
    assert alike.observed == 1.0 and alike.effect() == pytest.approx(3.0)


def test_differences_spread_thin_show_that_clusters_are_not_alike() -> None:
    differences = [-1.0 if n % 5 == 0 else 0.0 for n in range(300)]
    alike = likeness(group(differences, [str(n // 5) for n in range(300)]))
    assert alike.observed == 0.0 and alike.evidence == 60
    assert alike.upper() == pytest.approx(2.7055 / (60 + 2.7055), rel=1e-3)
    assert alike.upper(growth=4.0) < alike.upper()


def test_opposite_differences_in_a_cluster_cancel() -> None:
    alike = likeness(group([-1.0, 1.0, 0.0, 0.0], ["a", "a", "b", "b"]))
    assert alike.observed == 0.0


@given(FATES)
def test_effective_cases_lie_between_one_per_cluster_and_all(fates: list[tuple[float, str]]) -> None:
    groups = group([fate for fate, _ in fates], [name for _, name in fates])
    effective = groups.total / likeness(groups).effect()
    assert groups.total**2 / float((groups.sizes**2).sum()) - 1e-9 <= effective <= groups.total


@given(FATES)
def test_the_order_of_cases_does_not_matter(fates: list[tuple[float, str]]) -> None:
    one, two = (group([fate for fate, _ in way], [name for _, name in way]) for way in (fates, fates[::-1]))
    assert (list(one.sizes), list(one.sums)) == (list(two.sizes), list(two.sums))


def test_what_is_no_sample_is_refused() -> None:
    with pytest.raises(ValueError, match="0 differences"):
        group([], [])
    with pytest.raises(ValueError, match="2 differences, 1 clusters"):
        group([1.0, 0.0], ["a"])
    with pytest.raises(ValueError, match="finite"):
        group([float("nan")], ["a"])
    with pytest.raises(ValueError, match="one cluster"):
        cluster_interval([1.0, 0.0], ["a", "a"])
    with pytest.raises(ValueError, match="confidence"):
        cluster_interval([1.0, 0.0], ["a", "b"], confidence=1.0)
