"""Failures of capacity: executors that never come, one key for all rows, more files than a driver can list."""

from diagnose.taxonomy import Category, FailureType
from evals.synthesis import startup
from evals.synthesis.ground import Executor
from evals.synthesis.scene import Scene
from evals.synthesis.template import Truth, template
from evals.synthesis.templates.shape import (
    SPARK,
    SQL,
    heap_banner,
    lose_until_given_up,
    query_frames,
    say,
    tell,
)
from evals.synthesis.trace import PythonError, Throwable


def _starve(scene: Scene) -> None:
    """A driver that runs and never gets an executor."""
    scene.start_master()
    if scene.mode == "cluster":
        scene.facts.started = True
        startup.start_context(scene.ground)
    startup.start_scheduler(scene.ground, 0)


@template("nobody-takes-tasks", FailureType.INSUFFICIENT_CAPACITY, difficulty="easy")
def nobody_takes_tasks(scene: Scene) -> Truth:
    """YARN never grants an executor; the job waits until its own patience ends."""
    rng = scene.rng
    text = "Initial job has not accepted any resources; check your cluster UI to ensure that workers are registered and have sufficient resources"
    scene.facts.extra_args.extend(["--conf", "spark.dynamicAllocation.enabled=false"])
    _starve(scene)
    stage = scene.begin_stage(tasks=rng.randrange(4, 200), action=rng.choice(("count", "showString")))
    turns = rng.choice((20, 40, 120))
    for _ in range(turns):
        scene.wait(15)
        scene.driver.warn(scene.ground.scheduler, text, thread="Timer-0")
    scene.driver.info(
        scene.ground.scheduler, f"Cancelling stage {stage.id}", thread="dag-scheduler-event-loop"
    )
    minutes = turns // 4
    if scene.language == "python" and rng.random() < 0.6:
        scene.fail(PythonError("TimeoutError", f"no progress within {minutes} minutes, giving up", (
            ("", rng.randrange(20, 90), "<module>", "run_within(minutes, job)"),
        )))  # fmt: skip
    else:
        say(scene, f"watchdog: no task has started for {minutes} minutes, stopping", level="ERROR")
        scene.exit(rng.choice((1, 3)))
    return Truth(
        description="The cluster never gives the job an executor.",
        evidence=("Initial job has not accepted any resources",),
    )


