"""What the role grants, and what the code really asks of AWS: none missing, none unused."""

import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from deployment import BUCKET, BUS, TABLE, Deployment
from stack import Stack

from diagnose.bus import SOURCE

RECORDER = Path(__file__).resolve().parents[1] / "support" / "recorder.py"
STORED = "arn:aws:secretsmanager:us-east-1:123456789012:secret:metadata/key-AbCdEf"
KEY = "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"
REST = {"MetadataSource": "rest", "MetadataApiUrl": "https://127.0.0.1:9", "MetadataApiKeySecretArn": STORED}
PROFILE = "arn:${AWS::Partition}:bedrock:${AWS::Region}:${AWS::AccountId}:inference-profile/"
ELSEWHERE = "arn:aws:bedrock:eu-west-1::foundation-model/a.b,arn:aws:bedrock:eu-west-3::foundation-model/a.b"
OURS = ["${Guardrail.GuardrailArn}", "${Guardrail.GuardrailArn}:*"]

ACTIONS = {
    "bedrock:Converse": {"bedrock:InvokeModel"},
    "s3:ListObjectsV2": {"s3:ListBucket"},
}
"""Operations whose permission has another name. Source: service authorization reference."""
PLATFORM = {
    "kms:Decrypt": "SQS, DynamoDB and S3 ask for it in the role's name when they read what is encrypted",
    "kms:GenerateDataKey": "SQS asks for it in the role's name when Lambda sends a dead letter",
    "logs:CreateLogStream": "Lambda writes the function's output",
    "logs:PutLogEvents": "Lambda writes the function's output",
    "sqs:DeleteMessage": "Lambda removes the messages that were not returned as failures",
    "sqs:GetQueueAttributes": "Lambda reads the queue's settings",
    "sqs:ReceiveMessage": "Lambda takes messages from the queue",
    "sqs:SendMessage": "Lambda keeps an asynchronous call that failed",
    "xray:PutTelemetryRecords": "the X-Ray daemon beside the function sends its own state",
    "xray:PutTraceSegments": "the X-Ray daemon beside the function sends our spans, which reach it over UDP",
}
"""Granted, and asked for by the platform, not by the code."""


def as_list(value):
    return value if isinstance(value, list) else [value]


def statements(**parameters):
    (policy,) = Stack(**parameters).properties("FunctionRole")["Policies"]
    return {statement["Sid"]: statement for statement in policy["PolicyDocument"]["Statement"]}


def granted(**parameters):
    return {action for s in statements(**parameters).values() for action in as_list(s["Action"])}


