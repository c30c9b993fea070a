"""What a healthy run logs between start and end: jobs, stages, tasks, reads, writes, and the noise around.

Also a task that fails: on its executor, on the driver, again until the stage is given up.
"""

from dataclasses import dataclass, replace
from typing import Final, Literal

from evals.synthesis.ground import Executor, Ground
from evals.synthesis.startup import driver_log
from evals.synthesis.stream import Stream
from evals.synthesis.trace import Throwable, task_frames

Kind = Literal["ResultStage", "ShuffleMapStage"]

REPORT_SECONDS: Final = 30

MAX_FAILURES: Final = 4
"""spark.task.maxFailures by default."""


WRITE_ACTIONS: Final = frozenset(
    {"save", "saveAsTable", "insertInto", "saveAsTextFile", "saveAsHadoopFile", "foreachPartition"}
)
"""Actions that write: once a task of such a stage ended well, a rerun is not safe."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A stage that runs."""

    id: int
    job: int
    tasks: int
    first_task: int
    """The TID of its first task."""
    action: str
    """What the job does and where, like `count at OrdersRollup.scala:41`."""
    kind: Kind
    size_bytes: int = 9140
    """Of each of its serialised tasks; nearly the same for all tasks of a stage."""
    result_bytes: int = 2219
    locality: str = "PROCESS_LOCAL"

    @property
    def name(self) -> str:
        """As the DAG scheduler calls it."""
        return f"{self.kind} {self.id} ({self.action})"


def place_of(ground: Ground, action: str) -> str:
    """The action with its place in the code, as Spark shows it for the job's language."""
    if ground.language == "python":
        return f"{action} at NativeMethodAccessorImpl.java:0"
    file = ground.names.main_class.rsplit(".", 1)[1]
    return f"{action} at {file}.scala:{ground.luck.randrange(18, 190)}"


def begin(
    ground: Ground, *, tasks: int, action: str, kind: Kind = "ResultStage", new_job: bool = True
) -> Stage:
    """Submit a stage; its tasks start with `start_task`."""
    driver, count, luck = driver_log(ground), ground.count, ground.luck
    place = place_of(ground, action)
    if new_job:
        driver.info("SparkContext", f"Starting job: {place}")
        driver.info(
            "DAGScheduler", f"Got job {count.job} ({place}) with {tasks} output partitions", thread=_DAG
        )
        count.job += 1
    stage = Stage(
        id=count.stage, job=count.job - 1, tasks=tasks, first_task=count.task, action=place, kind=kind,
        size_bytes=luck.randrange(7000, 12000), result_bytes=luck.randrange(1500, 4400),
        locality=luck.choice(("PROCESS_LOCAL", "NODE_LOCAL", "RACK_LOCAL")),
    )  # fmt: skip
    ground.done[stage.id] = 0
    count.stage += 1
    count.rdd += luck.randrange(1, 6)
    rdd = f"MapPartitionsRDD[{count.rdd}] at {place}"
    for text in (
        f"Final stage: {stage.name}", "Parents of final stage: List()", "Missing parents: List()",
        f"Submitting {stage.name.split(' (')[0]} ({rdd}), which has no missing parents",
    ):  # fmt: skip
        driver.info("DAGScheduler", text, thread=_DAG)
    _broadcast(ground, driver)
    shown = ", ".join(str(number) for number in range(min(tasks, 15)))
    driver.info(
        "DAGScheduler",
        f"Submitting {tasks} missing tasks from {stage.name.split(' (')[0]} ({rdd}) "
        f"(first 15 tasks are for partitions Vector({shown}))",
        thread=_DAG,
    )
    driver.info(
        ground.scheduler, f"Adding task set {stage.id}.0 with {tasks} tasks resource profile 0", thread=_DAG
    )
    return stage


_DAG: Final = "dag-scheduler-event-loop"
_RESULT: Final = "task-result-getter-1"


def _broadcast(ground: Ground, driver: Stream) -> None:
    number = ground.count.broadcast
    ground.count.broadcast += 1
    size = ground.luck.uniform(5, 60)
    free = ground.driver_mb * 0.34
    driver.info(
        "MemoryStore",
        f"Block broadcast_{number} stored as values in memory (estimated size {size * 2:.1f} KiB, free {free:.1f} MiB)",
    )
    driver.info(
        "BlockManagerInfo",
        f"Added broadcast_{number}_piece0 in memory on {ground.driver_node.host}:{ground.block_port} "
        f"(size: {size:.1f} KiB, free: {free:.1f} MiB)",
    )
    driver.info("SparkContext", f"Created broadcast {number} from broadcast at DAGScheduler.scala:1592")


