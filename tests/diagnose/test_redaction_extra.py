"""Patterns from REDACTION_EXTRA_PATTERNS."""

import time

import pytest

from diagnose.errors import UsageError
from diagnose.redaction import Redactor


def test_the_whole_match_becomes_custom():
    assert (
        Redactor([r"ACME-\d{4}"]).session().text("order ACME-1234 failed")
        == "order [REDACTED-CUSTOM-1] failed"
    )


def test_group_one_becomes_custom_and_is_hunted():
    text = Redactor([r"ticket (\w+)"]).session().text("ticket qx81zz7 ... qx81zz7")
    assert text == "ticket [REDACTED-CUSTOM-1] ... [REDACTED-CUSTOM-1]"


def test_line_anchors_mean_lines():
    assert Redactor([r"^id (\d+)$"]).session().text("a\nid 17\nb") == "a\nid [REDACTED-CUSTOM-1]\nb"


@pytest.mark.parametrize("pattern", ["(a+)+$", r"(?i)secret.*key.*=\S+", "(x*)*y", "(.*)*"])
def test_a_pattern_that_hangs_other_engines_is_harmless(pattern):
    session = Redactor([pattern]).session()
    start = time.process_time()
    session.text("a" * 32_768 + "!")
    assert time.process_time() - start < 2


@pytest.mark.parametrize("pattern", ["", "a*", ".*", r"\b", r"\w+", ".{3}", "\\n", r"(?s).+", "[A-Z]+"])
def test_any_valid_pattern_keeps_lines_and_settles(pattern):
    redactor = Redactor([pattern])
    text = "one two\nthree AB 10.0.0.1\n\nend"
    once = redactor.session().text(text)
    assert once.count("\n") == text.count("\n")
    assert redactor.session().text(once) == once


@pytest.mark.parametrize("pattern", ["(", r"(?<=a)b", r"(a)\1", "[z-a]", "\ud800"])
def test_a_bad_pattern_is_refused_with_its_name(pattern):
    with pytest.raises(UsageError) as caught:
        Redactor([pattern])
    assert repr(pattern) in str(caught.value)
    assert "REDACTION_EXTRA_PATTERNS" in str(caught.value)
