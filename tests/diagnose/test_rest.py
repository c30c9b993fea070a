"""The REST metadata source against a loopback stand-in over TLS: what is asked, and what every reply comes to."""

import gzip
import json
import time
from pathlib import Path

import boto3
import jsonschema
import pytest
from botocore.config import Config
from emrserver import EmrServer, sample_meta
from metadataserver import Answer, MetadataServer
from restapi import CREDENTIALS, FAILURE, KEY, NEXT_KEY, PATH, Keys, reply

from diagnose.contract import MetadataReply, reply_schema
from diagnose.deadline import NO_DEADLINE, Deadline
from diagnose.emr import EmrSource
from diagnose.errors import DeadlineError, MetadataError, UsageError
from diagnose.failure import Failure
from diagnose.rest import MAX_REPLY_BYTES, RestSource, http_client

SCHEMA = Path(__file__).resolve().parents[2] / "docs" / "metadata.schema.json"


def test_the_committed_schema_is_the_code_s():
    assert json.loads(SCHEMA.read_text()) == reply_schema(), (
        "run: python -c 'import json; from diagnose.contract import reply_schema; "
        "print(json.dumps(reply_schema(), indent=2))' > docs/metadata.schema.json"
    )


def test_the_schema_takes_what_the_code_takes():
    document = reply()[PATH]
    jsonschema.validate(document, reply_schema())
    MetadataReply.model_validate_json(json.dumps(document))
    del document["cluster"]["Id"]
    with pytest.raises(jsonschema.ValidationError, match="'Id' is a required property"):
        jsonschema.validate(document, reply_schema())


def fleet_meta():
    document = sample_meta(instance_groups=[])
    document["cluster"]["InstanceCollectionType"] = "INSTANCE_FLEET"
    document["instance_fleets"] = [
        {
            "InstanceFleetType": "TASK",
            "TargetSpotCapacity": 8,
            "ProvisionedSpotCapacity": 2,
            "InstanceTypeSpecifications": [
                {
                    "InstanceType": "m5.xlarge",
                    "WeightedCapacity": 2,
                    "Configurations": [{"Classification": "hive-site", "Properties": {"hive.x": "1"}}],
                }
            ],
        }
    ]
    return document


def logging_meta():
    document = sample_meta()
    document["step"].pop("LogUri")
    document["step"]["StepMonitoringConfiguration"] = {
        "S3MonitoringConfiguration": {"LogUri": "s3://third/", "EncryptionKeyArn": "arn:aws:kms:::key/1"}
    }
    document["cluster"] |= {
        "OSReleaseLabel": "2.0.1",
        "MonitoringConfiguration": {
            "S3LoggingConfiguration": {"LogTypeUploadPolicy": {"system-logs": "disabled"}},
            "CloudWatchLogConfiguration": {"Enabled": True, "LogGroupName": "/emr"},
        },
        "Ec2InstanceAttributes": {"IamInstanceProfile": "EMR_EC2", "Ec2AvailabilityZone": "eu-west-1a"},
    }
    document["instance_groups"][1] |= {
        "ConfigurationsVersion": 2,
        "LastSuccessfullyAppliedConfigurationsVersion": 1,
        "LastSuccessfullyAppliedConfigurations": [
            {"Classification": "yarn-site", "Properties": {"yarn.nodemanager.resource.memory-mb": "1"}}
        ],
    }
    return document


@pytest.mark.parametrize("make", [sample_meta, fleet_meta], ids=["groups", "fleets"])
def test_both_sources_tell_the_same(rest_source, make):
    document = make()
    with EmrServer(document) as emr:
        client = boto3.client(
            "emr",
            region_name="eu-west-1",
            endpoint_url=emr.endpoint,
            config=Config(retries={"total_max_attempts": 1}),
            **CREDENTIALS,
        )
        one = EmrSource(client).fetch(FAILURE, deadline=NO_DEADLINE)
        client.close()
    with MetadataServer({PATH: document}, key=KEY) as server:
        two = rest_source(server).fetch(FAILURE, deadline=NO_DEADLINE)
    assert one.failure == two.failure
    assert one.gaps == two.gaps
    for group in ("cluster", "log_location", "log_locations", "logging", "spark", "yarn", "hive", "step"):
        assert getattr(one.context, group) == getattr(two.context, group), group
    assert one.context.cluster["instances"]


