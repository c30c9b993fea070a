"""How the deployment is wired: rule, queues, function, bus, table, key; as data."""

import json

import pytest
from stack import Stack, read

from diagnose import bus, function, intake
from diagnose.repeat import CLAIM_SECONDS, DONE_SECONDS
from diagnose.table import KEY

TIMEOUTS = [60, 120, 180, 240, 300, 420, 600, 900]
DEAD_LETTERS = ["DeadLetterQueue", "CallDeadLetterQueue", "RuleDeadLetterQueue", "BusDeadLetterQueue"]
LIMITS = [0, 300, 600, 900, 1200, 1800, 3600]


@pytest.fixture(scope="module")
def stack():
    return Stack()


# ---------------------------------------------------------------------------------------------------- rule and queue


def test_failed_steps_of_emr_go_to_the_queue_and_nowhere_else(stack):
    rule = stack.properties("FailedStepRule")
    assert rule["EventPattern"] == {
        "source": ["aws.emr"],
        "detail-type": ["EMR Step Status Change"],
        "detail": {"state": ["FAILED"]},
    }
    assert rule["State"] == "ENABLED"
    assert "EventBusName" not in rule  # AWS services speak on the default bus
    (target,) = rule["Targets"]
    assert target["Arn"] == "${Queue.Arn}"
    assert not {"Input", "InputPath", "InputTransformer", "RoleArn"} & set(target)
    assert set(stack.of_type("AWS::Events::Rule")) == {"FailedStepRule"}


def test_what_the_rule_can_not_deliver_is_tried_for_a_day_and_then_kept(stack):
    (target,) = stack.properties("FailedStepRule")["Targets"]
    assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": 86_400, "MaximumRetryAttempts": 185}
    assert target["DeadLetterConfig"] == {"Arn": "${RuleDeadLetterQueue.Arn}"}


@pytest.mark.parametrize("seconds", TIMEOUTS)
def test_the_queue_hides_a_message_for_six_times_the_timeout(seconds):
    stack = Stack(TimeoutSeconds=seconds)
    assert stack.properties("Function")["Timeout"] == str(seconds)
    assert stack.properties("Queue")["VisibilityTimeout"] == 6 * seconds


@pytest.mark.parametrize("seconds", LIMITS)
def test_a_message_comes_once_a_minute_until_the_limit_and_three_times_more(seconds):
    stack = Stack(LogsLateLimitSeconds=seconds)
    redrive = stack.properties("Queue")["RedrivePolicy"]
    assert redrive == {
        "deadLetterTargetArn": "${DeadLetterQueue.Arn}",
        "maxReceiveCount": seconds // intake.LATE_SECONDS + 3,
    }


def test_these_are_all_timeouts_and_limits_that_can_be_chosen():
    template = read()
    for parameter, mapping, values in (
        ("TimeoutSeconds", "Visibility", TIMEOUTS),
        ("LogsLateLimitSeconds", "LateLimit", LIMITS),
    ):
        assert template["Parameters"][parameter]["AllowedValues"] == [str(v) for v in values]
        assert sorted(map(int, template["Mappings"][mapping])) == values


def test_an_event_waits_for_the_upload_of_its_logs(stack):
    assert stack.properties("Queue")["DelaySeconds"] == 300
    assert Stack(QueueDelaySeconds=0).properties("Queue")["DelaySeconds"] == 0


def test_messages_outlive_all_attempts_and_dead_letters_a_fortnight(stack):
    queues = stack.of_type("AWS::SQS::Queue")
    longest = 900 + max(LIMITS) + 3 * function.MAX_RETRY_SECONDS + 6 * max(TIMEOUTS)
    assert queues["Queue"]["MessageRetentionPeriod"] >= 4 * longest
    assert {n: q["MessageRetentionPeriod"] for n, q in queues.items() if n != "Queue"} == dict.fromkeys(
        DEAD_LETTERS, 14 * 86400
    )
    assert queues["Queue"]["MessageRetentionPeriod"] < DONE_SECONDS, (
        "a repeat is known as long as it may come"
    )
    assert max(TIMEOUTS) <= CLAIM_SECONDS, "a claim outlasts the invocation that holds it"


