from pathlib import Path

import pytest

from evals.errors import ScenarioError
from evals.lab.scenario import Scenario, canary, read, read_all

TEXT = """
id = "demo"
description = "a demonstration"
source = "print('{{canary:key}}', '{{service:api}}')"
args = ["{{tmp}}/in", "{{canary:key}}", "{{canary:other}}"]

[[service]]
name = "api"
kind = "closed"

[label]
category = "DEPENDENCY_FAILURE"
failure_type = "SERVICE_UNREACHABLE"
safe_to_retry = true
evidence = ["refused"]
difficulty = "easy"
"""


@pytest.fixture
def scenario(tmp_path: Path) -> Scenario:
    path = tmp_path / "demo.toml"
    path.write_text(TEXT, encoding="utf-8")
    return read(path)


def test_placeholders_are_filled(scenario: Scenario) -> None:
    values = {"tmp": "/t", "home": "/h", "service:api": "127.0.0.1:1"}
    assert scenario.fill(scenario.args[0], values) == "/t/in"
    assert scenario.fill(scenario.source, values) == f"print('{canary('demo', 'key')}', '127.0.0.1:1')"


def test_a_placeholder_that_names_nothing_is_refused(scenario: Scenario) -> None:
    with pytest.raises(ScenarioError, match="service:nosuch"):
        scenario.fill("{{service:nosuch}}", {"tmp": "/t"})


def test_canaries_are_listed_once_in_order(scenario: Scenario) -> None:
    assert scenario.canaries == (canary("demo", "key"), canary("demo", "other"))


def test_canaries_come_from_their_seed_and_differ() -> None:
    assert canary("a", "key") == canary("a", "key")
    assert len({canary("a", "key"), canary("b", "key"), canary("a", "other")}) == 3
    assert len(canary("a", "key")) >= 12


def test_the_file_is_named_by_the_id(tmp_path: Path) -> None:
    path = tmp_path / "other.toml"
    path.write_text(TEXT, encoding="utf-8")
    with pytest.raises(ScenarioError, match=r"demo\.toml"):
        read(path)


@pytest.mark.parametrize("text", ["not toml", TEXT + "\nnonsense = 1", TEXT.replace("true", '"maybe"')])
def test_a_file_that_is_no_scenario_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "demo.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ScenarioError, match=r"demo\.toml"):
        read(path)


HEALTHY = 'id = "demo"\ndescription = "x"\nplace = "yarn"\nsource = "pass"\nhealthy = true\n'


def reject(tmp_path: Path, text: str, match: str) -> None:
    path = tmp_path / "demo.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ScenarioError, match=match):
        read(path)


def test_a_scenario_has_a_label_or_is_healthy(tmp_path: Path) -> None:
    path = tmp_path / "demo.toml"
    path.write_text(HEALTHY, encoding="utf-8")
    assert read(path).label is None
    reject(tmp_path, HEALTHY.replace("true", "false"), "a label, or it is healthy")
    reject(
        tmp_path, TEXT.replace("description", "healthy = true\ndescription", 1), "a label, or it is healthy"
    )


def test_something_must_be_run(tmp_path: Path) -> None:
    reject(tmp_path, HEALTHY.replace('source = "pass"', ""), "nothing is run")


def test_what_needs_a_cluster_is_refused_without_one(tmp_path: Path) -> None:
    reject(tmp_path, HEALTHY.replace('"yarn"', '"local"') + "nodes = 2\n", "nodes: only with place = 'yarn'")
    reject(tmp_path, HEALTHY + "unprivileged = true\n", "only with place = 'local'")


def test_canaries_are_found_in_every_text(tmp_path: Path) -> None:
    path = tmp_path / "demo.toml"
    more = """
options = ["{{canary:a}}"]
shell = "{{canary:b}}"
hdfs = [{path = "/x", text = "{{canary:c}}"}]
archive = [{path = "x.zip", files = {"a.py" = "{{canary:d}}"}}]
"""
    path.write_text(HEALTHY + more, encoding="utf-8")
    assert read(path).canaries == tuple(canary("demo", name) for name in "abdc")


def test_every_committed_scenario_is_valid() -> None:
    scenarios = read_all()
    assert len({scenario.id for scenario in scenarios}) == len(scenarios) >= 14
    for scenario in scenarios:
        for text in (scenario.source, scenario.prepare):
            compile(scenario.fill(text, _Everything()), scenario.id, "exec")


class _Everything(dict[str, str]):
    def __contains__(self, key: object) -> bool:
        return True

    def __getitem__(self, key: str) -> str:
        return "x"
