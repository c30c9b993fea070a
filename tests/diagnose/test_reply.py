"""A model's text, read strictly, and complained about without repeating it."""

import json

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnose.reply import MAX_REPLY_CHARS, InvalidAnswerError, parse_answer, wire_schema
from diagnose.taxonomy import Category, FailureType

GOOD = {
    "root_cause": "The service answered 503.",
    "log_evidences": ["urllib.error.HTTPError: HTTP Error 503: Busy"],
    "recommendations": ["Ask the service's owner."],
    "category": "DEPENDENCY_FAILURE",
    "failure_type": "SERVICE_UNREACHABLE",
    "safe_to_retry": True,
    "confidence": 0.9,
}
REQUIRED = sorted(GOOD)


def text(**changes):
    return json.dumps({**GOOD, **changes})


def without(field):
    return json.dumps({k: v for k, v in GOOD.items() if k != field})


def test_a_valid_answer_is_read_with_or_without_a_fence():
    plain = parse_answer(text())
    assert plain.category is Category.DEPENDENCY_FAILURE
    assert plain.failure_type is FailureType.SERVICE_UNREACHABLE
    assert parse_answer(f"```json\n{text()}\n```\n") == plain
    assert parse_answer(f"  ```\n{text()}\n```") == plain
    assert parse_answer(f"```JSON\n{text()}```") == plain


@pytest.mark.parametrize("field", REQUIRED)
def test_every_field_of_the_contract_is_required(field):
    with pytest.raises(InvalidAnswerError, match=f"{field} is missing"):
        parse_answer(without(field))
    assert field in wire_schema()["required"]


def test_nothing_else_is_required():
    assert sorted(wire_schema()["required"]) == REQUIRED
    assert set(wire_schema()["properties"]) == {*REQUIRED, "retry_reason", "ruled_out"}


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        ("", "not one JSON object"),
        ("Sure! " + text(), "not one JSON object"),
        (text() + text(), "not one JSON object"),
        (text()[:-20], "not one JSON object"),
        ("[" + text() + "]", "not an object"),
        ('{"root_cause": "a", "root_cause": "b"}', "not one JSON object"),
        (text().replace("0.9", "NaN"), "not one JSON object"),
        ("[" * 50_000, "not one JSON object"),
        ("x" * (MAX_REPLY_CHARS + 1), "too long"),
        (text(safe_to_retry="true"), "safe_to_retry has the wrong type"),
        (text(safe_to_retry=1), "safe_to_retry has the wrong type"),
        (text(confidence=1.2), "confidence must be from 0 to 1"),
        (text(confidence="high"), "confidence has the wrong type"),
        (text(category="OTHER"), "category is none of the allowed values"),
        (text(failure_type="oom"), "failure_type is none of the allowed values"),
        (text(failure_type="EXECUTOR_OOM"), "failure_type does not belong to category"),
        (text(root_cause=""), "root_cause is empty"),
        (text(log_evidences="a line"), "log_evidences has the wrong type"),
        (text(recommendations=["a", 2]), "recommendations has the wrong type"),
        (text(extra="field"), "a field that is not in the contract"),
    ],
)
def test_what_is_no_answer_is_refused_with_the_reason(reply, words):
    with pytest.raises(InvalidAnswerError, match=words):
        parse_answer(reply)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda c: st.lists(c) | st.dictionaries(st.text(), c),
    )
)
def test_a_complaint_never_repeats_what_the_model_wrote(value):
    marked = {"zq7-secret": "zq7-secret", "root_cause": ["zq7-secret"], "category": "zq7-secret", "x": value}
    with pytest.raises(InvalidAnswerError) as caught:
        parse_answer(json.dumps(marked))
    assert "zq7" not in str(caught.value)


def test_the_schema_on_the_wire_has_closed_objects_and_no_bounds():
    schema = wire_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(GOOD, schema)

    def nodes(node):
        yield node
        for child in [*node.get("properties", {}).values(), *([node["items"]] if "items" in node else [])]:
            yield from nodes(child)

    for node in nodes(schema):
        assert not {"$ref", "$defs", "minimum", "maximum", "minLength", "maxLength", "maxItems"} & set(node)
        if node["type"] == "object":
            assert node["additionalProperties"] is False
    assert set(schema["properties"]["category"]["enum"]) == set(Category)
    assert set(schema["properties"]["failure_type"]["enum"]) == set(FailureType)


def test_what_the_schema_accepts_the_parser_accepts_too():
    for category, kind in (("UNKNOWN", "UNCLASSIFIED"), ("RESOURCE_EXHAUSTION", "DISK_FULL")):
        answer = {
            **GOOD,
            "category": category,
            "failure_type": kind,
            "confidence": 1,
            "ruled_out": [{"text": "a", "reason": "b"}],
        }
        jsonschema.validate(answer, wire_schema())
        assert parse_answer(json.dumps(answer)).ruled_out[0].reason == "b"
