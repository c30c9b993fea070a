"""A name as seed in, the log of a Spark job in YARN's cluster mode out.

The same name gives the same text on every machine. Only the driver's middle, its standard output and the
executors' lines are a scene's own; start and end are what every such job prints.
Source of the lines' form: Spark 3.5.7 and Hadoop 3.3.4, log4j2's default layout.
"""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Final

HOST: Final = "ip-10-0-2-10.ec2.internal"
APPLICATION_EPOCH_MS: Final = 1795300000000
"""Of the ResourceManager's start; the number of an application counts from it."""
SITE: Final = "NativeMethodAccessorImpl.java:0"
WORK: Final = "/mnt/yarn/usercache/hadoop/appcache"


class Journal:
    """Collects the lines of a driver and of its executors while a clock runs.

    Args:
        name: of the template; seeds ids, times and amounts.
        job: the job's name, as in `--name`.
    """

    def __init__(self, name: str, job: str) -> None:
        self.name, self.job = name, job
        self.started = datetime(2026, 11, 20, tzinfo=UTC) + timedelta(seconds=self.pick("start", 2 * 86400))
        self.now = self.started + timedelta(seconds=6)
        self.application = f"application_{APPLICATION_EPOCH_MS}_{self.pick('application', 9000) + 100:04d}"
        self.driver: list[str] = []
        self.executor: list[str] = []
        self.out: list[str] = []
        """The driver's standard output: what the job printed, and Python's last traceback."""
        self._lines = 0
        self._task = 0

    def pick(self, what: str, most: int) -> int:
        """Choose a number from 0 to below `most`, the same for the same name and purpose."""
        digest = hashlib.sha256(f"triage/{self.name}/{what}".encode()).digest()
        return int.from_bytes(digest[:8]) % most

    def stamp(self) -> str:
        """Give the time in the form of Spark's log, and let a moment pass."""
        self._lines += 1
        self.wait(self.pick(f"pause {self._lines}", 900) / 1000)
        return f"{self.now:%y/%m/%d %H:%M:%S}"

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)

    def say(self, logger: str, text: str, level: str = "INFO") -> None:
        """Log a record of the driver."""
        self.driver.append(f"{self.stamp()} {level} {logger}: {text}")

    def trace(self, *lines: str) -> None:
        """Add lines without a header to the driver's log: what stands below a record."""
        self.driver.extend(lines)

    def executor_says(self, logger: str, text: str, level: str = "INFO") -> None:
        """Log a record of executor 1."""
        self.executor.append(f"{self.stamp()} {level} {logger}: {text}")

    def begin(self) -> None:
        """Log what a driver says until its executors are there."""
        for signal in ("TERM", "HUP", "INT"):
            self.say("SignalUtils", f"Registering signal handler for {signal}")
        attempt = self.application.replace("application", "appattempt") + "_000001"
        self.say("ApplicationMaster", f"ApplicationAttemptId: {attempt}")
        self.say("ApplicationMaster", "Starting the user application in a separate Thread")
        self.say("ApplicationMaster", "Waiting for spark context initialization...")
        self.say("SparkContext", "Running Spark version 3.5.7")
        self.say("SparkContext", f"Submitted application: {self.job}")
        self.say("SecurityManager", "Changing view acls to: yarn,hadoop")
        self.say("Utils", f"Successfully started service 'sparkDriver' on port {self._port('driver')}.")
        self.say("SparkEnv", "Registering MapOutputTracker")
        self.say("SparkEnv", "Registering BlockManagerMaster")
        self.say("SparkEnv", "Registering OutputCommitCoordinator")
        self.say("YarnClusterScheduler", "Created YarnClusterScheduler")
        for number in (2, 3):
            self.say(
                "YarnAllocator",
                f"Launching container {self.container(number)} on host {HOST} for executor with ID "
                f"{number - 1} for ResourceProfile Id 0",
            )
        self.say("YarnClusterScheduler", "YarnClusterScheduler.postStartHook done")
        self.executor_says(
            "CoarseGrainedExecutorBackend", "Started daemon with process name: 4711@ip-10-0-2-10"
        )
        self.executor_says("CoarseGrainedExecutorBackend", "Successfully registered with driver")

    def end(self, status: int, reason: str = "") -> None:
        """Log what a driver says from its program's end to its own."""
        reason = reason or f"User application exited with status {status}"
        told = f"Final app status: FAILED, exitCode: {status}, (reason: {reason})"
        if reason.startswith("User application"):
            self.say("ApplicationMaster", reason, "ERROR")
        self.say("ApplicationMaster", told)
        self.say("SparkContext", "Invoking stop() from shutdown hook")
        self.say("YarnClusterSchedulerBackend", "Shutting down all executors")
        self.executor_says("CoarseGrainedExecutorBackend", "Driver commanded a shutdown")
        self.executor_says("ShutdownHookManager", "Shutdown hook called")
        self.say("MemoryStore", "MemoryStore cleared")
        self.say("BlockManager", "BlockManager stopped")
        self.say("SparkContext", "Successfully stopped SparkContext")
        message = reason.split("\n", maxsplit=1)[0]
        self.say(
            "ApplicationMaster", f"Unregistering ApplicationMaster with FAILED (diag message: {message})"
        )
        self.say("ShutdownHookManager", "Shutdown hook called")
        folder = f"{WORK}/{self.application}/spark-{self._hex('folder')}"
        self.say("ShutdownHookManager", f"Deleting directory {folder}")

    def container(self, number: int) -> str:
        """Name a container of the only attempt; 1 is the driver's."""
        return f"{self.application.replace('application', 'container')}_01_{number:06d}"

    def stage(self, number: int, call: str, tasks: int = 4) -> None:
        """Log a stage that succeeds.

        Args:
            number: of job and stage.
            call: what ran it, such as `count`.
            tasks: how many tasks it has.
        """
        self.launch(number, call, tasks)
        for index in range(tasks):
            self.wait(self.pick(f"task {number} {index}", 40) / 10)
            took = 300 + self.pick(f"took {number} {index}", 4000)
            self.say(
                "TaskSetManager",
                f"Finished task {index}.0 in stage {number}.0 (TID {self._task - tasks + index}) "
                f"in {took} ms on "
                f"{HOST} (executor {index % 2 + 1}) ({index + 1}/{tasks})",
            )
        self.say(
            "YarnClusterScheduler",
            f"Removed TaskSet {number}.0, whose tasks have all completed, from pool ",
        )
        took_seconds = f"{2 + self.pick(f'stage {number}', 9000) / 1000:.3f}"
        self.say("DAGScheduler", f"ResultStage {number} ({call} at {SITE}) finished in {took_seconds} s")
        self.say("DAGScheduler", f"Job {number} finished: {call} at {SITE}, took {took_seconds}112 s")

    def launch(self, number: int, call: str, tasks: int) -> None:
        """Log the beginning of a stage."""
        self.say("SparkContext", f"Starting job: {call} at {SITE}")
        self.say("DAGScheduler", f"Got job {number} ({call} at {SITE}) with {tasks} output partitions")
        self.say("DAGScheduler", f"Final stage: ResultStage {number} ({call} at {SITE})")
        self.say("YarnClusterScheduler", f"Adding task set {number}.0 with {tasks} tasks resource profile 0")
        for index in range(min(tasks, 8)):
            self.say(
                "TaskSetManager",
                f"Starting task {index}.0 in stage {number}.0 (TID {self._task + index}) ({HOST}, executor "
                f"{index % 2 + 1}, partition {index}, PROCESS_LOCAL, 9129 bytes) ",
            )
            if index % 2 == 0:
                self.executor_says(
                    "Executor", f"Running task {index}.0 in stage {number}.0 (TID {self._task + index})"
                )
        self._task += tasks

    def abort(self, number: int, call: str, error: str, frames: tuple[str, ...] = ()) -> None:
        """Log a stage whose first task fails four times, and what the driver makes of it."""
        lost = f"Lost task 0.{{}} in stage {number}.0 (TID {{}}) ({HOST} executor 1): {error}"
        for turn in range(4):
            tid = self._task + turn
            self.executor_says(
                "Executor", f"Exception in task 0.{turn} in stage {number}.0 (TID {tid})", "ERROR"
            )
            self.executor.extend((error, *frames))
            self.say("TaskSetManager", lost.format(turn, tid), "WARN")
            self.trace(*frames)
        self.say("TaskSetManager", f"Task 0 in stage {number}.0 failed 4 times; aborting job", "ERROR")
        self.say("YarnClusterScheduler", f"Cancelling stage {number}")
        reason = (
            f"Job aborted due to stage failure: Task 0 in stage {number}.0 failed 4 times, most "
            "recent failure: " + lost.format(3, self._task + 3)
        )
        self.say(
            "DAGScheduler", f"ResultStage {number} ({call} at {SITE}) failed in 21.418 s due to {reason}"
        )
        self.trace(*frames, "", "Driver stacktrace:")
        self._task += 4
        self.raise_python(
            f"py4j.protocol.Py4JJavaError: An error occurred while calling o{60 + number}.{call}.",
            f": org.apache.spark.SparkException: {reason}",
            *frames,
            "",
            "Driver stacktrace:",
            "\tat "
            "org.apache.spark.scheduler.DAGScheduler.failJobAndIndependentStages(DAGScheduler.scala:2898)",
            "\tat org.apache.spark.scheduler.DAGScheduler.abortStage(DAGScheduler.scala:2833)",
            f"Caused by: {error}",
            *frames,
        )

    def raise_python(self, *last: str, line: int = 41, code: str = "main()") -> None:
        """Print the traceback that ends a Python driver."""
        folder = f"{WORK}/{self.application}/{self.container(1)}"
        self.out += [
            "Traceback (most recent call last):",
            f'  File "{folder}/{self.job}.py", line {line}, in <module>',
            f"    {code}",
            *last,
        ]

    def client(self) -> str:
        """Give the step's standard error: what spark-submit saw."""
        last = f"{self.now + timedelta(seconds=1):%y/%m/%d %H:%M:%S}"
        first = f"{self.started + timedelta(seconds=4):%y/%m/%d %H:%M:%S}"
        return "\n".join(
            [
                f"{first} INFO Client: Submitting application {self.application} to ResourceManager",
                f"{first} INFO YarnClientImpl: Submitted application {self.application}",
                f"{first} INFO Client: Application report for {self.application} (state: ACCEPTED)",
                f"{last} INFO Client: Application report for {self.application} (state: FINISHED)",
                'Exception in thread "main" org.apache.spark.SparkException: Application '
                f"{self.application} finished with failed status",
                "\tat org.apache.spark.deploy.yarn.Client.run(Client.scala:1312)",
                "\tat org.apache.spark.deploy.yarn.YarnClusterApplication.start(Client.scala:1745)",
                "\tat org.apache.spark.deploy.SparkSubmit.main(SparkSubmit.scala)",
                f"{last} INFO ShutdownHookManager: Shutdown hook called",
                "",
            ]
        )

    def _port(self, what: str) -> int:
        return 32768 + self.pick(f"port {what}", 28000)

    def _hex(self, what: str) -> str:
        digest = hashlib.sha256(f"triage/{self.name}/{what}".encode()).hexdigest()
        return f"{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:32]}"
