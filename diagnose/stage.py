"""The stages of one diagnosis, in order, each a plain function from state to state.

    metadata → log → redaction → match → excerpt → prompt → model → diagnosis → verdict

`STAGES` is walked by `pipeline.run` and wrapped by `chain.chain`. A stage that can't do its part sets the
state's `ending` and leaves the rest to the others: the rules' verdict is given whatever happens. After an
ending no model is asked. Redaction stands before everything that could show a log line.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from diagnose import analyst
from diagnose.coverage import cover
from diagnose.deadline import OUT_OF_TIME
from diagnose.diagnosis import Status
from diagnose.errors import DeadlineError, MetadataError, ModelError
from diagnose.excerpt import shorten
from diagnose.failure import Failure
from diagnose.grounding import ground
from diagnose.identifier import shown_identifier
from diagnose.incident import Incident, gather
from diagnose.inspection import suspects, without
from diagnose.lag import lag
from diagnose.model import ModelReply, Question, Stop
from diagnose.reply import InvalidAnswerError, parse_answer
from diagnose.state import Desk, Ending, Kit, State
from diagnose.task import TaskBook
from diagnose.telemetry import StageRecord
from diagnose.verdict import Frame, decide
from diagnose.view import brief, build_view, masked, match, redact_incident

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of a diagnosis."""

    name: str
    run: Callable[[State, Kit], State]
    applies: Callable[[State, Kit], bool]


def advance(stage: Stage, state: State, kit: Kit) -> State:
    """Take one stage: time it, tell of it, and end the run when its time is up.

    Raises:
        DiagnoseError: only for what the caller can mend, such as a prompt that can't be rendered.
    """
    if not stage.applies(state, kit):
        return state
    kit.on_stage(stage.name)
    start = kit.monotonic_seconds()
    try:
        after = stage.run(state, kit)
    except DeadlineError as error:
        after = replace(state, ending=state.ending or _partial(str(error)))
    duration_ms = round((kit.monotonic_seconds() - start) * 1000)
    if after.ending is state.ending and not _is_partial(after):
        after = replace(after, completed=(*state.completed, stage.name))
    if after.ending is None and stage is not STAGES[-1] and after.deadline.near:
        reason = f"{OUT_OF_TIME} after the stage {stage.name}"
        after = replace(after, ending=_partial(reason))
    ended = after.ending if after.ending is not state.ending or stage is STAGES[-1] else None
    status = ended.status.value if ended else "ok"
    found = after.suspects - state.suspects
    record = StageRecord(stage=stage.name, duration_ms=duration_ms, status=status, suspects=found)
    after.telemetry.stage(record)
    return replace(after, stage_ms={**after.stage_ms, stage.name: duration_ms})


def _partial(reason: str) -> Ending:
    return Ending(status=Status.PARTIAL_ANALYSIS, reason=reason)


def _is_partial(state: State) -> bool:
    return state.ending is not None and state.ending.status is Status.PARTIAL_ANALYSIS


def _always(_state: State, _kit: Kit) -> bool:
    return True


def _knows_source(_state: State, kit: Kit) -> bool:
    return kit.metadata is not None


def _asks(state: State, kit: Kit) -> bool:
    return kit.desk is not None and state.ending is None and not state.postponed


def _made(value: _T | None) -> _T:
    """Give what an earlier stage made; stages are only ever taken in order."""
    if value is None:
        raise AssertionError("a stage was taken before its time")
    return value


def metadata(state: State, kit: Kit) -> State:
    """Complete what the event says by what the platform knows of cluster and step."""
    try:
        told = _made(kit.metadata).fetch(state.failure, deadline=state.deadline)
    except MetadataError as error:
        gap = "what the cluster was and how the step was called is not known: its metadata could not be had"
        return _ended(replace(state, gaps=(*state.gaps, gap)), Status.ANALYSIS_ABORTED, str(error))
    return replace(state, failure=told.failure, context=told.context, gaps=(*state.gaps, *told.gaps))