def test_every_queue_is_encrypted_and_only_the_bus_s_dead_letters_by_another_key_than_ours(stack):
    """What our key can't encrypt any more would not come into a queue that it encrypts either."""
    keys = {
        name: (queue.get("KmsMasterKeyId"), queue.get("SqsManagedSseEnabled"))
        for name, queue in stack.of_type("AWS::SQS::Queue").items()
    }
    ours = dict.fromkeys(["Queue", *DEAD_LETTERS], ("${Key.Arn}", None))
    assert keys == {**ours, "BusDeadLetterQueue": (None, True)}


@pytest.mark.parametrize("queue", ["Queue", *DEAD_LETTERS])
def test_queues_take_encrypted_transport_only(stack, queue):
    (policy,) = [
        p for p in stack.of_type("AWS::SQS::QueuePolicy").values() if p["Queues"] == ["${" + queue + "}"]
    ]
    (denied,) = [s for s in policy["PolicyDocument"]["Statement"] if s["Effect"] == "Deny"]
    assert denied == {
        "Sid": "EncryptedTransportOnly", "Effect": "Deny", "Principal": "*", "Action": "sqs:*",
        "Resource": "${" + queue + ".Arn}", "Condition": {"Bool": {"aws:SecureTransport": False}},
    }  # fmt: skip


def test_only_the_rule_may_send_to_the_queue_and_each_to_its_own_dead_letters(stack):
    allowed = {}
    for policy in stack.of_type("AWS::SQS::QueuePolicy").values():
        for statement in policy["PolicyDocument"]["Statement"]:
            if statement["Effect"] == "Allow":
                allowed[statement.pop("Resource")] = statement
    rule, own_bus = (
        {
            "Sid": sid, "Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage",
            "Condition": {
                "ArnEquals": {"aws:SourceArn": source},
                "StringEquals": {"aws:SourceAccount": "${AWS::AccountId}"},
            },
        }
        for sid, source in (("SendFromRule", "${FailedStepRule.Arn}"), ("SendFromBus", "${ResultBus.Arn}"))
    )  # fmt: skip
    assert allowed == {
        "${Queue.Arn}": rule,
        "${RuleDeadLetterQueue.Arn}": rule,
        "${BusDeadLetterQueue.Arn}": own_bus,
    }


def test_a_redrive_can_carry_nothing_but_events_into_the_queue(stack):
    """What is redriven comes from the queue's own dead-letter queue: nobody else may put anything there."""
    keepers = [
        stack.properties("FailedStepRule")["Targets"][0]["DeadLetterConfig"]["Arn"],
        stack.properties("ResultBus")["DeadLetterConfig"]["Arn"],
        stack.properties("Function")["DeadLetterConfig"]["TargetArn"],
        stack.properties("Queue")["RedrivePolicy"]["deadLetterTargetArn"],
    ]
    assert len(set(keepers)) == 4
    assert set(keepers) == {f"${{{name}.Arn}}" for name in DEAD_LETTERS}


# ---------------------------------------------------------------------------------------------------- function


def test_the_queue_calls_the_function_with_partial_batch_responses(stack):
    assert stack.properties("QueueMapping") == {
        "EventSourceArn": "${Queue.Arn}",
        "FunctionName": "${Function.Arn}",
        "BatchSize": 1,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "ScalingConfig": {"MaximumConcurrency": 4},
    }
    assert Stack(BatchSize=10).properties("QueueMapping")["BatchSize"] == 10


