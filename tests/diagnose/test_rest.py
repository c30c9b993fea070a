"""The REST metadata source against a loopback stand-in over TLS, and its key against moto's Secrets Manager."""

import gzip
import json
import logging
import random
import string
import time
from pathlib import Path

import boto3
import jsonschema
import pytest
from botocore.config import Config
from emrserver import EmrServer, sample_meta
from metadataserver import Answer, MetadataServer
from moto.server import ThreadedMotoServer

from diagnose.contract import MetadataReply, reply_schema
from diagnose.deadline import NO_DEADLINE, Deadline
from diagnose.emr import EmrSource
from diagnose.errors import DeadlineError, MetadataError, UsageError
from diagnose.failure import Failure
from diagnose.rest import MAX_REPLY_BYTES, RestSource, http_client, secret_key

SCHEMA = Path(__file__).resolve().parents[2] / "docs" / "metadata.schema.json"
CREDENTIALS = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
FAILURE = Failure(cluster_id="j-1", step_id="s-1")
PATH = "/clusters/j-1/steps/s-1"


def made_up(seed):
    rng = random.Random(seed)
    return "".join(rng.choice(string.ascii_letters + string.digits) for _ in range(40))


KEY, NEXT_KEY = made_up(1), made_up(2)


class Pauses(list):
    """Takes the place of sleep."""

    def __call__(self, seconds):
        self.append(seconds)


class Keys:
    """Gives one key after the other, the last for ever."""

    def __init__(self, *keys):
        self.keys = list(keys)
        self.asked = 0

    def __call__(self):
        self.asked += 1
        return self.keys.pop(0) if len(self.keys) > 1 else self.keys[0]


@pytest.fixture
def pauses():
    return Pauses()


@pytest.fixture
def source(pauses):
    made = []

    def make(server, key=None, *, timeout_seconds=5.0, **more):
        made.append(http_client(cafile=server.cafile, timeout_seconds=timeout_seconds))
        return RestSource(
            made[-1], server.endpoint + "/", "x-api-key", key or Keys(KEY), sleep=pauses, **more
        )

    yield make
    for http in made:
        http.close()


def reply(**more):
    return {PATH: {**sample_meta(), **more}}


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
def test_both_sources_tell_the_same(source, make):
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
        two = source(server).fetch(FAILURE, deadline=NO_DEADLINE)
    assert one.failure == two.failure
    assert one.gaps == two.gaps
    for group in ("cluster", "log_location", "log_locations", "logging", "spark", "yarn", "hive", "step"):
        assert getattr(one.context, group) == getattr(two.context, group), group
    assert one.context.cluster["instances"]


def test_the_schema_knows_every_field_that_is_read(source):
    from diagnose.metadata import read_metadata

    document = logging_meta()
    _, context, gaps = read_metadata(json.dumps(document))
    with MetadataServer({PATH: document}, key=KEY) as server:
        told = source(server).fetch(FAILURE, deadline=NO_DEADLINE)
    assert told.gaps == gaps
    for group in ("cluster", "logging", "log_locations", "yarn"):
        assert getattr(told.context, group) == getattr(context, group), group
    assert told.context.cluster["instance_profile"] == "EMR_EC2"


def test_signals_are_told_here_only(source):
    signals = {
        "control_row": {"batch_id": "b-7", "attempt_count": 2},
        "record_counts": {"in": 10},
        "more": [1],
    }
    with MetadataServer(reply(signals=signals), key=KEY) as server:
        told = source(server).fetch(FAILURE, deadline=NO_DEADLINE)
    assert told.context.signals == signals


@pytest.mark.parametrize("signals", [{"record_counts": {"in": "many"}, "control_row": [1]}, [1], "none"])
def test_signals_of_another_shape_cost_no_diagnosis(source, signals):
    with MetadataServer(reply(signals=signals), key=KEY) as server:
        told = source(server).fetch(FAILURE, deadline=NO_DEADLINE)
    assert told.context.step["name"]
    assert told.context.signals == (signals if isinstance(signals, dict) else {})
    assert isinstance(signals, dict) or "metadata, signals: not as agreed, ignored" in told.gaps


def test_one_request_with_the_key_in_its_header_and_nothing_else(source):
    with MetadataServer(reply(), key=KEY) as server:
        source(server).fetch(FAILURE, deadline=NO_DEADLINE)
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


def test_ids_are_percent_encoded(source):
    failure = Failure(cluster_id="j/../1?x=y#z", step_id="s 1%2F")
    with MetadataServer(key=KEY) as server:
        with pytest.raises(MetadataError, match="HTTP 404"):
            source(server).fetch(failure, deadline=NO_DEADLINE)
        assert server.paths == ["/clusters/j%2F..%2F1%3Fx%3Dy%23z/steps/s%201%252F"]


