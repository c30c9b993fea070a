"""Settings and names in, a kit out: which analyst, which prompt, which sources. The edge; opens files.

Analysts by name: `rules`; `bedrock` or `bedrock:<model or profile id>`; `recorded:<file>`; any other chat
model of LangChain as `<provider>:<model>`, such as `ollama:qwen3`.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from diagnose.errors import UsageError
from diagnose.metadata import MetadataSource
from diagnose.model import SampledModel, schema_sha256
from diagnose.reply import wire_schema
from diagnose.settings import Settings
from diagnose.shelf import load_prompt
from diagnose.silence import quiet_loggers
from diagnose.state import Desk, Kit

if TYPE_CHECKING:
    from diagnose.client import Clients

RULES: Final = "rules"
_BEDROCK: Final = "bedrock"
_RECORDED: Final = "recorded"

ClientFactory = Callable[[], "Clients"]
Sleep = Callable[[float], None]


def with_analyst(
    kit: Kit,
    name: str,
    *,
    clients: ClientFactory,
    prompt: str | None = None,
    record: Path | None = None,
    sleep: Sleep = time.sleep,
) -> Kit:
    """Seat an analyst at a kit's desk.

    Args:
        kit: of the rules.
        name: see the module's docstring.
        clients: makes AWS clients; called only where the analyst needs one.
        prompt: version or folder; the active version by default.
        record: appends every reply to this file.
        sleep: waits between attempts.

    Raises:
        UsageError: there is no such analyst, prompt or recording, or its package is not installed.
    """
    if name == RULES:
        if prompt or record:
            raise UsageError("--prompt and --record need a model; give --analyst bedrock:… too")
        return kit
    quiet_loggers()
    version = load_prompt(prompt)
    model = _model(kit.settings, name, clients, sleep)
    if record is not None:
        from diagnose.recording import Recorder  # noqa: PLC0415 - not needed otherwise

        model = Recorder(model, record, redact=lambda text: kit.redactor.session().text(text))
    return replace(kit, desk=Desk(model=model, prompt=version.version, gate=version.gate))


def _model(settings: Settings, name: str, clients: ClientFactory, sleep: Sleep) -> SampledModel:
    provider, _, ident = name.partition(":")
    if provider == _BEDROCK:
        return _bedrock(settings, ident or settings.bedrock_model_id, clients(), sleep)
    if provider == _RECORDED and ident:
        return _recorded(settings, Path(ident))
    if provider and ident:
        return _chat(name, settings.bedrock_max_tokens, sleep)
    raise UsageError(
        f"--analyst {name}: not known; give rules, bedrock:<model id>, recorded:<file> or <provider>:<model>"
    )


def _recorded(settings: Settings, file: Path) -> SampledModel:
    from diagnose.recording import RecordedModel  # noqa: PLC0415

    recorded = RecordedModel.load(file)
    # Only what follows a schema at all (Bedrock) depends on today's.
    schema = schema_sha256(wire_schema()) if recorded.sampling.schema_sha256 else ""
    return RecordedModel.load(file, max_tokens=settings.bedrock_max_tokens, schema_sha256=schema)


def _chat(name: str, max_tokens: int, sleep: Sleep) -> SampledModel:
    from diagnose.chat import ChatModel, make_chat  # noqa: PLC0415

    make_chat(name, max_tokens=max_tokens, timeout_seconds=1)  # a missing package is told at the start
    return ChatModel(
        chats=lambda seconds: make_chat(name, max_tokens=max_tokens, timeout_seconds=seconds),
        name=name,
        max_tokens=max_tokens,
        sleep=sleep,
    )


def _bedrock(settings: Settings, model_id: str, clients: "Clients", sleep: Sleep) -> SampledModel:
    from diagnose.bedrock import BedrockModel  # noqa: PLC0415

    clients.check()
    return BedrockModel(
        clients=clients.bedrock,
        model_id=model_id,
        max_tokens=settings.bedrock_max_tokens,
        guardrail_id=settings.bedrock_guardrail_id,
        guardrail_version=settings.bedrock_guardrail_version,
        schema=wire_schema(),
        sleep=sleep,
    )


def with_sources(kit: Kit, clients: "Clients", *, region: str = "", sleep: Sleep = time.sleep) -> Kit:
    """Give a kit the metadata source and the log archive that the settings name.

    Args:
        kit: any.
        clients: of AWS.
        region: of the cluster; AWS_REGION by default.
        sleep: waits between attempts.

    Raises:
        UsageError: there are no AWS credentials, or METADATA_SOURCE is rest and METADATA_API_URL is not set.
    """
    from diagnose.client import BucketArchive  # noqa: PLC0415

    clients.check()
    archive = BucketArchive(clients, kit.settings)
    return replace(kit, metadata=_source(kit.settings, clients, region, sleep), archive=archive)


def _source(settings: Settings, clients: "Clients", region: str, sleep: Sleep) -> MetadataSource:
    if settings.metadata_source == "emr":
        from diagnose.emr import EmrSource  # noqa: PLC0415

        return EmrSource(clients.emr(region), sleep=sleep)
    from diagnose.rest import RestSource, http_client, secret_key  # noqa: PLC0415

    if not settings.metadata_api_url:
        raise UsageError("METADATA_API_URL: is not set; METADATA_SOURCE rest needs the API's address")
    secret_id = settings.metadata_api_key_secret_id
    return RestSource(
        clients.closing(http_client()),
        url=settings.metadata_api_url,
        header=settings.metadata_api_auth_header,
        key=(lambda: secret_key(clients.secrets(), secret_id)) if secret_id else None,
        sleep=sleep,
    )
