"""Recall of truly safe failures: never saying "safe" would be safe and useless."""

from evals.case import Case
from evals.outcome import Outcome
from evals.score import Score


def recall(case: Case, outcome: Outcome) -> Score:
    """Score the cases that are safe to retry: 1.0 when the payload says so; an errored case is missed."""
    if not case.metadata.safe_to_retry:
        return Score(value=None, reason="the failure is not safe to retry")
    if outcome.diagnosis is None:
        return Score(value=0.0, reason=f"nothing was called safe: {outcome.error}")
    said = outcome.diagnosis.safe_to_retry
    reason = f"said {'safe' if said else 'not safe'}: {outcome.diagnosis.retry_reason}"
    return Score(value=float(said), reason=reason)
