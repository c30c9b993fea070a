"""Failures of an executor's memory: heap, direct buffers, Python workers, containers that grew too large."""

from diagnose.taxonomy import Category, FailureType
from evals.synthesis.ground import Executor
from evals.synthesis.scene import Scene
from evals.synthesis.template import Truth, template
from evals.synthesis.templates.shape import (
    SPARK,
    SQL,
    captured_worker_error,
    heap_banner,
    is_java8,
    jdk,
    limit_gb,
    lose,
    lose_until_given_up,
    memory_kill,
    own_name,
    package,
    query_frames,
    tell,
    worker_error,
)
from evals.synthesis.trace import PythonError, Throwable, task_frames

_HEAP = "java.lang.OutOfMemoryError"
_OTHER_KILL = 25
"""The decoy of another application's memory kill."""


@template("stdout-knows-heap", FailureType.EXECUTOR_OOM, difficulty="hard")
def stdout_knows_heap(scene: Scene) -> Truth:
    """Executors are killed by their JVM's own hook; only their stdout says that the heap was full."""
    rng = scene.rng
    message = rng.choice(("Java heap space", "Java heap space", "GC overhead limit exceeded"))
    scene.start(executors=rng.choice((2, 3)))
    scene.healthy_run()
    stage = scene.begin_stage(tasks=rng.randrange(6, 30), action="count", kind="ShuffleMapStage")
    scene.run_tasks(stage, stage.tasks // 2)
    noisy = rng.random() < 0.5

    def dies(executor: Executor, _: str, __: int) -> None:
        if noisy:
            tell(
                executor,
                "WARN",
                "MemoryStore",
                f"Not enough space to cache rdd_{scene.ground.count.rdd}_{stage.tasks - 1} in memory! "
                f"(computed {scene.ground.luck.uniform(300, 900):.1f} MiB so far)",
            )
        executor.out.raw(heap_banner(scene, message))

    thrown = lose_until_given_up(scene, stage, status=137, before=dies)
    scene.fail(thrown, call="count")
    return Truth(
        description="The executors' heap is too small for one task; the JVM's hook kills each of them.",
        evidence=(f"# {_HEAP}: {message}",),
        notes="exit 137 comes from the JVM's own kill -9, not from YARN",
    )


@template("task-heap-trace", FailureType.EXECUTOR_OOM, difficulty="easy")
def task_heap_trace(scene: Scene) -> Truth:
    """The heap runs full within a task and the trace is there; executors leave one after the other."""
    rng = scene.rng
    scene.facts.extra_args.extend(["--conf", "spark.executor.defaultJavaOptions=-XX:+UseParallelGC"])
    message = rng.choice(("Java heap space", "GC overhead limit exceeded", "Java heap space"))
    name = own_name(scene)
    places = (
        (f"{SPARK}util.collection.unsafe.sort.UnsafeSortDataFormat.allocate(UnsafeSortDataFormat.java:86)",
         f"{SPARK}util.collection.TimSort$SortState.ensureCapacity(TimSort.java:951)"),
        (*jdk(scene, "java.base/java.util.Arrays.copyOf(Arrays.java:3745)",
              "java.base/java.lang.StringBuilder.append(StringBuilder.java:179)"),
         f"{package(scene)}.{name}$.$anonfun$expand$2({name}.scala:{rng.randrange(30, 120)})"),
        (f"{SQL}catalyst.expressions.aggregate.Collect.serialize(collect.scala:75)",
         f"{SQL}execution.aggregate.ObjectAggregationIterator.next(ObjectAggregationIterator.scala:97)"),
        ("org.apache.parquet.bytes.CapacityByteArrayOutputStream.addSlab(CapacityByteArrayOutputStream.java:198)",
         "org.apache.parquet.column.values.dictionary.DictionaryValuesWriter.writeInteger(DictionaryValuesWriter.java:120)"),
    )  # fmt: skip
    scene.start(executors=3)
    scene.healthy_run()
    stage = scene.begin_stage(tasks=rng.randrange(8, 40), action="count", kind="ShuffleMapStage")
    scene.run_tasks(stage, 5)
    trace = Throwable(_HEAP, message, (*rng.choice(places), *query_frames(scene)))
    trace = trace.below(*task_frames(scene.release.spark, scene.release.java_major))

    def dies(executor: Executor, name: str, _: int) -> None:
        tell(executor, "ERROR", "Executor", f"Exception in {name}")
        executor.log.trace(trace)
        tell(
            executor,
            "ERROR",
            "SparkUncaughtExceptionHandler",
            f"Uncaught exception in thread Thread[Executor task launch worker for {name},5,main]",
        )
        executor.log.trace(trace)
        tell(executor, "INFO", "DiskBlockManager", "Shutdown hook called")

    thrown = lose_until_given_up(scene, stage, status=52, before=dies)
    scene.fail(thrown, call=rng.choice(("count", "collectToPython")))
    return Truth(
        description="A task needs more heap than its executor has; four executors end with status 52.",
        evidence=(f"{_HEAP}: {message}",),
    )


@template("no-page-left", FailureType.EXECUTOR_OOM, difficulty="easy")
def no_page_left(scene: Scene) -> Truth:
    """Memory that is not plain heap: Spark's execution memory, direct buffers, threads; the executor lives on."""
    rng = scene.rng
    page = rng.choice((65536, 16384, 268435456))
    limit = rng.choice((536870912, 1073741824))
    acquire = f"Unable to acquire {page} bytes of memory, got {rng.choice((0, 0, page // 4))}"
    direct = (
        "Direct buffer memory" if is_java8(scene)
        else f"Cannot reserve {page} bytes of direct buffer memory (allocated: {limit - page // 2}, limit: {limit})"
    )  # fmt: skip
    shapes = (
        Throwable(f"{SPARK}memory.SparkOutOfMemoryError", f"[UNABLE_TO_ACQUIRE_MEMORY] {acquire}.", (
            f"{SPARK}memory.MemoryConsumer.throwOom(MemoryConsumer.java:157)",
            f"{SPARK}memory.MemoryConsumer.allocatePage(MemoryConsumer.java:116)",
            f"{SPARK}util.collection.unsafe.sort.UnsafeExternalSorter.acquireNewPageIfNecessary(UnsafeExternalSorter.java:428)",
            f"{SQL}execution.UnsafeExternalRowSorter.insertRow(UnsafeExternalRowSorter.java:138)", *query_frames(scene),
        )),
        Throwable(_HEAP, direct, (
            *jdk(scene, "java.base/java.nio.Bits.reserveMemory(Bits.java:178)",
                 "java.base/java.nio.DirectByteBuffer.<init>(DirectByteBuffer.java:121)",
                 "java.base/java.nio.ByteBuffer.allocateDirect(ByteBuffer.java:332)"),
            "org.apache.parquet.hadoop.codec.SnappyDecompressor.setInput(SnappyDecompressor.java:103)", *query_frames(scene),
        )),
        Throwable("io.netty.util.internal.OutOfDirectMemoryError", (
            f"failed to allocate 16777216 byte(s) of direct memory (used: {limit - 4194304}, max: {limit})"), (
            "io.netty.util.internal.PlatformDependent.incrementMemoryCounter(PlatformDependent.java:845)",
            "io.netty.util.internal.PlatformDependent.allocateDirectNoCleaner(PlatformDependent.java:774)",
            "io.netty.buffer.PoolArena$DirectArena.allocateDirect(PoolArena.java:632)",
            f"{SPARK}storage.ShuffleBlockFetcherIterator.next(ShuffleBlockFetcherIterator.scala:807)", *query_frames(scene),
        )),
    )  # fmt: skip
    failure = rng.choice(shapes)
    scene.start()
    scene.healthy_run()
    stage = scene.begin_stage(tasks=rng.randrange(8, 60), action="count", kind="ShuffleMapStage")
    scene.run_tasks(stage, 6)
    if rng.random() < 0.4:
        scene.executor(1).log.info(
            "UnsafeExternalSorter",
            f"Thread {rng.randrange(40, 90)} spilling sort data of 512.0 MiB to disk (3  times so far)",
        )
    scene.fail(scene.fail_task(stage, failure), call="count")
    return Truth(
        description="A task finds no more execution or direct memory on its executor.",
        evidence=(failure.header.removeprefix(SPARK + "memory."),),
    )


@template("udf-wants-array", FailureType.EXECUTOR_OOM, difficulty="medium", languages=("python",))
def udf_wants_array(scene: Scene) -> Truth:
    """A Python function on the executors asks for more memory than its worker may have."""
    rng, names = scene.rng, scene.names
    limit = rng.choice((512, 1024))
    scene.facts.extra_args.extend(["--conf", f"spark.executor.pyspark.memory={limit}m"])
    rows = rng.randrange(9, 70) * 10**6
    text = f"Unable to allocate {rows * 64 / 1024**3:.2f} GiB for an array with shape ({rows}, 8) and data type float64"
    calls = (
        ("", rng.randrange(20, 60), f"score_{names.table}", "matrix = np.zeros((len(frame) * width, 8))"),
    )
    error = rng.choice((
        PythonError("numpy.core._exceptions._ArrayMemoryError", text, calls),
        PythonError("MemoryError", "", calls),
    ))  # fmt: skip
    scene.start()
    scene.healthy_run()
    stage = scene.begin_stage(tasks=rng.randrange(4, 20), action="count", kind="ShuffleMapStage")
    scene.run_tasks(stage, 2)
    thrown = worker_error(scene, error)
    aborted = scene.fail_task(stage, thrown)
    if rng.random() < 0.5:
        scene.fail(aborted, call="count")
    else:
        scene.fail(
            captured_worker_error(
                scene,
                thrown,
                "count",
                f"scored = {names.table}.groupBy('{names.column}').applyInPandas(score, schema)",
            )
        )
    return Truth(
        description="A Python function on the executors needs more memory than its worker is given.",
        evidence=(error.header if error.message else "MemoryError",),
        accept=(Category.CONFIGURATION_ERROR,) if not error.message else (),
    )


def _overgrown(scene: Scene, used: float, limit: float) -> str:
    return (
        f"Container killed by YARN for exceeding physical memory limits. {used:.1f} GB of {limit:.1f} GB physical memory used. "
        "Consider boosting spark.executor.memoryOverhead."
    )


@template(
    "yarn-weighs-executors", FailureType.CONTAINER_MEMORY_KILL, difficulty="easy", without=(_OTHER_KILL,)
)
def yarn_weighs_executors(scene: Scene) -> Truth:
    """YARN kills executors that outgrow their containers, until the stage or the application is given up."""
    rng, limit = scene.rng, limit_gb(scene)
    over = rng.uniform(0.06, 0.4)
    scene.start(executors=3)
    scene.healthy_run()
    stage = scene.begin_stage(tasks=rng.randrange(10, 40), action="count", kind="ShuffleMapStage")
    scene.run_tasks(stage, 6)
    python = scene.language == "python"
    by_count = rng.random() < 0.3
    if by_count:
        reached = rng.choice((3, 4, 6))
        scene.facts.extra_args.extend(
            ["--conf", f"spark.executor.maxNumFailures={reached}", "--conf", "spark.task.maxFailures=20"]
        )
        for attempt in range(reached):
            victim = scene.executor(attempt + 1)
            task = scene.start_task(stage, stage.tasks - 1, victim, attempt)
            memory_kill(scene, victim, used_gb=limit + over, limit_gb=limit, python=python)
            lose(scene, stage, victim, index=stage.tasks - 1, attempt=attempt, task=task, status=-104,
                 reason=_overgrown(scene, limit + over, limit))  # fmt: skip
            scene.new_executor()
        scene.fail_master(11, f"Max number of executor failures ({reached}) reached")
    else:
        thrown = lose_until_given_up(
            scene, stage, status=-104, reason=lambda: _overgrown(scene, limit + over, limit),
            before=lambda executor, _, __: memory_kill(scene, executor, used_gb=limit + over, limit_gb=limit, python=python),
        )  # fmt: skip
        scene.fail(thrown, call="count")
    return Truth(
        description="Executor containers outgrow their limit and YARN kills them.",
        evidence=(
            "Container killed by YARN for exceeding physical memory limits",
            "beyond the 'PHYSICAL' memory limit",
        ),
    )


@template(
    "yarn-weighs-driver",
    FailureType.CONTAINER_MEMORY_KILL,
    difficulty="medium",
    modes=("cluster",),
    without=(_OTHER_KILL,),
)
def yarn_weighs_driver(scene: Scene) -> Truth:
    """The driver's own container outgrows its limit; its log simply stops."""
    rng = scene.rng
    limit = (scene.ground.driver_mb + max(384, scene.ground.driver_mb // 10)) / 1024
    used = limit + rng.uniform(0.06, 0.3)
    scene.start()
    scene.healthy_run(2)
    stage = scene.begin_stage(tasks=40, action="collect")
    scene.run_tasks(stage, rng.randrange(10, 35))
    container, pid = scene.ground.container(1), rng.randrange(4000, 30000)
    text = (
        f"{scene.stamp()}Container [pid={pid},containerID={container}] is running {int((used - limit) * 1024**3)}B beyond the "
        f"'PHYSICAL' memory limit. Current usage: {used:.1f} GB of {limit:.1f} GB physical memory used; {used + 3:.1f} GB of "
        f"{limit * 5:.1f} GB virtual memory used. Killing container.\nDump of the process-tree for {container} :\n"
        "\t|- PID PPID PGRPID SESSID CMD_NAME USER_MODE_TIME(MILLIS) SYSTEM_TIME(MILLIS) VMEM_USAGE(BYTES) "
        "RSSMEM_USAGE(PAGES) FULL_CMD_LINE\n"
        f"\t|- {pid + 7} {pid} {pid} {pid} (java) 88121 3901 4811202560 {int(used * 262144)} /usr/lib/jvm/jre/bin/java -server "
        f"-Xmx{scene.ground.driver_mb}m\n\n{scene.stamp()}Container killed on request. Exit code is 143\n"
        f"{scene.stamp()}Container exited with a non-zero exit code 143. "
    )
    scene.driver.error("ApplicationMaster", "RECEIVED SIGNAL TERM", thread="SIGTERM handler")
    scene.node_manager().warn(
        "org.apache.hadoop.yarn.server.nodemanager.containermanager.monitor.ContainersMonitorImpl",
        text.split("]", 1)[1].split("\n\n", 1)[0], thread="Container Monitor",
    )  # fmt: skip
    scene.master_dies(-104, text)
    return Truth(
        description="YARN kills the driver's container because it is larger than it may be.",
        evidence=("beyond the 'PHYSICAL' memory limit",),
        notes="the container is the driver's; a container killed for its size all the same",
    )


@template(
    "kernel-picks-worker",
    FailureType.CONTAINER_MEMORY_KILL,
    difficulty="hard",
    languages=("python",),
    without=(_OTHER_KILL,),
)
def kernel_picks_worker(scene: Scene) -> Truth:
    """Python workers vanish under their executor; only the NodeManager says that containers were too large."""
    rng, limit = scene.rng, limit_gb(scene)
    scene.start()
    scene.healthy_run()
    stage = scene.begin_stage(tasks=rng.randrange(6, 30), action="count", kind="ShuffleMapStage")
    scene.run_tasks(stage, 3)
    eof = Throwable("java.io.EOFException", "", (
        *jdk(scene, "java.base/java.io.DataInputStream.readInt(DataInputStream.java:386)"),
        f"{SPARK}api.python.PythonRunner$$anon$3.read(PythonRunner.scala:774)",
    ))  # fmt: skip
    crashed = Throwable(f"{SPARK}SparkException", "Python worker exited unexpectedly (crashed)", (
        f"{SPARK}api.python.BasePythonRunner$ReaderIterator$$anonfun$1.applyOrElse(PythonRunner.scala:601)",
        f"{SPARK}api.python.BasePythonRunner$ReaderIterator.hasNext(PythonRunner.scala:525)", *query_frames(scene),
    ), eof)  # fmt: skip
    scene.fail_task(stage, crashed, tries=2)
    over = rng.uniform(0.1, 0.5)
    last = scene.begin_stage(tasks=6, action="count", kind="ShuffleMapStage")

    def dies(executor: Executor, name: str, _: int) -> None:
        tell(executor, "ERROR", "Executor", f"Exception in {name}")
        executor.log.trace(crashed)
        memory_kill(scene, executor, used_gb=limit + over, limit_gb=limit, python=True)

    thrown = lose_until_given_up(scene, last, status=137, before=dies)
    scene.fail(thrown, call="count")
    return Truth(
        description="Python workers make their executors' containers too large, and YARN kills them.",
        evidence=("beyond the 'PHYSICAL' memory limit",),
        accept=(Category.UNKNOWN,),
        notes="only the NodeManager's log tells why the workers vanish",
    )
