"""What a template can do with our words and with values: show either, and nothing else."""

import pytest

from diagnose.errors import PromptError
from diagnose.template import Own, Template, Value

VALUE = Value(7, filled=True)


def pieces(text, **context):
    return Template("v0/user.j2", text).pieces({"own": Own("OWN"), "value": VALUE, **context})


def test_own_words_are_text_and_values_are_cut_out():
    assert pieces("a {{ own }} b {{ value }} c {{ value }}") == (["a OWN b ", " c ", ""], [7, 7])


def test_a_template_can_ask_whether_a_value_is_there():
    text = "{% if value %}yes{% else %}no{% endif %}"
    assert pieces(text) == (["yes"], [])
    assert pieces(text, value=Value(7, filled=False)) == (["no"], [])


def test_a_template_can_compare_own_words():
    text = "{% if own == 'OWN' %}same{% endif %}{% if own != other %} not other{% endif %}"
    assert pieces(text, other=Own("other")) == (["same not other"], [])
    assert hash(Own("x")) == hash(Own("x"))


@pytest.mark.parametrize(
    "text",
    [
        "{{ value | upper }}",
        "{{ value | safe }}",
        "{{ value | string }}",
        "{{ value | trim }}",
        "{{ value | int }}",
        "{{ value | float }}",
        "{{ value | tojson }}",
        "{{ value | pprint }}",
        "{{ value | list }}",
        "{{ value | length }}",
        "{{ value | first }}",
        "{{ value | format }}",
        "{{ value ~ '' }}",
        "{{ '' ~ value }}",
        "{{ '%s' % value }}",
        "{{ '{}'.format(value) }}",
        "{{ '%s' | format(value) }}",
        "{{ [value] }}",
        "{{ [value] | join }}",
        "{{ value[0] }}",
        "{{ value() }}",
        "{{ value == 'x' }}",
        "{{ value.number }}",
        "{{ value._filled }}",
        "{{ value.__class__ }}",
        "{{ value | attr('_filled') }}",
        "{% for letter in value %}{{ letter }}{% endfor %}",
        "{% set both %}{{ own }}{{ value }}{% endset %}{{ both }}",
        "{% macro both() %}{{ own }}{{ value }}{% endmacro %}{{ both() }}",
        "{% filter upper %}{{ value }}{% endfilter %}",
        "{{ own | upper }}",
        "{{ own | string }}",
        "{{ own | replace('O', value) }}",
        "{{ own.format(value) }}",
        "{{ own % value }}",
        "{{ own + value }}",
        "{{ own._word }}",
        "{{ own.__class__('x') }}",
        "{{ 'a text' }}",
        "{{ 17 }}",
        "{{ none }}",
        "{{ missing }}",
        "{{ missing.field }}",
        "{{ value.missing }}",
        "{{ range(3) }}",
        "{{ lipsum() }}",
        "{% include 'meta.toml' %}",
        "{% extends 'meta.toml' %}",
        "{% import 'meta.toml' as other %}",
        "{{ 1 // 0 }}",
    ],
)
def test_whatever_else_is_shown_is_an_error_that_names_the_file(text):
    with pytest.raises(PromptError, match=r"^prompt v0/user\.j2"):
        pieces(text)


def test_values_pass_where_a_template_only_chooses_between_them():
    other = Value(3, filled=False)
    assert pieces("{{ other or value }}{{ [other, value] | last }}", other=other) == (["", "", ""], [7, 7])


def test_a_choice_without_an_else_shows_nothing():
    assert pieces("<{{ own if false }}>") == (["<>"], [])


def test_a_call_block_leaves_values_apart():
    text = "{% macro box() %}<{{ caller() and '' or own }}>{% endmacro %}{% call box() %}{{ value }}{% endcall %}"
    assert pieces(text) == (["<OWN>"], [])


@pytest.mark.parametrize(
    ("text", "line"),
    [("a\n\n{{ missing }}", 3), ("a\n{% if %}", 2), ("{{ own }}\n{% filter upper %}x{% endfilter %}", 2)],
)
def test_errors_name_the_line(text, line):
    with pytest.raises(PromptError, match=rf"v0/user\.j2, line {line}: "):
        pieces(text)


def test_a_template_holds_no_nul_so_that_nobody_can_write_a_token():
    with pytest.raises(PromptError, match="NUL"):
        pieces("\x000\x00")


def test_text_is_rendered_without_empty_lines_around_it():
    assert Template("v0/system.j2", "\n{{ own }}\n\n").text({"own": Own("x")}) == "x"
