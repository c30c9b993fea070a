"""The EMR API source against a loopback stand-in that botocore speaks to as to the service."""

import json
import logging

import boto3
import emrserver
import pytest
from botocore.config import Config
from canary import canaries, leaks
from emrserver import EmrServer, sample_meta

from diagnose.background import describe
from diagnose.deadline import NO_DEADLINE, Deadline
from diagnose.emr import CACHE_SECONDS, EmrSource
from diagnose.errors import DeadlineError, MetadataError
from diagnose.failure import Failure
from diagnose.metadata import read_metadata
from diagnose.redaction import Redactor

CREDENTIALS = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
FAILURE = Failure(cluster_id="j-1", step_id="s-1")


class Pauses(list):
    """Takes the place of sleep."""

    def __call__(self, seconds):
        self.append(seconds)


@pytest.fixture
def client():
    made = []

    def make(server):
        made.append(
            boto3.client(
                "emr",
                region_name="eu-west-1",
                endpoint_url=server.endpoint,
                **CREDENTIALS,
                config=Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=5),
            )
        )
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def pauses():
    return Pauses()


@pytest.fixture
def source(client, pauses):
    return lambda server, **more: EmrSource(client(server), sleep=pauses, **more)


def test_the_api_tells_what_meta_json_tells(source):
    document = sample_meta()
    with EmrServer(document) as server:
        told = source(server).fetch(FAILURE, deadline=NO_DEADLINE)
    failure, context, gaps = read_metadata(json.dumps(document))
    assert told.failure == failure
    assert told.gaps == gaps == ()
    for group in ("cluster", "log_locations", "logging", "spark", "yarn", "hive", "step", "signals"):
        assert getattr(told.context, group) == getattr(context, group), group
    assert told.failure.region == "eu-west-1"
    assert told.context.step["started"] == "2026-11-22T07:40:05.250000Z"
    assert told.context.cluster["ended_instances"][0]["code"] == "INSTANCE_FAILURE"
    assert '"application_1_0001"' in told.context.document
    assert '"EndDateTime": "2026-11-22T07:45:24Z"' in told.context.document


def test_what_the_event_told_stays(source):
    known = Failure(cluster_id="j-1", step_id="s-1", job_name="by the event", region="us-east-1")
    with EmrServer(sample_meta()) as server:
        told = source(server).fetch(known, deadline=NO_DEADLINE)
    assert (told.failure.job_name, told.failure.region) == ("by the event", "us-east-1")


def test_fleets_are_asked_for_where_the_cluster_has_fleets(source):
    document = sample_meta(
        instance_groups=[],
        instance_fleets=[
            {
                "Id": "if-1",
                "InstanceFleetType": "CORE",
                "TargetOnDemandCapacity": 0,
                "TargetSpotCapacity": 8,
                "ProvisionedOnDemandCapacity": 0,
                "ProvisionedSpotCapacity": 4,
                "InstanceTypeSpecifications": [
                    {"InstanceType": "m5.xlarge", "WeightedCapacity": 4},
                    {"InstanceType": "r5.xlarge", "WeightedCapacity": 8},
                ],
            }
        ],
    )
    document["cluster"]["InstanceCollectionType"] = "INSTANCE_FLEET"
    with EmrServer(document) as server:
        told = source(server).fetch(FAILURE, deadline=NO_DEADLINE)
        assert server.calls["ListInstanceGroups"] == 0
    (row,) = told.context.cluster["instances"]["CORE"]
    assert (row["market"], row["requested"], row["running"], row["unit"]) == ("SPOT", 8, 4, "capacity")
    assert (row["types"], row["weights"]) == (["m5.xlarge", "r5.xlarge"], [4, 8])


@pytest.mark.parametrize("fault", [emrserver.THROTTLED, emrserver.BROKEN, emrserver.CUT], ids=lambda f: f[1])
def test_what_may_pass_is_tried_three_times_more(source, pauses, fault):
    with EmrServer(sample_meta()) as server:
        server.fail("DescribeStep", fault, fault, fault)
        told = source(server).fetch(FAILURE, deadline=NO_DEADLINE)
        assert server.calls["DescribeStep"] == 4
    assert pauses == [1, 2, 4]
    assert told.context.step["name"] == "orders"


