"""The template as a text for tools and people: linters, expansion, the function's variables."""

import json
import re
from pathlib import Path

import pytest
import stack
import yaml
from stack import TEMPLATE, Stack, expand, read, run_tool

from diagnose.errors import UsageError
from diagnose.settings import Settings, load_deployed_settings

RUNTIME_OWN = {"AWS_REGION"}  # set by Lambda itself
EXEMPT = {("CKV_AWS_117", "Function"), ("CKV_AWS_27", "BusDeadLetterQueue")}
"""Checks of checkov that the template skips; each with its reason beside the resource."""
TEXT = TEMPLATE.read_text()
MODEL = "arn:aws:bedrock:eu-west-1::foundation-model/anthropic.claude-sonnet-4-6"

# A line of the template, what it becomes, what cfn-lint says of it.
BROKEN = [
    ("VisibilityTimeout: !FindInMap", "VisibilityTimeouts: !FindInMap", "E3002"),
    ("Arn: !GetAtt RuleDeadLetterQueue.Arn}", "Arn: !GetAtt Elsewhere.Arn}", "E1010"),
    ("Type: US_SOCIAL_SECURITY_NUMBER", "Type: US_SSN", "E3030"),
]
UNSAFE = [
    ("      KmsMasterKeyId: !GetAtt Key.Arn\n      RedrivePolicy", "      RedrivePolicy", "CKV_AWS_27"),
    ("      EnableKeyRotation: true", "      EnableKeyRotation: false", "CKV_AWS_7"),
    ("      KmsKeyId: !GetAtt Key.Arn\n", "", "CKV_AWS_158"),
]  # fmt: skip


OPTIONS = {
    "LogPrefix": "emr", "LogKmsKeyArn": "arn:aws:kms:us-east-1:123456789012:key/0", "GuardrailWords": "a", "InternalHostPattern": "b",
    "MetadataSource": "rest", "MetadataApiUrl": "https://metadata.example", "MetadataApiKeySecretArn": "arn:aws:secretsmanager:us-east-1:123456789012:secret:key-AbCdEf",
    "WarmStart": "provisioned", "AlarmTopicArn": "arn:aws:sns:us-east-1:123456789012:alarms",
}  # fmt: skip
"""Everything that is optional."""


def altered(tmp_path, *changes):
    text = TEXT
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    file = tmp_path / "template.yaml"
    file.write_text(text)
    return file


def policy(template):
    return template["Resources"]["FunctionRole"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]


@pytest.fixture(scope="module")
def checked(tmp_path_factory):
    """checkov's results by file, of one run: the template, a broken one, and what conditions make of it.

    It does not look into a policy that holds a condition: `resolved…` have none left.
    """
    folder = tmp_path_factory.mktemp("checkov")
    (folder / "template.yaml").write_text(TEXT)
    altered(folder, *((old, new) for old, new, _ in UNSAFE)).rename(folder / "unsafe.yaml")
    (folder / "template.yaml").write_text(TEXT)
    powerful = Stack().resolved()
    policy(powerful)[0] |= {"Action": "*", "Resource": "*"}
    for name, template in {
        "resolved": Stack().resolved(),
        "options": Stack(**OPTIONS).resolved(),
        "powerful": powerful,
    }.items():
        (folder / f"{name}.json").write_text(json.dumps(template))
    done = run_tool(
        "checkov", "--directory", str(folder), "--framework", "cloudformation", "--skip-download", "--compact", "--output", "json",
    )  # fmt: skip
    assert done.stdout.startswith("{"), done.stderr
    told = json.loads(done.stdout)
    assert (done.returncode, told["summary"]["parsing_errors"]) == (1, 0)
    written = sum(len(resources) for resources in (read()["Resources"],) * 2) + sum(
        len(Stack(**given).resources) for given in ({}, {}, OPTIONS)
    )
    assert told["summary"]["resource_count"] == written
    found = {}
    for outcome in ("passed", "failed", "skipped"):
        for check in told["results"][f"{outcome}_checks"]:
            found.setdefault(Path(check["file_path"]).stem, {}).setdefault(outcome, []).append(check)
    return found


# ---------------------------------------------------------------------------------------------------- linters


