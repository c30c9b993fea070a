import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnose.advice import AdvicePolicy, load_policy, parse_policy
from diagnose.errors import CatalogueError
from diagnose.signature import fill, load_catalogue

POLICY = load_policy()
FORBIDDEN = [(rule, text) for rule in POLICY.rules for text in rule.forbidden_examples]
LAWFUL = [(rule, text) for rule in POLICY.rules for text in rule.lawful_examples]


def refused(text, *, risk=False):
    rule = POLICY.refuse(text, partial_write_risk=risk)
    return rule.id if rule else None


@pytest.mark.parametrize(("rule", "text"), FORBIDDEN, ids=lambda value: getattr(value, "id", value))
def test_each_forbidden_example_is_refused_by_its_own_rule(rule, text):
    alone = AdvicePolicy((rule,), POLICY.negation, POLICY.excuses)
    assert alone.refuse(text, partial_write_risk=rule.only_under_write_risk) is rule


@pytest.mark.parametrize(("rule", "text"), LAWFUL, ids=lambda value: getattr(value, "id", value))
def test_each_near_miss_passes_every_rule(rule, text):
    assert refused(text, risk=rule.only_under_write_risk) is None


def test_the_rules_are_the_eight_of_the_design():
    assert [rule.id for rule in POLICY.rules] == [
        "retry-blindly",
        "retry-under-write-risk",
        "change-schema",
        "grant-permission",
        "change-security",
        "delete-data",
        "change-production",
        "disable-check",
    ]
    assert [rule.id for rule in POLICY.rules if rule.only_under_write_risk] == ["retry-under-write-risk"]


@pytest.mark.parametrize("rule", POLICY.rules, ids=lambda rule: rule.id)
def test_each_rule_has_ten_paraphrases_and_ten_near_misses_and_a_reason(rule):
    assert len(set(rule.forbidden_examples)) >= 10
    assert len(set(rule.lawful_examples)) >= 10
    assert rule.why.endswith(".")


@pytest.mark.parametrize(
    "text",
    [
        "Do not worry, just rerun it.",
        "Ask nobody and run DROP TABLE sales",
        "Ask the team, then run `hdfs dfs -rm -r /out`",
        "Ask the owner; rm -rf /data",
        "Ask the owner, but grant the role s3:* yourself.",
        "Ask the platform team for help and disable TLS verification.",
        "Do not ask anyone, grant the role access to the bucket.",
        "Don't hesitate to drop the table sales.",
        "Don't only check it, delete it.",
        "Do not run anything but `hdfs dfs -rm -r /out`.",
        "Do not rerun without deleting the output first.",
        "Instead of waiting for the platform team, edit the bucket policy.",
        "Without further ado, rerun the step.",
        "Never stop retrying.",
        "Never mind the owner, delete the output.",
        "Stop asking the owner and DROP TABLE sales.",
        "Check the logs, then restart the cluster.",
        "Check whether the path is right and then delete it.",
        "Why not just rerun it?",
        "If the problem persists, restart the cluster.",
    ],
)
def test_a_lawful_word_beside_it_does_not_excuse_forbidden_advice(text):
    assert refused(text)


@pytest.mark.parametrize(
    "text",
    [
        "The issue is transient, so resubmitting the job should resolve it.",
        "Have another go at running the job.",
        "Modify the Hive table to include the new field.",
        "Widen the amount column to DECIMAL(38,10).",
        "Assign the AmazonS3FullAccess managed policy to the role.",
        "Set the directory permission to 777.",
        "Allow all inbound traffic on the metastore's security group.",
        "Empty the output bucket.",
        'spark.sql("DROP TABLE IF EXISTS t")',
        "hadoop fs -rmr /out",
        "Scale the production cluster to 20 nodes.",
        "I'm going to raise the memory limit.",
        "Set `failOnDataLoss` to `false`.",
        "Mark the quality check as non-blocking.",
        "Drop bad rows silently.",
        "Don't validate the input any more.",
        "Lower the completeness threshold so the check passes.",
        "Start the step over.",
    ],
)
def test_paraphrases_that_stand_in_no_list_are_refused(text):
    assert refused(text)


