"""Through real botocore over loopback HTTP: every row with the number of calls that it may cost."""

import json
import logging
import random
import subprocess
import sys
import threading
import time
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import bedrockserver as stand_in
import boto3
import pytest
from bedrockserver import BedrockServer, tokens
from botocore.config import Config
from canary import canaries
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.runnables import RunnableLambda

from diagnose.backoff import BASE_SECONDS, RETRIES
from diagnose.bedrock import (
    CACHED_FROM_TOKENS,
    CHARACTERS_PER_TOKEN,
    BedrockModel,
    closed_schema,
    request_tags,
)
from diagnose.chat import PLACEHOLDER
from diagnose.deadline import NO_DEADLINE, Deadline
from diagnose.errors import DeadlineError, ModelError
from diagnose.model import Question, Stop
from diagnose.prompt import Block, RenderedPrompt
from diagnose.silence import LOUD_LOGGERS, quiet_loggers
from diagnose.usage import Usage

MODEL = "us.anthropic.claude-sonnet-4-6"
DRAFT = '{"root_cause": "disk full"}'
SCHEMA = {
    "type": "object",
    "properties": {
        "root_cause": {"type": "string"},
        "evidence": {
            "type": "array",
            "items": {"type": "object", "properties": {"text": {"type": "string"}}},
        },
    },
    "required": ["root_cause"],
}
PROMPT = RenderedPrompt(
    version="v1",
    sha256="0" * 64,
    system="You explain failed jobs.",
    user=(
        Block("Cluster:\n"),
        Block("26/11/22 ERROR Disk full\n", guarded=True),
        Block("  \n"),
        Block("", guarded=True),
        Block("Answer with JSON."),
    ),
    marker="m" * 16,
    repair="Your answer was not valid: {{ problem }}. Answer again.",
)


def question(**changes) -> Question:
    return Question(**{"prompt": PROMPT, "tags": {"cluster": "j-1", "step": "s-1"}, **changes})


