from pathlib import Path

from evals.finding import Finding, Findings, Level, Rule, ordered, render_findings

WARNING = Finding(rule=Rule.SIZE, level=Level.WARNING, place="set", message="too large")
ERROR = Finding(rule=Rule.CHECKSUM, place="set/cases.jsonl:2", case="one", message="altered")


def test_errors_come_first_and_each_finding_once() -> None:
    assert ordered([WARNING, ERROR, WARNING]) == (ERROR, WARNING)


def test_warnings_alone_pass() -> None:
    assert Findings(items=(WARNING,), censuses=()).passed
    assert not Findings(items=(WARNING, ERROR), censuses=()).passed
    assert Findings(items=(), censuses=()).passed


def test_a_finding_is_one_line_with_place_and_case() -> None:
    assert render_findings(Findings(items=(ERROR, WARNING), censuses=())) == (
        "error [checksum] set/cases.jsonl:2: case one: altered\n"
        "warning [size] set: too large\n"
        "0 cases: 1 errors, 1 warnings\n"
    )


def test_the_datasheet_explains_every_rule() -> None:
    text = (Path(__file__).parents[2] / "datasets" / "README.md").read_text(encoding="utf-8")
    cells = [line.split("|")[1] for line in text.split("\n") if line.startswith("| ")]
    assert {rule.value for rule in Rule} <= {word.strip() for cell in cells for word in cell.split(",")}
