import pytest

from diagnose.drift import MANY_FILES, columns, skew, small_files


@pytest.mark.parametrize(
    ("snapshot", "names"),
    [
        ({"columns": ["a", "b"], "incoming_columns": ["a", "b", "c"]}, {"c"}),
        ({"columns": ["a", "b"], "previous_columns": ["a"]}, {"b"}),
        ({"schema": {"a": "int"}, "source_schema": {"a": "string"}}, {"a"}),
        ({"tableColumns": [{"name": "a"}], "sourceColumns": [{"name": "A"}, {"name": "d"}]}, {"d"}),
        ({"columns": ["a", "b"], "batch_columns": ["a"]}, {"b"}),
        ({"added_columns": ["x"], "removed_columns": ["y"]}, {"x", "y"}),
        ({"old_columns": ["a"], "new_columns": ["a", "b"]}, {"b"}),
        ({"columns": ["a"], "new_columns": ["b"]}, {"b"}),
        (
            {"schema_diff": {"added": ["x"], "removed": [], "changed": [{"name": "z", "type": "int"}]}},
            {"x", "z"},
        ),
    ],
)
def test_a_column_that_came_went_or_changed_is_a_drift(snapshot, names):
    assert columns(snapshot).names == names


@pytest.mark.parametrize(
    "snapshot",
    [{"columns": ["a"], "incoming_columns": ["A"]}, {"columns": ["a"]}, {"incoming_columns": ["a"]}, {"added_columns": []},
     {"columns": "a, b", "incoming_columns": 3}, {"columns": [1, None, {}], "incoming_columns": [["a"]]},
     {"schema": {"a": "INT"}, "source_schema": {"a": "int"}}, {}],
)  # fmt: skip
def test_equal_or_unreadable_columns_are_none(snapshot):
    assert columns(snapshot) is None


@pytest.mark.parametrize(
    ("snapshot", "counts"),
    [
        ({"file_count": 412_883, "total_bytes": 11_838_275_000}, {}),
        ({"files": MANY_FILES, "average_file_mb": 1}, {}),
        ({"numFiles": "90000", "avg_file_size": 40_000}, {}),
        ({"average_file_kb": 41}, {"input_files": 84_113}),
        ({"file_count": 250_000}, {}),
    ],
)
def test_very_many_very_small_files_are_a_pressure(snapshot, counts):
    assert small_files(snapshot, counts) is not None


@pytest.mark.parametrize(
    "snapshot",
    [{"file_count": 2160, "total_bytes": 1}, {"file_count": 50_000, "total_bytes": 50_000 << 27}, {"file_count": 50_000},
     {"files": ["a"] * 5}, {"total_bytes": 5}, {"file_count": "many"}],
)  # fmt: skip
def test_few_or_large_files_are_none(snapshot):
    assert small_files(snapshot, {}) is None


@pytest.mark.parametrize(
    "metrics",
    [
        {"max_task_seconds": 2471, "median_task_seconds": 38, "spill_bytes": 6},
        {"stage_0": {"max_task_ms": 900, "median_task_ms": 500, "spill_bytes": 0},
         "stage_1": {"longestTaskMs": 3_712_000, "medianTaskMs": 22_000, "shuffleSpillBytes": 9}},
        [{"slowest_task_minutes": 50, "average_task_minutes": 1, "disk_spilled_mb": 3}],
    ],
)  # fmt: skip
def test_one_long_task_in_a_stage_that_spilled_is_a_skew(metrics):
    assert skew("task_metrics", metrics) is not None


@pytest.mark.parametrize(
    "metrics",
    [
        {"max_task_seconds": 421, "median_task_seconds": 392, "spill_bytes": 6},
        {"max_task_seconds": 2471, "median_task_seconds": 38},
        {"max_task_seconds": 2471, "median_task_seconds": 38, "spill_bytes": 0},
        {"max_task_seconds": 30, "median_task_seconds": 1, "spill_bytes": 6},
        {"max_task_seconds": "long", "median_task_seconds": 1, "spill_bytes": 6},
        {}, [], None, [1, "x"], {"stage": [1]},
    ],
)  # fmt: skip
def test_even_or_short_tasks_and_no_spill_are_none(metrics):
    assert skew("task_metrics", metrics) is None
