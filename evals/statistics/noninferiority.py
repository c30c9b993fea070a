"""Paired answers, their clusters and a margin → pass, fail or inconclusive, with the numbers that decided it.

Three tests must agree, and the largest of their p-values counts: Tango's score, the same score enumerated
exactly (`enumeration`), and the clusters (`cluster`: Tango at the effective number of cases, and the robust
t). The simulations that led to this are in `benchmarks/gate.py`. Known limit: where whole clusters of ten
cases or more fall together while other losses are scattered singly, the error at a level of 5 % can reach
10 %.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from evals.statistics.cluster import Groups, Likeness, group, likeness, robust_interval, robust_p
from evals.statistics.enumeration import p_exact
from evals.statistics.paired import Interval, Pairs, score, score_interval, tango
from evals.statistics.power import ALPHA, POWER
from evals.statistics.proportion import check_share, quantile

Verdict = Literal["pass", "fail", "inconclusive"]

MIN_CLUSTERS: Final = 20
"""Below, the spread between clusters is guesswork, whatever the formula (Cameron and Miller 2015, VI)."""

_MOST_GROWTH: Final = 1000.0
"""More than this many times the cases is no advice."""

_HALVINGS: Final = 40

_ROUNDING: Final = 1e-6
"""Of a number of cases: what floats add to a whole number makes no case."""


@dataclass(frozen=True, kw_only=True)
class Decision:
    """A verdict and what it rests on. Differences are shares, candidate minus baseline."""

    verdict: Verdict
    margin: float
    difference: float
    p_value: float
    """Of non-inferiority (margin 0: superiority), the largest of all tests: at most alpha in a pass. It is
    what Holm's adjustment takes."""
    tango: Interval
    """Limits for independent cases, each one-sided at alpha."""
    cluster: Interval
    """Limits that allow for clusters, each one-sided at alpha: the outer of both ways."""
    cases: int
    clusters: int
    effective_cases: float
    """As many independent cases would tell as much; a cautious estimate."""
    reason: str
    """One sentence for a report."""
    more_cases: int | None
    """Of an inconclusive verdict: further cases, in clusters like these, for a verdict with chance 0.8 if the
    rates seen are the true ones. None: not inconclusive, or no realistic number does it."""


def decide(
    pairs: Pairs,
    differences: Sequence[float],
    clusters: Sequence[str],
    *,
    margin: float,
    alpha: float = ALPHA,
    min_clusters: int = MIN_CLUSTERS,
) -> Decision:
    """Decide whether the candidate is worse than the baseline by less than `margin`.

    Pass: both lower limits lie above -margin and the exact test agrees. Fail: both upper limits lie below
    0, McNemar's exact test agrees, and the loss seen is the margin or more; a candidate without a true loss
    fails with a chance of at most alpha. Otherwise inconclusive, as with fewer than `min_clusters`
    clusters. The reading of intervals follows CONSORT (Piaggio et al. 2012, JAMA 308); there, a loss must
    exceed the margin for certain, not only as seen, to be called inferior: here that would ask for more
    cases of a proven loss.

    Args:
        pairs: The counts.
        differences: Candidate minus baseline per case, within -1..1: -1, 0, 1, or means over repeats.
        clusters: Each case's cluster: cases of one template or incident are not independent.
        margin: The loss that is still accepted, between 0 and 1.
        alpha: One-sided error, between 0 and 0.5.
        min_clusters: Fewest clusters that allow a verdict, at least 2.

    Raises:
        ValueError: An argument is outside its range, or counts and differences do not fit together.
    """
    check_share("margin", margin)
    return _decide(pairs, differences, clusters, margin=margin, alpha=alpha, min_clusters=min_clusters)


def superior(
    pairs: Pairs,
    differences: Sequence[float],
    clusters: Sequence[str],
    *,
    alpha: float = ALPHA,
    min_clusters: int = MIN_CLUSTERS,
) -> Decision:
    """Decide whether the candidate is better than the baseline: `decide` with a margin of 0.

    After a pass of `decide` it may be asked at the same alpha, without adjustment (closed testing: Morikawa
    and Yoshida 1995, J. Biopharmaceutical Statistics 5). Arguments and errors as there.
    """
    return _decide(pairs, differences, clusters, margin=0.0, alpha=alpha, min_clusters=min_clusters)


def p_noninferior(pairs: Pairs, margin: float) -> float:
    """Compute the one-sided p-value of Tango's score test of "worse by `margin` or more", cases independent.

    `Decision.p_value` is never smaller and holds for clusters too; `enumeration.p_exact` is the exact one.

    Raises:
        ValueError: `margin` is not 0 or between 0 and 1.
    """
    if margin:
        check_share("margin", margin)
    return _normal_tail(score(pairs.total, pairs.better, pairs.worse, -margin))


