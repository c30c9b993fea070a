"""The stages in order: what each ending leaves undone, and what is there whatever happens."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from diagnose.deadline import NO_DEADLINE, Deadline
from diagnose.diagnosis import Status
from diagnose.draft import Draft
from diagnose.errors import DeadlineError, MetadataError, ModelError
from diagnose.failure import Failure, JobContext
from diagnose.incident import gather
from diagnose.log import DirectoryStore, MemoryStore
from diagnose.metadata import Metadata
from diagnose.model import ModelReply, Stop
from diagnose.pipeline import default_kit, run, start
from diagnose.settings import Settings
from diagnose.shelf import load_prompt
from diagnose.stage import STAGES
from diagnose.state import Desk
from diagnose.telemetry import Collector
from diagnose.usage import Usage

TRACE = 'Traceback (most recent call last):\n  File "job.py", line 8, in <module>\n    main()\n'
LINE = "urllib.error.HTTPError: HTTP Error 503: Busy"
FAILED_AT = datetime(2026, 11, 22, 7, 0, 23, tzinfo=UTC)
NAMES = [stage.name for stage in STAGES]
ANSWER = {
    "root_cause": "The service was busy.",
    "log_evidences": [LINE],
    "recommendations": ["Ask the service's owner."],
    "category": "DEPENDENCY_FAILURE",
    "failure_type": "SERVICE_UNREACHABLE",
    "safe_to_retry": True,
    "confidence": 0.9,
}


class Source:
    """Metadata from memory."""

    def __init__(self, error=None):
        self.error = error

    def fetch(self, failure, *, deadline):
        if self.error:
            raise self.error
        return Metadata(failure=failure, context=JobContext(spark={"spark.executor.memory": "4g"}))


class Archive:
    def __init__(self, store, gaps=()):
        self.store, self.gaps = store, gaps

    def find(self, failure, context, *, deadline):
        return self.store, self.gaps


class Scripted:
    """A model that says what it was told to say."""

    name, model_id = "scripted:one", "one"

    def __init__(self, *replies):
        self.replies, self.questions = list(replies), []

    def ask(self, question, *, deadline, sink):
        self.questions.append(question)
        reply = self.replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply


def said(text, stop=Stop.COMPLETE, policies=()):
    usage = Usage(input_tokens=100, cache_read_tokens=20, cache_write_tokens=3, output_tokens=7)
    return ModelReply(text=text, stop=stop, usage=usage, cost_usd=0.5, policies=policies)


@pytest.fixture
def kit(tree, tmp_path):
    root = tree.driver(stdout=TRACE + LINE + "\n").write(tmp_path)
    plain = default_kit(Settings())
    return replace(plain, metadata=Source(), archive=Archive(DirectoryStore(root)), now=lambda: FAILED_AT)


def diagnosed(kit, *replies, deadline=None, patient=False, **failure):
    model = Scripted(*replies) if replies else None
    if model:
        kit = replace(kit, desk=Desk(model=model, prompt=load_prompt("v1").version))
    known = Failure(cluster_id="j-2AXTREE000001", step_id="s-1AXTREE000001", failed_at=FAILED_AT, **failure)
    told = Collector()
    more = {"deadline": deadline} if deadline else {}
    result = run(start(known, kit, telemetry=told, patient=patient, **more), kit)
    return result, model, told


def test_the_model_s_verdict_is_given_with_its_tokens_and_its_prompt(kit):
    result, model, _ = diagnosed(kit, said(json.dumps(ANSWER)))
    d = result.diagnosis
    assert (d.status, d.analyst, d.model_id) == (Status.DIAGNOSED, "scripted:one", "one")
    assert d.root_cause == "The service was busy."
    assert d.log_evidences[0] == LINE
    assert (d.tokens_used, d.input_tokens, d.output_tokens, d.cost_usd) == (130, 123, 7, 0.5)
    assert (d.prompt_version, d.prompt_gate) == ("v1", "none")
    assert d.prompt_sha256 == load_prompt("v1").version.sha256
    assert d.completed_stages == NAMES
    assert d.safe_to_retry
    assert model.questions[0].tags == {
        "cluster_id": "j-2AXTREE000001",
        "step_id": "s-1AXTREE000001",
        "prompt_version": "v1",
    }


def test_the_rules_need_no_prompt_and_no_model(kit):
    d = diagnosed(kit)[0].diagnosis
    assert d.completed_stages == ["metadata", "log", "redaction", "match", "excerpt", "verdict"]
    assert (d.analyst, d.model_id, d.tokens_used, d.cost_usd, d.prompt_version) == (
        "rules",
        None,
        0,
        None,
        None,
    )


def test_every_stage_is_timed_and_told_of(kit):
    result, _, told = diagnosed(kit, said(json.dumps(ANSWER)))
    assert [record.stage for record in told.stages] == NAMES
    assert set(result.state.stage_ms) == set(NAMES)
    assert {record.status for record in told.stages} == {"ok"}


@pytest.mark.parametrize(
    ("replies", "status", "asked", "tokens"),
    [
        ([said("nonsense"), said(json.dumps(ANSWER))], Status.DIAGNOSED, 2, 260),
        ([said("nonsense"), said("{}")], Status.PARSE_ERROR, 2, 260),
        ([said(json.dumps(ANSWER), Stop.MALFORMED), said(json.dumps(ANSWER))], Status.DIAGNOSED, 2, 260),
        ([said("", Stop.MALFORMED), said(json.dumps(ANSWER), Stop.MALFORMED)], Status.PARSE_ERROR, 2, 260),
        ([said(json.dumps(ANSWER), Stop.TRUNCATED)], Status.PARSE_ERROR, 1, 130),
        ([said("x"), said(json.dumps(ANSWER), Stop.TRUNCATED)], Status.PARSE_ERROR, 2, 260),
        ([said("Sorry", Stop.INPUT_BLOCKED, ("topicPolicy Advice",))], Status.GUARDRAIL_BLOCKED, 1, 130),
        ([said("Sorry", Stop.OUTPUT_BLOCKED)], Status.GUARDRAIL_OUTPUT_BLOCKED, 1, 130),
        ([said("x"), said("Sorry", Stop.OUTPUT_BLOCKED)], Status.GUARDRAIL_OUTPUT_BLOCKED, 2, 260),
        ([ModelError("no answer")], Status.ANALYSIS_ABORTED, 1, 0),
        ([said("x"), ModelError("no answer")], Status.ANALYSIS_ABORTED, 2, 130),
        ([DeadlineError("too slow")], Status.PARTIAL_ANALYSIS, 1, 0),
        ([said("x"), DeadlineError("too slow")], Status.PARTIAL_ANALYSIS, 2, 130),
    ],
)
def test_every_way_a_model_can_end_has_its_status_and_the_rules_verdict(kit, replies, status, asked, tokens):
    result, model, _ = diagnosed(kit, *replies)
    d = result.diagnosis
    assert d.status is status
    assert len(model.questions) == asked
    assert d.tokens_used == tokens, "billed, whoever gave the verdict"
    assert d.category == "DEPENDENCY_FAILURE"
    if status is not Status.DIAGNOSED:
        assert (d.analyst, d.model_id, d.cost_usd) == ("rules", None, None)
        assert d.status_reason
        assert d.log_evidences[0] == LINE
    assert (d.model_text is not None) == (status is Status.PARSE_ERROR)


def test_a_blocked_answer_names_the_policy_and_is_not_asked_again(kit):
    d = diagnosed(kit, said("Sorry", Stop.INPUT_BLOCKED, ("topicPolicy Advice",)))[0].diagnosis
    assert d.status_reason == "the guardrail blocked the input (topicPolicy Advice)"
    assert "model" not in d.completed_stages


def test_a_repair_names_what_is_wrong_and_repeats_nothing_unredacted(kit):
    canary = "tr0mb-" + "kxw91"
    wrong = json.dumps({**ANSWER, "confidence": 2, "root_cause": f"password={canary}"})
    _, model, _ = diagnosed(kit, said(wrong), said(json.dumps(ANSWER)))
    text, problem = model.questions[1].repair
    assert problem == "confidence must be from 0 to 1"
    assert canary not in text
    assert model.questions[1].prompt is model.questions[0].prompt


def test_a_repair_repeats_no_more_than_a_page(kit):
    _, model, _ = diagnosed(kit, said("word " * 100_000), said(json.dumps(ANSWER)))
    assert len(model.questions[1].repair[0]) <= 4001


def test_a_stage_is_told_of_with_the_status_it_ended_with_itself(kit):
    _, _, told = diagnosed(replace(kit, metadata=Source(MetadataError("gone"))))
    assert [(record.stage, record.status) for record in told.stages] == [
        ("metadata", "ANALYSIS_ABORTED"),
        *((name, "ok") for name in ("log", "redaction", "match", "excerpt")),
        ("verdict", "ANALYSIS_ABORTED"),
    ]


def test_a_state_shows_nothing_of_what_it_holds(kit):
    state = diagnosed(kit)[0].state
    assert repr(state).startswith("State(completed=(")
    assert "s-1AXTREE000001" not in repr(state)


def test_a_model_changes_nothing_of_the_policy_s_verdict(kit, tree, tmp_path):
    wrote = "26/11/22 07:00:10 INFO FileFormatWriter: Write Job 7d3c committed. Elapsed time: 28 ms.\n"
    root = tree.driver(wrote, stdout=TRACE + LINE + "\n").write(tmp_path / "wrote")
    kit = replace(kit, archive=Archive(DirectoryStore(root)))
    by_rules = diagnosed(kit)[0].diagnosis
    bold = {
        **ANSWER,
        "log_evidences": ["I saw this line somewhere, believe me", LINE],
        "recommendations": [
            "Grant yourself s3:* on the bucket.",
            "Rerun it now.",
            "Ask the service's owner.",
        ],
        "confidence": 1,
    }
    d = diagnosed(kit, said(json.dumps(bold)))[0].diagnosis
    assert not by_rules.safe_to_retry
    assert (d.safe_to_retry, d.partial_write_risk, d.retry_reason) == (
        by_rules.safe_to_retry,
        by_rules.partial_write_risk,
        by_rules.retry_reason,
    )
    assert all("believe me" not in line for line in d.log_evidences)
    assert not [text for text in d.recommendations if "Grant" in text or "Rerun it" in text]
    assert "1 of 2 lines quoted by the model" in "".join(d.gaps)
    assert d.confidence < 1


def test_with_the_metadata_gone_the_logs_are_read_and_no_model_is_asked(kit):
    kit = replace(kit, metadata=Source(MetadataError("the EMR API answers 500")))
    result, model, _ = diagnosed(kit, said(json.dumps(ANSWER)))
    d = result.diagnosis
    assert (d.status, d.analyst) == (Status.ANALYSIS_ABORTED, "rules")
    assert d.status_reason == "the EMR API answers 500"
    assert d.failure_type == "SERVICE_UNREACHABLE"
    assert d.completed_stages == ["log", "redaction", "match", "excerpt", "verdict"]
    assert model.questions == []


@pytest.mark.parametrize("last", NAMES[:-1])
def test_when_time_is_up_after_a_stage_what_is_done_is_named_and_the_rules_still_speak(
    kit, last, monkeypatch
):
    begun, read = [], []

    def read_whole(*args, **named):
        incident = gather(*args, **{**named, "deadline": NO_DEADLINE})
        read.append(incident)
        return incident

    monkeypatch.setattr("diagnose.stage.gather", read_whole)
    kit = replace(kit, on_stage=begun.append)
    passed = read if last == "log" else begun
    deadline = Deadline(lambda: 10.0 if passed and last in ("log", *begun) else 1000.0, reserve_seconds=30)
    result, model, told = diagnosed(kit, said(json.dumps(ANSWER)), deadline=deadline)
    d = result.diagnosis
    assert d.status is Status.PARTIAL_ANALYSIS
    assert d.completed_stages == NAMES[: NAMES.index(last) + 1]
    assert last in d.status_reason
    assert d.analyst == "rules"
    assert len(model.questions) == (NAMES.index(last) >= NAMES.index("model"))
    assert d.failure_type == ("LOGS_UNAVAILABLE" if last == "metadata" else "SERVICE_UNREACHABLE")
    assert told.stages[-1].stage == "verdict"


def test_logs_that_time_did_not_allow_to_read_are_a_gap_and_never_safe(kit):
    begun = []
    kit = replace(kit, on_stage=begun.append)
    deadline = Deadline(lambda: 10.0 if "log" in begun else 1000.0, reserve_seconds=30)
    d = diagnosed(kit, deadline=deadline)[0].diagnosis
    assert d.status is Status.PARTIAL_ANALYSIS
    assert any("time ran out" in gap for gap in d.gaps)
    assert not d.safe_to_retry


def test_a_deadline_that_passes_inside_a_stage_ends_it_undone(kit):
    kit = replace(kit, metadata=Source(DeadlineError("time ran out while waiting for the EMR API")))
    d = diagnosed(kit, said(json.dumps(ANSWER)))[0].diagnosis
    assert (d.status, d.completed_stages) == (Status.PARTIAL_ANALYSIS, [])


def test_logs_that_are_not_there_yet_are_told_from_logs_that_never_came(kit):
    empty = replace(kit, archive=Archive(MemoryStore({})))
    soon = diagnosed(replace(empty, now=lambda: FAILED_AT + timedelta(seconds=60)))[0]
    never = diagnosed(replace(empty, now=lambda: FAILED_AT + timedelta(seconds=601)))[0]
    assert soon.state.late
    assert not never.state.late
    assert soon.diagnosis.failure_type == never.diagnosis.failure_type == "LOGS_UNAVAILABLE"
    assert any("too early" in gap for gap in soon.diagnosis.gaps)
    assert not any("too early" in gap for gap in never.diagnosis.gaps)


def test_a_patient_caller_is_asked_to_come_again_before_any_model_is_asked(kit):
    empty = replace(kit, archive=Archive(MemoryStore({})), now=lambda: FAILED_AT + timedelta(seconds=60))
    result, model, _ = diagnosed(empty, said(json.dumps(ANSWER)), patient=True)
    assert result.state.postponed
    assert model.questions == []
    late = replace(empty, now=lambda: FAILED_AT + timedelta(seconds=601))
    unknown = {**ANSWER, "log_evidences": [], "category": "UNKNOWN", "failure_type": "UNCLASSIFIED"}
    result, model, _ = diagnosed(late, said(json.dumps(unknown)), patient=True)
    assert not result.state.postponed
    assert result.diagnosis.failure_type == "LOGS_UNAVAILABLE"
    assert "missing" in model.questions[0].prompt.user[0].text or any(
        "missing" in block.text for block in model.questions[0].prompt.user
    )


def test_the_rules_draft_stands_beside_the_model_s(kit):
    state = diagnosed(kit, said(json.dumps(ANSWER)))[0].state
    assert isinstance(state.rules, Draft)
    assert isinstance(state.draft, Draft)
    assert state.rules is not state.draft
