"""Through real botocore over loopback HTTP: what is asked, and what every reply comes to."""

import json

import bedrockserver as stand_in
import pytest
from bedrockserver import BedrockServer, tokens
from edge import DRAFT, MODEL, PROMPT, SCHEMA, SECRET, Edge, ask_once, question, replaced

from diagnose.bedrock import CACHED_FROM_TOKENS, CHARACTERS_PER_TOKEN, closed_schema, request_tags
from diagnose.chat import PLACEHOLDER
from diagnose.errors import ModelError
from diagnose.model import Stop
from diagnose.prompt import Block
from diagnose.usage import Usage

pytestmark = pytest.mark.usefixtures("no_credentials_of_the_machine")


def test_the_request_holds_what_the_design_says():
    _, request, _ = ask_once(stand_in.ok(DRAFT))
    assert request.model_id == MODEL
    schema = json.loads(request.body["outputConfig"]["textFormat"]["structure"]["jsonSchema"].pop("schema"))
    assert schema["additionalProperties"] is False
    assert schema["properties"]["evidence"]["items"]["additionalProperties"] is False
    assert request.body == {
        "system": [{"text": PROMPT.system}],
        "messages": [
            {
                "role": "user",
                "content": [
                    {"text": "Cluster:\n"},
                    {"guardContent": {"text": {"text": "26/11/22 ERROR Disk full\n"}}},
                    {"text": "Answer with JSON."},
                ],
            }
        ],
        "inferenceConfig": {"maxTokens": 1024, "temperature": 0.0},
        "guardrailConfig": {
            "guardrailIdentifier": stand_in.GUARDRAIL,
            "guardrailVersion": "3",
            "trace": "enabled",
        },
        "outputConfig": {
            "textFormat": {"type": "json_schema", "structure": {"jsonSchema": {"name": "diagnosis"}}}
        },
        "requestMetadata": {"cluster": "j-1", "step": "s-1"},
    }


def test_without_a_guardrail_guarded_blocks_stay_guard_content():
    _, request, _ = ask_once(stand_in.ok(DRAFT), guardrail_id="")
    assert "guardrailConfig" not in request.body
    assert request.guarded == ["26/11/22 ERROR Disk full\n"]


def test_an_answer_comes_with_its_usage_cost_and_call():
    usage = tokens(100, 50, read=2000, write=400)
    answer, _, edge = ask_once(stand_in.ok(DRAFT, usage=usage))
    assert (answer.text, answer.stop, answer.policies) == (DRAFT, Stop.COMPLETE, ())
    assert answer.usage == Usage(
        input_tokens=100, output_tokens=50, cache_read_tokens=2000, cache_write_tokens=400
    )
    expected = 1.1 * (100 * 3 + 400 * 3.75 + 2000 * 0.3 + 50 * 15) / 1e6
    assert answer.cost_usd == pytest.approx(expected)
    (call,) = edge.calls
    assert (call.model_id, call.attempt, call.error, call.http_status) == (MODEL, 1, None, 200)
    assert call.request_id == "00000000-0000-4000-8000-000000000001"
    assert (call.wait_seconds, call.stop, call.usage) == (0.0, Stop.COMPLETE, answer.usage)
    assert call.cost_usd == answer.cost_usd
    assert call.duration_ms >= 0
    assert (edge.model.name, edge.model.model_id) == (f"bedrock:{MODEL}", MODEL)


@pytest.mark.parametrize(
    ("size", "model", "cached"),
    [
        (CACHED_FROM_TOKENS * CHARACTERS_PER_TOKEN, MODEL, True),
        (CACHED_FROM_TOKENS * CHARACTERS_PER_TOKEN - 1, MODEL, False),
        (CACHED_FROM_TOKENS * CHARACTERS_PER_TOKEN, "meta.llama3-3-70b-instruct-v1:0", False),
    ],
)
def test_a_system_text_is_cached_when_long_enough_and_the_model_can(size, model, cached):
    asked = question(prompt=replaced(system="x" * size))
    _, request, _ = ask_once(stand_in.ok(DRAFT), asked, model_id=model)
    assert request.body["system"][1:] == ([{"cachePoint": {"type": "default"}}] if cached else [])


PROFILE = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2c3"


