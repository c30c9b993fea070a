"""Paired counts and a margin → the exact p-value of non-inferiority, over all tables that could come out.

Tango's score test keeps its error on average, not always: with rare losses and no gains it passes a
candidate at the margin with up to 7 % at a level of 5 %. Ordering all tables by that score and taking the
worst case over the share of disagreement holds the level in samples of any size.
"""

import math
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, gammaln

from evals.statistics.paired import Pairs, mcnemar, score
from evals.statistics.proportion import check_share

_SHARES: Final = 128
"""Shares of disagreement tried, closer together near the margin, where the worst case mostly lies. With many
times as many, p-values near 5 % rise by less than 0.001."""

_SIGMAS: Final = 7.0
_SLACK: Final = 20.0
"""Counts of losses further from their mean than so many standard deviations and so many cases are left out:
together less likely than 1e-12, by Bernstein's inequality."""

_NEGLIGIBLE: Final = 1e-13
"""So are single counts less likely than this."""

_TOLERANCE: Final = 1e-9
"""Scores closer than this are the same: rounding must not drop the observed table."""


@lru_cache(maxsize=4096)
def p_exact(pairs: Pairs, margin: float) -> float:
    """Compute the exact p-value of "the candidate is worse by `margin` or more", independent cases assumed.

    The unconditional test of Sidik (2003, Statistics in Medicine 22; Berger and Sidik 2003, Statistical
    Methods in Medical Research 12): the chance of a table at least as far above -margin as the one seen, at
    the worst share of disagreement. At margin 0 it is McNemar's exact test, whose chance depends on no such
    share.

    Args:
        pairs: The counts.
        margin: The loss that is still accepted, 0 up to, not including, 1.

    Raises:
        ValueError: `margin` is outside its range.
    """
    if margin == 0:
        return mcnemar(pairs, alternative="greater")
    check_share("margin", margin)
    least = _least_gains(pairs, margin)
    steps = np.linspace(0.0, 1.0, _SHARES) ** 2
    shares = margin + (1 - margin) * steps
    return min(1.0, max(_chance(pairs.total, margin, float(share), least) for share in shares))


def _least_gains(pairs: Pairs, margin: float) -> NDArray[np.int64]:
    """For every count of losses, the fewest gains that score as high as the table seen; too many if none do.

    The score rises with gains, so halving finds them for all counts of losses at once.
    """
    total = pairs.total
    seen = score(total, pairs.better, pairs.worse, -margin) - _TOLERANCE
    losses = np.arange(total + 1)
    low, high = np.zeros(total + 1, dtype=np.int64), total - losses + 1
    while (low < high).any():
        middle = (low + high) // 2
        reached = (_scores(total, middle, losses, -margin) >= seen) | (middle > total - losses)
        high, low = np.where(reached, middle, high), np.where(reached, low, np.minimum(middle + 1, high))
    return high


def _scores(
    total: int, better: NDArray[np.int64], worse: NDArray[np.int64], difference: float
) -> NDArray[np.float64]:
    """Compute `paired.score` for arrays of counts, `difference` below 0."""
    linear = (2 * total - better + worse) * difference - better - worse
    constant = -worse * difference * (1 - difference)
    root = np.sqrt(np.maximum(0.0, linear * linear - 8.0 * total * constant))
    share = (root - linear) / (4.0 * total)  # linear < 0 here, so nothing cancels
    variance = total * (2 * share + difference * (1 - difference))
    gap = better - worse - total * difference
    with np.errstate(divide="ignore", invalid="ignore"):
        scores = gap / np.sqrt(np.maximum(variance, 0.0))
    return np.where(variance > 0, scores, np.where(gap == 0, 0.0, np.copysign(np.inf, gap)))


def _chance(total: int, margin: float, discordance: float, least: NDArray[np.int64]) -> float:
    """Chance of a table with the `least` gains or more, at true difference -margin."""
    worse, better = (discordance + margin) / 2, (discordance - margin) / 2
    reach = _SIGMAS * math.sqrt(total * worse * (1 - worse)) + _SLACK
    first, last = max(0, math.floor(total * worse - reach)), min(total, math.ceil(total * worse + reach))
    losses = np.arange(first, last + 1)
    logs = gammaln(total + 1.0) - gammaln(losses + 1.0) - gammaln(total - losses + 1.0)
    weights = np.exp(logs + losses * math.log(worse) + (total - losses) * math.log1p(-worse))
    counted = (weights > _NEGLIGIBLE) & (least[losses] <= total - losses)
    weights, gains, rest = weights[counted], least[losses[counted]], total - losses[counted]
    share = min(1.0, better / (1 - worse))
    tail = betainc(np.maximum(gains, 1), rest - np.maximum(gains, 1) + 1, share)
    return float((weights * np.where(gains > 0, tail, 1.0)).sum())
