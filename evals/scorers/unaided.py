"""An accepted category that the analyst gave itself.

Where a model gives no valid answer, the payload carries the verdict of the rules: good for the reader, and no
merit of the prompt. With the rules as the analyst this equals `acceptance`.
"""

from diagnose.diagnosis import Status
from evals.case import Case
from evals.outcome import Outcome
from evals.score import Score
from evals.scorers.acceptance import acceptance


def unaided(case: Case, outcome: Outcome) -> Score:
    """Compare the category with the label, and the status with an answer."""
    said = outcome.diagnosis
    if said is not None and said.status is not Status.DIAGNOSED:
        return Score(value=0.0, reason=f"no answer of its own: {said.status}")
    return acceptance(case, outcome)
