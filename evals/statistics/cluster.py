"""Cases in clusters (a template, an incident) → how much less they tell than independent ones.

Two ways, for differences per case: a t interval from the spread between clusters, and an effective number
of cases for formulas that assume independence. The t interval alone is too narrow when what is rare has
been seen in few clusters or in none; the effective number assumes the worst until the data show otherwise.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

from evals.statistics.paired import Interval
from evals.statistics.proportion import CONFIDENCE, check_share, quantile, score_limits

Floats = NDArray[np.float64]

LIKENESS_CONFIDENCE: Final = 0.95
"""Of the upper limit of likeness. At 0.9 and less, simulated error rates of the gate exceed 5.5 % in settings
with rare losses (`benchmarks/gate.py`); higher costs power where clusters are few."""


@dataclass(frozen=True, kw_only=True)
class Groups:
    """Differences summed by cluster, all of one length: the number of clusters."""

    sizes: Floats
    """Cases of each cluster, at least 1."""
    sums: Floats
    squares: Floats
    """Sums of squared differences."""

    @property
    def total(self) -> float:
        """Number of cases."""
        return float(self.sizes.sum())

    @property
    def mean(self) -> float:
        """Mean difference per case, clusters weighing as many cases as they hold."""
        return float(self.sums.sum() / self.sizes.sum())

    @property
    def standard_error(self) -> float:
        """Of the mean, robust to likeness within clusters; needs two of them."""
        count = len(self.sizes)
        residuals = self.sums - self.mean * self.sizes
        return math.sqrt(float((residuals**2).sum()) * count / (count - 1)) / self.total


def group(differences: Sequence[float], clusters: Sequence[str]) -> Groups:
    """Sum differences by cluster.

    Args:
        differences: Candidate minus baseline, one per case, finite.
        clusters: Each case's cluster, as many.

    Raises:
        ValueError: There is no case, the lengths differ, or a difference is no finite number.
    """
    values = np.asarray(differences, dtype=np.float64)
    if len(values) != len(clusters) or not len(values):
        raise ValueError(
            f"{len(values)} differences, {len(clusters)} clusters: give one cluster per case, and a case"
        )
    if not np.isfinite(values).all():
        raise ValueError("a difference is no finite number: give every case a score in both runs")
    numbers = {name: number for number, name in enumerate(sorted(set(clusters)))}
    places = np.array([numbers[name] for name in clusters])
    sizes, sums, squares = (
        np.bincount(places, weights=weights).astype(np.float64)
        for weights in (np.ones_like(values), values, values**2)
    )
    return Groups(sizes=sizes, sums=sums, squares=squares)


def cluster_interval(
    differences: Sequence[float], clusters: Sequence[str], *, confidence: float = CONFIDENCE
) -> Interval:
    """Compute the cluster-robust t interval of the mean difference, with C - 1 degrees of freedom.

    Source: Cameron and Miller 2015, Journal of Human Resources 50; for evaluations Miller 2024, arXiv
    2411.00640, appendix A. Too narrow below some 40 clusters and for rare events; of no width if all clusters
    have the same mean.

    Args:
        differences: Candidate minus baseline, one per case, finite.
        clusters: Each case's cluster, as many; at least two different ones.
        confidence: Coverage of both sides together, between 0 and 1.

    Raises:
        ValueError: An argument is outside its range, or there is one cluster only.
    """
    check_share("confidence", confidence)
    groups = group(differences, clusters)
    if len(groups.sizes) < 2:
        raise ValueError("one cluster: its spread is unknown, give cases of at least two")
    return robust_interval(groups, confidence)


def robust_interval(groups: Groups, confidence: float) -> Interval:
    """Compute what `cluster_interval` does, from sums of at least two clusters."""
    half = float(stdtrit(len(groups.sizes) - 1, (1 + confidence) / 2)) * groups.standard_error
    return Interval(low=groups.mean - half, high=groups.mean + half)


def robust_p(groups: Groups, difference: float) -> float:
    """Compute the one-sided p-value of "the true mean difference is at most `difference`".

    Needs two clusters. With no spread at all it is 0, 1, or 1/2 when the mean is that difference.
    """
    gap, error = groups.mean - difference, groups.standard_error
    if error == 0:
        return 0.5 - 0.5 * float(np.sign(gap))
    return float(stdtr(len(groups.sizes) - 1, -gap / error))


@dataclass(frozen=True, kw_only=True)
class Likeness:
    """How much alike the differences within a cluster are, and how well that is known."""

    observed: float
    """Of the other cases in the cluster of one with a difference, the net share that differ like it, 0..1."""
    evidence: float
    """Clusters of two cases or more in which there is a difference."""
    spread: float
    """Other cases in the cluster of a case, on average: sum of squared sizes / cases - 1."""

    def upper(self, growth: float = 1.0) -> float:
        """Give the upper limit of likeness, were there `growth` times as many clusters of the same kind.

        Wilson's limit of `observed` with `evidence` as the sample size; 1, the worst there can be, without
        any.
        """
        size = self.evidence * growth
        if size <= 0:
            return 1.0
        return score_limits(self.observed, size, quantile(LIKENESS_CONFIDENCE))[1]

    def effect(self, growth: float = 1.0) -> float:
        """Give the design effect, at least 1: cases per effective case (Kish 1965, Survey Sampling)."""
        return 1 + self.spread * self.upper(growth)


def likeness(groups: Groups) -> Likeness:
    """Measure how alike the differences within clusters are, from the products of all pairs in a cluster.

    Dividing counts and cases by the design effect is the remedy of Rao and Scott (1992, Biometrics 48);
    taking a limit instead of the estimate is ours: losses are rare, and where few are seen, their likeness
    is unknown.
    """
    products = float((groups.sums**2 - groups.squares).sum())
    most = float(((groups.sizes - 1) * groups.squares).sum())
    return Likeness(
        observed=min(1.0, max(0.0, products / most)) if most > 0 else 0.0,
        evidence=float(((groups.squares > 0) & (groups.sizes > 1)).sum()),
        spread=float((groups.sizes**2).sum()) / groups.total - 1,
    )