def _decide(
    pairs: Pairs,
    differences: Sequence[float],
    clusters: Sequence[str],
    *,
    margin: float,
    alpha: float,
    min_clusters: int,
) -> Decision:
    check_share("alpha", alpha, upto=0.5)
    if min_clusters < 2:
        raise ValueError(f"min_clusters={min_clusters}: one cluster tells nothing of others, give at least 2")
    groups = group(differences, clusters)
    _check_fit(pairs, differences)
    alike = likeness(groups)
    gain = _p_value(pairs, groups, alike, margin)
    loss = _p_value(pairs.swapped, _mirrored(groups), alike, 0.0)
    enough = len(groups.sizes) >= min_clusters
    verdict: Verdict = "inconclusive"
    if enough and gain <= alpha:
        verdict = "pass"
    elif enough and loss <= alpha and pairs.difference <= -margin:
        verdict = "fail"
    limits = _cluster_limits(pairs, groups, alike, alpha)
    reason = f"{_seen(pairs)} in {len(groups.sizes)} clusters: fewer than {min_clusters} allow no verdict"
    growth = max(1.0, min_clusters / len(groups.sizes))
    return Decision(
        verdict=verdict,
        margin=margin,
        difference=pairs.difference,
        p_value=gain,
        tango=tango(pairs, confidence=1 - 2 * alpha),
        cluster=limits,
        cases=pairs.total,
        clusters=len(groups.sizes),
        effective_cases=pairs.total / alike.effect(),
        reason=_reason(verdict, pairs, margin, limits.low, gain) if enough else reason,
        more_cases=_more_cases(pairs, groups, margin, alpha, growth) if verdict == "inconclusive" else None,
    )


def _check_fit(pairs: Pairs, differences: Sequence[float]) -> None:
    if len(differences) != pairs.total:
        raise ValueError(f"{pairs.total} cases counted, {len(differences)} differences: give one per case")
    if not all(-1 <= value <= 1 for value in differences):
        raise ValueError("a difference lies outside -1..1: give differences of shares")
    better, worse = sum(value == 1 for value in differences), sum(value == -1 for value in differences)
    whole = better + worse + sum(value == 0 for value in differences) == pairs.total
    if whole and (better, worse) != (pairs.better, pairs.worse):
        raise ValueError(
            f"counted better={pairs.better}, worse={pairs.worse}; the differences say {better} and {worse}"
        )


def _p_value(pairs: Pairs, groups: Groups, alike: Likeness, margin: float) -> float:
    """Largest p-value of "worse by `margin` or more"; 1 where a single cluster says nothing of others."""
    if len(groups.sizes) < 2:
        return 1.0
    effect = alike.effect()
    counts = (pairs.total / effect, pairs.better / effect, pairs.worse / effect)
    return max(
        p_noninferior(pairs, margin),
        p_exact(pairs, margin),
        _normal_tail(score(*counts, -margin)),
        robust_p(groups, -margin),
    )


def _mirrored(groups: Groups) -> Groups:
    return Groups(sizes=groups.sizes, sums=-groups.sums, squares=groups.squares)


def _cluster_limits(pairs: Pairs, groups: Groups, alike: Likeness, alpha: float) -> Interval:
    if len(groups.sizes) < 2:
        return Interval(low=-1.0, high=1.0)
    effect = alike.effect()
    counts = (pairs.total / effect, pairs.better / effect, pairs.worse / effect)
    first = score_interval(*counts, quantile(1 - alpha))
    second = robust_interval(groups, 1 - 2 * alpha)
    return Interval(low=max(-1.0, min(first.low, second.low)), high=min(1.0, max(first.high, second.high)))


def _reason(verdict: Verdict, pairs: Pairs, margin: float, low: float, p_value: float) -> str:
    if verdict == "fail":
        return f"{_seen(pairs)}: shown to be worse than the baseline, and as seen by the margin or more"
    goal = f"worse by less than {100 * margin:g} pp" if margin else "better"
    numbers = f"lower limit {100 * low:+.1f} pp, p = {p_value:.2g}"
    return f"{_seen(pairs)}: {'' if verdict == 'pass' else 'not '}shown to be {goal} ({numbers})"


def _seen(pairs: Pairs) -> str:
    change = f"{100 * pairs.difference:+.1f} pp"
    return f"{pairs.better} better, {pairs.worse} worse of {pairs.total} cases ({change})"


def _more_cases(pairs: Pairs, groups: Groups, margin: float, alpha: float, least: float) -> int | None:
    """Search the smallest growth from `least` on that gives a verdict with chance `POWER` at these rates."""
    needed = quantile(1 - alpha) + quantile(POWER)
    alike, subject, sums, target = likeness(groups), pairs, groups, -margin
    if pairs.difference <= -margin:
        subject, sums, target = pairs.swapped, _mirrored(groups), 0.0
    error = sums.standard_error if len(sums.sizes) > 1 else 0.0

    def enough(growth: float) -> bool:
        size = growth / alike.effect(growth)
        by_count = score(subject.total * size, subject.better * size, subject.worse * size, target)
        return by_count >= needed and (sums.mean - target) * math.sqrt(growth) >= needed * error

    low, high = least, _MOST_GROWTH
    if not enough(high):
        return None
    if enough(low):
        high = low
    for _ in range(_HALVINGS):
        middle = math.sqrt(low * high)
        low, high = (low, middle) if enough(middle) else (middle, high)
    return max(1, math.ceil(pairs.total * high - _ROUNDING) - pairs.total)


def _normal_tail(z: float) -> float:
    """Chance of a standard normal value of `z` or more."""
    return 0.5 * math.erfc(z / math.sqrt(2))
