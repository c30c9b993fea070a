"""How often the gate passes a candidate whose true loss is the whole margin: `decide`, beside Wald and bootstrap.

    python -m benchmarks.gate [--seed 7] [--replications 500]

The level is 5 %, so 5 is right, less is cautious, more is wrong. Independent cases: every table that can come
out is weighed, so there is no noise but that of the bootstrap's own draws. Clusters: 3 to 10 cases each, losses
and gains of a cluster alike (Dirichlet-multinomial, or whole parts of a cluster falling together), over the
given number of simulated runs; with 500, the standard error of 5 % is 1. `power` is how often the gate passes a
candidate that is as good as the baseline.
"""

import argparse
import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln
from tqdm import tqdm

from evals.statistics.bootstrap import cluster_bootstrap
from evals.statistics.noninferiority import decide
from evals.statistics.paired import Pairs

Counts = NDArray[np.int64]
Z = 1.6448536269514722
RESAMPLES = 1000
INDEPENDENT = [  # cases, discordance, margin
    (30, 0.05, 0.05),
    (50, 0.05, 0.05),
    (55, 0.05, 0.05),
    (100, 0.05, 0.05),
    (100, 0.10, 0.05),
    (200, 0.05, 0.03),
    (500, 0.10, 0.03),
]
CLUSTERED = [  # clusters, likeness, discordance, margin
    (count, alike, discordance, margin)
    for count in (20, 30, 60)
    for alike in (0.1, 0.3)
    for discordance, margin in ((0.05, 0.05), (0.10, 0.05), (0.20, 0.10))
]