def test_the_function_is_the_package(stack):
    found = stack.properties("Function")
    assert (found["Runtime"], found["Handler"]) == ("python3.12", "handler.handle")
    assert read()["Resources"]["Function"]["Properties"]["CodeUri"] == "../build/lambda/package.zip"
    assert found["Role"] == "${FunctionRole.Arn}"
    assert found["TracingConfig"] == {"Mode": "Active"}
    assert found["KmsKeyArn"] == "${Key.Arn}"
    assert not {"VpcConfig", "Layers", "FileSystemConfigs"} & set(found)


@pytest.mark.parametrize("architecture", ["arm64", "x86_64"])
def test_architecture_and_memory_are_parameters(architecture):
    found = Stack(Architecture=architecture, MemoryMegabytes=1024).properties("Function")
    assert (found["Architectures"], found["MemorySize"]) == ([architecture], 1024)


def test_the_functions_log_is_its_own_encrypted_kept_for_a_time_and_not_wrapped(stack):
    assert stack.properties("Function")["LoggingConfig"] == {"LogFormat": "Text", "LogGroup": "${LogGroup}"}
    assert stack.properties("LogGroup") == {
        "LogGroupName": "/aws/lambda/${AWS::StackName}",
        "KmsKeyId": "${Key.Arn}",
        "RetentionInDays": 90,
    }


def test_an_asynchronous_call_is_billed_once_and_never_lost(stack):
    assert stack.properties("AsynchronousCalls") == {
        "FunctionName": "${Function}",
        "Qualifier": "$LATEST",
        "MaximumEventAgeInSeconds": 3600,
        "MaximumRetryAttempts": 0,
    }
    assert stack.properties("Function")["DeadLetterConfig"] == {"TargetArn": "${CallDeadLetterQueue.Arn}"}


def test_without_a_warm_start_nothing_runs_a_version_that_could_be_stale(stack):
    assert not {"FunctionVersion", "FunctionAlias"} & set(stack.resources)
    assert stack.properties("Function")["SnapStart"] == {"ApplyOn": "None"}
    assert stack.outputs()["FunctionArn"] == "${Function.Arn}"


@pytest.mark.parametrize(
    ("mode", "snap", "provisioned"),
    [
        ("snapstart", "PublishedVersions", None),
        ("provisioned", "None", {"ProvisionedConcurrentExecutions": 2}),
    ],
)
def test_with_a_warm_start_everything_calls_the_published_version(mode, snap, provisioned):
    stack = Stack(WarmStart=mode, ProvisionedConcurrency=2, Release="r9")
    assert stack.properties("Function")["SnapStart"] == {"ApplyOn": snap}
    alias = stack.properties("FunctionAlias")
    assert alias["FunctionVersion"] == "${FunctionVersion.Version}"
    assert alias.get("ProvisionedConcurrencyConfig") == provisioned
    assert stack.properties("QueueMapping")["FunctionName"] == "${FunctionAlias}"
    assert alias["Name"] == "live"
    assert stack.outputs()["FunctionArn"] == "${FunctionAlias}"
    assert stack.resources["FunctionVersion"]["UpdateReplacePolicy"] == "Retain"


@pytest.mark.parametrize("mode", ["snapstart", "provisioned"])
def test_asynchronous_calls_are_configured_for_the_alias_once_it_is_there(mode):
    """The name comes out of the alias's ARN: a literal would let CloudFormation configure what is not there yet."""
    stack = Stack(WarmStart=mode)
    assert stack.properties("AsynchronousCalls")["Qualifier"] == "${FunctionAlias#7}"
    name = stack.properties("FunctionAlias")["Name"]
    made = stack.made(FunctionAlias=f"arn:aws:lambda:us-east-1:123456789012:function:stack-Function-1:{name}")
    assert made.properties("AsynchronousCalls")["Qualifier"] == name


def test_a_new_release_and_a_new_guardrail_publish_a_new_version():
    """CloudFormation makes a version anew only when its own properties change."""
    first, second = (
        Stack(WarmStart="snapstart", Release=r).properties("FunctionVersion") for r in ("r1", "r2")
    )
    assert first != second
    assert "${GuardrailVersion.Version}" in first["Description"]
    assert Stack(Release="r1").properties("Function") != Stack(Release="r2").properties("Function"), (
        "or Lambda publishes none"
    )


