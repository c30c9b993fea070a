"""Failures of the driver: its heap, its Python process, results and broadcasts too large, plans too deep."""

from diagnose.taxonomy import Category, FailureType
from evals.synthesis.scene import Scene
from evals.synthesis.template import Truth, template
from evals.synthesis.templates.shape import SPARK, SQL, give_up, heap_banner, jdk, say, size, tell
from evals.synthesis.trace import PythonError, Throwable

_HEAP = "java.lang.OutOfMemoryError"


@template("collect-fills-driver", FailureType.DRIVER_OOM, difficulty="easy")
def collect_fills_driver(scene: Scene) -> Truth:
    """The job fetches a table to its driver, whose heap is too small."""
    rng, python = scene.rng, scene.language == "python"
    scene.facts.extra_args.extend(
        [
            "--conf",
            "spark.driver.defaultJavaOptions=-XX:+UseParallelGC",
            "--conf",
            "spark.driver.maxResultSize=0",
        ]
    )
    message = rng.choice(("Java heap space", "GC overhead limit exceeded"))
    scene.start()
    scene.healthy_run()
    stage = scene.begin_stage(tasks=rng.randrange(20, 60), action="collect")
    scene.run_tasks(stage, stage.tasks - 3)
    late = rng.random() < 0.5
    if late:
        scene.driver.error(
            "Utils", "Uncaught exception in thread task-result-getter-2", thread="task-result-getter-2"
        )
        getter = (
            *jdk(
                scene,
                "java.base/java.nio.HeapByteBuffer.<init>(HeapByteBuffer.java:64)",
                "java.base/java.nio.ByteBuffer.allocate(ByteBuffer.java:363)",
            ),
            f"{SPARK}scheduler.TaskResultGetter$$anon$3.$anonfun$run$1(TaskResultGetter.scala:63)",
        )
        scene.driver.trace(Throwable(_HEAP, message, getter))
    frames = (
        *jdk(scene, "java.base/java.util.Arrays.copyOf(Arrays.java:3537)"),
        f"{SQL}execution.SparkPlan$$anon$1._next(SparkPlan.scala:416)",
        f"{SQL}execution.SparkPlan$$anon$1.getNext(SparkPlan.scala:426)",
        f"{SQL}execution.SparkPlan.$anonfun$executeCollect$1(SparkPlan.scala:449)",
        f"{SQL}execution.SparkPlan.executeCollect(SparkPlan.scala:447)",
        f"{SQL}Dataset.$anonfun${'collectToPython' if python else 'collect'}$1(Dataset.scala:3997)",
    )
    scene.fail(Throwable(_HEAP, message, frames), call="collectToPython", source="rows = frame.collect()")
    return Truth(
        description="The job collects more than its driver's heap can hold.", evidence=(f"{_HEAP}: {message}",),
    )  # fmt: skip


@template("driver-hook-kills", FailureType.DRIVER_OOM, difficulty="hard", without=(4, 5, 6, 7))
def driver_hook_kills(scene: Scene) -> Truth:
    """The driver's JVM kills itself at its first full heap: its stderr stops, its stdout has the only word."""
    rng = scene.rng
    message = rng.choice(
        ("Java heap space", "GC overhead limit exceeded", "Requested array size exceeds VM limit")
    )
    scene.start()
    scene.healthy_run(rng.randrange(2, 4))
    if rng.random() < 0.5:
        scene.long_run(rng.choice((200, 500)))
    stage = scene.begin_stage(tasks=rng.randrange(30, 80), action="collect")
    scene.run_tasks(stage, stage.tasks - rng.randrange(2, 9))
    scene.driver.warn(
        "TaskSetManager",
        f"Stage {stage.id} contains a task of very large size ({rng.randrange(1200, 9000)} KiB). The maximum recommended task "
        "size is 1000 KiB.",
    )
    scene.driver_out.raw(heap_banner(scene, message))
    for executor in scene.executors:
        tell(
            executor,
            "ERROR",
            "YarnCoarseGrainedExecutorBackend",
            f"Executor self-exiting due to : Driver {scene.ground.driver_node.host}:{scene.ground.driver_port} disassociated! "
            "Shutting down.",
        )
    scene.master_dies(137)
    return Truth(
        description="The driver's heap is full and its JVM's hook kills it.",
        evidence=(f"# {_HEAP}: {message}",),
        notes="the driver's stdout has the only line that says why",
    )


