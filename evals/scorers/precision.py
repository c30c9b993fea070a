"""Precision of "safe": of the failures that were called safe to retry, the label says so, too."""

from evals.case import Case
from evals.outcome import Outcome
from evals.score import Score


def precision(case: Case, outcome: Outcome) -> Score:
    """Score the cases that were called safe: 0.0 is a wrong "safe"; an errored case called nothing safe."""
    if outcome.diagnosis is None:
        return Score(value=None, reason=f"nothing was called safe: {outcome.error}")
    if not outcome.diagnosis.safe_to_retry:
        return Score(value=None, reason="said not safe")
    safe = case.metadata.safe_to_retry
    return Score(value=float(safe), reason=f"said safe, the label says {'safe' if safe else 'not safe'}")
