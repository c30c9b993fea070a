"""A model's text in, a checked answer out, or in our own words what is wrong with it.

The answer is one JSON object by `wire_schema()`; a Markdown fence around it is forgiven, nothing else is.
Words about an invalid answer name fields of ours only: what the model wrote is never repeated in them.
"""

import json
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from diagnose.taxonomy import FACTS, Category, FailureType

MAX_REPLY_CHARS: Final = 64 * 1024
"""A reply within BEDROCK_MAX_TOKENS stays far below; more is no answer."""
MAX_TEXT_CHARS: Final = 4000
MAX_ITEMS: Final = 50

_Text = Annotated[str, Field(max_length=MAX_TEXT_CHARS)]


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class RuledOutLine(_Answer):
    """A line that looks like a cause and is none."""

    text: _Text
    reason: _Text


class Answer(_Answer):
    """What a model says; nothing of it is believed yet."""

    root_cause: Annotated[str, Field(min_length=1, max_length=MAX_TEXT_CHARS)]
    log_evidences: Annotated[list[Annotated[str, Field(max_length=16 * 1024)]], Field(max_length=MAX_ITEMS)]
    recommendations: Annotated[list[_Text], Field(max_length=MAX_ITEMS)]
    category: Category
    failure_type: FailureType
    safe_to_retry: bool
    confidence: Annotated[float, Field(ge=0, le=1)]
    retry_reason: _Text = ""
    ruled_out: Annotated[list[RuledOutLine], Field(max_length=MAX_ITEMS)] = []

    @model_validator(mode="after")
    def _type_belongs_to_category(self) -> Self:
        category = FACTS[self.failure_type].category
        if category is not self.category:
            raise PydanticCustomError(_MISMATCH, "the failure type belongs to another category")
        return self


_MISMATCH: Final = "category_mismatch"


class InvalidAnswerError(ValueError):
    """A text that is no answer; the message says why, in our own words."""


def parse_answer(text: str) -> Answer:
    """Read a model's text.

    Args:
        text: the whole reply.

    Raises:
        InvalidAnswerError: it is not one JSON object by the schema; the message is fit for a repair prompt.
    """
    if len(text) > MAX_REPLY_CHARS:
        raise InvalidAnswerError("the answer is far too long")
    body = _unfenced(text)
    try:
        document = json.loads(body, object_pairs_hook=_distinct, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise InvalidAnswerError("the answer is not one JSON object and nothing else") from None
    if not isinstance(document, dict):
        raise InvalidAnswerError("the answer is JSON, but not an object")
    try:
        return Answer.model_validate_json(body)
    except ValidationError as error:
        words = dict.fromkeys(map(_problem, error.errors(include_input=False, include_url=False)))
        raise InvalidAnswerError("; ".join(words)) from None


def _unfenced(text: str) -> str:
    """Take a Markdown fence off that stands around the whole text."""
    bare = text.strip()
    if len(bare) < 2 * len(_FENCE) or not (bare.startswith(_FENCE) and bare.endswith(_FENCE)):
        return text
    word, line_end, body = bare.removesuffix(_FENCE).removeprefix(_FENCE).partition("\n")
    return body if line_end and word.strip().lower() in ("", "json") else text


_FENCE: Final = "```"


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a field stands twice")
    return found


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON")


_WORDS: Final = {
    "missing": "{field} is missing",
    "enum": "{field} is none of the allowed values",
    "extra_forbidden": "there is a field that is not in the contract",
    "greater_than_equal": "{field} must be from 0 to 1",
    "less_than_equal": "{field} must be from 0 to 1",
    "finite_number": "{field} must be from 0 to 1",
    "string_too_short": "{field} is empty",
    "string_too_long": "{field} is too long",
    "too_long": "{field} has too many items",
    _MISMATCH: "failure_type does not belong to category",
}


def _problem(error: ErrorDetails) -> str:
    known = [str(part) for part in error["loc"] if part in Answer.model_fields]
    field = known[0] if known else "a field"
    return _WORDS.get(error["type"], "{field} has the wrong type").format(field=field)


_NOT_ON_THE_WIRE: Final = frozenset(
    ("title", "default", "description", "minimum", "maximum", "minLength", "maxLength", "maxItems")
)
"""Structured output takes no bounds (Bedrock user guide, "structured output"); `parse_answer` checks them."""


@cache
def wire_schema() -> Mapping[str, Any]:
    """Give the JSON schema that a request carries: the contract without bounds and references."""
    schema = Answer.model_json_schema()
    return _bare(schema, schema.pop("$defs"))


def _bare(node: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    if "$ref" in node:
        return _bare(definitions[node["$ref"].rsplit("/", 1)[-1]], definitions)
    kept = {key: value for key, value in node.items() if key not in _NOT_ON_THE_WIRE}
    if "properties" in kept:
        kept["properties"] = {name: _bare(value, definitions) for name, value in kept["properties"].items()}
    if "items" in kept:
        kept["items"] = _bare(kept["items"], definitions)
    return kept
