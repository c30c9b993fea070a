"""The sign-flipping test over clusters."""

import itertools

import numpy as np
import pytest

from evals.permutation import sign_flip


def test_p_is_near_the_share_of_all_sign_patterns():
    sums = [0.4, 1.0, -0.3, 0.8, 0.9, 0.1, 0.7, -0.2]
    totals = [abs(np.dot(signs, sums)) for signs in itertools.product((-1, 1), repeat=len(sums))]
    exact = np.mean([total >= abs(sum(sums)) - 1e-9 for total in totals])
    found = sign_flip(sums, [str(n) for n in range(len(sums))], resamples=50_000, seed=1)
    assert found == pytest.approx(exact, abs=0.01)


def test_cases_of_one_cluster_turn_together():
    differences = [0.1] * 40
    alone = sign_flip(differences, list(range(40)), resamples=2000, seed=1)
    together = sign_flip(differences, [n // 20 for n in range(40)], resamples=2000, seed=1)
    assert alone < 0.01
    assert together == pytest.approx(0.5, abs=0.05)


def test_no_difference_and_one_cluster_never_reject():
    assert sign_flip([0.0, 0.0], ["a", "b"], resamples=100, seed=1) == 1
    assert sign_flip([0.5, 0.5], ["a", "a"], resamples=100, seed=1) == 1


def test_p_is_never_zero_and_repeats():
    values, clusters = [1.0] * 60, list(range(60))
    first = sign_flip(values, clusters, resamples=999, seed=7)
    assert first == 1 / 1000
    assert first == sign_flip(values, clusters, resamples=999, seed=7)


def test_the_level_holds_without_a_difference():
    random = np.random.default_rng(3)
    ps = [
        sign_flip(list(random.normal(size=30)), list(range(30)), resamples=399, seed=seed)
        for seed in range(400)
    ]
    assert 0.02 < np.mean(np.array(ps) <= 0.05) < 0.085


@pytest.mark.parametrize(("values", "clusters"), [([], []), ([1.0], [])])
def test_wrong_lengths_are_refused(values, clusters):
    with pytest.raises(ValueError, match="differences"):
        sign_flip(values, clusters, resamples=10, seed=1)