def test_concurrency_is_limited_and_leaves_room_for_direct_calls(stack):
    reserved = stack.properties("Function")["ReservedConcurrentExecutions"]
    assert reserved > stack.properties("QueueMapping")["ScalingConfig"]["MaximumConcurrency"]
    assert "ReservedConcurrentExecutions" not in Stack(ReservedConcurrency=0).properties("Function")


# ---------------------------------------------------------------------------------------------------- results, key


def test_results_go_to_an_encrypted_bus_of_their_own(stack):
    found = stack.properties("ResultBus")
    assert (found["Name"], found["KmsKeyIdentifier"]) == (bus.DETAIL_TYPE, "${Key.Arn}")
    assert found["DeadLetterConfig"] == {"Arn": "${BusDeadLetterQueue.Arn}"}
    assert Stack(ResultBusName="staging").properties("ResultBus")["Name"] == "staging"


def test_the_table_has_the_key_and_the_expiry_that_the_function_writes(stack):
    table = stack.properties("Table")
    assert table["KeySchema"] == [{"AttributeName": KEY, "KeyType": "HASH"}]
    assert table["AttributeDefinitions"] == [{"AttributeName": KEY, "AttributeType": "S"}]
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expiry", "Enabled": True}
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["SSESpecification"] == {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": "${Key.Arn}"}
    assert not {"StreamSpecification", "TableName"} & set(table)


def test_the_key_rotates_and_its_policy_lets_nobody_read_but_through_a_service(stack):
    key = stack.properties("Key")
    assert key["EnableKeyRotation"] is True
    statements = {s["Sid"]: s for s in key["KeyPolicy"]["Statement"]}
    assert all(s["Effect"] == "Allow" and s["Resource"] == "*" for s in statements.values())
    assert not [s for s in statements.values() if "*" in json.dumps([s["Action"], s["Principal"]])]
    using = {"kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:CreateGrant"}
    for sid, statement in statements.items():
        actions = {statement["Action"]} if isinstance(statement["Action"], str) else set(statement["Action"])
        if actions & using:
            assert statement.get("Condition"), sid
        else:
            assert sid in ("Administer", "ExamineKeyForBus")


def test_each_service_uses_the_key_for_what_is_its_own(stack):
    statements = {s["Sid"]: s for s in stack.properties("Key")["KeyPolicy"]["Statement"]}
    group = stack.properties("LogGroup")["LogGroupName"]
    region = "${AWS::Region}:${AWS::AccountId}"
    assert statements["EncryptLog"]["Principal"] == {"Service": "logs.${AWS::Region}.amazonaws.com"}
    assert statements["EncryptLog"]["Condition"] == {
        "ArnEquals": {
            "kms:EncryptionContext:aws:logs:arn": f"arn:${{AWS::Partition}}:logs:{region}:log-group:{group}"
        }
    }
    assert statements["SendFromRules"]["Condition"] == {
        "StringEquals": {"aws:SourceAccount": "${AWS::AccountId}"},
        "ArnLike": {"aws:SourceArn": f"arn:${{AWS::Partition}}:events:{region}:rule/*"},
    }
    assert statements["EncryptBus"]["Condition"]["StringEquals"] == {
        "aws:SourceAccount": "${AWS::AccountId}",
        "kms:EncryptionContext:aws:events:event-bus:arn": f"arn:${{AWS::Partition}}:events:{region}:event-bus/DataJobDiagnosis",
    }
    services = statements["UseThroughServices"]["Condition"]["StringEquals"]["kms:ViaService"]
    assert services == [f"{name}.${{AWS::Region}}.amazonaws.com" for name in ("sqs", "dynamodb", "lambda")]
