"""Rows → which category was taken for which, and how well each is told. Pure.

A case counts once, by its worst repeat (`evals.claim.folded`). Right here is the labelled category alone;
answers that the label accepts are wrong in every number and counted apart, so that a table can mark them.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from diagnose.taxonomy import Category
from evals.claim import Claim, folded
from evals.run import Row
from evals.statistics import clopper_pearson

ERROR: Final = "ERROR"
"""The column of cases without an answer."""

CATEGORIES: Final = tuple(Category)
COLUMNS: Final = (*map(str, CATEGORIES), ERROR)


@dataclass(frozen=True, kw_only=True)
class Confusion:
    """Cases by labelled category (rows: `CATEGORIES`) and by answer (columns: `COLUMNS`)."""

    counts: Mapping[tuple[Category, str], int]
    """Complete: a pair that never occurred is 0."""
    accepted: Mapping[tuple[Category, str], int]
    """Of `counts`, off the diagonal: answers that the label accepts."""
    total: int
    """Cases."""

    @property
    def right(self) -> int:
        """Cases on the diagonal."""
        return sum(self.counts[each, each] for each in CATEGORIES)


@dataclass(frozen=True, kw_only=True)
class ClassScore:
    """How well one category is told. What has no denominator is None."""

    category: Category
    support: int
    """Cases with this label."""
    answered: int
    """Cases with this answer."""
    right: int
    precision: float | None
    """right / answered."""
    precision_interval: tuple[float, float] | None
    """Exact, 95 %."""
    recall: float | None
    """right / support."""
    recall_interval: tuple[float, float] | None
    """Exact, 95 %."""
    f1: float | None
    """2 right / (support + answered); None for a category that is neither label nor answer."""


def confusion(rows: Iterable[Row]) -> Confusion:
    """Count the cases of every pair of label and answer."""
    return _tabulate(folded(rows))


def class_scores(rows: Iterable[Row]) -> tuple[ClassScore, ...]:
    """Score every category, in the vocabulary's order."""
    table = confusion(rows)
    return tuple(_class_score(table, category) for category in CATEGORIES)


def macro_f1(rows: Iterable[Row]) -> float | None:
    """Average F1 over the categories that are the label or the answer of any case; None without a case.

    The mean of the classes' F1, each F1 by its counts (Opitz and Burst 2019, arXiv 1911.03347, who show why
    the other formula, F1 of the mean precision and recall, must not be used). An error is no category: it
    costs the labelled category its recall and nobody precision.
    """
    table = confusion(rows)
    scored = [each for category in CATEGORIES if (each := _f1(*_margins(table, category))) is not None]
    return math.fsum(scored) / len(scored) if scored else None


def _tabulate(found: Sequence[Claim]) -> Confusion:
    counts = {(label, answer): 0 for label in CATEGORIES for answer in COLUMNS}
    accepted = dict(counts)
    for each in found:
        pair = each.expected, ERROR if each.got is None else str(each.got)
        counts[pair] += 1
        accepted[pair] += each.accepted and not each.exact
    return Confusion(counts=counts, accepted=accepted, total=len(found))


def _margins(table: Confusion, category: Category) -> tuple[int, int, int]:
    """Count right answers, labels and answers of one category."""
    support = sum(table.counts[category, answer] for answer in COLUMNS)
    answered = sum(table.counts[label, category] for label in CATEGORIES)
    return table.counts[category, category], support, answered


def _f1(right: int, support: int, answered: int) -> float | None:
    return 2 * right / (support + answered) if support + answered else None


def _class_score(table: Confusion, category: Category) -> ClassScore:
    right, support, answered = _margins(table, category)
    return ClassScore(
        category=category,
        support=support,
        answered=answered,
        right=right,
        precision=right / answered if answered else None,
        precision_interval=clopper_pearson(right, answered) if answered else None,
        recall=right / support if support else None,
        recall_interval=clopper_pearson(right, support) if support else None,
        f1=_f1(right, support, answered),
    )
