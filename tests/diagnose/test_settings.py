"""Settings: every variable, every bad value, and the order of who wins."""

import pytest

from diagnose.errors import UsageError
from diagnose.settings import Settings, load_deployed_settings, load_settings, tracing


def test_defaults_hold_without_an_environment():
    settings = load_settings({})
    assert settings == Settings()
    assert settings.max_log_size_bytes == 32768
    assert settings.log_context_lines == 10


@pytest.mark.parametrize(
    ("variable", "value", "field", "expected"),
    [
        ("MAX_LOG_SIZE_BYTES", "4096", "max_log_size_bytes", 4096),
        ("MAX_READ_BYTES", "2097152", "max_read_bytes", 2097152),
        ("LOG_CONTEXT_LINES", "3", "log_context_lines", 3),
        ("REDACTION_EXTRA_PATTERNS", '["ACME-\\\\d+"]', "redaction_extra_patterns", ("ACME-\\d+",)),
        ("REDACTION_NUMBERED", "false", "redaction_numbered", False),
        ("YARN_LOG_FETCH_ENABLED", "false", "yarn_log_fetch_enabled", False),
        ("AWS_REGION", "eu-central-1", "aws_region", "eu-central-1"),
        (
            "BEDROCK_MODEL_ID",
            "anthropic.claude-sonnet-4-6",
            "bedrock_model_id",
            "anthropic.claude-sonnet-4-6",
        ),
        ("BEDROCK_MAX_TOKENS", "2048", "bedrock_max_tokens", 2048),
        ("BEDROCK_GUARDRAIL_ID", "gr1abcd2ef34", "bedrock_guardrail_id", "gr1abcd2ef34"),
        ("BEDROCK_GUARDRAIL_VERSION", "7", "bedrock_guardrail_version", "7"),
        ("METADATA_SOURCE", "rest", "metadata_source", "rest"),
        ("METADATA_API_URL", "https://meta.example/v1", "metadata_api_url", "https://meta.example/v1"),
        ("METADATA_API_KEY_SECRET_ID", "prod/metadata", "metadata_api_key_secret_id", "prod/metadata"),
        ("METADATA_API_AUTH_HEADER", "Authorization", "metadata_api_auth_header", "Authorization"),
        ("S3_LOG_BUCKET", "acme-logs/emr", "s3_log_bucket", "acme-logs/emr"),
        ("LOGS_LATE_LIMIT_SECONDS", "900", "logs_late_limit_seconds", 900),
        ("DEADLINE_RESERVE_SECONDS", "20", "deadline_reserve_seconds", 20),
        ("TOKEN_BUDGET", "50000", "token_budget", 50_000),
        ("RESULT_BUS_NAME", "DataJobDiagnosis", "result_bus_name", "DataJobDiagnosis"),
        ("IDEMPOTENCY_TABLE", "failures-seen", "idempotency_table", "failures-seen"),
        (
            "QUEUE_URL",
            "https://sqs.eu-west-1.amazonaws.com/123456789012/failures",
            "queue_url",
            "https://sqs.eu-west-1.amazonaws.com/123456789012/failures",
        ),
        ("SERVICE_NAME", "nightly-diagnosis", "service_name", "nightly-diagnosis"),
    ],
)
def test_every_variable_is_read_and_an_argument_wins(variable, value, field, expected):
    assert getattr(load_settings({variable: value}), field) == expected
    other = getattr(Settings(), field)
    assert getattr(load_settings({variable: value}, **{field: other}), field) == other


