"""The closed vocabularies: categories, failure types, triage labels, retry rules, in one table.

`FACTS[failure_type]` gives the one category, retry rule and triage label of a failure type.
The categories are the contract with callers; the failure types are what an expert would say.
"""

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Category(StrEnum):
    """What the payload calls a failure: exactly these six."""

    RESOURCE_EXHAUSTION = "RESOURCE_EXHAUSTION"
    DATA_QUALITY = "DATA_QUALITY"
    CONFIGURATION_ERROR = "CONFIGURATION_ERROR"
    DEPENDENCY_FAILURE = "DEPENDENCY_FAILURE"
    PERMISSION_DENIED = "PERMISSION_DENIED"
    UNKNOWN = "UNKNOWN"


class FailureType(StrEnum):
    """The fine vocabulary: one word for what an expert would say."""

    EXECUTOR_OOM = "EXECUTOR_OOM"
    DRIVER_OOM = "DRIVER_OOM"
    CONTAINER_MEMORY_KILL = "CONTAINER_MEMORY_KILL"
    RESULT_TOO_LARGE = "RESULT_TOO_LARGE"
    BROADCAST_LIMIT = "BROADCAST_LIMIT"
    DISK_FULL = "DISK_FULL"
    QUOTA_EXCEEDED = "QUOTA_EXCEEDED"
    INSUFFICIENT_CAPACITY = "INSUFFICIENT_CAPACITY"
    DATA_SKEW = "DATA_SKEW"
    SMALL_FILE_PRESSURE = "SMALL_FILE_PRESSURE"
    STACK_OVERFLOW = "STACK_OVERFLOW"
    MALFORMED_INPUT = "MALFORMED_INPUT"
    CORRUPT_FILE = "CORRUPT_FILE"
    CAST_FAILURE = "CAST_FAILURE"
    SCHEMA_DRIFT = "SCHEMA_DRIFT"
    NULL_VIOLATION = "NULL_VIOLATION"
    ARITHMETIC_ERROR = "ARITHMETIC_ERROR"
    QUALITY_CHECK_FAILED = "QUALITY_CHECK_FAILED"
    CODE_ERROR = "CODE_ERROR"
    CODE_REGRESSION = "CODE_REGRESSION"
    SQL_ERROR = "SQL_ERROR"
    INVALID_SETTING = "INVALID_SETTING"
    REQUEST_ABOVE_LIMIT = "REQUEST_ABOVE_LIMIT"
    MISSING_TABLE = "MISSING_TABLE"
    MISSING_CLASS = "MISSING_CLASS"
    OUTPUT_EXISTS = "OUTPUT_EXISTS"
    SERIALIZER_LIMIT = "SERIALIZER_LIMIT"
    SERVICE_UNREACHABLE = "SERVICE_UNREACHABLE"
    SERVICE_THROTTLED = "SERVICE_THROTTLED"
    MISSING_LIBRARY = "MISSING_LIBRARY"
    LIBRARY_CONFLICT = "LIBRARY_CONFLICT"
    SOURCE_DELAY = "SOURCE_DELAY"
    NODE_LOST = "NODE_LOST"
    STORAGE_PERMISSION = "STORAGE_PERMISSION"
    CATALOG_PERMISSION = "CATALOG_PERMISSION"
    DATABASE_AUTH = "DATABASE_AUTH"
    ENCRYPTION_PERMISSION = "ENCRYPTION_PERMISSION"
    INVALID_CREDENTIALS = "INVALID_CREDENTIALS"
    EXPIRED_CREDENTIALS = "EXPIRED_CREDENTIALS"
    CANCELLED = "CANCELLED"
    UNEXPLAINED_EXIT = "UNEXPLAINED_EXIT"
    LOGS_UNAVAILABLE = "LOGS_UNAVAILABLE"
    UNCLASSIFIED = "UNCLASSIFIED"


class TriageLabel(StrEnum):
    """The eight labels of the Glue-style incident record: a second projection."""

    SCHEMA_DRIFT = "SCHEMA_DRIFT"
    DATA_SKEW = "DATA_SKEW"
    SMALL_FILE_PRESSURE = "SMALL_FILE_PRESSURE"
    SOURCE_DELAY = "SOURCE_DELAY"
    CODE_REGRESSION = "CODE_REGRESSION"
    PERMISSION_ERROR = "PERMISSION_ERROR"
    PARTIAL_WRITE_RISK = "PARTIAL_WRITE_RISK"
    UNKNOWN = "UNKNOWN"


