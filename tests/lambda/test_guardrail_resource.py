"""The guardrail in the template: each item, on each side."""

import json
import re

import pytest
from stack import Stack, run_tool

ON_BOTH_SIDES = {"InputEnabled": True, "OutputEnabled": True}


@pytest.fixture(scope="module")
def guardrail():
    return Stack().properties("Guardrail")


def both(action):
    return {"InputAction": action, "OutputAction": action, **ON_BOTH_SIDES}


@pytest.mark.parametrize(
    ("kind", "action"),
    [
        ("NAME", "ANONYMIZE"),
        ("EMAIL", "ANONYMIZE"),
        ("PHONE", "ANONYMIZE"),
        ("ADDRESS", "ANONYMIZE"),
        ("US_SOCIAL_SECURITY_NUMBER", "BLOCK"),
        ("AWS_ACCESS_KEY", "BLOCK"),
        ("AWS_SECRET_KEY", "BLOCK"),
    ],
)
def test_personal_data_and_keys_are_masked_or_blocked_on_both_sides(guardrail, kind, action):
    (entity,) = [
        e for e in guardrail["SensitiveInformationPolicyConfig"]["PiiEntitiesConfig"] if e["Type"] == kind
    ]
    assert entity == {"Type": kind, "Action": action, **both(action)}


def test_no_other_personal_data_are_looked_for(guardrail):
    assert len(guardrail["SensitiveInformationPolicyConfig"]["PiiEntitiesConfig"]) == 7


@pytest.mark.parametrize("kind", ["HATE", "INSULTS", "SEXUAL", "VIOLENCE"])
def test_harmful_content_is_filtered_at_high_on_output_only(guardrail, kind):
    """Logs kill, abort and die: on input these filters would block what is to be explained."""
    (found,) = [f for f in guardrail["ContentPolicyConfig"]["FiltersConfig"] if f["Type"] == kind]
    assert found == {
        "Type": kind, "InputStrength": "NONE", "InputEnabled": False,
        "OutputStrength": "HIGH", "OutputAction": "BLOCK", "OutputEnabled": True,
    }  # fmt: skip


def test_prompt_attacks_are_filtered_at_high_on_input_only(guardrail):
    (found,) = [f for f in guardrail["ContentPolicyConfig"]["FiltersConfig"] if f["Type"] == "PROMPT_ATTACK"]
    assert found == {
        "Type": "PROMPT_ATTACK", "InputStrength": "HIGH", "InputAction": "BLOCK", "InputEnabled": True,
        "OutputStrength": "NONE", "OutputEnabled": False,
    }  # fmt: skip
    assert len(guardrail["ContentPolicyConfig"]["FiltersConfig"]) == 5


@pytest.mark.parametrize("name", ["General code generation", "Personal advice"])
def test_topics_are_denied_on_both_sides_with_examples(guardrail, name):
    topics = guardrail["TopicPolicyConfig"]["TopicsConfig"]
    (topic,) = [t for t in topics if t["Name"] == name]
    assert {k: v for k, v in topic.items() if k not in ("Name", "Definition", "Examples")} == {
        "Type": "DENY",
        **both("BLOCK"),
    }
    assert 40 <= len(topic["Definition"]) <= 200  # the limit of the classic tier
    assert 3 <= len(topic["Examples"]) <= 5
    assert all(len(example) <= 100 for example in topic["Examples"])
    assert len(topics) == 2


def regexes(**parameters):
    policy = Stack(**parameters).properties("Guardrail")["SensitiveInformationPolicyConfig"]
    return {r["Name"]: r for r in policy["RegexesConfig"]}


def test_private_names_of_aws_hosts_are_masked_on_both_sides():
    (found,) = regexes().values()
    assert {k: v for k, v in found.items() if k not in ("Name", "Description", "Pattern")} == {
        "Action": "ANONYMIZE",
        **both("ANONYMIZE"),
    }


@pytest.mark.parametrize(
    "host",
    [
        "ip-10-0-2-10.ec2.internal",
        "ip-172-31-255-1.eu-central-1.compute.internal",
        "ip-10-1-2-3.us-gov-west-1.compute.internal",
        "i-0123456789abcdef0.ec2.internal",
        "i-0123456789abcdef0.ap-southeast-2.compute.internal",
    ],
)
def test_the_pattern_finds_a_host_in_a_line(host):
    pattern = regexes()["aws-internal-host"]["Pattern"]
    line = (
        f"26/11/22 07:00:01 WARN TaskSetManager: Lost task 0.0 in stage 1.0 (TID 7) ({host} executor 3): lost"
    )
    assert re.search(pattern, line)[0] == host
    assert re.search(pattern, f"http://{host}:8042/node")[0] == host


@pytest.mark.parametrize(
    "text",
    [
        "at org.apache.spark.internal.io.SparkHadoopWriter$.write(SparkHadoopWriter.scala:98)",
        "org.apache.hadoop.yarn.internal",
        "spark-3.5.7.amzn-0.jar",
        "s3.eu-central-1.amazonaws.com",
        "container_1795331436133_0007_01_000001",
        "com.acme.zip-10-0-2.internal",
    ],
)
def test_the_pattern_leaves_evidence_alone(text):
    assert not re.search(regexes()["aws-internal-host"]["Pattern"], text)


