"""A draft in, the checked diagnosis out.

Evidence that does not stand in the redacted excerpt is dropped. Forbidden advice is removed. The retry
policy decides, whatever the analyst thinks. Every word that leaves is redacted once more.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from diagnose.advice import AdvicePolicy
from diagnose.circumstance import NOTHING, Circumstances
from diagnose.coverage import Coverage
from diagnose.diagnosis import MAX_RECOMMENDATIONS, Diagnosis, Evidence, EvidenceRole, RuledOut, Status
from diagnose.draft import Draft, Quote
from diagnose.excerpt import ELLIPSIS, LogExcerpt, shorten
from diagnose.failure import Failure
from diagnose.identifier import shown_identifier
from diagnose.retry import RetryDecision, decide_retry
from diagnose.sign import WriteSign
from diagnose.taxonomy import FACTS, Category, FailureType, TriageLabel
from diagnose.triage import cite, triage
from diagnose.usage import Usage

MAX_EVIDENCE_CHARS: Final = 2000
"""Up to here a line is shown whole; a longer one ends in an ellipsis."""
UNGROUNDED_PENALTY: Final = 0.3
"""Taken from the confidence when the cause's own line could not be shown."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Frame:
    """What stands around a verdict: who failed, when it was analysed, by whom."""

    failure: Failure
    analyst: str
    analysis_timestamp: datetime
    completed_stages: tuple[str, ...]
    stage_ms: Mapping[str, int]
    status: Status = Status.DIAGNOSED
    status_reason: str | None = None
    model_text: str | None = None
    """What the model wrote, with PARSE_ERROR only."""
    model_id: str | None = None
    """None when the rules gave the verdict."""
    cost_usd: float | None = None
    usage: Usage = field(default_factory=Usage)
    """Of every billed call, whoever gave the verdict."""
    prompt_version: str | None = None
    prompt_sha256: str | None = None
    prompt_gate: str = "none"


def decide(
    draft: Draft,
    *,
    frame: Frame,
    excerpt: LogExcerpt,
    signs: Sequence[WriteSign],
    coverage: Coverage,
    policy: AdvicePolicy,
    redact: Callable[[str], str],
    rules: Draft | None = None,
    circumstances: Circumstances = NOTHING,
) -> Diagnosis:
    """Check a draft and make it the payload.

    Args:
        draft: what the analyst says.
        frame: who failed, and how the analysis went.
        excerpt: the redacted lines; evidence must stand in them.
        signs: signs of a write, redacted.
        coverage: whether silence about writes can be believed.
        policy: what may not be recommended.
        redact: removes secrets from a text; knows the values found in the logs.
        rules: with a model's draft, the rules' own: a rerun is safe only when both allow it.
        circumstances: what the job's signals tell; they hold whoever drafted.
    """
    evidence = _shown_evidence(draft, excerpt, signs, circumstances)
    confidence = _checked_confidence(draft, excerpt)
    drafts = [_without_advice(each, policy) for each in (rules, draft) if each is not None]
    retry = _strictest(_judged(each, excerpt, signs, coverage, circumstances) for each in drafts)
    risk = retry.partial_write_risk
    label = triage(draft.failure_type, circumstances, partial_write_risk=risk, logged_write=bool(signs))
    failure = frame.failure
    return Diagnosis(
        root_cause=redact(_stated(draft, rules, policy)),
        log_evidences=[item.text for item in evidence],
        recommendations=_allowed(draft.recommendations, policy, retry, redact),
        category=FACTS[draft.failure_type].category,
        cluster_id=shown_identifier(failure.cluster_id, redact),
        step_id=shown_identifier(failure.step_id, redact),
        analysis_timestamp=frame.analysis_timestamp,
        tokens_used=frame.usage.total_tokens,
        diagnosis_id=diagnosis_id(failure, content="" if failure.step_id else excerpt.render()),
        platform=failure.platform,
        job_name=redact(failure.job_name) if failure.job_name else None,
        run_id=shown_identifier(failure.step_id, redact) or None,
        attempt=None,
        failed_at=failure.failed_at,
        status=frame.status,
        status_reason=redact(frame.status_reason) if frame.status_reason else None,
        model_text=_short(redact(frame.model_text)) if frame.model_text else None,
        completed_stages=list(frame.completed_stages),
        failure_type=draft.failure_type,
        triage_label=label.label,
        safe_to_retry=retry.safe,
        retry_reason=redact(retry.reason),
        partial_write_risk=risk,
        confidence=confidence,
        evidence=evidence,
        ruled_out=_ruled_out(draft, policy, redact),
        gaps=_distinct_texts(
            excerpt.gaps, _draft_gaps(draft, rules, policy), [label.conflict], redact=redact
        ),
        analyst=frame.analyst,
        model_id=frame.model_id,
        prompt_version=frame.prompt_version,
        prompt_sha256=frame.prompt_sha256,
        prompt_gate=frame.prompt_gate,
        input_tokens=frame.usage.prompt_tokens,
        output_tokens=frame.usage.output_tokens,
        cost_usd=frame.cost_usd,
        stage_ms=dict(frame.stage_ms),
    )


