"""A scenario's id → the part of the lab it belongs to: tuned on, or held back and only scored. Pure.

The split follows from the id alone and is never chosen: SHA-256 of the id as a number, modulo 3; 0 is held
back. Only scenarios that had been looked at before there was a split are tuned whatever their id says.
"""

import hashlib
from enum import StrEnum

_PARTS = 3
_SEEN = frozenset(
    {
        "archive-scan", "click-stream", "customer-keys", "dim-refresh", "drop-folder", "events-compact",
        "fiscal-lookup", "history-load", "kpi-view", "meter-readings", "score-export", "stock-extract",
    }
)  # fmt: skip
"""Looked at before the split; the set never grows."""


class Part(StrEnum):
    """What a scenario may be used for."""

    TUNED = "tuned"
    """Its logs may be looked at to mend what is true in general."""
    HELD_BACK = "held-back"
    """It is scored, reported apart, and never tuned on."""


def part(scenario_id: str) -> Part:
    """Tell which part an id belongs to; a third of all ids is held back."""
    if scenario_id in _SEEN:
        return Part.TUNED
    number = int(hashlib.sha256(scenario_id.encode()).hexdigest(), 16)
    return Part.TUNED if number % _PARTS else Part.HELD_BACK