@pytest.mark.parametrize("fault", [emrserver.THROTTLED, emrserver.BROKEN, emrserver.CUT], ids=lambda f: f[1])
def test_after_four_attempts_it_is_an_error_that_names_the_call(source, fault):
    with EmrServer(sample_meta()) as server:
        server.fail("DescribeCluster", *[fault] * 4)
        with pytest.raises(
            MetadataError, match=r"DescribeCluster of 'j-1': \w+; gave up after 4 attempts"
        ) as caught:
            source(server).fetch(FAILURE, deadline=NO_DEADLINE)
        assert server.calls["DescribeCluster"] == 4
    assert emrserver.RAW not in str(caught.value)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (emrserver.DENIED, "AccessDeniedException; allow elasticmapreduce:DescribeStep"),
        (emrserver.INVALID, "ValidationException; there is no such cluster or step"),
        (emrserver.EXPIRED, "ExpiredTokenException; give valid AWS credentials"),
        ((400, "SomethingNew"), "SomethingNew; not worth a retry"),
    ],
)
def test_what_no_retry_mends_is_an_error_at_once(source, pauses, fault, words):
    with EmrServer(sample_meta()) as server:
        server.fail("DescribeStep", fault)
        with pytest.raises(MetadataError, match=words) as caught:
            source(server).fetch(FAILURE, deadline=NO_DEADLINE)
        assert server.calls["DescribeStep"] == 1
    assert pauses == []
    assert emrserver.RAW not in str(caught.value)
    assert caught.value.__cause__ is None and caught.value.__suppress_context__


def test_a_step_that_is_not_there_is_named(source, pauses):
    with (
        EmrServer(sample_meta()) as server,
        pytest.raises(MetadataError, match=r"'s-9' of 'j-1': InvalidRequest"),
    ):
        source(server).fetch(Failure(cluster_id="j-1", step_id="s-9"), deadline=NO_DEADLINE)
    assert pauses == []


def test_ids_are_needed(source):
    with EmrServer(sample_meta()) as server:
        with pytest.raises(MetadataError, match="cluster id and step id are needed"):
            source(server).fetch(Failure(cluster_id="j-1"), deadline=NO_DEADLINE)
        assert not server.calls


@pytest.mark.parametrize(
    ("operation", "words"),
    [("ListInstanceGroups", "instance types and counts"), ("ListInstances", "why instances ended")],
)
def test_what_is_not_required_is_a_gap_that_names_the_permission(source, operation, words):
    with EmrServer(sample_meta()) as server:
        server.fail(operation, emrserver.DENIED)
        told = source(server).fetch(FAILURE, deadline=NO_DEADLINE)
    (gap,) = told.gaps
    assert words in gap and f"allow elasticmapreduce:{operation}" in gap
    assert told.context.step["name"] == "orders"


def test_a_page_that_is_no_json_is_no_answer(source):
    with EmrServer(sample_meta()) as server:
        server.fail("DescribeStep", emrserver.NO_JSON)
        with pytest.raises(MetadataError, match="the answer holds no Step"):
            source(server).fetch(FAILURE, deadline=NO_DEADLINE)


def test_all_pages_are_read_up_to_a_limit(source):
    document = sample_meta()
    row = document["instances"][0]
    document["instances"] = [{**row, "Ec2InstanceId": f"i-{n:03d}"} for n in range(25)]
    with EmrServer(document, page_size=10) as server:
        told = source(server).fetch(FAILURE, deadline=NO_DEADLINE)
        assert server.calls["ListInstances"] == 3
        assert server.requests[-1][1]["InstanceStates"] == ["TERMINATED"]
    (ended,) = told.context.cluster["ended_instances"]
    assert ended["count"] == 25 and len(ended["instances"]) == 5
    with EmrServer(document, page_size=1) as server:
        told = source(server).fetch(FAILURE, deadline=NO_DEADLINE)
        assert server.calls["ListInstances"] == 10
    assert "ListInstances has more than 10 pages" in told.gaps[0]