def test_cfn_lint_finds_nothing():
    done = run_tool("cfn-lint", "--template", str(TEMPLATE), "--format", "json")
    assert (done.returncode, json.loads(done.stdout)) == (0, []), done.stdout + done.stderr


def test_cfn_lint_looks_at_properties_references_and_values(tmp_path):
    file = altered(tmp_path, *((old, new) for old, new, _ in BROKEN))
    done = run_tool("cfn-lint", "--template", str(file), "--format", "json")
    assert done.returncode
    told = {found["Rule"]["Id"] for found in json.loads(done.stdout)}
    assert {rule for *_, rule in BROKEN} <= told


@pytest.mark.parametrize("file", ["template", "resolved", "options"])
def test_checkov_finds_nothing_but_what_is_exempt_with_a_reason(checked, file):
    found = checked[file]
    assert "failed" not in found, found["failed"]
    assert {(s["check_id"], s["resource"].split(".")[1]) for s in found["skipped"]} == EXEMPT
    assert all(len(s["check_result"]["suppress_comment"]) > 40 for s in found["skipped"])
    assert len(found["passed"]) >= 18


def rules(found):
    return {check["check_id"] for check in found}


def test_checkov_finds_what_is_not_encrypted_or_not_rotated(checked):
    assert rules(checked["unsafe"]["failed"]) == {rule for *_, rule in UNSAFE}


def test_checkov_finds_a_role_that_may_do_everything(checked):
    assert "CKV_AWS_110" in rules(checked["powerful"]["failed"])
    assert "CKV_AWS_110" in rules(checked["resolved"]["passed"]) & rules(checked["options"]["passed"])


def test_tools_that_are_missing_fail_the_tests_and_say_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setattr(stack, "TOOLS", tmp_path)
    with pytest.raises(AssertionError, match=r"cfn-lint is missing: run `make build/template/venv/.ready`"):
        run_tool("cfn-lint")


def test_every_linters_exception_stands_beside_its_resource():
    ignored = {
        (name, rule)
        for name, resource in read()["Resources"].items()
        for rule in resource.get("Metadata", {})
        .get("cfn-lint", {})
        .get("config", {})
        .get("ignore_checks", [])
    }
    assert ignored == {("Function", "W2530")}
    assert not re.search(r"checkov:skip|cfn-lint:\s*disable", TEXT)


# ---------------------------------------------------------------------------------------------------- expansion


def test_expansion_is_the_same_under_all_parameters():
    """So that what `Stack` resolves itself is what CloudFormation would."""
    assert expand(read()) == expand(
        read(), WarmStart="snapstart", MemoryMegabytes="1024", Release="r2", GuardrailWords="a,b"
    )


def test_expansion_adds_no_resource_and_no_permission_of_its_own():
    assert {**Stack().template["Resources"]}.keys() == read()["Resources"].keys()


# ---------------------------------------------------------------------------------------------------- variables


def variables(**parameters):
    return {
        k: str(v) for k, v in Stack(**parameters).properties("Function")["Environment"]["Variables"].items()
    }


def deployed(**parameters):
    """The variables as a deployed function finds them: marks of resources become values of their form."""
    found = {
        "${Guardrail.GuardrailArn}": "arn:aws:bedrock:us-east-1:123456789012:guardrail/gr1abcd2ef34",
        "${GuardrailVersion.Version}": "3",
        "${Queue}": "https://sqs.us-east-1.amazonaws.com/123456789012/stack-Queue-1",
        "${Table}": "stack-Table-1",
        "${ResultBus}": "DataJobDiagnosis",
        "${AWS::StackName}": "stack",
    }
    return {name: found.get(value, value) for name, value in variables(**parameters).items()}


def test_the_function_gets_every_variable_that_it_reads_and_no_other():
    assert set(variables()) == {name.upper() for name in Settings.model_fields} - RUNTIME_OWN


