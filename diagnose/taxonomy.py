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


def _rows() -> dict[FailureType, Facts]:
    f, c, r, t = FailureType, Category, RetryRule, TriageLabel
    rows: dict[FailureType, Facts] = {}

    def add(
        category: Category,
        *types: FailureType,
        retry: RetryRule = r.NEVER,
        triage: TriageLabel = t.UNKNOWN,
        condition: str = "",
    ) -> None:
        facts = Facts(category=category, retry=retry, triage=triage, condition=condition)
        rows.update(dict.fromkeys(types, facts))

    resource, data, config = c.RESOURCE_EXHAUSTION, c.DATA_QUALITY, c.CONFIGURATION_ERROR
    dependency, permission, unknown = c.DEPENDENCY_FAILURE, c.PERMISSION_DENIED, c.UNKNOWN
    add(resource, f.EXECUTOR_OOM, f.DRIVER_OOM, f.CONTAINER_MEMORY_KILL, f.RESULT_TOO_LARGE, f.BROADCAST_LIMIT)
    add(resource, f.DISK_FULL, f.QUOTA_EXCEEDED, f.STACK_OVERFLOW)
    add(
        resource,
        f.INSUFFICIENT_CAPACITY,
        retry=r.CONDITIONAL,
        condition="the cluster has free capacity again",
    )
    add(resource, f.DATA_SKEW, triage=t.DATA_SKEW)
    add(resource, f.SMALL_FILE_PRESSURE, triage=t.SMALL_FILE_PRESSURE)
    add(data, f.MALFORMED_INPUT, f.CORRUPT_FILE, f.NULL_VIOLATION, f.ARITHMETIC_ERROR, f.QUALITY_CHECK_FAILED)
    add(data, f.CAST_FAILURE, f.SCHEMA_DRIFT, triage=t.SCHEMA_DRIFT)
    add(config, f.CODE_ERROR, f.CODE_REGRESSION, triage=t.CODE_REGRESSION)
    add(config, f.SQL_ERROR, f.INVALID_SETTING, f.REQUEST_ABOVE_LIMIT, f.MISSING_TABLE, f.MISSING_CLASS)
    add(config, f.SERIALIZER_LIMIT)
    add(config, f.OUTPUT_EXISTS, triage=t.PARTIAL_WRITE_RISK)
    add(dependency, f.SERVICE_UNREACHABLE, f.SERVICE_THROTTLED, f.NODE_LOST, retry=r.TRANSIENT)
    add(dependency, f.MISSING_LIBRARY, f.LIBRARY_CONFLICT)
    add(
        dependency,
        f.SOURCE_DELAY,
        retry=r.CONDITIONAL,
        triage=t.SOURCE_DELAY,
        condition="the source data has arrived",
    )
    denied = t.PERMISSION_ERROR
    add(permission, f.STORAGE_PERMISSION, f.CATALOG_PERMISSION, f.DATABASE_AUTH, triage=denied)
    add(permission, f.ENCRYPTION_PERMISSION, f.INVALID_CREDENTIALS, triage=denied)
    add(
        permission,
        f.EXPIRED_CREDENTIALS,
        retry=r.CONDITIONAL,
        triage=denied,
        condition="the job gets fresh credentials",
    )
    add(unknown, f.CANCELLED, f.UNEXPLAINED_EXIT, f.UNCLASSIFIED)
    add(
        unknown,
        f.LOGS_UNAVAILABLE,
        retry=r.CONDITIONAL,
        condition="the logs have arrived and name a transient cause",
    )
    return rows


FACTS: Final = MappingProxyType(_rows())
"""Failure type → what follows from it. Complete: a test walks every failure type."""
