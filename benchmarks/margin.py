"""How often the gate passes a prompt that is as good as the one in production, margin by margin.

    python -m benchmarks.margin [--cases 375] [--clusters 120] [--seed 7] [--replications 400]

What `evals/policy.toml` rests on: a margin that equal prompts seldom pass makes the gate useless. Simulated
runs differ on `discordance` of the cases, as often for the better as for the worse; `likeness` is the share of
pairs of one cluster that fall together. With 400 replications the standard error of 80 % is 2. The last row is a prompt
whose true loss is the margin: it should pass at most 5 times in 100.
"""

import argparse
import math
import sys
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from evals.policy import load_policy
from evals.statistics import Pairs, margin_floor, margin_reachable
from evals.statistics.noninferiority import decide

MARGINS = (0.03, 0.04, 0.05, 0.06, 0.08)
SAFE_SHARE = 4
"""Every fourth case is truly safe: what the guard of safe recall is asked of."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """How the runs of one cell are drawn."""

    cases: int
    clusters: int
    discordance: float
    likeness: float
    loss: float = 0.0

    def draw(self, random: np.random.Generator) -> tuple[list[float], list[str]]:
        """Draw the differences of one run and their clusters: a case takes its cluster's draw, or its own."""
        place = np.arange(self.cases) % self.clusters
        shared = random.random(self.cases) < math.sqrt(self.likeness)
        draw = np.where(shared, random.random(self.clusters)[place], random.random(self.cases))
        worse, better = (self.discordance + self.loss) / 2, (self.discordance - self.loss) / 2
        values = np.where(draw < worse, -1.0, np.where(draw > 1 - better, 1.0, 0.0))
        return values.tolist(), [str(number) for number in place]


def passes(setting: Setting, margin: float, options: argparse.Namespace) -> float:
    """Give the share of simulated runs that pass, in percent."""
    random = np.random.default_rng(options.seed)
    passed = 0
    for _ in range(options.replications):
        values, clusters = setting.draw(random)
        pairs = Pairs(total=len(values), better=values.count(1.0), worse=values.count(-1.0))
        passed += decide(pairs, values, clusters, margin=margin).verdict == "pass"
    return 100 * passed / options.replications


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description="How often the gate passes a prompt that is as good.")
    for name, default in (("cases", 375), ("clusters", 120), ("seed", 7), ("replications", 400)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    print(f"{options.cases} cases, {options.clusters} clusters, seed {options.seed}")
    print(f"no regression at all shows a margin of {100 * margin_floor(options.cases):.2f} pp")
    for discordance in (0.05, 0.1, 0.15):
        reachable = 100 * margin_reachable(options.cases, discordance)
        print(
            f"discordance {discordance:.0%}: independent cases reach {reachable:.1f} pp with a chance of 80 %"
        )
    print("\npasses of equal prompts, %\nlikeness discordance " + " ".join(f"{m:>6.0%}" for m in MARGINS))
    cells = [(likeness, discordance) for likeness in (0.0, 0.3) for discordance in (0.05, 0.1, 0.15)]
    for likeness, discordance in tqdm(cells, file=sys.stderr, disable=None):
        setting = Setting(
            cases=options.cases, clusters=options.clusters, discordance=discordance, likeness=likeness
        )
        shares = [passes(setting, margin, options) for margin in MARGINS]
        print(f"{likeness:>8} {discordance:>11.0%} " + " ".join(f"{share:>6.0f}" for share in shares))
    print_limits(options)


def print_limits(options: argparse.Namespace) -> None:
    """Print what the policy's own margins do."""
    policy = load_policy()
    margin, few = policy.guards["safe_recall"], options.cases // SAFE_SHARE
    for discordance in (0.05, 0.1):
        setting = Setting(
            cases=few, clusters=min(options.clusters, few), discordance=discordance, likeness=0.3
        )
        share = passes(setting, margin, options)
        print(f"safe recall, margin {margin:.0%}, likeness 0.3, discordance {discordance:.0%}: {share:.0f} %")
    margin = policy.primary.margin or 0.0
    setting = Setting(
        cases=options.cases, clusters=options.clusters, discordance=0.1, likeness=0.3, loss=margin
    )
    share = passes(setting, margin, options)
    print(f"true loss = margin = {margin:.0%}, likeness 0.3, discordance 10%: {share:.0f} %")


if __name__ == "__main__":
    main()
