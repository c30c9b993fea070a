"""The package behind its queue, run by the real client: batches, repeats, deadlines, late logs, and AWS that fails."""

import json
import threading
from datetime import UTC, datetime, timedelta

import bedrockserver as bedrock
import jsonschema
import pytest
from deployment import MAX_RECEIVES, TOKENS_USED
from live import OWN_WORDS, Live
from relay import CUT
from sandbox import ROOT

SCHEMA = json.loads((ROOT / "docs" / "diagnosis.schema.json").read_text())
CASES = (
    "archive-scan", "audience-sync", "cart-summary", "catalog-pull", "click-stream", "currency-sync", "daily-sales", "kpi-view",
)  # fmt: skip
RESERVE_SECONDS = 30
POISON = ("{not json", {"clusterId": "j-1", "stepId": "../s"})


@pytest.fixture(scope="module")
def live(lambda_package, lambda_python, tmp_path_factory):
    with Live(lambda_package, lambda_python, tmp_path_factory.getbasetemp() / "live") as made:
        yield made


@pytest.fixture(scope="module")
def process(live):
    with live.start() as made:
        yield made


@pytest.fixture
def runtime(live, process):
    """The module's one process; what it prints is looked at after every test."""
    live.aws.clear()
    yield process
    live.records(process)
    assert process.alive
    assert live.aws.model.problems == []


class Round:
    """One batch's way: received, served, settled."""

    def __init__(self, live, runtime, seconds=300.0, most=10):
        before = len(live.metrics(runtime))
        self.batch = live.aws.receive(most)
        self.answer = runtime.invoke(self.batch, seconds=seconds, patience_seconds=120)
        assert self.answer.kind == "response", self.answer.body
        self.failed = live.aws.settle(self.batch, self.answer.body)
        self.published = live.aws.published()
        for diagnosis in self.published:
            jsonschema.validate(diagnosis, SCHEMA)
        self.metrics = live.metrics(runtime)[before:]
        self.statuses = [d["status"] for d in self.published]

    def total(self, name):
        return sum(document[name] for document in self.metrics)

    def waits(self, live):
        """Seconds that the function asked for, in the batch's order; None where it asked for none."""
        told = live.aws.put_off()
        return [told.get(record["receiptHandle"]) for record in self.batch["Records"]]


def key(failure):
    return f"emr:{failure.cluster_id}:{failure.step_id}"


def later(live, runtime, done, **more):
    """The same messages once more, their waiting over."""
    live.aws.hurry({"Records": [r for r in done.batch["Records"] if r["messageId"] in done.failed]})
    return Round(live, runtime, **more)


# ----------------------------------------------------------------------------------------------------- batches


def test_of_ten_messages_eight_are_published_once_and_two_poisoned_ones_come_again(live, runtime):
    failures = [live.aws.failure(case) for case in CASES]
    bodies = [failure.event for failure in failures]
    live.aws.send(*bodies[:3], POISON[0], *bodies[3:7], POISON[1], *bodies[7:])
    done = Round(live, runtime)
    poisoned = [r["messageId"] for r in done.batch["Records"] if "j-0" not in r["body"]]
    assert (len(done.batch["Records"]), len(poisoned)) == (10, 2)
    assert sorted(done.failed) == sorted(poisoned)
    assert done.statuses == ["DIAGNOSED"] * 8
    told = sorted((d["cluster_id"], d["step_id"]) for d in done.published)
    assert told == sorted((f.cluster_id, f.step_id) for f in failures)
    assert [len(live.aws.asked(failure)) for failure in failures] == [1] * 8
    assert {live.aws.remembered()[key(failure)] for failure in failures} == {"DONE"}
    assert (done.total("Invocations"), done.total("Failures")) == (10, 2)
    assert done.total("TokensUsed") == 8 * TOKENS_USED


def test_a_poisoned_message_is_counted_once_and_becomes_a_dead_letter(live, runtime):
    live.aws.send(POISON[0])
    rounds = [Round(live, runtime)]
    rounds += [later(live, runtime, rounds[0]) for _ in range(MAX_RECEIVES - 1)]
    assert [done.total("Failures") for done in rounds] == [1] + [0] * (MAX_RECEIVES - 1)
    assert all(done.failed for done in rounds)
    live.aws.hurry(rounds[-1].batch)
    assert live.aws.receive() == {"Records": []}
    assert live.aws.dead_letters() == [POISON[0]]


def test_an_event_about_no_failure_is_done_and_published_to_nobody(live, runtime):
    event = live.aws.failure().event
    event["detail"]["state"] = "COMPLETED"
    live.aws.send(event)
    done = Round(live, runtime)
    assert (done.failed, done.published, live.aws.waiting()) == ([], [], (0, 0))
    assert done.total("Failures") == 0


