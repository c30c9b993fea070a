"""From runs on the disk through the gate into production: exit codes, files, refusals, end to end."""

import argparse
import json
import xml.etree.ElementTree as ET
from functools import cache

import pytest
import runs

from diagnose.shelf import load_prompt, read_active
from evals.archive import save_run
from evals.command import gate, promote
from evals.errors import EvalsError, GateError, RunError


@cache
def rules():
    return runs.rules()


class House:
    """A shelf, runs on the disk, and the two commands."""

    def __init__(self, home):
        self.home = home
        self.shelf = runs.Shelf(home / "prompts")
        self.shelf.put("v1")
        self.shelf.put("v2", "Other words.")
        self.parser = argparse.ArgumentParser()
        commands = self.parser.add_subparsers()
        gate.add(commands)
        promote.add(commands)
        self.rules = save_run(home / "runs" / "rules", rules()).parent

    def keep(self, name, version="v2", identity=None, **changes):
        digest = self.shelf.sha256(version)
        rows = runs.grid(prompt_version=version, prompt_sha256=digest, **changes)
        run = runs.run(rows, run_id=name, prompt_version=version, prompt_sha256=digest, **(identity or {}))
        return save_run(self.home / "runs" / name, run).parent

    def call(self, *argv):
        words = [*map(str, argv), "--prompts", str(self.shelf.root)]
        arguments = self.parser.parse_args(words)
        return arguments.run(arguments)

    def active(self):
        return read_active(roots=[self.shelf.root])


@pytest.fixture
def house(tmp_path):
    return House(tmp_path)


def test_a_good_prompt_goes_through_the_gate_into_production(house, capsys):
    new = house.keep("good")
    assert house.call("gate", new, "--baseline", house.rules) == 0
    assert "PASS: all" in capsys.readouterr().out
    assert house.call("promote", new / "gate.json") == 0
    assert capsys.readouterr().out == (
        f"prompt v2 is in production, gate {load_prompt(roots=[house.shelf.root]).gate}\n"
    )
    assert load_prompt(roots=[house.shelf.root]).gate.startswith("pass 20")
    assert house.active().run_id == "good"


def test_a_worse_prompt_cannot_be_promoted(house, capsys):
    first = house.keep("first", "v1")
    assert house.call("gate", first, "--baseline", house.rules) == 0
    assert house.call("promote", first / "gate.json") == 0
    worse = house.keep("worse", "v2", wrong=range(80), confidence=0.5)
    assert house.call("gate", worse, "--baseline", first) == 1
    capsys.readouterr()
    assert house.call("promote", worse / "gate.json") == 1
    assert capsys.readouterr().err == "evals: refused: the gate said FAIL; only a PASS can be promoted\n"
    assert house.active().version == "v1"


def test_a_forged_pass_cannot_be_promoted(house, capsys):
    worse = house.keep("worse", wrong=range(80), confidence=0.5)
    assert house.call("gate", worse, "--baseline", house.rules) == 1
    record = worse / "gate.json"
    record.write_text(record.read_text().replace('"FAIL"', '"PASS"'))
    assert house.call("promote", record) == 1
    assert "judged again" in capsys.readouterr().err
    assert house.active() is None


def test_a_weak_policy_proves_nothing(house, tmp_path, capsys):
    from evals.policy import DEFAULT

    weak = tmp_path / "weak.toml"
    weak.write_text(DEFAULT.read_text().replace("margin = 0.06", "margin = 0.5"))
    new = house.keep("new")
    assert house.call("gate", new, "--baseline", house.rules, "--policy", weak) == 0
    assert house.call("promote", new / "gate.json") == 1
    assert "judged under policy" in capsys.readouterr().err


def test_too_few_cases_are_exit_three(house, tmp_path, capsys):
    few = {"cases": 80, "clusters": 40}
    base = save_run(tmp_path / "base", runs.rules(runs.grid(model_id=None, **few)))
    assert house.call("gate", house.keep("few", **few), "--baseline", base) == 3
    assert "more cases are needed" in capsys.readouterr().out


def test_without_a_baseline_the_gate_is_open(house, capsys):
    assert house.call("gate", house.keep("new")) == 3
    assert "no baseline" in capsys.readouterr().out