@pytest.mark.parametrize("base", [None, "anthropic.claude-haiku-4-5-20251001-v1:0"])
def test_an_application_profile_costs_no_request_to_the_control_plane(base):
    answer, request, _ = ask_once(stand_in.ok(DRAFT), model_id=PROFILE, base_model_id=base)
    assert request.model_id == PROFILE
    assert answer.cost_usd == (pytest.approx(1.1 * (70 * 1 + 209 * 5) / 1e6) if base else None)


def test_a_model_that_takes_no_temperature_gets_none():
    _, request, _ = ask_once(stand_in.ok(DRAFT), model_id="us.anthropic.claude-opus-4-7")
    assert request.body["inferenceConfig"] == {"maxTokens": 1024}


def test_tags_are_fitted_into_what_the_service_takes():
    tags = {"step": "s-1 <ü>\n", "": "x", "empty": "", "long": "a" * 300, **{f"t{i}": "v" for i in range(20)}}
    assert request_tags(tags)["step"] == "s-1 _"
    _, request, _ = ask_once(stand_in.ok(DRAFT), question(tags=tags))
    assert len(request.body["requestMetadata"]) == 16
    assert request.body["requestMetadata"]["long"] == "a" * 256
    _, request, _ = ask_once(stand_in.ok(DRAFT), question(tags={}))
    assert "requestMetadata" not in request.body


def test_the_schema_of_the_caller_stays_as_it_is():
    before = json.dumps(SCHEMA)
    nested = closed_schema({"$defs": {"A": {"type": "object"}}, "anyOf": [{"type": "object"}]})
    assert nested["$defs"]["A"]["additionalProperties"] is nested["anyOf"][0]["additionalProperties"] is False
    closed_schema(SCHEMA)
    assert json.dumps(SCHEMA) == before


def test_lone_surrogates_never_reach_the_wire():
    asked = question(prompt=replaced(user=(Block("a\ud800b", guarded=True),)), repair=("\udfff", "not JSON"))
    _, request, _ = ask_once(stand_in.ok(DRAFT), asked)
    assert request.guarded == ["a?b"]
    assert "\udfff" not in json.dumps(request.body, ensure_ascii=False)


@pytest.mark.parametrize(("bad", "shown"), [('{"root', '{"root'), (" \n", PLACEHOLDER), ("", PLACEHOLDER)])
def test_a_repair_shows_the_bad_reply_and_says_what_was_wrong(bad, shown):
    _, request, _ = ask_once(stand_in.ok(DRAFT), question(repair=(bad, "root_cause is missing")))
    first, second, third = request.body["messages"]
    assert {"guardContent": {"text": {"text": "26/11/22 ERROR Disk full\n"}}} in first["content"]
    assert second == {"role": "assistant", "content": [{"text": shown}]}
    assert third["role"] == "user"
    assert "Your answer was not valid: root_cause is missing. Answer again." in third["content"][0]["text"]
    assert request.body["guardrailConfig"]["guardrailIdentifier"] == stand_in.GUARDRAIL


POLICIES = (
    "topicPolicy Credentials",
    "contentPolicy PROMPT_ATTACK",
    "wordPolicy",
    "wordPolicy PROFANITY",
    "sensitiveInformationPolicy EMAIL",
    "sensitiveInformationPolicy ticket",
    "contextualGroundingPolicy GROUNDING",
)


@pytest.mark.parametrize(
    ("reply", "stop", "policies", "usage"),
    [
        (stand_in.input_blocked(SECRET), Stop.INPUT_BLOCKED, POLICIES, Usage()),
        (
            stand_in.output_blocked(SECRET, model_output=f"it is {SECRET}"),
            Stop.OUTPUT_BLOCKED,
            POLICIES,
            Usage(input_tokens=70, output_tokens=209),
        ),
    ],
    ids=["input", "output"],
)
def test_a_block_is_a_reply_and_names_policies_but_no_match(reply, stop, policies, usage):
    answer, _, edge = ask_once(reply)
    assert (answer.stop, answer.policies, answer.usage, answer.text) == (stop, policies, usage, "")
    assert answer.cost_usd == pytest.approx(1.1 * (usage.input_tokens * 3 + usage.output_tokens * 15) / 1e6)
    assert SECRET not in repr((answer, edge.calls))
    assert edge.waits == []


