"""Shapes that several templates share: frames of a query, a Python worker's error, losses until a stage is given up.

No templates here. What a JVM, a Python worker or Spark's scheduler prints around a cause; the causes are the templates'.
"""

from collections.abc import Callable
from typing import Final

from evals.synthesis.ground import Executor
from evals.synthesis.scene import Scene
from evals.synthesis.trace import PythonError, Throwable
from evals.synthesis.work import DRIVER_FRAMES, Stage

SPARK: Final = "org.apache.spark."
SQL: Final = SPARK + "sql."
CODEGEN: Final = SQL + "catalyst.expressions.GeneratedClass$GeneratedIteratorForCodegenStage1"
MONITOR: Final = "org.apache.hadoop.yarn.server.nodemanager.containermanager.monitor.ContainersMonitorImpl"


def is_spark35(scene: Scene) -> bool:
    """Whether the release has Spark 3.5; otherwise it is 3.4."""
    return scene.release.spark.startswith("3.5")


def is_java8(scene: Scene) -> bool:
    """Whether the release runs on Java 8; otherwise on 17."""
    return scene.release.java_major == "8"


def jdk(scene: Scene, *frames: str) -> tuple[str, ...]:
    """Frames of the JDK as this run's Java prints them: Java 8 has no modules."""
    return tuple(frame.removeprefix("java.base/") if is_java8(scene) else frame for frame in frames)


def own_name(scene: Scene) -> str:
    """The simple name of the job's class."""
    return scene.names.main_class.rsplit(".", 1)[1]


def package(scene: Scene) -> str:
    """The package of the job's class."""
    return scene.names.main_class.rsplit(".", 1)[0]


def say(scene: Scene, text: str, *, level: str = "INFO") -> None:
    """The job itself says something: a Scala job through log4j, a Python job mostly by print."""
    if scene.language == "scala":
        scene.driver.log(level, own_name(scene), text)
    else:
        scene.driver_out.raw(text)


def tell(executor: Executor, level: str, source: str, message: str) -> None:
    """An executor's stderr says something."""
    executor.log.log(level, source, message)


def query_frames(scene: Scene) -> tuple[str, ...]:
    """The frames of a generated query under the frame that threw, down to the shuffle's or the result's task."""
    runner = "WholeStageCodegenEvaluatorFactory$WholeStageCodegenPartitionEvaluator$$anon$1.hasNext"
    file = "WholeStageCodegenEvaluatorFactory.scala:43"
    if not is_spark35(scene):
        runner, file = "WholeStageCodegenExec$$anon$1.hasNext", "WholeStageCodegenExec.scala:760"
    return (
        f"{CODEGEN}.processNext(Unknown Source)",
        f"{SQL}execution.BufferedRowIterator.hasNext(BufferedRowIterator.java:43)",
        f"{SQL}execution.{runner}({file})",
        "scala.collection.Iterator$$anon$10.hasNext(Iterator.scala:460)",
        f"{SPARK}shuffle.sort.UnsafeShuffleWriter.write(UnsafeShuffleWriter.java:179)",
        f"{SPARK}shuffle.ShuffleWriteProcessor.write(ShuffleWriteProcessor.scala:59)",
        f"{SPARK}scheduler.ShuffleMapTask.runTask(ShuffleMapTask.scala:104)",
        f"{SPARK}scheduler.ShuffleMapTask.runTask(ShuffleMapTask.scala:54)",
    )


def scan_frames(scene: Scene) -> tuple[str, ...]:
    """The same for a task that reads files: the scan stands between the reader and the query."""
    return (
        f"{SQL}execution.datasources.FileScanRDD$$anon$1.nextIterator(FileScanRDD.scala:293)",
        f"{SQL}execution.datasources.FileScanRDD$$anon$1.hasNext(FileScanRDD.scala:131)",
        "scala.collection.Iterator$$anon$10.hasNext(Iterator.scala:460)",
        *query_frames(scene),
    )


def reading(scene: Scene, *, writes: bool = False) -> Stage:
    """A run whose next stage reads files and has some tasks behind it; with `writes` it also writes their rows."""
    scene.start()
    scene.healthy_run()
    scene.read()
    tasks = scene.rng.randrange(6, 30)
    if writes:
        stage = scene.begin_stage(tasks=tasks, action="save")
    else:
        stage = scene.begin_stage(tasks=tasks, action="count", kind="ShuffleMapStage")
    scene.run_tasks(stage, scene.rng.randrange(1, 5))
    return stage


def jdbc_frames() -> tuple[str, ...]:
    """The frames of a task that writes rows through JDBC."""
    return (
        f"{SQL}execution.datasources.jdbc.JdbcUtils$.savePartition(JdbcUtils.scala:751)",
        f"{SQL}execution.datasources.jdbc.JdbcUtils$.$anonfun$saveTable$1(JdbcUtils.scala:902)",
        f"{SPARK}rdd.RDD.$anonfun$foreachPartition$2(RDD.scala:1041)",
        f"{SPARK}scheduler.ResultTask.runTask(ResultTask.scala:93)",
    )


