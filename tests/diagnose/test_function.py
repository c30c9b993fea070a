"""The function: what a queue's batch and a direct call get back, and that nothing is lost on the way."""

import json
import logging
from dataclasses import replace
from datetime import timedelta

import pytest
from deliveries import MOMENT, event, queued

from diagnose.errors import DeliveryError, InvocationError
from diagnose.function import BEGIN_SECONDS, MAX_ERROR_CHARS, Function, Route
from diagnose.log import MemoryStore
from diagnose.metric import MemoryMeter
from diagnose.pipeline import default_kit, run
from diagnose.repeat import MemoryRepeats
from diagnose.settings import Settings
from diagnose.telemetry import Silent
from diagnose.trail import Trail

RESERVE = 30.0
PLAIN = {"clusterId": "j-2AXTREE000001", "stepId": "s-1AXTREE000001"}


class Logs:
    """The same logs for every step."""

    def __init__(self, files):
        self._files = files

    def find(self, failure, context, *, deadline):
        own = {name.replace(PLAIN["stepId"], failure.step_id): data for name, data in self._files.items()}
        return MemoryStore(own), ()


class World:
    """A function and all that it tells."""

    def __init__(self, files, **settings):
        self.published, self.put_off, self.regions, self.walked = [], [], [], 0
        self.remaining = 300.0
        self.kit = replace(default_kit(Settings(**settings)), archive=Logs(files), now=lambda: MOMENT)
        self.meter, self.trail, self.repeats = MemoryMeter(), Trail(), MemoryRepeats()
        self.spent = 0.0

    def function(self, **more):
        plain = {
            "route": self._route,
            "repeats": self.repeats,
            "publish": self.published.append,
            "put_off": lambda receipt, seconds: self.put_off.append((receipt, seconds)),
            "meter": self.meter,
            "trail": self.trail,
            "telemetry": lambda failure, trace: Silent(),
            "redact": self.kit.redactor.session().text,
            "now": lambda: MOMENT,
            "reserve_seconds": RESERVE,
            "token_budget": 1000,
            "monotonic_seconds": lambda: 0.0,
        }
        return Function(**plain | more)

    def invoke(self, payload, **more):
        return self.function(**more).invoke(payload, remaining_seconds=lambda: self.remaining)

    def _route(self, region):
        self.regions.append(region)
        return Route(kit=self.kit, walk=self._walk)

    def _walk(self, state, kit):
        self.walked += 1
        self.remaining -= self.spent
        return run(state, kit)


@pytest.fixture
def world(tree):
    return World(tree.driver(status=3).files)


def steps(count):
    return [event(step=f"s-1AXTREE{number:06d}", ident=f"e-{number}") for number in range(count)]


def failures(answer):
    return [row["itemIdentifier"] for row in answer["batchItemFailures"]]


def counts(world, name):
    return [reading[name] for reading in world.meter.readings]


def test_a_direct_call_gets_its_payload_each_time(world):
    first, second = world.invoke(PLAIN), world.invoke(PLAIN)
    assert first["status"] == second["status"] == "DIAGNOSED"
    assert json.loads(json.dumps(first)) == first
    assert world.regions == ["", ""] and len(world.published) == 2


def test_a_direct_call_that_says_nothing_usable_is_answered_too(world):
    assert world.invoke({"nonsense": 1})["status"] == "INVALID_EVENT"
    assert counts(world, "EMRAnalyserFailures") == [1]


def test_of_ten_messages_the_two_poisoned_come_again(world):
    bodies = steps(10)
    bodies[3] = {"nonsense": 1}
    bodies[7] = "{"
    assert failures(world.invoke(queued(*bodies))) == ["m-3", "m-7"]
    assert len({(d.cluster_id, d.step_id) for d in world.published}) == len(world.published) == 8
    assert world.put_off == []
    assert (
        sum(counts(world, "EMRAnalyserInvocations")) == 10 and sum(counts(world, "EMRAnalyserFailures")) == 2
    )


def test_an_invalid_message_is_counted_once_however_often_it_comes(world):
    for receives in (1, 2, 3):
        assert failures(world.invoke(queued({"nonsense": 1}, receives=receives))) == ["m-0"]
    assert counts(world, "EMRAnalyserFailures") == [1]


