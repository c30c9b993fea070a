from collections.abc import Callable
from typing import Any

import pytest

from evals.case import Case
from evals.hint import hints

Build = Callable[..., Case]


def label(category: str, failure_type: str, **more: Any) -> dict[str, Any]:
    return {"category": category, "failure_type": failure_type, **more}


OOM = label("RESOURCE_EXHAUSTION", "EXECUTOR_OOM", safe_to_retry=False)
SERVICE = label("DEPENDENCY_FAILURE", "SERVICE_UNREACHABLE")
DRIFT = label("DATA_QUALITY", "SCHEMA_DRIFT", safe_to_retry=False)
SMALL = label("RESOURCE_EXHAUSTION", "SMALL_FILE_PRESSURE", safe_to_retry=False)
DENIED = label("PERMISSION_DENIED", "STORAGE_PERMISSION", safe_to_retry=False)
STATED = label("CONFIGURATION_ERROR", "MISSING_TABLE", safe_to_retry=False, accept=["DEPENDENCY_FAILURE"])


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("nightly_oom_job", OOM),
        ("NightlyOOMJob", OOM),
        ("outOfMemory-daily", OOM),
        ("heap-rollup", OOM),
        ("s3-access-denied", DENIED),
        ("SchemaDriftLoad", DRIFT),
        ("schemadrift7", DRIFT),
        ("corrupted.events", DRIFT),
        ("small-files-compact", SMALL),
        ("rates-timeout", SERVICE),
        ("rates_timeouts_2", SERVICE),
        ("failing-orders", OOM),
        ("orders_failed", OOM),
        ("ordersError", DRIFT),
        ("safe-rates", SERVICE),
        ("retry_rates", SERVICE),
        ("table-missing", STATED),
        ("db_outage", STATED),
        ("unknown_feed", DRIFT | {"triage_label": "UNKNOWN"}),
    ],
)
def test_a_name_with_a_word_of_its_label_is_found(case: Build, name: str, given: dict[str, Any]) -> None:
    assert hints(name, case(**given).metadata)


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("orders-merge", OOM),
        ("executor-report", OOM),
        ("catalog-pull", SERVICE),
        ("service-desk-export", SERVICE),
        ("lat_lon_enrich", SERVICE),
        ("file-archive", SMALL),
        ("drift-tracking", OOM),
        ("denied-boarding", OOM),
        ("table-sizes", STATED),
        ("forecast", DRIFT),
        ("", OOM),
        ("日次集計", OOM),
    ],
)
def test_an_ordinary_or_misleading_name_is_left_alone(case: Build, name: str, given: dict[str, Any]) -> None:
    assert hints(name, case(**given).metadata) == ()


def test_each_word_is_told_once(case: Build) -> None:
    assert hints("oom/oom_oom", case(**OOM).metadata) == ("oom",)
