"""What a scenario does to the cluster while its job runs: waits for a text in the job's logs, then acts.

One thread, the actions in the order they stand in. What goes wrong is kept and raised when the job has ended.
"""

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from evals.errors import ScenarioError
from evals.lab.cluster.cluster import Cluster, ClusterError, pids
from evals.lab.scenario import Action

_POLL_SECONDS: Final = 0.25

_SPOILING: Final = {"lose-node", "stop-datanode"}


class Conductor:
    """Runs the actions of one scenario beside its job."""

    def __init__(
        self,
        scenario_id: str,
        actions: Sequence[Action],
        cluster: Cluster,
        *,
        applications: Callable[[], Sequence[str]],
        streams: Sequence[Path],
        client: Callable[[], int],
    ) -> None:
        """Take what the actions need.

        Args:
            scenario_id: For messages.
            actions: What is done, in this order.
            cluster: Whom it is done to.
            applications: Gives the ids of the job's applications so far.
            streams: The files that hold the step's own output.
            client: Gives the process id of spark-submit.
        """
        self._scenario_id, self._actions, self._cluster = scenario_id, actions, cluster
        self._applications, self._streams, self._client = applications, streams, client
        self._ended = threading.Event()
        self._done = 0
        self._error: ClusterError | None = None

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Act while the block runs.

        Raises:
            ScenarioError: An action failed, or its text never came.
        """
        thread = threading.Thread(target=self._run, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            thread.join()
        if self._error:
            raise ScenarioError(f"{self._scenario_id}: an action failed: {self._error}") from self._error
        if self._done < len(self._actions):
            missing = self._actions[self._done].when
            raise ScenarioError(
                f"{self._scenario_id}: no log held {missing!r} while the job ran; correct action.when"
            )

    def _run(self) -> None:
        try:
            for action in self._actions:
                if not self._wait(action.when):
                    return
                if self._ended.wait(action.delay_seconds) and action.do != "leave-safemode":
                    return
                self._act(action)
                self._done += 1
        except ClusterError as error:
            self._error = error

    def _wait(self, text: str) -> bool:
        needle = text.encode()
        while not any(needle in _content(path) for path in self._logs()):
            if self._ended.wait(_POLL_SECONDS):
                return False
        return True

    def _logs(self) -> Iterator[Path]:
        yield from self._streams
        for application in self._applications():
            for folder in self._cluster.containers(application):
                yield from (path for path in folder.iterdir() if path.name.startswith("std"))

    def _act(self, action: Action) -> None:
        if action.do in _SPOILING:
            self._cluster.spoiled = True
        if action.do == "kill-application":
            self._cluster.run("kill", self._applications()[-1])
        elif action.do == "kill-process":
            self._kill(action)
        elif action.do == "lose-node":
            self._lose(action)
        elif action.do == "stop-datanode":
            self._cluster.run("stop-datanode")
        else:
            self._cluster.run("safemode", action.do.removesuffix("-safemode").upper())

    def _kill(self, action: Action) -> None:
        found = [pid for folder in self._containers(action.of) for pid in pids(folder.name) if _is_java(pid)]
        if action.of == "driver" and not found:
            found = [self._client()]
        for pid in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, action.signal)

    def _lose(self, action: Action) -> None:
        """Take a node away: its manager falls silent and its processes are gone."""
        folders = self._containers(action.of)
        if not folders:
            raise ClusterError(f"lose-node: no {action.of} runs in a container")
        numbers = [_node(folder) for folder in folders]
        drivers = {_node(folder) for folder in self._containers("driver")} if action.of != "driver" else set()
        number = next((one for one in reversed(numbers) if one not in drivers), None)
        if number is None:
            raise ClusterError(f"lose-node: every {action.of} runs beside the driver; run it again")
        self._cluster.run("lose-node", number)
        for pid in pids(str(self._cluster.folder), f"-nm-{number}_0"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _containers(self, kind: str) -> list[Path]:
        folders = self._cluster.containers(self._applications()[-1])
        return [folder for folder in folders if folder.name.endswith("_000001") == (kind == "driver")]


def _node(container: Path) -> str:
    """Read a node's number from `…/lab-logDir-nm-<number>_0/<application>/<container>`."""
    return container.parent.parent.name.rpartition("-")[2].removesuffix("_0")


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""  # not there yet


def _is_java(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/exe").readlink().name == "java"
    return False
