"""What goes into production, and what is refused."""

import threading
import tomllib
from datetime import timedelta
from functools import cache

import pytest
import runs

from diagnose.shelf import load_prompt, read_active
from evals import promotion
from evals.criterion import Verdict
from evals.errors import GateError
from evals.gate import Exhibit, judge
from evals.policy import load_policy
from evals.promotion import PromotionRefusedError, promote, promote_unproven, read_shelf, state_of_prompt

POLICY = load_policy()
RECORD = "e" * 64


@pytest.fixture
def shelf(tmp_path):
    made = runs.Shelf(tmp_path / "prompts")
    made.put("v1")
    made.put("v2", "Other words.")
    made.put("v3", "A draft.", release=False)
    return made


def exhibit(run):
    return Exhibit(run=run, file="result.json", sha256=runs.sha256(run.provenance.run_id))


@cache
def answers(version, sha256, wrong=()):
    rows = runs.grid(wrong=wrong, prompt_version=version, prompt_sha256=sha256)
    return exhibit(runs.run(rows, run_id=f"run-{version}", prompt_version=version, prompt_sha256=sha256))


@cache
def rules():
    return exhibit(runs.rules())


class Case:
    """A judged candidate, ready to be promoted."""

    def __init__(self, shelf, version="v2", baseline=None, wrong=()):
        self.candidate = answers(version, shelf.sha256(version), wrong)
        self.baseline = baseline or rules()
        self.today = runs.standing(self.candidate.run)
        self.record = judge(
            self.candidate,
            self.baseline,
            POLICY,
            shelf=read_shelf(shelf.root, version),
            standing=self.today,
            date=runs.MOMENT,
        )

    def promote(self, shelf, **changes):
        values = {
            "record_sha256": RECORD,
            "candidate": self.candidate,
            "baseline": self.baseline,
            "policy": POLICY,
            "standing": self.today,
            "root": shelf.root,
            "date": runs.MOMENT + timedelta(hours=1),
        }
        record = changes.pop("record", self.record)
        return promote(record, **{**values, **changes})


def refusal(case, shelf, **changes):
    before = shelf.active.read_bytes() if shelf.active.exists() else None
    with pytest.raises(PromotionRefusedError) as caught:
        case.promote(shelf, **changes)
    assert (shelf.active.read_bytes() if shelf.active.exists() else None) == before
    return str(caught.value)


def test_a_passed_prompt_is_what_production_loads_with_its_gate(shelf):
    case = Case(shelf)
    active = case.promote(shelf)
    prompt = load_prompt(None, roots=[shelf.root])
    assert (prompt.version.name, prompt.version.sha256) == ("v2", shelf.sha256("v2"))
    assert prompt.gate == f"pass 2026-11-22 {runs.MODEL}"
    assert read_active(roots=[shelf.root]) == active
    assert (active.run_id, active.gate_sha256, active.model) == ("run-v2", RECORD, runs.MODEL)
    assert active.date == "2026-11-22T13:00:00+00:00"


def test_only_a_pass_is_promoted(shelf):
    case = Case(shelf, wrong=tuple(range(90)))
    assert case.record.verdict is Verdict.FAIL
    assert "the gate said FAIL" in refusal(case, shelf)


def test_a_record_that_says_pass_by_hand_is_judged_again(shelf):
    case = Case(shelf, wrong=tuple(range(90)))
    passed = tuple(check.model_copy(update={"verdict": Verdict.PASS}) for check in case.record.checks)
    forged = case.record.model_copy(update={"verdict": Verdict.PASS, "checks": passed})
    assert "judged again, the gate says FAIL" in refusal(case, shelf, record=forged)


def test_a_record_that_names_another_prompt_by_hand_is_refused(shelf):
    case = Case(shelf)
    named = case.record.candidate.model_copy(
        update={"prompt_version": "v1", "prompt_sha256": shelf.sha256("v1")}
    )
    message = refusal(case, shelf, record=case.record.model_copy(update={"candidate": named}))
    assert "altered since it was measured" in message or "another prompt" in message


def test_altered_result_files_are_refused(shelf):
    case = Case(shelf)
    for side in ("candidate", "baseline"):
        other = Exhibit(run=getattr(case, side).run, file="r", sha256="0" * 64)
        assert f"{side}: the result file was altered" in refusal(case, shelf, **{side: other})
    assert "nothing now" in refusal(case, shelf, baseline=None)


def test_another_policy_than_the_one_in_force_is_refused(shelf):
    weak = POLICY.model_copy(update={"sha256": "0" * 64})
    assert "judged under policy" in refusal(Case(shelf), shelf, policy=weak)


def test_a_prompt_that_was_altered_after_the_gate_is_refused(shelf):
    case = Case(shelf)
    (shelf.root / "diagnosis" / "v2" / "system.j2").write_text("Better words.")
    with pytest.raises(GateError, match="v2 was altered after its release"):
        case.promote(shelf)
    assert not shelf.active.exists()


