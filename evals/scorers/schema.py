"""Schema: the payload is what callers were promised, down to the rules that a JSON schema cannot say.

The payload is written as JSON and read back by the model that the committed JSON schema is made from: closed
vocabularies, roles of evidence, at most three recommendations, no field more and none less. So a payload
that went past the model's checks (a changed list, a copy with other values) is found.
"""

from collections.abc import Iterator, Sequence

from pydantic import ValidationError

from diagnose.diagnosis import Diagnosis, Evidence, EvidenceRole, Status
from diagnose.excerpt import ELLIPSIS
from diagnose.taxonomy import FACTS
from diagnose.verdict import MAX_EVIDENCE_CHARS, MAX_MODEL_TEXT_BYTES
from evals.case import Case
from evals.outcome import Outcome
from evals.score import Score


def schema(case: Case, outcome: Outcome) -> Score:
    """Score every case: 1.0 when the payload keeps the contract; an errored case gave no payload: 0.0."""
    del case  # the contract is the same for all
    if outcome.diagnosis is None:
        return Score(value=0.0, reason=f"no payload: {outcome.error}")
    broken = _unreadable(outcome.diagnosis) or next(_breaches(outcome.diagnosis), "")
    return Score(value=float(not broken), reason=broken or "the payload keeps the contract")


def _unreadable(diagnosis: Diagnosis) -> str:
    """Say why the payload does not come back from JSON as it was; empty when it does."""
    try:
        back = Diagnosis.model_validate_json(diagnosis.model_dump_json(warnings="none"))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        return f"{'.'.join(map(str, first['loc'])) or 'payload'}: {first['msg']}"
    except ValueError as error:  # text that is no Unicode
        return f"the payload can't be written as JSON: {type(error).__name__}"
    return "" if back == diagnosis else "the payload changes when it is written and read"


def _breaches(payload: Diagnosis) -> Iterator[str]:
    if payload.category is not FACTS[payload.failure_type].category:
        yield f"failure_type {payload.failure_type} does not belong to category {payload.category}"
    if payload.tokens_used != payload.input_tokens + payload.output_tokens:
        yield "tokens_used is not the sum of input_tokens and output_tokens"
    if payload.cost_usd is not None and payload.cost_usd < 0:
        yield "cost_usd is negative"
    if (payload.prompt_version is None) is not (payload.prompt_sha256 is None):
        yield "prompt_version and prompt_sha256 stand only together"
    yield from _text_breaches(payload)


def _text_breaches(payload: Diagnosis) -> Iterator[str]:
    if payload.model_text is not None:
        if payload.status is not Status.PARSE_ERROR:
            yield f"model_text with status {payload.status}"
        if len(payload.model_text.encode(errors="replace")) > MAX_MODEL_TEXT_BYTES:
            yield f"model_text is longer than {MAX_MODEL_TEXT_BYTES} bytes"
    yield from _evidence_breaches(payload.evidence)


def _evidence_breaches(evidence: Sequence[Evidence]) -> Iterator[str]:
    if any(map(_is_cause, evidence[1:])) and not _is_cause(evidence[0]):
        yield "the cause's line does not stand first"
    for number, item in enumerate(evidence, start=1):
        if not _is_line(item.text):
            yield f"evidence {number} is not one line of at most {MAX_EVIDENCE_CHARS} characters"


def _is_cause(item: Evidence) -> bool:
    return item.role is EvidenceRole.CAUSE


def _is_line(text: str) -> bool:
    cut = text.endswith(ELLIPSIS)
    return len(text) <= MAX_EVIDENCE_CHARS + len(ELLIPSIS) * cut and "\n" not in text and "\r" not in text
