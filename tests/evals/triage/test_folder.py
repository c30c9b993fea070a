"""The committed triage cases: made again byte for byte, valid, and held by the rules analyst."""

import gzip
from pathlib import Path

import pytest

from diagnose.pipeline import run_logs
from diagnose.taxonomy import TriageLabel
from evals.case import Case
from evals.dataset import Dataset, load
from evals.errors import ScenarioError
from evals.source import read_lines
from evals.triage.cli import main
from evals.triage.folder import pack, write_all
from evals.triage.scene import read_all

FOLDER = Path(__file__).parents[3] / "datasets" / "triage"


@pytest.fixture(scope="module")
def triage_cases() -> Dataset:
    return load(FOLDER)


def content(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_the_committed_cases_are_what_the_code_makes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--output", str(tmp_path / "again")]) == 0
    assert content(tmp_path / "again") == content(FOLDER)
    assert main(["--output", str(tmp_path / "again")]) == 0, "a second time over the first"
    assert content(tmp_path / "again") == content(FOLDER)
    assert "cases.jsonl" in capsys.readouterr().out


def test_a_folder_that_holds_anything_else_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine").mkdir()
    assert main(["--output", str(tmp_path)]) == 2
    assert "mine is of no scene" in capsys.readouterr().err
    assert content(tmp_path) == {}


def test_packed_text_is_one_gzip_member_without_time_or_name() -> None:
    packed = pack("line\n" * 1000)
    assert gzip.decompress(packed) == b"line\n" * 1000
    assert packed[:10] == b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff"
    assert gzip.decompress(pack("")) == b""


@pytest.mark.parametrize("wrong", [{"evidence": ("never said",)}, {"safe_to_retry": True}])
def test_a_label_that_does_not_hold_is_refused(tmp_path: Path, wrong: dict[str, object]) -> None:
    scene = next(scene for scene in read_all() if scene.id == "column-added")
    with pytest.raises(ScenarioError, match="column-added"):
        write_all([scene.model_copy(update=wrong)], tmp_path)


def test_every_scenario_has_variants_and_some_are_safe(triage_cases: Dataset) -> None:
    assert len(triage_cases.cases) >= 25
    assert {case.metadata.triage_label for case in triage_cases.cases} == set(TriageLabel)
    assert any(case.metadata.safe_to_retry for case in triage_cases.cases)
    assert all(case.metadata.origin == "synthetic" for case in triage_cases.cases)


def logs_of(dataset: Dataset, case: Case) -> dict[str, tuple[str, ...]]:
    lines = read_lines(dataset.log_root(case))
    return {name.partition("/")[2]: text for name, text in lines.items() if "/containers/" in name}


@pytest.mark.parametrize(
    "cluster", ["triage-service-gone", "triage-null-driver", "triage-silent-stop", "triage-listing-heap"]
)
def test_twins_share_their_log_and_differ_in_their_label(triage_cases: Dataset, cluster: str) -> None:
    twins = [case for case in triage_cases.cases if case.metadata.cluster == cluster]
    assert len(twins) > 1
    first = logs_of(triage_cases, twins[0])
    assert all(logs_of(triage_cases, twin) == first for twin in twins)
    assert len({(twin.metadata.triage_label, twin.metadata.safe_to_retry) for twin in twins}) > 1


def test_the_rules_hold_every_label_and_never_call_an_unsafe_case_safe(triage_cases: Dataset) -> None:
    for case in triage_cases.cases:
        told = run_logs(triage_cases.log_root(case)).diagnosis
        label = case.metadata
        assert (told.triage_label, told.safe_to_retry) == (label.triage_label, label.safe_to_retry), case.id
        assert told.category in (label.category, *label.accept), case.id


def test_without_their_signals_twins_are_judged_alike(triage_cases: Dataset, tmp_path: Path) -> None:
    verdicts = set()
    for case in triage_cases.cases:
        if case.metadata.cluster == "triage-service-gone":
            bare = tmp_path / case.id
            bare.symlink_to(triage_cases.log_root(case), target_is_directory=True)
            told = run_logs(bare).diagnosis
            verdicts.add((told.failure_type, told.triage_label, told.safe_to_retry))
    assert verdicts == {("SERVICE_UNREACHABLE", "UNKNOWN", True)}
