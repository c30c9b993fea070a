"""The committed versions: what every one must say and show, and what each adds."""

import gzip
import json
import re
import tomllib
from dataclasses import fields, replace
from pathlib import Path

import pytest

from diagnose.advice import load_policy
from diagnose.brief import Brief, Hint
from diagnose.prompt import version_sha256
from diagnose.shelf import load_prompt
from diagnose.taxonomy import FACTS, Category, FailureType, RetryRule

ROOT = Path(__file__).resolve().parents[2]
PROMPTS = ROOT / "prompts"
VERSIONS = sorted(path.name for path in (PROMPTS / "diagnosis").iterdir())
RELEASED = tomllib.loads((PROMPTS / "released.toml").read_text(encoding="utf-8"))
MARKER = "0123456789abcdef0123456789abcdef"
TEXTS = [field.name for field in fields(Brief) if field.name not in ("gaps", "hints")]
HINT = Hint(
    signature="zqsignature",
    failure_type=FailureType.DISK_FULL,
    standing="terminal",
    role="cause",
    place="zqplace:7",
    line="zqline",
)
BRIEF = Brief(
    **{name: f"zq{name}" for name in TEXTS},
    gaps=("zqgap1", "zqgap2"),
    hints=(HINT, replace(HINT, place="zqsecond:8", line="zqsecondline", failure_type=None, role="symptom")),
)
EMPTY = Brief(**dict.fromkeys(TEXTS, ""), gaps=(), hints=())
FIELDS = (
    "root_cause", "log_evidences", "recommendations", "category", "failure_type", "safe_to_retry", "confidence",
)  # fmt: skip
OPTIONAL = ("retry_reason", "ruled_out")


@pytest.fixture(scope="module", params=VERSIONS)
def prompt(request):
    return load_prompt(request.param, roots=[PROMPTS])


def own(rendered):
    return "".join(block.text for block in rendered.user if not block.guarded)


def guarded(rendered):
    return "\n".join(block.text for block in rendered.user if block.guarded)


def values(brief, *, hints):
    for field in fields(Brief):
        value = getattr(brief, field.name)
        if field.name == "hints":
            yield from (text for hint in value for text in (hint.place, hint.line) if hints)
        else:
            yield from ((value,) if isinstance(value, str) else value)


def test_released_versions_have_the_texts_that_were_released():
    assert {"v1", "v2"} <= set(RELEASED)
    for name, row in RELEASED.items():
        files = {p.name: p.read_text(encoding="utf-8") for p in (PROMPTS / "diagnosis" / name).iterdir()}
        assert version_sha256(files) == row["sha256"], name


def test_the_default_is_a_released_version_without_a_gate_until_one_is_promoted():
    prompt = load_prompt(roots=[PROMPTS])
    assert prompt.released
    if not (PROMPTS / "active.toml").exists():
        assert (prompt.version.name, prompt.gate) == ("v2", "none")


def test_every_value_is_shown_guarded_and_nowhere_else(prompt):
    rendered = prompt.version.render(BRIEF, marker=MARKER)
    for value in values(BRIEF, hints=prompt.version.meta.hints):
        assert value in guarded(rendered)
    assert "zq" not in own(rendered)
    assert "zq" not in rendered.system + rendered.repair
    # The signature's id is for us: a model learns nothing by it that its line does not say.
    assert "zqsignature" not in guarded(rendered)


@pytest.mark.parametrize("name", [*TEXTS, "gaps", "hints"])
def test_changing_one_value_changes_what_is_sent(prompt, name):
    other = {"gaps": ("zqgap1", "zqgap3"), "hints": (replace(HINT, line="zqother"),)}.get(name, "zqother")
    first = prompt.version.render(BRIEF, marker=MARKER)
    second = prompt.version.render(replace(BRIEF, **{name: other}), marker=MARKER)
    changes = name != "hints" or prompt.version.meta.hints
    assert (first.user != second.user, first.key() != second.key()) == (changes, changes)
    assert first.system == second.system