def start_task(ground: Ground, stage: Stage, index: int, executor: Executor, attempt: int = 0) -> int:
    """Start one task and tell its TID."""
    task = ground.count.task
    ground.count.task += 1
    driver_log(ground).info(
        "TaskSetManager",
        f"Starting task {index}.{attempt} in stage {stage.id}.0 (TID {task}) ({executor.host}, executor {executor.id}, "
        f"partition {index}, {stage.locality}, {stage.size_bytes} bytes) ",
        thread="dispatcher-CoarseGrainedScheduler",
    )
    executor.log.info(
        "YarnCoarseGrainedExecutorBackend", f"Got assigned task {task}", thread="dispatcher-Executor"
    )
    executor.log.info(
        "Executor", f"Running task {index}.{attempt} in stage {stage.id}.0 (TID {task})", thread=_worker(task)
    )
    return task


def finish_task(
    ground: Ground, stage: Stage, index: int, executor: Executor, *, task: int, attempt: int = 0
) -> None:
    """One task ends well; of a stage that writes, it leaves output behind."""
    if stage.action.split(" ", 1)[0] in WRITE_ACTIONS:
        ground.facts.wrote = True
    name = f"task {index}.{attempt} in stage {stage.id}.0 (TID {task})"
    executor.log.info(
        "Executor",
        f"Finished {name}. {stage.result_bytes} bytes result sent to driver",
        thread=_worker(task),
    )
    ground.done[stage.id] += 1
    driver_log(ground).info(
        "TaskSetManager",
        f"Finished {name} in {ground.luck.randrange(90, 9000)} ms on {executor.host} (executor {executor.id}) "
        f"({min(ground.done[stage.id], stage.tasks)}/{stage.tasks})",
        thread=_RESULT,
    )


def _worker(task: int) -> str:
    return f"Executor task launch worker for task {task}"


def run_tasks(ground: Ground, stage: Stage, count: int | None = None) -> None:
    """Run the first `count` tasks of a stage to their good end, all by default."""
    indices = range(stage.tasks if count is None else min(count, stage.tasks))
    width = max(1, len(ground.executors) * ground.cores)
    for first in range(0, len(indices), width):
        wave = []
        for index in indices[first : first + width]:
            executor = ground.executors[(index + stage.id) % len(ground.executors)]
            wave.append((index, executor, start_task(ground, stage, index, executor)))
            _task_noise(ground, executor, stage)
        ground.clock.advance(ground.luck.uniform(0.2, 4))
        ground.luck.shuffle(wave)
        for index, executor, task in wave:
            finish_task(ground, stage, index, executor, task=task)


def _task_noise(ground: Ground, executor: Executor, stage: Stage) -> None:
    luck = ground.luck
    if ground.reading is not None:
        path, written_by = ground.reading
        executor.log.info(
            "FileScanRDD",
            f"Reading File path: {path}/part-{luck.randrange(200):05d}-{written_by}-c000.snappy.parquet, "
            f"range: 0-{luck.randrange(10**5, 10**7)}, partition values: [empty row]",
        )
    elif luck.random() < 0.3:
        executor.log.info("CodeGenerator", f"Code generated in {luck.uniform(6, 320):.6f} ms")
    if stage.kind == "ResultStage" and stage.id and luck.random() < 0.5:
        blocks = luck.randrange(4, 40)
        executor.log.info(
            "ShuffleBlockFetcherIterator",
            f"Getting {blocks} ({luck.uniform(2, 90):.1f} KiB) non-empty blocks including {blocks // 2} "
            f"({luck.uniform(1, 30):.1f} KiB) local and 0 (0.0 B) host-local and 0 (0.0 B) push-merged-local "
            f"and {blocks - blocks // 2} ({luck.uniform(1, 60):.1f} KiB) remote blocks",
        )
        executor.log.info(
            "ShuffleBlockFetcherIterator", f"Started 1 remote fetches in {luck.randrange(2, 40)} ms"
        )


