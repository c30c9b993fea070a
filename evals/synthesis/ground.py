"""What is true of one synthetic run before anything fails: ids, hosts, sizes, clock, names, open log files.

`Ground` is state that the parts of the machinery share (startup, work, loss, ending); templates see it as
`Scene`. Two random sources: `rng` draws what the failure is about and starts anew with each attempt of the
application, so that both attempts meet the same thing; `luck` draws ports, durations and ids and goes on.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Literal

from evals.synthesis.stream import Clock, Stream
from evals.synthesis.vocabulary import Names, draw

Mode = Literal["cluster", "client"]
Language = Literal["python", "scala"]
Place = Literal["start", "body", "end"]

_ID: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_HEX: Final = "0123456789abcdef"


@dataclass(frozen=True, kw_only=True)
class Release:
    """One EMR release and what is in it."""

    label: str
    spark: str
    hadoop: str
    java: str
    """The full version, like `17.0.13`."""

    @property
    def java_major(self) -> str:
        """8 or 17."""
        return "8" if self.java.startswith("1.8") else self.java.split(".")[0]


RELEASES: Final = (
    Release(label="emr-6.12.0", spark="3.4.0-amzn-0", hadoop="3.3.3-amzn-4", java="1.8.0_432"),
    Release(label="emr-6.15.0", spark="3.4.1-amzn-2", hadoop="3.3.6-amzn-1", java="1.8.0_432"),
    Release(label="emr-7.1.0", spark="3.5.0-amzn-1", hadoop="3.3.6-amzn-3", java="17.0.13"),
    Release(label="emr-7.3.0", spark="3.5.1-amzn-1", hadoop="3.3.6-amzn-5", java="17.0.13"),
    Release(label="emr-7.5.0", spark="3.5.2-amzn-1", hadoop="3.4.0-amzn-1", java="17.0.13"),
)
SIZES: Final = (
    ("m5.xlarge", 12288, 4), ("m5.2xlarge", 24576, 8), ("r5.xlarge", 24576, 4), ("r5.2xlarge", 54272, 8),
    ("m6g.xlarge", 12288, 4), ("c5.2xlarge", 11520, 8),
)  # fmt: skip
"""Instance type, YARN memory of a node in MB, virtual cores."""


@dataclass(frozen=True, kw_only=True)
class Node:
    """One machine of the cluster."""

    host: str
    ip: str
    instance: str


@dataclass(frozen=True, kw_only=True)
class Executor:
    """One executor with its container and its two files."""

    id: int
    container: str
    node: Node
    port: int
    log: Stream
    """Its stderr."""
    out: Stream
    """Its stdout."""

    @property
    def host(self) -> str:
        """The machine's name."""
        return self.node.host


@dataclass(kw_only=True)
class Counters:
    """The next number of each kind within one attempt."""

    job: int = 0
    stage: int = 0
    task: int = 0
    rdd: int = 1
    broadcast: int = 0
    container: int = 1
    executor: int = 0


@dataclass(kw_only=True)
class Facts:
    """What the scene remembers for the label and `meta.json`."""

    wrote: bool = False
    """A write's effect was logged: a rerun is not safe."""
    cut: bool = False
    """The driver's log is not whole: a rerun can't be called safe."""
    canaries: list[str] = field(default_factory=list)
    decoys: list[int] = field(default_factory=list)
    extra_args: list[str] = field(default_factory=list)
    """Further arguments of spark-submit, before the job's own."""
    job_args: list[str] = field(default_factory=list)
    command: list[str] | None = None
    """The step's whole arguments where it is no spark-submit: `hive-script …`, `hadoop jar …`, `s3-dist-cp …`."""
    applications: list[str] = field(default_factory=list)
    reason: str = "Unknown Error"
    message: str | None = None
    ended: bool = False
    started: bool = False
    exit_code: int = 1
    state: str = "FAILED"


