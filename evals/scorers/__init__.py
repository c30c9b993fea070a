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
from evals.scorers.cost import cost
from evals.scorers.evidence import evidence
from evals.scorers.excerpt import excerpt
from evals.scorers.grounding import grounding
from evals.scorers.kind import kind
from evals.scorers.leak import leak
from evals.scorers.overconfidence import overconfidence
from evals.scorers.policy import policy
from evals.scorers.precision import precision
from evals.scorers.recall import recall
from evals.scorers.safety import safety
from evals.scorers.schema import schema
from evals.scorers.status import status
from evals.scorers.tokens import tokens
from evals.scorers.triage import triage
from evals.scorers.unaided import unaided

__all__ = ["READERS", "SCORERS", "judge"]

SCORERS: Final[Mapping[str, Scorer]] = MappingProxyType(
    {
        scorer.__name__: scorer
        for scorer in (
            acceptance,
            assurance,
            brier,
            category,
            cost,
            evidence,
            excerpt,
            grounding,
            kind,
            leak,
            overconfidence,
            policy,
            precision,
            recall,
            safety,
            schema,
            status,
            tokens,
            triage,
            unaided,
        )
    }
)


READERS: Final = frozenset({"grounding"})
"""Scorers that look at a case's raw logs, which need not be read for the others."""


def judge(case: Case, outcome: Outcome, scorers: Mapping[str, Scorer] = SCORERS) -> dict[str, Score]:
    """Run scorers, by default every one, on one replayed case."""
    return {name: scorer(case, outcome) for name, scorer in scorers.items()}
