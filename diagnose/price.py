"""A model id and a usage in, US dollars out, by the dated table `prices.toml`.

Bedrock's ids come in many forms: plain, with the prefix of a profile (`us.`, `global.`), as ARNs of
foundation models and profiles. An application profile's ARN does not say which model it runs: then the base
model must be told. A model that is not in the table has no price, never a guessed one.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

from diagnose.usage import Usage

_MILLION: Final = 1_000_000
_SCOPES: Final = "global|us-gov|us|eu|apac|au|jp|ca|sa|amer|in|me|af"
_ARN: Final = re.compile(
    r"arn:aws[a-z-]*:bedrock:[a-z0-9-]*:\d*:(?P<kind>foundation-model|inference-profile)/(?P<id>\S+)"
)
_ID: Final = re.compile(rf"(?:(?P<scope>{_SCOPES})\.)?(?P<vendor>[a-z0-9-]+)\.(?P<model>[A-Za-z0-9][\w.:-]*)")
_VERSION: Final = re.compile(r"(?:-\d{8})?(?:-v\d+)?(?::\d+)?(?::\d+k)?")
"""What may follow a model's name: release date, version, context size."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Foundation:
    """Which model stands behind a Bedrock id, and how far its requests may go."""

    vendor: str
    """Such as `anthropic`."""
    model: str
    """Such as `claude-sonnet-4-6`, with release date and version where the id has them."""
    worldwide: bool
    """True for `global.` profiles."""


def foundation(model_id: str, base_model_id: str | None = None) -> Foundation | None:
    """Tell which model a Bedrock id stands for; None when neither id says it."""
    for candidate in (model_id, base_model_id or ""):
        arn = _ARN.fullmatch(candidate)
        parts = _ID.fullmatch(arn["id"] if arn else candidate)
        if parts:
            return Foundation(
                vendor=parts["vendor"], model=parts["model"], worldwide=parts["scope"] == "global"
            )
    return None


def cost_usd(model_id: str, usage: Usage, *, base_model_id: str | None = None) -> float | None:
    """Compute what a usage costs.

    Args:
        model_id: a Bedrock id or ARN, or a model's own name such as `claude-sonnet-4-6` (the vendor's own
            API).
        usage: tokens by kind; cache writes are those kept for five minutes.
        base_model_id: the model behind an application profile.

    Returns:
        US dollars at list price; None when the table does not hold the model.
    """
    found = foundation(model_id, base_model_id)
    row = _row(found.model if found else model_id)
    if row is None or (found and found.vendor != row["vendor"]):
        return None
    regional = found is not None and not found.worldwide and row["regional"]
    factor = _table()["regional_factor"] if regional else 1.0
    total = (
        usage.input_tokens * row["input"]
        + usage.cache_write_tokens * row["cache_write"]
        + usage.cache_read_tokens * row["cache_read"]
        + usage.output_tokens * row["output"]
    )
    return float(total * factor / _MILLION)


def _row(model: str) -> Mapping[str, Any] | None:
    rows: Mapping[str, Mapping[str, Any]] = _table()["models"]
    named = (
        row for name, row in rows.items() if model.startswith(name) and _VERSION.fullmatch(model[len(name) :])
    )
    return next(named, None)


@cache
def _table() -> Mapping[str, Any]:
    return tomllib.loads(files("diagnose").joinpath("prices.toml").read_text(encoding="utf-8"))