def test_a_repeated_event_is_done_without_a_second_diagnosis(world):
    assert failures(world.invoke(queued(event()))) == []
    assert failures(world.invoke(queued(event(ident="e-2"), start=5))) == []
    assert world.walked == len(world.published) == 1


def test_a_step_that_did_not_fail_leaves_the_queue(world):
    assert failures(world.invoke(queued(event(state="COMPLETED")))) == []
    assert world.walked == 0 and world.published == []


def test_what_can_not_be_begun_in_time_comes_again_at_once_and_is_no_partial_analysis(world):
    world.remaining, world.spent = RESERVE + 100, 45
    answer = world.invoke(queued(*steps(3)))
    assert failures(answer) == ["m-2"]
    assert world.put_off == [("r-2", 0)]
    assert [d.status.value for d in world.published] == ["DIAGNOSED"] * 2
    assert counts(world, "EMRAnalyserNotBegun") == [0, 0, 1]
    assert BEGIN_SECONDS > 100 / 2, "of a short invocation half of its time is enough to begin"


def test_the_first_message_is_begun_while_anything_but_the_reserve_is_left(world):
    world.remaining, world.spent = RESERVE + 1, 1
    assert failures(world.invoke(queued(*steps(2)))) == ["m-1"]
    assert world.walked == 1


def test_a_reserve_that_leaves_no_time_uses_up_no_receipts_in_a_hurry(world, caplog):
    world.remaining = RESERVE
    assert failures(world.invoke(queued(event()))) == ["m-0"]
    assert world.walked == 0 and world.put_off == []
    assert counts(world, "EMRAnalyserNotBegun") == [1]
    assert "DEADLINE_RESERVE_SECONDS" in caplog.text


def test_a_direct_call_near_its_deadline_gets_what_is_done(world):
    world.remaining = RESERVE - 1
    assert world.invoke(PLAIN)["status"] == "PARTIAL_ANALYSIS"


def test_logs_that_are_late_are_waited_for_and_then_diagnosed():
    world = World({})
    early = queued(event(time=MOMENT - timedelta(seconds=100)))
    assert failures(world.invoke(early)) == ["m-0"]
    assert world.put_off == [("r-0", 60)] and world.published == []
    assert counts(world, "EMRAnalyserPostponed") == [1]
    late = queued(event(time=MOMENT - timedelta(seconds=700)))
    assert failures(world.invoke(late)) == []
    assert world.published[0].failure_type.value == "LOGS_UNAVAILABLE"


def refusing(*_):
    raise DeliveryError("the bus refuses")


@pytest.mark.parametrize(("age_seconds", "waits"), [(0, 60), (300, 150), (3000, 1500), (90_000, 1800)])
def test_what_could_not_be_published_waits_half_its_age(world, age_seconds, waits):
    batch = queued(event(), sent=MOMENT - timedelta(seconds=age_seconds))
    assert failures(world.invoke(batch, publish=refusing)) == ["m-0"]
    assert world.put_off == [("r-0", waits)]
    assert counts(world, "EMRAnalyserFailures") == [1]
    assert failures(world.invoke(batch)) == [] and len(world.published) == 1


def test_what_another_delivery_is_at_waits_for_it_and_is_never_dropped(world):
    batch = queued(event())
    world.repeats.claim("emr:j-2AXTREE000001:s-1AXTREE000001", owner="a process that died")
    assert failures(world.invoke(batch)) == ["m-0"]
    ((receipt, seconds),) = world.put_off
    assert receipt == "r-0" and 890 < seconds <= 900
    assert counts(world, "EMRAnalyserPostponed") == [1] and world.walked == 0
    world.repeats.settle("emr:j-2AXTREE000001:s-1AXTREE000001", owner="a process that died", done=False)
    assert failures(world.invoke(batch)) == [] and len(world.published) == 1


def test_two_copies_of_one_message_at_once_are_one_diagnosis(world):
    copy = queued(event())
    copy["Records"][0]["receiptHandle"] = "another receipt of the same message"

    def during(diagnosis):
        assert failures(world.invoke(copy)) == ["m-0"]
        world.published.append(diagnosis)

    assert failures(world.invoke(queued(event()), publish=during)) == []
    assert world.walked == len(world.published) == 1


