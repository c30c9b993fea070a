"""Prices by model id, in all the forms that Bedrock knows."""

import pytest

from diagnose.price import cost_usd, foundation
from diagnose.usage import Usage

MILLION = Usage(input_tokens=10**6)
ACCOUNT = "arn:aws:bedrock:eu-central-1:123456789012"
PROFILE = f"{ACCOUNT}:application-inference-profile/a1b2c3"


@pytest.mark.parametrize(
    ("model_id", "dollars"),
    [
        ("global.anthropic.claude-sonnet-4-6", 3.0),
        ("us.anthropic.claude-sonnet-4-6", 3.3),
        ("eu.anthropic.claude-sonnet-4-6", 3.3),
        ("jp.anthropic.claude-sonnet-4-6", 3.3),
        ("anthropic.claude-sonnet-4-6", 3.3),
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", 3.3),
        ("anthropic.claude-sonnet-4-20250514-v1:0", 3.0),
        ("us.anthropic.claude-sonnet-4-20250514-v1:0", 3.0),
        ("global.anthropic.claude-haiku-4-5-20251001-v1:0", 1.0),
        ("anthropic.claude-haiku-4-5-20251001-v1:0:200k", 1.1),
        ("us.anthropic.claude-opus-4-6-v1", 5.5),
        ("global.anthropic.claude-opus-4-5-20251101-v1:0", 5.0),
        ("arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-sonnet-4-6", 3.3),
        (f"{ACCOUNT}:inference-profile/eu.anthropic.claude-sonnet-4-6", 3.3),
        (f"{ACCOUNT}:inference-profile/global.anthropic.claude-sonnet-4-6", 3.0),
        ("claude-sonnet-4-6", 3.0),
        ("claude-sonnet-4-5-20250929", 3.0),
        ("us.anthropic.claude-opus-4-1-20250805-v1:0", 15.0),
        ("eu.anthropic.claude-opus-4-8", 5.5),
        ("us.anthropic.claude-opus-4-9", None),
        ("us.anthropic.claude-sonnet-4-60", None),
        ("anthropic.claude-sonnet-4-6x", None),
        ("us.amazon.nova-pro-v1:0", None),
        ("acme.claude-sonnet-4-6", None),
        ("llama3.2:1b", None),
        ("gpt-4.1", None),
        (PROFILE, None),
        ("", None),
    ],
)
def test_the_price_follows_from_the_id(model_id, dollars):
    assert cost_usd(model_id, MILLION) == (None if dollars is None else pytest.approx(dollars))


def test_an_application_profile_costs_what_its_base_model_costs():
    assert cost_usd(
        PROFILE, MILLION, base_model_id="anthropic.claude-haiku-4-5-20251001-v1:0"
    ) == pytest.approx(1.1)
    assert cost_usd(PROFILE, MILLION, base_model_id="global.anthropic.claude-haiku-4-5-20251001-v1:0") == 1.0
    assert cost_usd(PROFILE, MILLION, base_model_id=PROFILE) is None


@pytest.mark.parametrize(
    ("usage", "dollars"),
    [
        (Usage(), 0.0),
        (Usage(cache_write_tokens=10**6), 3.75),
        (Usage(cache_read_tokens=10**6), 0.30),
        (Usage(output_tokens=10**6), 15.0),
        (Usage(input_tokens=70, output_tokens=209), 0.003345),
    ],
)
def test_each_kind_of_token_has_its_price(usage, dollars):
    assert cost_usd("global.anthropic.claude-sonnet-4-6", usage) == pytest.approx(dollars)


def test_a_foundation_tells_vendor_model_and_reach():
    found = foundation(f"{ACCOUNT}:inference-profile/global.anthropic.claude-sonnet-4-6")
    assert found is not None
    assert (found.vendor, found.model, found.worldwide) == ("anthropic", "claude-sonnet-4-6", True)
    assert foundation(PROFILE) is None
