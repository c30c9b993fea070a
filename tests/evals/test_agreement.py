from runs import scored as row

from diagnose.taxonomy import Category
from evals.agreement import accepts


def test_the_labelled_category_and_accepted_ones_are_right() -> None:
    label = row(expected="DATA_QUALITY", accept=("UNKNOWN",)).expected
    right = {category for category in Category if accepts(label, category)}
    assert right == {Category.DATA_QUALITY, Category.UNKNOWN}


def test_no_category_is_never_right() -> None:
    assert not accepts(row(expected="UNKNOWN", accept=("UNKNOWN",)).expected, None)
