"""What moto's CloudFormation can make of the template, made: where events land, and what becomes of them."""

import contextlib
import io
import json
import zipfile
from pathlib import Path

import pytest
from awsserver import AwsServer
from moto.cloudformation.parsing import resource_class_from_type
from stack import Stack, expand, read, without

EVENTS = Path(__file__).resolve().parents[1] / "events"
NOT_BY_MOTO = {
    "AWS::Bedrock::Guardrail",
    "AWS::Bedrock::GuardrailVersion",
    "AWS::CloudWatch::Alarm",
    "AWS::Lambda::Alias",
    "AWS::Lambda::EventInvokeConfig",
    "AWS::SQS::QueuePolicy",
}
"""What moto's CloudFormation leaves out in silence; asserted as data instead."""


def test_moto_leaves_out_what_is_named_and_nothing_else():
    kinds = {resource["Type"] for resource in expand(read())["Resources"].values()}
    assert {kind for kind in kinds if resource_class_from_type(kind) is None} == NOT_BY_MOTO


@contextlib.contextmanager
def created(template):
    """A stack in moto's server: clients, and physical ids by logical ones."""
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("handler.py", "")
    with AwsServer() as aws:
        aws.bucket("bucket")
        aws.client("s3").put_object(Bucket="bucket", Key="package.zip", Body=package.getvalue())
        client = aws.client("cloudformation")
        client.create_stack(
            StackName="made",
            TemplateBody=json.dumps(template),
            Parameters=[
                {"ParameterKey": "LogBucketName", "ParameterValue": "emr-logs"},
                {"ParameterKey": "QueueDelaySeconds", "ParameterValue": "0"},
            ],
            Capabilities=["CAPABILITY_IAM"],
        )
        rows = client.list_stack_resources(StackName="made")["StackResourceSummaries"]
        yield (
            aws,
            {
                r["LogicalResourceId"]: r.get("PhysicalResourceId")
                for r in rows
                if r["LogicalResourceId"].strip()
            },
        )


@pytest.fixture
def made():
    with created(without(expand(read()), NOT_BY_MOTO)) as stack:
        yield stack


@pytest.fixture
def queues():
    """Less the function: moto would run it, in Docker, with every message."""
    with created(without(expand(read()), NOT_BY_MOTO | {"AWS::Lambda::EventSourceMapping"})) as stack:
        yield stack


def test_moto_makes_the_rest(made):
    _, ids = made
    expected = {n for n, r in Stack().resources.items() if r["Type"] not in NOT_BY_MOTO}
    assert set(ids) == expected


def test_a_failed_steps_event_lands_on_the_queue_and_others_do_not(queues):
    aws, ids = queues
    events, sqs = aws.client("events"), aws.client("sqs")
    for name in ("failed", "completed", "cancelled", "cluster_state_change"):
        told = json.loads((EVENTS / f"{name}.json").read_text())
        events.put_events(
            Entries=[
                {
                    "Source": told["source"],
                    "DetailType": told["detail-type"],
                    "Detail": json.dumps(told["detail"]),
                }
            ]
        )
    found = sqs.receive_message(QueueUrl=ids["Queue"], MaxNumberOfMessages=10)["Messages"]
    assert [json.loads(m["Body"])["detail"]["state"] for m in found] == ["FAILED"]


def test_a_message_that_fails_every_time_becomes_a_dead_letter(queues):
    aws, ids = queues
    sqs = aws.client("sqs")
    sqs.send_message(QueueUrl=ids["Queue"], MessageBody="poisoned")
    received = 0
    while messages := sqs.receive_message(QueueUrl=ids["Queue"], VisibilityTimeout=0).get("Messages"):
        received += len([m for m in messages if m["Body"] == "poisoned"])
        assert received <= 13
    assert received == 13
    dead = sqs.receive_message(QueueUrl=ids["DeadLetterQueue"])["Messages"]
    assert [m["Body"] for m in dead] == ["poisoned"]


def test_the_mapping_is_on_the_queue_and_the_function(made):
    aws, ids = made
    (mapping,) = aws.client("lambda").list_event_source_mappings()["EventSourceMappings"]
    assert mapping["EventSourceArn"].endswith(ids["Queue"].rpartition("/")[2])
    assert mapping["FunctionArn"].endswith(ids["Function"])
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_the_role_and_the_key_are_lawful(made):
    aws, ids = made
    policy = aws.client("iam").get_role_policy(RoleName=ids["FunctionRole"], PolicyName="function")[
        "PolicyDocument"
    ]
    assert len(json.dumps(policy)) < 10_240  # IAM's limit of a role's inline policies
    assert aws.client("kms").get_key_rotation_status(KeyId=ids["Key"])["KeyRotationEnabled"]
