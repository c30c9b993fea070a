"""The environment in, one frozen `Settings` out. The only module that reads the environment.

Order: explicit argument > environment > default. A bad value is a `UsageError` that names the variable.
Settings of stages that don't exist yet are not read here.
"""

import json
import os
from collections.abc import Mapping
from typing import Annotated, Final

import re2
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from diagnose.errors import PatternError, UsageError


class Settings(BaseModel):
    """What can be set from outside, with the defaults of the design."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_log_size_bytes: Annotated[int, Field(ge=1024, le=1 << 20)] = 32768
    """Hard limit of the excerpt, in bytes of UTF-8."""
    max_read_bytes: Annotated[int, Field(ge=1 << 20)] = 1 << 28
    """Decompressed bytes read per step; what lies beyond is a gap."""
    log_context_lines: Annotated[int, Field(ge=0, le=100)] = 10
    redaction_extra_patterns: tuple[str, ...] = ()
    """RE2 patterns of the user; what they match becomes `[REDACTED-CUSTOM]`."""
    redaction_numbered: bool = True
    yarn_log_fetch_enabled: bool = True
    """False: containers and daemon logs are not read; that is a gap, and never safe to retry."""

    @field_validator("redaction_extra_patterns")
    @classmethod
    def _compiles(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        options = re2.Options()
        options.log_errors = False
        for pattern in patterns:
            try:
                re2.compile(pattern, options)
            except re2.error as error:
                raise ValueError(f"pattern {pattern!r} is not valid RE2: {_words(error)}") from error
        return patterns


def _words(error: Exception) -> str:
    """Give RE2's reason, which comes as bytes."""
    reason = error.args[0] if error.args else ""
    return reason.decode("utf-8", errors="replace") if isinstance(reason, bytes) else str(reason)


_JSON_FIELDS: Final = {"redaction_extra_patterns"}


def load_settings(environ: Mapping[str, str] | None = None, **explicit: object) -> Settings:
    """Build the settings.

    Args:
        environ: variables by name; the process's own by default.
        **explicit: values of the caller by field name; None means "not given".

    Raises:
        UsageError: a value can't be used; the message names the variable, the value and what it takes.
    """
    source = os.environ if environ is None else environ
    values: dict[str, object] = {}
    for name in Settings.model_fields:
        if explicit.get(name) is not None:
            values[name] = explicit[name]
        elif source.get(name.upper()):
            values[name] = _parse(name, source[name.upper()])
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]).upper() if first["loc"] else "settings"
        kind = PatternError if "not valid RE2" in first["msg"] else UsageError
        raise kind(f"{name}: {first['msg'].removeprefix('Value error, ')}; correct the value") from None


def _parse(name: str, text: str) -> object:
    if name not in _JSON_FIELDS:
        return text
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise UsageError(f'{name.upper()}: not JSON ({error}); give a list such as ["ACME-\\\\d+"]') from None
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise UsageError(f'{name.upper()}: must be a JSON list of strings, such as ["ACME-\\\\d+"]')
    return tuple(value)
