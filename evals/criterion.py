"""One question of the policy and the runs → a check: measured value, bound, limit, verdict, reason. Pure.

Three answers: PASS, what was asked is shown; FAIL, the opposite is shown or the limit is broken;
INCONCLUSIVE, these cases show neither, with the number of further ones where it can be computed. Without data
nothing passes.
"""

import math
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Final

from diagnose.diagnosis import Status
from evals.fold import cases
from evals.metric import measure
from evals.pairing import BY_NAME, fold, is_answered
from evals.policy import Ceilings, Policy
from evals.run import Row, Run, Stored
from evals.statistics import cases_for_bound, clopper_pearson, zero_bound

MAX_CASES: Final = 50
"""Failed cases that a check names; the run has all."""


class Verdict(StrEnum):
    """What a check, or the gate, says."""

    PASS = "PASS"  # noqa: S105 (a verdict)
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"


class FailedCase(Stored):
    """A case that broke a limit."""

    case_id: str
    reason: str


class Check(Stored):
    """One question and its answer."""

    name: str
    verdict: Verdict
    measured: float | None = None
    bound: float | None = None
    """The end of the interval that was held against the limit."""
    limit: float | None = None
    reason: str
    more_cases: int | None = None
    """How many further ones it would take; None where more would not help or no number is known."""
    failed: tuple[FailedCase, ...] = ()


def completeness(run: Run, policy: Policy, *, name: str = "completeness") -> Check:
    """Ask that nearly every planned answer came without an error."""
    share, limit = run.completeness, policy.min_completeness
    errors = sorted({row.error for row in run.rows if row.error})
    why = f"; the first: {errors[0]}; run the errored cases again" if errors else ""
    reason = f"{share:.2%} of {run.identity.planned} answers came without an error, needed {limit:.2%}{why}"
    verdict = Verdict.PASS if share >= limit else Verdict.INCONCLUSIVE
    return Check(name=name, verdict=verdict, measured=share, limit=limit, reason=reason)


def answered(run: Run, policy: Policy, *, name: str = "answered by the model") -> Check:
    """Ask that the verdicts are the model's own: the rules answer where a model could not, and often well."""
    limit, total = policy.min_completeness, run.identity.planned
    own = sum(_is_own(row, run) for row in run.rows)
    endings = [row.diagnosis.status for row in run.rows if row.diagnosis and not _is_own(row, run)]
    told = ", ".join(f"{endings.count(status)} {status}" for status in sorted(set(endings)))
    reason = f"{own} of {total} verdicts are the model's own, needed {limit:.2%}"
    reason += f"; of the others {told}" if told else ""
    share = own / total
    verdict = Verdict.PASS if share >= limit else Verdict.INCONCLUSIVE
    if endings.count(Status.PARSE_ERROR) > (1 - limit) * total:
        verdict, reason = Verdict.FAIL, f"{reason}: the prompt does not get valid replies"
    return Check(name=name, verdict=verdict, measured=share, limit=limit, reason=reason)


def _is_own(row: Row, run: Run) -> bool:
    return row.diagnosis is not None and row.diagnosis.model_id == run.identity.model_id


def origins(run: Run, policy: Policy) -> Iterator[Check]:
    """Ask that enough cases are of the origins that a generator can't stand in for."""
    groups = cases(run.rows)
    total = len(groups)
    for origin, limit in policy.origins.items():
        count = sum(group[0].origin == origin for group in groups)
        more = max(math.ceil((limit * total - count) / (1 - limit) - 1e-9), 0)
        yield Check(
            name=f"origin: {origin}",
            verdict=Verdict.INCONCLUSIVE if more else Verdict.PASS,
            measured=count / total,
            limit=limit,
            reason=f"{count} of {total} cases are of origin {origin}, needed {limit:.0%}",
            more_cases=more or None,
        )


def zero(run: Run, metric: str, policy: Policy) -> Check:
    """Ask that something never happened, in enough clusters to believe it.

    Cases of one template or incident fail alike, so the exact bound counts clusters, not cases.
    """
    what, bound = BY_NAME[metric], policy.zero[metric].bound
    scored = [(group, value) for group in cases(run.rows) if (value := fold(group, what)) is not None]
    events = [group for group, value in scored if not value]
    clean = {group[0].cluster for group, value in scored if value and all(map(is_answered, group))}
    reached = zero_bound(len(clean), confidence=1 - policy.alpha) if clean else 1.0
    told = f"{what.title}: {len(events)} of {len(scored)} cases in {len(clean)} clusters"
    check = Check(
        name=f"zero: {metric}",
        verdict=Verdict.PASS,
        measured=float(len(events)),
        bound=reached,
        limit=bound,
        reason=f"{told}; the true share is at most {reached:.2%}, needed {bound:.2%}",
    )
    if events:
        update = {"verdict": Verdict.FAIL, "reason": f"{told}; not one is forgiven", "bound": None}
        return check.model_copy(update={**update, "failed": _failed(events, what.scorer)})
    if reached > bound:
        needed = cases_for_bound(bound, confidence=1 - policy.alpha) - len(clean)
        return check.model_copy(update={"verdict": Verdict.INCONCLUSIVE, "more_cases": needed})
    return check


