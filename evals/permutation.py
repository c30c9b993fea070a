"""Paired differences in clusters → the chance of a mean as far from zero if signs meant nothing. Pure.

When two runs do not differ, every cluster's difference could as well have the other sign. The test turns the
signs of whole clusters, so that cases of one template or incident stay together; it asks for no normal
distribution. With one cluster it can never reject: the p value is then 1.
"""

from collections.abc import Hashable, Sequence
from typing import Final

import numpy as np

_BLOCK: Final = 1 << 20
"""Signs drawn at once; bounds the memory whatever the number of clusters."""


def sign_flip(
    differences: Sequence[float], clusters: Sequence[Hashable], *, resamples: int, seed: int
) -> float:
    """Compute the two-sided p value of a mean difference by turning signs of clusters at random.

    The observed order counts as one of the draws, (hits + 1) / (resamples + 1), so p is never 0 and the test
    keeps its level (Phipson and Smyth 2010, Statistical Applications in Genetics and Molecular Biology 9).

    Args:
        differences: one per case.
        clusters: of each case, in the same order.
        resamples: draws, at least 1.
        seed: of the draws.

    Returns:
        p, above 0 and at most 1.

    Raises:
        ValueError: the lengths differ, or there is nothing.
    """
    if not differences or len(differences) != len(clusters) or resamples < 1:
        raise ValueError(f"{len(differences)} differences, {len(clusters)} clusters, {resamples} resamples")
    sums: dict[Hashable, float] = {}
    for cluster, difference in zip(clusters, differences, strict=True):
        sums[cluster] = sums.get(cluster, 0.0) + difference
    values = np.fromiter(sums.values(), dtype=float)
    scale = float(np.abs(values).sum())
    if not scale:
        return 1.0
    # A sum of the same numbers in another order may differ in its last digits.
    observed = abs(float(values.sum())) - 1e-12 * scale
    random = np.random.default_rng(seed)
    hits, left, block = 0, resamples, max(_BLOCK // len(values), 1)
    while left:
        count = min(left, block)
        signs = random.integers(0, 2, size=(count, len(values)), dtype=np.int8) * 2 - 1
        hits += int((np.abs(signs @ values) >= observed).sum())
        left -= count
    return (hits + 1) / (resamples + 1)