@pytest.mark.parametrize("ids", [("", "s-1"), ("j-1", ""), ("..", "s-1"), ("j-1", ".")])
def test_ids_that_make_no_path_are_refused(source, ids):
    with MetadataServer(key=KEY) as server:
        with pytest.raises(MetadataError, match="are needed"):
            source(server).fetch(Failure(cluster_id=ids[0], step_id=ids[1]), deadline=NO_DEADLINE)
        assert server.calls == 0


@pytest.mark.parametrize(
    "fault", [Answer(status=500), Answer(status=503), Answer(status=429), Answer(cut=True)]
)
def test_what_may_pass_is_tried_three_times_more(source, pauses, fault):
    with MetadataServer(reply(), key=KEY) as server:
        server.script.extend([fault] * 3)
        assert source(server).fetch(FAILURE, deadline=NO_DEADLINE).context.step["name"] == "orders"
        assert server.calls == 4
    assert pauses == [1, 2, 4]


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Answer(status=502), "HTTP 502; gave up after 4"),
        (Answer(cut=True), "RemoteProtocolError, gave up after 4"),
    ],
)
def test_after_four_attempts_it_is_an_error(source, fault, words):
    with MetadataServer(reply(), key=KEY) as server:
        server.script.extend([fault] * 5)
        with pytest.raises(MetadataError, match=words):
            source(server).fetch(FAILURE, deadline=NO_DEADLINE)
        assert server.calls == 4


def test_a_reply_that_does_not_come_is_waited_for_four_times(source, pauses):
    with MetadataServer(reply(), key=KEY) as server:
        server.script.extend([Answer(hold=True)] * 4)
        with pytest.raises(MetadataError, match="ReadTimeout, gave up after 4 attempts"):
            source(server, timeout_seconds=0.1).fetch(FAILURE, deadline=NO_DEADLINE)
        assert server.calls == 4
    assert pauses == [1, 2, 4]


def test_a_reply_that_does_not_come_is_not_waited_for_beyond_the_deadline(source):
    begun = time.monotonic()
    with MetadataServer(reply(), key=KEY) as server:
        server.script.append(Answer(hold=True))
        with pytest.raises(DeadlineError):
            source(server, timeout_seconds=3600).fetch(
                FAILURE, deadline=Deadline(lambda: 0.5 - (time.monotonic() - begun))
            )
        assert server.calls == 1


@pytest.mark.parametrize(
    ("value", "waited"), [("7", [7]), ("Sun, 22 Nov 2026 07:45:40 GMT", [10]), ("soon", [1]), ("0", [1])]
)
def test_retry_after_is_honoured(source, pauses, value, waited):
    with MetadataServer(reply(), key=KEY) as server:
        server.script.append(Answer(status=429, headers={"Retry-After": value}))
        source(server, now=lambda: 1795333530.0).fetch(FAILURE, deadline=NO_DEADLINE)
    assert pauses == waited


def test_a_long_retry_after_is_not_waited_for(source, pauses):
    with MetadataServer(reply(), key=KEY) as server:
        server.script.append(Answer(status=503, headers={"Retry-After": "3600"}))
        with pytest.raises(MetadataError, match="asks to come back in 3600 s"):
            source(server).fetch(FAILURE, deadline=NO_DEADLINE)
        server.script.append(Answer(status=503, headers={"Retry-After": "30"}))
        with pytest.raises(DeadlineError):
            source(server).fetch(FAILURE, deadline=Deadline(lambda: 20.0))
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
def test_other_statuses_are_errors_at_once(source, pauses, status, words):
    with MetadataServer(reply(), key=KEY) as server:
        server.script.append(Answer(status=status, headers={"Location": server.endpoint + PATH}, body=b""))
        with pytest.raises(MetadataError, match=f"HTTP {status}; .*{words}"):
            source(server).fetch(FAILURE, deadline=NO_DEADLINE)
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
def test_a_failed_check_of_tls_is_named_at_once_and_the_key_stays(source, pauses, kind, words):
    with MetadataServer(reply(), key=KEY, kind=kind) as server:
        with pytest.raises(MetadataError, match=f"TLS: .*{words}"):
            source(server).fetch(FAILURE, deadline=NO_DEADLINE)
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
def test_a_reply_that_is_not_as_agreed_is_an_error_that_says_why(source, pauses, body, words):
    with MetadataServer(key=KEY) as server:
        server.script.append(Answer(body=body))
        with pytest.raises(MetadataError, match=words):
            source(server).fetch(FAILURE, deadline=NO_DEADLINE)
    assert pauses == []


