from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from runs import scored as row

from diagnose.taxonomy import Category
from evals.confusion import CATEGORIES, COLUMNS, class_scores, confusion, macro_f1
from evals.run import Row
from evals.statistics import clopper_pearson

DATA, CONFIG, DENIED = Category.DATA_QUALITY, Category.CONFIGURATION_ERROR, Category.PERMISSION_DENIED
ANSWERS = st.lists(st.tuples(st.sampled_from(CATEGORIES), st.sampled_from([*CATEGORIES, None])), max_size=25)


def rows(*answers: tuple[str, str | None]) -> list[Row]:
    return [row(f"c{n:03}", expected=label, got=got) for n, (label, got) in enumerate(answers)]


SAMPLE = rows((DATA, DATA), (DATA, DATA), (DATA, CONFIG), (CONFIG, CONFIG), (CONFIG, None))


def test_every_pair_is_counted() -> None:
    table = confusion(SAMPLE)
    assert table.counts[DATA, DATA] == 2
    assert table.counts[DATA, CONFIG] == 1
    assert table.counts[CONFIG, "ERROR"] == 1
    assert len(table.counts) == len(CATEGORIES) * len(COLUMNS)
    assert (sum(table.counts.values()), table.total, table.right) == (5, 5, 3)


def test_accepted_answers_are_marked_off_the_diagonal() -> None:
    table = confusion(
        [
            row("a", expected=DATA, accept=(CONFIG,), got=CONFIG),
            row("b", expected=DATA, got=CONFIG),
            row("c", expected=DATA, accept=(CONFIG,), got=DATA),
        ]
    )
    assert (table.counts[DATA, CONFIG], table.accepted[DATA, CONFIG]) == (2, 1)
    assert table.accepted[DATA, DATA] == 0


def test_class_scores_by_hand() -> None:
    scores = {each.category: each for each in class_scores(SAMPLE)}
    data, config, denied = scores[DATA], scores[CONFIG], scores[DENIED]
    assert (data.precision, data.recall, data.f1) == (1, pytest.approx(2 / 3), pytest.approx(4 / 5))
    assert (config.precision, config.recall, config.f1) == (0.5, 0.5, 0.5)
    assert (config.support, config.answered, config.right) == (2, 2, 1)
    assert data.recall_interval == clopper_pearson(2, 3)
    assert (denied.precision, denied.precision_interval, denied.recall, denied.f1) == (None, None, None, None)


def test_macro_f1_averages_over_categories_that_occur() -> None:
    assert macro_f1(SAMPLE) == pytest.approx((4 / 5 + 1 / 2) / 2)
    assert macro_f1(rows((DATA, DATA))) == 1
    assert macro_f1(rows((DATA, CONFIG))) == 0
    assert macro_f1(rows((DATA, None))) == 0
    assert macro_f1([]) is None


def test_repeats_count_once_by_the_worst() -> None:
    repeats = [row("a", repeat=0, expected=DATA, got=DATA), row("a", repeat=1, expected=DATA, got=CONFIG)]
    table = confusion(repeats)
    assert (table.total, table.counts[DATA, DATA], table.counts[DATA, CONFIG]) == (1, 0, 1)


@given(ANSWERS)
def test_scores_are_those_of_a_matrix(answers: list[tuple[Category, Category | None]]) -> None:
    names = list(CATEGORIES)
    matrix = np.zeros((len(names), len(names) + 1), dtype=int)
    for label, got in answers:
        matrix[names.index(label), len(names) if got is None else names.index(got)] += 1
    with np.errstate(invalid="ignore"):
        right = np.diag(matrix[:, :-1])
        f1 = 2 * right / (matrix.sum(axis=1) + matrix[:, :-1].sum(axis=0))
    found = macro_f1(rows(*answers))
    if not answers:
        assert found is None
        return
    assert found is not None
    assert found == pytest.approx(np.nanmean(f1))
    assert 0 <= found <= 1
    assert confusion(rows(*answers)).right == right.sum()


@given(ANSWERS, st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(answers: list[tuple[Category, Category | None]], rng) -> None:
    ordered = rows(*answers)
    shuffled = list(ordered)
    rng.shuffle(shuffled)
    assert class_scores(shuffled) == class_scores(ordered)
    assert macro_f1(shuffled) == macro_f1(ordered)


def test_mending_an_answer_never_lowers_a_category() -> None:
    wrong = [rows((DATA, DATA), *[(DATA, DATA)] * good, *[(DATA, CONFIG)] * (4 - good)) for good in range(5)]
    recalls = [class_scores(each)[CATEGORIES.index(DATA)].recall or 0.0 for each in wrong]
    assert all(before < after for before, after in pairwise(recalls))
