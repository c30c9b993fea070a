"""LangChain's sequence of the same stages gives the same as the plain walk."""

import asyncio
import json
import threading
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer

import canary
import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.runnables import RunnableLambda
from langchain_core.tracers.langchain import wait_for_all_tracers

from diagnose.chain import chain, metadata_tool
from diagnose.errors import MetadataError
from diagnose.failure import Failure, JobContext
from diagnose.log import DirectoryStore
from diagnose.metadata import Metadata
from diagnose.model import ModelReply, Stop
from diagnose.pipeline import default_kit, run, start
from diagnose.settings import Settings
from diagnose.shelf import load_prompt
from diagnose.stage import STAGES
from diagnose.state import Desk
from diagnose.usage import Usage

FAILURE = Failure(cluster_id="j-2AXTREE000001", step_id="s-1AXTREE000001")
ANSWER = {
    "root_cause": "It ended with status 3.",
    "log_evidences": ["User application exited with status 3"],
    "recommendations": [],
    "category": "UNKNOWN",
    "failure_type": "UNEXPLAINED_EXIT",
    "safe_to_retry": False,
    "confidence": 0.6,
}


class Source:
    def __init__(self, context=None, error=None):
        self.context, self.error, self.asked = context or JobContext(), error, []

    def fetch(self, failure, *, deadline):
        self.asked.append((failure, deadline))
        if self.error:
            raise self.error
        return Metadata(failure=replace(failure, job_name="job"), context=self.context, gaps=("a gap",))


class Archive:
    def __init__(self, store):
        self.store = store

    def find(self, failure, context, *, deadline):
        return self.store, ()


class Model:
    name, model_id = "fake:one", "one"

    def __init__(self):
        self.prompts = []

    def ask(self, question, *, deadline, sink):
        self.prompts.append(question.prompt)
        usage = Usage(input_tokens=10, output_tokens=5)
        return ModelReply(text=json.dumps(ANSWER), stop=Stop.COMPLETE, usage=usage, cost_usd=None)


@pytest.fixture
def kit(tree, tmp_path):
    root = tree.driver(status=3).write(tmp_path)
    desk = Desk(model=Model(), prompt=load_prompt("v2").version)
    plain = default_kit(Settings())
    context = JobContext(spark={"spark.executor.memory": "4g"})
    return replace(
        plain,
        metadata=Source(context),
        archive=Archive(DirectoryStore(root)),
        desk=desk,
        marker=lambda: "m" * 32,
    )


def same(diagnosis):
    return diagnosis.model_copy(update={"stage_ms": {}, "analysis_timestamp": None})


def test_both_give_the_same(kit):
    plain, chained = run(start(FAILURE, kit), kit), chain(kit).invoke(start(FAILURE, kit))
    assert same(chained.diagnosis) == same(plain.diagnosis)
    assert chained.excerpt == plain.excerpt
    first, second = kit.desk.model.prompts
    assert first == second


@pytest.mark.parametrize("error", [MetadataError("gone")])
def test_both_end_the_same_way(kit, error):
    kit = replace(kit, metadata=Source(error=error))
    plain, chained = run(start(FAILURE, kit), kit), chain(kit).invoke(start(FAILURE, kit))
    assert plain.diagnosis.status == "ANALYSIS_ABORTED"
    assert same(chained.diagnosis) == same(plain.diagnosis)


def test_the_first_link_is_the_metadata_tool_and_the_links_are_the_stages(kit):
    sequence = chain(kit).sequence
    assert [link.name for link in sequence.steps] == [*(stage.name for stage in STAGES), "result"]
    chain(kit).invoke(start(FAILURE, kit))
    ((failure, _),) = kit.metadata.asked
    assert failure == FAILURE


def test_a_sequence_is_built_once_and_run_many_times(kit):
    sequence = chain(kit)
    results = sequence.batch([start(FAILURE, kit), start(FAILURE, kit)])
    assert same(results[0].diagnosis) == same(results[1].diagnosis)


def test_the_tool_tells_a_model_no_secret():
    made = canary.canaries(7)
    context = JobContext(
        spark={c.key: c.value for c in made},
        document="\n".join(f"{c.key}={c.value}" for c in made),
    )
    tool = metadata_tool(Source(context), default_kit(Settings()).redactor)
    assert set(tool.tool_call_schema.model_json_schema()["properties"]) == {"cluster_id", "step_id", "region"}
    text = tool.invoke({"cluster_id": "j-2AXTREE000001", "step_id": "s-1AXTREE000001"})
    assert "a gap" in text
    assert not [c.kind for c in made if c.value in text]


@contextmanager
def sniffer():
    """A server that notes whoever calls."""
    seen = []

    class Handler(BaseHTTPRequestHandler):
        def handle(self):
            seen.append(self.client_address)

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", seen
        server.shutdown()
        thread.join()


class Witness(BaseCallbackHandler):
    """Notes everything LangChain tells a callback."""

    def __init__(self):
        self.told = []

    def on_chain_start(self, serialized, inputs, **_):
        self.told.append(repr(inputs))

    def on_tool_start(self, serialized, input_str, **_):
        self.told.append(input_str)


CALLS = {
    "invoke": lambda link, state, config: link.invoke(state, config),
    "batch": lambda link, state, config: link.batch([state, state], config)[0],
    "stream": lambda link, state, config: next(iter(link.stream(state, config))),
    "ainvoke": lambda link, state, config: asyncio.run(link.ainvoke(state, config)),
    "composed": lambda link, state, config: (link | RunnableLambda(lambda result: result)).invoke(
        state, config
    ),
}


@pytest.mark.parametrize("way", CALLS)
def test_nobody_is_told_of_anything_inside_whatever_the_environment_says(kit, monkeypatch, way):
    witness = Witness()
    with sniffer() as (endpoint, seen):
        if way != "composed":  # what is outside is the composer's own business
            for name in ("LANGSMITH_TRACING", "LANGCHAIN_TRACING_V2"):
                monkeypatch.setenv(name, "true")
        monkeypatch.setenv("LANGSMITH_ENDPOINT", endpoint)
        monkeypatch.setenv("LANGSMITH_API_KEY", "testing")
        result = CALLS[way](chain(kit), start(FAILURE, kit), {"callbacks": [witness]})
        wait_for_all_tracers()
    assert result.diagnosis.status == "DIAGNOSED"
    assert seen == []
    if way == "composed":  # what is beside the link sees its result, and nothing of the stages
        assert not [text for text in witness.told if "Incident(" in text or "Metadata(" in text]
        assert witness.told[0] == "State(completed=())"
    else:
        assert witness.told == []
