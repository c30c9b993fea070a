"""Which side blocked, and by what: read from actions alone."""

import pytest
from bedrockserver import GUARDRAIL, assessment
from canary import canaries
from hypothesis import given
from hypothesis import strategies as st

from diagnose.guardrail import masking, rule
from diagnose.model import Stop
from diagnose.usage import Usage

BILLED = Usage(input_tokens=70, output_tokens=209)
SECRET = canaries(3)[1].value


def trace(before=None, after=None, **more) -> dict:
    guardrail = {**more}
    if before is not None:
        guardrail["inputAssessment"] = {GUARDRAIL: before}
    if after is not None:
        guardrail["outputAssessments"] = {GUARDRAIL: [after]}
    return {"guardrail": guardrail}


def pii(action: str, kind: str = "EMAIL") -> dict:
    return {
        "sensitiveInformationPolicy": {"piiEntities": [{"match": SECRET, "type": kind, "action": action}]}
    }


@pytest.mark.parametrize(
    ("given_trace", "text", "stop"),
    [
        (trace(before=pii("BLOCKED")), "sorry", Stop.INPUT_BLOCKED),
        (trace(before=pii("NONE"), after=pii("BLOCKED")), "sorry", Stop.OUTPUT_BLOCKED),
        (trace(before=pii("BLOCKED"), after=pii("BLOCKED")), "sorry", Stop.INPUT_BLOCKED),
        (trace(before=pii("ANONYMIZED"), after=pii("ANONYMIZED")), "{}", Stop.COMPLETE),
        (trace(before=pii("NONE")), "{}", Stop.OUTPUT_BLOCKED),
        (trace(before=pii("ANONYMIZED")), " \n", Stop.OUTPUT_BLOCKED),
        (trace(after=pii("SOMETHING_NEW")), "{}", Stop.OUTPUT_BLOCKED),
        (trace(before=pii("SOMETHING_NEW")), "{}", Stop.INPUT_BLOCKED),
        (trace(), "{}", Stop.OUTPUT_BLOCKED),
        (trace(modelOutput=["raw"]), "sorry", Stop.OUTPUT_BLOCKED),
        (None, "sorry", Stop.OUTPUT_BLOCKED),
    ],
)
def test_actions_tell_which_side_blocked(given_trace, text, stop):
    assert rule(given_trace, usage=BILLED, text=text).stop is stop


def test_without_actions_a_reply_that_used_nothing_was_blocked_on_its_way_in():
    assert rule(None, usage=Usage(), text="sorry").stop is Stop.INPUT_BLOCKED
    assert rule(None, usage=Usage(cache_read_tokens=1), text="sorry").stop is Stop.OUTPUT_BLOCKED


def test_only_the_policies_that_blocked_are_named():
    before = {**assessment(SECRET, action="NONE"), **pii("BLOCKED", "AWS_SECRET_KEY")}
    ruling = rule(trace(before=before, after=assessment(SECRET)), usage=Usage(), text="")
    assert ruling.policies == ("sensitiveInformationPolicy AWS_SECRET_KEY",)


def test_each_policy_is_named_once_and_never_by_its_match():
    both = {"guardrail": {"outputAssessments": {"a": [assessment(SECRET)] * 3, "b": [assessment(SECRET)]}}}
    ruling = rule(both, usage=BILLED, text="")
    assert ruling.policies == (
        "topicPolicy Credentials",
        "contentPolicy PROMPT_ATTACK",
        "wordPolicy",
        "wordPolicy PROFANITY",
        "sensitiveInformationPolicy EMAIL",
        "sensitiveInformationPolicy ticket",
        "contextualGroundingPolicy GROUNDING",
    )


def test_masking_policies_are_named_whatever_the_reason_to_stop():
    assert masking(trace(before=pii("ANONYMIZED", "NAME"), after=pii("NONE"))) == (
        "sensitiveInformationPolicy NAME",
    )


def test_a_name_that_is_none_is_left_out():
    hostile = {"topicPolicy": {"topics": [{"name": "x\n" + "y" * 500, "action": "BLOCKED"}]}}
    assert rule(trace(before=hostile), usage=BILLED, text="").policies == ("topicPolicy",)


def test_many_policies_are_cut():
    topics = [{"name": f"topic {i}", "action": "BLOCKED"} for i in range(500)]
    assert len(rule(trace(before={"topicPolicy": {"topics": topics}}), usage=BILLED, text="").policies) == 20


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["BLOCKED", "NONE"]),
    lambda children: (
        st.lists(children, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "guardrail",
                    "inputAssessment",
                    "outputAssessments",
                    "topicPolicy",
                    "topics",
                    "action",
                    "name",
                    "g",
                ]
            ),
            children,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_a_damaged_trace_is_ruled_all_the_same(anything):
    assert rule(anything, usage=BILLED, text="x").stop in set(Stop)
