"""Events in a sample → intervals of their share: exact, score, and the bound when there was none.

Standard library alone: a sum of a few hundred terms takes less time than scipy takes to load. Trials are
taken as independent; where several come from one source, count sources.
"""

import math
from statistics import NormalDist
from typing import Final

CONFIDENCE: Final = 0.95
"""As published tables give it."""

_STEPS: Final = 100
"""Halvings of an interval within [0, 1]: floats run out earlier, the search stops there."""

_NEGLIGIBLE: Final = 1e-18
"""A term of this share of its sum no longer changes a float."""


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
        ValueError: The counts are no counts of one sample, or `confidence` is no share.
    """
    _check(successes, total, confidence)
    tail = (1 - confidence) / 2
    return _lower_limit(successes, total, tail), 1 - _lower_limit(total - successes, total, tail)


def wilson(successes: int, total: int, *, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Compute the two-sided score interval of a proportion (Wilson 1927, JASA 22).

    Narrower than the exact one, and right on average instead of always: for display, not for limits that must
    hold. Arguments, result and errors as for `clopper_pearson`.
    """
    _check(successes, total, confidence)
    z = quantile((1 + confidence) / 2)
    low, high = score_limits(successes / total, total, z)
    return (0.0 if successes == 0 else low), (1.0 if successes == total else high)


def score_limits(share: float, total: float, z: float) -> tuple[float, float]:
    """Compute Wilson's limits of an observed share for any sample size above 0, a broken one too.

    Korn and Graubard (1998, Survey Methodology 24) put effective sample sizes into intervals like this.
    """
    shrink = 1 + z * z / total
    centre = share + z * z / (2 * total)
    half = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    return max(0.0, (centre - half) / shrink), min(1.0, (centre + half) / shrink)


def zero_bound(total: int, *, confidence: float = CONFIDENCE) -> float:
    """Compute the exact one-sided upper bound of a share of which no event was seen.

    It solves (1 - share)^total = 1 - confidence; at 95 % about 3 / total, the rule of three (Jovanovic and
    Levy 1997, American Statistician 51).

    Args:
        total: Trials without an event, at least 1.
        confidence: Chance that the bound is above the true share, between 0 and 1.

    Raises:
        ValueError: `total` is below 1 or `confidence` is no share.
    """
    _check(0, total, confidence)
    return -math.expm1(math.log1p(-confidence) / total)


def cases_for_bound(limit: float, *, confidence: float = CONFIDENCE) -> int:
    """Compute how many trials without an event bring `zero_bound` down to `limit` (between 0 and 1).

    Raises:
        ValueError: `limit` or `confidence` is not between 0 and 1.
    """
    check_share("limit", limit)
    check_share("confidence", confidence)
    total = max(1, math.ceil(math.log1p(-confidence) / math.log1p(-limit)))
    # The division may land a hair above or below a whole number.
    while total > 1 and zero_bound(total - 1, confidence=confidence) <= limit:
        total -= 1
    return total if zero_bound(total, confidence=confidence) <= limit else total + 1


def quantile(share: float) -> float:
    """Give the standard normal quantile; `share` between 0 and 1."""
    return NormalDist().inv_cdf(share)


def check_share(name: str, value: float, *, upto: float = 1.0) -> None:
    """Raise a ValueError that names the argument unless it lies between 0 and `upto`, both excluded."""
    if not 0 < value < upto:
        raise ValueError(f"{name}={value}: give a number between 0 and {upto:g}")


def _check(successes: int, total: int, confidence: float) -> None:
    if not 0 <= successes <= total or total < 1:
        raise ValueError(f"successes={successes}, total={total}: give 0 <= successes <= total and total >= 1")
    check_share("confidence", confidence)


def _lower_limit(successes: int, total: int, tail: float) -> float:
    """Find the share at which `successes` or more have chance `tail`; 0 without successes.

    At share successes / total that chance is at least one half, so the limit lies below.
    """
    low, high = 0.0, successes / total
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if _upper_tail(successes, total, middle) < tail else (low, middle)
    return (low + high) / 2


def _upper_tail(successes: int, total: int, share: float) -> float:
    """Chance of at least `successes` events in `total` trials of chance `share` < successes / total.

    Terms fall from the first on there, each a known ratio of the one before.
    """
    ways = math.lgamma(total + 1) - math.lgamma(successes + 1) - math.lgamma(total - successes + 1)
    term = math.exp(ways + successes * math.log(share) + (total - successes) * math.log1p(-share))
    chance, odds = term, share / (1 - share)
    for count in range(successes, total):
        term *= (total - count) / (count + 1) * odds
        chance += term
        if term < chance * _NEGLIGIBLE:
            break
    return chance