def log(state: State, kit: Kit) -> State:
    """Read the step's logs, its containers' and the daemons' lines about them."""
    if state.deadline.near:
        return replace(state, incident=_unread(state, f"no log was read: {OUT_OF_TIME}"))
    store, gaps = state.store, state.gaps
    if store is None:
        store, missing = _made(kit.archive).find(state.failure, state.context, deadline=state.deadline)
        gaps = (*gaps, *missing)
    incident = gather(store, state.failure, state.context, kit.settings, gaps, deadline=state.deadline)
    if state.store is None:
        found = lag(incident, kit.now(), kit.settings.logs_late_limit_seconds)
        incident = replace(incident, gaps=(*incident.gaps, *found.words))
        state = replace(state, late=found.early)
    read = replace(state, incident=incident, failure=incident.failure)
    if incident.cut_short and state.ending is None:
        return _ended(read, Status.PARTIAL_ANALYSIS, f"{OUT_OF_TIME} while the logs were read")
    return read


def _unread(state: State, gap: str) -> Incident:
    return Incident(
        failure=state.failure,
        context=state.context,
        scans=(),
        tasks=TaskBook(),
        gaps=(*state.gaps, gap),
    )


def redaction(state: State, _kit: Kit) -> State:
    """Remove secrets and personal data from all that may be shown: nothing raw passes this stage."""
    return replace(state, redacted=redact_incident(_made(state.incident), state.redaction))


def matching(state: State, kit: Kit) -> State:
    """Find the known failures and judge which of them is the cause."""
    matched = match(_made(state.incident), _made(state.redacted), kit.catalogue)
    return replace(state, matched=matched)


def excerpt(state: State, kit: Kit) -> State:
    """Cut the excerpt within its budget, look at it a second time, and let the rules draft their verdict."""
    cut = _cut(state, kit)
    view = _made(cut.view)
    if found := suspects("\n".join((view.excerpt.render(), *_made(cut.redacted).background.values()))):
        clean = replace(cut, redacted=masked(_made(cut.redacted), found), suspects=cut.suspects + len(found))
        cut = _cut(matching(clean, kit), kit)
        view = _made(cut.view)
    return replace(cut, rules=analyst.draft_by_rules(view))


def _cut(state: State, kit: Kit) -> State:
    view = build_view(
        _made(state.incident),
        _made(state.redacted),
        _made(state.matched),
        max_bytes=kit.settings.max_log_size_bytes,
    )
    return replace(state, view=view)


def prompt(state: State, kit: Kit) -> State:
    """Render the prompt."""
    told = brief(_made(state.view), _made(state.redacted), _shown_failure(state))
    return replace(state, prompt=_made(kit.desk).prompt.render(told, marker=kit.marker()))


def _shown_failure(state: State) -> Failure:
    failure, redact = state.failure, state.redaction.text
    return replace(
        failure,
        cluster_id=shown_identifier(failure.cluster_id, redact),
        step_id=shown_identifier(failure.step_id, redact),
    )


def model(state: State, kit: Kit) -> State:
    """Ask the model; tell apart what a guardrail blocked, what was cut, and what is an answer."""
    return _ask(state, kit)


def _ask(state: State, kit: Kit, repair: tuple[str, str] | None = None) -> State:
    desk = _made(kit.desk)
    tags = _tags(state, desk)
    question = Question(prompt=_made(state.prompt), repair=repair, tags=tags, repeat=kit.repeat)
    try:
        reply = desk.model.ask(question, deadline=state.deadline, sink=state.telemetry.call)
    except ModelError as error:
        return _ended(state, Status.ANALYSIS_ABORTED, str(error))
    except DeadlineError as error:
        return _ended(state, Status.PARTIAL_ANALYSIS, str(error))
    billed = replace(
        state, reply=reply, usage=state.usage + reply.usage, cost_usd=_sum(state.cost_usd, reply.cost_usd)
    )
    return _stopped(billed, reply)


def _tags(state: State, desk: Desk) -> dict[str, str]:
    shown = _shown_failure(state)
    tags = {"cluster_id": shown.cluster_id, "step_id": shown.step_id, "prompt_version": desk.prompt.name}
    return {name: value for name, value in tags.items() if value}


def _sum(before: float | None, cost: float | None) -> float | None:
    return before if cost is None else (before or 0.0) + cost


