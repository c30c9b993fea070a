"""Any LangChain chat model behind the `Model` seam, and what all of them share: messages, silence, errors.

Nothing of LangChain sees more than it must: a model's own `_generate` is called instead of `invoke`, so that
no callback, tracer, cache or debug printer gets the request or the reply, whatever the process has set up.
Limits: no guardrail (guarded blocks go as plain text), no output schema; a provider's time-out bounds one
read, not the whole answer.
Imported lazily only: it loads langchain-core.
"""

import contextvars
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage
from langsmith import tracing_context

from diagnose.backoff import RETRYABLE_STATUS, Answer, Backoff, Fault
from diagnose.deadline import Deadline
from diagnose.errors import UsageError
from diagnose.model import CallSink, ModelReply, Question, Sampling, Stop
from diagnose.price import cost_usd
from diagnose.usage import Usage

TEMPERATURE: Final = 0.0
PLACEHOLDER: Final = "(no text)"
"""Stands for an empty reply when it is shown to the model again: services refuse empty messages."""
_REASONS: Final[Mapping[Stop, str]] = {
    Stop.COMPLETE: "stop end_turn stop_sequence eos eos_token complete completed",
    Stop.TRUNCATED: "length max_tokens max_output_tokens model_length model_context_window_exceeded",
    Stop.OUTPUT_BLOCKED: "content_filter content_filtered safety refusal blocklist prohibited_content spii"
    " recitation guardrail_intervened",
}
"""Reasons as providers spell them, in lower case: OpenAI, Anthropic, Google, Mistral, Ollama."""
_STOPS: Final = {reason: stop for stop, reasons in _REASONS.items() for reason in reasons.split()}
_REASON_KEYS: Final = ("finish_reason", "stop_reason", "done_reason", "stopReason")
_CHAIN_LENGTH: Final = 6
_LIMIT_NAMES: Final[Mapping[str, str]] = {"ollama": "num_predict"}
"""Where a provider's class does not take LangChain's standard `max_tokens`."""


