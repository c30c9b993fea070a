"""Fixtures that several modules share; what they need is imported when they are asked for."""

import json

import pytest


@pytest.fixture
def no_credentials_of_the_machine(monkeypatch, tmp_path):
    """Whatever the one who runs the tests has set, boto3 finds no credentials."""
    for name in (
        "AWS_PROFILE",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_BEARER_TOKEN_BEDROCK",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture(scope="module")
def aws():
    """S3 and Secrets Manager, empty at first: moto's server."""
    from awsserver import AwsServer

    with AwsServer() as server:
        yield server


@pytest.fixture
def world(aws, monkeypatch):
    """A failed step of the lab whose logs are in S3."""
    from world import CASE, World, meta_of, tree_of

    made = World(aws=aws, meta=meta_of(CASE), monkeypatch=monkeypatch)
    made.upload(tree_of(CASE))
    yield made
    made.close()


@pytest.fixture
def rest(world):
    """Gives a function that starts a REST metadata API which tells the case's metadata, set up to be asked."""
    from metadataserver import MetadataServer

    path = f"/clusters/{world.cluster}/steps/{world.meta['step']['Id']}"
    secrets = world.aws.client("secretsmanager")
    secrets.create_secret(Name="metadata/key", SecretString=json.dumps({"api_key": "testing-key"}))

    def serving(kind="good", reply=None):
        told = {k: v for k, v in (reply or world.meta).items() if k != "event"}
        server = MetadataServer({path: told}, kind=kind, key="testing-key")
        world.settings |= {
            "METADATA_SOURCE": "rest",
            "METADATA_API_KEY_SECRET_ID": "metadata/key",
            "METADATA_API_URL": server.endpoint,
            "S3_LOG_BUCKET": world.bucket,
            "SSL_CERT_FILE": server.cafile,
        }
        return server

    return serving


@pytest.fixture
def pauses():
    """Takes the place of sleep, and keeps what it was asked for."""
    from restapi import Pauses

    return Pauses()


@pytest.fixture
def rest_source(pauses):
    """Gives a function that makes a REST metadata source which asks a stand-in."""
    from restapi import KEY, Keys

    from diagnose.rest import RestSource, http_client

    made = []

    def make(server, key=None, *, timeout_seconds=5.0, **more):
        made.append(http_client(cafile=server.cafile, timeout_seconds=timeout_seconds))
        return RestSource(
            made[-1], server.endpoint + "/", "x-api-key", key or Keys(KEY), sleep=pauses, **more
        )

    yield make
    for http in made:
        http.close()


@pytest.fixture
def bucket_server():
    """A bucket that refuses, cuts and records as told."""
    from bucketserver import BucketServer

    with BucketServer() as stand_in:
        yield stand_in
