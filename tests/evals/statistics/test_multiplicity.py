import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from evals.statistics import holm


def test_holm_adjusts_as_in_the_textbook() -> None:
    adjusted = holm({"leak": 0.01, "retry": 0.04, "cause": 0.03})
    assert adjusted == {
        "leak": pytest.approx(0.03),
        "retry": pytest.approx(0.06),
        "cause": pytest.approx(0.06),
    }
    assert list(adjusted) == ["leak", "retry", "cause"]


@settings(max_examples=15, deadline=None)  # the oracle takes its time
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_is_that_of_statsmodels(p_values: list[float]) -> None:
    expected = multipletests(p_values, method="holm")[1]
    named = {str(number): value for number, value in enumerate(p_values)}
    assert list(holm(named).values()) == pytest.approx(list(expected))


def test_nothing_tested_is_nothing_adjusted() -> None:
    assert holm({}) == {}


@pytest.mark.parametrize("wrong", [-0.01, 1.01, float("nan")])
def test_a_value_that_is_no_p_value_is_named(wrong: float) -> None:
    with pytest.raises(ValueError, match="retry"):
        holm({"leak": 0.5, "retry": wrong})
