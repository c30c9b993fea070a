"""The Lambda function's edge: makes settings, clients, prompt and model, hands every event to `Function`.

Everything is made while the process starts, when Lambda gives its whole processor: imports, the catalogue,
the clients and LangChain's chain. What can't be used is told there, in one log line, before any event.
Handler: `handler.handle`.
"""

import gc

gc.disable()  # modules are hardly ever garbage; looking for it takes a fifth of the start

import logging
import time
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, Protocol

from diagnose.assembly import with_analyst, with_sources
from diagnose.backoff import DEFAULT_TIMEOUT_SECONDS
from diagnose.bus import Bus
from diagnose.chain import chain
from diagnose.client import Clients
from diagnose.console import install
from diagnose.errors import InvocationError, UsageError
from diagnose.failure import Failure
from diagnose.function import Function, Route
from diagnose.metric import EmfMeter
from diagnose.pipeline import default_kit
from diagnose.redaction import redact
from diagnose.settings import Settings, load_deployed_settings, tracing
from diagnose.shelf import read_active
from diagnose.span import Spans
from diagnose.state import Kit
from diagnose.table import TableRepeats
from diagnose.telemetry import Fork, JsonFormatter, JsonTelemetry, Telemetry
from diagnose.trail import Trail
from diagnose.visibility import Queue

ANALYST: Final = "bedrock"


class Context(Protocol):
    """What is used of Lambda's context object."""

    def get_remaining_time_in_millis(self) -> int:
        """Tell how long the invocation may still take."""
        ...


class _Routes:
    """Makes what diagnoses a region's failures when it is first needed: it remembers what AWS told it."""

    def __init__(self, kit: Kit, clients: Clients) -> None:
        self._kit = kit
        self._clients = clients
        self._made: dict[str, Route] = {}

    def __call__(self, region: str) -> Route:
        """Give the route of a region."""
        own = region or self._kit.settings.aws_region
        if own not in self._made:
            kit = with_sources(self._kit, self._clients, region=own)
            links = chain(kit)
            self._made[own] = Route(kit=kit, walk=lambda state, _kit: links.invoke(state))
        return self._made[own]


def _telemetry(failure: Failure, trace: str, *, address: str, prompt_version: str) -> Telemetry:
    logged = JsonTelemetry(cluster_id=failure.cluster_id, step_id=failure.step_id)
    if not (address and trace):
        return logged
    return Fork(logged, Spans(address, trace, prompt_version=prompt_version))


def build(settings: Settings, trail: Trail, kit: Kit) -> Function:
    """Make the function.

    Args:
        settings: of a deployed function.
        trail: what the process is at; told of every stage.
        kit: of the rules.

    Raises:
        UsageError: no prompt is promoted, the promoted one was altered, or there are no AWS credentials.
    """
    active = read_active()
    if active is None:
        raise UsageError(
            "no prompt is promoted (prompts/active.toml): run `evals promote`, then package again"
        )
    clients = Clients(settings)
    seated = with_analyst(replace(kit, on_stage=trail.stage), ANALYST, clients=lambda: clients)
    routes = _Routes(seated, clients)
    routes(settings.aws_region)
    clients.s3(settings.aws_region)
    clients.bedrock(DEFAULT_TIMEOUT_SECONDS)
    address, _ = tracing()
    return Function(
        route=routes,
        repeats=TableRepeats(clients.table(), settings.idempotency_table),
        publish=Bus(clients.bus(), settings.result_bus_name).publish,
        put_off=Queue(clients.queue(), settings.queue_url).put_off,
        meter=EmfMeter(settings.service_name),
        redact=lambda text: kit.redactor.session().text(text),
        trail=trail,
        telemetry=partial(_telemetry, address=address, prompt_version=active.version),
        reserve_seconds=settings.deadline_reserve_seconds,
        token_budget=settings.token_budget,
        monotonic_seconds=time.monotonic,
        now=lambda: datetime.now(UTC),
    )


def _start() -> Function:
    trail = Trail()
    install(JsonFormatter(context=trail.fields), logging.INFO)
    try:
        settings = load_deployed_settings()
        kit = default_kit(settings)
        install(
            JsonFormatter(lambda text: kit.redactor.session().text(text), context=trail.fields), logging.INFO
        )
        return build(settings, trail, kit)
    except Exception as error:
        logging.getLogger("diagnose").critical("the function can't start", exc_info=error)
        raise InvocationError(
            f"the function can't start: {type(error).__name__}: {redact(str(error))}"
        ) from None


_FUNCTION: Final = _start()
gc.freeze()
gc.enable()


def handle(event: object, context: Context) -> dict[str, Any]:
    """Serve one invocation: an event of EventBridge, a batch of SQS, or `{"clusterId", "stepId"}`.

    Args:
        event: the payload, parsed.
        context: Lambda's.

    Returns:
        See `Function.invoke`.

    Raises:
        InvocationError: a direct call can't be answered.
    """
    _, trace = tracing()
    return _FUNCTION.invoke(
        event, remaining_seconds=lambda: context.get_remaining_time_in_millis() / 1000, trace=trace
    )