def row_not_written(scene: Scene, cause: Throwable) -> Throwable:
    """How a task that writes files wraps what its query throws."""
    below = (
        f"{SQL}execution.datasources.FileFormatWriter$.executeTask(FileFormatWriter.scala:421)",
        f"{SQL}execution.datasources.WriteFilesExec.$anonfun$doExecuteWrite$1(WriteFiles.scala:100)",
        f"{SPARK}scheduler.ResultTask.runTask(ResultTask.scala:93)",
    )
    text = f"[TASK_WRITE_FAILED] Task failed while writing rows to {scene.names.output_path}."
    top = f"{SQL}errors.QueryExecutionErrors$.taskFailedWhileWritingRowsError(QueryExecutionErrors.scala:789)"
    return Throwable(
        f"{SPARK}SparkException",
        text,
        (top, *below),
        Throwable(cause.name, cause.message, (*cause.frames, *below), cause.cause),
    )


def part(scene: Scene, suffix: str) -> str:
    """One file of the job's input."""
    return f"{scene.names.input_path}/part-{scene.rng.randrange(400):05d}-{scene.ground.uuid()}-c000{suffix}"


def worker_error(scene: Scene, error: PythonError) -> Throwable:
    """A Python worker's exception as the executor throws it; `error.calls` are those of the job's own code."""
    lib = scene.ground.python_lib
    lines = ["Traceback (most recent call last):"]
    for line, function, source in (
        (1247, "main", "process()"),
        (1239, "process", "serializer.dump_stream(out_iter, outfile)"),
    ):
        lines += [f'  File "{lib}worker.py", line {line}, in {function}', f"    {source}"]
    body = error.text(scene.script_path).split("\n", 1)[1]
    return Throwable(
        f"{SPARK}api.python.PythonException",
        "\n".join([*lines, body, ""]),
        (
            f"{SPARK}api.python.BasePythonRunner$ReaderIterator.handlePythonException(PythonRunner.scala:572)",
            f"{SQL}execution.python.PythonUDFRunner$$anon$2.read(PythonUDFRunner.scala:94)",
            f"{SPARK}api.python.BasePythonRunner$ReaderIterator.hasNext(PythonRunner.scala:525)",
            f"{SPARK}InterruptibleIterator.hasNext(InterruptibleIterator.scala:37)",
            *query_frames(scene),
        ),
    )


def captured_worker_error(scene: Scene, thrown: Throwable, call: str, source: str) -> PythonError:
    """What the driver's Python shows for `worker_error`: PySpark unwraps it from the aborted stage."""
    lib = scene.ground.python_lib
    text = (
        "\n  An exception was thrown from the Python worker. Please see the stack trace below.\n"
        + thrown.message
    )
    return PythonError("pyspark.errors.exceptions.captured.PythonException", text, (
        ("", scene.rng.randrange(30, 180), "<module>", source),
        (f"{lib}sql/dataframe.py", 1240, call, ""),
        (f"{lib}errors/exceptions/captured.py", 185, "deco", ""),
    ))  # fmt: skip


def analysis_error(scene: Scene, message: str, call: str, source: str) -> PythonError | Throwable:
    """An AnalysisException as the job's language shows it."""
    if scene.language == "scala":
        return Throwable(f"{SQL}AnalysisException", message, (
            f"{SQL}catalyst.analysis.package$AnalysisErrorAt.failAnalysis(package.scala:52)",
            f"{SQL}catalyst.analysis.CheckAnalysis.checkAnalysis(CheckAnalysis.scala:188)",
            f"{SQL}execution.QueryExecution.assertAnalyzed(QueryExecution.scala:77)",
            f"{SQL}Dataset$.ofRows(Dataset.scala:91)",
        ))  # fmt: skip
    return captured(scene, "AnalysisException", message, call, source)


def captured(scene: Scene, name: str, message: str, call: str, source: str) -> PythonError:
    """An exception of Spark's own that PySpark converts to one of Python's."""
    lib = scene.ground.python_lib
    gateway = lib.replace("pyspark.zip/pyspark/", "py4j-0.10.9.7-src.zip/py4j/")
    return PythonError(f"pyspark.errors.exceptions.captured.{name}", message, (
        ("", scene.rng.randrange(20, 160), "<module>", source),
        (f"{lib}sql/readwriter.py", 1463, call, ""),
        (f"{gateway}java_gateway.py", 1322, "__call__", ""),
        (f"{lib}errors/exceptions/captured.py", 185, "deco", ""),
    ))  # fmt: skip


def heap_banner(scene: Scene, message: str) -> str:
    """What a JVM with `-XX:OnOutOfMemoryError` prints on its stdout before it is killed."""
    pid = scene.ground.luck.randrange(4000, 30000)
    return (
        f'#\n# java.lang.OutOfMemoryError: {message}\n# -XX:OnOutOfMemoryError="kill -9 %p"\n'
        f'#   Executing /bin/sh -c "kill -9 {pid}"...'
    )


