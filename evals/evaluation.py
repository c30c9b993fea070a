"""A run → its evaluation: the numbers, what fails, what was known to fail. Pure.

A case that an analyst is known to get wrong is listed with its reason (`evals.known`); it fails no build, is
shown all the same and counts in every number. A listed miss that no longer misses fails: the list shrinks.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from evals.metric import Value, measure
from evals.requirement import Failure, Requirement, check
from evals.run import Run

_MENDED: Final = "holds again: remove it from known.toml"


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Everything a report shows."""

    run: Run
    values: Mapping[str, Value]
    required: tuple[Requirement, ...]
    failures: tuple[Failure, ...]
    known: tuple[Failure, ...] = ()
    """What does not hold and was known not to."""

    @property
    def passed(self) -> bool:
        """Tell whether everything required holds but what is known not to."""
        return not self.failures


def assess(run: Run) -> Evaluation:
    """Measure a run and check what was demanded of it.

    Args:
        run: at least one row.
    """
    required, known = frozenset(map(Requirement, run.demands.required)), run.demands.known
    values = measure(run.rows)
    found = check(run.rows, values, required)
    listed = {(miss.case_id, miss.requirement) for miss in known}
    cases = {row.case_id for row in run.rows if not row.error}
    missed = {(failure.case_id, failure.requirement) for failure in found}
    mended = [
        Failure(case_id=miss.case_id, requirement=miss.requirement, reason=_MENDED)
        for miss in known
        if miss.case_id in cases
        and miss.requirement in required
        and (miss.case_id, miss.requirement) not in missed
    ]
    return Evaluation(
        run=run,
        values=values,
        required=tuple(sorted(required)),
        failures=(*(f for f in found if (f.case_id, f.requirement) not in listed), *mended),
        known=tuple(f for f in found if (f.case_id, f.requirement) in listed),
    )
