import json
from typing import Any

import pytest

from evals.endpoint.converse import (
    DEFAULT_MAX_TOKENS,
    MAX_MESSAGE_CHARS,
    RefusalError,
    read_request,
    response,
)
from evals.endpoint.model import Completion, End, Turn


def user(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"role": "user", "content": list(blocks)}


def ask(**body: Any) -> bytes:
    return json.dumps({"messages": [user({"text": "Why?"})], **body}).encode()


def refusal(raw: bytes) -> RefusalError:
    with pytest.raises(RefusalError) as caught:
        read_request(raw, model_id="local.m")
    return caught.value


def test_blocks_become_turns_with_their_line_ends():
    raw = ask(
        system=[{"text": "Explain failed jobs."}],
        messages=[
            user(
                {"text": "[begin data]\n"},
                {"guardContent": {"text": {"text": "ERROR x"}}},
                {"text": "\n[end data]"},
            ),
            {"role": "assistant", "content": [{"text": "{"}]},
            user({"text": "Again."}),
        ],
        inferenceConfig={"maxTokens": 64, "temperature": 0.0, "topP": 0.9},
    )
    request = read_request(raw, model_id="local.m")
    assert request.max_tokens == 64
    assert request.turns == (
        Turn(role="system", text="Explain failed jobs."),
        Turn(role="user", text="[begin data]\nERROR x\n[end data]"),
        Turn(role="assistant", text="{"),
        Turn(role="user", text="Again."),
    )


def test_what_has_no_effect_is_accepted():
    raw = ask(
        guardrailConfig={"guardrailIdentifier": "gr1", "guardrailVersion": "1", "trace": "enabled"},
        requestMetadata={"step": "s-1"},
    )
    request = read_request(raw, model_id="local.m")
    assert request.turns == (Turn(role="user", text="Why?"),)
    assert request.max_tokens == DEFAULT_MAX_TOKENS
    assert request.schema is None


def formatted(schema: str) -> dict[str, Any]:
    return {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": {"schema": schema}}}}


def test_the_schema_of_an_answer_is_read():
    assert (
        read_request(ask(outputConfig=formatted('{"type": "object"}')), model_id="m").schema
        == '{"type": "object"}'
    )


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000])
def test_a_body_that_is_no_json_object_can_not_be_read(raw):
    error = refusal(raw)
    assert (error.status, error.code) == (400, "SerializationException")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"messages": "Why?"}, "Invalid type for parameter messages"),
        ({"messages": [{"content": [{"text": "x"}]}]}, 'Missing required parameter in messages[0]: "role"'),
        ({"inferenceConfig": {"maxTokens": 0}}, "inferenceConfig.maxTokens"),
        ({"inferenceConfig": {"maxTokens": "many"}}, "inferenceConfig.maxTokens"),
        ({"inferenceConfig": {"temperature": 0.7}}, "temperature must be 0"),
        ({"inferenceConfig": {"stopSequences": ["}"]}}, "stop sequences"),
        ({"toolConfig": {"tools": [{"toolSpec": {"name": "t", "inputSchema": {"json": {}}}}]}}, "tool use"),
        ({"additionalModelRequestFields": {"top_k": 1}}, "additionalModelRequestFields"),
        ({"outputConfig": formatted("[]")}, "is not a JSON object"),
        ({"outputConfig": formatted("{")}, "is not a JSON object"),
        ({"unheard": 1}, "Unknown parameter"),
        ({"messages": []}, "must start with a user message"),
        ({"messages": [{"role": "assistant", "content": [{"text": "x"}]}]}, "must start with a user message"),
        ({"messages": [user({"text": "x"}), user({"text": "y"})]}, "must alternate"),
        ({"messages": [user({"text": "x"}), {"role": "assistant", "content": [{"text": "{"}]}]}, "prefill"),
        ({"messages": [user()]}, "messages.0.content is empty"),
        ({"messages": [user({"text": " \n"})]}, "messages.0.content.0 is blank"),
        ({"messages": [user({"guardContent": {"text": {"text": " "}}})]}, "is blank"),
        ({"messages": [user({"text": "x"}, {})]}, "Must set one of"),
        ({"messages": [user({"text": "x", "cachePoint": {"type": "default"}})]}, "cachePoint"),
        ({"messages": [user({"cachePoint": {"type": "default"}})]}, "cachePoint"),
        ({"system": [{"text": " "}]}, "system.0 is blank"),
    ],
)  # fmt: skip
def test_what_bedrock_or_the_model_would_refuse_is_a_validation_exception(body, words):
    error = refusal(ask(**body))
    assert (error.status, error.code) == (400, "ValidationException")
    assert words in error.body()["message"]


def test_a_refusal_does_not_quote_a_whole_request():
    error = refusal(ask(messages=[user({"text": "x"}), {"role": "user", "content": "long " * 10_000}]))
    assert len(error.body()["message"]) == MAX_MESSAGE_CHARS


@pytest.mark.parametrize("end", End)
def test_a_response_has_converse_s_shape(end):
    completion = Completion(text="{}", end=end, input_tokens=70, output_tokens=2)
    assert response(completion, latency_ms=421) == {
        "output": {"message": {"role": "assistant", "content": [{"text": "{}"}]}},
        "stopReason": end.value,
        "usage": {"inputTokens": 70, "outputTokens": 2, "totalTokens": 72},
        "metrics": {"latencyMs": 421},
    }


def test_stop_reasons_are_those_of_the_service():
    import botocore.session

    model = botocore.session.Session().get_service_model("bedrock-runtime")
    known = model.operation_model("Converse").output_shape.members["stopReason"].enum
    assert {end.value for end in End} <= set(known)


def test_a_blank_answer_has_no_content_block():
    completion = Completion(text=" \n", end=End.TURN, input_tokens=1, output_tokens=1)
    assert response(completion, latency_ms=1)["output"]["message"]["content"] == []
