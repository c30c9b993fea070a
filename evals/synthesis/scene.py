"""The stage that a template writes its failure on: a whole EMR step, healthy until the template breaks it.

    scene.start()                              client, master, driver, executors, daemons come up
    scene.healthy_stage(tasks=8)               as often as wanted: the noise of a good run
    scene.executor(2).log.error("Executor", …) the failure, in the template's own words
    scene.fail(Throwable(…))                   exactly one ending: fail, exit, fail_master, master_dies,
                                               submit_fails, kill, hook_fails

The README beside this file tells more. Time passes by itself; `scene.wait(seconds)` lets more of it pass.
"""

import random

from evals.synthesis import ending, loss, startup, work
from evals.synthesis.ground import Executor, Facts, Ground, Language, Mode, Node, Release
from evals.synthesis.secret import make_secret
from evals.synthesis.stream import Stream
from evals.synthesis.trace import PythonError, Throwable
from evals.synthesis.vocabulary import Names
from evals.synthesis.work import Kind, Stage


class Scene:
    """What a template sees: names, streams, helpers of a healthy run, endings."""

    def __init__(self, ground: Ground) -> None:
        """Write on `ground`."""
        self.ground = ground

    # --- who and where ------------------------------------------------------------------------------------

    @property
    def rng(self) -> random.Random:
        """Draw everything the failure is about from here: it starts anew with each attempt."""
        return self.ground.rng

    @property
    def names(self) -> Names:
        """Neutral names: job, tables, columns, buckets, hosts, paths."""
        return self.ground.names

    @property
    def mode(self) -> Mode:
        """`cluster` or `client`."""
        return self.ground.mode

    @property
    def language(self) -> Language:
        """`python` or `scala`."""
        return self.ground.language

    @property
    def release(self) -> Release:
        """EMR, Spark, Hadoop and Java of this run."""
        return self.ground.release

    @property
    def attempt(self) -> int:
        """The attempt of the application that is being written, from 1."""
        return self.ground.attempt

    @property
    def application(self) -> str:
        """`application_…`."""
        return self.ground.application

    @property
    def master(self) -> Node:
        """The primary node."""
        return self.ground.master

    @property
    def facts(self) -> Facts:
        """What is remembered for label and `meta.json`; `extra_args`, `job_args`, `reason` may be set."""
        return self.ground.facts

    @property
    def script_path(self) -> str:
        """Where the Python job's file is in a traceback."""
        return self.ground.script_path

    # --- log files ------------------------------------------------------------------------------------------

    @property
    def driver(self) -> Stream:
        """The driver's stderr: the step's own in client mode, the master's container in cluster mode."""
        return startup.driver_log(self.ground)

    @property
    def driver_out(self) -> Stream:
        """The driver's stdout: prints and Python's tracebacks."""
        return ending.ground_out(self.ground)

    @property
    def master_log(self) -> Stream:
        """The application master's stderr: the driver's in cluster mode, YarnAllocator's in both."""
        return self.ground.container_file(self.ground.container(1), "stderr")

    @property
    def client(self) -> Stream:
        """The step's stderr: spark-submit's client; the driver too in client mode."""
        return self.ground.step_file("stderr")

    @property
    def step_stdout(self) -> Stream:
        """The step's stdout."""
        return self.ground.step_file("stdout")

    @property
    def syslog(self) -> Stream:
        """The step's syslog, mostly empty; Hive and MapReduce steps log there."""
        return self.ground.step_file("syslog")

    @property
    def resource_manager(self) -> Stream:
        """The ResourceManager's log; sources are full class names, `thread=` is shown."""
        return self.ground.daemon_file("resourcemanager", self.ground.master)

    def node_manager(self, executor: Executor | None = None) -> Stream:
        """The NodeManager's log of the executor's machine, of the driver's without one."""
        node = executor.node if executor else self.ground.driver_node
        return self.ground.daemon_file("nodemanager", node)

    def file(self, path: str, layout: str = "spark") -> Stream:
        """Any other file below the cluster's folder, like `node/i-…/applications/hive/hive.log`, without `.gz`."""
        return self.ground.open(path, layout)

    def executor(self, number: int = 1) -> Executor:
        """A live executor, counted from 1; taken round the ring, so any number ≥ 1 will do."""
        executors = self.ground.executors
        return executors[(number - 1) % len(executors)]

    @property
    def executors(self) -> tuple[Executor, ...]:
        """All live executors."""
        return tuple(self.ground.executors)

    # --- a healthy run --------------------------------------------------------------------------------------

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.ground.clock.advance(seconds)

    def submit(self) -> None:
        """Only spark-submit up to `Submitted application`: for failures before the driver runs."""
        if self.ground.attempt == 1:
            startup.submit(self.ground)

    def start_master(self) -> None:
        """`submit`, then the application master's container; the SparkContext is not there yet."""
        if self.mode == "client":
            self.ground.facts.started = True
            startup.start_context(self.ground)
        self.submit()
        startup.start_master(self.ground)

    def start(self, executors: int | None = None) -> None:
        """Everything up to a driver that is ready, with its executors (two to four by default)."""
        self.start_master()
        if self.mode == "cluster":
            self.ground.facts.started = True
            startup.start_context(self.ground)
        startup.start_scheduler(self.ground, executors or max(2, len(self.ground.workers)))
        self.ground.fire("start", every=True)

    def new_executor(self) -> Executor:
        """One more executor comes up, as after a loss."""
        return startup.start_executor(self.ground)

    def healthy_stage(
        self, *, tasks: int | None = None, action: str | None = None, kind: Kind = "ResultStage"
    ) -> None:
        """One stage from submission to its good end: about 15 lines and 5 per task, over driver and executors."""
        luck = self.ground.luck
        stage = work.begin(
            self.ground, tasks=tasks or luck.randrange(3, 13),
            action=action or luck.choice(("count", "collect", "showString", "isEmpty")), kind=kind,
        )  # fmt: skip
        work.run_tasks(self.ground, stage)
        work.finish(self.ground, stage)
        self.ground.fire("body")

    def healthy_run(self, stages: int | None = None) -> None:
        """A few healthy stages with reads between them, as most jobs have before they fail."""
        for _ in range(stages or self.ground.luck.randrange(1, 4)):
            self.read()
            self.healthy_stage()

    def long_run(self, lines: int) -> None:
        """Healthy stages until the driver's log has grown by about `lines` records: early or late causes."""
        target = len(self.driver) + lines
        while len(self.driver) < target:
            self.healthy_stage(tasks=40)

    def read(self, path: str | None = None) -> None:
        """Plan a scan of files, by default of the job's input; the tasks of the next stage read them."""
        work.read_files(self.ground, path or self.names.input_path)

    def begin_stage(self, *, tasks: int = 8, action: str = "count", kind: Kind = "ResultStage") -> Stage:
        """Submit a stage that the template will break; `run_tasks` may let some of its tasks end well."""
        self.ground.fire("body", every=True)
        return work.begin(self.ground, tasks=tasks, action=action, kind=kind)

    def run_tasks(self, stage: Stage, count: int) -> None:
        """Let `count` tasks of a stage end well; fewer than it has."""
        work.run_tasks(self.ground, stage, count)

    def start_task(self, stage: Stage, index: int, executor: Executor, attempt: int = 0) -> int:
        """Start one task on an executor; tells its TID."""
        return work.start_task(self.ground, stage, index, executor, attempt)

    def finish_stage(self, stage: Stage) -> None:
        """End a stage well after all, for example after a survived failure."""
        work.finish(self.ground, stage)

    def write(self, path: str | None = None, *, tasks: int = 4) -> None:
        """A whole write to its commit, by default of the job's output. From here on no rerun is safe."""
        work.write(self.ground, path or self.names.output_path, tasks=tasks)

    def write_begins(self, path: str | None = None) -> None:
        """A write is planned (committer lines); nothing is written, a rerun is still safe."""
        work.write_begins(self.ground, path or self.names.output_path)

    def remove(self, prefix: str) -> None:
        """Take away every file below the cluster's folder whose path starts so: logs that never reached S3."""
        for path in [path for path in self.ground.streams if path.startswith(prefix)]:
            del self.ground.streams[path]
        self.facts.cut = True

    def mark_written(self) -> None:
        """Say that the template itself logged a write's effect (JDBC batch, Hive MoveTask, Delta commit, …)."""
        self.ground.facts.wrote = True

    # --- what goes wrong --------------------------------------------------------------------------------------

    def fail_task(
        self, stage: Stage, failure: Throwable, *, tries: int = work.MAX_FAILURES, index: int | None = None,
        executor: Executor | None = None,
    ) -> Throwable:  # fmt: skip
        """A task throws `failure` on executor and driver.

        With `tries` 4 (the limit) the stage is given up, and what the driver throws at the job is returned:
        `scene.fail(scene.fail_task(stage, …))`. With fewer tries the next one ends well. The frames of Spark's
        task runner are added by itself.
        """
        return work.fail_task(self.ground, stage, failure, tries=tries, index=index, executor=executor)

    def lose_executor(
        self, executor: Executor, *, status: int, diagnostics: str | None = None, stage: Stage | None = None,
        task: int | None = None, reason: str | None = None, by_task: bool = True,
    ) -> str:  # fmt: skip
        """An executor's container ends with YARN's exit `status`: allocator, driver, daemons say so.

        `diagnostics` is YARN's text (its usual one by default), `reason` overrides what the driver calls it;
        with `stage` the running task is lost too. Tells the reason. The executor is gone from `executors`.
        """
        text = loss.exited(self.ground, status) if diagnostics is None else diagnostics
        return loss.lose_executor(
            self.ground,
            executor,
            status=status,
            diagnostics=text,
            stage=stage,
            task=task,
            reason=reason,
            by_task=by_task,
        )

    def stamp(self) -> str:
        """The time as YARN's diagnostics begin with it: `[2026-05-04 03:10:07.123]`."""
        return loss.stamp(self.ground)

    def secret(self, kind: str = "password") -> str:
        """A made-up secret that must not be shown: `password` or `token`; it becomes a canary of the case."""
        made = make_secret(self.rng, kind)
        if made not in self.facts.canaries:
            self.facts.canaries.append(made)
        return made

    # --- endings: exactly one -----------------------------------------------------------------------------------

    def fail(
        self,
        failure: Throwable | PythonError,
        *,
        call: str = "save",
        line: int | None = None,
        source: str = "",
    ) -> None:
        """The job's code throws and nothing catches it: traceback, master's and client's last words, shutdown.

        A `Throwable` in a Python job is wrapped as py4j does (`An error occurred while calling o87.<call>.`);
        `source` is the job's own line. A `PythonError` is shown as it is: give a Python job.
        """
        self.ground.fire("body", every=True)
        number = line or self.ground.rng.randrange(14, 140)
        ending.fail(self.ground, failure, call=call, line=number, source=source)

    def exit(self, status: int = 1) -> None:
        """The job ends itself with `status`, having said whatever the template wrote before."""
        self.ground.fire("body", every=True)
        ending.exit_with(self.ground, status)

    def fail_master(self, status: int, reason: str, trace: Throwable | None = None) -> None:
        """The application master gives up with its own exit code (10, 11, 12, 13, 14, 16, 17) and reason."""
        self.ground.fire("body", every=True)
        ending.fail_master(self.ground, status, reason, trace)

    def master_dies(self, status: int, diagnostics: str | None = None) -> None:
        """The driver's process ends without a word (137, 143, -104 …); in cluster mode YARN says how."""
        self.ground.fire("body", every=True)
        text = loss.exited(self.ground, status) if diagnostics is None else diagnostics
        ending.master_dies(self.ground, status, text)

    def submit_fails(self, text: str, status: int = 1) -> None:
        """spark-submit itself ends; no `start` before. `text` is all it writes on stderr."""
        ending.submit_fails(self.ground, text, status)

    def submission_fails(self, diagnostics: str, *, final: str = "FAILED") -> None:
        """After `submit`: YARN refuses or gives up the application; the client reports `diagnostics`."""
        ending.client_fails(self.ground, diagnostics, final=final, state="FAILED")

    def kill(self, user: str = "hadoop") -> None:
        """A person kills the application with YARN's means."""
        self.ground.fire("body", every=True)
        ending.killed(self.ground, user)

    def succeed(self) -> None:
        """The application ends well; not an ending of the step: `hook_fails` must follow."""
        self.ground.fire("body", every=True)
        ending.succeed(self.ground)

    def hook_fails(self, text: str, status: int = 1) -> None:
        """After `succeed`: a later command of the same step fails and writes `text` on the step's stderr."""
        self.client.raw(text)
        self.ground.facts.exit_code = status
        self.ground.facts.ended = True

    def next_attempt(self) -> None:
        """After an ending that was not the last attempt's: YARN starts another; then `start()` again.

        Only in cluster mode, and only for templates that write two different attempts: declare `repeats=False`
        and call `scene.expect_attempts()` before the first ending.
        """
        self.ground.next_attempt()

    def plant_decoy(self, number: int) -> None:
        """Say that the template itself wrote the decoy of this number (see `decoy.py`)."""
        self.facts.decoys.append(number)

    def expect_attempts(self) -> None:
        """Say, before the first ending, that this attempt is not the last one."""
        self.ground.last_attempt = False