def _failed(groups: Sequence[Sequence[Row]], scorer: str) -> tuple[FailedCase, ...]:
    told = []
    for group in groups[:MAX_CASES]:
        scores = [row.scores[scorer] for row in group if scorer in row.scores]
        worst = min((s for s in scores if s.value is not None), key=lambda s: s.value or 0.0)
        told.append(FailedCase(case_id=group[0].case_id, reason=worst.reason))
    return tuple(told)


def shares(run: Run, policy: Policy) -> Iterator[Check]:
    """Ask for the exact one-sided bounds of safe precision, safe recall, and confident wrong verdicts."""
    yield _share(run, "safe_precision", policy.safe.min_precision, policy, at_least=True)
    yield _share(run, "safe_recall", policy.safe.min_recall, policy, at_least=True)
    yield _share(run, "confident_wrong", policy.max_confident_wrong, policy, at_least=False)


def _share(run: Run, metric: str, limit: float, policy: Policy, *, at_least: bool) -> Check:
    value = measure(run.rows, [BY_NAME[metric]])[metric]
    name = f"{'at least' if at_least else 'at most'}: {metric}"
    if value.share is None or value.hits is None:
        reason = f"{value.metric.title}: no case was scored; add cases that ask for it"
        return Check(name=name, verdict=Verdict.INCONCLUSIVE, limit=limit, reason=reason)
    low, high = clopper_pearson(value.hits, value.total, confidence=1 - 2 * policy.alpha)
    bound = low if at_least else high
    shown, broken = (low >= limit, high < limit) if at_least else (high <= limit, low > limit)
    verdict = Verdict.PASS if shown else Verdict.FAIL if broken else Verdict.INCONCLUSIVE
    side = "at least" if at_least else "at most"
    counted = f"{value.metric.title}: {value.hits} of {value.total}"
    return Check(
        name=name,
        verdict=verdict,
        measured=value.share,
        bound=bound,
        limit=limit,
        reason=f"{counted}, so {side} {bound:.1%}; needed {side} {limit:.1%}",
        more_cases=None if shown else _more(value.share, value.total, limit, policy, at_least=at_least),
    )


def _more(share: float, total: int, limit: float, policy: Policy, *, at_least: bool) -> int | None:
    """Count the further cases of the same share that would carry the bound over the limit; None: never."""

    def reaches(cases_: int) -> bool:
        low, high = clopper_pearson(round(share * cases_), cases_, confidence=1 - 2 * policy.alpha)
        return low >= limit if at_least else high <= limit

    upper = total
    while not reaches(upper):
        upper *= 2
        if upper > _MOST:
            return None
    lower = total
    while upper - lower > 1:
        middle = (lower + upper) // 2
        lower, upper = (lower, middle) if reaches(middle) else (middle, upper)
    return max(upper - total, 1)


_MOST: Final = 100_000
"""Cases that nobody will label: beyond, "more cases" is no advice."""


def ceilings(run: Run, baseline: Run | None, limits: Ceilings) -> Iterator[Check]:
    """Ask what an incident costs, by itself and beside the baseline."""
    for metric, ceiling, ratio in (
        ("tokens_mean", limits.tokens, limits.tokens_ratio),
        ("cost_mean", limits.cost_usd, limits.cost_ratio),
    ):
        what = BY_NAME[metric]
        value = measure(run.rows, [what])[metric]
        if value.share is None or value.total < len(cases(run.rows)) * _PRICED:
            reason = f"{what.title}: known of {value.total} cases only; add the model's price, and run again"
            yield Check(name=f"ceiling: {metric}", verdict=Verdict.INCONCLUSIVE, limit=ceiling, reason=reason)
            continue
        reason = f"{what.title}: {value.text}, allowed {ceiling:g}"
        yield _ceiling(f"ceiling: {metric}", value.share, ceiling, reason)
        before = measure(baseline.rows, [what])[metric].share if baseline else None
        if before:
            reason = f"{what.title}: {value.share / before:.2f} times the baseline's, allowed {ratio:g}"
            yield _ceiling(f"ratio: {metric}", value.share / before, ratio, reason)


_PRICED: Final = 0.98
"""Errored cases, and those where the rules had to answer, have no cost; completeness limits their number."""


def _ceiling(name: str, measured: float, limit: float, reason: str) -> Check:
    verdict = Verdict.PASS if measured <= limit else Verdict.FAIL
    return Check(name=name, verdict=verdict, measured=measured, limit=limit, reason=reason)
