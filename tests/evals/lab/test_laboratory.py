import gzip
from pathlib import Path
from typing import Any

import pytest

from evals.errors import PrerequisiteError, ScenarioError
from evals.lab import cli, laboratory
from evals.lab.cluster.cluster import Application
from evals.lab.cluster.engine import Engine
from evals.lab.laboratory import Laboratory, run_all
from evals.lab.scenario import Scenario

LABEL = {
    "category": "UNKNOWN",
    "failure_type": "UNEXPLAINED_EXIT",
    "safe_to_retry": False,
    "evidence": ["ended with exit code 4"],
    "difficulty": "easy",
}


def scenario(name: str = "demo", **changes: Any) -> Scenario:
    return Scenario.model_validate(
        {"id": name, "description": "x", "source": "pass", "label": LABEL, **changes}
    )


@pytest.fixture
def installed(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Engine:
    monkeypatch.setattr(laboratory, "find_engine", lambda *_args, **_more: engine)
    return engine


class FakeCluster:
    made: list["FakeCluster"]

    def __init__(self, engine: Engine, folder: Path, *, nodes: int, environment: dict[str, str]) -> None:
        self.engine, self.folder, self.nodes, self.environment = engine, folder, nodes, environment
        self.conf, self.logs, self.default_fs = folder / "conf", folder / "logs", "localhost:40123"
        self.spoiled = self.stopped = False
        self.settled = 0
        for path in (self.conf, self.logs):
            path.mkdir()
        for daemon in ("nodemanager", "resourcemanager"):
            (self.logs / f"{daemon}.log").write_text("started\n", encoding="utf-8")
        self.made.append(self)

    def run(self, *words: str) -> str:
        with (self.logs / "nodemanager.log").open("a", encoding="utf-8") as stream:
            stream.write(f"{words}\n")
        return ""

    def applications(self) -> tuple[Application, ...]:
        ids = [f"application_1795372022454_{number:04d}" for number in range(1, self.settled + 1)]
        return tuple(Application(id=name, state="FINISHED", final="KILLED") for name in ids)

    def containers(self, _application: str) -> list[Path]:
        return []

    def settle(self) -> None:
        self.settled += 1
        with (self.logs / "resourcemanager.log").open("a", encoding="utf-8") as stream:
            stream.write("settled\n")

    def node_folders(self, _kind: str) -> list[Path]:
        return []

    def stop(self) -> None:
        self.stopped = True


@pytest.fixture
def clusters(monkeypatch: pytest.MonkeyPatch) -> list[FakeCluster]:
    FakeCluster.made = []
    monkeypatch.setattr(laboratory, "Cluster", FakeCluster)
    return FakeCluster.made


def test_a_local_scenario_is_run_and_harvested(tmp_path: Path, installed: Engine) -> None:
    with Laboratory(tmp_path / "engines") as lab:
        folder = lab.run(scenario(), tmp_path / "out")
    assert folder == tmp_path / "out" / "demo"
    assert len([*folder.rglob("*.gz")]) == 4


def test_a_cluster_is_kept_while_it_fits(
    tmp_path: Path, installed: Engine, clusters: list[FakeCluster]
) -> None:
    with Laboratory(tmp_path / "engines") as lab:
        for name, nodes in (("a", 1), ("b", 1), ("c", 2)):
            lab.run(scenario(name, place="yarn", nodes=nodes), tmp_path / "out")
        assert [cluster.nodes for cluster in clusters] == [1, 2]
        clusters[1].spoiled = True
        lab.run(scenario("d", place="yarn", nodes=2), tmp_path / "out")
    assert len(clusters) == 3
    assert all(cluster.stopped for cluster in clusters)
    assert set(clusters[0].environment) >= {"PATH", "JAVA_HOME"}
    [daemon] = (tmp_path / "out" / "b").rglob("*resourcemanager*.gz")
    assert gzip.decompress(daemon.read_bytes()).decode() == "settled\n", "only what was logged meanwhile"


def test_a_scenario_that_goes_wrong_spoils_its_cluster(
    tmp_path: Path, installed: Engine, clusters: list[FakeCluster]
) -> None:
    with Laboratory(tmp_path / "engines") as lab:
        with pytest.raises(ScenarioError, match="designed was FAILED"):
            lab.run(scenario("a", place="yarn", applications=["FAILED"]), tmp_path / "out")
        lab.run(scenario("b", place="yarn"), tmp_path / "out")
    assert len(clusters) == 2


def test_all_are_run_whatever_one_does(
    tmp_path: Path, installed: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = scenario("a", label={**LABEL, "evidence": ["no such line"]})
    missing = scenario("b", requires=["module_that_nobody_wrote"])
    with Laboratory(tmp_path) as lab, pytest.raises(ScenarioError, match="not as designed: a; the reasons"):
        [*run_all(lab, [wrong, missing, scenario("c")], tmp_path / "out", strict=False)]
    said = capsys.readouterr().err
    assert f"its logs stand in {tmp_path}/wrong/a" in said
    assert [*(tmp_path / "wrong" / "a").rglob("stderr.gz")]
    assert not (tmp_path / "out" / "a").exists(), "what is there is never replaced by a run that went wrong"
    assert "a: NOT AS DESIGNED" in said and "skipped: b:" in said and "[3/3] c:" in said
    with Laboratory(tmp_path) as lab, pytest.raises(PrerequisiteError, match="module_that_nobody_wrote"):
        [*run_all(lab, [missing], tmp_path / "out", strict=True)]


@pytest.mark.parametrize(("chance", "tries"), [(True, 4), (False, 0)])
def test_a_scenario_of_chance_is_tried_again(
    tmp_path: Path, installed: Engine, capsys: pytest.CaptureFixture[str], *, chance: bool, tries: int
) -> None:
    wrong = scenario("a", chance=chance, label={**LABEL, "evidence": ["no such line"]})
    with Laboratory(tmp_path) as lab, pytest.raises(ScenarioError, match="not as designed: a; the reasons"):
        [*run_all(lab, [wrong], tmp_path / "out", strict=False)]
    said = capsys.readouterr().err
    assert said.count(" of 5: a: no line of its logs") == tries
    assert said.count("a: NOT AS DESIGNED") == 1


@pytest.fixture
def only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "read_all", lambda: (scenario(),))


@pytest.mark.usefixtures("only")
def test_run_then_check_finds_no_difference_until_something_changes(
    tmp_path: Path, installed: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out"
    assert cli.main(["run", "--output", str(output)]) == 0
    assert (output / "cases.jsonl").read_text(encoding="utf-8").count("\n") == 1
    assert cli.main(["check", "--output", str(output)]) == 0
    assert "1 scenarios ran as designed; 0 of them differ" in capsys.readouterr().out
    [stderr] = output.rglob("stderr.gz")
    stderr.write_bytes(gzip.compress(b"ERROR of another day\n"))
    assert cli.main(["check", "--output", str(output), "--engines", str(tmp_path)]) == 1
    said = capsys.readouterr().out
    assert "demo: - steps/" in said and f"the new harvest stands in {tmp_path}/different/demo" in said
    assert [*(tmp_path / "different" / "demo").rglob("stderr.gz")]


def test_a_check_tells_what_it_compared_though_another_scenario_goes_wrong(
    tmp_path: Path, installed: Engine, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "out"
    monkeypatch.setattr(cli, "read_all", lambda: (scenario("b"),))
    assert cli.main(["run", "--output", str(output)]) == 0
    [stderr] = output.rglob("stderr.gz")
    stderr.write_bytes(gzip.compress(b"ERROR of another day\n"))
    wrong = scenario("a", label={**LABEL, "evidence": ["no such line"]})
    monkeypatch.setattr(cli, "read_all", lambda: (wrong, scenario("b")))
    assert cli.main(["check", "--engines", str(tmp_path), "--output", str(output)]) == 2
    said = capsys.readouterr()
    assert "b: - steps/" in said.out
    assert "1 scenarios ran as designed; 1 of them differ" in said.out
    assert "not as designed: a" in said.err


def test_a_missing_prerequisite_exits_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    empty = ["run", "--scenario", "wide-join", "--engines", str(tmp_path), "--output", str(tmp_path)]
    assert cli.main(empty) == 2
    assert capsys.readouterr().err.startswith("evals.lab: ")


def test_an_unknown_scenario_exits_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["run", "--scenario", "nosuch", "--output", str(tmp_path)]) == 2
    assert "nosuch.toml" in capsys.readouterr().err


@pytest.mark.parametrize("command", [[], ["setup"], ["run"], ["check"], ["index"]])
def test_every_help_shows_an_example(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main([*command, "--help"])
    assert "example:\n  python -m evals.lab setup" in capsys.readouterr().out
