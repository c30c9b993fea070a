"""Exact intervals for proportions, with the standard library alone."""

import math
from collections.abc import Callable
from typing import Final

CONFIDENCE: Final = 0.95
"""Two-sided, as published tables give it."""

_STEPS: Final = 60
"""Halvings of [0, 1]: below 1e-18, finer than a float near 1."""


def clopper_pearson(successes: int, total: int, *, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Compute the exact two-sided interval of a proportion (Clopper and Pearson 1934, Biometrika 26).

    Each limit is the share at which the observed count or a more extreme one has chance (1 - confidence) / 2.

    Args:
        successes: Events seen, 0..total.
        total: Trials, at least 1.
        confidence: Coverage, between 0 and 1.

    Returns:
        The lower and the upper limit, each within 0..1.

    Raises:
        ValueError: The counts are no counts of one sample.
    """
    if not 0 <= successes <= total or total < 1:
        raise ValueError(f"successes={successes}, total={total}: give 0 <= successes <= total and total >= 1")
    tail = (1 - confidence) / 2
    low, high = 0.0, 1.0
    if successes > 0:
        low = _bisect(lambda share: _upper_tail(successes, total, share) < tail)
    if successes < total:
        high = 1 - _bisect(lambda share: _upper_tail(total - successes, total, share) < tail)
    return low, high


def _upper_tail(successes: int, total: int, share: float) -> float:
    """Chance of at least `successes` events in `total` trials of chance `share`."""
    hit, miss = math.log(share), math.log1p(-share)
    return math.fsum(
        math.exp(math.log(math.comb(total, count)) + count * hit + (total - count) * miss)
        for count in range(successes, total + 1)
    )


def _bisect(below: Callable[[float], bool]) -> float:
    """Find where a rising function crosses: `below` is true left of it and false right of it."""
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if middle in (low, high) or middle in (0.0, 1.0):
            break
        low, high = (middle, high) if below(middle) else (low, middle)
    return (low + high) / 2
