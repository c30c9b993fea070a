import pytest

from evals.literal import shows, stands_in


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("Connection refused", "java.net.ConnectException: Connection refused (x)"),
        ("to [REDACTED-IP-1]:5999 refused", "Connection to 127.0.0.1:5999 refused."),
        ("user [REDACTED-PASSWORD] and [REDACTED-AWS-KEY-2].", "user a and b."),
        ("a very long line that is cut he…", "a very long line that is cut here and goes on"),
        ("[REDACTED-EMAIL]: denied", ": denied"),
    ],
)
def test_a_redacted_text_stands_in_its_line(text: str, line: str) -> None:
    assert stands_in(text, line)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("Connection refused by peer", "Connection refused"),
        ("refused [REDACTED-IP] Connection", "Connection to 127.0.0.1 refused"),
        ("[REDACTED-SECRET]", "anything"),
        ("", "anything"),
        ("Connection… refused", "Connection refused"),
    ],
)
def test_an_invented_or_empty_text_stands_nowhere(text: str, line: str) -> None:
    assert not stands_in(text, line)


@pytest.mark.parametrize(
    ("text", "literal"),
    [
        ("x Connection refused y", "Connection refused"),
        ("Connection to [REDACTED-IP-1]:5999 refused", "Connection to 127.0.0.1:5999 refused"),
        (
            "PSQLException: Connection to [REDACTED-IP-1]:5999 refused. Check",
            "Connection to 127.0.0.1:5999 refused",
        ),
        ("denied for [REDACTED-EMAIL-1]", "denied for a@b.example"),
        ("[REDACTED-IP] is not a Parquet file", "file.parquet is not a Parquet file"),
    ],
)
def test_a_literal_is_shown_behind_placeholders(text: str, literal: str) -> None:
    assert shows(text, literal)


@pytest.mark.parametrize(
    ("text", "literal"),
    [
        ("[REDACTED-SECRET]", "Connection refused"),
        ("error [REDACTED-SECRET] here", "Connection refused"),
        ("to [REDACTED-IP]:5999 accepted", "Connection to 127.0.0.1:5999 refused"),
        ("nothing", "Connection refused"),
    ],
)
def test_a_literal_that_cannot_be_read_is_not_shown(text: str, literal: str) -> None:
    assert not shows(text, literal)