@template("frame-to-pandas", FailureType.DRIVER_OOM, difficulty="medium", languages=("python",))
def frame_to_pandas(scene: Scene) -> Truth:
    """A whole table becomes a pandas frame on the driver; Python, not the JVM, runs out of memory."""
    rng, names = scene.rng, scene.names
    rows = rng.randrange(40, 900) * 10**6
    lib = scene.ground.python_lib
    kind = rng.choice(("numpy", "arrow", "plain"))
    error = {
        "numpy": ("numpy.core._exceptions._ArrayMemoryError",
                  f"Unable to allocate {rows * 8 * 3 / 1024**3:.2f} GiB for an array with shape (3, {rows}) and data type float64"),
        "arrow": ("pyarrow.lib.ArrowMemoryError", f"malloc of size {rows * 24} failed"),
        "plain": ("MemoryError", ""),
    }[kind]  # fmt: skip
    scene.start()
    scene.healthy_run(2)
    scene.healthy_stage(tasks=30, action="collect")
    scene.fail(PythonError(*error, (
        ("", rng.randrange(30, 120), "<module>", f"local = spark.table('{names.database}.{names.table}').toPandas()"),
        (f"{lib}sql/pandas/conversion.py", 202, "toPandas", ""),
        (f"{lib.split('pyspark.zip')[0]}pandas/core/internals/managers.py", 2250, "_stack_arrays", ""),
    )))  # fmt: skip
    return Truth(
        description="The driver's Python process has no memory for the table it turns into a pandas frame.",
        evidence=(": ".join(part for part in error if part),),
    )


@template("hash-table-on-driver", FailureType.DRIVER_OOM, difficulty="medium")
def hash_table_on_driver(scene: Scene) -> Truth:
    """The driver builds a hash table for a broadcast join and its heap is too small for it."""
    rng = scene.rng
    scene.facts.extra_args.extend(["--conf", "spark.driver.defaultJavaOptions=-XX:+UseG1GC"])
    scene.start()
    scene.healthy_run()
    scene.healthy_stage(tasks=12, action="collect")
    text = (
        "Not enough memory to build and broadcast the table to all worker nodes. As a workaround, you can either disable "
        "broadcast by setting spark.sql.autoBroadcastJoinThreshold to -1 or increase the spark driver memory by setting "
        "spark.driver.memory to a higher value."
    )
    heap = Throwable(_HEAP, "Java heap space", (
        f"{SPARK}unsafe.map.BytesToBytesMap.allocate(BytesToBytesMap.java:868)" if rng.random() < 0.4
        else f"{SQL}execution.joins.LongToUnsafeRowMap.grow(HashedRelation.scala:752)",
        f"{SQL}execution.joins.HashedRelation$.apply(HashedRelation.scala:143)",
        f"{SQL}execution.exchange.BroadcastExchangeExec.$anonfun$relationFuture$1(BroadcastExchangeExec.scala:158)",
    ))  # fmt: skip
    thread = f"broadcast-exchange-{rng.randrange(3)}"
    scene.driver.warn(
        "BlockManager",
        f"Putting block broadcast_{scene.ground.count.broadcast} failed due to exception {heap.header}.",
        thread=thread,
    )
    scene.fail(Throwable(f"{SPARK}SparkException", text, (
        f"{SQL}errors.QueryExecutionErrors$.notEnoughMemoryToBuildAndBroadcastTableError(QueryExecutionErrors.scala:2180)",
        f"{SQL}execution.exchange.BroadcastExchangeExec.$anonfun$relationFuture$1(BroadcastExchangeExec.scala:187)",
        f"{SQL}execution.SQLExecution$.$anonfun$withThreadLocalCaptured$1(SQLExecution.scala:224)",
    ), heap), call="save")  # fmt: skip
    return Truth(
        description="The driver's heap is too small for the table it should broadcast.",
        evidence=("Not enough memory to build and broadcast the table", f"{_HEAP}: Java heap space"),
        notes="no limit of broadcasts is met: the driver's heap is full",
    )


