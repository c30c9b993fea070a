"""The environment in, one frozen `Settings` out. The only module that reads the environment.

Order: explicit argument > environment > default. A bad value is a `UsageError` that names the variable.
"""

import json
import os
from collections.abc import Mapping
from typing import Annotated, Final, Literal

import re2
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from diagnose.errors import PatternError, UsageError
from diagnose.identifier import REGION

_GUARDRAIL: Final = r"^(?:|[a-z0-9]{1,2048}|arn:aws[a-z-]*:bedrock:\S{1,2000})$"
_BUCKET: Final = r"^(?:|(?:s3[an]?://)?[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](?:/\S*)?)$"
_QUEUE_URL: Final = r"^(?:|https?://[^\s?#@]{1,1000}/[A-Za-z0-9_-]{1,80}(?:\.fifo)?)$"
_WANTED: Final = {
    "aws_region": "a region such as eu-central-1",
    "bedrock_model_id": "a model or profile id such as us.anthropic.claude-sonnet-4-6",
    "bedrock_guardrail_id": "the guardrail's id or ARN",
    "bedrock_guardrail_version": "DRAFT or a version number",
    "metadata_source": "emr or rest",
    "metadata_api_url": "an https:// address without a query",
    "metadata_api_auth_header": "the name of an HTTP header",
    "s3_log_bucket": "a bucket's name, or bucket/prefix",
    "result_bus_name": "the name or ARN of an event bus",
    "idempotency_table": "the name or ARN of a DynamoDB table",
    "queue_url": "the URL of the SQS queue that calls the function",
    "service_name": "up to 250 letters, digits, and . - _ /",
}
"""What to give instead of a value of the wrong form."""


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
    aws_region: Annotated[str, Field(pattern=f"^(?:|{REGION})$")] = ""
    """Empty: what boto3's own settings name, else us-east-1."""
    bedrock_model_id: Annotated[str, Field(pattern=r"^\S{1,2048}$")] = "us.anthropic.claude-sonnet-4-6"
    """A model id, or the id or ARN of an inference profile."""
    bedrock_max_tokens: Annotated[int, Field(ge=256, le=64_000)] = 1024
    bedrock_guardrail_id: Annotated[str, Field(pattern=_GUARDRAIL)] = ""
    """Empty: no guardrail. Form: Bedrock API reference, GuardrailIdentifier."""
    bedrock_guardrail_version: Annotated[str, Field(pattern=r"^(?:DRAFT|[1-9][0-9]{0,7})$")] = "DRAFT"
    metadata_source: Literal["emr", "rest"] = "emr"
    metadata_api_url: Annotated[str, Field(pattern=r"^(?:|https://[^\s?#@]+)$")] = ""
    """With METADATA_SOURCE rest: the base address, TLS only; `/clusters/{c}/steps/{s}` is added to it."""
    metadata_api_key_secret_id: Annotated[str, Field(max_length=2048)] = ""
    """Name or ARN of the secret that holds the API's key."""
    metadata_api_auth_header: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,100}$")] = "x-api-key"
    s3_log_bucket: Annotated[str, Field(pattern=_BUCKET)] = ""
    """Where logs are looked for when nobody tells: a bucket, or bucket and prefix."""
    logs_late_limit_seconds: Annotated[int, Field(ge=0, le=86_400)] = 600
    """After a failure, logs may still be on their way for this long; EMR uploads every five minutes."""
    deadline_reserve_seconds: Annotated[int, Field(ge=0, le=600)] = 30
    """Of a limited run's time, what is kept for the rules' verdict and its publication."""
    token_budget: Annotated[int, Field(ge=1, le=10_000_000)] = 40_000
    """What one diagnosis should stay within: more is warned of, never refused. Twice the longest prompt (a
    repair sends it again) with 32 KB of excerpt, some 16,000 tokens, and two answers."""
    result_bus_name: Annotated[str, Field(pattern=r"^[A-Za-z0-9._/:-]{0,1600}$")] = ""
    """Where diagnoses are published; needed by the function only, like the next two."""
    idempotency_table: Annotated[str, Field(pattern=r"^[A-Za-z0-9._/:-]{0,1024}$")] = ""
    queue_url: Annotated[str, Field(pattern=_QUEUE_URL)] = ""
    service_name: Annotated[str, Field(pattern=r"^[A-Za-z0-9._/-]{1,250}$")] = "data-job-failure-intelligence"
    """The one dimension of the function's metrics: tells deployments in one account apart."""

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
    return _load(os.environ if environ is None else environ, explicit, shown=True)


def _load(source: Mapping[str, str], explicit: Mapping[str, object], *, shown: bool) -> Settings:
    values: dict[str, object] = {}
    for name in Settings.model_fields:
        if explicit.get(name) is not None:
            values[name] = explicit[name]
        elif source.get(name.upper()):
            values[name] = _parse(name, source[name.upper()])
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise _complaint(error, shown=shown) from None


_DEPLOYED: Final = (
    "bedrock_guardrail_id", "s3_log_bucket", "result_bus_name", "idempotency_table", "queue_url",
)  # fmt: skip


def load_deployed_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Build the settings of the Lambda function, which can't do without some.

    Args:
        environ: variables by name; the process's own by default.

    Raises:
        UsageError: a value is missing or can't be used; the message names every missing variable. It repeats
            no value, since it is printed to a log: a secret may stand in the wrong variable.
    """
    settings = _load(os.environ if environ is None else environ, {}, shown=False)
    missing = [name.upper() for name in _DEPLOYED if not getattr(settings, name)]
    if settings.metadata_source == "rest" and not settings.metadata_api_url:
        missing.append("METADATA_API_URL")
    if missing:
        raise UsageError(
            f"{', '.join(missing)}: not set; the function needs a value, see lambda/template.yaml"
        )
    return settings


def tracing(environ: Mapping[str, str] | None = None) -> tuple[str, str]:
    """Tell where spans go and what they belong to, as Lambda says anew for every invocation.

    Args:
        environ: variables by name; the process's own by default.

    Returns:
        The address of the X-Ray daemon and the trace header, each "" where there is none.
    """
    source = os.environ if environ is None else environ
    return source.get("AWS_XRAY_DAEMON_ADDRESS", ""), source.get("_X_AMZN_TRACE_ID", "")


def _complaint(error: ValidationError, *, shown: bool) -> UsageError:
    first = error.errors()[0]
    field = str(first["loc"][0]) if first["loc"] else "settings"
    if field in _WANTED:
        value = repr(first["input"]) if shown else "its value"
        return UsageError(f"{field.upper()}: {value} can't be used; give {_WANTED[field]}")
    if not shown and first["type"] == "value_error":
        return PatternError(
            f"{field.upper()}: a pattern in it is not valid RE2; `diagnose redact` says which"
        )
    kind = PatternError if "not valid RE2" in first["msg"] else UsageError
    return kind(f"{field.upper()}: {first['msg'].removeprefix('Value error, ')}; correct the value")


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
