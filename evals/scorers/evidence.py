"""Evidence recall: at least one labelled key line is among the lines the payload shows."""

from evals.case import Case
from evals.literal import shows
from evals.outcome import Outcome
from evals.score import Score


def evidence(case: Case, outcome: Outcome) -> Score:
    """Look for a labelled literal in the shown lines; a case without labelled lines is not scored."""
    literals = case.metadata.evidence
    if not literals:
        return Score(value=None, reason="the label names no line")
    if outcome.diagnosis is None:
        return Score(value=0.0, reason=f"no line shown: {outcome.error}")
    for literal in literals:
        if any(shows(text, literal) for text in outcome.diagnosis.log_evidences):
            return Score(value=1.0, reason=f"shown: {literal}")
    count = len(outcome.diagnosis.log_evidences)
    return Score(value=0.0, reason=f"none of {list(literals)} in {count} shown lines")