def finish(ground: Ground, stage: Stage) -> None:
    """A stage and its job end well."""
    ground.reading = None
    _still_running(ground)
    driver = driver_log(ground)
    seconds = ground.luck.uniform(0.4, 30)
    driver.info(
        ground.scheduler,
        f"Removed TaskSet {stage.id}.0, whose tasks have all completed, from pool ",
        thread=_RESULT,
    )
    driver.info("DAGScheduler", f"{stage.name} finished in {seconds:.3f} s", thread=_DAG)
    if stage.kind == "ShuffleMapStage":
        for text in (
            "looking for newly runnable stages", "running: Set()", "waiting: Set()", "failed: Set()",
        ):  # fmt: skip
            driver.info("DAGScheduler", text, thread=_DAG)
        return
    driver.info(
        "DAGScheduler",
        f"Job {stage.job} is finished. Cancelling potential speculative or zombie tasks for this job",
        thread=_DAG,
    )
    driver.info(
        ground.scheduler, f"Killing all running tasks in stage {stage.id}: Stage finished", thread=_DAG
    )
    driver.info("DAGScheduler", f"Job {stage.job} finished: {stage.action}, took {seconds + 0.1:.6f} s")


def _still_running(ground: Ground) -> None:
    """Cluster mode: the client reports a running application about twice a minute."""
    if ground.mode == "cluster" and (ground.clock.now - ground.reported).total_seconds() >= REPORT_SECONDS:
        ground.reported = ground.clock.now
        text = f"Application report for {ground.application} (state: RUNNING)"
        ground.step_file("stderr").info("Client", text)


def read_files(ground: Ground, path: str) -> None:
    """Plan a scan of files; the tasks of the next stage read them."""
    driver, luck = driver_log(ground), ground.luck
    driver.info(
        "InMemoryFileIndex",
        f"It took {luck.randrange(20, 900)} ms to list leaf files for 1 paths.",
    )
    columns = ground.names.columns
    driver.info(
        "FileSourceStrategy",
        f"Pushed Filters: IsNotNull({columns[0]})" if luck.random() < 0.5 else "Pushed Filters: ",
    )
    driver.info(
        "FileSourceStrategy", f"Post-Scan Filters: Set(isnotnull({columns[0]}#{luck.randrange(10, 90)}))"
    )
    driver.info("CodeGenerator", f"Code generated in {luck.uniform(8, 240):.6f} ms")
    driver.info(
        "FileSourceScanExec",
        "Planning scan with bin packing, max size: 134217728 bytes, open cost is considered as scanning 4194304 bytes.",
    )
    ground.reading = (path, ground.uuid())


def write_begins(ground: Ground, path: str) -> str:
    """A write is planned; nothing of it is done yet. Tells the id of the write job."""
    driver = driver_log(ground)
    driver.info(
        "ParquetUtils",
        "Using default output committer for Parquet: com.amazon.emr.committer.EmrOptimizedSparkSqlParquetOutputCommitter",
    )
    for _ in range(2):
        driver.info("FileOutputCommitter", "File Output Committer Algorithm version is 2")
        driver.info(
            "FileOutputCommitter",
            "FileOutputCommitter skip cleanup _temporary folders under output directory:false, "
            "ignore cleanup failures: true",
        )
    driver.info(
        "SQLConfCommitterProvider",
        "Using output committer class com.amazon.emr.committer.EmrOptimizedSparkSqlParquetOutputCommitter",
    )
    return ground.uuid()


def write(ground: Ground, path: str, *, tasks: int = 4) -> None:
    """Write a table's partition to its good end: from here on a rerun is not safe."""
    job = write_begins(ground, path)
    stage = begin(ground, tasks=tasks, action="save")
    for index in range(tasks):
        executor = ground.executors[index % len(ground.executors)]
        task = start_task(ground, stage, index, executor)
        stamp = f"{ground.clock.now:%Y%m%d%H%M%S}"
        attempt = (
            f"attempt_{stamp}{ground.luck.randrange(10**17, 10**18)}_{stage.id:04d}_m_{index:06d}_{task}"
        )
        executor.log.info("SparkHadoopMapRedUtil", f"{attempt}: Committed. Elapsed time: {index + 3} ms.")
        finish_task(ground, stage, index, executor, task=task)
    finish(ground, stage)
    driver = driver_log(ground)
    driver.info("FileFormatWriter", f"Start to commit write Job {job}.")
    driver.info(
        "FileFormatWriter", f"Write Job {job} committed. Elapsed time: {ground.luck.randrange(40, 3000)} ms."
    )
    driver.info("FileFormatWriter", f"Finished processing stats for write job {job}.")
    ground.facts.wrote = True


