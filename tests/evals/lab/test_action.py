import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from evals.errors import ScenarioError
from evals.lab import action as module
from evals.lab.action import Conductor
from evals.lab.cluster.cluster import ClusterError
from evals.lab.scenario import Action

APPLICATION = "application_1_0001"


class FakeCluster:
    def __init__(self, folder: Path) -> None:
        self.folder, self.spoiled = folder, False
        self.commands: list[tuple[str, ...]] = []
        self.acted = threading.Event()

    def containers(self, application: str) -> list[Path]:
        return sorted(self.folder.glob(f"*/{application}/container_*"))

    def run(self, *words: str) -> str:
        if words[0] == "stop-datanode":
            raise ClusterError("refused")
        self.commands.append(words)
        self.acted.set()
        return ""


@pytest.fixture
def cluster(tmp_path: Path) -> FakeCluster:
    for node, container in ((0, "container_1_0001_01_000001"), (1, "container_1_0001_01_000002")):
        folder = tmp_path / f"lab-logDir-nm-{node}_0" / APPLICATION / container
        folder.mkdir(parents=True)
        (folder / "stdout").write_text("", encoding="utf-8")
    return FakeCluster(tmp_path)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_POLL_SECONDS", 0.01)


def conduct(cluster: FakeCluster, *actions: dict[str, Any], client: int = 0) -> Conductor:
    return Conductor(
        "demo", [Action.model_validate(one) for one in actions], cluster,  # type: ignore[arg-type]
        applications=lambda: [APPLICATION], streams=[cluster.folder / "stderr"], client=lambda: client,
    )  # fmt: skip


def say(cluster: FakeCluster, text: str) -> None:
    [folder] = [path for path in cluster.containers(APPLICATION) if path.name.endswith("1")]
    (folder / "stdout").write_text(text, encoding="utf-8")


def wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)


def test_an_action_waits_for_its_text(cluster: FakeCluster) -> None:
    with conduct(cluster, {"when": "window open", "do": "enter-safemode"}).running():
        say(cluster, "nothing yet")
        assert not cluster.acted.wait(0.1)
        say(cluster, "the window open now")
        assert cluster.acted.wait(5)
    assert cluster.commands == [("safemode", "ENTER")]
    assert not cluster.spoiled


def test_a_text_that_never_comes_is_an_error(cluster: FakeCluster) -> None:
    with (
        pytest.raises(ScenarioError, match="no log held 'window open'"),
        conduct(cluster, {"when": "window open", "do": "kill-application"}).running(),
    ):
        pass


def test_a_command_that_fails_is_told_when_the_job_has_ended(cluster: FakeCluster) -> None:
    say(cluster, "go")
    with (
        pytest.raises(ScenarioError, match="demo: an action failed: refused"),
        conduct(cluster, {"when": "go", "do": "stop-datanode"}).running(),
    ):
        wait(lambda: cluster.spoiled)
    assert cluster.spoiled


def test_the_running_application_is_killed(cluster: FakeCluster) -> None:
    say(cluster, "go")
    with conduct(cluster, {"when": "go", "do": "kill-application"}).running():
        assert cluster.acted.wait(5)
    assert cluster.commands == [("kill", APPLICATION)]


@pytest.fixture
def sleeper(cluster: FakeCluster) -> Iterator[subprocess.Popen[bytes]]:
    """A process of the second node, known by its command line."""
    code = "import time; time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code, f"{cluster.folder}/lab-localDir-nm-1_0"]) as process:
        yield process
        process.kill()


@pytest.mark.parametrize(("of", "number"), [("driver", "0"), ("executor", "1")])
def test_a_node_is_lost_with_its_processes(
    cluster: FakeCluster, sleeper: subprocess.Popen[bytes], of: str, number: str
) -> None:
    say(cluster, "go")
    with conduct(cluster, {"when": "go", "do": "lose-node", "of": of}).running():
        assert cluster.acted.wait(5)
    assert cluster.commands == [("lose-node", number)]
    assert cluster.spoiled
    assert (sleeper.poll() is None) is (of == "driver") or sleeper.wait(5) == -9


def test_the_drivers_node_is_not_lost_with_an_executor_on_it(cluster: FakeCluster) -> None:
    folder = cluster.folder / "lab-logDir-nm-0_0" / APPLICATION / "container_1_0001_01_000003"
    folder.mkdir()
    say(cluster, "go")
    with conduct(cluster, {"when": "go", "do": "lose-node", "of": "executor"}).running():
        assert cluster.acted.wait(5)
    assert cluster.commands == [("lose-node", "1")]


def test_no_node_is_lost_where_every_executor_runs_beside_the_driver(cluster: FakeCluster) -> None:
    [executor] = (path for path in cluster.containers(APPLICATION) if path.name.endswith("2"))
    executor.rename(cluster.folder / "lab-logDir-nm-0_0" / APPLICATION / executor.name)
    say(cluster, "go")
    with (
        pytest.raises(ScenarioError, match="every executor runs beside the driver"),
        conduct(cluster, {"when": "go", "do": "lose-node", "of": "executor"}).running(),
    ):
        time.sleep(0.3)  # the action fails in a thread of its own
    assert cluster.commands == []


def test_the_driver_of_a_client_is_its_spark_submit(
    cluster: FakeCluster, sleeper: subprocess.Popen[bytes]
) -> None:
    say(cluster, "go")
    action = {"when": "go", "do": "kill-process", "of": "driver", "signal": 15}
    with conduct(cluster, action, client=sleeper.pid).running():
        assert sleeper.wait(5) == -15