def test_the_function_starts_with_the_default_parameters_and_they_are_the_settings_own():
    given = deployed()
    settings = load_deployed_settings(given)
    made = {"bedrock_guardrail_id", "bedrock_guardrail_version", "s3_log_bucket", "result_bus_name", "idempotency_table", "queue_url", "service_name"}  # fmt: skip
    defaults = Settings().model_dump(exclude=made)
    assert settings.model_dump(exclude=made) == defaults
    assert (settings.service_name, settings.bedrock_guardrail_version) == ("stack", "3")
    assert not re.search(r"\$\{", "".join(given.values()))


def test_every_parameter_of_the_function_reaches_its_setting():
    secret = "arn:aws:secretsmanager:us-east-1:123456789012:secret:metadata-AbCdEf"  # noqa: S105 - a name
    settings = load_deployed_settings(
        deployed(
            LogBucketName="logs-1", LogPrefix="emr/prod", YarnLogFetchEnabled="false", LogsLateLimitSeconds="900",
            MaxReadBytes=2097152, BedrockModelId="eu.anthropic.claude-sonnet-4-6", BedrockModelArns=MODEL, BedrockMaxTokens=2048, TokenBudget=50000,
            ExcerptBytes=65536, LogContextLines=5, RedactionExtraPatterns='["ACME-\\\\d+"]', RedactionNumbered="false",
            MetadataSource="rest", MetadataApiUrl="https://metadata.example/v1", MetadataApiKeySecretArn=secret,
            MetadataApiAuthHeader="authorization", DeadlineReserveSeconds=45,
        )
    )  # fmt: skip
    assert settings.model_dump() == {
        "aws_region": "", "bedrock_guardrail_id": "arn:aws:bedrock:us-east-1:123456789012:guardrail/gr1abcd2ef34",
        "bedrock_guardrail_version": "3", "bedrock_max_tokens": 2048, "bedrock_model_id": "eu.anthropic.claude-sonnet-4-6",
        "deadline_reserve_seconds": 45, "idempotency_table": "stack-Table-1", "log_context_lines": 5,
        "logs_late_limit_seconds": 900, "max_log_size_bytes": 65536, "max_read_bytes": 2097152,
        "metadata_api_auth_header": "authorization", "metadata_api_key_secret_id": secret,
        "metadata_api_url": "https://metadata.example/v1", "metadata_source": "rest",
        "queue_url": "https://sqs.us-east-1.amazonaws.com/123456789012/stack-Queue-1",
        "redaction_extra_patterns": (r"ACME-\d+",), "redaction_numbered": False, "result_bus_name": "DataJobDiagnosis",
        "s3_log_bucket": "logs-1/emr/prod", "service_name": "stack", "token_budget": 50000, "yarn_log_fetch_enabled": False,
    }  # fmt: skip


@pytest.mark.parametrize(
    "name", ["BEDROCK_GUARDRAIL_ID", "S3_LOG_BUCKET", "RESULT_BUS_NAME", "IDEMPOTENCY_TABLE", "QUEUE_URL"]
)
def test_a_variable_less_would_keep_the_function_from_starting(name):
    given = deployed()
    del given[name]
    with pytest.raises(UsageError, match=name):
        load_deployed_settings(given)


def test_the_deploy_settings_name_the_template_and_ask_for_nothing_more_than_roles():
    import tomllib

    settings = tomllib.loads((TEMPLATE.parent / "samconfig.toml").read_text())["default"]
    assert (TEMPLATE.parent / settings["deploy"]["parameters"]["template_file"]) == TEMPLATE
    assert settings["deploy"]["parameters"]["capabilities"] == "CAPABILITY_IAM"
    assert settings["deploy"]["parameters"]["confirm_changeset"] is True
    assert not any("RoleName" in r.get("Properties", {}) for r in read()["Resources"].values())


def test_the_template_is_plain_yaml_with_unique_keys():
    class Strict(yaml.SafeLoader):
        pass

    def mapping(loader, node):
        keys = [loader.construct_object(key, deep=True) for key, _ in node.value]
        assert len(keys) == len(set(keys)), f"line {node.start_mark.line + 1}: {keys}"
        return yaml.SafeLoader.construct_mapping(loader, node, deep=True)

    Strict.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, mapping)
    Strict.add_multi_constructor("!", lambda loader, _, node: None)
    assert yaml.load(TEXT, Strict)["Resources"]  # noqa: S506 - a SafeLoader