# ----------------------------------------------------------------------------------------------------- repeats


def test_a_repeated_event_is_ignored_asked_once_and_billed_once(live, runtime):
    failure = live.aws.failure()
    live.aws.send(failure.event, failure.event)
    first = Round(live, runtime)
    live.aws.send({**failure.event, "id": "another-0001"})
    second = Round(live, runtime)
    assert (first.failed, second.failed) == ([], [])
    assert (first.statuses, second.statuses) == (["DIAGNOSED"], [])
    assert len(live.aws.asked(failure)) == 1
    assert first.total("TokensUsed") + second.total("TokensUsed") == TOKENS_USED
    told = [
        r
        for r in live.records(runtime)
        if r["step_id"] == failure.step_id and r["message"] == "the delivery is served"
    ]
    assert [r["status"] for r in told] == ["DIAGNOSED", "IGNORED", "IGNORED"]
    assert live.aws.waiting() == (0, 0)


def test_an_event_that_comes_without_the_queue_is_told_from_its_repeat_too(live, runtime):
    failure = live.aws.failure()
    payloads = (failure.event, {**failure.event, "id": "another-0002"})
    assert [runtime.invoke(payload).body["status"] for payload in payloads] == ["DIAGNOSED", "IGNORED"]
    assert len(live.aws.published()) == 1


def test_another_process_knows_what_this_one_has_done(live, runtime):
    failure = live.aws.failure()
    live.aws.send(failure.event)
    assert Round(live, runtime).statuses == ["DIAGNOSED"]
    with live.start() as other:
        live.aws.send(failure.event)
        again = Round(live, other)
    assert (again.statuses, again.failed) == ([], [])
    assert len(live.aws.asked(failure)) == 1


# --------------------------------------------------------------------------------------------------- deadlines


def test_near_the_deadline_what_was_begun_is_partial_and_the_rest_comes_again(live, runtime):
    released = threading.Event()
    live.aws.script = lambda _: bedrock.slow(released)
    failures = [live.aws.failure(case) for case in CASES[:3]]
    live.aws.send(*(failure.event for failure in failures))
    done = Round(live, runtime, seconds=RESERVE_SECONDS + 4)
    released.set()
    begun, *others = done.batch["Records"]
    assert done.statuses == ["PARTIAL_ANALYSIS"]
    assert done.published[0]["analyst"] == "rules" and done.published[0]["log_evidences"]
    assert done.failed == [record["messageId"] for record in others]
    assert done.waits(live) == [None, 0, 0]
    assert sum(len(live.aws.asked(failure)) for failure in failures) == 1
    live.aws.clear_calls()
    rest = Round(live, runtime)
    assert rest.statuses == ["DIAGNOSED"] * 2
    assert begun["messageId"] not in {record["messageId"] for record in rest.batch["Records"]}


def test_a_message_that_can_t_be_begun_in_time_is_returned_and_not_partial(live, runtime):
    failure = live.aws.failure()
    live.aws.send(failure.event)
    done = Round(live, runtime, seconds=RESERVE_SECONDS - 5)
    assert (len(done.failed), done.published, live.aws.asked(failure)) == (1, [], [])
    assert key(failure) not in live.aws.remembered()
    assert not any(r["status"] == "PARTIAL_ANALYSIS" for r in records_of(live, runtime, failure))
    assert done.waits(live) == [None], "nothing worked yet: it must not use up its receipts in seconds"
    assert later(live, runtime, done).statuses == ["DIAGNOSED"]


def records_of(live, runtime, failure):
    return [r for r in live.records(runtime) if r["step_id"] == failure.step_id]


# --------------------------------------------------------------------------------------------------- late logs


def test_logs_that_are_not_there_yet_are_waited_for_without_a_model(live, runtime):
    now = datetime.now(UTC)
    failure = live.aws.failure(logs=False, failed_at=now.isoformat())
    live.aws.send(failure.event)
    done = Round(live, runtime)
    assert done.failed == [done.batch["Records"][0]["messageId"]]
    assert done.waits(live) == [60]
    assert (done.published, live.aws.asked(failure)) == ([], [])
    assert key(failure) not in live.aws.remembered()
    assert (done.total("Postponed"), done.total("Failures")) == (1, 0)
    assert live.aws.waiting() == (0, 1), "it is there, and not to be seen yet"


def test_logs_that_came_meanwhile_are_diagnosed(live, runtime):
    failure = live.aws.failure(logs=False, failed_at=(datetime.now(UTC) - timedelta(seconds=2)).isoformat())
    live.aws.send(failure.event)
    done = Round(live, runtime)
    assert len(done.failed) == 1
    live.aws.upload("daily-sales", failure)
    again = later(live, runtime, done)
    assert (again.statuses, again.failed) == (["DIAGNOSED"], [])
    assert again.published[0]["log_evidences"]
    assert len(live.aws.asked(failure)) == 1