def test_the_gate_writes_junit_a_summary_and_its_record(house, tmp_path, capsys):
    new = house.keep("leaky", leak=lambda number: number == 1)
    summary = tmp_path / "step.md"
    summary.write_text("before\n")
    files = ("--junit", tmp_path / "gate.xml", "--summary", summary, "--output", tmp_path / "g.json")
    assert house.call("gate", new, "--baseline", house.rules, "--format", "json", *files) == 1
    told = capsys.readouterr()
    assert json.loads(told.out) == json.loads((tmp_path / "g.json").read_text())
    assert str(tmp_path / "g.json") in told.err
    assert summary.read_text().startswith("before\n## ❌ Gate: FAIL")
    suite = ET.parse(tmp_path / "gate.xml").getroot()[0]  # noqa: S314 (our own)
    assert "case-0001" in {case.get("name") for case in suite.findall("testcase")}
    assert not (new / "gate.json").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"identity": {"settings": {"max_log_size_bytes": 1}}}, "max_log_size_bytes"),
        ({"identity": {"repeats": 2}}, "incomplete, 375 rows of 750"),
        (
            {"model_id": "tiny.gguf", "identity": {"model_id": "tiny.gguf"}},
            "is not a model the policy accepts",
        ),
        ({"identity": {"analyst": "recorded:made-up", "model_id": None}, "model_id": None}, "names no model"),
        ({"cases": 100}, "dataset synthetic"),
    ],
)
def test_what_cannot_be_judged_is_an_error_and_no_verdict(house, changes, message):
    new = house.keep("new", **changes)
    with pytest.raises(EvalsError, match=message):
        house.call("gate", new, "--baseline", house.rules)
    assert not (new / "gate.json").exists()


def test_a_draft_and_an_altered_prompt_are_not_judged(house):
    house.shelf.put("v3", "A draft.", release=False)
    draft = house.keep("draft", "v3")
    with pytest.raises(GateError, match="v3 is a draft"):
        house.call("gate", draft, "--baseline", house.rules)
    (house.shelf.root / "diagnosis" / "v3" / "system.j2").write_text("A better draft.")
    with pytest.raises(GateError, match="altered since it was measured"):
        house.call("gate", draft, "--baseline", house.rules)


def test_an_altered_result_file_is_not_judged_and_not_promoted(house):
    new = house.keep("new")
    assert house.call("gate", new, "--baseline", house.rules) == 0
    result = new / "result.json"
    result.write_bytes(result.read_bytes().replace(b'"case-0001"', b'"case-0001" ', 1))
    for argv in (("gate", new, "--baseline", house.rules), ("promote", new / "gate.json")):
        with pytest.raises(GateError, match="altered since it was written"):
            house.call(*argv)
    assert house.active() is None


def test_another_run_in_the_same_place_is_not_promoted(house, capsys):
    new = house.keep("new")
    assert house.call("gate", new, "--baseline", house.rules) == 0
    house.keep("new", confidence=0.85)
    assert house.call("promote", new / "gate.json") == 1
    assert "candidate: the result file was altered" in capsys.readouterr().err


def test_runs_that_were_moved_can_be_named(house, tmp_path):
    new = house.keep("new")
    assert house.call("gate", new, "--baseline", house.rules, "--output", tmp_path / "gate.json") == 0
    moved = new.rename(tmp_path / "moved")
    with pytest.raises(RunError, match="no finished run there"):
        house.call("promote", tmp_path / "gate.json")
    assert house.call("promote", tmp_path / "gate.json", "--candidate", moved) == 0


def test_records_and_runs_can_be_moved_together(house, tmp_path, monkeypatch):
    new = house.keep("new")
    monkeypatch.chdir(tmp_path)
    argv = ("gate", "runs/new", "--baseline", "runs/rules", "--output", "gate.json")
    assert house.call(*argv) == 0
    monkeypatch.chdir(new)
    assert house.call("promote", tmp_path / "gate.json") == 0


def test_without_a_proof_a_reason_is_shown_and_drafts_are_refused(house, capsys):
    assert house.call("promote", "--unproven", "v1", "--reason", "no replies yet") == 0
    assert capsys.readouterr().out == "prompt v1 is in production, gate none (no replies yet)\n"
    house.shelf.put("v3", "A draft.", release=False)
    assert house.call("promote", "--unproven", "v3", "--reason", "r") == 1
    assert house.call("promote", "--unproven", "v2") == 1
    assert house.call("promote", "--unproven", "v2", "--reason", "r", "--expect", "v9") == 1
    assert house.active().version == "v1"


def test_a_record_and_no_proof_exclude_each_other(house):
    for argv in ((), ("gate.json", "--unproven", "v1")):
        with pytest.raises(GateError, match="either a gate record, or --unproven"):
            house.call("promote", *argv)


def test_whoever_listens_is_told(house):
    words = ["promote", "--unproven", "v1", "--reason", "r", "--prompts", str(house.shelf.root)]
    told = []
    assert promote.execute(house.parser.parse_args(words), announce=told.append) == 0
    assert told == [house.active()]