@pytest.mark.parametrize(
    ("variable", "value", "quoted"),
    [
        ("MAX_LOG_SIZE_BYTES", "lots", "MAX_LOG_SIZE_BYTES"),
        ("MAX_LOG_SIZE_BYTES", "12", "MAX_LOG_SIZE_BYTES"),
        ("MAX_READ_BYTES", "-1", "MAX_READ_BYTES"),
        ("LOG_CONTEXT_LINES", "1e3", "LOG_CONTEXT_LINES"),
        ("REDACTION_EXTRA_PATTERNS", "ACME", "REDACTION_EXTRA_PATTERNS"),
        ("REDACTION_EXTRA_PATTERNS", '{"a": 1}', "REDACTION_EXTRA_PATTERNS"),
        ("REDACTION_EXTRA_PATTERNS", '["(ACME"]', "(ACME"),
        ("REDACTION_NUMBERED", "perhaps", "REDACTION_NUMBERED"),
        ("YARN_LOG_FETCH_ENABLED", "?", "YARN_LOG_FETCH_ENABLED"),
        ("AWS_REGION", "Frankfurt", "Frankfurt"),
        ("BEDROCK_MODEL_ID", "claude sonnet", "claude sonnet"),
        ("BEDROCK_MAX_TOKENS", "0", "BEDROCK_MAX_TOKENS"),
        ("BEDROCK_GUARDRAIL_ID", "my guardrail", "my guardrail"),
        ("BEDROCK_GUARDRAIL_VERSION", "latest", "latest"),
        ("METADATA_SOURCE", "glue", "glue"),
        ("METADATA_API_URL", "http://meta.example", "http://meta.example"),
        ("METADATA_API_KEY_SECRET_ID", "x" * 3000, "METADATA_API_KEY_SECRET_ID"),
        ("METADATA_API_AUTH_HEADER", "x api key", "x api key"),
        ("S3_LOG_BUCKET", "Acme Logs", "Acme Logs"),
        ("LOGS_LATE_LIMIT_SECONDS", "soon", "LOGS_LATE_LIMIT_SECONDS"),
        ("DEADLINE_RESERVE_SECONDS", "-5", "DEADLINE_RESERVE_SECONDS"),
        ("TOKEN_BUDGET", "0", "TOKEN_BUDGET"),
        ("RESULT_BUS_NAME", "my bus", "my bus"),
        ("IDEMPOTENCY_TABLE", "my table", "my table"),
        ("QUEUE_URL", "failures", "give the URL of the SQS queue"),
        ("SERVICE_NAME", "the nightly one", "the nightly one"),
    ],
)
def test_a_bad_value_names_the_variable(variable, value, quoted):
    with pytest.raises(UsageError) as caught:
        load_settings({variable: value})
    assert variable in str(caught.value)
    assert quoted in str(caught.value)


def test_every_setting_is_covered_above():
    for test in (test_every_variable_is_read_and_an_argument_wins, test_a_bad_value_names_the_variable):
        rows = test.pytestmark[0].args[1]
        assert {row[0].lower() for row in rows} == set(Settings.model_fields)


_DEPLOYED = {
    "BEDROCK_GUARDRAIL_ID": "gr1abcd2ef34",
    "S3_LOG_BUCKET": "acme-logs",
    "RESULT_BUS_NAME": "DataJobDiagnosis",
    "IDEMPOTENCY_TABLE": "failures-seen",
    "QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/123456789012/failures",
}


def test_the_function_starts_with_what_it_needs_and_no_more():
    assert load_deployed_settings(_DEPLOYED).queue_url == _DEPLOYED["QUEUE_URL"]


@pytest.mark.parametrize("variable", _DEPLOYED)
def test_the_function_names_what_it_lacks(variable):
    with pytest.raises(UsageError, match=rf"^{variable}: not set"):
        load_deployed_settings({**_DEPLOYED, variable: ""})


def test_the_function_names_all_that_it_lacks_at_once():
    with pytest.raises(
        UsageError, match=r"^BEDROCK_GUARDRAIL_ID, S3_LOG_BUCKET, .*, METADATA_API_URL: not set"
    ):
        load_deployed_settings({"METADATA_SOURCE": "rest"})


def test_where_spans_go_is_read_anew_each_time():
    environ = {"AWS_XRAY_DAEMON_ADDRESS": "169.254.79.129:2000", "_X_AMZN_TRACE_ID": "Root=1-2-3"}
    assert tracing(environ) == ("169.254.79.129:2000", "Root=1-2-3")
    assert tracing({}) == ("", "")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("BEDROCK_GUARDRAIL_ID", "Tr0ub4dor and 3"),
        ("S3_LOG_BUCKET", "Tr0ub4dor and 3"),
        ("RESULT_BUS_NAME", "Tr0ub4dor and 3"),
        ("BEDROCK_MAX_TOKENS", "Tr0ub4dor and 3"),
        ("REDACTION_EXTRA_PATTERNS", '["(Tr0ub4dor and 3"]'),
        ("REDACTION_EXTRA_PATTERNS", "Tr0ub4dor and 3"),
    ],
)
def test_the_function_repeats_no_value_that_it_can_not_use(variable, value):
    with pytest.raises(UsageError) as caught:
        load_deployed_settings({**_DEPLOYED, variable: value})
    assert variable in str(caught.value) and "Tr0ub4dor" not in str(caught.value)