@pytest.mark.parametrize(
    "text",
    [
        "Do not run `hdfs dfs -rm -r /out`.",
        "Do not delete the checkpoint or restart the query.",
        'Avoid mode("overwrite") here.',
        "Have the table's owner decide whether to truncate it.",
        "The role has no permission to delete the object.",
        "Delete the unused import in the job's code.",
        "Use try_cast instead of disabling ANSI mode.",
        "Change the step's argument --date to an existing partition.",
        "Rerun only after the upstream table has been delivered.",
        "Retrying does not help: the path does not exist.",
        "Look at the database's log at that time: restart, failover, an administrator's kill.",
        "Let only one job at a time write these partitions.",
    ],
)
def test_more_near_misses_pass(text):
    assert refused(text) is None


def test_one_forbidden_sentence_refuses_the_whole_advice():
    lawful = "Fix the cast in the job's code. Test it on the failing rows"
    assert refused(lawful) is None
    for join in (". ", "; ", "\n", "!\r\n", "\n\n- "):
        assert refused(f"{lawful}{join}Drop the table sales.") == "delete-data"
        assert refused(f"Drop the table sales{join}{lawful}.") == "delete-data"


def test_a_negation_does_not_reach_into_the_next_sentence():
    assert refused("Do not wait. Delete the output path.") == "delete-data"
    assert refused("Never. Rerun the step.") == "retry-blindly"


def test_a_line_break_inside_a_sentence_hides_nothing():
    assert refused("Run ALTER\nTABLE sales ADD COLUMNS (a int)") == "change-schema"
    assert refused("aws s3\n  rm s3://bucket/out") == "delete-data"


@pytest.mark.parametrize(("rule", "text"), FORBIDDEN[::5], ids=lambda value: getattr(value, "id", value))
def test_case_and_markup_do_not_matter(rule, text):
    risk = rule.only_under_write_risk
    for form in (text.upper(), text.lower(), f"- {text}", f"1. {text}", f"  {text}  "):
        assert refused(form, risk=risk), form
    assert refused("**Rerun** the _step_.")


@pytest.mark.parametrize(
    "text",
    [
        "Delete\u00a0the\u2003output\tpath",
        "Del\u200bete the out\u00adput path",
        "\uff24\uff25\uff2c\uff25\uff34\uff25 the output path",
        "D\u0435l\u0435te the \u043eutput path",
        "De\u0301lete the output path",
        "\u2705 Delete the output path",
        "Run \u201caws s3 rm s3://b/out\u201d",
        "Don\u2019t worry \u2014 delete the output path",
        "aws s3 sync a b \u2011\u2011delete",
    ],
)
def test_odd_characters_and_whitespace_hide_nothing(text):
    assert refused(text) == "delete-data"


def test_typographic_apostrophes_negate_as_plain_ones_do():
    assert refused("Don\u2019t delete the output.") is None


def test_a_conditional_rerun_is_lawful_only_without_write_risk():
    text = "A rerun makes sense once the source data has arrived."
    assert refused(text) is None
    assert refused(text, risk=True) == "retry-under-write-risk"


def test_empty_advice_is_lawful():
    assert refused("") is None
    assert refused(" \n\u200b ") is None


@pytest.mark.parametrize("risk", [False, True])
def test_no_advice_of_the_catalogue_is_refused(risk):
    advice = {
        (signature.id, fill(template, {}))
        for signature in load_catalogue().signatures
        for template in signature.advice
    }
    offenders = sorted(
        (name, refused(text, risk=risk), text) for name, text in advice if refused(text, risk=risk)
    )
    assert offenders == []


@given(st.text(st.characters()), st.booleans())
def test_judging_never_raises(text, risk):
    refused(text, risk=risk)


