"""The policy file: read strictly, honest about what today's cases can show."""

import hashlib

import pytest

from evals.errors import GateError
from evals.policy import DEFAULT, load_policy
from evals.statistics import cases_for_bound, margin_reachable

TEXT = DEFAULT.read_text(encoding="utf-8")
CASES = 375
DISCORDANCE = 0.1


def load(tmp_path, text):
    path = tmp_path / "policy.toml"
    path.write_text(text, encoding="utf-8")
    return load_policy(path)


def test_the_committed_policy_is_valid_and_known_by_its_hash():
    policy = load_policy()
    assert policy.sha256 == hashlib.sha256(DEFAULT.read_bytes()).hexdigest()
    assert policy.primary.metric not in policy.guards


def test_the_committed_margins_can_be_reached_with_todays_cases():
    policy = load_policy()
    reachable = margin_reachable(CASES, DISCORDANCE)
    assert policy.primary.margin >= reachable
    assert all(
        margin >= margin_reachable(CASES if metric != "safe_recall" else CASES // 4, DISCORDANCE / 2)
        for metric, margin in policy.guards.items()
    )
    assert all(cases_for_bound(zero.bound) <= 60 for zero in policy.zero.values())


@pytest.mark.parametrize(
    "model",
    [
        "us.anthropic.claude-sonnet-4-6",
        "anthropic.claude-haiku-4-5-20251001-v1:0",
        "global.anthropic.claude-opus-4-6-v1",
        "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-sonnet-4-6",
        "arn:aws-us-gov:bedrock:us-gov-west-1:123456789012:inference-profile/us-gov.anthropic.claude-sonnet-4-6",
    ],
)
def test_claude_on_bedrock_is_accepted(model):
    assert load_policy().proof.accepts_model(model)


@pytest.mark.parametrize(
    "model",
    [
        None,
        "",
        "rules",
        "amazon.nova-pro-v1:0",
        "claude-sonnet-4-6",
        "qwen2.5-0.5b-instruct-q4_k_m.gguf",
        "my.anthropic.claude-sonnet-4-6",
        "x anthropic.claude-",
        "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123",
    ],
)
def test_no_other_model_is_accepted(model):
    assert not load_policy().proof.accepts_model(model)


@pytest.mark.parametrize("analyst", ["rules", "openai:gpt-x", "ollama:llama", "fake:x", "bedrockish"])
def test_no_other_analyst_is_accepted(analyst):
    assert not load_policy().proof.accepts_analyst(analyst)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("alpha = 0.05", "alpha = 0.05\nalfa = 1", "unknown key alfa"),
        ("[safe]", "[safe]\nmax_recall = 0.1", "unknown key safe.max_recall"),
        ('required = ["lab", "synthetic", "triage"]', "", "datasets.required is missing"),
        ('["lab", "synthetic", "triage"]', "[]", "datasets.required: "),
        ('["lab", "synthetic", "triage"]', '["lab", "lab"]', "a dataset is named twice"),
        ('["lab", "synthetic", "triage"]', '["../lab"]', "datasets.required.0: "),
        ('["lab", "synthetic", "triage"]', '[".."]', "datasets.required.0: "),
        ('"triage"]', '"triage"]\nmore = 1', "unknown key datasets.more"),
        ("[zero.leaks]", "[zero.leaks]\nlimit = 1", "unknown key zero.leaks.limit"),
        ("alpha = 0.05", "", "alpha is missing"),
        ("alpha = 0.05", "alpha = 0.5", "alpha: "),
        ("alpha = 0.05", 'sha256 = "x"\nalpha = 0.05', "unknown key sha256"),
        ("grounding = 0.04", "grounding = 0", "guards.grounding: "),
        ("grounding = 0.04", "gruonding = 0.04", "'gruonding' is no metric"),
        ("grounding = 0.04", "brier = 0.04", "'brier' is no metric of right and wrong"),
        ("grounding = 0.04", "unaided = 0.04", "can't be a guard too"),
        ("margin = 0.06", "", "noninferiority needs a margin"),
        ('test = "noninferiority"', 'test = "superiority"', "superiority has none"),
        ('test = "noninferiority"', 'test = "vibes"', "primary.test: "),
        ("lab = 0.05", "moon = 0.05", "origins.moon"),
        ("[zero.wrong_safe]", "[zero.errors]", "zero.wrong_safe is missing"),
        ("[zero.wrong_safe]", "[zero.category]", "'category' is nothing that must not happen"),
        ("version = 1", "version = 2", "version: "),
        ("version = 1", "version = ", "policy.toml: "),
    ],
)
def test_what_is_wrong_in_a_policy_is_named(tmp_path, old, new, message):
    assert TEXT.count(old) >= 1
    with pytest.raises(GateError, match=r"policy\.toml") as caught:
        load(tmp_path, TEXT.replace(old, new, 1))
    assert message in str(caught.value)


def test_superiority_is_a_policy_too(tmp_path):
    text = TEXT.replace('test = "noninferiority"', 'test = "superiority"').replace("margin = 0.06\n", "")
    assert load(tmp_path, text).primary.margin is None


def test_a_policy_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(GateError, match=r"nowhere\.toml can't be read: No such file"):
        load_policy(tmp_path / "nowhere.toml")
    (tmp_path / "p.toml").write_bytes(b"\xff")
    with pytest.raises(GateError, match=r"p\.toml"):
        load_policy(tmp_path / "p.toml")
