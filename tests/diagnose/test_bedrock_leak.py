"""What a model is asked and says reaches no log record, no tracer, no callback and no cache."""

import logging
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import bedrockserver as stand_in
import pytest
from bedrockserver import BedrockServer, tokens
from canary import canaries
from edge import DRAFT, Edge, question, replaced
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.runnables import RunnableLambda

from diagnose.prompt import Block
from diagnose.silence import LOUD_LOGGERS, quiet_loggers

pytestmark = pytest.mark.usefixtures("no_credentials_of_the_machine")


@pytest.fixture
def quiet():
    names = [*LOUD_LOGGERS, ""]
    levels = {name: logging.getLogger(name or None).level for name in names}
    quiet_loggers()
    yield
    for name, level in levels.items():
        logging.getLogger(name or None).setLevel(level)


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
