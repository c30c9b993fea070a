"""Differences per case → a percentile interval of their mean, by resampling whole clusters of cases.

For what no formula covers (means of scores, tokens, seconds). It is too narrow for few clusters (below some
40) and for rare events, and has no width where all differences are equal: verdicts on shares of right
answers come from `noninferiority`, which relies on Tango's interval there.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from evals.statistics.cluster import group
from evals.statistics.paired import Interval
from evals.statistics.proportion import CONFIDENCE, check_share

RESAMPLES: Final = 10_000
"""Leaves a limit at 5 % uncertain by about 0.2 % of coverage."""

_BLOCK: Final = 1 << 20
"""Draws held at a time, 8 MB."""


def cluster_bootstrap(
    differences: Sequence[float],
    clusters: Sequence[str],
    *,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
    seed: int,
) -> Interval:
    """Compute the percentile interval of the mean difference (Davison and Hinkley 1997, sections 3.8, 5.3).

    Each resample draws as many clusters as there are, with replacement, and takes the sum of their
    differences over the sum of their sizes. The same seed gives the same interval in whatever order the
    cases come.

    Args:
        differences: Candidate minus baseline, one per case, finite.
        clusters: Each case's cluster, as many.
        confidence: Coverage of both sides together, between 0 and 1.
        resamples: How often to draw, at least 1.
        seed: Of the generator, 0 or more.

    Raises:
        ValueError: An argument is outside its range.
    """
    check_share("confidence", confidence)
    if resamples < 1 or seed < 0:
        raise ValueError(f"resamples={resamples}, seed={seed}: give at least 1 resample and a seed from 0 on")
    groups = group(differences, clusters)
    generator, count = np.random.default_rng(seed), len(groups.sizes)
    rows = max(1, _BLOCK // count)
    means = []
    for start in range(0, resamples, rows):
        drawn = generator.integers(count, size=(min(rows, resamples - start), count))
        means.append(groups.sums[drawn].sum(axis=1) / groups.sizes[drawn].sum(axis=1))
    tail = (1 - confidence) / 2
    low, high = np.quantile(np.concatenate(means), (tail, 1 - tail))
    return Interval(low=float(low), high=float(high))
