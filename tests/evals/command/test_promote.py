"""From runs on the disk through the gate into production: exit codes, files, refusals, end to end."""

import argparse
import gzip
import json
import xml.etree.ElementTree as ET
from datetime import UTC, datetime

import pytest
import runs

from diagnose.shelf import load_prompt, read_active
from evals.archive import save_run
from evals.command import gate, promote
from evals.command.track import move_alias, open_tracker
from evals.dataset import digest
from evals.errors import DatasetError, EvalsError, GateError, RunError
from evals.policy import load_policy
from evals.promotion import read_standing

YESTERDAY = datetime(2025, 1, 1, tzinfo=UTC)
"""Before any clock that these tests may see."""


def put_dataset(folder, line="Connection refused"):
    """Write a dataset of one case: what is measured is made up, the files that it names are there."""
    root = folder / "one" / "logs"
    root.mkdir(parents=True, exist_ok=True)
    (root / "stdout.gz").write_bytes(gzip.compress(line.encode(), mtime=0))
    label = {
        "category": "DEPENDENCY_FAILURE", "failure_type": "SERVICE_UNREACHABLE", "safe_to_retry": True,
        "evidence": ["Connection refused"], "canaries": [], "origin": "lab", "cluster": "one",
        "difficulty": "easy", "version": 1, "sha256": digest(root),
    }  # fmt: skip
    names = {"case_id": folder.name, "log_root": "one/logs", "cluster_id": "j-TEST", "step_id": "s-TEST"}
    row = {
        "description": "a test", "vars": names, "metadata": label, "options": {"disableVarExpansion": True},
    }  # fmt: skip
    (folder / "cases.jsonl").write_text(json.dumps(row) + "\n")


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
        for name in load_policy().datasets.required:
            put_dataset(home / "datasets" / name)
        self.today = read_standing(load_policy(), home / "datasets")
        self.rules = self.keep_rules("rules")

    def keep_rules(self, name, **changes):
        rows = runs.grid(model_id=None, **changes)
        run = runs.rules(rows, date=YESTERDAY, **runs.made_of(self.today, rows))
        return save_run(self.home / "runs" / name, run).parent

    def keep(self, name, version="v2", identity=None, **changes):
        digest = self.shelf.sha256(version)
        rows = runs.grid(prompt_version=version, prompt_sha256=digest, **changes)
        names = {"run_id": name, "prompt_version": version, "prompt_sha256": digest, "date": YESTERDAY}
        run = runs.run(rows, **{**names, **runs.made_of(self.today, rows), **(identity or {})})
        return save_run(self.home / "runs" / name, run).parent

    def call(self, *argv):
        words = [*map(str, argv), "--prompts", str(self.shelf.root)]
        words += ["--datasets", str(self.home / "datasets")]
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


def test_too_few_cases_are_exit_three(house, capsys):
    few = {"cases": 80, "clusters": 40}
    base = house.keep_rules("base", **few)
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
        ({"cases": 100}, "the runs can't be judged together: 275 cases only in the baseline"),
        ({"dataset": "lab"}, "dataset synthetic: missing in the run"),
        ({"identity": {"code_sha256": "0" * 64}}, "product code: sha256 0000.* run the cases again"),
        ({"identity": {"scorers_sha256": "0" * 64}}, "scorers: sha256 0000.* run the cases again"),
    ],
)
def test_what_cannot_be_judged_is_an_error_and_no_verdict(house, changes, message):
    new = house.keep("new", **changes)
    with pytest.raises(EvalsError, match=message):
        house.call("gate", new, "--baseline", house.rules)
    assert not (new / "gate.json").exists()


