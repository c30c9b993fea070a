"""The template's parameters: each is used and told of, and what can't work, alone or together, is refused."""

import json
import re

import pytest
import stack
from hypothesis import given, settings
from hypothesis import strategies as st
from stack import ParameterError, Stack, read

MODEL = "arn:aws:bedrock:eu-west-1::foundation-model/anthropic.claude-sonnet-4-6"


def references(value):
    """Names that Ref, Sub and conditions use, anywhere below."""
    if isinstance(value, list):
        return set().union(*map(references, value))
    if isinstance(value, str):
        return set(re.findall(r"\$\{([\w:.]+)\}", value))
    if not isinstance(value, dict):
        return set()
    own = {value["Ref"]} if isinstance(value.get("Ref"), str) else set()
    return own.union(*map(references, value.values()))


def test_every_parameter_is_used_described_and_in_a_group():
    template = read()
    names = set(template["Parameters"])
    used = references({k: template[k] for k in ("Conditions", "Resources", "Outputs")})
    assert names <= used
    assert all(p["Description"] for p in template["Parameters"].values())
    groups = template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    shown = [name for group in groups for name in group["Parameters"]]
    assert sorted(shown) == sorted(names)


def test_every_condition_and_mapping_is_used():
    template = read()
    text = json.dumps({k: template[k] for k in ("Conditions", "Resources", "Outputs")})
    for name in template["Conditions"]:
        assert re.search(rf'("Fn::If": \["{name}"|"Condition": "{name}")', text), name
    for name in template["Mappings"]:
        assert f'"Fn::FindInMap": ["{name}"' in text


def test_only_the_log_bucket_must_be_given():
    assert {n for n, p in read()["Parameters"].items() if "Default" not in p} == {"LogBucketName"}
    Stack()  # and the defaults are lawful


@pytest.mark.parametrize(
    "refused",
    [
        {"LogBucketName": "s3://emr-logs"},
        {"LogBucketName": "Emr_Logs"},
        {"LogPrefix": "/logs"},
        {"LogPrefix": "logs/"},
        {"LogPrefix": "logs/*"},
        {"LogKmsKeyArn": "alias/logs"},
        {"LogsLateLimitSeconds": "700"},
        {"QueueDelaySeconds": "901"},
        {"TimeoutSeconds": "301"},
        {"BedrockModelId": "claude"},
        {"BedrockModelId": "*"},
        {"BedrockModelArns": "arn:aws:bedrock:us-east-1::foundation-model/*"},
        {"BedrockModelArns": "*"},
        {"BedrockModelArns": f"{MODEL},"},
        {"BedrockModelArns": f"{MODEL}, {MODEL}"},
        {"GuardrailWords": ",".join("abcdefghijk")},
        {"GuardrailWords": "one, two"},
        {"GuardrailWords": "one,,two"},
        {"GuardrailWords": "w" * 101},
        {"InternalHostPattern": "h" * 501},
        {"RedactionExtraPatterns": "ACME-[0-9]+"},
        {"RedactionExtraPatterns": ""},
        {"RedactionExtraPatterns": r"[ACME-\\d+]"},  # what sam makes of it without its quotes
        {"RedactionExtraPatterns": r'["ACME-\d+"]'},
        {"RedactionExtraPatterns": '["a", 1]'},
        {"RedactionExtraPatterns": '["a",]'},
        {"RedactionExtraPatterns": '["a" "b"]'},
        {"RedactionExtraPatterns": '["a"b"]'},
        {"RedactionExtraPatterns": '["a"'},
        {"RedactionExtraPatterns": r'["\u12"]'},
        {"RedactionExtraPatterns": '["a\n"]'},
        {"RedactionExtraPatterns": '[["a"]]'},
        {"RedactionExtraPatterns": '{"a": 1}'},
        {"DeadlineReserveSeconds": "0"},
        {"DeadlineReserveSeconds": "600"},
        {"BatchSize": "0"},
        {"ReservedConcurrency": "5"},
        {"ProvisionedConcurrency": "0"},
        {"MetadataApiUrl": "http://metadata.example"},
        {"MetadataApiKeySecretArn": "metadata/key"},
        {"MetadataApiKeySecretArn": "arn:aws:secretsmanager:us-east-1:123456789012:secret:*"},
        {"BatchSize": "11"},
        {"QueueConcurrency": "1"},
        {"MemoryMegabytes": "128"},
        {"AlarmTopicArn": "topic"},
        {"ResultBusName": "bus/1"},
        {"WarmStart": "both"},
    ],
    ids=lambda given: "=".join(*given.items())[:40],
)
def test_cloudformation_refuses_what_can_not_work_or_would_grant_too_much(refused):
    with pytest.raises(ParameterError):
        Stack(**refused)


