"""How many cases, how large a margin: what a paired comparison can and cannot show, before it is made.

Normal approximations with the variance of paired shares, discordance minus squared difference (Connor 1987,
Biometrics 43), for independent cases. With clusters, take
effective cases. Plans are rough; verdicts come from `noninferiority`.
"""

import math
from typing import Final

from evals.statistics.proportion import cases_for_bound, check_share, quantile, zero_bound

POWER: Final = 0.8
"""The usual chance of showing what is true."""

ALPHA: Final = 0.05


def detectable_difference(
    total: int, discordance: float, *, power: float = POWER, alpha: float = ALPHA, sides: int = 2
) -> float:
    """Compute the smallest true difference that a test of "no difference" finds with chance `power`.

    Args:
        total: Cases both runs answer, at least 1.
        discordance: Share of cases on which the two disagree, above 0 up to 1.
        power: Chance to find it, between 0 and 1.
        alpha: Error of the test, between 0 and 1.
        sides: 1 or 2.

    Returns:
        A difference of shares. One above `discordance` cannot occur: there are too few cases for any.

    Raises:
        ValueError: An argument is outside its range.
    """
    if sides not in (1, 2):
        raise ValueError(f"sides={sides}: give 1 or 2")
    _check(total, discordance)
    if discordance == 0:
        raise ValueError("discordance=0: runs that never disagree do not differ")
    square = _needed(alpha / sides, power) ** 2
    return math.sqrt(square * discordance / (total + square))


def margin_reachable(
    total: int, discordance: float, *, power: float = POWER, alpha: float = ALPHA, difference: float = 0.0
) -> float:
    """Compute the smallest margin at which non-inferiority is shown with chance `power`.

    Args:
        total: Cases, at least 1.
        discordance: Share of cases on which the two disagree, 0 up to 1.
        power: Chance to show it, between 0 and 1.
        alpha: One-sided error, between 0 and 0.5.
        difference: The true difference, candidate minus baseline, within -discordance..discordance.

    Raises:
        ValueError: An argument is outside its range.
    """
    _check(total, discordance, difference)
    spread = math.sqrt((discordance - difference**2) / total)
    return max(margin_floor(total, alpha=alpha), _needed(alpha, power) * spread - difference)


def margin_floor(total: int, *, alpha: float = ALPHA) -> float:
    """Compute the margin that even a run without one regression cannot go below in the gate.

    With true loss m and no gains, no regression in n cases has chance (1 - m)^n: above alpha, nothing is
    shown (`zero_bound`). At alpha below some 2 % `score_floor` is the higher one.

    Raises:
        ValueError: `total` is below 1 or `alpha` not between 0 and 0.5.
    """
    check_share("alpha", alpha, upto=0.5)
    return max(zero_bound(total, confidence=1 - alpha), score_floor(total, alpha=alpha))


def score_floor(total: int, *, alpha: float = ALPHA) -> float:
    """Compute the same floor for Tango's score bound alone: z² / (total + z²).

    At alpha 5 % it lies below `margin_floor`; between the two, the score bound passes candidates whose loss
    is the margin with a chance of up to 7 %, so the gate does not rely on it alone.

    Raises:
        ValueError: `total` is below 1 or `alpha` not between 0 and 0.5.
    """
    _check(total, 0.0)
    check_share("alpha", alpha, upto=0.5)
    square = quantile(1 - alpha) ** 2
    return square / (total + square)


def cases_needed(
    margin: float,
    discordance: float,
    *,
    power: float = POWER,
    alpha: float = ALPHA,
    difference: float = 0.0,
) -> int:
    """Compute how many cases show non-inferiority with chance `power`: the inverse of `margin_reachable`.

    Args:
        margin: The loss that is still accepted, between 0 and 1.
        discordance: Share of cases on which the two disagree, 0 up to 1.
        power: Chance to show it, between 0 and 1.
        alpha: One-sided error, between 0 and 0.5.
        difference: The true difference, candidate minus baseline, above -margin.

    Raises:
        ValueError: An argument is outside its range, or the true loss reaches the margin: nothing to show.
    """
    check_share("margin", margin)
    _check(1, discordance, difference)
    if difference <= -margin:
        raise ValueError(
            f"difference={difference}, margin={margin}: a loss of the margin or more is never fine"
        )
    spread = discordance - difference**2
    by_power = math.ceil(_needed(alpha, power) ** 2 * spread / (margin + difference) ** 2)
    by_score = math.ceil(quantile(1 - alpha) ** 2 * (1 - margin) / margin)  # `score_floor`, solved for cases
    return max(by_power, by_score, cases_for_bound(margin, confidence=1 - alpha))


def _needed(alpha: float, power: float) -> float:
    """Standard errors between what is refuted and what is true."""
    check_share("alpha", alpha, upto=0.5)
    check_share("power", power)
    return quantile(1 - alpha) + quantile(power)


def _check(total: int, discordance: float, difference: float = 0.0) -> None:
    if total < 1:
        raise ValueError(f"total={total}: give at least one case")
    if not 0 <= discordance <= 1 or abs(difference) > discordance:
        raise ValueError(
            f"discordance={discordance}, difference={difference}: give a share, and no difference above it"
        )