def test_masking_leaves_an_answer():
    answer, _, _ = ask_once(stand_in.anonymised(DRAFT, SECRET))
    assert (answer.stop, answer.text) == (Stop.COMPLETE, DRAFT)
    assert answer.policies == ("sensitiveInformationPolicy EMAIL",)
    assert SECRET not in repr(answer)


@pytest.mark.parametrize(
    ("reason", "stop"),
    [
        ("end_turn", Stop.COMPLETE),
        ("stop_sequence", Stop.COMPLETE),
        ("max_tokens", Stop.TRUNCATED),
        ("model_context_window_exceeded", Stop.TRUNCATED),
        ("content_filtered", Stop.OUTPUT_BLOCKED),
        ("malformed_model_output", Stop.MALFORMED),
        ("malformed_tool_use", Stop.MALFORMED),
        ("tool_use", Stop.MALFORMED),
        ("something_new", Stop.MALFORMED),
    ],
)
def test_every_stop_reason_is_told_before_anything_is_parsed(reason, stop):
    answer, _, edge = ask_once(stand_in.ok(DRAFT, stop=reason))
    assert answer.stop is stop
    assert answer.text == ("" if stop is Stop.OUTPUT_BLOCKED else DRAFT)
    assert answer.policies == (("content_filtered",) if reason == "content_filtered" else ())
    assert answer.usage.total_tokens == 279
    assert edge.calls[0].stop is stop


def test_reasoning_is_no_text():
    blocks = [
        {"reasoningContent": {"reasoningText": {"text": "hmm", "signature": "s"}}},
        {"text": '{"root_cause":'},
        {"text": ' "x"}'},
    ]
    assert ask_once(stand_in.converse(blocks))[0].text == '{"root_cause": "x"}'


MESSAGE = {"message": {"role": "assistant", "content": [{"text": DRAFT}]}}


@pytest.mark.parametrize(
    ("body", "tokens_used"),
    [
        ({"usage": tokens()}, 279),
        ({"output": {"message": {"role": "assistant", "content": []}}, "stopReason": "end_turn", "usage": tokens()}, 279),
        ({"output": {"message": {"role": "assistant"}}, "stopReason": "end_turn", "usage": tokens()}, 279),
        ({"output": MESSAGE, "usage": tokens()}, 279),
        ({"output": {"message": {"role": "assistant", "content": [{"text": "  "}]}}, "stopReason": "end_turn", "usage": tokens()}, 279),
        ({"output": {"message": {"role": "assistant", "content": [{"hologram": {}}]}}, "stopReason": "end_turn", "usage": tokens()}, 279),
    ],
    ids=["usage only", "no blocks", "no content", "no reason", "blank", "unknown block"],
)  # fmt: skip
def test_an_absurd_reply_is_malformed_and_still_billed(body, tokens_used):
    answer, _, edge = ask_once(stand_in.document(body))
    assert answer.stop is Stop.MALFORMED
    assert answer.usage.total_tokens == tokens_used
    assert len(edge.calls) == 1


@pytest.mark.parametrize(
    "usage",
    [None, {"inputTokens": -70, "outputTokens": -5}, {"inputTokens": False}, {"outputTokens": None}],
)
def test_an_absurd_usage_counts_nothing_and_keeps_the_answer(usage):
    body = {"output": MESSAGE, "stopReason": "end_turn", **({} if usage is None else {"usage": usage})}
    answer, _, _ = ask_once(stand_in.document(body))
    assert answer.usage == Usage()
    assert answer.stop in {Stop.COMPLETE, Stop.MALFORMED}


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        "text",
        7,
        None,
        {"usage": {"inputTokens": "many"}},
        {"output": {}},
        {"output": []},
        {"output": "x", "usage": [1]},
        {"usage": 7},
    ],
)
def test_a_reply_of_the_wrong_shape_never_ends_in_a_raw_error(body):
    with BedrockServer(lambda _: stand_in.document(body)) as server:
        edge = Edge(server)
        stop, raised = None, None
        try:
            stop = edge.ask().stop
        except ModelError as error:
            raised = error
    assert stop is Stop.MALFORMED or (raised is not None and raised.__context__ is None)
    assert len(edge.calls) == len(server.requests)