class RetryRule(StrEnum):
    """What a blind rerun of a failure of this kind would do, before any write is considered."""

    TRANSIENT = "transient"
    """The cause may be gone by itself; a rerun may succeed."""
    CONDITIONAL = "conditional"
    """A rerun helps only after something outside changed; false in the payload."""
    NEVER = "never"
    """A rerun repeats the failure."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What follows from a failure type alone."""

    category: Category
    retry: RetryRule
    triage: TriageLabel
    condition: str = ""
    """With `RetryRule.CONDITIONAL`: what must be true before a rerun makes sense."""


def _group(
    category: Category,
    *types: FailureType,
    retry: RetryRule = RetryRule.NEVER,
    triage: TriageLabel = TriageLabel.UNKNOWN,
    condition: str = "",
) -> dict[FailureType, Facts]:
    return dict.fromkeys(types, Facts(category=category, retry=retry, triage=triage, condition=condition))


_F, _C, _R, _T = FailureType, Category, RetryRule, TriageLabel
_TABLE: Final = (
    _group(
        _C.RESOURCE_EXHAUSTION, _F.EXECUTOR_OOM, _F.DRIVER_OOM, _F.CONTAINER_MEMORY_KILL, _F.RESULT_TOO_LARGE,
        _F.BROADCAST_LIMIT, _F.DISK_FULL, _F.QUOTA_EXCEEDED, _F.STACK_OVERFLOW,
    ),
    _group(
        _C.RESOURCE_EXHAUSTION, _F.INSUFFICIENT_CAPACITY,
        retry=_R.CONDITIONAL, condition="the cluster has free capacity again",
    ),
    _group(_C.RESOURCE_EXHAUSTION, _F.DATA_SKEW, triage=_T.DATA_SKEW),
    _group(_C.RESOURCE_EXHAUSTION, _F.SMALL_FILE_PRESSURE, triage=_T.SMALL_FILE_PRESSURE),
    _group(
        _C.DATA_QUALITY, _F.MALFORMED_INPUT, _F.CORRUPT_FILE, _F.NULL_VIOLATION, _F.ARITHMETIC_ERROR,
        _F.QUALITY_CHECK_FAILED,
    ),
    _group(_C.DATA_QUALITY, _F.CAST_FAILURE, _F.SCHEMA_DRIFT, triage=_T.SCHEMA_DRIFT),
    _group(_C.CONFIGURATION_ERROR, _F.CODE_ERROR, _F.CODE_REGRESSION, triage=_T.CODE_REGRESSION),
    _group(
        _C.CONFIGURATION_ERROR, _F.SQL_ERROR, _F.INVALID_SETTING, _F.REQUEST_ABOVE_LIMIT, _F.MISSING_TABLE,
        _F.MISSING_CLASS, _F.SERIALIZER_LIMIT,
    ),
    _group(_C.CONFIGURATION_ERROR, _F.OUTPUT_EXISTS, triage=_T.PARTIAL_WRITE_RISK),
    _group(
        _C.DEPENDENCY_FAILURE, _F.SERVICE_UNREACHABLE, _F.SERVICE_THROTTLED, _F.NODE_LOST, retry=_R.TRANSIENT
    ),
    _group(_C.DEPENDENCY_FAILURE, _F.MISSING_LIBRARY, _F.LIBRARY_CONFLICT),
    _group(
        _C.DEPENDENCY_FAILURE, _F.SOURCE_DELAY,
        retry=_R.CONDITIONAL, triage=_T.SOURCE_DELAY, condition="the source data has arrived",
    ),
    _group(
        _C.PERMISSION_DENIED, _F.STORAGE_PERMISSION, _F.CATALOG_PERMISSION, _F.DATABASE_AUTH,
        _F.ENCRYPTION_PERMISSION, _F.INVALID_CREDENTIALS, triage=_T.PERMISSION_ERROR,
    ),
    _group(
        _C.PERMISSION_DENIED, _F.EXPIRED_CREDENTIALS,
        retry=_R.CONDITIONAL, triage=_T.PERMISSION_ERROR, condition="the job gets fresh credentials",
    ),
    _group(_C.UNKNOWN, _F.CANCELLED, _F.UNEXPLAINED_EXIT, _F.UNCLASSIFIED),
    _group(
        _C.UNKNOWN, _F.LOGS_UNAVAILABLE,
        retry=_R.CONDITIONAL, condition="the logs have arrived and name a transient cause",
    ),
)  # fmt: skip

FACTS: Final = MappingProxyType({t: facts for group in _TABLE for t, facts in group.items()})
"""Failure type → what follows from it. Complete: a test walks every failure type."""