def test_a_prompt_that_is_gone_or_no_longer_released_is_refused(shelf):
    case = Case(shelf)
    (shelf.root / "released.toml").unlink()
    assert "v2 is a draft" in refusal(case, shelf)


def test_nothing_is_written_when_production_changed_since_the_gate(shelf):
    case = Case(shelf)
    promote_unproven("v1", "an emergency", root=shelf.root, date=runs.MOMENT)
    assert "production changed since the gate judged (none then, v1 now)" in refusal(case, shelf)


def test_what_is_expected_in_production_must_be_there(shelf):
    case = Case(shelf)
    assert "expected v1 in production, there is none promoted" in refusal(case, shelf, expect="v1")
    case.promote(shelf)
    again = Case(shelf, "v1", baseline=case.candidate)
    assert "expected v9 in production, there is v2" in refusal(again, shelf, expect="v9")
    assert again.promote(shelf, expect="v2").version == "v1"


def test_a_worse_prompt_cannot_replace_a_proven_one(shelf):
    first = Case(shelf)
    first.promote(shelf)
    worse = Case(shelf, "v1", baseline=first.candidate, wrong=tuple(range(60)))
    assert worse.record.verdict is Verdict.FAIL
    refusal(worse, shelf)
    assert load_prompt(None, roots=[shelf.root]).version.name == "v2"


def test_the_same_promotion_again_writes_nothing_and_tells_again(shelf):
    case, told = Case(shelf), []
    first = case.promote(shelf)
    before = shelf.active.stat()
    later = runs.MOMENT + timedelta(days=3)
    assert case.promote(shelf, date=later, expect="v1", announce=told.append) == first
    assert told == [first]
    after = shelf.active.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_another_record_of_the_same_prompt_is_no_repetition(shelf):
    case = Case(shelf)
    case.promote(shelf)
    assert "production changed" in refusal(case, shelf, record_sha256="f" * 64)


def test_a_promotion_without_a_proof_can_be_repeated(shelf):
    def promote_v1(reason="r", **changes):
        return promote_unproven("v1", reason, **{"root": shelf.root, "date": runs.MOMENT, **changes})

    first = promote_v1()
    before = shelf.active.read_bytes()
    assert promote_v1(date=runs.MOMENT + timedelta(days=1), expect="v2") == first
    assert shelf.active.read_bytes() == before
    assert promote_v1("another reason").reason == "another reason"
    Case(shelf).promote(shelf)
    with pytest.raises(PromotionRefusedError, match="add --expect v2"):
        promote_v1()


def test_the_gate_text_has_the_day_of_the_promotion(shelf):
    active = Case(shelf).promote(shelf, date=runs.MOMENT + timedelta(days=2))
    assert active.gate == f"pass 2026-11-24 {runs.MODEL}"


def test_a_record_of_tomorrow_or_from_before_its_runs_is_refused(shelf):
    case = Case(shelf)
    ahead = case.record.model_copy(update={"date": runs.MOMENT + timedelta(hours=2)})
    message = refusal(case, shelf, record=ahead)
    assert "dated 2026-11-22 14:00:00 UTC, which is yet to come (now: 2026-11-22 13:00:00 UTC)" in message
    early = case.record.model_copy(update={"date": runs.MOMENT - timedelta(days=90)})
    assert "before the candidate's run (2026-11-22 12:00:00 UTC)" in refusal(case, shelf, record=early)


def test_what_was_measured_with_other_code_or_data_is_not_promoted(shelf):
    case = Case(shelf)
    now = runs.standing(case.candidate.run, code_sha256="0" * 64)
    assert "product code" in refusal(case, shelf, standing=now)
    now = runs.standing(case.candidate.run, datasets={**case.today.datasets, "triage": "0" * 64})
    assert "dataset triage" in refusal(case, shelf, standing=now)


def test_whoever_is_told_is_told_after_the_file_is_there(shelf):
    told = []
    Case(shelf).promote(shelf, announce=lambda active: told.append((active.version, shelf.active.exists())))
    assert told == [("v2", True)]
    promote_unproven(
        "v1", "r", root=shelf.root, date=runs.MOMENT, expect="v2", announce=lambda a: told.append(a.gate)
    )
    assert told[1:] == ["none"]