@template("plan-too-deep", FailureType.STACK_OVERFLOW, difficulty="easy")
def plan_too_deep(scene: Scene) -> Truth:
    """A plan or a lineage of thousands of steps is walked recursively."""
    rng = scene.rng
    scene.start()
    scene.healthy_run()
    plans = (
        (f"{SQL}catalyst.trees.TreeNode.transformDownWithPruning(TreeNode.scala:466)",
         f"{SQL}catalyst.trees.TreeNode.$anonfun$mapChildren$1(TreeNode.scala:1249)",
         f"{SQL}catalyst.trees.UnaryLike.mapChildren(TreeNode.scala:1215)"),
        (f"{SQL}catalyst.plans.QueryPlan.transformExpressionsDownWithPruning(QueryPlan.scala:167)",
         f"{SQL}catalyst.plans.logical.Project.mapChildren(basicLogicalOperators.scala:71)",
         f"{SQL}catalyst.rules.RuleExecutor.$anonfun$execute$2(RuleExecutor.scala:222)"),
        ("org.apache.spark.sql.catalyst.parser.SqlBaseParser.booleanExpression(SqlBaseParser.java:16012)",
         "org.apache.spark.sql.catalyst.parser.SqlBaseParser.booleanExpression(SqlBaseParser.java:16100)"),
    )  # fmt: skip
    lineage = jdk(
        scene, "java.base/java.io.ObjectStreamClass.invokeReadObject(ObjectStreamClass.java:1231)",
        "java.base/java.io.ObjectInputStream.readSerialData(ObjectInputStream.java:2434)",
        "java.base/java.io.ObjectInputStream.readObject0(ObjectInputStream.java:1733)",
        "java.base/java.io.ObjectInputStream.readArray(ObjectInputStream.java:2157)",
    )  # fmt: skip
    if rng.random() < 0.35:
        stage = scene.begin_stage(tasks=rng.randrange(4, 20), action="count")
        deep = Throwable("java.lang.StackOverflowError", "", lineage * rng.choice((60, 120)))
        scene.fail(scene.fail_task(stage, deep), call="count")
    else:
        turns = rng.randrange(300, 4000)
        say(scene, f"building features, {turns} derived columns")
        scene.fail(
            Throwable("java.lang.StackOverflowError", "", rng.choice(plans) * 200),
            call=rng.choice(("withColumn", "count")),
        )
    return Truth(
        description="A plan or lineage of thousands of steps overflows the thread's stack.",
        evidence=("java.lang.StackOverflowError",),
        accept=(Category.CONFIGURATION_ERROR,),
    )


@template("answer-too-big", FailureType.RESULT_TOO_LARGE, difficulty="easy")
def answer_too_big(scene: Scene) -> Truth:
    """The tasks' results together are more than the driver takes."""
    rng = scene.rng
    limit = rng.choice((1024.0, 2048.0, 512.0))
    scene.facts.extra_args.extend(["--conf", f"spark.driver.maxResultSize={int(limit)}m"])
    tasks = rng.randrange(12, 90)
    scene.start()
    scene.healthy_run()
    stage = scene.begin_stage(tasks=tasks + 12, action="collect")
    scene.run_tasks(stage, tasks - 1)
    single = rng.random() < 0.3
    if single:
        scene.executor(1).log.warn(
            "Executor",
            f"Finished task {tasks}.0 in stage {stage.id}.0 (TID {stage.first_task + tasks}). Result is larger than maxResultSize "
            f"({size(limit * 1.2)} > {size(limit)}), dropping it.",
        )
    total = f"Total size of serialized results of {1 if single else tasks} tasks ({size(limit * (1.2 if single else 1.004))}) "
    text = f"{total}is bigger than spark.driver.maxResultSize ({size(limit)})"
    thrown = give_up(scene, stage, text + "\nDriver stacktrace:", first=text)
    if rng.random() < 0.5:
        scene.driver.warn(
            "TaskSetManager",
            f"Lost task {tasks + 3}.0 in stage {stage.id}.0 (TID {stage.first_task + tasks + 3}) ({scene.executor(1).host} executor "
            f"{scene.executor(1).id}): TaskKilled (Tasks result size has exceeded maxResultSize)",
        )
    scene.fail(thrown, call="collectToPython", source="rows = frame.collect()")
    return Truth(
        description="The job collects more than spark.driver.maxResultSize allows.",
        evidence=("is bigger than spark.driver.maxResultSize",),
        accept=(Category.CONFIGURATION_ERROR,),
    )


