"""Logs that are not there yet, told from logs that never came. Pure.

EMR copies a step's logs to S3 every five minutes and once more at its end (EMR management guide, "View log
files"), so right after a failure they may be missing, or hold only what was written minutes before the end.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from diagnose.incident import Incident

_EVERY: Final = "EMR copies logs to S3 every five minutes"


@dataclass(frozen=True, kw_only=True, slots=True)
class Lag:
    """What the age of the logs says."""

    early: bool
    """More may still come: try again later."""
    words: tuple[str, ...]
    """As gaps."""


def lag(incident: Incident, now: datetime, limit_seconds: float) -> Lag:
    """Judge whether all logs of an incident have arrived.

    Args:
        incident: what was found in S3.
        now: the present.
        limit_seconds: how long after the step's end logs may still arrive.
    """
    lacking = _lacking(incident)
    failed_at = incident.failure.failed_at
    if not lacking:
        return Lag(early=False, words=())
    if failed_at is None:
        return Lag(early=False, words=(f"{lacking}; {_EVERY}, so they may yet come",))
    age_seconds = (now - failed_at).total_seconds()
    minutes = max(round(age_seconds / 60), 0)
    since = f"{minutes} minute{'' if minutes == 1 else 's'} after the step's end"
    if abs(age_seconds) < limit_seconds:  # a moment far ahead is no reason to wait for it
        return Lag(early=True, words=(f"{lacking} {since}; {_EVERY}, so this may be too early",))
    return Lag(early=False, words=(f"{lacking} {since}; they should be there by now",))


def _lacking(incident: Incident) -> str:
    if not incident.step_logs_seen:
        return "the step's logs are missing"
    failed_at, written = incident.failure.failed_at, incident.last_written
    if failed_at is not None and written is not None and written < failed_at:
        return "the last lines of the step's logs are missing: they were last written before its end"
    if any("application master's" in gap and "missing" in gap for gap in incident.gaps):
        return "logs of the step's application master are missing"
    if any(gap.startswith("the container logs of ") and "missing" in gap for gap in incident.gaps):
        return "the container logs of the step's application are missing"
    return ""