def fail_task(
    ground: Ground, stage: Stage, failure: Throwable, *, tries: int = MAX_FAILURES, index: int | None = None,
    executor: Executor | None = None,
) -> Throwable:  # fmt: skip
    """Let a task fail; with `tries` = 4 the stage is given up, with fewer the next try succeeds.

    Returns what the driver throws at the job (`SparkException: Job aborted due to stage failure …`).
    """
    where = stage.tasks - 1 if index is None else index
    failure = failure.below(*task_frames(ground.release.spark, ground.release.java_major))
    last, host, number = 0, ground.executors[0], 0
    for number in range(tries):
        host = executor or ground.executors[(where + number) % len(ground.executors)]
        last = start_task(ground, stage, where, host, number)
        ground.clock.advance(ground.luck.uniform(0.2, 4))
        name = f"task {where}.{number} in stage {stage.id}.0 (TID {last})"
        _one_failure(ground, failure, name, host, number=number)
    if tries < MAX_FAILURES:
        host = ground.executors[(where + tries + 1) % len(ground.executors)]
        task = start_task(ground, stage, where, host, tries)
        finish_task(ground, stage, where, host, task=task, attempt=tries)
        return failure
    return abort_stage(ground, stage, failure, host, index=where, task=last, tries=tries)


def _one_failure(ground: Ground, failure: Throwable, name: str, host: Executor, *, number: int) -> None:
    host.log.error("Executor", f"Exception in {name}", thread=_worker(0))
    host.log.trace(failure)
    driver = driver_log(ground)
    if number == 0:
        driver.warn(
            "TaskSetManager",
            f"Lost {name} ({host.host} executor {host.id}): {failure.text}\n",
            thread=_RESULT,
        )
        return
    driver.info(
        "TaskSetManager",
        f"Lost {name} on {host.host}, executor {host.id}: {failure.name} ({failure.message}) [duplicate {number}]",
        thread=_RESULT,
    )


def abort_stage(
    ground: Ground, stage: Stage, failure: Throwable, host: Executor, *, index: int, task: int, tries: int
) -> Throwable:
    """The stage is given up for a task that failed too often."""
    driver = driver_log(ground)
    driver.error(
        "TaskSetManager",
        f"Task {index} in stage {stage.id}.0 failed {tries} times; aborting job",
        thread=_RESULT,
    )
    reason = (
        f"Job aborted due to stage failure: Task {index} in stage {stage.id}.0 failed {tries} times, most recent failure: "
        f"Lost task {index}.{tries - 1} in stage {stage.id}.0 (TID {task}) ({host.host} executor {host.id}): {failure.text}\n\n"
        "Driver stacktrace:"
    )
    driver.info(ground.scheduler, f"Cancelling stage {stage.id}", thread=_DAG)
    driver.info(
        "DAGScheduler",
        f"{stage.name} failed in {ground.luck.uniform(1, 60):.3f} s due to {reason}",
        thread=_DAG,
    )
    driver.info(
        "DAGScheduler", f"Job {stage.job} failed: {stage.action}, took {ground.luck.uniform(1, 60):.6f} s"
    )
    return Throwable("org.apache.spark.SparkException", reason, DRIVER_FRAMES, replace(failure, remote=True))


DRIVER_FRAMES: Final = (
    "org.apache.spark.scheduler.DAGScheduler.failJobAndIndependentStages(DAGScheduler.scala:2856)",
    "org.apache.spark.scheduler.DAGScheduler.$anonfun$abortStage$2(DAGScheduler.scala:2792)",
    "org.apache.spark.scheduler.DAGScheduler.$anonfun$abortStage$2$adapted(DAGScheduler.scala:2791)",
    "scala.collection.mutable.ResizableArray.foreach(ResizableArray.scala:62)",
    "scala.collection.mutable.ArrayBuffer.foreach(ArrayBuffer.scala:49)",
    "org.apache.spark.scheduler.DAGScheduler.abortStage(DAGScheduler.scala:2791)",
    "org.apache.spark.scheduler.DAGSchedulerEventProcessLoop.doOnReceive(DAGScheduler.scala:3060)",
    "org.apache.spark.util.EventLoop$$anon$1.run(EventLoop.scala:49)",
)