def test_an_error_names_neither_a_value_nor_a_key_of_the_job(source):
    step = {"Id": "s-1", "Config": {"Properties": {KEY: [NEXT_KEY]}}}
    bad = {"step": step, "cluster": {"Id": "j-1"}}
    wanted = pytest.raises(MetadataError, match=r"step\.Config\.Properties is not as")
    with MetadataServer({PATH: bad}, key=KEY) as server, wanted as caught:
        source(server).fetch(FAILURE, deadline=NO_DEADLINE)
    assert KEY not in str(caught.value) and NEXT_KEY not in str(caught.value)


def test_a_compressed_reply_is_refused(source):
    with MetadataServer(key=KEY) as server:
        server.script.append(Answer(body=gzip.compress(b"{}"), headers={"Content-Encoding": "gzip"}))
        with pytest.raises(MetadataError, match="is compressed"):
            source(server).fetch(FAILURE, deadline=NO_DEADLINE)


def test_half_a_surrogate_and_unknown_fields_do_not_stop_it(source):
    body = json.dumps(reply(other={"a": 1})[PATH]).replace('"orders"', '"ord\\ud800ers"')
    with MetadataServer(key=KEY) as server:
        server.script.append(Answer(body=body.encode()))
        told = source(server).fetch(FAILURE, deadline=NO_DEADLINE)
    assert told.context.step["name"] == "ord?ers"
    told.context.document.encode()


# The key


def test_the_key_is_fetched_once(source):
    keys = Keys(KEY)
    with MetadataServer(reply(), key=KEY) as server:
        asking = source(server, keys)
        for _ in range(3):
            asking.fetch(FAILURE, deadline=NO_DEADLINE)
    assert keys.asked == 1


@pytest.mark.parametrize("status", [401, 403])
def test_a_key_that_was_rotated_is_fetched_anew(source, pauses, status):
    keys = Keys(KEY, NEXT_KEY)
    with MetadataServer(reply(), key=NEXT_KEY) as server:
        server.script.append(Answer(status=status))
        asking = source(server, keys)
        assert asking.fetch(FAILURE, deadline=NO_DEADLINE).context.step["name"] == "orders"
        assert [headers["x-api-key"] for headers in server.headers] == [KEY, NEXT_KEY]
        asking.fetch(FAILURE, deadline=NO_DEADLINE)
    assert keys.asked == 2
    assert pauses == []


def test_a_key_that_stays_refused_is_an_error(source):
    with MetadataServer(reply(), key=made_up(3)) as server:
        with pytest.raises(MetadataError, match="HTTP 401; the key was refused"):
            source(server, Keys(KEY, NEXT_KEY)).fetch(FAILURE, deadline=NO_DEADLINE)
        assert server.calls == 2
        with pytest.raises(MetadataError, match="HTTP 401; the key was refused"):
            source(server, Keys(KEY)).fetch(FAILURE, deadline=NO_DEADLINE)
        assert server.calls == 3, "the same key is not tried twice"


def test_an_api_without_a_key_is_asked_without(pauses):
    with MetadataServer(reply()) as server, http_client(cafile=server.cafile) as http:
        RestSource(http, server.endpoint, "x-api-key", None, sleep=pauses).fetch(
            FAILURE, deadline=NO_DEADLINE
        )
        assert "x-api-key" not in server.headers[0]


@pytest.mark.parametrize("key", ["", "  ", "a\nb", "ключ", "a\x00"])
def test_a_key_that_no_header_takes_is_an_error_that_does_not_show_it(source, key):
    with MetadataServer(reply(), key=KEY) as server:
        with pytest.raises(MetadataError, match="the key is empty or not printable") as caught:
            source(server, lambda: key).fetch(FAILURE, deadline=NO_DEADLINE)
        assert server.calls == 0
    assert not key.strip() or key not in str(caught.value)


def test_a_new_key_that_no_header_takes_is_an_error_too(source):
    with MetadataServer(reply(), key=NEXT_KEY) as server:
        with pytest.raises(MetadataError, match="the key is empty or not printable"):
            source(server, Keys(KEY, "\n")).fetch(FAILURE, deadline=NO_DEADLINE)
        assert server.calls == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://h/",
        "https://",
        "h/x",
        "https://u:p@h",
        "https://h/?a=1",
        "https://h/#a",
        "https://h:x/",
        "ftp://h",
    ],
)
def test_an_address_that_would_show_the_key_is_refused(url):
    with http_client() as http, pytest.raises(UsageError, match="METADATA_API_URL"):
        RestSource(http, url, "x-api-key", Keys(KEY))


