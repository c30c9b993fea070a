"""Through real botocore and the product's own model over loopback HTTP; the language model is a script."""

import http.client
import json
import threading
from collections.abc import Callable, Sequence
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from diagnose.bedrock import BedrockModel
from diagnose.deadline import NO_DEADLINE
from diagnose.errors import ModelError
from diagnose.model import ModelCall, Question, Stop
from diagnose.prompt import Block, RenderedPrompt
from diagnose.usage import Usage
from evals.endpoint.model import Completion, End, ScriptedModel, Turn
from evals.endpoint.server import MAX_BODY_BYTES, Endpoint

MODEL = "local.scripted"
PROMPT = RenderedPrompt(
    version="v1",
    sha256="0" * 64,
    system="You explain failed jobs.",
    user=(Block("Log:\n"), Block("ERROR Disk full\n", guarded=True), Block("Answer.")),
    marker="m" * 16,
    repair="Not valid: {{ problem }}. Again.",
)


def client(endpoint: Endpoint) -> Any:
    config = Config(retries={"total_max_attempts": 1}, read_timeout=20, connect_timeout=5)
    keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
    return boto3.client(
        "bedrock-runtime", endpoint_url=endpoint.url, region_name="us-east-1", config=config, **keys
    )


def converse(endpoint: Endpoint, text: str = "Why?", model_id: str = MODEL, **more: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": [{"text": text}]}]
    made = client(endpoint)
    try:
        reply: dict[str, Any] = made.converse(modelId=model_id, messages=messages, **more)
    finally:
        made.close()
    return reply


def refused(call: Callable[[], object]) -> tuple[int, str, str]:
    with pytest.raises(ClientError) as caught:
        call()
    answer = caught.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"], answer["Error"]["Message"]


def send(
    endpoint: Endpoint, method: str, path: str, body: bytes | None, **headers: str
) -> tuple[int, str, Any]:
    connection = http.client.HTTPConnection(endpoint.url.removeprefix("http://"), timeout=20)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        data = answer.read()
        kind = answer.getheader("x-amzn-ErrorType") or ""
        return answer.status, kind.partition(":")[0], json.loads(data) if data else None
    finally:
        connection.close()


def test_boto3_gets_an_answer_in_converse_s_shape():
    lines: list[str] = []
    with Endpoint(ScriptedModel(texts=["disk full"]), model_id=MODEL, log=lines.append) as endpoint:
        reply = converse(endpoint)
    assert reply["output"]["message"] == {"role": "assistant", "content": [{"text": "disk full"}]}
    assert reply["stopReason"] == "end_turn"
    assert reply["usage"] == {"inputTokens": 1, "outputTokens": 2, "totalTokens": 3}
    assert reply["metrics"]["latencyMs"] >= 0
    assert reply["ResponseMetadata"]["RequestId"]
    assert len(lines) == 1 and "disk" not in lines[0] and "1 + 2 tokens, end_turn" in lines[0]


def test_an_answer_longer_than_its_limit_is_cut_and_says_so():
    with Endpoint(ScriptedModel(texts=["a b c d"]), model_id=MODEL) as endpoint:
        reply = converse(endpoint, inferenceConfig={"maxTokens": 3})
    assert reply["stopReason"] == "max_tokens"
    assert reply["usage"]["outputTokens"] == 3


def test_an_answer_that_fills_the_context_window_is_cut_and_says_so():
    with Endpoint(ScriptedModel(texts=["a b c d"], context_tokens=4), model_id=MODEL) as endpoint:
        reply = converse(endpoint, "one two")
    assert reply["stopReason"] == "model_context_window_exceeded"


def test_input_that_fills_the_context_window_is_refused_in_bedrock_s_words():
    with Endpoint(ScriptedModel(texts=["x"], context_tokens=4), model_id=MODEL) as endpoint:
        found = refused(lambda: converse(endpoint, "one two three four"))
    assert found == (400, "ValidationException", "Input is too long for requested model.")


def test_another_model_s_id_is_refused():
    with Endpoint(ScriptedModel(texts=["x"]), model_id=MODEL) as endpoint:
        found = refused(lambda: converse(endpoint, model_id="us.anthropic.claude-sonnet-4-6"))
    assert found == (400, "ValidationException", "The provided model identifier is invalid.")


def test_a_model_id_with_characters_that_are_quoted_in_a_path_is_found():
    arn = "arn:aws:bedrock:us-east-1:111122223333:imported-model/abcdefghijkl"
    with Endpoint(ScriptedModel(texts=["x"]), model_id=arn) as endpoint:
        assert converse(endpoint, model_id=arn)["stopReason"] == "end_turn"


def test_other_operations_are_unknown():
    with Endpoint(ScriptedModel(texts=["x"]), model_id=MODEL) as endpoint:
        made = client(endpoint)
        found = refused(lambda: made.invoke_model(modelId=MODEL, body=b"{}"))
        made.close()
        assert found[:2] == (404, "UnknownOperationException")
        assert send(endpoint, "GET", f"/model/{MODEL}/converse", None)[:2] == (
            404,
            "UnknownOperationException",
        )
        assert send(endpoint, "HEAD", "/", None) == (404, "UnknownOperationException", None)


def test_a_request_without_credentials_is_refused():
    with Endpoint(ScriptedModel(texts=["x"]), model_id=MODEL) as endpoint:
        found = send(endpoint, "POST", f"/model/{MODEL}/converse", b"{}")
    assert found[:2] == (403, "MissingAuthenticationTokenException")


def test_a_damaged_body_can_not_be_read():
    with Endpoint(ScriptedModel(texts=["x"]), model_id=MODEL) as endpoint:
        found = send(endpoint, "POST", f"/model/{MODEL}/converse?x=1", b'{"mess', Authorization="AWS4")
    assert found[:2] == (400, "SerializationException")


@pytest.mark.parametrize(
    ("length", "status"),
    [("-1", 411), ("many", 411), ("٣", 411), (str(MAX_BODY_BYTES + 1), 413), ("9" * 30, 411)],
)
def test_a_request_of_no_usable_length_is_refused_without_reading_it(length, status):
    with Endpoint(ScriptedModel(texts=["x"]), model_id=MODEL) as endpoint:
        connection = http.client.HTTPConnection(endpoint.url.removeprefix("http://"), timeout=20)
        connection.putrequest("POST", f"/model/{MODEL}/converse")
        connection.putheader("Content-Length", length.encode())
        connection.endheaders()
        assert connection.getresponse().status == status
        connection.close()


class Broken:
    def write(self, turns: Sequence[Turn], *, max_tokens: int, schema: str | None = None) -> Completion:
        raise RuntimeError("decode failed")


def test_a_failing_model_is_a_fault_of_the_service_and_is_told():
    lines: list[str] = []
    with Endpoint(Broken(), model_id=MODEL, log=lines.append) as endpoint:
        status, code, message = refused(lambda: converse(endpoint))
    assert (status, code) == (500, "InternalServerException")
    assert "decode" not in message
    assert lines == ["the model failed: RuntimeError: decode failed"]


class Slow:
    def __init__(self) -> None:
        self.begun, self.released = threading.Event(), threading.Event()

    def write(self, turns: Sequence[Turn], *, max_tokens: int, schema: str | None = None) -> Completion:
        self.begun.set()
        assert self.released.wait(20)
        return Completion(text="late", end=End.TURN, input_tokens=1, output_tokens=1)


def test_who_waits_too_long_for_the_model_is_throttled_and_who_was_first_gets_an_answer():
    model, answers = Slow(), []
    with Endpoint(model, model_id=MODEL, queue_seconds=0.01) as endpoint:
        first = threading.Thread(target=lambda: answers.append(converse(endpoint)))
        first.start()
        assert model.begun.wait(20)
        assert refused(lambda: converse(endpoint))[:2] == (429, "ThrottlingException")
        model.released.set()
        first.join()
    assert answers[0]["output"]["message"]["content"] == [{"text": "late"}]


def product(endpoint: Endpoint, made: list[Any]) -> BedrockModel:
    def make(_: float) -> Any:
        made.append(client(endpoint))
        return made[-1]

    return BedrockModel(
        clients=make, model_id=MODEL, max_tokens=256, schema={"type": "object"}, guardrail_id="gr1",
        sleep=lambda _: None,
    )  # fmt: skip


def ask(endpoint: Endpoint, sink: Callable[[ModelCall], None] = lambda _: None, **more: Any) -> Any:
    made: list[Any] = []
    question = Question(prompt=PROMPT, tags={"step": "s-1"}, **more)
    try:
        return product(endpoint, made).ask(question, deadline=NO_DEADLINE, sink=sink)
    finally:
        for each in made:
            each.close()


def test_the_product_s_own_requests_are_taken():
    with Endpoint(ScriptedModel(texts=['{"root_cause": "disk full"}']), model_id=MODEL) as endpoint:
        reply = ask(endpoint, repair=("{", "no JSON"))
    assert (reply.text, reply.stop) == ('{"root_cause": "disk full"}', Stop.COMPLETE)
    assert reply.usage == Usage(input_tokens=15, output_tokens=3)
    assert reply.cost_usd is None


@pytest.mark.parametrize("structured", [False, True])
def test_a_schema_reaches_the_model_only_where_answers_are_to_follow_it(structured):
    model = ScriptedModel(texts=["x"])
    with Endpoint(model, model_id=MODEL, structured=structured) as endpoint:
        ask(endpoint)
    expected = {"type": "object", "additionalProperties": False}
    assert [schema and json.loads(schema) for schema in model.schemas] == [expected if structured else None]


def test_the_product_reads_a_blank_answer_as_malformed():
    with Endpoint(ScriptedModel(texts=[""]), model_id=MODEL) as endpoint:
        assert ask(endpoint).stop is Stop.MALFORMED


def test_the_product_says_what_to_do_about_input_that_is_too_long():
    calls: list[ModelCall] = []
    with (
        Endpoint(ScriptedModel(texts=["x"], context_tokens=4), model_id=MODEL) as endpoint,
        pytest.raises(ModelError, match="MAX_LOG_SIZE_BYTES"),
    ):
        ask(endpoint, calls.append)
    assert [call.http_status for call in calls] == [400]
