"""What a scorer gives: a value, or "not scored", with the reason in words."""

from collections.abc import Callable
from typing import TypeAlias

from pydantic import BaseModel, ConfigDict

from evals.case import Case
from evals.outcome import Outcome


class Score(BaseModel):
    """One scorer's judgement of one case.

    `value` is 1.0 for good and 0.0 for bad; a share in between where the scorer says so.
    None means "not scored": the question doesn't arise for this case. It is never counted as good or bad.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    value: float | None
    reason: str


Scorer: TypeAlias = Callable[[Case, Outcome], Score]
"""Every scorer: pure, one module, one public function."""
