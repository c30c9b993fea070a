"""Rows of a run → cases: several answers to one case become one value. Pure.

A case counts as right only if every repeat is right, which is pass^k with k the number of repeats: the chance
that k independent answers are all right (Yao et al. 2024, tau-bench, arXiv 2406.12045). Numbers, such as
tokens, are averaged. Denominators are cases, so that repeats make no sample look larger than it is.
Rows are sorted first: their order changes no result, not even in the last digit.
"""

import math
from collections.abc import Iterable, Sequence

from evals.run import Row


def cases(rows: Iterable[Row]) -> tuple[tuple[Row, ...], ...]:
    """Group rows by case, sorted by case and repeat."""
    groups: dict[str, list[Row]] = {}
    for row in sorted(rows, key=lambda row: row.key):
        groups.setdefault(row.case_id, []).append(row)
    return tuple(map(tuple, groups.values()))


def score(row: Row, scorer: str) -> float | None:
    """Give one scorer's value; None where it is not scored, or was not there when the run was made."""
    found = row.scores.get(scorer)
    return found.value if found else None


def worst(values: Sequence[float | None], *, every: bool = False) -> float | None:
    """Fold the values of a right/wrong question.

    Args:
        values: one per repeat; None is "not scored".
        every: not scored as soon as one repeat is not; otherwise only when none is.

    Returns:
        The lowest value, so 1 only if each scored repeat is right; None when not scored.
    """
    scored = [value for value in values if value is not None]
    if not scored or (every and len(scored) < len(values)):
        return None
    return min(scored)


def average(values: Iterable[float | None]) -> float | None:
    """Fold the values of a number: the mean over the repeats that have one; None when none has."""
    scored = [value for value in values if value is not None]
    return math.fsum(scored) / len(scored) if scored else None
