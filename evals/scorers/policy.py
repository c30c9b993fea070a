"""Policy: nothing is recommended that is not the product's to recommend, and no rerun it must not allow.

The product's own advice policy (`diagnose/advice.yaml`) judges every recommendation again; a rerun may be
called safe only without a write at risk and with a confidence of at least `MIN_CONFIDENCE`.
"""

from collections.abc import Iterator
from functools import cache, lru_cache

from diagnose.advice import AdvicePolicy, load_policy
from diagnose.diagnosis import MAX_RECOMMENDATIONS, Diagnosis
from diagnose.retry import MIN_CONFIDENCE
from evals.case import Case
from evals.outcome import Outcome
from evals.score import Score


def policy(case: Case, outcome: Outcome) -> Score:
    """Score every case: 0.0 when the payload breaks a rule of the product; an errored case is wrong."""
    del case  # what may be said does not depend on the label
    if outcome.diagnosis is None:
        return Score(value=0.0, reason=f"no payload: {outcome.error}")
    broken = "; ".join(_breaches(outcome.diagnosis))
    return Score(value=float(not broken), reason=broken or "all advice is lawful")


def _breaches(payload: Diagnosis) -> Iterator[str]:
    count = len(payload.recommendations)
    if count > MAX_RECOMMENDATIONS:
        yield f"{count} recommendations, at most {MAX_RECOMMENDATIONS}"
    for number, advice in enumerate(payload.recommendations, start=1):
        if rule := _broken_rule(advice, payload.partial_write_risk):
            yield f"recommendation {number} breaks {rule}"
    if payload.safe_to_retry and payload.partial_write_risk:
        yield "safe to retry with a write at risk"
    if payload.safe_to_retry and payload.confidence < MIN_CONFIDENCE:
        yield f"safe to retry at confidence {payload.confidence:.2f}, below {MIN_CONFIDENCE}"


@cache
def _policy() -> AdvicePolicy:
    return load_policy()


@lru_cache(maxsize=4096)  # a catalogue says the same words in many cases
def _broken_rule(advice: str, partial_write_risk: bool) -> str:  # noqa: FBT001 (a key of the cache)
    rule = _policy().refuse(advice, partial_write_risk=partial_write_risk)
    return rule.id if rule else ""