def test_logs_that_never_came_are_a_gap_once_the_limit_is_over(live, runtime):
    failure = live.aws.failure(logs=False, failed_at=(datetime.now(UTC) - timedelta(seconds=601)).isoformat())
    live.aws.send(failure.event)
    done = Round(live, runtime)
    (d,) = done.published
    assert (d["status"], d["safe_to_retry"], done.failed) == ("DIAGNOSED", False, [])
    assert d["gaps"]


def test_a_direct_call_waits_for_no_logs(live, runtime):
    failure = live.aws.failure(logs=False, failed_at=datetime.now(UTC).isoformat())
    d = runtime.invoke(failure.direct).body
    assert d["status"] == "DIAGNOSED" and d["gaps"]


# -------------------------------------------------------------------------------------------------- AWS fails


def refused(code):
    return 400, {"__type": f"com.amazonaws#{code}", "message": "said by nobody"}


@pytest.mark.parametrize("fault", [CUT, refused("AccessDeniedException")], ids=["unreachable", "denied"])
def test_without_its_table_nothing_is_asked_published_or_lost(live, runtime, fault):
    failure = live.aws.failure()
    live.aws.send(failure.event)
    live.aws.relay.fail("PutItem", *fault)
    done = Round(live, runtime)
    assert len(done.failed) == 1
    assert (done.published, live.aws.asked(failure)) == ([], [])
    assert done.total("Failures") == 1
    live.aws.relay.heal()
    assert later(live, runtime, done).statuses == ["DIAGNOSED"]


FULL = (200, {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "InternalFailure", "ErrorMessage": "no"}]})


@pytest.mark.parametrize(
    "fault", [FULL, refused("AccessDeniedException"), CUT], ids=["entry refused", "denied", "unreachable"]
)
def test_a_diagnosis_that_the_bus_refuses_is_not_done_and_comes_again(live, runtime, fault):
    failure = live.aws.failure()
    live.aws.send(failure.event)
    live.aws.relay.fail("PutEvents", *fault)
    done = Round(live, runtime)
    assert (len(done.failed), done.published) == (1, [])
    assert live.aws.remembered().get(key(failure)) != "DONE"
    assert done.total("Failures") == 1
    live.aws.relay.heal()
    again = later(live, runtime, done)
    assert (again.statuses, again.failed) == (["DIAGNOSED"], [])
    assert live.aws.remembered()[key(failure)] == "DONE"


def test_one_failure_that_can_t_be_published_does_not_hold_up_the_others(live, runtime):
    failures = [live.aws.failure(case) for case in CASES[:3]]
    live.aws.send(*(failure.event for failure in failures))
    live.aws.relay.fail_once("PutEvents", *FULL)
    done = Round(live, runtime)
    assert (len(done.failed), done.statuses) == (1, ["DIAGNOSED"] * 2)
    again = later(live, runtime, done)
    assert again.statuses == ["DIAGNOSED"]
    told = {d["step_id"] for d in (*done.published, *again.published)}
    assert told == {failure.step_id for failure in failures}


def test_a_message_whose_visibility_can_t_be_changed_comes_again_all_the_same(live, runtime):
    failure = live.aws.failure(logs=False, failed_at=datetime.now(UTC).isoformat())
    live.aws.send(failure.event)
    live.aws.relay.fail("ChangeMessageVisibility", *refused("AccessDenied"))
    done = Round(live, runtime)
    assert (len(done.failed), done.published) == (1, [])
    assert live.aws.waiting() == (0, 1)


def test_a_direct_call_gets_its_payload_though_the_bus_refuses(live, runtime):
    failure = live.aws.failure()
    live.aws.relay.fail("PutEvents", *FULL)
    answer = runtime.invoke(failure.direct)
    assert answer.body["status"] == "DIAGNOSED" and "could not be published" in answer.body["gaps"][-1]


def test_an_event_that_can_t_be_published_is_an_error_whose_words_are_redacted(live, runtime):
    failure = live.aws.failure()
    live.aws.relay.fail("PutEvents", *FULL)
    answer = runtime.invoke(failure.event)
    assert answer.kind == "error"
    assert "PutEvents" in answer.body["errorMessage"]
    (told,) = [line for line in runtime.lines() if line.startswith(OWN_WORDS)]
    assert "boto" not in told, "no chain of errors, which nobody has redacted"
    live.aws.relay.heal()
    assert runtime.invoke(failure.event).body["status"] == "DIAGNOSED"
