import pytest

from diagnose.volume import LOW_SHARE, weigh

LOW = {"source": 812, "source_expected": 104_500}
FULL = {"source": 103_870, "source_expected": 104_500}
FAILED, PASSED = ({"check": "row_count", "status": word} for word in ("FAILED", "PASSED"))


@pytest.mark.parametrize(
    "counts",
    [
        LOW,
        {"rows": 5, "expected_rows": 100},
        {"source": 5, "expected": 100},
        {"sourceRows": 5, "averageRows": 100},
        {"orders": 5, "orders_previous": 100, "items": 90, "items_previous": 100},
        {"orders": {"count": 5, "expected": 100}},
        {"source": 0},
        {"source": 99, "source_minimum": 100},
        {"read": 5, "yesterday_source": 100},
        {"input_records": 12, "avg_7d_input_records": 150_000},
        {"expected": 100_000, "actual": 1200},
    ],
)
def test_a_count_far_below_its_expectation_is_a_short_source(counts):
    found = weigh({"record_counts": counts}).short
    assert found is not None and found.label == "SOURCE_DELAY"


@pytest.mark.parametrize(
    "counts",
    [
        FULL,
        {"source": 51, "source_expected": 100},
        {"source": 812},
        {"target": 0, "source": 900, "source_expected": 1000},
        {"orders": 5, "items_expected": 100, "items": 90},
        {"source": 100, "source_minimum": 100},
        {"source": "812", "source_expected": "many"},
        {"source": 5, "source_expected": 0},
        {"source": -5, "source_expected": 100},
        {"source": True, "source_expected": 100},
        {},
    ],
)
def test_other_counts_are_not(counts):
    assert weigh({"record_counts": counts}).short is None


def test_half_of_what_is_usual_is_the_limit():
    assert weigh({"record_counts": {"source": int(100 * LOW_SHARE), "source_expected": 100}}).short is None


@pytest.mark.parametrize(
    "row",
    [{"source_exists": False, "source_path": "p"}, {"source_status": "MISSING"}, {"status": "WAITING_FOR_SOURCE"},
     {"upstream_ready": "no"}, {"inputStatus": "Delayed"}],
)  # fmt: skip
def test_a_control_row_may_say_that_the_source_is_not_there(row):
    assert weigh({"control_row": row}).short.leaves


@pytest.mark.parametrize(
    "row",
    [
        {"source_exists": True},
        {"source_status": "AVAILABLE"},
        {"status": "WAITING"},
        {"source_path": "s3://missing/x"},
    ],
)
def test_or_that_it_is_or_nothing(row):
    assert weigh({"control_row": row}).short is None


@pytest.mark.parametrize(
    "check",
    [FAILED, {"name": "freshness", "passed": False}, {"rule": "volume", "result": "violated"}, "row_count: FAILED",
     {"check": "arrival", "success": "not ok"}, {"Name": "Rule_1", "Description": "RowCount > 1000", "Result": "FAIL"}],
)  # fmt: skip
def test_a_failed_check_on_arrival_is_a_short_source_where_no_count_says_otherwise(check):
    assert weigh({"quality_results": [check]}).short is not None
    told = weigh({"quality_results": [check], "record_counts": FULL})
    assert told.short is None and told.refused is not None


def test_a_failed_check_on_something_else_is_a_refusal_and_one_on_the_schema_a_drift():
    told = weigh({"quality_results": {"null_share": "FAILED", "columns": {"passed": False}}})
    assert told.refused.failure_type == "QUALITY_CHECK_FAILED"
    assert "null_share" in told.refused.words
    assert [leaf.text for leaf in told.refused.leaves] == ["FAILED"], "a key can't be cited, its value can"
    assert told.schema.name == "columns"


def test_a_short_source_explains_the_check_it_fails():
    told = weigh({"record_counts": LOW, "quality_results": [FAILED]})
    assert told.short is not None and told.refused is None


@pytest.mark.parametrize(
    ("groups", "words"),
    [
        (
            {"record_counts": LOW, "quality_results": [PASSED]},
            "the record counts are low, but the check row_count passed",
        ),
        (
            {"record_counts": FULL, "control_row": {"source_exists": False}},
            "by the control row the source is not there",
        ),
    ],
)
def test_signals_that_deny_each_other_are_named(groups, words):
    assert weigh(groups).conflicts[0].startswith(words)


def test_results_that_can_t_be_understood_are_counted():
    rows = [
        {"check": "x", "status": "maybe"},
        {"status": "FAILED"},
        7,
        None,
        "perhaps",
        [],
        {"check": 3, "passed": True},
    ]
    assert weigh({"quality_results": rows}).unread == len(rows)