def test_a_cluster_is_asked_once_for_steps_that_fail_together(source):
    second = sample_meta()
    second["step"] = {**second["step"], "Id": "s-2", "Name": "refunds"}
    ticks = [0.0]
    with EmrServer(sample_meta(), second) as server:
        asked = source(server, clock=lambda: ticks[0])
        asked.fetch(FAILURE, deadline=NO_DEADLINE)
        told = asked.fetch(Failure(cluster_id="j-1", step_id="s-2"), deadline=NO_DEADLINE)
        assert told.context.step["name"] == "refunds"
        assert server.calls == {
            "DescribeStep": 2,
            "DescribeCluster": 1,
            "ListInstanceGroups": 1,
            "ListInstances": 1,
        }
        ticks[0] = CACHE_SECONDS
        asked.fetch(FAILURE, deadline=NO_DEADLINE)
        assert server.calls["DescribeCluster"] == 2


def test_a_failed_list_is_asked_for_again(source):
    with EmrServer(sample_meta()) as server:
        server.fail("ListInstances", emrserver.DENIED)
        asked = source(server)
        assert asked.fetch(FAILURE, deadline=NO_DEADLINE).gaps
        assert not asked.fetch(FAILURE, deadline=NO_DEADLINE).gaps


def test_the_cache_is_bounded(source):
    documents = []
    for number in range(23):
        document = sample_meta()
        document["cluster"] = {**document["cluster"], "Id": f"j-{number}"}
        documents.append(document)
    with EmrServer(*documents) as server:
        asked = source(server, clock=lambda: 0.0)
        for number in range(23):
            asked.fetch(Failure(cluster_id=f"j-{number}", step_id="s-1"), deadline=NO_DEADLINE)
        asked.fetch(Failure(cluster_id="j-22", step_id="s-1"), deadline=NO_DEADLINE)
        assert server.calls["DescribeCluster"] == 23
        asked.fetch(Failure(cluster_id="j-0", step_id="s-1"), deadline=NO_DEADLINE)
        assert server.calls["DescribeCluster"] == 24


def test_no_wait_begins_that_ends_after_the_deadline(source, pauses):
    left = iter([9.0, 3.0, 3.0, 1.5])
    with EmrServer(sample_meta()) as server:
        server.fail("DescribeStep", *[emrserver.THROTTLED] * 4)
        with pytest.raises(DeadlineError, match="EMR DescribeStep"):
            source(server).fetch(FAILURE, deadline=Deadline(lambda: next(left)))
    assert pauses == [1]


def test_without_time_nothing_is_asked(source):
    with EmrServer(sample_meta()) as server:
        with pytest.raises(DeadlineError):
            source(server).fetch(FAILURE, deadline=Deadline(lambda: 5.0, reserve_seconds=5.0))
        assert not server.calls


def test_time_that_runs_out_after_step_and_cluster_costs_only_the_rest(source):
    left = iter([9.0, 9.0])
    with EmrServer(sample_meta()) as server:
        told = source(server).fetch(FAILURE, deadline=Deadline(lambda: next(left, 0.0)))
    assert told.context.cluster["name"] == "analytics"
    assert [gap.partition(":")[0] for gap in told.gaps] == [
        "instance types and counts are not known",
        "why instances ended is not known",
    ]


def test_secrets_of_a_step_reach_no_log_record_and_are_redacted(source, caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger("botocore.parsers"), "filters", [])  # of earlier tests
    secret = canaries(7)[0]
    document = sample_meta()
    document["step"]["Config"]["Args"] += ["--" + secret.key, secret.value]
    caplog.set_level(logging.DEBUG)
    with EmrServer(document) as server:
        told = source(server).fetch(FAILURE, deadline=NO_DEADLINE)
    assert not leaks(secret.value, "\n".join(str(vars(record)) for record in caplog.records))
    session = Redactor().session()
    session.text(told.context.document)
    shown = session.text(describe(told.context)["step"])
    assert "[REDACTED-" in shown and not leaks(secret.value, shown)


@pytest.mark.parametrize(
    "body",
    [
        '["x"]',
        "null",
        "[" * 50_000,
        '{"Step": {"Id": "s-1", "Status": {"Timeline": {"EndDateTime": 1e99}}}}',
        '{"Step": {"Id": "s-1", "Status": {"Timeline": {"EndDateTime": "no date"}}}}',
        '{"Step": "x"}',
    ],
)
def test_an_answer_of_no_known_shape_is_an_error_in_our_words(source, body):
    with EmrServer(sample_meta()) as server:
        server.fail("DescribeStep", *[(200, body)] * 4)
        with pytest.raises(MetadataError, match="EMR"):
            source(server).fetch(FAILURE, deadline=NO_DEADLINE)