class ChatModel:
    """Any LangChain chat model.

    Args:
        chats: gives a chat model whose time-out fits in so many seconds and that does not retry by itself;
            called once for each of a few different time-outs.
        name: such as `ollama:llama3.2`; what follows the first colon is the model's id.
        max_tokens: as given to `chats`; part of what a recording is found by.
        sleep: waits between attempts.
        rng: draws the waits.
        clock: seconds, for durations.
    """

    def __init__(
        self,
        *,
        chats: Callable[[float], BaseChatModel],
        name: str,
        max_tokens: int,
        sleep: Callable[[float], None] = time.sleep,
        rng: random.Random | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self.model_id = name.partition(":")[2] or name
        self.sampling = Sampling(
            model_id=self.model_id, max_tokens=max_tokens, temperature=TEMPERATURE, schema_sha256=""
        )
        self._chats = chats
        self._made: dict[float, BaseChatModel] = {}
        self._backoff = Backoff(sleep=sleep, rng=rng or random.SystemRandom(), clock=clock)

    def ask(self, question: Question, *, deadline: Deadline, sink: CallSink) -> ModelReply:
        """Ask once, with retries; see `Model.ask`."""
        messages = plain_messages(question)
        return self._backoff.ask(
            lambda seconds: self._send(messages, seconds),
            name=self.name,
            model_id=self.model_id,
            cost=lambda usage: cost_usd(self.model_id, usage),
            deadline=deadline,
            sink=sink,
        )

    def _send(self, messages: Sequence[BaseMessage], seconds: float) -> Answer | Fault:
        if seconds not in self._made:
            self._made[seconds] = self._chats(seconds)
        outcome = generate(self._made[seconds], messages)
        return fault_of(outcome) if isinstance(outcome, Exception) else answer_of(outcome)


def sound(text: str) -> str:
    """Replace lone surrogates, which no service takes."""
    return text.encode("utf-8", errors="replace").decode()


def plain_messages(question: Question) -> list[BaseMessage]:
    """Build the messages of a question for a model without guardrail: every block as text."""
    blocks = [sound(block.text) for block in question.prompt.user if block.text.strip()]
    messages: list[BaseMessage] = [HumanMessage("\n".join(text.removesuffix("\n") for text in blocks))]
    if question.prompt.system.strip():
        messages.insert(0, SystemMessage(sound(question.prompt.system)))
    return messages + repair_messages(question)


def repair_messages(question: Question) -> list[BaseMessage]:
    """Build the turns of a second question: the bad reply, and what was wrong with it."""
    if question.repair is None:
        return []
    text, problem = question.repair
    return [
        AIMessage(sound(text) if text.strip() else PLACEHOLDER),
        HumanMessage(sound(question.prompt.render_repair(problem))),
    ]


def generate(chat: BaseChatModel, messages: Sequence[BaseMessage]) -> AIMessage | Exception:
    """Ask a chat model once, in silence; an error is returned, to be looked at and never shown."""
    # An empty context: neither callbacks of a surrounding chain nor tracers of context variables are
    # inherited.
    return contextvars.Context().run(_generate, chat, messages)


def _generate(chat: BaseChatModel, messages: Sequence[BaseMessage]) -> AIMessage | Exception:
    try:
        with tracing_context(enabled=False):
            generation = chat._generate(list(messages)).generations[0]
    except Exception as error:  # noqa: BLE001  # any library may stand here, with errors of its own making
        return error
    message = generation.message
    if not isinstance(message, AIMessage):
        return TypeError("no message of a model")
    message.response_metadata = {**(generation.generation_info or {}), **message.response_metadata}
    return message


def answer_of(message: AIMessage) -> Answer:
    """Read a reply of any provider: stop reason first, then text and usage."""
    metadata, text = message.response_metadata, text_of(message)
    stop = _stop_of(metadata)
    if message.additional_kwargs.get("refusal") or _has_refusal(message):
        stop = Stop.OUTPUT_BLOCKED
    if stop is Stop.COMPLETE and not text.strip():
        stop = Stop.MALFORMED
    request_id = metadata.get("request_id") or metadata.get("id")
    return Answer(
        text="" if stop is Stop.OUTPUT_BLOCKED else text,
        stop=stop,
        usage=_usage_of(message),
        request_id=request_id if isinstance(request_id, str) else None,
    )


def text_of(message: AIMessage) -> str:
    """Join the text blocks of a reply; reasoning, tool calls and whatever else it holds are no text."""
    if isinstance(message.content, str):
        return message.content
    return "".join(_text(block) for block in message.content)


def _text(block: object) -> str:
    if isinstance(block, str):
        return block
    text = block.get("text") if isinstance(block, Mapping) and block.get("type") == "text" else None
    return text if isinstance(text, str) else ""


def _has_refusal(message: AIMessage) -> bool:
    blocks = message.content if isinstance(message.content, list) else []
    return any(isinstance(block, Mapping) and block.get("type") == "refusal" for block in blocks)


def _stop_of(metadata: Mapping[str, Any]) -> Stop:
    incomplete = metadata.get("incomplete_details")
    reason = incomplete.get("reason") if isinstance(incomplete, Mapping) else None
    for key in _REASON_KEYS:
        reason = reason or metadata.get(key)
    if reason is None:
        return Stop.COMPLETE  # not every provider says why it stopped
    name = getattr(reason, "name", reason)  # some give an enumeration
    return _STOPS.get(str(name).lower(), Stop.MALFORMED)


def count(value: object) -> int:
    """Read a number of tokens; what is none counts as 0."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def _usage_of(message: AIMessage) -> Usage:
    """Read LangChain's usage, whose input tokens include those of the cache."""
    usage: Mapping[str, Any] = message.usage_metadata or {}
    details = usage.get("input_token_details")
    kinds = details if isinstance(details, Mapping) else {}
    read = count(kinds.get("cache_read"))
    # Written tokens stand in one field, or split by lifetime in the others, never in both.
    write = count(kinds.get("cache_creation")) + sum(
        count(kinds.get(f"ephemeral_{ttl}_input_tokens")) for ttl in ("5m", "1h")
    )
    return Usage(
        input_tokens=max(count(usage.get("input_tokens")) - read - write, 0),
        cache_read_tokens=read,
        cache_write_tokens=write,
        output_tokens=count(usage.get("output_tokens")),
    )


def fault_of(error: BaseException) -> Fault:
    """Tell from an unknown library's error whether another attempt may help; its message is never read."""
    code = type(error).__name__
    for link in _chain(error):
        if status := _status(link):
            headers = getattr(getattr(link, "response", None), "headers", None)
            return Fault(
                code=code,
                http_status=status,
                retryable=status in RETRYABLE_STATUS,
                headers=dict(headers) if isinstance(headers, Mapping) else {},
                advice=_ADVICE.get(status, ""),
            )
    kinds = [kind for link in _chain(error) for kind in type(link).__mro__]
    names = {kind.__name__ for kind in kinds}
    timed_out = TimeoutError in kinds or any("Timeout" in name for name in names)
    if timed_out or ConnectionError in kinds or names & _TRANSPORT_ERRORS:
        return Fault(code=code, retryable=True, timed_out=timed_out, advice="is the service reachable?")
    return Fault(code=code)


_ADVICE: Final[Mapping[int, str]] = {
    400: "the provider refuses the request as such",
    401: "check the provider's API key",
    403: "the key is not allowed to use this model",
    404: "there is no such model; check its name",
}
_TRANSPORT_ERRORS: Final = frozenset({"APIConnectionError", "TransportError", "ConnectionError"})
"""Base classes of connection errors in openai and anthropic, httpx, requests."""


def _chain(error: BaseException) -> Iterator[BaseException]:
    link: BaseException | None = error
    for _ in range(_CHAIN_LENGTH):
        if link is None:
            return
        yield link
        link = link.__cause__ or link.__context__


def _status(error: BaseException) -> int | None:
    """Find the HTTP status in the places where client libraries keep it."""
    response = getattr(error, "response", None)
    for holder, name in (
        (error, "status_code"),
        (error, "http_status"),
        (response, "status_code"),
        (error, "code"),
    ):
        value = getattr(holder, name, None)
        if isinstance(value, int) and 400 <= value < 600:
            return value
    return None


def make_chat(name: str, *, max_tokens: int, timeout_seconds: float) -> BaseChatModel:
    """Make a chat model by name, without retries of its own and at temperature 0 where it takes one.

    Args:
        name: `<provider>:<model>`, as `langchain.chat_models.init_chat_model` takes it.
        max_tokens: limit of a reply.
        timeout_seconds: of one request.

    Raises:
        UsageError: a package is missing, the name is not known, or the provider's settings are not complete.
    """
    provider = name.partition(":")[0].replace("-", "_")
    values: dict[str, Any] = {_LIMIT_NAMES.get(provider, "max_tokens"): max_tokens}
    if provider == "ollama":
        values["client_kwargs"] = {"timeout": timeout_seconds}
    else:
        values |= {"timeout": timeout_seconds, "max_retries": 0}
    chat = _init(name, {**values, "temperature": TEMPERATURE})
    if (getattr(chat, "profile", None) or {}).get("temperature") is False:
        return _init(name, values)  # newer reasoning models refuse a request that names a temperature
    return chat


def _init(name: str, values: Mapping[str, Any]) -> BaseChatModel:
    missing = "pip install data-job-failure-intelligence[models]"
    try:
        from langchain.chat_models import init_chat_model  # noqa: PLC0415  # an extra
    except ImportError:
        problem = f"model {name!r} needs LangChain: {missing}"
    else:
        try:
            chat = init_chat_model(name, **values)
        except ImportError as error:
            package = _package(error) or "langchain-<provider>"
            problem = f"model {name!r} needs its provider's package: {missing} {package}"
        except Exception as error:  # noqa: BLE001  # a provider's own error, whose message may hold the API key
            problem = _unusable(name, type(error).__name__)
        else:
            if isinstance(chat, BaseChatModel):
                return chat
            problem = _unusable(name, "no name of a model")
    raise UsageError(problem)


def _unusable(name: str, reason: str) -> str:
    return (
        f"model {name!r} can't be set up ({reason}); give <provider>:<model>, such as ollama:llama3.2, and"
        " the environment variables that the provider's package asks for"
    )


def _package(error: ImportError) -> str:
    """Name the package to install from the module that is missing."""
    links = (link for link in _chain(error) if isinstance(link, ImportError) and link.name)
    return next((str(link.name).split(".")[0].replace("_", "-") for link in links), "")