def test_the_schema_knows_every_field_that_is_read(rest_source):
    from diagnose.metadata import read_metadata

    document = logging_meta()
    _, context, gaps = read_metadata(json.dumps(document))
    with MetadataServer({PATH: document}, key=KEY) as server:
        told = rest_source(server).fetch(FAILURE, deadline=NO_DEADLINE)
    assert told.gaps == gaps
    for group in ("cluster", "logging", "log_locations", "yarn"):
        assert getattr(told.context, group) == getattr(context, group), group
    assert told.context.cluster["instance_profile"] == "EMR_EC2"


def test_signals_are_told_here_only(rest_source):
    signals = {
        "control_row": {"batch_id": "b-7", "attempt_count": 2},
        "record_counts": {"in": 10},
        "more": [1],
    }
    with MetadataServer(reply(signals=signals), key=KEY) as server:
        told = rest_source(server).fetch(FAILURE, deadline=NO_DEADLINE)
    assert told.context.signals == signals


@pytest.mark.parametrize("signals", [{"record_counts": {"in": "many"}, "control_row": [1]}, [1], "none"])
def test_signals_of_another_shape_cost_no_diagnosis(rest_source, signals):
    with MetadataServer(reply(signals=signals), key=KEY) as server:
        told = rest_source(server).fetch(FAILURE, deadline=NO_DEADLINE)
    assert told.context.step["name"]
    assert told.context.signals == (signals if isinstance(signals, dict) else {})
    assert isinstance(signals, dict) or "metadata, signals: not as agreed, ignored" in told.gaps


def test_signals_that_are_nested_too_deeply_are_an_error_that_names_the_reply_alone(rest_source):
    body = json.dumps(reply(signals={"note": "x"})[PATH]).replace('"x"', "[" * 300 + f'"{KEY}"' + "]" * 300)
    with MetadataServer(key=KEY) as server:
        server.script.append(Answer(body=body.encode()))
        with pytest.raises(MetadataError, match=r"reply is not as .* \(json_invalid\)") as caught:
            rest_source(server).fetch(FAILURE, deadline=NO_DEADLINE)
    assert "signals" not in str(caught.value)


def test_one_request_with_the_key_in_its_header_and_nothing_else(rest_source):
    with MetadataServer(reply(), key=KEY) as server:
        rest_source(server).fetch(FAILURE, deadline=NO_DEADLINE)
        assert server.paths == [PATH]
        (headers,) = server.headers
    assert {name.lower() for name in headers} == {
        "host",
        "accept",
        "accept-encoding",
        "connection",
        "user-agent",
        "x-api-key",
    }


def test_ids_are_percent_encoded(rest_source):
    failure = Failure(cluster_id="j/../1?x=y#z", step_id="s 1%2F")
    with MetadataServer(key=KEY) as server:
        with pytest.raises(MetadataError, match="HTTP 404"):
            rest_source(server).fetch(failure, deadline=NO_DEADLINE)
        assert server.paths == ["/clusters/j%2F..%2F1%3Fx%3Dy%23z/steps/s%201%252F"]


@pytest.mark.parametrize("ids", [("", "s-1"), ("j-1", ""), ("..", "s-1"), ("j-1", ".")])
def test_ids_that_make_no_path_are_refused(rest_source, ids):
    with MetadataServer(key=KEY) as server:
        with pytest.raises(MetadataError, match="are needed"):
            rest_source(server).fetch(Failure(cluster_id=ids[0], step_id=ids[1]), deadline=NO_DEADLINE)
        assert server.calls == 0