def test_two_promotions_at_once_cannot_both_win(shelf):
    cases, won, lost = [Case(shelf), Case(shelf, "v1")], [], []

    def attempt(case, record_sha256):
        try:
            won.append(case.promote(shelf, record_sha256=record_sha256))
        except PromotionRefusedError as error:
            lost.append(error)

    threads = [threading.Thread(target=attempt, args=(cases[n % 2], str(n) * 64)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(won), len(lost)) == (1, 3)


def test_without_a_proof_the_reason_is_kept_and_the_gate_is_none(shelf):
    active = promote_unproven("v1", "  no replies \n yet ", root=shelf.root, date=runs.MOMENT)
    assert (active.gate, active.reason, active.run_id) == ("none", "no replies yet", "")
    prompt = load_prompt(None, roots=[shelf.root])
    assert (prompt.version.name, prompt.gate) == ("v1", "none")


@pytest.mark.parametrize("reason", ["", "  ", "x" * 301, "a\x1b[31mb", "a\x00"])
def test_without_a_proof_a_reason_must_be_given(shelf, reason):
    with pytest.raises(PromotionRefusedError, match="--reason"):
        promote_unproven("v1", reason, root=shelf.root, date=runs.MOMENT)


@pytest.mark.parametrize(
    ("version", "message"),
    [("v3", "v3 is a draft"), ("v9", "v9 is not on the shelf"), ("../v1", "not on the shelf")],
)
def test_without_a_proof_drafts_and_strangers_are_refused(shelf, version, message):
    with pytest.raises(PromotionRefusedError, match=message):
        promote_unproven(version, "r", root=shelf.root, date=runs.MOMENT)
    assert not shelf.active.exists()


def test_a_proven_prompt_is_not_silently_replaced_by_one_without_a_proof(shelf):
    Case(shelf).promote(shelf)
    with pytest.raises(PromotionRefusedError, match="add --expect v2"):
        promote_unproven("v1", "r", root=shelf.root, date=runs.MOMENT)
    assert promote_unproven("v1", "r", root=shelf.root, date=runs.MOMENT, expect="v2").version == "v1"


@pytest.mark.parametrize("reason", ['say "no"', "back\\slash", "ünïcödé \N{PILE OF POO}", "a = 'b' # c"])
def test_every_reason_survives_the_file(shelf, reason):
    promote_unproven("v1", reason, root=shelf.root, date=runs.MOMENT)
    assert tomllib.loads(shelf.active.read_text(encoding="utf-8"))["reason"] == reason
    assert shelf.active.read_text(encoding="utf-8").startswith("# Written by `evals promote`")


def test_no_half_file_is_left(shelf):
    promote_unproven("v1", "r", root=shelf.root, date=runs.MOMENT)
    assert sorted(path.name for path in shelf.root.iterdir()) == [
        "active.toml", "diagnosis", "released.toml",
    ]  # fmt: skip


def test_a_shelf_that_is_not_there_is_named(tmp_path):
    with pytest.raises(GateError, match=r"no shelf of prompts at .*nowhere.*--prompts"):
        promote_unproven("v1", "r", root=tmp_path / "nowhere", date=runs.MOMENT)


def test_a_broken_promotion_stops_the_next(shelf):
    shelf.active.write_text("version = ")
    with pytest.raises(GateError, match=r"active\.toml"):
        promote_unproven("v1", "r", root=shelf.root, date=runs.MOMENT)


def test_the_state_is_one_line(shelf, tmp_path):
    def state():
        told = state_of_prompt([shelf.root])
        assert "\n" not in told
        return told

    assert state() == "prompt v2: not promoted (newest released), gate none"
    promote_unproven("v1", "no replies yet", root=shelf.root, date=runs.MOMENT)
    assert state() == "prompt v1: promoted without a proof (no replies yet), gate none"
    shelf.active.unlink()
    Case(shelf).promote(shelf)
    assert state() == f"prompt v2: promoted 2026-11-22 by run run-v2, gate pass 2026-11-22 {runs.MODEL}"
    (shelf.root / "diagnosis" / "v2" / "user.j2").write_text("x")
    assert state().startswith("prompt: unusable, ")
    assert state_of_prompt([tmp_path / "nowhere"]) == "prompt: none, there is no shelf"


def test_a_result_file_that_was_touched_is_not_read(tmp_path):
    run = runs.run(runs.grid(cases=3))
    file = tmp_path / "result.json"
    file.write_bytes(run.dump())
    read = promotion.read_exhibit(tmp_path)
    assert (read.run, read.file) == (run, str(file))
    file.write_bytes(run.dump().replace(b'"confidence":0.9,', b'"confidence": 0.9,', 1))
    with pytest.raises(GateError, match="was altered since it was written"):
        promotion.read_exhibit(file)


@pytest.mark.parametrize("text", [b"", b"{}", b"[1]", b"\xff"])
def test_a_file_that_is_no_gate_record_is_named(tmp_path, text):
    (tmp_path / "gate.json").write_bytes(text)
    with pytest.raises(GateError, match=r"gate\.json: not a gate record"):
        promotion.read_record(tmp_path / "gate.json")
    with pytest.raises(GateError, match="can't be read: No such file"):
        promotion.read_record(tmp_path / "nowhere.json")
