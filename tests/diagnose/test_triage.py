"""The triage label, the rules' draft under signals, and what no signal and no model can do."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from oddsignal import SIGNALS

from diagnose.advice import load_policy
from diagnose.circumstance import NOTHING
from diagnose.model import ModelReply, Stop
from diagnose.pipeline import default_kit, run_logs
from diagnose.settings import Settings
from diagnose.shelf import load_prompt
from diagnose.state import Desk
from diagnose.survey import survey
from diagnose.taxonomy import FACTS, FailureType, RetryRule, TriageLabel
from diagnose.triage import ADVICE, DECIDES, OPEN, REFINED, triage
from diagnose.usage import Usage

FAILED_AT = datetime(2026, 11, 22, 7, 0, 23, tzinfo=UTC)
TRACE = 'Traceback (most recent call last):\n  File "job.py", line 8, in <module>\n    main()\n'
BUSY = TRACE + "urllib.error.HTTPError: HTTP Error 503: Busy\n"
NULL = TRACE + "java.lang.NullPointerException\n"
COLUMN = TRACE + "KeyError: 'discount_pct'\n"
HEAP = (
    TRACE
    + "py4j.protocol.Py4JJavaError: An error occurred while calling o71.parquet.\n: java.lang.OutOfMemoryError: Java heap space\n"
)
FRESH = {"deployment": {"time": "2026-11-22T01:00:00Z", "version": "5.0.0"}}
STALE = {"deployment": {"time": "2026-10-01T01:00:00Z", "version": "4.9.9"}}
SHORT = {"record_counts": {"source": 3, "source_expected": 900}}
DRIFTED = {
    "table_snapshot": {
        "columns": ["order_id", "discount_pct"],
        "incoming_columns": ["order_id", "discount_rate"],
    }
}
SMALL = {"table_snapshot": {"file_count": 400_000, "total_bytes": 9_000_000_000}}
STAGED = {"control_row": {"status": "STAGED", "attempt_count": 1, "staging_rows": 48_211}}
IDLE = {"control_row": {"status": "RUNNING", "attempt_count": 1, "staging_rows": 0}}


@pytest.fixture
def diagnosed(tree, tmp_path):
    def run(stdout, signals=None, *, status=1, kit=None, middle=""):
        root = tree.driver(middle, stdout=stdout, status=status).write(tmp_path)
        meta = {
            "step": {"Id": "s-1AXTREE000001", "Status": {"Timeline": {"EndDateTime": "2026-11-22T07:00:23Z"}}}
        }
        (tmp_path / "meta.json").write_text(
            json.dumps({**meta, **({"signals": signals} if signals is not None else {})})
        )
        return run_logs(root, kit=kit).diagnosis

    return run


def label(kind, signals, *, risk=False, logged=False):
    circumstances = survey(signals, failed_at=FAILED_AT) if signals else NOTHING
    return triage(FailureType(kind), circumstances, partial_write_risk=risk, logged_write=logged).label


@pytest.mark.parametrize("kind", FailureType)
def test_without_signals_the_label_is_the_taxonomy_s(kind):
    expected = FACTS[kind].triage
    assert label(kind, {}) == expected
    at_risk = label(kind, {}, risk=True, logged=True)
    assert at_risk == (TriageLabel.PARTIAL_WRITE_RISK if expected == "UNKNOWN" else expected)


@pytest.mark.parametrize("kind", FailureType)
def test_a_label_that_the_log_decides_stands_against_every_signal(kind):
    everything = {**FRESH, **SHORT, **DRIFTED, **STAGED}
    if FACTS[kind].triage != "UNKNOWN" and kind not in ("CODE_ERROR", "CODE_REGRESSION"):
        assert label(kind, everything, risk=True) == FACTS[kind].triage


def test_a_code_error_is_a_regression_only_after_a_release_where_the_surroundings_are_told():
    for kind in ("CODE_ERROR", "CODE_REGRESSION"):
        assert label(kind, FRESH) == "CODE_REGRESSION"
        assert label(kind, STALE) == label(kind, IDLE) == "UNKNOWN"
        assert label(kind, STALE, risk=True) == "PARTIAL_WRITE_RISK"


@pytest.mark.parametrize(
    ("kind", "signals", "expected"),
    [
        ("UNEXPLAINED_EXIT", SHORT, "SOURCE_DELAY"),
        ("QUALITY_CHECK_FAILED", SHORT, "SOURCE_DELAY"),
        ("DRIVER_OOM", SMALL, "SMALL_FILE_PRESSURE"),
        ("SQL_ERROR", FRESH, "CODE_REGRESSION"),
        ("SERVICE_UNREACHABLE", {**FRESH, **SHORT, **DRIFTED}, "UNKNOWN"),
        ("EXECUTOR_OOM", {**SMALL, **FRESH}, "UNKNOWN"),
        ("LOGS_UNAVAILABLE", SHORT, "UNKNOWN"),
        ("UNCLASSIFIED", FRESH, "UNKNOWN"),
    ],
)
def test_one_signal_decides_where_it_can_be_behind_the_failure(kind, signals, expected):
    assert label(kind, signals) == expected


def test_signals_that_each_could_explain_a_failure_give_unknown_and_are_named():
    found = triage(
        FailureType.CODE_ERROR, survey({**FRESH, **SHORT}, failed_at=FAILED_AT), partial_write_risk=True
    )
    assert found.label == "UNKNOWN"
    assert "SOURCE_DELAY" in found.conflict and "CODE_REGRESSION" in found.conflict


def test_a_write_that_the_log_shows_is_no_matter_of_conflicting_signals():
    signals = {"control_row": {"status": "SUCCEEDED"}, "record_counts": {"written": 0}}
    assert label("SERVICE_UNREACHABLE", signals, risk=True) == "UNKNOWN"
    assert label("SERVICE_UNREACHABLE", signals, risk=True, logged=True) == "PARTIAL_WRITE_RISK"


def test_what_signals_put_in_the_place_of_a_cause_is_never_transient():
    kinds = {kind for kinds in REFINED.values() for kind in kinds}
    assert kinds and not [kind for kind in kinds if FACTS[kind].retry is RetryRule.TRANSIENT]
    assert not [kind for kind in ADVICE if FACTS[kind].retry is RetryRule.TRANSIENT]
    for name, decides in DECIDES.items():
        assert REFINED[name] <= decides <= OPEN[name]


def test_our_advice_is_advice_that_we_may_give():
    policy = load_policy()
    assert [
        text for texts in ADVICE.values() for text in texts if policy.refuse(text, partial_write_risk=True)
    ] == []


def test_the_same_log_is_safe_or_not_by_what_was_staged(diagnosed):
    assert diagnosed(BUSY).safe_to_retry, "the ground of the others"
    assert diagnosed(BUSY, IDLE).safe_to_retry
    told = diagnosed(BUSY, STAGED)
    assert (told.safe_to_retry, told.partial_write_risk, told.triage_label) == (
        False,
        True,
        "PARTIAL_WRITE_RISK",
    )
    assert told.evidence[-1].file == "context.signals.control_row.status"
    assert told.evidence[-1].text == "STAGED"
    assert "check what the failed run has already written" in " ".join(told.recommendations)


@pytest.mark.parametrize(
    "signals",
    [{"control_row": {"attempt_count": 2}}, {"control_row": {"status": "WRITING"}}, {"record_counts": {"staging": 1}},
     {"control_row": {"attempt_count": "two"}}, {"control_row": ["x"]}, {"control_row": {"status": "QX"}},
     {"record_counts": {"source": 1, "source_expected": 90}, "quality_results": [{"check": "row_count", "passed": True}]}],
)  # fmt: skip
def test_any_doubt_in_the_signals_makes_a_safe_failure_unsafe(diagnosed, signals):
    told = diagnosed(BUSY, signals)
    assert not told.safe_to_retry and told.retry_reason


def test_the_same_null_pointer_is_a_regression_only_after_a_release(diagnosed):
    fresh, stale = diagnosed(NULL, FRESH), diagnosed(NULL, STALE)
    assert (fresh.failure_type, fresh.triage_label) == ("CODE_REGRESSION", "CODE_REGRESSION")
    assert (stale.failure_type, stale.triage_label) == ("CODE_ERROR", "UNKNOWN")
    assert "context.signals.deployment.time" in [item.file for item in fresh.evidence]
    assert fresh.category == stale.category == "CONFIGURATION_ERROR"


def test_a_column_that_the_log_names_and_the_snapshot_lost_is_a_drift(diagnosed):
    assert diagnosed(COLUMN, DRIFTED).failure_type == "SCHEMA_DRIFT"
    assert diagnosed(COLUMN, {**DRIFTED, **FRESH}).failure_type == "SCHEMA_DRIFT", "the log bears it out"
    assert diagnosed(COLUMN.replace("discount_pct", "other"), DRIFTED).failure_type == "CODE_ERROR"


def test_small_files_explain_a_driver_out_of_heap(diagnosed):
    assert diagnosed(HEAP).failure_type == "DRIVER_OOM"
    assert diagnosed(HEAP, SMALL).failure_type == "SMALL_FILE_PRESSURE"


def test_small_files_explain_a_throttling_by_s3_and_by_nobody_else(diagnosed):
    slow = (
        TRACE
        + "botocore.exceptions.ClientError: An error occurred (SlowDown) when calling the ListObjectsV2 operation (reached max retries: 4): Please reduce your request rate.\n"
    )
    other = TRACE + "urllib.error.HTTPError: HTTP Error 429: Too Many Requests\n"
    assert diagnosed(slow).safe_to_retry and diagnosed(other, SMALL).safe_to_retry
    told = diagnosed(slow, SMALL)
    assert (told.failure_type, told.safe_to_retry) == ("SMALL_FILE_PRESSURE", False)


def test_a_silent_end_is_explained_by_a_short_source_and_the_signal_is_the_first_evidence(diagnosed):
    told = diagnosed("leaving\n", SHORT, status=4)
    assert (told.failure_type, told.triage_label) == ("SOURCE_DELAY", "SOURCE_DELAY")
    assert (told.evidence[0].file, told.evidence[0].text) == ("context.signals.record_counts.source", "3")
    assert diagnosed("leaving\n", {}, status=4).failure_type == "UNEXPLAINED_EXIT"


def test_secrets_in_signals_are_not_shown(diagnosed):
    word = "Kobalura" + "+4711/ti"
    signals = {
        "control_row": {
            "status": f"WRITING password={word}",
            "source_path": f"jdbc:x://h/d?password={word}",
            "source_status": "MISSING",
        }
    }
    told = diagnosed("leaving\n", signals, status=4).model_dump_json()
    assert "MISSING" in told and word not in told


def test_huge_signals_leave_room_for_the_log(diagnosed):
    columns = [f"column_{n}_{'x' * 200}" for n in range(500)]
    told = diagnosed(BUSY, {"table_snapshot": {"added_columns": columns}, **STAGED})
    assert told.evidence[0].text.startswith("urllib.error.HTTPError")
    assert not told.safe_to_retry


class Model:
    """Says always the same."""

    name, model_id = "scripted:one", "one"

    def __init__(self, **answer):
        self.answer = json.dumps({
            "root_cause": "The service was busy.", "log_evidences": ["urllib.error.HTTPError: HTTP Error 503: Busy"],
            "recommendations": ["Ask the service's owner."], "category": "DEPENDENCY_FAILURE",
            "failure_type": "SERVICE_UNREACHABLE", "safe_to_retry": True, "confidence": 0.95, **answer,
        })  # fmt: skip

    def ask(self, question, *, deadline, sink):
        told = "".join(block.text for block in question.prompt.user)
        assert "STAGED" in told and "== context.signals.control_row.status:1-1 - -" in told
        return ModelReply(text=self.answer, stop=Stop.COMPLETE, usage=Usage(), cost_usd=0.0)


def test_a_model_can_t_call_a_rerun_safe_against_a_signal(diagnosed):
    kit = replace(default_kit(Settings()), desk=Desk(model=Model(), prompt=load_prompt("v1").version))
    told = diagnosed(BUSY, STAGED, kit=kit)
    assert told.analyst == "scripted:one"
    assert (told.safe_to_retry, told.partial_write_risk, told.triage_label) == (
        False,
        True,
        "PARTIAL_WRITE_RISK",
    )


def test_a_model_may_quote_a_signal(diagnosed):
    model = Model(log_evidences=["STAGED"])
    kit = replace(default_kit(Settings()), desk=Desk(model=model, prompt=load_prompt("v1").version))
    assert diagnosed(BUSY, STAGED, kit=kit).evidence[0].file == "context.signals.control_row.status"


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(signals=SIGNALS)
@pytest.mark.parametrize("stdout", [TRACE + "KeyError: 'status'\n", "leaving\n"])
def test_no_signal_makes_an_unsafe_failure_safe_or_breaks_the_diagnosis(diagnosed, stdout, signals):
    told = diagnosed(stdout, signals)
    assert not told.safe_to_retry
    assert told.log_evidences == [item.text for item in told.evidence]