@pytest.mark.parametrize(
    "fault", [Answer(status=500), Answer(status=503), Answer(status=429), Answer(cut=True)]
)
def test_what_may_pass_is_tried_three_times_more(rest_source, pauses, fault):
    with MetadataServer(reply(), key=KEY) as server:
        server.script.extend([fault] * 3)
        assert rest_source(server).fetch(FAILURE, deadline=NO_DEADLINE).context.step["name"] == "orders"
        assert server.calls == 4
    assert pauses == [1, 2, 4]


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Answer(status=502), "HTTP 502; gave up after 4"),
        (Answer(cut=True), "RemoteProtocolError, gave up after 4"),
    ],
)
def test_after_four_attempts_it_is_an_error(rest_source, fault, words):
    with MetadataServer(reply(), key=KEY) as server:
        server.script.extend([fault] * 5)
        with pytest.raises(MetadataError, match=words):
            rest_source(server).fetch(FAILURE, deadline=NO_DEADLINE)
        assert server.calls == 4


def test_a_reply_that_does_not_come_is_waited_for_four_times(rest_source, pauses):
    with MetadataServer(reply(), key=KEY) as server:
        server.script.extend([Answer(hold=True)] * 4)
        with pytest.raises(MetadataError, match="ReadTimeout, gave up after 4 attempts"):
            rest_source(server, timeout_seconds=0.1).fetch(FAILURE, deadline=NO_DEADLINE)
        assert server.calls == 4
    assert pauses == [1, 2, 4]


def test_a_reply_that_does_not_come_is_not_waited_for_beyond_the_deadline(rest_source):
    begun = time.monotonic()
    with MetadataServer(reply(), key=KEY) as server:
        server.script.append(Answer(hold=True))
        with pytest.raises(DeadlineError):
            rest_source(server, timeout_seconds=3600).fetch(
                FAILURE, deadline=Deadline(lambda: 0.5 - (time.monotonic() - begun))
            )
        assert server.calls == 1


@pytest.mark.parametrize(
    ("value", "waited"), [("7", [7]), ("Sun, 22 Nov 2026 07:45:40 GMT", [10]), ("soon", [1]), ("0", [1])]
)
def test_retry_after_is_honoured(rest_source, pauses, value, waited):
    with MetadataServer(reply(), key=KEY) as server:
        server.script.append(Answer(status=429, headers={"Retry-After": value}))
        rest_source(server, now=lambda: 1795333530.0).fetch(FAILURE, deadline=NO_DEADLINE)
    assert pauses == waited


def test_a_long_retry_after_is_not_waited_for(rest_source, pauses):
    with MetadataServer(reply(), key=KEY) as server:
        server.script.append(Answer(status=503, headers={"Retry-After": "3600"}))
        with pytest.raises(MetadataError, match="asks to come back in 3600 s"):
            rest_source(server).fetch(FAILURE, deadline=NO_DEADLINE)
        server.script.append(Answer(status=503, headers={"Retry-After": "30"}))
        with pytest.raises(DeadlineError):
            rest_source(server).fetch(FAILURE, deadline=Deadline(lambda: 20.0))
    assert pauses == []


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (400, "not worth a retry"),
        (404, "no such step"),
        (302, "redirects are not followed"),
        (204, "not worth"),
    ],
)
def test_other_statuses_are_errors_at_once(rest_source, pauses, status, words):
    with MetadataServer(reply(), key=KEY) as server:
        server.script.append(Answer(status=status, headers={"Location": server.endpoint + PATH}, body=b""))
        with pytest.raises(MetadataError, match=f"HTTP {status}; .*{words}"):
            rest_source(server).fetch(FAILURE, deadline=NO_DEADLINE)
        assert server.calls == 1
    assert pauses == []