class Edge:
    """A model on a stand-in, with the sleeps and calls that it makes."""

    def __init__(self, server: BedrockServer, **settings) -> None:
        self.calls, self.waits, self.timeouts, self.made = [], [], [], []
        read_timeout = settings.pop("read_timeout", 20)
        credentials = settings.pop(
            "credentials", {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
        )

        def clients(seconds: float):
            self.timeouts.append(seconds)
            config = Config(
                connect_timeout=5,
                read_timeout=read_timeout,
                retries={"total_max_attempts": 1, "mode": "standard"},
            )
            self.made.append(
                boto3.Session().client(
                    "bedrock-runtime",
                    region_name="us-east-1",
                    endpoint_url=server.endpoint,
                    config=config,
                    **credentials,
                )
            )
            return self.made[-1]

        values = {
            "clients": clients,
            "model_id": MODEL,
            "max_tokens": 1024,
            "schema": SCHEMA,
            "guardrail_id": stand_in.GUARDRAIL,
            "guardrail_version": "3",
            "sleep": self.waits.append,
            "rng": random.Random(7),
        }
        self.model = BedrockModel(**{**values, **settings})

    def ask(self, asked: Question | None = None, *, deadline: Deadline = NO_DEADLINE):
        try:
            return self.model.ask(asked or question(), deadline=deadline, sink=self.calls.append)
        finally:
            for client in self.made:
                client.close()


@pytest.fixture(autouse=True)
def no_credentials_of_the_machine(monkeypatch, tmp_path):
    for name in (
        "AWS_PROFILE",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_BEARER_TOKEN_BEDROCK",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def quiet():
    names = [*LOUD_LOGGERS, ""]
    levels = {name: logging.getLogger(name or None).level for name in names}
    quiet_loggers()
    yield
    for name, level in levels.items():
        logging.getLogger(name or None).setLevel(level)


def ask_once(reply: stand_in.Reply, asked: Question | None = None, **settings):
    with BedrockServer([reply]) as server:
        edge = Edge(server, **settings)
        answer = edge.ask(asked)
    assert len(server.requests) == 1
    assert not server.problems
    return answer, server.requests[0], edge


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


def replaced(**changes) -> RenderedPrompt:
    values = {name: getattr(PROMPT, name) for name in RenderedPrompt.__slots__}
    return RenderedPrompt(**{**values, **changes})


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


SECRET = canaries(11)[0].value
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


RETRIED = [
    (429, "ThrottlingException"),
    (429, "ModelNotReadyException"),
    (429, "TooManyRequestsException"),
    (400, "ThrottlingException"),
    (408, "ModelTimeoutException"),
    (424, "ModelErrorException"),
    (500, "InternalServerException"),
    (502, "BadGateway"),
    (503, "ServiceUnavailableException"),
    (504, "GatewayTimeout"),
]


@pytest.mark.parametrize(("status", "code"), RETRIED)
def test_a_passing_error_is_retried_five_times(status, code):
    with BedrockServer([stand_in.error(status, code, SECRET)] * 6) as server:
        edge = Edge(server)
        with pytest.raises(ModelError) as raised:
            edge.ask()
    assert len(server.requests) == len(edge.calls) == 6
    assert len(edge.waits) == RETRIES
    assert [call.attempt for call in edge.calls] == [1, 2, 3, 4, 5, 6]
    assert {(call.error, call.http_status, call.stop) for call in edge.calls} == {(code, status, None)}
    assert [call.wait_seconds for call in edge.calls] == [0.0, *edge.waits]
    assert len({call.request_id for call in edge.calls}) == 6
    message = str(raised.value)
    assert f"bedrock:{MODEL}: {code} (HTTP {status}) after 6 attempts" in message
    assert SECRET not in message
    assert raised.value.__context__ is None


@pytest.mark.parametrize(
    "fault",
    [
        stand_in.throttled(),
        stand_in.error(503, "ServiceUnavailableException"),
        stand_in.disconnect(),
        stand_in.invalid_json(),
    ],
    ids=["throttled", "unavailable", "disconnected", "damaged"],
)
def test_an_answer_after_a_passing_error_counts(fault):
    with BedrockServer([fault, fault, stand_in.ok(DRAFT)]) as server:
        edge = Edge(server)
        assert edge.ask().text == DRAFT
    assert len(server.requests) == 3
    assert [call.stop for call in edge.calls] == [None, None, Stop.COMPLETE]
    assert all(0 <= wait <= BASE_SECONDS * 2**i for i, wait in enumerate(edge.waits))


@pytest.mark.parametrize(
    ("status", "code", "words", "advice"),
    [
        (400, "ValidationException", SECRET, "guardrail id"),
        (400, "ValidationException", "Input is too long for requested model.", "lower MAX_LOG_SIZE_BYTES"),
        (400, "ValidationException", "on-demand throughput isn't supported", "inference profiles only"),
        (400, "ServiceQuotaExceededException", SECRET, "refused as it is"),
        (403, "AccessDeniedException", f"User {SECRET} is not authorized", "bedrock:ApplyGuardrail"),
        (403, "AccessDeniedException", f"bedrock:InvokeTool {SECRET}", "bedrock:InvokeModel"),
        (403, "ExpiredTokenException", SECRET, "refresh the AWS credentials"),
        (404, "ResourceNotFoundException", SECRET, "in this region"),
    ],
)
def test_a_lasting_error_ends_at_once_and_says_what_to_do(status, code, words, advice):
    with BedrockServer([stand_in.error(status, code, words)]) as server:
        edge = Edge(server)
        with pytest.raises(ModelError, match=code) as raised:
            edge.ask()
    assert len(server.requests) == len(edge.calls) == 1
    assert edge.waits == []
    assert (edge.calls[0].error, edge.calls[0].http_status) == (code, status)
    assert advice in str(raised.value)
    assert SECRET not in str(raised.value)
    assert words not in str(raised.value)
    assert raised.value.__context__ is None


def test_without_credentials_nothing_is_sent():
    with BedrockServer([]) as server:
        edge = Edge(server, credentials={})
        with pytest.raises(ModelError, match="NoCredentialsError; give AWS credentials"):
            edge.ask()
    assert server.requests == []
    assert len(edge.calls) == 1


def test_a_dead_endpoint_is_tried_again():
    with BedrockServer([]) as server:
        pass
    edge = Edge(server)
    with pytest.raises(
        ModelError, match=r"EndpointConnectionError after 6 attempts; is the Bedrock endpoint reachable"
    ):
        edge.ask()
    assert len(edge.calls) == 6


def test_a_silent_service_is_tried_again_after_the_time_out():
    released = threading.Event()
    with BedrockServer([stand_in.slow(released), stand_in.ok(DRAFT)]) as server:
        edge = Edge(server, read_timeout=0.2)
        assert edge.ask().text == DRAFT
        released.set()
    assert [call.error for call in edge.calls] == ["ReadTimeoutError", None]
    assert edge.timeouts == [120.0]


@pytest.mark.parametrize(
    ("throttle", "wait"),
    [
        (stand_in.throttled("41"), 41),
        (stand_in.throttled(milliseconds="43000"), 43),
        (stand_in.throttled("41", milliseconds="43000"), 43),
    ],
)
def test_the_wait_that_the_service_asks_for_is_kept(throttle, wait):
    with BedrockServer([throttle, stand_in.ok(DRAFT)]) as server:
        edge = Edge(server)
        edge.ask()
    assert edge.waits == [wait]


def test_a_date_to_come_back_at_is_kept():
    with BedrockServer(
        [stand_in.throttled(formatdate(time.time() + 90, usegmt=True)), stand_in.ok(DRAFT)]
    ) as server:
        edge = Edge(server)
        edge.ask()
    assert 80 < edge.waits[0] < 91


def test_a_wait_that_does_not_fit_ends_at_once():
    with BedrockServer([stand_in.throttled("41")]) as server:
        edge = Edge(server)
        with pytest.raises(DeadlineError, match=r"ThrottlingException, next attempt in 41\.0 s"):
            edge.ask(deadline=Deadline(lambda: 71.9, reserve_seconds=30))
    assert len(server.requests) == len(edge.calls) == 1
    assert edge.waits == []


def test_no_call_is_begun_when_the_time_is_up():
    with BedrockServer([]) as server:
        edge = Edge(server)
        with pytest.raises(DeadlineError, match=MODEL):
            edge.ask(deadline=Deadline(lambda: 30.9, reserve_seconds=30))
    assert edge.calls == edge.timeouts == []


@pytest.mark.parametrize(
    ("left", "timeout"), [(1000, 120), (120, 120), (119, 115), (12.5, 10), (9.9, 9), (1.2, 1)]
)
def test_a_call_may_take_no_longer_than_the_deadline_lets_it(left, timeout):
    with BedrockServer([stand_in.ok(DRAFT)]) as server:
        edge = Edge(server)
        edge.ask(deadline=Deadline(lambda: left))
    assert edge.timeouts == [timeout]


def test_a_time_out_that_the_deadline_caused_is_no_fault_of_the_model():
    released = threading.Event()
    with BedrockServer([stand_in.slow(released)]) as server:
        edge = Edge(server, read_timeout=0.2)
        with pytest.raises(DeadlineError, match="no answer in 25 s"):
            edge.ask(deadline=Deadline(lambda: 27.0))
        released.set()
    assert [call.error for call in edge.calls] == ["ReadTimeoutError"]


def test_few_clients_are_made():
    left = iter([58.0, 57.0, 56.0, 55.5, 55.0, 55.0])
    last = 55.0

    def remaining() -> float:
        nonlocal last
        last = next(left, last)
        return last

    with BedrockServer([stand_in.throttled(), stand_in.throttled(), stand_in.ok(DRAFT)]) as server:
        edge = Edge(server)
        edge.ask(deadline=Deadline(remaining))
    assert edge.timeouts == [55.0]


class Canaries(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.NOTSET)
        self.seen: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.seen.append(f"{record.name} {record.getMessage()} {record.__dict__}")


def test_no_log_record_holds_anything_of_request_reply_or_trace(quiet):
    sent, said, matched = (canary.value for canary in canaries(5)[:3])
    asked = question(prompt=replaced(user=(Block(sent, guarded=True),)))
    script = [
        stand_in.throttled(),
        stand_in.error(500, "InternalServerException", said),
        stand_in.invalid_json(f'{{"output": "{said}'),
        stand_in.output_blocked(matched, model_output=said),
        stand_in.ok(said),
        stand_in.document({"output": {"message": {"content": [{"hologram": said}]}}, "usage": tokens()}),
    ]
    handler, root = Canaries(), logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        with BedrockServer(script) as server:
            edge = Edge(server)
            edge.ask(asked)
            assert edge.ask(asked).text == said
            edge.ask(asked)
        logging.getLogger("other").debug("the handler does listen")
    finally:
        root.removeHandler(handler)
    assert any("does listen" in line for line in handler.seen)
    leaked = [line for line in handler.seen for value in (sent, said, matched) if value in line]
    assert leaked == []


def test_a_child_logger_set_to_debug_is_quietened_too(quiet):
    child = logging.getLogger("botocore.parsers")
    child.setLevel(logging.DEBUG)
    quiet_loggers()
    assert child.getEffectiveLevel() == logging.WARNING


class Trap(BaseCallbackHandler):
    raise_error = True

    def __init__(self) -> None:
        self.seen: list[object] = []

    def on_chat_model_start(self, *args, **kwargs) -> None:
        self.seen.append(args)

    def on_llm_end(self, *args, **kwargs) -> None:
        self.seen.append(args)


def test_neither_tracing_nor_callbacks_get_the_request(monkeypatch, capsys):
    from langchain_core.caches import InMemoryCache
    from langchain_core.globals import set_debug, set_llm_cache

    traced: list[str] = []

    class Tracer(BaseHTTPRequestHandler):
        def _take(self) -> None:
            traced.append(self.path)
            self.send_response(200)
            self.end_headers()

        do_GET = do_POST = do_PATCH = _take  # noqa: N815  # the names that http.server calls

        def log_message(self, *_) -> None:
            return

    tracer = ThreadingHTTPServer(("127.0.0.1", 0), Tracer)
    thread = threading.Thread(target=tracer.serve_forever, args=(0.01,))
    thread.start()
    for prefix in ("LANGSMITH", "LANGCHAIN"):
        monkeypatch.setenv(f"{prefix}_TRACING_V2", "true")
        monkeypatch.setenv(f"{prefix}_ENDPOINT", f"http://127.0.0.1:{tracer.server_address[1]}")
        monkeypatch.setenv(f"{prefix}_API_KEY", "testing")
    monkeypatch.setenv("LANGSMITH_TRACING", "true")
    monkeypatch.setenv("LANGSMITH_GATEWAY", f"http://127.0.0.1:{tracer.server_address[1]}")
    trap, cache = Trap(), InMemoryCache()
    set_debug(True)
    set_llm_cache(cache)
    try:
        with BedrockServer([stand_in.ok(DRAFT)] * 2) as server:
            edge = Edge(server)
            edge.ask()
            # As a link of somebody's chain, whose callbacks are inherited through a context variable.
            from langsmith import tracing_context

            with tracing_context(enabled=False):
                RunnableLambda(lambda _: edge.ask().stop.value).invoke(1, {"callbacks": [trap]})
        from langchain_core.tracers.langchain import wait_for_all_tracers

        wait_for_all_tracers()
    finally:
        set_debug(False)
        set_llm_cache(None)
        tracer.shutdown()
        thread.join()
        tracer.server_close()
    assert len(server.requests) == 2
    assert traced == []
    assert trap.seen == []
    assert cache._cache == {}
    assert "disk full" not in capsys.readouterr().out.lower()


def test_the_program_answers_with_a_draft_made_from_the_request():
    with BedrockServer(lambda request: stand_in.ok(stand_in.draft(request))) as server:
        edge = Edge(server)
        document = json.loads(edge.ask().text)
    assert document == {
        "root_cause": "The log shows: 26/11/22 ERROR Disk full",
        "evidence": [{"text": "26/11/22 ERROR Disk full"}],
    }


EXCERPT = """\
== steps/s-1/stderr.gz:10-14
26/11/22 07:43:30 INFO Client: Submitting application
26/11/22 07:43:31 ERROR Executor: Exception in task 0.0
java.io.IOException: No space left on device
\tat java.io.FileOutputStream.writeBytes(Native Method)
"""


@pytest.mark.parametrize("scripted", [False, True])
def test_the_stand_in_runs_as_a_program_and_says_what_it_is(tmp_path, scripted):
    from diagnose.reply import parse_answer, wire_schema

    file = tmp_path / "reply.json"
    file.write_text(DRAFT)
    command = [
        sys.executable,
        stand_in.__file__,
        "--port",
        "0",
        *(["--reply", str(file)] if scripted else []),
    ]
    asked = question(prompt=replaced(user=(Block("Excerpt:"), Block(EXCERPT, guarded=True))))
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as program:
        try:
            assert program.stdout is not None and program.stderr is not None
            assert "not a model" in program.stderr.readline()
            endpoint = program.stdout.readline().strip()
            text = Edge(type("Program", (), {"endpoint": endpoint}), schema=wire_schema()).ask(asked).text
        finally:
            program.terminate()  # an interrupt is ignored by what a background shell starts
    if scripted:
        assert text == DRAFT
        return
    answer = parse_answer(text)
    assert answer.log_evidences == ["26/11/22 07:43:31 ERROR Executor: Exception in task 0.0"]
    assert answer.safe_to_retry is False
    assert "stand-in" in answer.recommendations[0]


def test_the_stand_in_refuses_what_the_service_refuses():
    body = {"messages": [{"role": "user", "content": [{"text": "x"}]}]}
    fine = stand_in.Request(model_id=MODEL, body=body, headers={})
    assert list(stand_in.violations(fine)) == []
    for change in (
        {"unknownMember": 1},
        {"messages": [{"role": "user", "content": [{"text": " "}]}]},
        {"messages": [{"role": "assistant", "content": [{"text": "x"}]}]},
        {"requestMetadata": {"a": "ü"}},
        {"requestMetadata": {}},
        {"guardrailConfig": {"guardrailIdentifier": "Not An Id", "guardrailVersion": "1"}},
        {"guardrailConfig": {"guardrailIdentifier": "abc", "guardrailVersion": "latest"}},
        {"outputConfig": {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": {"schema": '{"type": "object"}'}}}}},
        {"inferenceConfig": {"maxTokens": 0}},
    ):  # fmt: skip
        bad = stand_in.Request(model_id=MODEL, body={**body, **change}, headers={})
        assert list(stand_in.violations(bad)), change