def test_what_is_published_leaves_the_queue_though_the_table_is_gone(world, caplog):
    class Forgetful(MemoryRepeats):
        def settle(self, key, *, owner, done):
            raise DeliveryError("no table")

    assert failures(world.invoke(queued(event()), repeats=Forgetful())) == []
    assert len(world.published) == 1 and "the claim ends by itself" in caplog.text


def test_a_direct_call_gets_a_payload_that_the_bus_did_not_take(world):
    answer = world.invoke(PLAIN, publish=refusing)
    assert answer["status"] == "DIAGNOSED" and "could not be published" in answer["gaps"][-1]


def test_an_event_that_no_queue_delivers_is_refused_while_another_is_at_it(world):
    world.repeats.claim("emr:j-2AXTREE000001:s-1AXTREE000001", owner="another")
    with pytest.raises(InvocationError, match="send it again later"):
        world.invoke(event())


def test_a_record_that_can_not_be_named_fails_the_batch_so_that_it_comes_again(world):
    batch = queued(event(), event(step="s-1AXTREE000002"))
    del batch["Records"][1]["messageId"]
    with pytest.raises(InvocationError, match="messageId"):
        world.invoke(batch)
    assert len(world.published) == 1


def test_one_message_that_breaks_us_does_not_break_the_others(world):
    def breaking(diagnosis):
        if diagnosis.step_id == "s-1AXTREE000001":
            raise ZeroDivisionError("oops")
        world.published.append(diagnosis)

    assert failures(world.invoke(queued(*steps(3)), publish=breaking)) == ["m-1"]
    assert len(world.published) == 2


def broken(*_):
    raise RuntimeError("a defect")


@pytest.mark.parametrize(
    ("put_off", "said"), [(refusing, "the bus refuses"), (broken, "could not be put off")]
)
def test_a_message_that_can_not_be_put_off_is_still_a_failure(world, caplog, put_off, said):
    assert failures(world.invoke(queued(event()), publish=refusing, put_off=put_off)) == ["m-0"]
    assert said in caplog.text


def test_a_table_that_is_gone_costs_no_message_and_no_model_call(world):
    class Gone:
        def claim(self, key, *, owner):
            raise DeliveryError("no table")

    assert failures(world.invoke(queued(event()), repeats=Gone())) == ["m-0"]
    assert world.walked == 0


def test_what_a_direct_call_raises_is_redacted_cut_and_has_no_chain(tree):
    world, secret = (
        World(tree.driver(status=3).files, redaction_extra_patterns=("ACME-[0-9]+",)),
        "hunter" + "2" * 9,
    )

    def leaking(_):
        raise RuntimeError(f"ACME-4711 password={secret} " + "x" * 5000)

    with pytest.raises(InvocationError, match="RuntimeError") as caught:
        world.invoke(PLAIN, publish=leaking)
    told = str(caught.value)
    assert secret not in told and "4711" not in told and len(told) < MAX_ERROR_CHARS + 100
    assert caught.value.__cause__ is None and caught.value.__suppress_context__
    assert counts(world, "EMRAnalyserFailures") == [0], "Lambda counts it among its own errors"


def test_each_line_is_told_whose_it_is(world):
    told = []

    class Keeping(logging.Handler):
        def emit(self, record):
            told.append((record.getMessage(), world.trail.fields()))

    logger, handler = logging.getLogger("diagnose"), Keeping()
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        world.invoke(queued(event()))
    finally:
        logger.removeHandler(handler)
        logger.setLevel(logging.NOTSET)
    ((_, fields),) = [row for row in told if row[0] == "the delivery is served"]
    assert (fields["cluster_id"], fields["step_id"]) == ("j-2AXTREE000001", "s-1AXTREE000001")
    assert fields["status"] == "DIAGNOSED"
    assert world.trail.fields()["cluster_id"] == ""


@pytest.mark.parametrize("records", [[], "none", None])
def test_records_that_are_none_are_answered_without_an_error(world, records):
    assert world.invoke({"Records": records}) == {"batchItemFailures": []}
    assert counts(world, "EMRAnalyserFailures") == [1]


def test_the_event_s_region_picks_the_route(world):
    world.invoke(queued({**event(), "region": "eu-west-1"}))
    assert world.regions == ["eu-west-1"]
