"""How far templates' lines coincide with the examples of the product's catalogue, word for word.

A message that Spark or Hadoop prints is the same text whoever writes it down, so lines without a value of their
own (a number, a name, a path) may coincide. A line with such a value can only be the same if it was copied.
"""

import re
from functools import cache

from diagnose.signature import load_catalogue
from evals.synthesis.check import lines
from evals.synthesis.generator import build
from evals.synthesis.template import load_templates

LONG_ENOUGH = 20
"""Characters; below it a line says too little to be anybody's."""
MOST_EVIDENCE = 0.15
"""Of the distinct evidence lines at most this share may be a catalogue's example word for word."""

_HEAD = re.compile(
    r"^(?:\d\d/\d\d/\d\d [\d:]+|\d{4}-\d\d-\d\d[ T][\d:,.]+Z?)\s+(?:\[[^\]]*\]\s*)?(?:DEBUG|INFO|WARN|ERROR|FATAL)\s+"
    r"(?:\[[^\]]*\]\s*)?[\w.$]+(?: \([^)]*\))?(?: -|:)? "
)
_OWN_VALUE = re.compile(r"\d{3,}|/\w+/|://|'[^']+'|\"[^\"]+\"|`[^`]+`|\bip-\d|@")
_PLATFORM_VALUES = re.compile(
    r"\b(?:4040|4041|137|143|403|404|503|500|400|429|8020|8032|9083|300|600|120000|10000|002)\b"
)
"""Defaults of the platforms and exit and status codes: everybody who knows them writes the same."""
_FRAME = re.compile(r"^at [\w.$/<>]+\(")
"""A frame of a library's trace: name and line number are the library's."""
_QUOTED_BY_PLATFORM = re.compile(
    r"'SparkUI'|'sparkDriver'|'PHYSICAL'|'VIRTUAL'|\"main\"|'overwrite'|\"overwrite\""
)

_REVIEWED = (
    "Unrecognized VM option 'UseConcMarkSweepGC'",  # the JVM's text, the collector that was taken out of it
    "pyspark.errors.exceptions.base.PySparkRuntimeError: [CONTEXT_ONLY_VALID_ON_DRIVER]",  # Spark's text and ticket
    "com.fasterxml.jackson.core.JsonParseException: Unexpected character ('}' (code 125))",  # a comma at the end
)
"""Whole texts of a platform whose value is no author's choice; each was looked at by a person."""


def bare(line: str) -> str:
    """A line without time, level and class, and without a trace's marks."""
    return _HEAD.sub("", line).strip().removeprefix("Caused by: ").removeprefix(": ")


@cache
def examples() -> frozenset[str]:
    found = {
        bare(line) for s in load_catalogue().signatures for text in s.examples for line in text.splitlines()
    }
    return frozenset(line for line in found if len(line) >= LONG_ENOUGH)


@cache
def written() -> tuple[frozenset[str], frozenset[str]]:
    """All distinct lines of the templates, and those of them that hold evidence."""
    every, evidence = set(), set()
    for template in load_templates():
        for variant in range(2):
            case = build(template, seed=11, variant=variant)
            for line in map(bare, lines(case.files)):
                if len(line) >= LONG_ENOUGH:
                    every.add(line)
                    if any(part in line for part in case.case.metadata.evidence):
                        evidence.add(line)
    return frozenset(every), frozenset(evidence)


def has_own_value(line: str) -> bool:
    """Whether a line holds a value that two authors would not choose alike."""
    return bool(_OWN_VALUE.search(_QUOTED_BY_PLATFORM.sub("", _PLATFORM_VALUES.sub("", line))))


def test_no_line_with_a_value_of_its_own_is_a_catalogues_example() -> None:
    shared = {line for line in written()[0] & examples() if not _FRAME.match(line)}
    assert {line for line in shared if has_own_value(line) and not line.startswith(_REVIEWED)} == set()


def test_few_evidence_lines_are_a_catalogues_example_word_for_word() -> None:
    evidence = written()[1]
    assert len(evidence & examples()) <= MOST_EVIDENCE * len(evidence)


def test_the_comparison_would_see_a_copy() -> None:
    copied = next(line for line in sorted(examples()) if has_own_value(line))
    assert bare(f"26/05/04 03:10:07 ERROR Some: {copied}") == copied
