"""Evidence grounding: the share of shown lines that stand literally in the case's raw logs.

Placeholders match any text and a trailing `…` is a cut; the rest must stand in that order in the very line
of the very file that the evidence names. A line whose file is `context.<field>` must stand in the platform's
own records instead.
"""

from collections.abc import Sequence
from typing import Final

from diagnose.diagnosis import Evidence
from evals.case import Case
from evals.literal import stands_in
from evals.outcome import Outcome
from evals.score import Score

CONTEXT_PREFIX: Final = "context."


def grounding(case: Case, outcome: Outcome) -> Score:
    """Look up every shown line; with nothing shown there is nothing to score."""
    del case  # the raw logs are the only judge
    if outcome.diagnosis is None:
        return Score(value=None, reason=f"no line shown: {outcome.error}")
    shown = outcome.diagnosis.evidence
    if not shown:
        return Score(value=None, reason="no line shown")
    invented = [item.text for item in shown if not _stands(item, outcome)]
    reason = f"{len(shown) - len(invented)} of {len(shown)} shown lines stand in the logs"
    if invented:
        reason += f"; not found: {invented[0]!r}"
    return Score(value=1 - len(invented) / len(shown), reason=reason)


def _stands(item: Evidence, outcome: Outcome) -> bool:
    if item.file.startswith(CONTEXT_PREFIX):
        return any(stands_in(item.text, value) for value in outcome.context)
    named = outcome.lines.get(item.file)  # as nearly always: no placeholder in the path
    if named and _holds(named, item):
        return True
    return any(_holds(lines, item) for path, lines in outcome.lines.items() if stands_in(item.file, path))


def _holds(lines: Sequence[str], item: Evidence) -> bool:
    return len(lines) >= item.line and stands_in(item.text, lines[item.line - 1])