class Ground:
    """The run that a template breaks."""

    def __init__(
        self, seed: str, *, mode: Mode = "cluster", language: Language = "python", layout: str = "spark"
    ) -> None:
        """Set the stage by `seed`, a text; the same seed gives the same run."""
        self.seed = seed
        self.rng = random.Random(f"content/{seed}")
        self.luck = random.Random(f"luck/{seed}")
        self.mode: Mode = mode
        self.language: Language = language
        self.layout = layout
        luck = self.luck
        launched = datetime(2026, 2, 1) + timedelta(seconds=luck.randrange(250 * 86400))
        self.clock = Clock(
            launched + timedelta(minutes=luck.randrange(20, 900)), random.Random(f"clock/{seed}")
        )
        self.reported = self.clock.now
        self.names: Names = draw(
            random.Random(f"names/{seed}"), f"{self.clock.now - timedelta(days=1):%Y-%m-%d}"
        )
        self.release = luck.choice(RELEASES)
        self.instance_type, self.node_mb, self.node_cores = luck.choice(SIZES)
        self.market = luck.choice(("ON_DEMAND", "ON_DEMAND", "SPOT"))
        self.cores = luck.choice((2, 4))
        self.executor_mb = luck.choice((2048, 3072, 4096, 5120, 8192))
        self.driver_mb = luck.choice((1024, 2048, 4096))
        self.cluster_id = "j-" + self.token(13, _ID)
        self.step_id = "s-" + self.token(13, _ID)
        self.launched_ms = int((launched - datetime(1970, 1, 1)).total_seconds() * 1000) + luck.randrange(
            1000
        )
        self.application = f"application_{self.launched_ms}_{luck.randrange(1, 90):04d}"
        self.subnet = f"10.{luck.randrange(0, 120)}.{luck.randrange(1, 250)}"
        self.master = self._node()
        self.workers = tuple(self._node() for _ in range(luck.randrange(2, 4)))
        self.streams: dict[str, Stream] = {}
        self.attempt = 1
        self.last_attempt = True
        self.count = Counters()
        self.facts = Facts()
        self.executors: list[Executor] = []
        self.done: dict[int, int] = {}
        self.reading: tuple[str, str] | None = None
        self._firing = False
        self.hooks: dict[Place, list[Callable[[], None]]] = {"start": [], "body": [], "end": []}
        self.driver_node = self.master if mode == "client" else luck.choice(self.workers)
        self.driver_port, self.block_port = self.port(), self.port()
        self.ui_port = 4040 if mode == "client" else self.port()

    # --- ids and small values -------------------------------------------------------------------------

    def token(self, size: int, alphabet: str = _HEX) -> str:
        """Random characters."""
        return "".join(self.luck.choice(alphabet) for _ in range(size))

    def uuid(self) -> str:
        """A random UUID of version 4."""
        return f"{self.token(8)}-{self.token(4)}-4{self.token(3)}-{self.luck.choice('89ab')}{self.token(3)}-{self.token(12)}"

    def port(self) -> int:
        """An ephemeral port."""
        return self.luck.randrange(32768, 60999)

    def container(self, number: int, *, attempt: int | None = None, application: str | None = None) -> str:
        """The id of a container: number 1 is the application master."""
        app = (application or self.application).removeprefix("application_")
        return f"container_{app}_{attempt or self.attempt:02d}_{number:06d}"

    @property
    def app_attempt(self) -> str:
        """The id of this attempt, like `appattempt_…_000001`."""
        return f"appattempt_{self.application.removeprefix('application_')}_{self.attempt:06d}"

    @property
    def overhead_mb(self) -> int:
        """YARN's overhead of an executor: a tenth, at least 384 MB."""
        return max(384, self.executor_mb // 10)

    @property
    def scheduler(self) -> str:
        """The class that schedules: differs by mode."""
        return "YarnClusterScheduler" if self.mode == "cluster" else "YarnScheduler"

    @property
    def backend(self) -> str:
        """The class of the scheduler's backend: differs by mode."""
        return "YarnClusterSchedulerBackend" if self.mode == "cluster" else "YarnClientSchedulerBackend"

    @property
    def local_dir(self) -> str:
        """Where this application's containers keep their files."""
        return f"/mnt/yarn/usercache/hadoop/appcache/{self.application}"

    @property
    def script_path(self) -> str:
        """Where a Python job's file is in a traceback."""
        if self.mode == "cluster":
            return f"{self.local_dir}/{self.container(1)}/{self.names.script}"
        return f"/home/hadoop/jobs/{self.names.script}"

    @property
    def python_lib(self) -> str:
        """Where pyspark's files are in a traceback; a folder with its slash."""
        if self.mode == "cluster":
            return f"{self.local_dir}/{self.container(1)}/pyspark.zip/pyspark/"
        return "/usr/lib/spark/python/lib/pyspark.zip/pyspark/"

    # --- files -------------------------------------------------------------------------------------------

    def open(self, path: str, layout: str | None = None) -> Stream:
        """The file at `path` below the cluster's folder, opened at the first use; without `.gz`."""
        if path not in self.streams:
            self.streams[path] = Stream(self.clock, layout=layout or self.layout)
        return self.streams[path]

    def step_file(self, name: str) -> Stream:
        """`controller`, `stderr`, `stdout` or `syslog` of the step."""
        return self.open(f"steps/{self.step_id}/{name}")

    def container_file(self, container: str, name: str) -> Stream:
        """A file of a container of this application."""
        app = "application_" + "_".join(container.split("_")[1:3])
        return self.open(f"containers/{app}/{container}/{name}")

    def daemon_file(self, daemon: str, node: Node) -> Stream:
        """The log of `nodemanager`, `resourcemanager` and the like on a machine."""
        folder = f"node/{node.instance}/applications/hadoop-yarn"
        return self.open(f"{folder}/hadoop-yarn-{daemon}-{node.host}.log", "daemon")

    def fire(self, place: Place, *, every: bool = False) -> None:
        """Let the next waiting decoy or canary of a place write itself; all of them with `every`."""
        waiting = self.hooks[place]
        if self._firing:  # a decoy uses the same helpers as a template
            return
        self._firing = True
        while waiting:
            waiting.pop(0)()
            if not every:
                break
        self._firing = False

    def next_attempt(self) -> None:
        """YARN starts the application's master once more: new containers, the same content to draw."""
        self.attempt += 1
        self.last_attempt = True
        self.rng = random.Random(f"content/{self.seed}")
        self.count = Counters()
        self.executors = []
        self.facts.ended = self.facts.started = False
        self.driver_node = self.luck.choice(self.workers)
        self.driver_port, self.block_port, self.ui_port = self.port(), self.port(), self.port()
        self.clock.advance(self.luck.uniform(2, 6))

    def _node(self) -> Node:
        ip = f"{self.subnet}.{self.luck.randrange(4, 250)}"
        return Node(host=f"ip-{ip.replace('.', '-')}.ec2.internal", ip=ip, instance="i-0" + self.token(16))
