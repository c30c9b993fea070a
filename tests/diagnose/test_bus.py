"""The bus: what is published arrives whole, what is refused is told, what is too large is cut in the open."""

import json
from datetime import UTC, datetime

import pytest
from awsserver import AwsServer

from diagnose.bus import KEPT_CHARS, KEPT_GAPS, MAX_ENTRY_BYTES, Bus
from diagnose.diagnosis import Diagnosis, Evidence, RuledOut, Status
from diagnose.errors import DeliveryError
from diagnose.verdict import refuse

MOMENT = datetime(2026, 11, 22, 7, 30, tzinfo=UTC)


def diagnosis(**more):
    plain = refuse(Status.IGNORED, "a test", cluster_id="j-1A", step_id="s-1A", moment=MOMENT)
    return plain.model_copy(update=more)


class Told:
    """Keeps what it is sent, and answers as it was told."""

    def __init__(self, answer=None):
        self.sent, self.answer = [], answer or {"FailedEntryCount": 0, "Entries": [{"EventId": "e"}]}

    def put_events(self, **request):
        self.sent.append(request)
        return self.answer


def test_a_subscriber_gets_the_payload():
    with AwsServer() as aws:
        events, queue = aws.client("events"), aws.client("sqs")
        events.create_event_bus(Name="DataJobDiagnosis")
        url = queue.create_queue(QueueName="subscriber")["QueueUrl"]
        arn = queue.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        pattern = json.dumps(
            {"source": ["data-job-failure-intelligence"], "detail-type": ["DataJobDiagnosis"]}
        )
        events.put_rule(Name="all", EventBusName="DataJobDiagnosis", EventPattern=pattern)
        events.put_targets(Rule="all", EventBusName="DataJobDiagnosis", Targets=[{"Id": "1", "Arn": arn}])
        Bus(events, "DataJobDiagnosis").publish(diagnosis())
        (message,) = queue.receive_message(QueueUrl=url, WaitTimeSeconds=5)["Messages"]
    detail = json.loads(message["Body"])["detail"]
    assert Diagnosis.model_validate(detail) == diagnosis()


def test_a_bus_that_is_not_there_is_an_error():
    with (
        AwsServer() as aws,
        pytest.raises(DeliveryError, match=r"PutEvents on 'gone': \w+; check RESULT_BUS_NAME"),
    ):
        Bus(aws.client("events"), "gone").publish(diagnosis())


def test_an_event_refused_within_an_answer_is_an_error():
    refusing = Told(
        {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "ThrottlingException", "ErrorMessage": "x"}]}
    )
    with pytest.raises(DeliveryError, match="ThrottlingException"):
        Bus(refusing, "DataJobDiagnosis").publish(diagnosis())


def sent(**more):
    told = Told()
    Bus(told, "DataJobDiagnosis").publish(diagnosis(**more))
    ((entry,),) = (request["Entries"] for request in told.sent)
    size = sum(len(entry[name].encode()) for name in ("Source", "DetailType", "Detail"))
    return json.loads(entry["Detail"]), size


def test_what_was_ruled_out_goes_first():
    rows = [RuledOut(text="é" * 2000, reason="known noise")] * 100
    detail, size = sent(ruled_out=rows, gaps=["one"])
    assert size <= MAX_ENTRY_BYTES
    assert detail["ruled_out"] == []
    assert detail["gaps"][0] == "one" and "100 lines that were ruled out are left out" in detail["gaps"][1]


def test_gaps_go_next_and_their_number_is_told():
    detail, size = sent(gaps=[f"gap {number} " + "x" * 4000 for number in range(100)])
    assert size <= MAX_ENTRY_BYTES
    assert len(detail["gaps"]) == KEPT_GAPS + 2
    assert "80 more gaps are left out" in detail["gaps"]


def test_long_texts_are_cut_last():
    detail, size = sent(
        root_cause="x" * MAX_ENTRY_BYTES, gaps=["y" * 20_000] * 30, recommendations=["z" * 9000]
    )
    assert size <= MAX_ENTRY_BYTES
    assert (
        len(detail["root_cause"]) == len(detail["gaps"][0]) == len(detail["recommendations"][0]) == KEPT_CHARS
    )


def test_a_verdict_that_never_fits_is_refused_not_sent():
    told = Told()
    row = Evidence(text="é" * 200_000, file="f", line=1, container=None, attempt=None, role="cause")
    with pytest.raises(DeliveryError, match="the bus takes"):
        Bus(told, "DataJobDiagnosis").publish(diagnosis(evidence=[row]))
    assert told.sent == []


def test_half_a_character_pair_is_no_error():
    detail, _ = sent(root_cause="a\ud800b")
    assert detail["root_cause"] == "a?b"