def test_the_pattern_needs_no_look_around_and_fits_the_service():
    pattern = regexes()["aws-internal-host"]["Pattern"]
    assert len(pattern) <= 500
    assert not re.search(r"\(\?[=!<]", pattern)


def test_the_organisations_own_host_names_are_masked_too_when_given():
    pattern = r"\b[a-z0-9-]+\.(corp|lan)\.acme\.example\b"
    found = regexes(InternalHostPattern=pattern)
    assert set(found) == {"aws-internal-host", "organisation-internal-host"}
    own = found["organisation-internal-host"]
    assert own["Pattern"] == pattern
    assert {k: own[k] for k in ("Action", *both(""))} == {"Action": "ANONYMIZE", **both("ANONYMIZE")}


def words(given):
    return Stack(GuardrailWords=given).properties("Guardrail")["WordPolicyConfig"]["WordsConfig"]


def test_no_words_no_policy():
    assert "WordPolicyConfig" not in Stack(GuardrailWords="").properties("Guardrail")


@pytest.mark.parametrize("count", range(1, 11))
def test_every_word_that_is_given_is_blocked_on_both_sides(count):
    given = [f"project name {n}" for n in range(count)]
    assert words(",".join(given)) == [{"Text": word, **both("BLOCK")} for word in given]


def test_the_function_uses_a_numbered_version_of_this_guardrail():
    stack = Stack(Release="r7")
    version = stack.properties("GuardrailVersion")
    variables = stack.properties("Function")["Environment"]["Variables"]
    assert version["GuardrailIdentifier"] == "${Guardrail.GuardrailId}"
    assert variables["BEDROCK_GUARDRAIL_VERSION"] == "${GuardrailVersion.Version}"
    assert variables["BEDROCK_GUARDRAIL_ID"] == "${Guardrail.GuardrailArn}"


OTHERWISE = {
    "Release": "r8", "WarmStart": "snapstart", "MemoryMegabytes": 1024, "TimeoutSeconds": "600", "TokenBudget": 9,
    "RedactionExtraPatterns": '["a"]', "BedrockMaxTokens": 2048, "LogRetentionDays": 7, "ResultBusName": "other",
}  # fmt: skip
"""Of everything that can change without the guardrail."""


def test_no_release_makes_a_new_version_of_an_unchanged_guardrail():
    """A guardrail has twenty versions at most, and the limit can't be raised."""
    first, second = Stack(Release="r7"), Stack(**OTHERWISE)
    assert first.properties("Guardrail") == second.properties("Guardrail")
    assert first.properties("GuardrailVersion") == second.properties("GuardrailVersion")


def test_a_changed_guardrail_gets_a_new_version_and_the_old_one_stays():
    """A version is made anew only when its own properties change: its text names the guardrail's last change."""
    stack = Stack(GuardrailWords="secret project")
    assert stack.properties("Guardrail") != Stack().properties("Guardrail")
    assert stack.properties("GuardrailVersion")["Description"] == "Guardrail of ${Guardrail.UpdatedAt}"
    assert stack.resources["GuardrailVersion"]["UpdateReplacePolicy"] == "Retain"


def schema(kind):
    code = f"import json; from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER as m; print(json.dumps(m.get_resource_schema('us-east-1', {kind!r}).schema))"
    done = run_tool("python", "-c", code)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_new_text_replaces_a_version_and_the_time_of_the_last_change_is_the_services():
    """By the services' own schemas, as cfn-lint holds them."""
    assert "/properties/Description" in schema("AWS::Bedrock::GuardrailVersion")["createOnlyProperties"]
    guardrail = schema("AWS::Bedrock::Guardrail")
    assert "/properties/UpdatedAt" in guardrail["readOnlyProperties"]
    assert "/properties/Name" not in guardrail.get("createOnlyProperties", []), (
        "a new name makes no new guardrail"
    )


def test_the_guardrails_name_fits_however_long_the_stacks_is():
    longest = "a" * 128
    stack_id = (
        f"arn:aws:cloudformation:us-east-1:123456789012:stack/{longest}/01234567-89ab-cdef-0123-456789abcdef"
    )
    found = Stack().made(AWS_StackName=longest, AWS_StackId=stack_id).properties("Guardrail")
    limits = schema("AWS::Bedrock::Guardrail")["properties"]
    assert found["Name"] == "diagnosis-01234567-89ab-cdef-0123-456789abcdef"
    for name in ("Name", "Description"):
        assert len(found[name]) <= limits[name]["maxLength"]
    assert longest in found["Description"]


def test_a_block_tells_nothing_of_what_was_found(guardrail):
    for key in ("BlockedInputMessaging", "BlockedOutputsMessaging"):
        assert re.fullmatch(r"The guardrail blocked the (request|answer)\.", guardrail[key])
