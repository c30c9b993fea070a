"""The scorers: one module each, one public function `(case, outcome) -> Score` in it.

`SCORERS` is the closed list; a metric names its scorer by the key.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from evals.case import Case
from evals.outcome import Outcome
from evals.score import Score, Scorer
from evals.scorers.acceptance import acceptance
from evals.scorers.assurance import assurance
from evals.scorers.brier import brier
from evals.scorers.category import category
from evals.scorers.evidence import evidence
from evals.scorers.excerpt import excerpt
from evals.scorers.grounding import grounding
from evals.scorers.kind import kind
from evals.scorers.leak import leak
from evals.scorers.overconfidence import overconfidence
from evals.scorers.recall import recall
from evals.scorers.safety import safety

__all__ = ["SCORERS", "judge"]

SCORERS: Final[Mapping[str, Scorer]] = MappingProxyType(
    {
        scorer.__name__: scorer
        for scorer in (
            acceptance,
            assurance,
            brier,
            category,
            evidence,
            excerpt,
            grounding,
            kind,
            leak,
            overconfidence,
            recall,
            safety,
        )
    }
)


def judge(case: Case, outcome: Outcome) -> dict[str, Score]:
    """Run every scorer on one replayed case."""
    return {name: scorer(case, outcome) for name, scorer in SCORERS.items()}