@pytest.mark.parametrize("header", ["", "a b", "x:", "x\r\ny"])
def test_a_header_that_is_none_is_refused(header):
    with http_client() as http, pytest.raises(UsageError, match="METADATA_API_AUTH_HEADER"):
        RestSource(http, "https://h", header, Keys(KEY))


@pytest.mark.parametrize("status", [200, 400, 401, 500])
def test_the_key_is_in_no_message_repr_or_log_record(source, caplog, status):
    for name in ("", "httpx", "httpcore", "diagnose"):
        caplog.set_level(logging.DEBUG, logger=name)
    with MetadataServer(key=KEY) as server:
        server.script.extend([Answer(status=status, echo=True)] * 4)
        asking = source(server)
        with pytest.raises(MetadataError) as caught:
            asking.fetch(FAILURE, deadline=NO_DEADLINE)
        assert server.headers[0]["x-api-key"] == KEY
    written = [str(vars(record)) + record.getMessage() for record in caplog.records]
    assert KEY not in "\n".join([str(caught.value), repr(caught.value), repr(asking), *written])


# Secrets Manager


@pytest.fixture(scope="module")
def secrets():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    client = boto3.client(
        "secretsmanager",
        region_name="eu-west-1",
        endpoint_url=f"http://{host}:{port}",
        config=Config(retries={"total_max_attempts": 1}),
        **CREDENTIALS,
    )
    yield client
    client.close()
    server.stop()


@pytest.mark.parametrize(
    "text",
    [
        KEY,
        f" {KEY}\n",
        json.dumps({"api_key": KEY, "user": "etl"}),
        json.dumps({"apiKey": KEY, "user": "etl"}),
        json.dumps({"key": KEY, "user": "etl"}),
        json.dumps({"anything": KEY, "version": 3}),
    ],
    ids=["plain", "blanks", "api_key", "apiKey", "key", "only text"],
)
def test_a_secret_may_be_the_key_or_hold_it(secrets, text):
    name = f"metadata/{random.randrange(1 << 60)}"
    secrets.create_secret(Name=name, SecretString=text)
    assert secret_key(secrets, name) == KEY


@pytest.mark.parametrize(
    ("secret", "words"),
    [
        ({"SecretBinary": b"x" * 20}, "is binary; store the key as text"),
        ({"SecretString": json.dumps({"a": KEY, "b": NEXT_KEY})}, "holds no single key"),
        ({"SecretString": "{}"}, "holds no single key"),
        ({"SecretString": "  "}, "holds no single key"),
    ],
    ids=["binary", "two", "none", "blank"],
)
def test_a_secret_that_holds_no_key_is_an_error(secrets, secret, words):
    name = f"metadata/{random.randrange(1 << 60)}"
    secrets.create_secret(Name=name, **secret)
    with pytest.raises(MetadataError, match=f"secret '{name}': {words}") as caught:
        secret_key(secrets, name)
    assert KEY not in str(caught.value) and NEXT_KEY not in str(caught.value)


def test_a_secret_that_is_not_there_is_named(secrets):
    with pytest.raises(
        MetadataError, match="secret 'metadata/none': ResourceNotFoundException; no such secret"
    ):
        secret_key(secrets, "metadata/none")


def test_a_secret_that_may_not_be_read_names_the_permission():
    with EmrDenied() as server:
        client = boto3.client(
            "secretsmanager",
            region_name="eu-west-1",
            endpoint_url=server.endpoint,
            config=Config(retries={"total_max_attempts": 1}),
            **CREDENTIALS,
        )
        with pytest.raises(
            MetadataError, match="'m': AccessDeniedException; allow secretsmanager:GetSecretValue"
        ):
            secret_key(client, "m")
        client.close()


class EmrDenied(EmrServer):
    """The same protocol, and no for an answer."""

    def answer(self, operation, request):
        return 400, json.dumps({"__type": "AccessDeniedException", "message": "no"})


def test_a_secret_is_in_no_log_record(secrets, caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger("botocore.parsers"), "filters", [])  # of earlier tests
    name = f"metadata/{random.randrange(1 << 60)}"
    secrets.create_secret(Name=name, SecretString=NEXT_KEY)
    caplog.clear()
    caplog.set_level(logging.DEBUG)
    assert secret_key(secrets, name) == NEXT_KEY
    assert NEXT_KEY not in "\n".join(str(vars(record)) + record.getMessage() for record in caplog.records)


def test_a_reply_that_repeats_the_key_tells_it_to_nobody(source):
    with MetadataServer(reply(signals={"note": f"called as {KEY}"}), key=KEY) as server:
        told = source(server).fetch(FAILURE, deadline=NO_DEADLINE)
    assert KEY not in str(told)
    assert told.context.signals == {"note": "called as [REDACTED-SECRET]"}