def refuse(
    status: Status, reason: str, *, cluster_id: str, step_id: str, moment: datetime, platform: str = "emr"
) -> Diagnosis:
    """Make the payload of an event that is not diagnosed.

    Args:
        status: INVALID_EVENT or IGNORED.
        reason: why, redacted.
        cluster_id: as far as known, else "".
        step_id: likewise.
        moment: now, UTC.
        platform: whose event it is.
    """
    failure = Failure(platform=platform, cluster_id=cluster_id, step_id=step_id)
    return Diagnosis(
        root_cause=reason,
        log_evidences=[],
        recommendations=[],
        category=Category.UNKNOWN,
        cluster_id=cluster_id,
        step_id=step_id,
        analysis_timestamp=moment,
        tokens_used=0,
        diagnosis_id=diagnosis_id(failure, content="" if step_id else reason),
        platform=platform,
        job_name=None,
        run_id=step_id or None,
        attempt=None,
        failed_at=None,
        status=status,
        status_reason=reason,
        model_text=None,
        completed_stages=[],
        failure_type=FailureType.UNCLASSIFIED,
        triage_label=TriageLabel.UNKNOWN,
        safe_to_retry=False,
        retry_reason="Nothing was diagnosed.",
        partial_write_risk=False,
        confidence=0.0,
        evidence=[],
        ruled_out=[],
        gaps=[],
        analyst="none",
        model_id=None,
        prompt_version=None,
        prompt_sha256=None,
        prompt_gate="none",
        input_tokens=0,
        output_tokens=0,
        cost_usd=None,
        stage_ms={},
    )


def diagnosis_id(failure: Failure, attempt: int | None = None, *, content: str = "") -> str:
    """Give an id that is the same for every diagnosis of one platform, run and attempt.

    Args:
        failure: names platform and run.
        attempt: of the run, where the platform counts attempts.
        content: stands for the run where the failure has no id.
    """
    key = "\n".join((failure.platform, failure.cluster_id, failure.step_id, str(attempt or ""), content))
    return hashlib.sha256(key.encode()).hexdigest()[:32]


def _judged(
    draft: Draft,
    excerpt: LogExcerpt,
    signs: Sequence[WriteSign],
    coverage: Coverage,
    circumstances: Circumstances,
) -> RetryDecision:
    return decide_retry(
        draft.failure_type,
        draft.retry,
        signs=signs,
        coverage=coverage,
        confidence=_checked_confidence(draft, excerpt),
        contested=draft.contested,
        repeated_differently=draft.repeated_differently,
        veto=draft.veto,
        risks=[risk.words for risk in circumstances.risks],
        doubt=circumstances.doubt or next(iter(circumstances.conflicts), ""),
    )


def _distinct_texts(*groups: Iterable[str], redact: Callable[[str], str]) -> list[str]:
    return list(dict.fromkeys(redact(text) for group in groups for text in group if text))


def _ruled_out(draft: Draft, policy: AdvicePolicy, redact: Callable[[str], str]) -> list[RuledOut]:
    lawful = [(text, why) for text, why in draft.ruled_out if policy.refuse(why) is None]
    return [RuledOut(text=redact(_shown(text)), reason=redact(why)) for text, why in lawful]


def _without_advice(draft: Draft, policy: AdvicePolicy) -> Draft:
    """Drop the words of an objection that hold advice which is not ours to give; the objection stands."""
    if draft.veto and policy.refuse(draft.veto) is not None:
        return replace(draft, veto="")
    return draft


