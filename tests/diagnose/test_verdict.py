"""The checks between a draft and the payload."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from diagnose.advice import load_policy
from diagnose.analyst import RulesAnalyst
from diagnose.coverage import Coverage
from diagnose.failure import Failure
from diagnose.pipeline import run_logs
from diagnose.sign import WriteSign
from diagnose.taxonomy import FailureType, RetryRule, TriageLabel
from diagnose.verdict import UNGROUNDED_PENALTY, Frame, decide, diagnosis_id

TRACE = 'Traceback (most recent call last):\n  File "job.py", line 8, in <module>\n    main()\n'


@pytest.fixture
def view(tree, tmp_path):
    return run_logs(
        tree.driver(stdout=TRACE + "urllib.error.HTTPError: HTTP Error 503: Busy\n").write(tmp_path)
    ).view


def check(draft, view, signs=(), redact=lambda text: text):
    frame = Frame(
        failure=Failure(cluster_id="j-1", step_id="s-1"),
        analyst="test",
        analysis_timestamp=datetime(2026, 11, 22, tzinfo=UTC),
        completed_stages=(),
        stage_ms={},
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
    )


def test_invented_evidence_is_dropped_and_costs_confidence(view):
    draft = RulesAnalyst().analyse(view)
    first = draft.evidence[0]
    passage = first.event.passage
    lines = tuple(replace(line, text=line.text + " (invented)") for line in passage.lines)
    event = replace(first.event, passage=replace(passage, lines=lines))
    forged = replace(draft, evidence=(replace(first, event=event),))
    diagnosis = check(forged, view)
    assert diagnosis.log_evidences == []
    assert diagnosis.confidence == pytest.approx(draft.confidence - UNGROUNDED_PENALTY)


def test_forbidden_advice_is_removed_and_lawful_advice_stays(view):
    lawful = "Ask the platform team to grant s3:GetObject on the input to the job's role."
    advice = ("Just rerun the step.", "Run hdfs dfs -rm -r /out first.", lawful)
    diagnosis = check(replace(RulesAnalyst().analyse(view), recommendations=advice), view)
    assert diagnosis.recommendations == [lawful]


def test_under_write_risk_nobody_is_told_to_rerun_before_looking(view):
    draft = replace(RulesAnalyst().analyse(view), recommendations=("Rerun the step once the service is up.",))
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
        draft = replace(RulesAnalyst().analyse(view), retry=rule, failure_type=FailureType.SOURCE_DELAY)
        assert not check(draft, view).safe_to_retry


def test_every_word_that_leaves_is_redacted_once_more(view):
    draft = replace(RulesAnalyst().analyse(view), root_cause="secret", recommendations=("Look at secret.",))
    diagnosis = check(draft, view, redact=lambda text: text.replace("secret", "[REDACTED-SECRET-1]"))
    assert diagnosis.root_cause == "[REDACTED-SECRET-1]"
    assert diagnosis.recommendations == ["Look at [REDACTED-SECRET-1]."]


def test_the_id_depends_on_platform_run_and_attempt_only():
    failure = Failure(cluster_id="j-1", step_id="s-1")
    assert diagnosis_id(failure) == diagnosis_id(replace(failure, job_name="x"))
    assert diagnosis_id(failure) != diagnosis_id(failure, attempt=2)
    assert diagnosis_id(failure) != diagnosis_id(replace(failure, step_id="s-2"))