def lose(
    scene: Scene, stage: Stage, executor: Executor, *, index: int, attempt: int, task: int, status: int,
    reason: str | None = None, diagnostics: str | None = None,
) -> str:  # fmt: skip
    """An executor is lost under one task, whose try has its right number; tells the driver's reason."""
    why = scene.lose_executor(executor, status=status, reason=reason, diagnostics=diagnostics)
    scene.driver.warn(
        "TaskSetManager",
        f"Lost task {index}.{attempt} in stage {stage.id}.0 (TID {task}) ({executor.host} executor {executor.id}): "
        f"ExecutorLostFailure (executor {executor.id} exited caused by one of the running tasks) Reason: {why}",
        thread="dispatcher-CoarseGrainedScheduler",
    )
    return why


def lose_until_given_up(
    scene: Scene, stage: Stage, *, status: int, before: Callable[[Executor, str, int], None],
    reason: Callable[[], str] | None = None, tries: int = 4,
) -> Throwable:  # fmt: skip
    """The same task takes down executor after executor; tells what the driver throws in the end.

    `before` writes what executor and NodeManager say; it gets the executor, the task's name and its TID.
    """
    index = stage.tasks - 1
    last, why, task = scene.executor(1), "", 0
    for attempt in range(tries):
        last = scene.executor(1 + attempt)
        task = scene.start_task(stage, index, last, attempt)
        scene.wait(scene.ground.luck.uniform(4, 90))
        before(last, f"task {index}.{attempt} in stage {stage.id}.0 (TID {task})", task)
        why = lose(
            scene, stage, last, index=index, attempt=attempt, task=task, status=status,
            reason=reason() if reason else None,
        )  # fmt: skip
        if attempt < tries - 1:
            scene.new_executor()
    return give_up(
        scene, stage,
        f"Task {index} in stage {stage.id}.0 failed {tries} times, most recent failure: Lost task {index}.{tries - 1} in stage "
        f"{stage.id}.0 (TID {task}) ({last.host} executor {last.id}): ExecutorLostFailure (executor {last.id} exited caused by "
        f"one of the running tasks) Reason: {why}\nDriver stacktrace:",
        first=f"Task {index} in stage {stage.id}.0 failed {tries} times; aborting job",
    )  # fmt: skip


def give_up(scene: Scene, stage: Stage, reason: str, *, first: str = "") -> Throwable:
    """A stage is given up for `reason`; tells what the driver throws."""
    text = f"Job aborted due to stage failure: {reason}"
    if first:
        scene.driver.error("TaskSetManager", first)
    scene.driver.info(scene.ground.scheduler, f"Cancelling stage {stage.id}")
    scene.driver.info(
        "DAGScheduler", f"{stage.name} failed in {scene.ground.luck.uniform(20, 900):.3f} s due to {text}"
    )
    return Throwable(f"{SPARK}SparkException", text, DRIVER_FRAMES)


def memory_kill(scene: Scene, executor: Executor, *, used_gb: float, limit_gb: float, python: bool) -> None:
    """The NodeManager finds a container larger than it may be, tells its processes and kills it."""
    pid = scene.ground.luck.randrange(4000, 30000)
    pages = int(used_gb * 262144)
    rows = [
        f"\t|- {pid} {pid - 2} {pid} {pid} (bash) 0 0 4468736 771 /bin/bash -c /usr/lib/jvm/jre/bin/java -server "
        f"-Xmx{scene.ground.executor_mb}m",
        f"\t|- {pid + 9} {pid} {pid} {pid} (java) 90211 4122 9914052608 {pages // 2 if python else pages} "
        f"/usr/lib/jvm/jre/bin/java -server -Xmx{scene.ground.executor_mb}m",
    ]
    if python:
        rows.append(
            f"\t|- {pid + 80} {pid + 40} {pid + 40} {pid} (python3) 4410 812 4714496000 {pages // 2} python3 -m pyspark.daemon"
        )
    scene.node_manager(executor).warn(
        MONITOR,
        f"Container [pid={pid},containerID={executor.container}] is running {int((used_gb - limit_gb) * 1024**3)}B beyond the "
        f"'PHYSICAL' memory limit. Current usage: {used_gb:.1f} GB of {limit_gb:.1f} GB physical memory used; "
        f"{used_gb + 2.7:.1f} GB of {limit_gb * 5:.1f} GB virtual memory used. Killing container.\n"
        f"Dump of the process-tree for {executor.container} :\n"
        "\t|- PID PPID PGRPID SESSID CMD_NAME USER_MODE_TIME(MILLIS) SYSTEM_TIME(MILLIS) VMEM_USAGE(BYTES) "
        "RSSMEM_USAGE(PAGES) FULL_CMD_LINE\n" + "\n".join(rows) + "\n",
        thread="Container Monitor",
    )


def limit_gb(scene: Scene) -> float:
    """What an executor's container may use."""
    return (scene.ground.executor_mb + scene.ground.overhead_mb) / 1024


def size(mebibytes: float) -> str:
    """A size as Spark shows it: the next unit from twice of it on."""
    return f"{mebibytes / 1024:.1f} GiB" if mebibytes >= 2048 else f"{mebibytes:.1f} MiB"
