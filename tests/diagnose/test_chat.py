"""Any LangChain chat model: Ollama over real HTTP, and fakes for odd replies."""

import json
import logging
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from canary import canaries
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, ChatResult

from diagnose.chat import (
    PLACEHOLDER,
    ChatModel,
    answer_of,
    fault_of,
    make_chat,
    plain_messages,
)
from diagnose.deadline import NO_DEADLINE, Deadline
from diagnose.errors import DeadlineError, ModelError, UsageError
from diagnose.model import Question, Stop
from diagnose.prompt import Block, RenderedPrompt
from diagnose.silence import LOUD_LOGGERS, quiet_loggers
from diagnose.usage import Usage

PROMPT = RenderedPrompt(
    version="v1",
    sha256="0" * 64,
    system="You explain failed jobs.",
    user=(Block("Log:\n"), Block("ERROR Disk full", guarded=True), Block(" "), Block("Answer with JSON.")),
    marker="m" * 16,
    repair="Not valid: {{ problem }}.",
)
SECRET = canaries(21)[0].value


def question(**changes) -> Question:
    return Question(**{"prompt": PROMPT, "tags": {"step": "s-1"}, **changes})


@contextmanager
def ollama(script):
    """A server that speaks Ollama's /api/chat; gives the requests that it got."""
    requests, replies = [], iter(script)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            requests.append((self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
            status, body, headers = next(replies)
            data = body if isinstance(body, bytes) else json.dumps(body).encode() + b"\n"
            self.send_response(status)
            for name, value in {"Content-Type": "application/x-ndjson", **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", requests
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def said(text: str, reason: str = "stop") -> tuple:
    body = {
        "model": "llama3.2",
        "created_at": "2026-11-22T09:30:00Z",
        "message": {"role": "assistant", "content": text},
        "done": True,
        "done_reason": reason,
        "prompt_eval_count": 70,
        "eval_count": 209,
    }
    return 200, body, {}


class Local:
    """Ollama behind ChatModel, with the waits and calls."""

    def __init__(self, url: str, monkeypatch) -> None:
        monkeypatch.setenv("OLLAMA_HOST", url)
        self.waits, self.calls, self.timeouts, self.chats = [], [], [], []
        self.model = ChatModel(
            chats=self._make, name="ollama:llama3.2", max_tokens=512, sleep=self.waits.append
        )

    def _make(self, seconds: float) -> BaseChatModel:
        self.timeouts.append(seconds)
        self.chats.append(make_chat("ollama:llama3.2", max_tokens=512, timeout_seconds=seconds))
        return self.chats[-1]

    def ask(self, asked=None, deadline=NO_DEADLINE):
        try:
            return self.model.ask(asked or question(), deadline=deadline, sink=self.calls.append)
        finally:
            for chat in self.chats:
                chat._client._client.close()


def test_ollama_answers_over_http(monkeypatch):
    with ollama([said('{"root_cause": "disk"}')]) as (url, requests):
        local = Local(url, monkeypatch)
        reply = local.ask()
    assert (reply.text, reply.stop, reply.cost_usd) == ('{"root_cause": "disk"}', Stop.COMPLETE, None)
    assert reply.usage == Usage(input_tokens=70, output_tokens=209)
    ((path, body),) = requests
    assert path == "/api/chat"
    assert body["model"] == "llama3.2"
    assert body["options"] == {"num_predict": 512, "temperature": 0.0}
    assert [(m["role"], m["content"]) for m in body["messages"]] == [
        ("system", "You explain failed jobs."),
        ("user", "Log:\nERROR Disk full\nAnswer with JSON."),
    ]
    assert (local.model.name, local.model.model_id) == ("ollama:llama3.2", "llama3.2")
    assert [(c.attempt, c.stop, c.model_id) for c in local.calls] == [(1, Stop.COMPLETE, "llama3.2")]


def test_a_cut_answer_is_told(monkeypatch):
    with ollama([said('{"root', "length")]) as (url, _):
        assert Local(url, monkeypatch).ask().stop is Stop.TRUNCATED


def test_a_passing_error_is_retried_and_a_lasting_one_is_not(monkeypatch):
    busy = (503, {"error": f"busy {SECRET}"}, {})
    with ollama([busy, busy, said("{}")]) as (url, requests):
        local = Local(url, monkeypatch)
        assert local.ask().text == "{}"
    assert len(requests) == 3
    assert [c.http_status for c in local.calls] == [503, 503, None]
    with ollama([busy] * 6) as (url, requests):
        local = Local(url, monkeypatch)
        with pytest.raises(
            ModelError, match=r"ollama:llama3.2: ResponseError \(HTTP 503\) after 6 attempts"
        ) as raised:
            local.ask()
    assert len(requests) == len(local.calls) == 6
    assert SECRET not in str(raised.value)
    assert raised.value.__context__ is None
    with ollama([(404, {"error": f"model {SECRET} not found"}, {})]) as (url, requests):
        local = Local(url, monkeypatch)
        with pytest.raises(ModelError, match=r"HTTP 404\); there is no such model") as raised:
            local.ask()
    assert len(requests) == 1
    assert SECRET not in str(raised.value)


def test_a_dead_server_is_tried_again(monkeypatch):
    with ollama([]) as (url, _):
        pass
    local = Local(url, monkeypatch)
    with pytest.raises(ModelError, match="ConnectError after 6 attempts"):
        local.ask()
    assert len(local.waits) == 5


def test_a_damaged_reply_ends_in_an_error_of_ours(monkeypatch):
    with ollama([(200, b'{"message": {"rol', {})] * 6) as (url, _):
        local = Local(url, monkeypatch)
        with pytest.raises(ModelError):
            local.ask()


def test_time_outs_follow_the_deadline(monkeypatch):
    with ollama([said("{}")]) as (url, _):
        local = Local(url, monkeypatch)
        local.ask(deadline=Deadline(lambda: 23))
    assert local.timeouts == [20]
    local = Local(url, monkeypatch)
    with pytest.raises(DeadlineError):
        local.ask(deadline=Deadline(lambda: 0.5))
    assert local.calls == []


def test_no_log_record_holds_request_or_reply(monkeypatch):
    levels = {name: logging.getLogger(name).level for name in LOUD_LOGGERS}
    root, seen = logging.getLogger(), []

    class Handler(logging.Handler):
        def emit(self, record) -> None:
            seen.append(f"{record.getMessage()} {record.__dict__}")

    handler, before = Handler(), root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    quiet_loggers()
    try:
        with ollama([(503, {"error": SECRET}, {}), said(SECRET)]) as (url, _):
            Local(url, monkeypatch).ask(question(repair=(SECRET, "no JSON")))
    finally:
        root.removeHandler(handler)
        root.setLevel(before)
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
    assert [line for line in seen if SECRET in line] == []


class Fake(BaseChatModel):
    """Gives one result, or raises."""

    result: object = None

    @property
    def _llm_type(self) -> str:
        return "fake"

    def _generate(self, messages, stop=None, run_manager=None, **kwargs) -> ChatResult:
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


def ask_fake(result, name: str = "fake:m"):
    calls = []
    model = ChatModel(chats=lambda _: Fake(result=result), name=name, max_tokens=10, sleep=lambda _: None)
    return model.ask(question(), deadline=NO_DEADLINE, sink=calls.append), calls


def result(message: AIMessage, **info) -> ChatResult:
    return ChatResult(generations=[ChatGeneration(message=message, generation_info=info or None)])


def test_a_reply_is_read_from_the_message_and_what_stands_beside_it():
    reply, _ = ask_fake(result(AIMessage("{}"), finish_reason="length"))
    assert reply.stop is Stop.TRUNCATED
    usage = {"input_tokens": 1000, "output_tokens": 10, "total_tokens": 1010, "input_token_details": {"cache_read": 600, "cache_creation": 100}}  # fmt: skip
    reply, _ = ask_fake(result(AIMessage("{}", usage_metadata=usage)), "anthropic:claude-sonnet-4-6")
    assert reply.usage == Usage(
        input_tokens=300, cache_read_tokens=600, cache_write_tokens=100, output_tokens=10
    )
    assert reply.cost_usd == pytest.approx((300 * 3 + 600 * 0.3 + 100 * 3.75 + 10 * 15) / 1e6)


@pytest.mark.parametrize(
    ("metadata", "stop"),
    [
        ({}, Stop.COMPLETE),
        ({"finish_reason": "stop"}, Stop.COMPLETE),
        ({"finish_reason": "STOP"}, Stop.COMPLETE),
        ({"stop_reason": "end_turn"}, Stop.COMPLETE),
        ({"stop_reason": "max_tokens"}, Stop.TRUNCATED),
        ({"finish_reason": "MAX_TOKENS"}, Stop.TRUNCATED),
        ({"done_reason": "length"}, Stop.TRUNCATED),
        ({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}, Stop.TRUNCATED),
        ({"finish_reason": "content_filter"}, Stop.OUTPUT_BLOCKED),
        ({"finish_reason": "SAFETY"}, Stop.OUTPUT_BLOCKED),
        ({"stop_reason": "refusal"}, Stop.OUTPUT_BLOCKED),
        ({"finish_reason": "tool_calls"}, Stop.MALFORMED),
        ({"done_reason": "load"}, Stop.MALFORMED),
        ({"finish_reason": 7}, Stop.MALFORMED),
        ({"finish_reason": {"odd": 1}}, Stop.MALFORMED),
    ],
)
def test_every_providers_reason_is_understood(metadata, stop):
    answer = answer_of(AIMessage("{}", response_metadata=metadata))
    assert answer.stop is stop
    assert answer.text == ("" if stop is Stop.OUTPUT_BLOCKED else "{}")


@pytest.mark.parametrize(
    ("content", "text", "stop"),
    [
        ([{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "{"}, "}"], "{}", Stop.COMPLETE),
        ([{"type": "text", "text": None}, {"type": "text"}, {"odd": 1}], "", Stop.MALFORMED),
        ([], "", Stop.MALFORMED),
        (" \n", " \n", Stop.MALFORMED),
        ([{"type": "refusal", "refusal": "no"}], "", Stop.OUTPUT_BLOCKED),
    ],
)
def test_only_text_is_text(content, text, stop):
    answer = answer_of(AIMessage(content))
    assert (answer.text, answer.stop) == (text, stop)


def test_a_refusal_beside_the_text_blocks():
    assert answer_of(AIMessage("x", additional_kwargs={"refusal": "no"})).stop is Stop.OUTPUT_BLOCKED


@pytest.mark.parametrize(
    "odd", [None, ChatResult(generations=[]), "text", RuntimeError(SECRET), ValueError(SECRET)]
)
def test_what_is_no_reply_ends_in_an_error_of_ours(odd):
    with pytest.raises(ModelError) as raised:
        ask_fake(odd)
    assert SECRET not in str(raised.value)
    assert raised.value.__context__ is None


class StatusError(Exception):
    def __init__(self, status: int, **headers: str) -> None:
        super().__init__(SECRET)
        self.response = type("Response", (), {"status_code": status, "headers": headers})()


class APITimeoutError(Exception):
    """As openai and anthropic name theirs."""


@pytest.mark.parametrize(
    ("error", "retryable", "timed_out", "status"),
    [
        (StatusError(429, **{"retry-after": "3"}), True, False, 429),
        (StatusError(529), True, False, 529),
        (StatusError(400), False, False, 400),
        (StatusError(401), False, False, 401),
        (TimeoutError(), True, True, None),
        (APITimeoutError(), True, True, None),
        (ConnectionResetError(), True, False, None),
        (OSError(), False, False, None),
        (KeyError("message"), False, False, None),
        (ValueError(SECRET), False, False, None),
    ],
)
def test_errors_of_unknown_libraries_are_classified(error, retryable, timed_out, status):
    fault = fault_of(error)
    assert (fault.retryable, fault.timed_out, fault.http_status) == (retryable, timed_out, status)
    assert fault.code == type(error).__name__
    assert SECRET not in repr(fault)


def test_the_cause_of_an_error_counts():
    wrapped = RuntimeError("x")
    wrapped.__cause__ = StatusError(503)
    assert fault_of(wrapped).retryable
    loop = RuntimeError("x")
    loop.__cause__ = loop
    assert not fault_of(loop).retryable


def test_httpx_errors_are_told_apart():
    import httpx

    request = httpx.Request("POST", "http://127.0.0.1/")
    assert fault_of(httpx.ConnectError("x", request=request)).retryable
    assert fault_of(httpx.ReadTimeout("x", request=request)).timed_out
    refused = httpx.HTTPStatusError(
        "x", request=request, response=httpx.Response(503, headers={"Retry-After": "9"})
    )
    assert fault_of(refused).headers["retry-after"] == "9"


def test_a_repair_follows_the_bad_reply():
    roles = [m.type for m in plain_messages(question(repair=("{", "no JSON")))]
    assert roles == ["system", "human", "ai", "human"]
    bad, problem = plain_messages(question(repair=("", "no JSON")))[2:]
    assert bad.content == PLACEHOLDER
    assert problem.content.strip() == "Not valid: no JSON."


def test_a_missing_package_is_named():
    with pytest.raises(
        UsageError, match=r"pip install data-job-failure-intelligence\[models\] langchain-mistralai"
    ):
        make_chat("mistralai:mistral-large", max_tokens=10, timeout_seconds=1)


@pytest.mark.parametrize("name", ["nosuch:model", "", "model-of-nobody"])
def test_an_unknown_name_says_what_to_give(name):
    with pytest.raises(UsageError, match="give <provider>:<model>"):
        make_chat(name, max_tokens=10, timeout_seconds=1)


def test_a_missing_key_is_a_usage_error_without_any_value(monkeypatch):

    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(UsageError, match="environment variables") as raised:
        make_chat("openai:gpt-4.1", max_tokens=10, timeout_seconds=1)
    assert raised.value.__context__ is None


def test_temperature_and_retries_are_set_where_they_are_taken(monkeypatch):

    monkeypatch.setenv("OPENAI_API_KEY", "testing")
    chat = make_chat("openai:gpt-4.1", max_tokens=10, timeout_seconds=7)
    assert (chat.temperature, chat.max_retries, chat.request_timeout, chat.max_tokens) == (0.0, 0, 7, 10)
    assert make_chat("openai:o3", max_tokens=10, timeout_seconds=7).temperature is None
