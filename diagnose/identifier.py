"""Ids of clusters and steps, names of regions: those of the platform's form are shown as they are.

Anything else may be anything, and is redacted. Source: Amazon EMR API reference, ClusterId and StepId (`j-…`,
`s-…`, capitals and digits; real ones have 12 or 13 characters behind the dash).
"""

import re
from collections.abc import Callable
from typing import Final

CLUSTER_ID: Final = r"j-[A-Z0-9]{1,32}"
STEP_ID: Final = r"s-[A-Z0-9]{1,32}"
REGION: Final = r"[a-z]{2,5}(-[a-z]{2,12}){1,3}-[0-9]{1,2}"
"""Also us-gov-west-1, us-isob-east-1, eusc-de-east-1."""


def is_cluster_id(text: str) -> bool:
    """Tell whether a text has the form of an EMR cluster's id."""
    return re.fullmatch(CLUSTER_ID, text) is not None


def is_step_id(text: str) -> bool:
    """Tell whether a text has the form of an EMR step's id."""
    return re.fullmatch(STEP_ID, text) is not None


def is_region(text: str) -> bool:
    """Tell whether a text has the form of an AWS region's name."""
    return re.fullmatch(REGION, text) is not None


def shown_identifier(text: str, redact: Callable[[str], str]) -> str:
    """Let an id of a cluster or step through; redact what has another form."""
    return text if is_cluster_id(text) or is_step_id(text) else redact(text)
