"""Sums of tokens."""

from diagnose.usage import Usage

ONE = Usage(input_tokens=10, cache_read_tokens=100, cache_write_tokens=20, output_tokens=5)


def test_all_kinds_count():
    assert ONE.prompt_tokens == 130
    assert ONE.total_tokens == 135


def test_usages_add_up_kind_by_kind():
    assert sum([ONE, ONE], Usage()) == Usage(
        input_tokens=20, cache_read_tokens=200, cache_write_tokens=40, output_tokens=10
    )
    assert Usage() + ONE == ONE
