"""The stages of `stage` as a LangChain sequence, for callers that compose: the Lambda, notebooks.

The first link is metadata, offered as a LangChain tool as well. `chain` and `pipeline.run` give the same; a
test compares them. Import lazily: LangChain costs a second of CPU time. Nothing is traced to LangSmith or
told to callbacks, whatever the environment says: a state holds raw values.
"""

from contextvars import Context
from dataclasses import replace
from functools import partial
from typing import Annotated, Any

from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda, RunnableSequence
from langchain_core.tools import BaseTool, InjectedToolArg, StructuredTool
from langsmith import tracing_context

from diagnose.background import describe
from diagnose.deadline import NO_DEADLINE, Deadline
from diagnose.failure import Failure
from diagnose.metadata import Metadata, MetadataSource
from diagnose.pipeline import Result, finish
from diagnose.redaction import Redactor
from diagnose.stage import STAGES, Stage, advance
from diagnose.state import Kit, State


def chain(kit: Kit) -> "Chain":
    """Wrap the stages.

    Args:
        kit: what the stages need; its metadata source becomes the tool that the first link calls.

    Returns:
        A sequence from the state that `pipeline.start` makes to the result that `pipeline.run` gives.
    """
    wired = (
        replace(kit, metadata=_ToolSource(metadata_tool(kit.metadata, kit.redactor))) if kit.metadata else kit
    )
    links = [RunnableLambda(partial(_link, stage=stage, kit=wired), name=stage.name) for stage in STAGES]
    last = RunnableLambda(finish, name="result")
    return Chain(RunnableSequence(*links, last, name="diagnose"))


def _link(state: State, *, stage: Stage, kit: Kit) -> State:
    return advance(stage, state, kit)


class Chain(Runnable[State, Result]):
    """The sequence of stages as one link: what is around it sees its result alone.

    It runs in an empty context, so neither LangSmith nor a callback is told of anything inside.
    """

    def __init__(self, sequence: RunnableSequence[State, Result]) -> None:
        self.sequence = sequence
        self.name = sequence.name

    def invoke(
        self,
        input: State,  # noqa: A002 - LangChain's name
        config: RunnableConfig | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> Result:
        """Walk the stages; `config` and its callbacks are not looked at."""
        return Context().run(self._walk, input)

    def _walk(self, state: State) -> Result:
        with tracing_context(enabled=False):
            return self.sequence.invoke(state, {"callbacks": []})


def metadata_tool(source: MetadataSource, redactor: Redactor) -> BaseTool:
    """Offer a metadata source as a tool.

    Args:
        source: tells what surrounds a failure.
        redactor: a model that calls the tool gets redacted text only.

    Returns:
        A tool `job_metadata(cluster_id, step_id, region)`: its content is redacted text, its artifact the
        raw `Metadata`, which stays in this process.
    """

    def job_metadata(
        cluster_id: str,
        step_id: str,
        region: str = "",
        failure: Annotated[Failure | None, InjectedToolArg] = None,
        deadline: Annotated[Deadline | None, InjectedToolArg] = None,
    ) -> tuple[str, Metadata]:
        """Tell the settings, the step and the state of the cluster of a failed EMR step."""
        known = failure or Failure(cluster_id=cluster_id, step_id=step_id, region=region)
        told = source.fetch(known, deadline=deadline or NO_DEADLINE)
        return _redacted(told, redactor), told

    return StructuredTool.from_function(job_metadata, response_format="content_and_artifact")


def _redacted(told: Metadata, redactor: Redactor) -> str:
    session = redactor.session()
    groups = describe(told.context)
    texts = session.texts((told.context.document, *groups.values(), *told.gaps))
    named = [f"{name}:\n{text}" for name, text in zip(groups, texts[1:], strict=False) if text]
    return "\n\n".join([*named, *texts[1 + len(groups) :]])


class _ToolSource:
    """Calls the tool in place of the source it was made from."""

    def __init__(self, tool: BaseTool) -> None:
        self._tool = tool

    def fetch(self, failure: Failure, *, deadline: Deadline) -> Metadata:
        """Call the tool and take its artifact."""
        arguments = {
            "cluster_id": failure.cluster_id,
            "step_id": failure.step_id,
            "region": failure.region,
            "failure": failure,
            "deadline": deadline,
        }
        call = {"type": "tool_call", "id": "metadata", "name": self._tool.name, "args": arguments}
        told: Metadata = self._tool.invoke(call).artifact
        return told
