"""Hadoop's mini clusters as one child process: started, told what to do, asked what runs, stopped.

The child ends with our end of its standard input, so nothing stays behind when this process dies.
"""

import contextlib
import os
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, Self

from evals.errors import EvalsError
from evals.lab.cluster.engine import FOLDER, Engine

START_SECONDS: Final = 180
"""About 15 s on two idle cores."""
_ANSWER_SECONDS: Final = 60
_SETTLE_SECONDS: Final = 30
_QUIET_SECONDS: Final = 1.5
_NODE_MB: Final = {1: 5120, 2: 2560}
"""Memory of one node manager, by their number: the sum is what a small machine can give."""

_OPENED: Final = (
    "java.lang", "java.lang.invoke", "java.lang.reflect", "java.io", "java.net", "java.nio", "java.util",
    "java.util.concurrent", "java.util.concurrent.atomic", "sun.nio.ch", "sun.nio.cs", "sun.security.action",
    "sun.util.calendar",
)  # fmt: skip
"""What Hadoop looks into by reflection and Java 17 keeps closed."""

_FINAL: Final = frozenset({"FINISHED", "FAILED", "KILLED"})


class ClusterError(EvalsError):
    """The cluster did not start, or refused a command; the message holds its reason."""


@dataclass(frozen=True, kw_only=True)
class Application:
    """One application as the resource manager knows it."""

    id: str
    state: str
    final: str


class Cluster:
    """A running YARN and HDFS."""

    def __init__(self, engine: Engine, folder: Path, *, nodes: int, environment: Mapping[str, str]) -> None:
        """Start it and wait until it is ready.

        Args:
            engine: The release; its jars must have been found.
            folder: An empty folder of its own.
            nodes: Node managers, 1 or 2.
            environment: All the child and the containers see.

        Raises:
            ClusterError: It did not start.
        """
        self.engine, self.folder, self.nodes = engine, folder, nodes
        self.spoiled = False
        """Whether something was done to it that a later job would feel."""
        self.logs.mkdir(parents=True)
        self._answers: queue.Queue[str] = queue.Queue()
        self._errors = (folder / "stderr").open("wb")
        self._process = subprocess.Popen(  # noqa: S603 (our own program, no shell)
            self._command(), cwd=folder, env={**environment, "HADOOP_USER_NAME": "hdfs"},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, text=True,
        )  # fmt: skip
        threading.Thread(target=self._read, daemon=True).start()
        try:
            self._wait_until_ready()
        except ClusterError:
            self.stop()
            raise

    def _wait_until_ready(self) -> None:
        said = self._answer(START_SECONDS)
        if said != "READY":
            raise ClusterError(f"the cluster said {said!r} and not READY; see {self.folder / 'stderr'}")

    def _command(self) -> list[str]:
        opened = [part for name in _OPENED for part in ("--add-opens", f"java.base/{name}=ALL-UNNAMED")]
        path = f"{self.engine.jars}/*:{self.engine.spark}/jars/*"
        return [
            str(self.engine.java / "java"), "-Xmx1g", *opened,
            "--add-exports", "java.base/sun.net.dns=ALL-UNNAMED",
            f"-Dlab.logs={self.logs}", f"-Dlog4j2.configurationFile={FOLDER / 'log4j2.properties'}",
            "-Duser.timezone=UTC", "-cp", path,
            str(FOLDER / "Cluster.java"), str(self.folder), str(self.nodes), str(_NODE_MB[self.nodes]),
        ]  # fmt: skip

    @property
    def conf(self) -> Path:
        """Folder of the clients' configuration."""
        return self.folder / "conf"

    @property
    def logs(self) -> Path:
        """Folder of the daemons' logs: resourcemanager.log, nodemanager.log."""
        return self.folder / "logs"

    @property
    def default_fs(self) -> str:
        """Host and port of the name node, as clients see it."""
        text = (self.conf / "hdfs-site.xml").read_text(encoding="utf-8")
        return text.partition("hdfs://")[2].partition("<")[0]

    def node_folders(self, kind: str) -> list[Path]:
        """Give the `local` or `log` folder of each node, by number."""
        found = self.folder.glob(f"target/test/data/lab/*/lab-{kind}Dir-nm-*_0")
        return sorted(found, key=lambda path: path.name)

    def containers(self, application: str) -> list[Path]:
        """Give the log folders of an application's containers, by name."""
        folders = [
            path for node in self.node_folders("log") for path in (node / application).glob("container_*")
        ]
        return sorted(folders, key=lambda path: path.name)

    def run(self, *words: str) -> str:
        """Give one command (`Cluster.java` lists them) and return what it answers.

        Raises:
            ClusterError: It refused, or is gone.
        """
        stdin: IO[str] | None = self._process.stdin
        try:
            if stdin is None:
                raise ClusterError("the cluster takes no commands")
            stdin.write("\t".join(words) + "\n")
            stdin.flush()
        except OSError as error:
            raise ClusterError(
                f"{words[0]}: the cluster is gone ({error}); see {self.folder / 'stderr'}"
            ) from error
        state, _, rest = self._answer(_ANSWER_SECONDS).partition("\t")
        if state != "OK":
            raise ClusterError(f"{' '.join(words)}: {rest}")
        return rest

    def applications(self) -> tuple[Application, ...]:
        """List all applications since the start, in order."""
        rows = [row.split(" ") for row in self.run("applications").split("\t") if row]
        return tuple(
            sorted(
                (Application(id=row[0], state=row[1], final=row[2]) for row in rows), key=lambda one: one.id
            )
        )

    def settle(self) -> None:
        """Kill what still runs, and wait until no log grows any more."""
        for application in self.applications():
            if application.state not in _FINAL:
                self.run("kill", application.id)
        deadline = time.monotonic() + _SETTLE_SECONDS
        sizes: object = None
        while time.monotonic() < deadline and sizes != (sizes := self._sizes()):
            time.sleep(_QUIET_SECONDS)

    def _sizes(self) -> list[tuple[str, int]]:
        found = [path for node in self.node_folders("log") for path in node.rglob("*") if path.is_file()]
        return sorted((str(path), path.stat().st_size) for path in [*found, *self.logs.iterdir()])

    def _read(self) -> None:
        for line in self._process.stdout or ():
            self._answers.put(line.rstrip("\n"))
        self._answers.put("GONE\tthe cluster ended")

    def _answer(self, seconds: float) -> str:
        try:
            line = self._answers.get(timeout=seconds)
        except queue.Empty as error:
            raise ClusterError(f"no answer for {seconds:.0f} s; see {self.folder / 'stderr'}") from error
        if line.startswith("GONE\t"):
            raise ClusterError(f"the cluster ended; see {self.folder / 'stderr'}")
        return line

    def stop(self) -> None:
        """End the child, and the containers it leaves."""
        if self._process.stdin:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
        try:
            self._process.wait(timeout=_ANSWER_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for pid in pids(str(self.folder)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._errors.close()
        if self._process.stdout:
            self._process.stdout.close()

    def __enter__(self) -> Self:
        """Give the running cluster."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it."""
        self.stop()


def pids(*words: str) -> Iterator[int]:
    """Find our own processes whose command line holds all the given words, this one left out."""
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit() or int(folder.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if all(word in line for word in words):
                yield int(folder.name)