def _strictest(judged: Iterable[RetryDecision]) -> RetryDecision:
    """Take the first refusal; "safe" only when nobody refuses."""
    decisions = list(judged)
    return next((each for each in decisions if not each.safe), decisions[-1])


def _checked_confidence(draft: Draft, excerpt: LogExcerpt) -> float:
    """Lower the confidence when the line that proves the cause could not be shown."""
    if draft.evidence and not _stands(draft.evidence[0], excerpt):
        return round(max(draft.confidence - UNGROUNDED_PENALTY, 0.0), 2)
    return draft.confidence


def _stated(draft: Draft, rules: Draft | None, policy: AdvicePolicy) -> str:
    """Give the cause in the analyst's words, unless a model put advice there that is not ours to give."""
    if rules is not None and policy.refuse(draft.root_cause) is not None:
        return rules.root_cause
    return draft.root_cause


def _draft_gaps(draft: Draft, rules: Draft | None, policy: AdvicePolicy) -> Iterable[str]:
    if rules is not None and policy.refuse(draft.root_cause) is not None:
        yield "the model's root cause held advice that may not be given; the rules' words stand in its place"
    if draft.unfounded:
        told = draft.unfounded + len(draft.evidence)
        yield f"{draft.unfounded} of {told} lines quoted by the model don't stand in the logs; left out"


MAX_MODEL_TEXT_BYTES: Final = 4096


def _short(text: str) -> str:
    raw = text.encode("utf-8", errors="replace")
    if len(raw) <= MAX_MODEL_TEXT_BYTES:
        return text
    return raw[: MAX_MODEL_TEXT_BYTES - len(ELLIPSIS.encode())].decode("utf-8", errors="ignore") + ELLIPSIS


def _shown(text: str) -> str:
    return shorten(text, MAX_EVIDENCE_CHARS)


def _stands(quote: Quote, excerpt: LogExcerpt) -> bool:
    return excerpt.holds(quote.file, quote.line, _shown(quote.text))


def _grounded(quotes: Sequence[Quote], excerpt: LogExcerpt) -> list[Evidence]:
    """Keep what stands literally in the excerpt, in order."""
    return [
        Evidence(
            text=_shown(quote.masked or quote.text),
            file=quote.file,
            line=quote.line,
            container=quote.container,
            attempt=quote.attempt,
            role=quote.role,
        )
        for quote in quotes
        if _stands(quote, excerpt)
    ]


def _shown_evidence(
    draft: Draft, excerpt: LogExcerpt, signs: Sequence[WriteSign], circumstances: Circumstances
) -> list[Evidence]:
    """Show the draft's lines, then the line and the signal that tell of a write."""
    told = cite([risk.leaf for risk in circumstances.risks[:1] if risk.leaf])
    found = (_grounded(draft.evidence, excerpt), _write_evidence(signs, excerpt), _grounded(told, excerpt))
    return _distinct(item for group in found for item in group)


def _distinct(evidence: Iterable[Evidence]) -> list[Evidence]:
    """Show each line once, at its first place: the line of the cause may tell of a write as well."""
    shown: dict[tuple[str, int], Evidence] = {}
    for item in evidence:
        shown.setdefault((item.file, item.line), item)
    return list(shown.values())


def _write_evidence(signs: Sequence[WriteSign], excerpt: LogExcerpt) -> list[Evidence]:
    """Show the line that shows the write, where the excerpt holds it."""
    held = (
        Evidence(
            text=_shown(sign.text),
            file=sign.file,
            line=sign.line,
            container=sign.container,
            attempt=sign.attempt,
            role=EvidenceRole.CONTEXT,
        )
        for sign in signs[:1]
        if excerpt.holds(sign.file, sign.line, _shown(sign.text))
    )
    return list(held)


def _allowed(
    advice: Sequence[str], policy: AdvicePolicy, retry: RetryDecision, redact: Callable[[str], str]
) -> list[str]:
    """Drop forbidden advice; redact the rest."""
    risk = retry.partial_write_risk
    kept = [text for text in advice if policy.refuse(text, partial_write_risk=risk) is None]
    if risk:
        kept.insert(1, "Before any rerun, check what the failed run has already written to its output.")
    return [redact(text) for text in kept[:MAX_RECOMMENDATIONS]]
