"""Status: an analyst came to its own end; every other status stands for help that did not come."""

from diagnose.diagnosis import Status
from evals.case import Case
from evals.outcome import Outcome
from evals.score import Score


def status(case: Case, outcome: Outcome) -> Score:
    """Score every case: 1.0 for DIAGNOSED, 0.0 for any other status; an errored case is wrong."""
    del case  # no failure excuses an analyst that does not answer
    if outcome.diagnosis is None:
        return Score(value=0.0, reason=f"no answer: {outcome.error}")
    got, why = outcome.diagnosis.status, outcome.diagnosis.status_reason
    return Score(value=float(got is Status.DIAGNOSED), reason=f"{got}: {why}" if why else str(got))
