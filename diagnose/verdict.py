"""A draft in, the checked diagnosis out.

Evidence that does not stand in the redacted excerpt is dropped. Forbidden advice is removed. The retry
policy decides, whatever the analyst thinks. Every word that leaves is redacted once more.
"""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from diagnose.advice import AdvicePolicy
from diagnose.analyst import Draft, Shown
from diagnose.coverage import Coverage
from diagnose.diagnosis import MAX_RECOMMENDATIONS, Diagnosis, Evidence, EvidenceRole, RuledOut, Status
from diagnose.excerpt import LogExcerpt, shorten
from diagnose.failure import Failure
from diagnose.retry import RetryDecision, decide_retry
from diagnose.sign import WriteSign
from diagnose.taxonomy import FACTS, FailureType, TriageLabel

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


def decide(
    draft: Draft,
    *,
    frame: Frame,
    excerpt: LogExcerpt,
    signs: Sequence[WriteSign],
    coverage: Coverage,
    policy: AdvicePolicy,
    redact: Callable[[str], str],
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
    """
    evidence = [*_grounded(draft.evidence, excerpt), *_write_evidence(signs, excerpt)]
    confidence = _checked_confidence(draft, evidence)
    retry = decide_retry(
        draft.failure_type,
        draft.retry,
        signs=signs,
        coverage=coverage,
        confidence=confidence,
        contested=draft.contested,
        repeated_differently=draft.repeated_differently,
    )
    failure = frame.failure
    return Diagnosis(
        root_cause=redact(draft.root_cause),
        log_evidences=[item.text for item in evidence],
        recommendations=_allowed(draft.recommendations, policy, retry, redact),
        category=FACTS[draft.failure_type].category,
        cluster_id=_identifier(failure.cluster_id, redact),
        step_id=_identifier(failure.step_id, redact),
        analysis_timestamp=frame.analysis_timestamp,
        tokens_used=0,
        diagnosis_id=diagnosis_id(failure, content="" if failure.step_id else excerpt.render()),
        platform=failure.platform,
        job_name=redact(failure.job_name) if failure.job_name else None,
        run_id=_identifier(failure.step_id, redact) or None,
        attempt=None,
        failed_at=failure.failed_at,
        status=frame.status,
        status_reason=redact(frame.status_reason) if frame.status_reason else None,
        model_text=None,
        completed_stages=list(frame.completed_stages),
        failure_type=draft.failure_type,
        triage_label=_triage(draft.failure_type, retry),
        safe_to_retry=retry.safe,
        retry_reason=redact(retry.reason),
        partial_write_risk=retry.partial_write_risk,
        confidence=confidence,
        evidence=evidence,
        ruled_out=[RuledOut(text=_shown(text), reason=redact(reason)) for text, reason in draft.ruled_out],
        gaps=[redact(gap) for gap in excerpt.gaps],
        analyst=frame.analyst,
        model_id=None,
        prompt_version=None,
        prompt_sha256=None,
        prompt_gate="none",
        input_tokens=0,
        output_tokens=0,
        cost_usd=None,
        stage_ms=dict(frame.stage_ms),
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


def _identifier(text: str, redact: Callable[[str], str]) -> str:
    """Let an id of the platform's form through; what has another form may be anything."""
    return text if _ID.fullmatch(text) else redact(text)


_ID: Final = re.compile(r"[js]-[A-Z0-9]{4,40}")


def _checked_confidence(draft: Draft, evidence: Sequence[Evidence]) -> float:
    """Lower the confidence when the line that proves the cause could not be shown."""
    if draft.evidence and (not evidence or evidence[0].text != _shown(draft.evidence[0].text)):
        return round(max(draft.confidence - UNGROUNDED_PENALTY, 0.0), 2)
    return draft.confidence


def _shown(text: str) -> str:
    return shorten(text, MAX_EVIDENCE_CHARS)


def _grounded(shown: Sequence[Shown], excerpt: LogExcerpt) -> list[Evidence]:
    """Keep what stands literally in the excerpt, in order."""
    return [
        Evidence(
            text=_shown(item.text),
            file=item.event.source.file,
            line=item.number,
            container=item.event.source.container,
            attempt=item.event.source.attempt,
            role=item.role,
        )
        for item in shown
        if excerpt.holds(item.event.source.file, item.number, _shown(item.text))
    ]


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


def _triage(failure_type: FailureType, retry: RetryDecision) -> TriageLabel:
    """Project onto the triage labels: a write at risk matters more than its transient cause."""
    label = FACTS[failure_type].triage
    if retry.partial_write_risk and label is TriageLabel.UNKNOWN:
        return TriageLabel.PARTIAL_WRITE_RISK
    return label