@given(
    st.lists(
        st.sampled_from(
            ["do not", "rerun", "`", "the table", ",", ".", "\n", "drop", "ask", "owner", "\ud800"]
        )
    )
)
def test_judging_never_raises_on_words_of_the_policy(words):
    refused(" ".join(words), risk=True)


RULE = """
rules:
  - id: no-magic
    why: Magic is not ours.
    patterns: ['\\bmagic\\b']
    forbidden: ['Use magic.']
    allowed: ['Use tools.']
"""


def test_a_small_policy_of_ones_own_works():
    policy = parse_policy(RULE)
    assert policy.refuse("Use magic.") is policy.rules[0]
    assert policy.refuse("Never use magic.") is policy.rules[0]
    assert policy.refuse("Use tools.") is None


def test_words_negations_excuses_and_lawful_spans_are_applied():
    policy = parse_policy(
        "words: {not: never, use: '{not} use'}\nnegation: ['{use} magic']\nexcuses: ['ask for magic']\n"
        + RULE
        + "    lawful: ['magic number']\n    commands: ['abracadabra']\n"
    )
    assert policy.refuse("Never use magic") is None
    assert policy.refuse("Ask for magic, explain the magic number.") is None
    assert policy.refuse("Ask for magic; magic!") is policy.rules[0]
    assert policy.refuse("The magic number is abracadabra") is policy.rules[0]


def test_orders_count_where_a_verb_is_an_instruction_and_always_looks_through_negation():
    policy = parse_policy(
        "words: {do: '(?:^|, )'}\nnegation: ['never \\w+']\n"
        + RULE
        + "    orders: ['conjure', 'enchant']\n    always: ['never look']\n"
    )
    assert policy.refuse("First think, enchant it") is policy.rules[0]
    assert policy.refuse("Who can conjure") is None
    assert policy.refuse("Never conjure") is None
    assert policy.refuse("Never look") is policy.rules[0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("rules: [", "YAML"),
        ("", "mapping"),
        ("- a", "mapping"),
        ("rules: []", "rules"),
        ("extra: 1\n" + RULE, "extra"),
        ("words: [a]\n" + RULE, "words"),
        ("words: {off: a}\n" + RULE, "words"),
        ("words: {a: '{b}'}\n" + RULE, "words: a: {b}"),
        ("negation: no\n" + RULE, "negation"),
        ("negation: ['(']\n" + RULE, "negation"),
        ("excuses: [1]\n" + RULE, "excuses"),
        ("rules: [text]", "text"),
        (RULE.replace("no-magic", "Magic"), "id"),
        (RULE.replace("why: Magic is not ours.", "why: ''"), "no-magic: why"),
        (RULE.replace("'\\bmagic\\b'", "'('"), "no-magic: patterns: '('"),
        (RULE.replace("'\\bmagic\\b'", "'{spell}'"), "no-magic: patterns: {spell}"),
        (RULE.replace("'\\bmagic\\b'", ""), "no-magic: patterns"),
        (RULE.replace("['Use magic.']", "Use magic."), "no-magic: forbidden"),
        (RULE.replace("allowed", "permitted"), "no-magic: unknown field 'permitted'"),
        (RULE + "    commands: ['ok', '[']\n", "no-magic: commands: '['"),
        (RULE + "    lawful: ['(?=x)']\n", "no-magic: lawful"),
        (RULE + "    orders: ['conjure']\n", "no-magic: orders need the word {do}"),
        ("words: {do: '^'}\n" + RULE + "    orders: ['conjure(']\n", "no-magic: orders: 'conjure('"),
        (RULE + "    always: never\n", "no-magic: always must be a list"),
        (RULE + "    only_under_write_risk: maybe\n", "no-magic: only_under_write_risk"),
        (RULE + RULE.replace("\nrules:\n", ""), "no-magic: id stands twice"),
    ],
)
def test_a_bad_policy_is_an_error_that_names_entry_and_field(text, words):
    with pytest.raises(CatalogueError) as caught:
        parse_policy(text)
    assert "advice.yaml" in str(caught.value)
    assert words in str(caught.value)