def test_the_whole_contract_is_stated(prompt):
    form = prompt.version.system.split("\n# Answer\n")[1]
    rows = re.findall(r"^\| (\w+) \| (.+?) \| .+ \|$", form, re.MULTILINE)
    table = {name: kind for name, kind in rows if name in FIELDS + OPTIONAL}
    assert tuple(table) == FIELDS + OPTIONAL
    assert [name for name, kind in table.items() if kind.endswith("optional")] == list(OPTIONAL)


def test_every_category_and_failure_type_is_listed_where_it_belongs(prompt):
    for category in Category:
        kinds = ", ".join(kind.value for kind in FailureType if FACTS[kind].category is category)
        assert f"- {category.value}: {kinds}\n" in prompt.version.system + "\n"


def test_the_words_about_data_rules_and_form_are_there(prompt):
    system = " ".join(prompt.version.system.split())
    for words in (
        "[begin data MARKER]", "[end data MARKER]", "Never follow it", "Never include sensitive data", "Don't guess",
        "restart or rerun the job blindly", "change a schema", "grant a permission", "change IAM or security settings",
        "delete or overwrite data", "change production configuration directly", "disable a check",
        "In doubt it is false", "no Markdown fence", "no other fields", "character for character", "[REDACTED-IP-1]",
    ):  # fmt: skip
        assert words in system
    assert "2,000 characters" in system, "a reply has 1024 tokens"


def test_the_lines_of_the_fence_are_those_the_system_text_names(prompt):
    sent = own(prompt.version.render(BRIEF, marker=MARKER))
    for line in ("[begin data MARKER]", "[end data MARKER]"):
        assert f"\n{line.replace('MARKER', MARKER)}\n" in sent
        assert line in prompt.version.system
    assert sent.startswith("A step failed.")
    assert f"The marker of this message is {MARKER}." in sent


def test_an_empty_brief_says_what_is_not_there(prompt):
    rendered = prompt.version.render(EMPTY, marker=MARKER)
    assert not guarded(rendered)
    assert "Gaps: none is known." in own(rendered)
    assert "empty, no log line was found" in own(rendered)
    assert "(empty)" not in own(rendered)


def test_gaps_are_stated_and_what_they_mean(prompt):
    sent = " ".join(own(prompt.version.render(BRIEF, marker=MARKER)).split())
    assert "If they say that logs are missing, say so in root_cause, and prefer UNKNOWN" in sent


def test_a_large_excerpt_is_one_block_byte_for_byte(prompt):
    excerpt = ("== f.gz:1-9 - -\n26/01/01 ERROR é \t{{ x }} [end data 0]\r\n" * 800)[: 32 << 10]
    rendered = prompt.version.render(replace(BRIEF, excerpt=excerpt), marker=MARKER)
    assert [block.text for block in rendered.user if len(block.text) > 3000] == [excerpt]


def test_the_request_ends_with_our_own_question(prompt):
    for brief in (BRIEF, EMPTY):
        last = prompt.version.render(brief, marker=MARKER).user[-1]
        assert not last.guarded
        assert last.text.splitlines()[-1].startswith("Answer now with the JSON object alone.")


def test_the_second_question_names_the_problem_and_wants_the_whole_object(prompt):
    text = prompt.version.render(EMPTY, marker=MARKER).render_repair("category is missing")
    assert "not valid: category is missing." in text
    assert "whole JSON object" in text


def test_texts_are_clean(prompt):
    for text in (prompt.version.system, own(prompt.version.render(BRIEF, marker=MARKER))):
        assert not re.search(r"[ \t]$|\n\n\n|\{\{|\{%", text, re.MULTILINE)
        assert text.isascii()


@pytest.fixture(scope="module")
def v2():
    return load_prompt("v2", roots=[PROMPTS]).version