@dataclass(frozen=True, kw_only=True)
class Rates:
    """Chances of a better and of a worse case."""

    better: float
    worse: float

    @classmethod
    def of(cls, discordance: float, difference: float) -> "Rates":
        """From the share of disagreement and the true difference."""
        return cls(better=(discordance + difference) / 2, worse=(discordance - difference) / 2)


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One simulated comparison: counts per cluster."""

    sizes: Counts
    better: Counts
    worse: Counts

    @property
    def pairs(self) -> Pairs:
        """The counts over all clusters."""
        return Pairs(total=int(self.sizes.sum()), better=int(self.better.sum()), worse=int(self.worse.sum()))

    @property
    def differences(self) -> list[float]:
        """Per case, cluster by cluster."""
        same = self.sizes - self.better - self.worse
        kinds = np.tile([1.0, -1.0, 0.0], len(self.sizes))
        return list(np.repeat(kinds, np.stack([self.better, self.worse, same], axis=1).ravel()))

    @property
    def clusters(self) -> list[str]:
        """Per case, cluster by cluster."""
        return [str(name) for name in np.repeat(np.arange(len(self.sizes)), self.sizes)]


def passes(sample: Sample, margin: float) -> bool:
    """Ask the gate."""
    return decide(sample.pairs, sample.differences, sample.clusters, margin=margin).verdict == "pass"


def wald(pairs: Pairs, margin: float) -> bool:
    """Ask the textbook interval."""
    share = pairs.discordant / pairs.total
    error = math.sqrt((share - pairs.difference**2) / pairs.total)
    return pairs.difference - Z * error > -margin


@lru_cache(maxsize=100_000)
def bootstrap(pairs: Pairs, margin: float) -> bool:
    """Ask the percentile bootstrap of cases."""
    chances = [pairs.better / pairs.total, pairs.worse / pairs.total]
    drawn = np.random.default_rng(0).multinomial(pairs.total, [*chances, 1 - sum(chances)], size=RESAMPLES)
    return bool(np.quantile((drawn[:, 0] - drawn[:, 1]) / pairs.total, 0.05) > -margin)


def resampled_clusters(sample: Sample, margin: float) -> bool:
    """Ask the percentile bootstrap of clusters."""
    interval = cluster_bootstrap(
        sample.differences, sample.clusters, confidence=0.9, resamples=RESAMPLES, seed=0
    )
    return interval.low > -margin


def exact_rate(total: int, rates: Rates, margin: float, rule: Callable[[Pairs], bool]) -> float:
    """Chance that `rule` passes, over all tables of independent cases; it must not refuse more gains."""
    rate = 0.0
    likely = int(total * rates.worse + 10 * math.sqrt(total * rates.worse) + 10)
    for worse in range(min(total, likely) + 1):
        low, high = 0, total - worse + 1
        while low < high:
            middle = (low + high) // 2
            if rule(Pairs(total=total, better=middle, worse=worse)):
                high = middle
            else:
                low = middle + 1
        rate += sum(_chance(total, better, worse, rates) for better in range(low, total - worse + 1))
    return rate


def _chance(total: int, better: int, worse: int, rates: Rates) -> float:
    same = total - better - worse
    ways = gammaln(total + 1) - gammaln(better + 1) - gammaln(worse + 1) - gammaln(same + 1)
    chances = (rates.better, rates.worse, 1 - rates.better - rates.worse)
    if any(chance <= 0 < count for chance, count in zip(chances, (better, worse, same), strict=True)):
        return 0.0
    logs = (
        count * math.log(chance)
        for chance, count in zip(chances, (better, worse, same), strict=True)
        if count
    )
    return math.exp(float(ways) + sum(logs))


def gate_of_independent(total: int, margin: float) -> Callable[[Pairs], bool]:
    """Make the rule that asks the gate about cases that are clusters of their own."""
    ones = np.ones(total, dtype=np.int64)

    def rule(pairs: Pairs) -> bool:
        better = (np.arange(total) < pairs.better).astype(np.int64)
        worse = (np.arange(total) >= total - pairs.worse).astype(np.int64)
        return passes(Sample(sizes=ones, better=better, worse=worse), margin)

    return rule


def samples(
    count: int, alike: float, rates: Rates, generator: np.random.Generator, replications: int, *, falls: bool
) -> Iterator[Sample]:
    """Draw comparisons of `count` clusters with 3 to 10 cases; `falls`: parts of clusters fall together."""
    for _ in range(replications):
        sizes = generator.integers(3, 11, count)
        chances = np.array([max(rates.better, 1e-12), rates.worse, 1 - rates.better - rates.worse])
        if falls:
            together = generator.binomial(sizes, math.sqrt(alike))
            fate = generator.multinomial(1, chances, size=count)
            drawn = generator.multinomial(sizes - together, chances) + fate * together[:, None]
        else:
            weights = generator.gamma(chances * (1 - alike) / alike, size=(count, 3)) + 1e-300
            drawn = generator.multinomial(sizes, weights / weights.sum(axis=1, keepdims=True))
        yield Sample(sizes=sizes, better=drawn[:, 0], worse=drawn[:, 1])


def rates_of_clustered(drawn: Iterator[Sample], margin: float) -> NDArray[np.float64]:
    """Count how often gate, Wald, bootstrap and cluster bootstrap pass, in percent."""
    verdicts: list[tuple[bool, ...]] = [
        (
            passes(sample, margin),
            wald(sample.pairs, margin),
            bootstrap(sample.pairs, margin),
            resampled_clusters(sample, margin),
        )
        for sample in drawn
    ]
    share: NDArray[np.float64] = np.array(verdicts, dtype=np.float64).mean(axis=0)
    return 100 * share


def report_independent() -> float:
    """Print the table of independent cases; give the highest rate of the gate in percent."""
    print("independent cases\n  cases  disc.  margin |  gate   Wald  bootstrap")
    worst = 0.0
    for total, discordance, margin in INDEPENDENT:
        rates = Rates.of(discordance, -margin)
        gate = 100 * exact_rate(total, rates, margin, gate_of_independent(total, margin))
        peers = [
            100 * exact_rate(total, rates, margin, lambda pairs, rule=rule, m=margin: rule(pairs, m))  # type: ignore[misc]
            for rule in (wald, bootstrap)
        ]
        worst = max(worst, gate)
        print(f"  {total:5} {discordance:6.0%} {margin:7.0%} | {gate:5.1f}  {peers[0]:5.1f}  {peers[1]:9.1f}")
    return worst


def report_clustered(seed: int, replications: int) -> float:
    """Print the tables of clustered cases; give the highest rate of the gate in percent."""
    worst = 0.0
    for falls, title in ((False, "alike by chance"), (True, "falling together")):
        print(f"clusters of 3 to 10 cases, {title}")
        print("  clusters  icc  disc.  margin |  gate   Wald  bootstrap  of clusters | power")
        rows = tqdm(CLUSTERED, disable=not sys.stderr.isatty(), leave=False)
        for count, alike, discordance, margin in rows:
            generator = np.random.default_rng([seed, count, round(100 * alike), round(100 * margin), falls])
            lost, same = Rates.of(discordance, -margin), Rates.of(discordance, 0.0)
            found = rates_of_clustered(
                samples(count, alike, lost, generator, replications, falls=falls), margin
            )
            equal = samples(count, alike, same, generator, replications // 4, falls=falls)
            power = 100 * float(np.mean([passes(sample, margin) for sample in equal]))
            worst = max(worst, float(found[0]))
            print(
                f"  {count:8} {alike:4.1f} {discordance:6.0%} {margin:7.0%} | {found[0]:5.1f}  {found[1]:5.1f}"
                f"  {found[2]:9.1f}  {found[3]:11.1f} | {power:5.0f}"
            )
    return worst


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--replications", type=int, default=500)
    given = parser.parse_args()
    print("chance to pass a candidate whose true loss is the margin, in percent; the level is 5")
    worst = max(report_independent(), report_clustered(given.seed, given.replications))
    print(f"highest rate of the gate: {worst:.1f} %")


if __name__ == "__main__":
    main()
