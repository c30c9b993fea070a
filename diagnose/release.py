"""The deployment among the signals in, whether a new version came shortly before the failure out. Pure."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from diagnose.circumstance import Indication
from diagnose.cluster import time
from diagnose.control import amount
from diagnose.leaf import Leaf, leaves, plain
from diagnose.taxonomy import FailureType, TriageLabel

RECENT: Final = timedelta(hours=72)
"""A release of Friday is still new to Monday's run."""
_BEST: Final = (
    "time",
    "deployed_at",
    "deployment_time",
    "deploy_time",
    "released_at",
    "release_time",
    "timestamp",
)
"""Names of the time of a deployment, the surest first; any other time in it counts after them."""
_FORMER: Final = frozenset(("previous", "prior", "last", "next", "planned", "created", "expires", "end"))
_AGES: Final = {"minutes": 1 / 60, "hours": 1.0, "days": 24.0}
_MILLISECONDS_FROM: Final = 100_000_000_000
"""An epoch from here on counts milliseconds: as seconds it would lie beyond the year 5000."""
_EPOCH_FROM: Final = 1_000_000_000
"""A smaller number is no time: the year 2001, in seconds."""


def release(deployment: Mapping[str, Any], failed_at: datetime | None) -> tuple[Indication | None, str]:
    """Tell whether a version of the job came shortly before it failed.

    Args:
        deployment: version, commit, time; or its age (`hours_ago`), or `recent`.
        failed_at: when the job failed, UTC.

    Returns:
        The indication, if so; and what can't be read and so leaves it open, "" for nothing.
    """
    if not deployment:
        return None, ""
    told = leaves(deployment, "deployment")
    age = _told_age(told)
    if age is None:
        moment = _moment(told)
        if moment is None or failed_at is None:
            return None, "the time of the failure" if moment else "the time of the deployment"
        age = (failed_at - moment[0], moment[1])
    span, leaf = age
    if not timedelta(0) <= span <= RECENT:
        return None, ""
    version = [x for x in told if plain(x.path[-1]) in ("version", "commit", "release", "tag")]
    ago = f" {span / timedelta(hours=1):.0f} h" if span else " shortly"
    return Indication(
        label=TriageLabel.CODE_REGRESSION,
        failure_type=FailureType.CODE_REGRESSION,
        words=f"A new version of the job was deployed{ago} before it failed.",
        leaves=(leaf, *version[:2]),
    ), ""


def _told_age(told: Sequence[Leaf]) -> tuple[timedelta, Leaf] | None:
    """Read an age that is told as such; `recent` is an age of none."""
    for leaf in told:
        words = plain(leaf.path[-1]).split("_")
        if words == ["recent"] and isinstance(leaf.value, bool):
            return (timedelta(0) if leaf.value else RECENT * 2), leaf
        unit = next((_AGES[word] for word in words if word in _AGES), None)
        number = amount(leaf)
        if unit is not None and number is not None and {"ago", "age", "since", "before"} & set(words):
            return timedelta(hours=min(number * unit, 1e6)), leaf
    return None


def _moment(told: Sequence[Leaf]) -> tuple[datetime, Leaf] | None:
    own = [leaf for leaf in told if not set(plain(leaf.path[-1]).split("_")) & _FORMER]
    own.sort(key=lambda leaf: _BEST.index(name) if (name := plain(leaf.path[-1])) in _BEST else len(_BEST))
    return next(((moment, leaf) for leaf in own if (moment := _time(leaf)) is not None), None)


def _time(leaf: Leaf) -> datetime | None:
    """Read ISO 8601, or an epoch in seconds or milliseconds."""
    number = amount(leaf) if not isinstance(leaf.value, str) else None
    if number is None:
        return time(leaf.value)
    seconds = number / 1000 if number >= _MILLISECONDS_FROM else number
    return datetime.fromtimestamp(seconds, UTC) if _EPOCH_FROM <= seconds < _MILLISECONDS_FROM else None
