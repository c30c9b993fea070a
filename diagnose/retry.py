"""The retry policy: deterministic, and on the side of "no".

True only when a blind rerun can neither repeat the failure for sure nor corrupt data: a transient cause, no
sign that a write began, the driver's logs read whole, a verdict that is sure enough and uncontested.
A model may turn true into false, never false into true; so may a signal of the job's surroundings.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from diagnose.coverage import Coverage
from diagnose.sign import WriteSign
from diagnose.taxonomy import FACTS, FailureType, RetryRule

MIN_CONFIDENCE: Final = 0.6
"""Below it the cause is too uncertain to call a rerun safe."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RetryDecision:
    """Whether a blind rerun is safe, why, and whether a write may be half done."""

    safe: bool
    reason: str
    partial_write_risk: bool


def decide_retry(
    failure_type: FailureType,
    rule: RetryRule,
    *,
    signs: Sequence[WriteSign],
    coverage: Coverage,
    confidence: float,
    contested: bool,
    repeated_differently: bool = False,
    veto: str | None = None,
    risks: Sequence[str] = (),
    doubt: str = "",
) -> RetryDecision:
    """Decide.

    Args:
        failure_type: the verdict's failure type.
        rule: what a rerun of such a cause would do.
        signs: every sign of a write in the bytes read.
        coverage: whether silence about writes can be believed.
        confidence: of the verdict, 0..1.
        contested: another failure type explains the run nearly as well.
        repeated_differently: a later attempt of the same run, itself a blind rerun, failed on something else.
        veto: the analyst's own reason against a rerun (it may be empty); None when it has none.
        risks: what the job's signals tell of a begun write, in words; the first is given as the reason.
        doubt: why the signals leave a begun write possible, in words; "" for none.
    """
    if signs:
        place = f"{signs[0].file}:{signs[0].line}"
        shown = f"A write had begun before the failure ({signs[0].what}, {place})"
        reason = f"{shown}; a rerun may repeat or corrupt data."
        return RetryDecision(safe=False, reason=reason, partial_write_risk=True)
    if risks:
        reason = f"A write may have begun ({risks[0]}); a rerun may repeat or corrupt data."
        return RetryDecision(safe=False, reason=reason, partial_write_risk=True)
    if repeated_differently:
        reason = "YARN ran the job more than once, and not every attempt ended the same way."
        return RetryDecision(safe=False, reason=reason, partial_write_risk=False)
    reason = _refusal(failure_type, rule, coverage=coverage, confidence=confidence, contested=contested)
    if not reason and veto is not None:
        reason = f"The analyst judges that a rerun is not safe. {veto}".rstrip()
    if not reason and doubt:
        reason = f"The cause is transient, but {doubt}; a begun write can't be excluded."
    if reason:
        return RetryDecision(safe=False, reason=reason, partial_write_risk=False)
    return RetryDecision(
        safe=True,
        reason="The cause is transient, no write had begun, and the driver's logs were read whole.",
        partial_write_risk=False,
    )


def _refusal(
    failure_type: FailureType, rule: RetryRule, *, coverage: Coverage, confidence: float, contested: bool
) -> str:
    if rule is RetryRule.NEVER:
        if FACTS[failure_type].category == "UNKNOWN":
            return "The cause is not known, so nothing says that a rerun would go better."
        return "A rerun would fail the same way until the cause is mended."
    if rule is RetryRule.CONDITIONAL:
        condition = FACTS[failure_type].condition or "it is clear that the cause is gone"
        return f"A rerun makes sense only once {condition}."
    if not coverage.whole:
        return f"The cause is transient, but {coverage.reason}; a begun write can't be excluded."
    if contested:
        return "The cause looks transient, but the logs also name another cause that a rerun would not cure."
    thin = confidence < MIN_CONFIDENCE
    return "The cause looks transient, but the evidence is too thin to call a rerun safe." if thin else ""