@template(
    "waits-in-queue",
    FailureType.INSUFFICIENT_CAPACITY,
    difficulty="medium",
    modes=("cluster",),
    repeats=False,
    plain=True,
)
def waits_in_queue(scene: Scene) -> Truth:
    """The application stays ACCEPTED: the queue has no room for another master; a time limit ends the wait."""
    rng = scene.rng
    need = scene.ground.driver_mb + max(384, scene.ground.driver_mb // 10)
    total = scene.ground.node_mb * len(scene.ground.workers)
    reasons = (
        "Application is added to the scheduler and is not yet activated. Queue's AM resource limit exceeded.  Details : AM Partition "
        f"= <DEFAULT_PARTITION>; AM Resource Request = <memory:{need}, vCores:1>; Queue Resource Limit for AM = "
        f"<memory:{total // 10}, vCores:1>; User AM Resource Limit of the queue = <memory:{total // 10}, vCores:1>; "
        f"Queue AM Resource Usage = <memory:{total // 10 - 256}, vCores:{rng.randrange(2, 6)}>; ",
        "Application is Activated, waiting for resources to be assigned for AM.  Details : AM Partition = <DEFAULT_PARTITION> ; "
        f"Partition Resource = <memory:{total}, vCores:{scene.ground.node_cores * len(scene.ground.workers)}> ; Queue's Absolute "
        "capacity = 100.0 % ; Queue's Absolute used capacity = 100.0 % ; Queue's Absolute max capacity = 100.0 % ; Queue's capacity "
        f"(absolute resource) = <memory:{total}, vCores:{scene.ground.node_cores * len(scene.ground.workers)}> ; ",
    )  # fmt: skip
    shown = rng.choice(reasons)
    scene.submit()
    startup.report(
        scene.ground,
        "ACCEPTED",
        diagnostics=f"[{scene.ground.clock.now:%a %b %d %H:%M:%S} +0000 {scene.ground.clock.now:%Y}] {shown}",
    )
    hours = rng.choice((1, 2))
    for _ in range(rng.randrange(90, 200)):
        scene.wait(3600 * hours / 200)
        scene.client.info("Client", f"Application report for {scene.application} (state: ACCEPTED)")
    scene.submit_fails(
        f"submit_and_wait.sh: {scene.application} is still ACCEPTED after {hours}h, giving up", 124
    )
    return Truth(
        description="The queue never has room for the application's master.",
        evidence=(shown.split(".  ")[0], "is still ACCEPTED after"),
        accept=(Category.CONFIGURATION_ERROR,),
    )


@template("one-task-for-all", FailureType.DATA_SKEW, difficulty="hard", without=(3, 4, 5, 6, 7))
def one_task_for_all(scene: Scene) -> Truth:
    """One key holds most of the rows: its task spills for hours while all others are done."""
    rng, names = scene.rng, scene.names
    tasks = rng.choice((48, 96, 200))
    share = rng.randrange(71, 98)
    scene.start(executors=3)
    scene.healthy_run(1)
    column = names.columns[0]
    told = f"largest group of {column}: {rng.choice(('(null)', '-1', '0', 'UNKNOWN'))} holds {share} % of {rng.randrange(80, 900)} million rows"
    dies_of_it = rng.random() < 0.5
    if tells := dies_of_it or rng.random() < 0.5:
        say(scene, told)
    stage = scene.begin_stage(tasks=tasks, action="count", kind="ShuffleMapStage")
    scene.run_tasks(stage, tasks - 1)
    pages = rng.randrange(30, 70)
    rows = rng.choice((4096, 4096, 2147483632))

    turns = rng.randrange(60, 160)
    evidence = (f"({turns - 1}  times so far)", *((told.split(":", maxsplit=1)[0],) if tells else ()))
    if not dies_of_it:
        scene.start_task(stage, tasks - 1, scene.executor(2))
        _spills(scene, scene.executor(2), turns, rows=rows, pages=pages)
        say(
            scene,
            f"time budget used up: {tasks - 1} of {tasks} tasks of the join done, stopping",
            level="ERROR",
        )
        scene.exit(3)
    else:
        turns = 12
        evidence = (f"({turns - 1}  times so far)", *evidence[1:])

        def dies(executor: Executor, _: str, __: int) -> None:
            _spills(scene, executor, turns, rows=rows, pages=pages)
            executor.out.raw(heap_banner(scene, "Java heap space"))

        scene.fail(lose_until_given_up(scene, stage, status=137, before=dies), call="count")
    return Truth(
        description="One key holds most of the rows, so one task does nearly all of the stage's work.",
        evidence=evidence,
        accept=() if tells else (Category.UNKNOWN,),
        notes="all other tasks of the stage ended within seconds",
    )


def _spills(scene: Scene, executor: Executor, turns: int, *, rows: int, pages: int) -> None:
    """One task sorts more rows than its memory holds, again and again."""
    if rows == 4096:
        tell(
            executor,
            "INFO",
            "ExternalAppendOnlyUnsafeRowArray",
            f"Reached spill threshold of {rows} rows, switching to {SPARK}util.collection.unsafe.sort.UnsafeExternalSorter",
        )
    for times in range(1, turns):
        scene.wait(40)
        tell(
            executor,
            "INFO",
            "UnsafeExternalSorter",
            f"Thread {pages} spilling sort data of 2.1 GiB to disk ({times} {' times' if times > 1 else ' time'} so far)",
        )


@template("key-counts-printed", FailureType.DATA_SKEW, difficulty="medium", languages=("python",))
def key_counts_printed(scene: Scene) -> Truth:
    """The job prints its largest keys; then the partition of the first one is more than a task can hold."""
    rng, names = scene.rng, scene.names
    column, total = names.columns[1], rng.randrange(200, 900) * 10**6
    first = int(total * rng.uniform(0.6, 0.95))
    scene.start(executors=3)
    scene.healthy_stage(tasks=24, action="showString")
    width = 12
    rows = (
        (rng.choice(("null", "0", "UNKNOWN")), first),
        *((f"{rng.randrange(10**5, 10**6)}", rng.randrange(900, 4000)) for _ in range(4)),
    )
    rule = f"+{'-' * width}+{'-' * width}+"
    table = "\n".join(f"|{key:>{width}}|{count:>{width}}|" for key, count in rows)
    scene.driver_out.raw(f"{rule}\n|{column:>{width}}|{'count':>{width}}|\n{rule}\n{table}\n{rule}\n")
    warning = f"hot key: {rows[0][0]} has {first} of {total} rows in {names.table}.{column}"
    scene.driver_out.raw(warning)
    stage = scene.begin_stage(tasks=rng.choice((100, 200)), action="count", kind="ShuffleMapStage")
    scene.run_tasks(stage, stage.tasks - 1)
    failure = rng.choice((
        Throwable("java.lang.IllegalArgumentException", f"Cannot grow BufferHolder by size {rng.randrange(400, 9000)} because the size "
                  "after growing exceeds size limitation 2147483632", (
            f"{SQL}catalyst.expressions.codegen.BufferHolder.grow(BufferHolder.java:71)",
            f"{SQL}catalyst.expressions.codegen.UnsafeArrayWriter.initialize(UnsafeArrayWriter.java:64)", *query_frames(scene))),
        Throwable(f"{SPARK}memory.SparkOutOfMemoryError", "[UNABLE_TO_ACQUIRE_MEMORY] Unable to acquire 268435456 bytes of memory, got 0.", (
            f"{SPARK}memory.MemoryConsumer.throwOom(MemoryConsumer.java:157)",
            f"{SPARK}unsafe.map.BytesToBytesMap.allocate(BytesToBytesMap.java:868)", *query_frames(scene))),
    ))  # fmt: skip
    scene.fail(scene.fail_task(stage, failure), call="count")
    return Truth(
        description="One key has most of the rows; its partition is more than a task can hold.",
        evidence=(warning.split(" of ", maxsplit=1)[0],),
        notes="the failing task is the one of the hot key; all others are done",
    )


@template("listing-without-end", FailureType.SMALL_FILE_PRESSURE, difficulty="hard", without=(4, 5, 6, 7))
def listing_without_end(scene: Scene) -> Truth:
    """A folder holds a great many tiny files; listing and planning them is more than the driver can do."""
    rng, names = scene.rng, scene.names
    paths, files = rng.randrange(20000, 90000), rng.randrange(2, 9) * 10**6 + rng.randrange(10**6)
    scene.start()
    scene.healthy_stage()
    listed = (
        f"Listing leaf files and directories in parallel under {paths} paths. The first several paths are: "
    )
    hours = ", ".join(
        f"s3://{names.bucket}/raw/{names.table}/dt={names.day}/hour={hour:02d}/min={hour * 2:02d}"
        for hour in range(4)
    )
    scene.driver.info("InMemoryFileIndex", f"{listed}{hours}, ...")
    scene.healthy_stage(tasks=rng.randrange(40, 90), action="collect")
    scene.wait(1800)
    took = f"ms to list leaf files for {paths} paths"
    scene.driver.info(
        "InMemoryFileIndex", f"It took {rng.randrange(1500, 3400) * 1000 + rng.randrange(999)} {took}."
    )
    counted = f"{files} files, {rng.randrange(2, 40)} KB on average, below {paths} folders"
    if tells := rng.random() < 0.5:
        say(scene, counted)
    ending = rng.choice(("killed", "trace", "watch"))
    if ending == "watch":
        say(
            scene,
            f"still planning the scan after {rng.choice((60, 90, 120))} minutes, stopping",
            level="ERROR",
        )
        scene.exit(3)
    elif ending == "killed":
        scene.driver_out.raw(heap_banner(scene, "GC overhead limit exceeded"))
        scene.master_dies(137)
    else:
        scene.facts.extra_args.extend(["--conf", "spark.driver.defaultJavaOptions=-XX:+UseParallelGC"])
        scene.fail(Throwable("java.lang.OutOfMemoryError", "GC overhead limit exceeded", (
            "org.apache.hadoop.fs.FileStatus.<init>(FileStatus.java:130)",
            f"{SPARK}util.HadoopFSUtils$.$anonfun$parallelListLeafFilesInternal$5(HadoopFSUtils.scala:181)",
            f"{SQL}execution.datasources.InMemoryFileIndex.refresh0(InMemoryFileIndex.scala:93)",
            f"{SQL}execution.datasources.DataSource.createInMemoryFileIndex(DataSource.scala:567)",
        )), call="parquet")  # fmt: skip
    return Truth(
        description="Millions of tiny files have to be listed and planned; the driver does not get through.",
        evidence=(took, *((counted.split(" below", maxsplit=1)[0],) if tells else ())),
        accept=(Category.UNKNOWN,) if ending == "watch" and not tells else (),
        notes="a full heap of the driver follows from the number of files",
    )
