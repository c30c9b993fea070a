import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.statistics import Pairs, mcnemar
from evals.statistics.enumeration import p_exact
from evals.statistics.noninferiority import p_noninferior
from evals.statistics.paired import score


def enumerated(pairs: Pairs, margin: float, shares: int = 400) -> float:
    """The same test by adding up every table, one by one."""
    total, seen = pairs.total, score(pairs.total, pairs.better, pairs.worse, -margin)
    tables = [
        (better, worse)
        for worse in range(total + 1)
        for better in range(total + 1 - worse)
        if score(total, better, worse, -margin) >= seen - 1e-9
    ]
    ways = [math.comb(total, better) * math.comb(total - better, worse) for better, worse in tables]
    better, worse = np.array(tables).T
    chances = []
    for discordance in np.linspace(margin, 1, shares):
        gain, loss = (discordance - margin) / 2, (discordance + margin) / 2
        same = (1 - discordance) ** (total - better - worse)
        chances.append(float((np.array(ways, dtype=float) * gain**better * loss**worse * same).sum()))
    return max(chances)


@pytest.mark.parametrize(
    ("total", "better", "worse", "margin"),
    [(12, 0, 0, 0.2), (15, 2, 1, 0.1), (20, 0, 1, 0.25), (25, 3, 3, 0.2), (18, 18, 0, 0.1), (18, 0, 18, 0.1)],
)
def test_the_p_value_is_that_of_all_tables_added_up(
    total: int, better: int, worse: int, margin: float
) -> None:
    pairs = Pairs(total=total, better=better, worse=worse)
    assert p_exact(pairs, margin) == pytest.approx(enumerated(pairs, margin), abs=1.5e-3)


@pytest.mark.parametrize(("total", "margin"), [(10, 0.05), (59, 0.05), (300, 0.01), (3000, 0.001)])
def test_without_disagreement_it_is_the_chance_of_no_loss(total: int, margin: float) -> None:
    assert p_exact(Pairs(total=total, better=0, worse=0), margin) == pytest.approx(
        (1 - margin) ** total, rel=1e-6
    )


def test_at_no_margin_it_is_mcnemars_test() -> None:
    pairs = Pairs(total=40, better=7, worse=2)
    assert p_exact(pairs, 0.0) == mcnemar(pairs, alternative="greater")


def test_in_a_large_sample_it_comes_near_the_score_test() -> None:
    pairs = Pairs(total=4000, better=180, worse=200)
    assert p_exact(pairs, 0.012) == pytest.approx(p_noninferior(pairs, 0.012), abs=6e-3)


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 120), st.data(), st.sampled_from([0.01, 0.05, 0.2, 0.5]))
def test_a_gain_never_raises_it_and_a_loss_never_lowers_it(
    total: int, data: st.DataObject, margin: float
) -> None:
    better = data.draw(st.integers(0, total - 1))
    worse = data.draw(st.integers(0, total - 1 - better))
    here = p_exact(Pairs(total=total, better=better, worse=worse), margin)
    assert 0 <= here <= 1
    assert p_exact(Pairs(total=total, better=better + 1, worse=worse), margin) <= here + 1e-9
    assert p_exact(Pairs(total=total, better=better, worse=worse + 1), margin) >= here - 1e-9


@pytest.mark.parametrize("margin", [-0.1, 1.0, 5.0, float("nan")])
def test_a_margin_that_is_no_share_is_refused(margin: float) -> None:
    with pytest.raises(ValueError, match="margin"):
        p_exact(Pairs(total=5, better=0, worse=0), margin)
