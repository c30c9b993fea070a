import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.quantile import quantile

NUMBERS = st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=40)


@given(NUMBERS, st.floats(0, 1))
def test_quantiles_are_those_of_numpy(values: list[float], share: float) -> None:
    assert quantile(values, share) == pytest.approx(float(np.quantile(values, share)), rel=1e-9, abs=1e-6)
    assert min(values) <= quantile(values, share) <= max(values)


def test_the_ends_are_the_least_and_the_greatest() -> None:
    assert (quantile([3, 1, 2], 0), quantile([3, 1, 2], 0.5), quantile([3, 1, 2], 1)) == (1, 2, 3)
    assert quantile([7], 0.95) == 7


@pytest.mark.parametrize(("values", "share"), [([], 0.5), ([1.0], 1.1), ([1.0], -0.1)])
def test_what_has_no_quantile_is_refused(values: list[float], share: float) -> None:
    with pytest.raises(ValueError, match="share"):
        quantile(values, share)
