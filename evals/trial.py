"""Candidate against baseline by one metric, under a policy → a check. Pure.

The decision itself (Tango's interval, an exact test and the clusters must all agree; too few clusters give
none) is made in `evals.statistics.noninferiority`. Guards are claims side by side: each is held only when its
p value survives Holm's adjustment over all of them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from evals.criterion import Check, Verdict
from evals.pairing import BY_NAME, Paired, pair_metric
from evals.policy import Policy
from evals.run import Run
from evals.statistics import Pairs, holm

if TYPE_CHECKING:
    from evals.statistics.noninferiority import Decision

NO_BASELINE: Final = (
    "no baseline: give --baseline, the run of the prompt in production, or of the rules before one is proven"
)


@dataclass(frozen=True, kw_only=True)
class _Trial:
    check: Check
    p: float | None


def primary(candidate: Run, baseline: Run | None, policy: Policy) -> Check:
    """Ask whether the candidate is better, or no worse than by the margin."""
    asked = policy.primary
    name = f"primary: {asked.metric}"
    if baseline is None:
        return Check(name=name, verdict=Verdict.INCONCLUSIVE, reason=NO_BASELINE)
    paired = pair_metric(baseline, candidate, BY_NAME[asked.metric])
    return _try(name, paired, asked.margin, policy).check


def guards(candidate: Run, baseline: Run | None, policy: Policy) -> Iterator[Check]:
    """Ask of every guard whether the candidate is no worse than by its margin."""
    if baseline is None:
        for metric in policy.guards:
            yield Check(name=f"guard: {metric}", verdict=Verdict.INCONCLUSIVE, reason=NO_BASELINE)
        return
    trials = {
        metric: _try(f"guard: {metric}", pair_metric(baseline, candidate, BY_NAME[metric]), margin, policy)
        for metric, margin in policy.guards.items()
    }
    adjusted = holm({metric: trial.p for metric, trial in trials.items() if trial.p is not None})
    for metric, trial in trials.items():
        yield _held(trial.check, adjusted.get(metric), policy)


def _held(check: Check, p: float | None, policy: Policy) -> Check:
    if check.verdict is not Verdict.PASS or p is None or p <= policy.alpha:
        return check
    reason = f"{check.reason}; but beside the other guards p = {p:.3f} is above {policy.alpha:g} (Holm)"
    return check.model_copy(update={"verdict": Verdict.INCONCLUSIVE, "reason": reason})


def _try(name: str, paired: Paired, margin: float | None, policy: Policy) -> _Trial:
    limit = -(margin or 0.0)
    if not paired.total:
        reason = "no case was scored in both runs; add cases that ask for it"
        return _Trial(
            check=Check(name=name, verdict=Verdict.INCONCLUSIVE, limit=limit, reason=reason), p=None
        )
    made = _decide(paired, margin, policy)
    check = Check(
        name=name,
        verdict=Verdict(made.verdict.upper()),
        measured=made.difference,
        bound=min(made.tango.low, made.cluster.low),
        limit=limit,
        reason=made.reason,
        more_cases=made.more_cases,
    )
    return _Trial(check=check, p=made.p_value)


def _decide(paired: Paired, margin: float | None, policy: Policy) -> "Decision":
    from evals.statistics.noninferiority import decide, superior  # noqa: PLC0415 (scipy takes a second)

    pairs = Pairs(total=paired.total, better=paired.won, worse=paired.lost)
    values, clusters = paired.differences, paired.clusters
    if margin is None:
        return superior(pairs, values, clusters, alpha=policy.alpha, min_clusters=policy.min_clusters)
    return decide(
        pairs, values, clusters, margin=margin, alpha=policy.alpha, min_clusters=policy.min_clusters
    )
