"""Logs that may still come, told from logs that won't."""

from datetime import UTC, datetime, timedelta

import pytest

from diagnose.failure import Failure, JobContext
from diagnose.incident import Incident
from diagnose.lag import lag
from diagnose.task import TaskBook

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)
MASTER = "the application master's standard error of application_1_1 is missing"
CONTAINERS = "the container logs of application_1_1 are missing"


def found(*gaps, age_seconds=60, seen=True, written_seconds=0):
    """An incident whose step ended some seconds ago and whose newest log was written so long before its end."""
    failed_at = None if age_seconds is None else NOW - timedelta(seconds=age_seconds)
    written = None if written_seconds is None else (failed_at or NOW) - timedelta(seconds=written_seconds)
    return Incident(
        failure=Failure(failed_at=failed_at),
        context=JobContext(),
        scans=(),
        tasks=TaskBook(),
        gaps=gaps,
        step_logs_seen=seen,
        last_written=written,
    )


def test_logs_written_at_the_end_are_all_there():
    assert lag(found(), NOW, 600).words == ()
    assert lag(found(written_seconds=None), NOW, 600).words == ()
    assert not lag(found("steps/s-1/stderr.gz: is truncated"), NOW, 600).early


@pytest.mark.parametrize(
    ("incident", "words"),
    [
        (found(seen=False), "the step's logs are missing"),
        (found(written_seconds=1), "were last written before its end"),
        (found(MASTER), "application master are missing"),
        (found(CONTAINERS), "container logs of the step's application are missing"),
    ],
)
def test_what_is_lacking_may_still_come_within_the_limit(incident, words):
    told = lag(incident, NOW, 600)
    assert told.early
    assert words in told.words[0]
    assert "too early" in told.words[0]


@pytest.mark.parametrize(
    ("age_seconds", "early", "words"),
    [
        (0, True, "0 minutes"),
        (599, True, "10 minutes"),
        (600, False, "should be there"),
        (-5, True, "0 minutes"),
    ],
)
def test_the_limit_counts_from_the_step_s_end(age_seconds, early, words):
    told = lag(found(seen=False, age_seconds=age_seconds), NOW, 600)
    assert told.early is early
    assert words in told.words[0]


def test_without_the_time_of_failure_nothing_is_promised():
    told = lag(found(seen=False, age_seconds=None), NOW, 600)
    assert not told.early
    assert "may yet come" in told.words[0]


def test_every_lack_keeps_a_rerun_from_being_called_safe():
    for incident in (found(seen=False), found(written_seconds=1), found(MASTER), found(CONTAINERS)):
        assert "missing" in lag(incident, NOW, 600).words[0], "coverage looks for the word"
