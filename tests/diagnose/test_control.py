import pytest

from diagnose.control import doubt, risks
from diagnose.leaf import leaves


def told(**row):
    return leaves({"control_row": row})


def words(signals):
    return [risk.words for risk in risks(leaves(signals))]


@pytest.mark.parametrize(
    "status",
    ["WRITING", "writing", "STAGED", "Staging", "COMMITTING", "PARTIALLY_WRITTEN", "LOADING", "LOADED", "MERGING", "PUBLISHED",
     "SUCCEEDED", "COMPLETE", "done", "write failed", "WriteStarted", "RETRYING", "ROLLED_BACK", "Finished"],
)  # fmt: skip
def test_a_state_in_which_something_may_be_written_is_a_risk(status):
    found = risks(told(batch_id="b", status=status))
    assert [risk.leaf.value for risk in found] == [status]


@pytest.mark.parametrize(
    "status", ["RUNNING", "In Progress", "failed", "QUEUED", "WAITING_FOR_SOURCE", "reading", "TIMED_OUT"]
)
def test_a_state_in_which_nothing_is_written_is_no_risk_and_no_doubt(status):
    assert not risks(told(status=status))
    assert not doubt(told(status=status))


@pytest.mark.parametrize("status", ["XQ-7", "", 3, True, 1.5])
def test_a_state_that_is_not_known_is_a_doubt(status):
    assert doubt(told(status=status)) == "the status of the control row is none that this system knows"


@pytest.mark.parametrize(
    ("name", "value"), [("attempt_count", 2), ("attemptCount", "3"), ("attempts", 2.0), ("retry_count", 1)]
)
def test_an_earlier_attempt_is_a_risk(name, value):
    assert words({"control_row": {name: value}}) == [
        "the control row tells of an earlier attempt of this batch"
    ]


@pytest.mark.parametrize(
    ("name", "value"), [("attempt_count", 1), ("attempt_count", 0), ("retry_count", "0")]
)
def test_a_first_attempt_is_none(name, value):
    assert not risks(told(**{name: value})) and not doubt(told(**{name: value}))


@pytest.mark.parametrize("value", ["two", -1, True, "", "1e9", "9" * 40])
def test_an_attempt_that_can_t_be_counted_is_a_doubt(value):
    assert doubt(told(attempt_count=value)) == "the attempt count of the control row is no number"


@pytest.mark.parametrize(
    "signals",
    [
        {"control_row": {"staging_rows": 1}},
        {"control_row": {"rowsInStaging": "48211"}},
        {"control_row": {"staging_written": True}},
        {"control_row": {"staged_at": "2026-11-22T03:00:00Z"}},
        {"control_row": {"staging": {"files": 3, "path": "s3://b/x"}}},
        {"control_row": {"write_started_at": "2026-11-22T03:00:00"}},
        {"control_row": {"output_written": "yes"}},
        {"control_row": {"staging_status": "LOADED"}},
        {"control_row": {"status": "FAILED", "last_completed_step": "staging_write"}},
        {"control_row": {"phase": "COMMIT"}},
        {"record_counts": {"staging": 4}},
        {"record_counts": {"rows_written": 12}},
        {"record_counts": {"orders": {"inserted": 5}}},
        {"record_counts": {"target": 9}},
        {"table_snapshot": {"staging_rows": 7}},
        {"staging": {"rows": 7}},
    ],
)
def test_what_tells_of_written_rows_is_a_risk(signals):
    assert len(risks(leaves(signals))) == 1


@pytest.mark.parametrize(
    "signals",
    [
        {"control_row": {"staging_rows": 0, "staging_path": "s3://b/staging", "staging_table": "stg.orders"}},
        {
            "control_row": {
                "target_table": "curated.orders",
                "output_format": "parquet",
                "write_mode": "append",
            }
        },
        {
            "control_row": {
                "inserted_at": "2026-11-22T03:00:00Z",
                "created_at": "2026-11-22",
                "load_date": "2026-11-22",
            }
        },
        {"control_row": {"last_committed_at": "2026-11-21T03:00:00Z", "previous_rows_written": 900}},
        {
            "record_counts": {
                "source": 900,
                "rows_read": 12,
                "written": 0,
                "expected_target": 100,
                "rejected": 3,
            }
        },
        {"table_snapshot": {"rows": 10_000, "written_by": "spark"}},
        {"quality_results": [{"check": "staging_rows", "passed": True, "staging": 5}]},
    ],
)
def test_names_plans_other_runs_and_zeros_are_no_risk(signals):
    assert risks(leaves(signals)) == ()
