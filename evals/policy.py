"""What a prompt must hold before it may go to production: `policy.toml` → frozen values.

Read strictly: an unknown key, metric or value out of range is an error that names it. The policy's hash goes
into every gate record, and a promotion refuses a record judged under another policy.
"""

import hashlib
import tomllib
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from evals.errors import GateError
from evals.metric import COUNTED, METRICS, Count
from evals.run import Origin

DEFAULT: Final = Path(__file__).with_name("policy.toml")
"""The policy of this repository, the only one whose PASS `evals promote` takes."""

Share = Annotated[float, Field(gt=0, lt=1)]
Margin = Annotated[float, Field(gt=0, le=0.5)]
Positive = Annotated[float, Field(gt=0)]
DatasetName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
"""A folder's name, never a path."""

_COUNTED: Final = frozenset(metric.name for metric in METRICS if metric.count in COUNTED)
_EVENTS: Final = frozenset(metric.name for metric in METRICS if metric.count is Count.MISSES)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Proof(_Strict):
    """Whose answers prove something."""

    analysts: Annotated[tuple[str, ...], Field(min_length=1)]
    """Patterns (`*`, `?`) of analysts as they were asked for."""
    models: Annotated[tuple[str, ...], Field(min_length=1)]
    """Patterns of the ids of the models that gave the replies."""

    def accepts_analyst(self, analyst: str) -> bool:
        """Tell whether answers of `analyst` count."""
        return any(fnmatchcase(analyst, pattern) for pattern in self.analysts)

    def accepts_model(self, model_id: str | None) -> bool:
        """Tell whether replies of `model_id` count; a reply that names no model never does."""
        return bool(model_id) and any(fnmatchcase(model_id or "", pattern) for pattern in self.models)


class Datasets(_Strict):
    """What must have been answered."""

    required: Annotated[tuple[DatasetName, ...], Field(min_length=1)]
    """Names of datasets, all cases of each, in today's version."""

    @model_validator(mode="after")
    def _named_once(self) -> Self:
        if len(set(self.required)) < len(self.required):
            raise ValueError("a dataset is named twice")
        return self


class Primary(_Strict):
    """The one metric that decides."""

    metric: str
    test: Literal["noninferiority", "superiority"]
    margin: Margin | None = None
    """How much worse is still no worse, as a share; only for noninferiority."""

    @model_validator(mode="after")
    def _margin_fits_the_test(self) -> Self:
        if (self.margin is None) == (self.test == "noninferiority"):
            raise ValueError("noninferiority needs a margin, superiority has none")
        return self


class Zero(_Strict):
    """What must not happen even once."""

    bound: Share
    """The exact upper bound, one-sided, over clusters, that must be reached before "none" counts."""


class Safe(_Strict):
    """The word "safe to retry"; bounds are exact and one-sided."""

    min_precision: Share
    min_recall: Share


class Ceilings(_Strict):
    """What one incident may cost, in the mean over all."""

    tokens: Positive
    tokens_ratio: Positive
    """Times the baseline's; not asked when the baseline used no model."""
    cost_usd: Positive
    cost_ratio: Positive


class Policy(_Strict):
    """All that the gate asks."""

    version: Literal[1]
    alpha: Annotated[float, Field(gt=0, le=0.1)]
    """Chance of error that each check may have, one-sided."""
    min_clusters: Annotated[int, Field(ge=2)]
    min_completeness: Share
    max_confident_wrong: Share
    proof: Proof
    datasets: Datasets
    origins: Mapping[Origin, Share]
    """At least this share of the cases must be of that origin."""
    primary: Primary
    guards: Mapping[str, Margin]
    """Metric → how much worse is still no worse."""
    zero: Mapping[str, Zero]
    """Metric of what must not happen → the bound; leaks and wrong "safe" can't be left out."""
    safe: Safe
    ceilings: Ceilings
    sha256: str = ""
    """Of the file; empty for a policy that was never one."""

    @model_validator(mode="after")
    def _metrics_exist(self) -> Self:
        for name in (self.primary.metric, *self.guards):
            if name not in _COUNTED:
                raise ValueError(
                    f"{name!r} is no metric of right and wrong: use {', '.join(sorted(_COUNTED))}"
                )
        if self.primary.metric in self.guards:
            raise ValueError(f"{self.primary.metric!r} is the primary metric and can't be a guard too")
        for name in self.zero:
            if name not in _EVENTS:
                raise ValueError(
                    f"{name!r} is nothing that must not happen: use {', '.join(sorted(_EVENTS))}"
                )
        if missing := {"leaks", "wrong_safe"} - set(self.zero):
            raise ValueError(f"zero.{min(missing)} is missing")
        return self


def load_policy(path: Path = DEFAULT) -> Policy:
    """Read a policy.

    Raises:
        GateError: the file can't be read or is not valid; the message names the file and the key.
    """
    try:
        data = path.read_bytes()
        table = tomllib.loads(data.decode("utf-8"))
    except OSError as error:
        raise GateError(f"policy {path} can't be read: {error.strerror}") from None
    except ValueError as error:
        raise GateError(f"policy {path}: {error}") from None
    if "sha256" in table:
        raise GateError(f"policy {path}: unknown key sha256 (it is computed); remove it")
    try:
        return Policy.model_validate({**table, "sha256": hashlib.sha256(data).hexdigest()})
    except ValidationError as error:
        raise GateError(f"policy {path}: {_why(error)}") from None


def _why(error: ValidationError) -> str:
    """Say what is wrong first, with its key."""
    first = error.errors(include_url=False, include_input=False)[0]
    key = ".".join(str(part) for part in first["loc"] if part != "[key]")
    if first["type"] == "extra_forbidden":
        return f"unknown key {key}; remove it or correct its name"
    if first["type"] == "missing":
        return f"{key} is missing"
    return f"{key}: {first['msg']}" if key else first["msg"].removeprefix("Value error, ")
