"""A builder of EMR log trees, and the labelled cases that are there."""

import gzip
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CLUSTER = "j-2AXTREE000001"
STEP = "s-1AXTREE000001"
APP = "application_1795331436133_0007"

DRIVER_START = """\
26/11/22 07:00:01 INFO SignalUtils: Registering signal handler for TERM
26/11/22 07:00:01 INFO ApplicationMaster: ApplicationAttemptId: appattempt_1795331436133_0007_{attempt:06d}
26/11/22 07:00:02 INFO ApplicationMaster: Starting the user application in a separate Thread
26/11/22 07:00:02 INFO SparkContext: Running Spark version 3.5.7
26/11/22 07:00:03 INFO SparkEnv: Registering OutputCommitCoordinator
26/11/22 07:00:04 INFO DAGScheduler: Got job 0 (count at NativeMethodAccessorImpl.java:0) with 4 output partitions
"""
DRIVER_END = """\
26/11/22 07:00:20 ERROR ApplicationMaster: User application exited with status {status}
26/11/22 07:00:20 INFO ApplicationMaster: Final app status: FAILED, exitCode: {status}, (reason: User application exited with status {status})
26/11/22 07:00:20 INFO SparkContext: Invoking stop() from shutdown hook
26/11/22 07:00:21 INFO ApplicationMaster: Unregistering ApplicationMaster with FAILED (diag message: User application exited with status {status})
26/11/22 07:00:21 INFO ShutdownHookManager: Shutdown hook called
"""
STEP_STDERR = f"""\
26/11/22 07:00:00 INFO Client: Submitting application {APP} to ResourceManager
26/11/22 07:00:00 INFO YarnClientImpl: Submitted application {APP}
26/11/22 07:00:21 INFO Client: Application report for {APP} (state: FINISHED)
26/11/22 07:00:21 ERROR Client: Application diagnostics message: User application exited with status 1
Exception in thread "main" org.apache.spark.SparkException: Application {APP} finished with failed status
\tat org.apache.spark.deploy.yarn.Client.run(Client.scala:1312)
26/11/22 07:00:22 INFO ShutdownHookManager: Shutdown hook called
"""
CONTROLLER = """\
2026-11-22T07:00:00.101Z INFO Ensure step jar file command-runner.jar
INFO waitProcessCompletion ended with exit code 1
2026-11-22T07:00:23.870Z WARN Step failed with exitCode 1 and took 24 seconds
"""


def traceback(last: str) -> str:
    """A Python driver's last words."""
    return (
        "Traceback (most recent call last):\n"
        '  File "/mnt/yarn/usercache/hadoop/appcache/job.py", line 8, in <module>\n'
        f"    main()\n{last}\n"
    )


@dataclass
class Tree:
    """Files of one step's logs by name, written gzipped."""

    files: dict[str, bytes] = field(default_factory=dict)

    def step(self, stream: str, text: str) -> "Tree":
        self.files[f"steps/{STEP}/{stream}.gz"] = gzip.compress(text.encode(), mtime=0)
        return self

    def container(self, number: int, stream: str, text: str, attempt: int = 1, app: str = APP) -> "Tree":
        ident = f"container_{app.removeprefix('application_')}_{attempt:02d}_{number:06d}"
        self.files[f"containers/{app}/{ident}/{stream}.gz"] = gzip.compress(text.encode(), mtime=0)
        return self

    def driver(self, middle: str = "", stdout: str = "", *, attempt: int = 1, status: int = 1) -> "Tree":
        text = DRIVER_START.format(attempt=attempt) + middle + DRIVER_END.format(status=status)
        self.container(1, "stderr", text, attempt)
        self.step("stderr", STEP_STDERR.replace("status 1\n", f"status {status}\n"))
        return self.container(1, "stdout", stdout, attempt)

    def daemon(self, daemon: str, text: str) -> "Tree":
        name = f"node/i-0abc/applications/hadoop-yarn/hadoop-yarn-{daemon}-ip-10-0-2-10.ec2.internal.log.gz"
        self.files[name] = gzip.compress(text.encode(), mtime=0)
        return self

    def write(self, folder: Path) -> Path:
        root = folder / "logs" / CLUSTER
        for name, data in self.files.items():
            file = root / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
        root.mkdir(parents=True, exist_ok=True)
        return root


@pytest.fixture
def tree() -> Tree:
    """A step in cluster mode, without its driver's logs yet."""
    return (
        Tree()
        .step("controller", CONTROLLER)
        .step("stderr", STEP_STDERR)
        .step("stdout", "")
        .step("syslog", "")
    )


def labelled_cases() -> list[Path]:
    """Folders of labelled cases: the project's own, and the shared ones when they are there."""
    own = [p.parent for p in sorted((ROOT / "datasets" / "lab").glob("*/meta.json"))]
    shared = [p.parent for p in sorted((ROOT.parent / "shared" / "real-logs").glob("*/label.json"))]
    return own + shared