def test_a_client_that_follows_redirects_does_not_do_so_with_the_key(pauses):
    with MetadataServer(reply(), key=KEY) as there, MetadataServer(reply(), key=KEY) as server:
        with http_client(cafile=server.cafile) as http:
            http.follow_redirects = True
            server.script.append(Answer(status=307, headers={"Location": there.endpoint + PATH}))
            asking = RestSource(http, server.endpoint, "x-api-key", Keys(KEY), sleep=pauses)
            with pytest.raises(MetadataError, match="HTTP 307"):
                asking.fetch(FAILURE, deadline=NO_DEADLINE)
        assert there.calls == 0


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("self-signed", "self-signed"),
        ("unknown-issuer", "issuer is not known"),
        ("wrong-host", "for another host"),
        ("expired", "has expired"),
        ("old-tls", "no TLS 1.2 or later"),
        ("no-tls", "speaks no TLS"),
    ],
)
def test_a_failed_check_of_tls_is_named_at_once_and_the_key_stays(rest_source, pauses, kind, words):
    with MetadataServer(reply(), key=KEY, kind=kind) as server:
        with pytest.raises(MetadataError, match=f"TLS: .*{words}"):
            rest_source(server).fetch(FAILURE, deadline=NO_DEADLINE)
        assert server.headers == []
    assert pauses == []


def test_a_ca_file_that_is_none_is_a_usage_error(tmp_path):
    with pytest.raises(UsageError, match=r"ca\.pem: no PEM file"):
        http_client(cafile=str(tmp_path / "ca.pem"))
    (tmp_path / "ca.pem").write_text("nothing")
    with pytest.raises(UsageError, match=r"ca\.pem: no PEM file"):
        http_client(cafile=str(tmp_path / "ca.pem"))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"<html>", "is not JSON"),
        (b"\xff\xfe\xff", "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (b"{}", r"step is not as docs/metadata.schema.json says \(missing\)"),
        (b"[]", "reply is not as"),
        (
            b'{"step":{"Id":"s-1","Config":{"Args":"x"}},"cluster":{"Id":"j-1"}}',
            r"step\.Config\.Args is not as",
        ),
        (b'{"step":{"Id":"s-2"},"cluster":{"Id":"j-1"}}', "about another step or cluster"),
        (b'{"step":{"Id":"s-1"},"cluster":{"Id":"j-2"}}', "about another step or cluster"),
        (b" " * (MAX_REPLY_BYTES + 1), "larger than 1048576 bytes"),
    ],
    ids=["html", "binary", "deep", "empty", "list", "wrong type", "other step", "other cluster", "huge"],
)
def test_a_reply_that_is_not_as_agreed_is_an_error_that_says_why(rest_source, pauses, body, words):
    with MetadataServer(key=KEY) as server:
        server.script.append(Answer(body=body))
        with pytest.raises(MetadataError, match=words):
            rest_source(server).fetch(FAILURE, deadline=NO_DEADLINE)
    assert pauses == []


def test_an_error_names_neither_a_value_nor_a_key_of_the_job(rest_source):
    step = {"Id": "s-1", "Config": {"Properties": {KEY: [NEXT_KEY]}}}
    bad = {"step": step, "cluster": {"Id": "j-1"}}
    wanted = pytest.raises(MetadataError, match=r"step\.Config\.Properties is not as")
    with MetadataServer({PATH: bad}, key=KEY) as server, wanted as caught:
        rest_source(server).fetch(FAILURE, deadline=NO_DEADLINE)
    assert KEY not in str(caught.value) and NEXT_KEY not in str(caught.value)


def test_a_compressed_reply_is_refused(rest_source):
    with MetadataServer(key=KEY) as server:
        server.script.append(Answer(body=gzip.compress(b"{}"), headers={"Content-Encoding": "gzip"}))
        with pytest.raises(MetadataError, match="is compressed"):
            rest_source(server).fetch(FAILURE, deadline=NO_DEADLINE)


def test_half_a_surrogate_and_unknown_fields_do_not_stop_it(rest_source):
    body = json.dumps(reply(other={"a": 1})[PATH]).replace('"orders"', '"ord\\ud800ers"')
    with MetadataServer(key=KEY) as server:
        server.script.append(Answer(body=body.encode()))
        told = rest_source(server).fetch(FAILURE, deadline=NO_DEADLINE)
    assert told.context.step["name"] == "ord?ers"
    told.context.document.encode()
