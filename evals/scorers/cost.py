"""Cost: what the model's answer to one incident was billed at. US dollars, not a share."""

from evals.case import Case
from evals.outcome import Outcome
from evals.score import Score


def cost(case: Case, outcome: Outcome) -> Score:
    """Give the payload's cost; where no model answered or no price is known there is nothing to score."""
    del case  # a price has no label
    if outcome.diagnosis is None:
        return Score(value=None, reason=f"not known: {outcome.error}")
    spent = outcome.diagnosis.cost_usd
    if spent is None:
        return Score(value=None, reason="no model's answer, or no known price")
    return Score(value=spent, reason=f"{spent:.6f} USD")