def test_a_hand_picked_subset_gets_no_verdict(house):
    rows = runs.grid(prompt_version="v2", prompt_sha256=house.shelf.sha256("v2"))
    ids = runs.made_of(house.today, rows)["datasets"]
    chosen = tuple(each.model_copy(update={"sha256": "1" * 64, "part_of": each.sha256}) for each in ids)
    picked = house.keep("picked", identity={"datasets": chosen})
    with pytest.raises(GateError, match="dataset lab: the run holds a part of its cases"):
        house.call("gate", picked, "--baseline", house.rules)
    assert not (picked / "gate.json").exists()


def test_a_dataset_that_grew_or_is_gone_stops_gate_and_promotion(house, capsys):
    new = house.keep("new")
    assert house.call("gate", new, "--baseline", house.rules) == 0
    put_dataset(house.home / "datasets" / "lab", "Connection refused, again")
    with pytest.raises(GateError, match=r"dataset lab: .* in the run, .* in the repository; run the cases"):
        house.call("gate", new, "--baseline", house.rules)
    capsys.readouterr()
    assert house.call("promote", new / "gate.json") == 1
    assert "dataset lab" in capsys.readouterr().err
    (house.home / "datasets" / "triage").rename(house.home / "gone")
    with pytest.raises(DatasetError, match="triage: no such folder"):
        house.call("promote", new / "gate.json")
    assert house.active() is None


def test_todays_settings_are_the_default_ones_whatever_the_environment_says(house, monkeypatch):
    monkeypatch.setenv("MAX_LOG_SIZE_BYTES", "2048")
    assert read_standing(load_policy(), house.home / "datasets") == house.today
    odd = house.keep("odd", identity={"settings": {**house.today.settings, "max_log_size_bytes": 2048}})
    with pytest.raises(GateError, match="max_log_size_bytes: 2048 in the run, 32768 by default"):
        house.call("gate", odd, "--baseline", house.rules)


@pytest.mark.parametrize("text", [b"version = ", b"version = 1", b"\xff"])
def test_a_damaged_active_toml_is_named(house, text):
    house.shelf.active.write_bytes(text)
    with pytest.raises(GateError, match=r"active\.toml"):
        house.call("promote", "--unproven", "v1", "--reason", "r")
    new = house.keep("new")
    with pytest.raises(GateError, match=r"active\.toml"):
        house.call("gate", new, "--baseline", house.rules)
    with pytest.raises(GateError, match=r"active\.toml"):
        move_alias("", "production", "v1", None, prompts=house.shelf.root)
    assert house.shelf.active.read_bytes() == text


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


@pytest.mark.filterwarnings("ignore")  # MLflow's own, of its dependencies
def test_an_alias_that_was_not_moved_is_moved_by_the_same_command_again(house, tmp_path, capsys):
    uri = f"sqlite:///{tmp_path}/kept/mlflow.db"
    assert house.call("promote", "--unproven", "v1", "--reason", "first", "--track", uri) == 0
    new = house.keep("new")
    assert house.call("gate", new, "--baseline", house.rules) == 0
    (tmp_path / "file").write_text("")
    capsys.readouterr()
    assert house.call("promote", new / "gate.json", "--track", f"sqlite:///{tmp_path}/file/mlflow.db") == 2
    told = capsys.readouterr()
    assert told.out.startswith("prompt v2 is in production, gate pass ")
    assert "prompt v2 IS in production, but the alias production in MLflow was not moved" in told.err
    written = house.shelf.active.read_bytes()
    assert open_tracker(uri).holder("production") == house.shelf.sha256("v1")
    assert house.call("promote", new / "gate.json", "--track", uri) == 0
    assert capsys.readouterr().out.startswith("prompt v2 is in production, gate pass ")
    assert open_tracker(uri).holder("production") == house.shelf.sha256("v2")
    assert house.shelf.active.read_bytes() == written


def test_whoever_listens_is_told(house):
    words = ["promote", "--unproven", "v1", "--reason", "r", "--prompts", str(house.shelf.root)]
    told = []
    assert promote.execute(house.parser.parse_args(words), announce=told.append) == 0
    assert told == [house.active()]
