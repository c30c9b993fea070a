"""The catalogue: every entry's examples, look-alikes, words and links; and what the loader refuses."""

from collections import Counter

import pytest

from diagnose.errors import CatalogueError
from diagnose.redaction import redact
from diagnose.signature import (
    Catalogue,
    Role,
    fill,
    load_catalogue,
    packaged_files,
    parse_catalogue,
    placeholders,
)
from diagnose.taxonomy import FACTS, Category, FailureType

CATALOGUE = load_catalogue()
BY_ID = {s.id: s for s in CATALOGUE.signatures}
CONTEXT = {
    "executor_memory", "executor_overhead", "driver_memory", "driver_overhead", "executor_cores", "shuffle_partitions",
    "max_result_size", "broadcast_timeout", "deploy_mode", "job_name",
}  # fmt: skip


def ids(line, source=""):
    return {match.signature.id for match in CATALOGUE.match(line, source)}


def test_the_catalogue_is_broad():
    roles = Counter(s.role for s in CATALOGUE.signatures)
    assert len(CATALOGUE.signatures) >= 120
    assert all(roles[role] >= 15 for role in Role)
    categories = Counter(FACTS[s.failure_type].category for s in CATALOGUE.signatures if s.failure_type)
    assert all(categories[c] >= 20 for c in set(Category) - {Category.UNKNOWN})


@pytest.mark.parametrize("signature", CATALOGUE.signatures, ids=lambda s: s.id)
def test_every_example_matches_as_printed_and_redacted(signature):
    for example in signature.examples:
        for source in signature.sources or [""]:
            assert signature.id in ids(example, source), example
            assert signature.id in ids(redact(example), source), redact(example)


@pytest.mark.parametrize("signature", [s for s in CATALOGUE.signatures if s.counters], ids=lambda s: s.id)
def test_no_look_alike_matches(signature):
    for line in signature.counters:
        assert signature.id not in ids(line), line


@pytest.mark.parametrize(
    "signature", [s for s in CATALOGUE.signatures if s.role is Role.CAUSE], ids=lambda s: s.id
)
def test_the_words_of_a_cause_can_be_filled(signature):
    groups = set(signature.compiled.groupindex)
    assert placeholders([signature.cause, *signature.advice]) <= groups | CONTEXT
    match = next(m for m in CATALOGUE.match(signature.examples[0]) if m.signature is signature)
    words = [fill(text, match.captures) for text in (signature.cause, *signature.advice)]
    assert all(
        w and not placeholders([w]) and "an unnamed value" not in w and "  " not in w for w in words
    ), words


def test_what_an_entry_explains_exists():
    names = set(BY_ID) | set(FailureType)
    unknown = {(s.id, name) for s in CATALOGUE.signatures for name in s.explains - names}
    assert not unknown


def test_no_entry_explains_itself():
    assert not [s.id for s in CATALOGUE.signatures if s.id in s.explains]


@pytest.mark.parametrize(
    "line",
    [
        "26/11/22 07:00:00 INFO Job: 0 errors in exceptions_daily, error_code=0, failOnError=false",
        "spark.task.maxFailures=4 spark.eventLog.errorHandler=org.acme.ErrorHandler",
        "\tat org.apache.hadoop.fs.s3a.S3AUtils.translateException(S3AUtils.java:255)",
        "26/11/22 07:00:00 INFO DAGScheduler: failed: Set()",
        "Error",
        "ERROR",
        "Exception",
        "Failed",
        "the error budget was not used",
    ],
)
def test_nothing_fires_on_bare_words_business_text_or_frames(line):
    assert ids(line) <= {s.id for s in CATALOGUE.signatures if s.role is Role.NOISE}


ENTRY = """
- id: a.b
  role: cause
  failure_type: DISK_FULL
  specificity: 3
  pattern: 'x (?P<path>y)'
  cause: 'Disk of {path|the node} is full.'
  advice: ['Add a volume.']
  example: 'x y'
  source: 'nowhere'
"""


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("role: cause", "role: reason"), "role 'reason'"),
        (("failure_type: DISK_FULL", "failure_type: FULL"), "failure_type 'FULL'"),
        (("specificity: 3", "specificity: 9"), "specificity"),
        (("'x (?P<path>y)'", "'(x'"), "not valid RE2"),
        (("'x (?P<path>y)'", "'x(?=y)'"), "not valid RE2"),
        (("advice: ['Add a volume.']", "advice: [a, b, c, d]"), "one to 3"),
        (("id: a.b", "id: AB"), "id must look like"),
        (("source: 'nowhere'", "sauce: 'nowhere'"), "unknown field 'sauce'"),
        (("example: 'x y'", "sources: [moon]"), "example is missing"),
        (("cause: 'Disk", "counter: ['Disk"), "not valid YAML"),
    ],
)
def test_a_bad_entry_is_refused_with_file_entry_and_field(change, said):
    with pytest.raises(CatalogueError) as caught:
        parse_catalogue({"spark.yaml": ENTRY.replace(*change)})
    assert "spark.yaml" in str(caught.value)
    assert said in str(caught.value)


def test_every_packaged_pattern_is_valid_though_the_start_leaves_it_uncompiled():
    assert parse_catalogue(packaged_files()).signatures == CATALOGUE.signatures


def test_an_id_that_stands_twice_is_refused():
    with pytest.raises(CatalogueError, match="stands twice"):
        parse_catalogue({"a.yaml": ENTRY, "b.yaml": ENTRY})


def test_a_line_that_another_line_excludes_is_no_finding():
    fields = "near: 'there'\n  unless_near: 'gone'\n  source:"
    signature = parse_catalogue({"a.yaml": ENTRY.replace("source:", fields)}).signatures[0]
    assert signature.agrees_with(["all", "is there"])
    assert not signature.agrees_with(["all", "there", "is gone"])
    assert not signature.agrees_with(["all"])


def test_sources_restrict_where_a_line_counts():
    catalogue = Catalogue(parse_catalogue({"a.yaml": ENTRY + "  sources: [driver]\n"}).signatures)
    assert catalogue.match("x y", "driver")
    assert catalogue.match("x y")
    assert not catalogue.match("x y", "executor")


@pytest.mark.parametrize(
    ("template", "values", "text"),
    [
        ("above {size}", {"size": "3g"}, "above 3g"),
        ("above {size|its value}", {}, "above its value"),
        ("{one,other|none} is full", {"other": "disk"}, "disk is full"),
        ("The file {path|} ({host|}) is gone: {why|}", {}, "The file is gone."),
        ("{long}", {"long": "x" * 500}, "x" * 200 + "…"),
    ],
)
def test_templates_are_filled_and_leave_nothing_odd(template, values, text):
    assert fill(template, values) == text