@pytest.mark.parametrize(
    "text",
    [
        "[]", "[ ]", '[""]', '["ACME-\\\\d+"]', '["a", "b" ,"c"]', '[ "\\"quoted\\"" ]', '["\\\\"]', '["\\u00e9\\n", "é, ] [ {"]',
        '["' + "a" * 3000 + '"]',
    ],
    ids=lambda text: text[:30],
)  # fmt: skip
def test_every_json_list_of_texts_is_lawful_for_the_extra_patterns(text):
    assert all(isinstance(item, str) for item in json.loads(text))
    given = Stack(RedactionExtraPatterns=text).properties("Function")["Environment"]["Variables"]
    assert given["REDACTION_EXTRA_PATTERNS"] == text


JSON_SIGNS = st.text(alphabet='[]"\\, abu0nd{:\n', max_size=12)


@given(
    st.one_of(
        JSON_SIGNS, JSON_SIGNS.map(lambda text: f'["{text}"]'), st.lists(st.text(max_size=5)).map(json.dumps)
    )
)
@settings(max_examples=500, deadline=None)
def test_the_pattern_of_the_extra_patterns_takes_what_json_takes_and_nothing_else(text):
    declared = read()["Parameters"]["RedactionExtraPatterns"]["AllowedPattern"]
    try:
        found = json.loads(text)
    except json.JSONDecodeError:
        found = None
    lawful = isinstance(found, list) and all(isinstance(item, str) for item in found)
    taken = re.fullmatch(declared, text) is not None
    assert taken == lawful or (lawful and re.search(r"\s", text.replace(" ", ""))), (
        "blanks but no line ends between"
    )


# ---------------------------------------------------------------------------------------------------- rules


TIMEOUTS = (60, 120, 180, 240, 300, 420, 600, 900)
RESERVES = (10, 20, 30, 45, 60, 90, 120)
QUEUED = (2, 3, 4, 6, 8, 12, 20, 40, 80)


def refused(**parameters):
    try:
        Stack(**parameters)
    except ParameterError:
        return True
    return False


def test_the_metadata_api_needs_its_address():
    with pytest.raises(ParameterError, match="MetadataSource rest needs MetadataApiUrl"):
        Stack(MetadataSource="rest")
    Stack(MetadataSource="rest", MetadataApiUrl="https://metadata.example")


def test_the_reserve_is_at_most_half_of_the_timeout():
    assert read()["Parameters"]["DeadlineReserveSeconds"]["AllowedValues"] == [str(r) for r in RESERVES]
    for timeout in TIMEOUTS:
        for reserve in RESERVES:
            given = {"TimeoutSeconds": timeout, "DeadlineReserveSeconds": reserve}
            assert refused(**given) == (2 * reserve > timeout), given


def test_a_batch_needs_the_time_of_more_than_one():
    for timeout in TIMEOUTS:
        for size in (1, 2, 10):
            assert refused(TimeoutSeconds=timeout, BatchSize=size) == (size > 1 and timeout < 180)


def test_the_queue_leaves_a_part_of_what_is_reserved_for_direct_calls():
    for name, values in (("ReservedConcurrency", (0, *QUEUED[1:])), ("QueueConcurrency", QUEUED)):
        assert read()["Parameters"][name]["AllowedValues"] == list(values)
    for reserved in (0, *QUEUED[1:]):
        for queued in QUEUED:
            given = {"ReservedConcurrency": reserved, "QueueConcurrency": queued}
            assert refused(**given) == (reserved != 0 and queued >= reserved), given


def test_no_more_is_provisioned_than_is_reserved():
    assert read()["Parameters"]["ProvisionedConcurrency"]["AllowedValues"] == [1, *QUEUED]
    for mode in ("none", "provisioned"):
        for reserved in (0, 3, 6, 80):
            for provisioned in (1, *QUEUED):
                given = {"ReservedConcurrency": reserved, "ProvisionedConcurrency": provisioned}
                found = refused(WarmStart=mode, QueueConcurrency=2, **given)
                assert found == (mode == "provisioned" and 0 < reserved < provisioned), given


@pytest.mark.parametrize(
    "model",
    ["eu.anthropic.claude-sonnet-4-6", "global.anthropic.claude-sonnet-4-6", "us.amazon.nova-lite-v1:0", "anthropic.claude-sonnet-4-6", "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2c3d4e5f6"],
)  # fmt: skip
def test_another_model_than_the_default_needs_the_models_that_it_routes_to(model):
    with pytest.raises(ParameterError, match="needs BedrockModelArns"):
        Stack(BedrockModelId=model)
    Stack(BedrockModelId=model, BedrockModelArns=MODEL)


def test_the_default_models_are_of_the_default_profile_and_its_regions(monkeypatch):
    monkeypatch.setattr(stack, "REGION", "eu-west-1")
    with pytest.raises(ParameterError, match="us-east-1, us-east-2 and us-west-2"):
        Stack()
    Stack(BedrockModelId="eu.anthropic.claude-sonnet-4-6", BedrockModelArns=MODEL)


def test_every_rule_refuses_something_and_says_what_to_give():
    for name, rule in read()["Rules"].items():
        assert rule["RuleCondition"], name
        for assertion in rule["Assertions"]:
            assert set(references(assertion["Assert"])) & set(
                read()["Parameters"]
            ) or "AWS::Region" in json.dumps(assertion)
            assert re.search(r"[A-Z]\w+", assertion["AssertDescription"])