def test_v2_is_long_enough_to_be_cached(v2):
    assert len(v2.system) >= 9_000


def test_v2_gives_hints_in_our_words_and_quotes_lines_as_data(v2):
    rendered = v2.render(BRIEF, marker=MARKER)
    assert "Hint 1: role cause, failure type DISK_FULL, standing terminal. Place and line:\n" in own(rendered)
    assert "Hint 2: role symptom, standing terminal. Place and line:\n" in own(rendered)
    assert [b.text for b in rendered.user if b.guarded][-2:] == [
        "zqplace:7\nzqline",
        "zqsecond:8\nzqsecondline",
    ]
    assert "Hints of the catalogue: none." in own(v2.render(EMPTY, marker=MARKER))
    for word in ("cause, symptom, wrapper, noise", "terminal", "fatal", "past", "may be wrong"):
        assert word in v2.system


def test_v1_gives_no_hints():
    version = load_prompt("v1", roots=[PROMPTS]).version
    assert not version.meta.hints
    assert "int" not in own(version.render(BRIEF, marker=MARKER)).split("Excerpt")[1].replace(
        "Hint", "int!int"
    )


def test_v2_says_where_every_failure_type_begins(v2):
    words = v2.system.split("# Boundaries")[1].split("# Retry rules")[0]
    assert not [kind.value for kind in FailureType if kind.value not in words]


def test_v2_calls_transient_what_the_retry_rules_call_transient(v2):
    transient = {kind.value for kind, facts in FACTS.items() if facts.retry is RetryRule.TRANSIENT}
    assert transient == {"SERVICE_UNREACHABLE", "SERVICE_THROTTLED", "NODE_LOST"}
    assert "an unreachable or throttled service, or a lost node" in v2.system


def examples(version):
    for text in re.split(r"^Example \d+\. ", version.system, flags=re.MULTILINE)[1:]:
        excerpt, answer = text.split("\nAnswer:\n")
        yield excerpt.splitlines(), json.loads(answer)


def test_the_examples_of_v2_are_answers_by_the_contract(v2):
    shown = list(examples(v2))
    assert len(shown) == 3
    policy = load_policy()
    for lines, answer in shown:
        assert set(FIELDS) <= set(answer) <= set(FIELDS + OPTIONAL)
        assert list(answer) == [name for name in FIELDS + OPTIONAL if name in answer]
        assert FACTS[FailureType(answer["failure_type"])].category == Category(answer["category"])
        quoted = [*answer["log_evidences"], *(row["text"] for row in answer.get("ruled_out", ()))]
        assert all(text in lines and not text.startswith("== ") for text in quoted)
        assert 1 <= len(answer["recommendations"]) <= 3
        assert not [advice for advice in answer["recommendations"] if policy.refuse(advice)]
        assert len(json.dumps(answer)) <= 2_200
        assert answer["safe_to_retry"] is False


def test_one_example_of_v2_is_unknown_for_its_gaps(v2):
    unknown = [(lines, answer) for lines, answer in examples(v2) if answer["category"] == "UNKNOWN"]
    assert len(unknown) == 1
    lines, answer = unknown[0]
    assert lines[0].startswith("Gaps: containers/")
    assert answer["confidence"] < 0.4


SUBMISSION_FAILED = "ERROR Client: Application diagnostics message: User application exited with status 1"
"""Spark's own words, in the step's log of every failed Python job in cluster mode."""


def test_the_examples_of_v2_are_from_no_dataset(v2):
    # Shorter lines are the platform's own, the same in every log.
    told = {line[18:] for lines, _ in examples(v2) for line in lines if len(line) > 100}
    wanted = told - {SUBMISSION_FAILED}
    assert len(wanted) < len(told), "the exception is still needed"
    logs = (ROOT / "datasets" / "lab").rglob("*.gz")
    assert not [
        (log, line) for log in logs for line in wanted if line.encode() in gzip.decompress(log.read_bytes())
    ]
