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
    ],
)
def test_a_bad_value_names_the_variable(variable, value, quoted):
    with pytest.raises(UsageError) as caught:
        load_settings({variable: value})
    assert variable in str(caught.value)
    assert quoted in str(caught.value)


def test_every_setting_is_covered_above():
    assert len(Settings.model_fields) == 6
