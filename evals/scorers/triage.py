"""Triage: the payload's label says where to look first, and it is the labelled one."""

from evals.case import Case
from evals.outcome import Outcome
from evals.score import Score


def triage(case: Case, outcome: Outcome) -> Score:
    """Compare the triage label; a case without one is not scored, an errored case is wrong."""
    expected = case.metadata.triage_label
    if expected is None:
        return Score(value=None, reason="the case is not labelled for triage")
    if outcome.diagnosis is None:
        return Score(value=0.0, reason=f"expected {expected}, got an error: {outcome.error}")
    got = outcome.diagnosis.triage_label
    return Score(value=float(got == expected), reason=f"expected {expected}, got {got}")