def recorded(deployed, payloads, **environment):
    """Calls of AWS while the function serves some payloads, as (IAM prefix, operation, parameters)."""
    environ = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(sys.path),
        "AWS_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        **deployed.environment(**environment),
    }
    done = subprocess.run(
        [sys.executable, RECORDER],
        input=json.dumps(payloads),
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return [tuple(call) for call in json.loads(done.stdout)]


def actions(calls):
    """Permissions that calls need."""
    found = set()
    for prefix, operation, parameters in calls:
        found |= ACTIONS.get(f"{prefix}:{operation}", {f"{prefix}:{operation}"})
        if "guardrailConfig" in parameters:
            found.add("bedrock:ApplyGuardrail")
    return found


def fleet(meta):
    meta["cluster"]["InstanceCollectionType"] = "INSTANCE_FLEET"
    meta["instance_fleets"] = []


@pytest.fixture(scope="module")
def deployed():
    with Deployment() as made:
        yield made


@pytest.fixture(scope="module")
def calls(deployed):
    """A batch with a failure, its repeat, one without logs yet and an invalid one; and a direct call."""
    failure = deployed.failure()
    late = deployed.failure(logs=False, failed_at=datetime.now(UTC).isoformat())
    deployed.send(failure.event, late.event, failure.event, "no event")
    return recorded(deployed, [deployed.receive(), deployed.failure(change=fleet).direct])


@pytest.fixture(scope="module")
def rest_calls(deployed):
    """The same with a metadata API that nobody serves: its key is fetched first."""
    failure = deployed.failure()
    variables = {
        "METADATA_SOURCE": "rest",
        "METADATA_API_URL": REST["MetadataApiUrl"],
        "METADATA_API_KEY_SECRET_ID": "metadata/key",
    }
    deployed.send(failure.event)
    return recorded(deployed, [deployed.receive()], **variables)


def test_the_recorder_saw_the_whole_way_of_a_diagnosis(calls):
    operations = [operation for _, operation, _ in calls]
    for operation in (
        "DescribeStep",
        "ListInstanceGroups",
        "ListInstanceFleets",
        "GetObject",
        "Converse",
        "PutEvents",
    ):
        assert operation in operations
    assert operations.count("PutEvents") == operations.count("Converse") == 2, "the repeat is not diagnosed"


def test_the_role_allows_what_the_code_asks_for_and_nothing_else(calls):
    assert granted() - actions(calls) == set(PLATFORM), "unused, or used by the code after all"
    assert actions(calls) - granted() == set(), "missing"


def test_with_a_metadata_api_the_role_allows_its_secret_and_not_emr(rest_calls):
    assert "secretsmanager:GetSecretValue" in actions(rest_calls)
    assert actions(rest_calls) - granted(**REST) == set(), "missing"
    assert granted(**REST) - granted() == {"secretsmanager:GetSecretValue"}
    assert not [action for action in granted(**REST) if action.startswith("elasticmapreduce:")]


def test_each_call_names_what_its_statement_allows(calls):
    """Resources and conditions: the bucket, table, bus and queue of the variables, our source, always a guardrail."""
    by_name = {}
    for _, operation, parameters in calls:
        by_name.setdefault(operation, []).append(parameters)
    assert {p["Bucket"] for name in ("GetObject", "ListObjectsV2") for p in by_name[name]} == {BUCKET}
    assert {p["TableName"] for name in ("PutItem", "DeleteItem") for p in by_name[name]} == {TABLE}
    entries = [entry for p in by_name["PutEvents"] for entry in p["Entries"]]
    assert {(e["EventBusName"], e["Source"]) for e in entries} == {(BUS, SOURCE)}
    assert {p["modelId"] for p in by_name["Converse"]} == {"us.anthropic.claude-sonnet-4-6"}
    assert all(p["guardrailConfig"]["guardrailVersion"] == "1" for p in by_name["Converse"])
    assert statements()["Publish"]["Condition"] == {"StringEquals": {"events:source": SOURCE}}


# ---------------------------------------------------------------------------------------------------- the grants


@pytest.mark.parametrize(
    "parameters", [{}, REST, {"LogKmsKeyArn": KEY, "LogPrefix": "a/b"}], ids=["emr", "rest", "key and prefix"]
)
def test_no_action_has_a_star_and_no_resource_but_that_of_x_ray_is_one(parameters):
    for sid, statement in statements(**parameters).items():
        assert statement["Effect"] == "Allow"
        assert not [a for a in as_list(statement["Action"]) if "*" in a], sid
        assert ("*" in as_list(statement["Resource"])) == (sid == "Trace"), sid
        assert not {"NotAction", "NotResource", "Principal"} & set(statement)


def test_stars_within_resources_are_those_below_a_bucket_and_of_the_accounts_clusters():
    stars = {sid: r for sid, s in statements().items() for r in as_list(s["Resource"]) if "*" in r}
    assert stars == {
        "ReadLogs": "arn:${AWS::Partition}:s3:::emr-logs/*",
        "DescribeStep": "arn:${AWS::Partition}:elasticmapreduce:${AWS::Region}:${AWS::AccountId}:cluster/*",
        "Trace": "*",
    }


def test_the_role_is_the_functions_alone_and_has_one_policy():
    role = Stack().properties("FunctionRole")
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust == {
        "Effect": "Allow",
        "Principal": {"Service": "lambda.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    assert set(role) == {"AssumeRolePolicyDocument", "Policies"}, "no managed policy"
    assert set(Stack().of_type("AWS::IAM::Role")) == {"FunctionRole"}


def test_logs_are_read_in_one_bucket():
    found = statements()
    assert (found["ListLogs"]["Action"], found["ListLogs"]["Resource"]) == (
        "s3:ListBucket",
        "arn:${AWS::Partition}:s3:::emr-logs",
    )
    assert (found["ReadLogs"]["Action"], found["ReadLogs"]["Resource"]) == (
        "s3:GetObject",
        "arn:${AWS::Partition}:s3:::emr-logs/*",
    )
    assert "Condition" not in found["ListLogs"]


def test_logs_are_read_below_their_prefix_only():
    found = statements(LogPrefix="emr/prod")
    assert found["ListLogs"]["Condition"] == {"StringLike": {"s3:prefix": "emr/prod/*"}}
    assert found["ReadLogs"]["Resource"] == "arn:${AWS::Partition}:s3:::emr-logs/emr/prod/*"


def test_the_log_key_decrypts_through_s3_of_its_own_region_only():
    assert "DecryptLogs" not in statements()
    assert statements(LogKmsKeyArn=KEY)["DecryptLogs"] == {
        "Sid": "DecryptLogs", "Effect": "Allow", "Action": "kms:Decrypt", "Resource": KEY,
        "Condition": {"StringEquals": {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}},
    }  # fmt: skip


def test_the_stacks_own_key_is_used_through_services_only():
    found = statements()
    services = {
        "kms:ViaService": ["sqs.${AWS::Region}.amazonaws.com", "dynamodb.${AWS::Region}.amazonaws.com"]
    }
    assert found["DecryptOwn"]["Condition"] == {"StringEquals": services}
    assert found["EncryptUnanswered"]["Condition"] == {
        "StringEquals": {"kms:ViaService": "sqs.${AWS::Region}.amazonaws.com"}
    }
    assert found["DecryptOwn"]["Resource"] == found["EncryptUnanswered"]["Resource"] == "${Key.Arn}"


def test_the_profile_and_each_model_that_it_routes_to_may_be_invoked_with_our_guardrail():
    found = statements()
    profile = PROFILE + "us.anthropic.claude-sonnet-4-6"
    assert found["InvokeProfile"] == {
        "Sid": "InvokeProfile", "Effect": "Allow", "Action": "bedrock:InvokeModel", "Resource": profile,
        "Condition": {"StringLike": {"bedrock:GuardrailIdentifier": OURS}},
    }  # fmt: skip
    assert found["InvokeModel"]["Resource"] == [
        f"arn:aws:bedrock:us-{region}::foundation-model/anthropic.claude-sonnet-4-6"
        for region in ("east-1", "east-2", "west-2")
    ]
    assert found["InvokeModel"]["Condition"] == {
        "StringLike": {"bedrock:GuardrailIdentifier": OURS},
        "StringEquals": {"bedrock:InferenceProfileArn": profile},
    }


@pytest.mark.parametrize("geography", ["us", "us-gov", "eu", "apac", "au", "jp", "ca", "global"])
def test_every_geographys_profile_is_known(geography):
    model = f"{geography}.anthropic.claude-sonnet-4-6"
    found = statements(BedrockModelId=model, BedrockModelArns=ELSEWHERE)
    assert found["InvokeProfile"]["Resource"] == PROFILE + model
    assert found["InvokeModel"]["Resource"] == ELSEWHERE.split(",")


@pytest.mark.parametrize(
    "kind", ["inference-profile/us.anthropic.claude-sonnet-4-6", "application-inference-profile/a1b2c3d4e5f6"]
)
def test_a_profile_may_be_named_by_its_arn(kind):
    arn = f"arn:aws:bedrock:us-east-1:123456789012:{kind}"
    found = statements(BedrockModelId=arn, BedrockModelArns=ELSEWHERE)
    assert found["InvokeProfile"]["Resource"] == arn
    assert found["InvokeModel"]["Condition"]["StringEquals"] == {"bedrock:InferenceProfileArn": arn}


def test_a_model_without_a_profile_is_invoked_directly():
    arn = "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0"
    found = statements(BedrockModelId="amazon.nova-lite-v1:0", BedrockModelArns=arn)
    assert "InvokeProfile" not in found
    assert found["InvokeModel"]["Resource"] == [arn]
    assert found["InvokeModel"]["Condition"] == {"StringLike": {"bedrock:GuardrailIdentifier": OURS}}


def test_one_secret_may_be_read():
    assert statements(**REST)["ReadMetadataKey"]["Resource"] == STORED
    assert "ReadMetadataKey" not in statements(**{**REST, "MetadataApiKeySecretArn": ""})
    assert "ReadMetadataKey" not in statements(MetadataApiKeySecretArn=STORED), "not needed"


def test_what_the_stack_made_is_named_exactly():
    resources = {sid: s["Resource"] for sid, s in statements().items()}
    expected = {
        "ApplyGuardrail": "${Guardrail.GuardrailArn}",
        "TakeFromQueue": "${Queue.Arn}",
        "KeepUnanswered": "${CallDeadLetterQueue.Arn}",
        "Publish": "${ResultBus.Arn}",
        "RememberEvents": "${Table.Arn}",
        "WriteLog": "${LogGroup.Arn}",
    }
    assert {sid: resources[sid] for sid in expected} == expected


def test_every_platform_made_permission_has_its_reason():
    assert set(PLATFORM) <= granted()
    assert all(re.match(r"[A-Za-z].{20,}", reason) for reason in PLATFORM.values())
