"""The key of the REST metadata source: sent to its API alone, fetched from moto's Secrets Manager, shown to nobody."""

import json
import logging
import random

import boto3
import pytest
from botocore.config import Config
from emrserver import EmrServer
from metadataserver import Answer, MetadataServer
from moto.server import ThreadedMotoServer
from restapi import CREDENTIALS, FAILURE, KEY, NEXT_KEY, Keys, made_up, reply

from diagnose.deadline import NO_DEADLINE
from diagnose.errors import MetadataError, UsageError
from diagnose.rest import RestSource, http_client, secret_key


def test_the_key_is_fetched_once(rest_source):
    keys = Keys(KEY)
    with MetadataServer(reply(), key=KEY) as server:
        asking = rest_source(server, keys)
        for _ in range(3):
            asking.fetch(FAILURE, deadline=NO_DEADLINE)
    assert keys.asked == 1


@pytest.mark.parametrize("status", [401, 403])
def test_a_key_that_was_rotated_is_fetched_anew(rest_source, pauses, status):
    keys = Keys(KEY, NEXT_KEY)
    with MetadataServer(reply(), key=NEXT_KEY) as server:
        server.script.append(Answer(status=status))
        asking = rest_source(server, keys)
        assert asking.fetch(FAILURE, deadline=NO_DEADLINE).context.step["name"] == "orders"
        assert [headers["x-api-key"] for headers in server.headers] == [KEY, NEXT_KEY]
        asking.fetch(FAILURE, deadline=NO_DEADLINE)
    assert keys.asked == 2
    assert pauses == []


def test_a_key_that_stays_refused_is_an_error(rest_source):
    with MetadataServer(reply(), key=made_up(3)) as server:
        with pytest.raises(MetadataError, match="HTTP 401; the key was refused"):
            rest_source(server, Keys(KEY, NEXT_KEY)).fetch(FAILURE, deadline=NO_DEADLINE)
        assert server.calls == 2
        with pytest.raises(MetadataError, match="HTTP 401; the key was refused"):
            rest_source(server, Keys(KEY)).fetch(FAILURE, deadline=NO_DEADLINE)
        assert server.calls == 3, "the same key is not tried twice"


def test_an_api_without_a_key_is_asked_without(pauses):
    with MetadataServer(reply()) as server, http_client(cafile=server.cafile) as http:
        RestSource(http, server.endpoint, "x-api-key", None, sleep=pauses).fetch(
            FAILURE, deadline=NO_DEADLINE
        )
        assert "x-api-key" not in server.headers[0]


@pytest.mark.parametrize("key", ["", "  ", "a\nb", "ключ", "a\x00"])
def test_a_key_that_no_header_takes_is_an_error_that_does_not_show_it(rest_source, key):
    with MetadataServer(reply(), key=KEY) as server:
        with pytest.raises(MetadataError, match="the key is empty or not printable") as caught:
            rest_source(server, lambda: key).fetch(FAILURE, deadline=NO_DEADLINE)
        assert server.calls == 0
    assert not key.strip() or key not in str(caught.value)


def test_a_new_key_that_no_header_takes_is_an_error_too(rest_source):
    with MetadataServer(reply(), key=NEXT_KEY) as server:
        with pytest.raises(MetadataError, match="the key is empty or not printable"):
            rest_source(server, Keys(KEY, "\n")).fetch(FAILURE, deadline=NO_DEADLINE)
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
def test_the_key_is_in_no_message_repr_or_log_record(rest_source, caplog, status):
    for name in ("", "httpx", "httpcore", "diagnose"):
        caplog.set_level(logging.DEBUG, logger=name)
    with MetadataServer(key=KEY) as server:
        server.script.extend([Answer(status=status, echo=True)] * 4)
        asking = rest_source(server)
        with pytest.raises(MetadataError) as caught:
            asking.fetch(FAILURE, deadline=NO_DEADLINE)
        assert server.headers[0]["x-api-key"] == KEY
    written = [str(vars(record)) + record.getMessage() for record in caplog.records]
    assert KEY not in "\n".join([str(caught.value), repr(caught.value), repr(asking), *written])


def test_a_reply_that_repeats_the_key_tells_it_to_nobody(rest_source):
    with MetadataServer(reply(signals={"note": f"called as {KEY}"}), key=KEY) as server:
        told = rest_source(server).fetch(FAILURE, deadline=NO_DEADLINE)
    assert KEY not in str(told)
    assert told.context.signals == {"note": "called as [REDACTED-SECRET]"}


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