def _stopped(state: State, reply: ModelReply) -> State:
    policies = ", ".join(reply.policies) or "no policy named"
    if reply.stop is Stop.INPUT_BLOCKED:
        return _ended(state, Status.GUARDRAIL_BLOCKED, f"the guardrail blocked the input ({policies})")
    if reply.stop is Stop.OUTPUT_BLOCKED:
        reason = f"the guardrail blocked the output ({policies})"
        return _ended(state, Status.GUARDRAIL_OUTPUT_BLOCKED, reason)
    if reply.stop is Stop.TRUNCATED:
        reason = "the model's answer was cut at the token limit"
        return _ended(state, Status.PARSE_ERROR, reason, state.redaction.text(reply.text))
    return state


def diagnosis(state: State, kit: Kit) -> State:
    """Read the model's answer; ask once more when it is none."""
    reply = _made(state.reply)
    try:
        return _drafted(state, reply)
    except InvalidAnswerError as error:
        repair = (shorten(state.redaction.text(reply.text), MAX_REPEATED_CHARS), str(error))
    after = _ask(state, kit, repair)
    if after.ending is not None:
        return after
    second = _made(after.reply)
    try:
        return _drafted(after, second)
    except InvalidAnswerError as error:
        reason = f"the model gave no valid answer, asked twice: {error}"
        return _ended(after, Status.PARSE_ERROR, reason, state.redaction.text(second.text))


MAX_REPEATED_CHARS: Final = 4000
"""Of an invalid answer, what is shown to the model again."""


def _drafted(state: State, reply: ModelReply) -> State:
    if reply.stop is not Stop.COMPLETE:
        raise InvalidAnswerError("the service itself says that the answer is malformed")
    view = _made(state.view)
    answer = parse_answer(reply.text)
    draft = ground(answer, excerpt=view.excerpt, rules=_made(state.rules), lines_read=view.lines_read)
    return replace(state, draft=draft)


def _ended(state: State, status: Status, reason: str, model_text: str | None = None) -> State:
    return replace(state, ending=Ending(status=status, reason=reason, model_text=model_text))


def verdict(state: State, kit: Kit) -> State:
    """Check the draft and make it the payload: the model's when it gave one, else the rules'."""
    view, rules = _made(state.view), _made(state.rules)
    by_model = state.draft if state.ending is None else None
    found: set[str] = set()

    def cleaned(text: str) -> str:
        clean = state.redaction.text(text)
        found.update(missed := suspects(clean))
        return without(clean, missed) if missed else clean

    decided = decide(
        by_model or rules,
        frame=_frame(state, kit, by_model=by_model is not None),
        excerpt=view.excerpt,
        signs=_made(state.redacted).signs,
        coverage=cover(_made(state.incident), fetched=kit.settings.yarn_log_fetch_enabled),
        policy=kit.policy,
        redact=cleaned,
        rules=rules if by_model else None,
        circumstances=view.circumstances,
    )
    return replace(state, diagnosis=decided, suspects=state.suspects + len(found))


def _frame(state: State, kit: Kit, *, by_model: bool) -> Frame:
    desk, ending = kit.desk, state.ending
    done = state.completed if _is_partial(state) else (*state.completed, STAGES[-1].name)
    return Frame(
        failure=state.failure,
        analyst=desk.model.name if desk and by_model else analyst.NAME,
        analysis_timestamp=kit.now(),
        completed_stages=done,
        stage_ms=state.stage_ms,
        status=ending.status if ending else Status.DIAGNOSED,
        status_reason=ending.reason if ending else None,
        model_text=ending.model_text if ending else None,
        model_id=desk.model.model_id if desk and by_model else None,
        cost_usd=state.cost_usd if by_model else None,
        usage=state.usage,
        prompt_version=state.prompt.version if state.prompt else None,
        prompt_sha256=state.prompt.sha256 if state.prompt else None,
        prompt_gate=desk.gate if desk and state.prompt else "none",
    )


STAGES: Final = (
    Stage("metadata", metadata, _knows_source),
    Stage("log", log, _always),
    Stage("redaction", redaction, _always),
    Stage("match", matching, _always),
    Stage("excerpt", excerpt, _always),
    Stage("prompt", prompt, _asks),
    Stage("model", model, _asks),
    Stage("diagnosis", diagnosis, _asks),
    Stage("verdict", verdict, _always),
)
