"""Tokens: how many were billed for one diagnosis. A number of tokens, not a share: more is dearer."""

from evals.case import Case
from evals.outcome import Outcome
from evals.score import Score


def tokens(case: Case, outcome: Outcome) -> Score:
    """Count the tokens of every billed call, 0 without a call; what an errored case used is not known."""
    del case  # a price has no label
    if outcome.diagnosis is None:
        return Score(value=None, reason=f"not known: {outcome.error}")
    diagnosis = outcome.diagnosis
    reason = f"{diagnosis.input_tokens} in, {diagnosis.output_tokens} out"
    return Score(value=float(diagnosis.tokens_used), reason=reason)
