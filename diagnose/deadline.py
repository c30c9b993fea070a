"""A clock in, how long a stage may still take out.

The reserve is kept for what must happen after the last stage: the rules' verdict and its publication.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from diagnose.errors import DeadlineError

OUT_OF_TIME: Final = "time ran out"
"""Stands in every gap and reason that a deadline left."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """When a run must come to its end.

    Args:
        remaining_seconds: tells how long until the hard end, such as the Lambda's own clock; may be infinite.
        reserve_seconds: of that, what stages may not use.
    """

    remaining_seconds: Callable[[], float]
    reserve_seconds: float = 0.0

    def left_seconds(self) -> float:
        """Tell how long stages may still take, 0 or more; infinite without a deadline."""
        return max(self.remaining_seconds() - self.reserve_seconds, 0.0)

    @property
    def near(self) -> bool:
        """Tell whether only the reserve is left."""
        return self.left_seconds() <= 0

    def check(self, waited_for: str) -> float:
        """Tell how long may be waited; raise `DeadlineError` when only the reserve is left."""
        left_seconds = self.left_seconds()
        if left_seconds <= 0:
            raise DeadlineError(f"{OUT_OF_TIME} while waiting for {waited_for}")
        return left_seconds


NO_DEADLINE: Final = Deadline(lambda: math.inf)
"""For runs by hand: nobody waits."""
