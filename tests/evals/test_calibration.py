import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from runs import scored as row

from evals.calibration import calibration, calibration_error, equal_mass_error
from evals.run import Row

ANSWERS = st.lists(
    st.tuples(st.one_of(st.floats(0, 1), st.sampled_from([n / 10 for n in range(11)])), st.booleans()),
    max_size=30,
)


def rows(*answers: tuple[float, bool]) -> list[Row]:
    return [
        row(f"c{n:03}", got="UNKNOWN" if right else "DATA_QUALITY", confidence=confidence)
        for n, (confidence, right) in enumerate(answers)
    ]


def test_bins_hold_count_confidence_and_share_right() -> None:
    bins = calibration(rows((0.91, True), (0.95, False), (0.3, True), (1.0, True), (0.0, False)))
    assert [each.count for each in bins] == [1, 0, 0, 1, 0, 0, 0, 0, 0, 3]
    assert (bins[9].confidence, bins[9].right) == (pytest.approx(2.86 / 3), pytest.approx(2 / 3))
    assert (bins[1].confidence, bins[1].right) == (None, None)
    assert (bins[0].low, bins[9].high) == (0.0, 1.0)


@pytest.mark.parametrize("tenth", range(10))
def test_an_edge_belongs_to_the_bin_it_opens(tenth: int) -> None:
    assert calibration(rows((tenth / 10, True)))[tenth].count == 1


@pytest.mark.parametrize("tenth", range(1, 10))
def test_what_is_just_below_an_edge_belongs_to_the_bin_before(tenth: int) -> None:
    assert calibration(rows((math.nextafter(tenth / 10, 0), True)))[tenth - 1].count == 1


def test_calibration_error_by_hand() -> None:
    # bin .9: 2 answers, confidence .95, right .5; bin .6: 2 answers, confidence .65, right 1
    found = calibration_error(rows((0.9, True), (1.0, False), (0.6, True), (0.7 - 1e-9, True)))
    assert found == pytest.approx((2 * 0.45 + 2 * 0.35) / 4, abs=1e-6)


def test_confidence_that_comes_true_has_no_error() -> None:
    assert calibration_error(rows(*[(0.75, True)] * 3, (0.75, False))) == pytest.approx(0)
    assert calibration_error(rows((1.0, False))) == 1
    assert equal_mass_error(rows((1.0, False))) == 1


def test_errored_rows_state_no_confidence() -> None:
    assert calibration_error([row(got=None)]) is None
    assert calibration_error([]) is None
    assert equal_mass_error([row(got=None)]) is None
    assert sum(each.count for each in calibration([row(got=None)])) == 0


def test_an_accepted_category_is_right() -> None:
    accepted = row(expected="DATA_QUALITY", accept=("UNKNOWN",), got="UNKNOWN", confidence=1.0)
    assert calibration_error([accepted]) == 0


def test_equal_mass_bins_by_hand() -> None:
    # two bins of two answers: confidence .25, right .5; confidence .85, right .5
    answers = rows((0.2, True), (0.3, False), (0.8, True), (0.9, False))
    assert equal_mass_error(answers, bins=2) == pytest.approx((0.25 + 0.35) / 2)


def test_answers_of_one_confidence_are_not_parted() -> None:
    assert equal_mass_error(rows(*[(0.5, True), (0.5, False)] * 5)) == pytest.approx(0)


def test_no_bin_is_refused() -> None:
    for compute in (calibration, calibration_error, equal_mass_error):
        with pytest.raises(ValueError, match="bins=0"):
            compute([], bins=0)


@given(ANSWERS, st.integers(1, 12))
def test_calibration_error_is_that_of_numpy(answers: list[tuple[float, bool]], bins: int) -> None:
    found = calibration_error(rows(*answers), bins=bins)
    if not answers:
        assert found is None
        return
    confidence, right = (np.array(column, dtype=float) for column in zip(*answers, strict=True))
    edges = np.arange(bins + 1) / bins
    place = np.minimum(np.searchsorted(edges, confidence, side="right") - 1, bins - 1)
    gaps = [
        np.sum(place == each)
        / len(place)
        * abs(confidence[place == each].mean() - right[place == each].mean())
        for each in np.unique(place)
    ]
    assert found == pytest.approx(sum(gaps), abs=1e-9)
    assert 0 <= found <= 1


@given(ANSWERS, st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(answers: list[tuple[float, bool]], rng) -> None:
    ordered = rows(*answers)
    shuffled = list(ordered)
    rng.shuffle(shuffled)
    assert calibration(shuffled) == calibration(ordered)
    assert equal_mass_error(shuffled) == equal_mass_error(ordered)


@given(ANSWERS)
def test_every_answer_is_in_one_bin(answers: list[tuple[float, bool]]) -> None:
    bins = calibration(rows(*answers))
    assert sum(each.count for each in bins) == len(answers)
    assert all(each.low <= each.confidence <= each.high for each in bins if each.confidence is not None)
    mass = equal_mass_error(rows(*answers))
    assert (mass is None) == (not answers)
    assert mass is None or 0 <= mass <= 1
