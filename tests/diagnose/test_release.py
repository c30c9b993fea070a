from datetime import UTC, datetime, timedelta

import pytest

from diagnose.release import RECENT, release

FAILED_AT = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


def ago(span):
    return (FAILED_AT - span).isoformat()


@pytest.mark.parametrize("span", [timedelta(0), timedelta(hours=6), RECENT])
def test_a_release_shortly_before_the_failure_is_recent(span):
    found, unsure = release({"version": "5.0.0", "time": ago(span)}, FAILED_AT)
    assert found.label == "CODE_REGRESSION" and not unsure


@pytest.mark.parametrize("span", [RECENT + timedelta(seconds=1), timedelta(days=40), timedelta(hours=-1)])
def test_an_older_release_and_one_after_the_failure_are_not(span):
    assert release({"time": ago(span)}, FAILED_AT) == (None, "")


@pytest.mark.parametrize(
    ("deployment", "moment"),
    [
        ({"time": "yesterday"}, FAILED_AT),
        ({"version": "1"}, FAILED_AT),
        ({"time": 5}, FAILED_AT),
        ({"time": ago(RECENT)}, None),
    ],
)
def test_without_a_time_nothing_is_claimed_and_that_is_said(deployment, moment):
    found, unsure = release(deployment, moment)
    assert found is None and unsure
    assert release({}, None) == (None, "")


@pytest.mark.parametrize(
    "deployment",
    [{"deployedAt": ago(timedelta(hours=3))}, {"rollout_finished": ago(timedelta(hours=3))}, {"hours_ago": 3}, {"age_minutes": "40"},
     {"recent": True}, {"time": FAILED_AT.timestamp() - 60}, {"timestamp": int(FAILED_AT.timestamp() - 60) * 1000},
     {"previous_time": ago(timedelta(days=90)), "time": ago(timedelta(hours=1))}],
)  # fmt: skip
def test_a_time_or_an_age_is_read_in_other_forms_too(deployment):
    assert release(deployment, FAILED_AT)[0] is not None


@pytest.mark.parametrize(
    "deployment",
    [{"recent": False}, {"days_ago": 40}, {"previous_time": ago(timedelta(hours=1))}, {"age_hours": 10**18}],
)
def test_what_is_told_to_be_old_is_not_recent(deployment):
    assert release(deployment, FAILED_AT)[0] is None