@template("table-over-limit", FailureType.BROADCAST_LIMIT, difficulty="easy")
def table_over_limit(scene: Scene) -> Truth:
    """A table that should be broadcast is larger than Spark can broadcast, in bytes or in rows."""
    rng = scene.rng
    large = f"Cannot broadcast the table that is larger than 8.0 GiB: {rng.uniform(8.1, 30):.1f} GiB."
    rows = f"Cannot broadcast the table over 512000000 rows: {rng.randrange(512000001, 2 * 10**9)} rows."
    text = rng.choice((large, large, rows))
    scene.start()
    scene.healthy_run()
    scene.healthy_stage(tasks=rng.randrange(8, 60), action="collect")
    method = "cannotBroadcastTableOverMaxTable" + ("BytesError" if text == large else "RowsError")
    scene.fail(Throwable(f"{SPARK}SparkException", text, (
        f"{SQL}errors.QueryExecutionErrors$.{method}(QueryExecutionErrors.scala:2162)",
        f"{SQL}execution.exchange.BroadcastExchangeExec.$anonfun$relationFuture$1(BroadcastExchangeExec.scala:170)",
        f"{SQL}execution.SQLExecution$.$anonfun$withThreadLocalCaptured$1(SQLExecution.scala:224)",
    )), call=rng.choice(("save", "count", "showString")))  # fmt: skip
    return Truth(
        description="A table is broadcast by hint or by a wrong estimate and is larger than the limit of broadcasts.",
        evidence=(text.split(":")[0],),
        accept=(Category.CONFIGURATION_ERROR,),
    )


@template("broadcast-never-ready", FailureType.BROADCAST_LIMIT, difficulty="medium")
def broadcast_never_ready(scene: Scene) -> Truth:
    """A broadcast is not collected within its time; the loud end is a cancelled stage."""
    rng = scene.rng
    seconds = rng.choice((300, 300, 600, 1200))
    if seconds != 300:
        scene.facts.extra_args.extend(["--conf", f"spark.sql.broadcastTimeout={seconds}"])
    scene.start()
    scene.healthy_run()
    stage = scene.begin_stage(tasks=rng.randrange(60, 200), action="collect")
    scene.run_tasks(stage, rng.randrange(20, 50))
    scene.wait(seconds)
    text = (
        f"Could not execute broadcast in {seconds} secs. You can increase the timeout for broadcasts via "
        "spark.sql.broadcastTimeout or disable broadcast join by setting spark.sql.autoBroadcastJoinThreshold to -1."
    )
    if rng.random() < 0.6:
        scene.driver.error("BroadcastExchangeExec", f"Could not execute broadcast in {seconds} secs.")
    scene.driver.info(
        scene.ground.scheduler, f"Cancelling stage {stage.id}", thread="dag-scheduler-event-loop"
    )
    late = Throwable("java.util.concurrent.TimeoutException", "", (
        *jdk(scene, "java.base/java.util.concurrent.FutureTask.get(FutureTask.java:204)"),
        f"{SQL}execution.exchange.BroadcastExchangeExec.doExecuteBroadcast(BroadcastExchangeExec.scala:212)",
    ))  # fmt: skip
    scene.fail(Throwable(f"{SPARK}SparkException", text, (
        f"{SQL}errors.QueryExecutionErrors$.executeBroadcastTimeoutError(QueryExecutionErrors.scala:2195)",
        f"{SQL}execution.exchange.BroadcastExchangeExec.doExecuteBroadcast(BroadcastExchangeExec.scala:217)",
        f"{SQL}execution.WholeStageCodegenExec.doExecuteBroadcast(WholeStageCodegenExec.scala:745)",
    ), late), call="save")  # fmt: skip
    return Truth(
        description="The table of a broadcast join is not collected within the time a broadcast may take.",
        evidence=(f"Could not execute broadcast in {seconds} secs",),
        accept=(Category.CONFIGURATION_ERROR,),
    )
