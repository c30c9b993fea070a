"""Settings: every variable, every bad value, and the order of who wins."""

import pytest

from diagnose.errors import UsageError
from diagnose.settings import Settings, load_settings


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
