"""The checks between a draft and the payload."""

from dataclasses import replace
from datetime import UTC, datetime

import jsonschema
import pytest

from diagnose.advice import load_policy
from diagnose.analyst import draft_by_rules
from diagnose.coverage import Coverage
from diagnose.diagnosis import Status, json_schema
from diagnose.failure import Failure
from diagnose.pipeline import run_logs
from diagnose.sign import WriteSign
from diagnose.taxonomy import FailureType, RetryRule, TriageLabel
from diagnose.verdict import MAX_MODEL_TEXT_BYTES, UNGROUNDED_PENALTY, Frame, decide, diagnosis_id, refuse

TRACE = 'Traceback (most recent call last):\n  File "job.py", line 8, in <module>\n    main()\n'


@pytest.fixture
def view(tree, tmp_path):
    return run_logs(
        tree.driver(stdout=TRACE + "urllib.error.HTTPError: HTTP Error 503: Busy\n").write(tmp_path)
    ).view


def check(draft, view, signs=(), redact=lambda text: text, rules=None, **framed):
    frame = Frame(
        failure=Failure(cluster_id="j-1", step_id="s-1"),
        analyst="test",
        analysis_timestamp=datetime(2026, 11, 22, tzinfo=UTC),
        completed_stages=(),
        stage_ms={},
        **framed,
    )
    coverage = Coverage(whole=True, reason="")
    return decide(
        draft,
        frame=frame,
        excerpt=view.excerpt,
        signs=signs,
        coverage=coverage,
        policy=load_policy(),
        redact=redact,
        rules=rules,
    )


def test_invented_evidence_is_dropped_and_costs_confidence(view):
    draft = draft_by_rules(view)
    first = draft.evidence[0]
    forged = replace(draft, evidence=(replace(first, text=first.text + " (invented)"),))
    diagnosis = check(forged, view)
    assert diagnosis.log_evidences == []
    assert diagnosis.confidence == pytest.approx(draft.confidence - UNGROUNDED_PENALTY)


def test_forbidden_advice_is_removed_and_lawful_advice_stays(view):
    lawful = "Ask the platform team to grant s3:GetObject on the input to the job's role."
    advice = ("Just rerun the step.", "Run hdfs dfs -rm -r /out first.", lawful)
    diagnosis = check(replace(draft_by_rules(view), recommendations=advice), view)
    assert diagnosis.recommendations == [lawful]


def test_under_write_risk_nobody_is_told_to_rerun_before_looking(view):
    draft = replace(draft_by_rules(view), recommendations=("Rerun the step once the service is up.",))
    sign = WriteSign("a Spark write job committed", "f", 1, "Write Job x committed.")
    diagnosis = check(draft, view, signs=(sign,))
    assert diagnosis.partial_write_risk
    assert not diagnosis.safe_to_retry
    assert diagnosis.triage_label is TriageLabel.PARTIAL_WRITE_RISK
    assert diagnosis.recommendations == [
        "Before any rerun, check what the failed run has already written to its output."
    ]


def test_an_analyst_can_t_make_an_unsafe_failure_safe(view):
    for rule in (RetryRule.NEVER, RetryRule.CONDITIONAL):
        draft = replace(draft_by_rules(view), retry=rule, failure_type=FailureType.SOURCE_DELAY)
        assert not check(draft, view).safe_to_retry


def test_a_rerun_is_safe_only_when_rules_and_model_both_allow_it(view):
    rules = draft_by_rules(view)
    assert check(rules, view).safe_to_retry, "the ground of the others"
    assert check(rules, view, rules=rules).safe_to_retry
    objecting = replace(rules, veto="It may have sent half of the batch.")
    assert check(objecting, view, rules=rules).retry_reason.endswith("It may have sent half of the batch.")
    assert not check(objecting, view, rules=rules).safe_to_retry
    broken = replace(rules, failure_type=FailureType.CODE_ERROR, retry=RetryRule.NEVER)
    assert not check(rules, view, rules=broken).safe_to_retry, "the model's consent does not count"
    assert not check(broken, view, rules=rules).safe_to_retry, "the model's cause does"
    assert not check(replace(rules, confidence=0.4), view, rules=rules).safe_to_retry


def test_advice_that_is_not_ours_to_give_is_kept_out_of_every_word_of_a_model(view):
    rules = draft_by_rules(view)
    bold = "The service was down; simply rerun the step now and grant yourself AdministratorAccess."
    draft = replace(rules, root_cause=bold, veto=bold, ruled_out=((rules.evidence[0].text, bold),))
    diagnosis = check(draft, view, rules=rules)
    assert diagnosis.root_cause == rules.root_cause
    assert not diagnosis.safe_to_retry
    assert "AdministratorAccess" not in diagnosis.model_dump_json()
    assert any("held advice" in gap for gap in diagnosis.gaps)


def test_lines_that_the_model_made_up_are_named_as_a_gap(view):
    diagnosis = check(replace(draft_by_rules(view), unfounded=2), view)
    assert any(gap.startswith("2 of ") for gap in diagnosis.gaps)


def test_what_the_model_wrote_is_kept_short_and_redacted(view):
    told = "ü" * 5000 + "secret"
    diagnosis = check(draft_by_rules(view), view, redact=lambda t: t.replace("secret", ""), model_text=told)
    assert len(diagnosis.model_text.encode()) <= MAX_MODEL_TEXT_BYTES
    assert check(draft_by_rules(view), view, model_text="a b").model_text == "a b"


def test_an_event_that_is_not_diagnosed_still_gives_a_whole_payload():
    moment = datetime(2026, 11, 22, tzinfo=UTC)
    diagnosis = refuse(
        Status.INVALID_EVENT, "detail.clusterId is missing", cluster_id="", step_id="", moment=moment
    )
    jsonschema.validate(diagnosis.model_dump(mode="json"), json_schema())
    assert (diagnosis.category, diagnosis.root_cause) == ("UNKNOWN", "detail.clusterId is missing")
    assert not diagnosis.safe_to_retry


def test_every_word_that_leaves_is_redacted_once_more(view):
    draft = replace(draft_by_rules(view), root_cause="secret", recommendations=("Look at secret.",))
    diagnosis = check(draft, view, redact=lambda text: text.replace("secret", "[REDACTED-SECRET-1]"))
    assert diagnosis.root_cause == "[REDACTED-SECRET-1]"
    assert diagnosis.recommendations == ["Look at [REDACTED-SECRET-1]."]


def test_the_id_depends_on_platform_run_and_attempt_only():
    failure = Failure(cluster_id="j-1", step_id="s-1")
    assert diagnosis_id(failure) == diagnosis_id(replace(failure, job_name="x"))
    assert diagnosis_id(failure) != diagnosis_id(failure, attempt=2)
    assert diagnosis_id(failure) != diagnosis_id(replace(failure, step_id="s-2"))
