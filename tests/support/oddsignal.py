"""Signals of any shape, made of the words that the product looks for."""

from hypothesis import strategies as st

from diagnose.survey import GROUPS

WORDS = st.sampled_from(
    ["status", "attempt_count", "staging_rows", "source", "source_expected", "check", "passed", "columns", "incoming_columns",
     "file_count", "total_bytes", "time", "version", "max_task_seconds", "median_task_seconds", "spill_bytes", "name", "type",
     "WRITING", "RUNNING", "2026-11-21T00:00:00Z", "FAILED", "source_exists", "control_row", "added_columns"]
)  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | WORDS | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(WORDS | st.text(max_size=6), inner, max_size=5)
    ),
    max_leaves=25,
)
SIGNALS = st.dictionaries(st.sampled_from(GROUPS) | WORDS | st.text(max_size=6), VALUES, max_size=6)
