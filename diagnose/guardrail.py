"""A guardrail's trace in, which side it blocked and by which policies out. Pure.

The trace holds the raw matches and, for a blocked output, the model's raw words: only the names of policies
and their actions are read here, nothing else of it may go anywhere.
Source: Bedrock Runtime API, GuardrailTraceAssessment and GuardrailAssessment.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from diagnose.model import Stop
from diagnose.usage import Usage

_HARMLESS: Final = frozenset({"NONE", "ANONYMIZED"})
"""Any other action, known or not, counts as a block."""
_NAMED: Final = (
    ("topicPolicy", "topics", "name"),
    ("contentPolicy", "filters", "type"),
    ("wordPolicy", "customWords", ""),
    ("wordPolicy", "managedWordLists", "type"),
    ("sensitiveInformationPolicy", "piiEntities", "type"),
    ("sensitiveInformationPolicy", "regexes", "name"),
    ("contextualGroundingPolicy", "filters", "type"),
)
"""Policy, its list of findings, and the field that names a finding; custom words have no name but the word
itself."""
_NAME: Final = re.compile(r"[\w .,:;!?()/&'-]{1,100}")
_MAX_POLICIES: Final = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Ruling:
    """What a guardrail did."""

    stop: Stop
    policies: tuple[str, ...]
    """Those that blocked; with COMPLETE those that masked something. Never a match."""


def rule(trace: object, *, usage: Usage, text: str) -> Ruling:
    """Tell what became of a reply that ended in `guardrail_intervened`.

    Args:
        trace: the reply's `trace`, as it came; may be missing or damaged.
        usage: of the reply; a blocked input never reached the model and used nothing.
        text: of the reply.

    Returns:
        INPUT_BLOCKED or OUTPUT_BLOCKED by the side on which an action blocked; COMPLETE when something was
        masked, nothing blocked, and there is text; else the usage decides: a policy we don't know blocked.
    """
    before, after = tuple(_input(trace)), tuple(_output(trace))
    if blocking := _blocking(before):
        return Ruling(stop=Stop.INPUT_BLOCKED, policies=blocking)
    if blocking := _blocking(after):
        return Ruling(stop=Stop.OUTPUT_BLOCKED, policies=blocking)
    if (masked := masking(trace)) and text.strip():
        return Ruling(stop=Stop.COMPLETE, policies=masked)
    stop = Stop.OUTPUT_BLOCKED if usage.total_tokens else Stop.INPUT_BLOCKED
    return Ruling(stop=stop, policies=())


def masking(trace: object) -> tuple[str, ...]:
    """Name the policies that masked something on either side."""
    found = (*_input(trace), *_output(trace))
    return _distinct(name for name, action in found if action == "ANONYMIZED")


def _blocking(found: tuple[tuple[str, str], ...]) -> tuple[str, ...]:
    return _distinct(name for name, action in found if action not in _HARMLESS)


def _distinct(names: Iterator[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))[:_MAX_POLICIES]


def _input(trace: object) -> Iterator[tuple[str, str]]:
    for assessment in _mapping(_guardrail(trace).get("inputAssessment")).values():
        yield from _actions(assessment)


def _output(trace: object) -> Iterator[tuple[str, str]]:
    for assessments in _mapping(_guardrail(trace).get("outputAssessments")).values():
        for assessment in assessments if isinstance(assessments, list) else [assessments]:
            yield from _actions(assessment)


def _guardrail(trace: object) -> Mapping[str, Any]:
    return _mapping(_mapping(trace).get("guardrail"))


def _actions(assessment: object) -> Iterator[tuple[str, str]]:
    """Give every finding of an assessment: the policy with the finding's name, and the action."""
    whole = _mapping(assessment)
    for policy, findings, key in _NAMED:
        found = _mapping(whole.get(policy)).get(findings)
        for finding in found if isinstance(found, list) else []:
            action = _mapping(finding).get("action")
            if isinstance(action, str):
                yield f"{policy} {_name(finding.get(key))}".strip(), action


def _name(value: object) -> str:
    return value if isinstance(value, str) and _NAME.fullmatch(value) else ""


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
