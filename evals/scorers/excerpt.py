"""Excerpt recall: a labelled key line reached the excerpt at all, whatever the analyst made of it."""

from evals.case import Case
from evals.literal import shows
from evals.outcome import Outcome
from evals.score import Score


def excerpt(case: Case, outcome: Outcome) -> Score:
    """Look for a labelled literal in the excerpt's lines; a case without labelled lines is not scored."""
    literals = case.metadata.evidence
    if not literals:
        return Score(value=None, reason="the label names no line")
    if outcome.diagnosis is None:
        return Score(value=0.0, reason=f"no excerpt: {outcome.error}")
    lines = outcome.excerpt.splitlines()
    for literal in literals:
        if any(shows(line, literal) for line in lines):
            return Score(value=1.0, reason=f"in the excerpt: {literal}")
    return Score(value=0.0, reason=f"none of {list(literals)} in {len(lines)} lines")
