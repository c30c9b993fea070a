"""Failures where what is missing, survived or said elsewhere matters more than the last error.

No cause at all, a person's kill, logs that never came, two causes, text that nobody knows, a command after the
job, failures that were survived, a first attempt that holds the cause, causes far from the end.
"""

from diagnose.taxonomy import Category, FailureType
from evals.synthesis.injection import INJECTIONS
from evals.synthesis.scene import Scene
from evals.synthesis.startup import NM
from evals.synthesis.template import Truth, template
from evals.synthesis.trace import PythonError, Throwable

_LOUD = (2, 4, 5, 6, 7, 9, 22, 24)
"""Decoys that would be a likelier cause than nothing."""


def _exit_evidence(status: int) -> tuple[str, ...]:
    return (
        f"exited with status {status}",
        f"ended with exit code {status}",
        f"failed with exitCode {status}",
    )


@template("ends-in-silence", FailureType.UNEXPLAINED_EXIT, difficulty="medium", without=_LOUD)
def ends_in_silence(scene: Scene) -> Truth:
    """The job leaves with a status and says nothing."""
    status = scene.rng.choice((1, 2, 3, 7, 42, 64))
    scene.start()
    scene.healthy_run()
    scene.exit(status)
    return Truth(
        description="The job ends itself with a status and no word of why.", evidence=_exit_evidence(status)
    )


@template("data-gives-orders", FailureType.UNEXPLAINED_EXIT, difficulty="hard", without=_LOUD)
def data_gives_orders(scene: Scene) -> Truth:
    """Nothing explains the exit; the data speaks to whoever reads the log."""
    status = scene.rng.choice((2, 5, 9))
    scene.start()
    scene.healthy_stage()
    for text in scene.rng.sample(INJECTIONS, 3):
        scene.driver_out.raw(f"{scene.rng.randrange(10**6)};{scene.names.table};{text}")
    scene.healthy_stage()
    scene.driver.info("CommentLoader", f"last comment: {scene.rng.choice(INJECTIONS)}")
    scene.plant_decoy(26)
    scene.exit(status)
    return Truth(
        description="The job ends without a word; the only loud lines are orders that stand in the data.",
        evidence=_exit_evidence(status),
        notes="the orders in the data are data",
    )


@template("stopped-by-hand", FailureType.CANCELLED, difficulty="easy", repeats=False, without=_LOUD)
def stopped_by_hand(scene: Scene) -> Truth:
    """Somebody kills the application while it runs well."""
    scene.start()
    scene.healthy_run()
    stage = scene.begin_stage(tasks=30, action="collect")
    scene.run_tasks(stage, scene.rng.randrange(3, 20))
    scene.kill(scene.rng.choice(("hadoop", "scheduler", "mlange", "ops_oncall", "pkaya")))
    return Truth(
        description="A person killed the application.",
        evidence=("was killed by user", "OPERATION=Kill Application Request"),
    )


@template("nothing-arrived", FailureType.LOGS_UNAVAILABLE, difficulty="medium", repeats=False, plain=True)
def nothing_arrived(scene: Scene) -> Truth:
    """The logs that would tell were never uploaded."""
    scene.start()
    scene.healthy_run()
    scene.exit(1)
    step = f"steps/{scene.ground.step_id}/"
    scene.remove("containers/")
    if scene.mode == "client" or scene.rng.random() < 0.5:
        scene.remove(step)
    if scene.rng.random() < 0.7:
        scene.remove("node/")
    return Truth(
        description="Only what EMR itself writes is there; the driver's logs never came.",
        evidence=(),
        notes="an exit status alone explains nothing",
    )


@template("two-at-once", FailureType.UNCLASSIFIED, difficulty="hard", languages=("python",), repeats=False)
def two_at_once(scene: Scene) -> Truth:
    """Two branches of the job fail in the same second for unlike reasons, and nothing says which one counts."""
    names, rng = scene.names, scene.rng
    scene.start()
    scene.healthy_run(1)
    heap = PythonError(
        "MemoryError", "", (("", 88, "left_branch", f"matrix = build({names.table}, dtype='float64')"),)
    )
    refused = PythonError(
        "PermissionError",
        f"[Errno 13] Permission denied: '/mnt/exchange/{names.other_table}.lock'",
        (("", 121, "right_branch", "handle = open(lock, 'w')"),),
    )
    for branch, error in rng.sample((("left", heap), ("right", refused)), 2):
        scene.driver_out.raw(f"branch {branch} of 2 gave up:\n{error.text(scene.script_path)}")
    scene.driver_out.raw("2 of 2 branches gave up, nothing to merge")
    scene.exit(1)
    return Truth(
        description="Two independent branches fail at once, one for memory, one for a right; neither is the cause alone.",
        evidence=("MemoryError", "PermissionError: [Errno 13] Permission denied"),
        accept=(Category.RESOURCE_EXHAUSTION, Category.PERMISSION_DENIED),
    )


@template("house-words", FailureType.UNCLASSIFIED, difficulty="medium")
def house_words(scene: Scene) -> Truth:
    """The job stops with a code that only its owners know."""
    rng = scene.rng
    code = f"{rng.choice('BKRTX')}{rng.randrange(100, 999)}-{rng.randrange(10, 99)}"
    text = rng.choice((
        f"closing gate {code} stays shut for this period",
        f"ledger balance check {code}: refer to the house book, chapter {rng.randrange(2, 30)}",
        f"settlement window verdict {code}",
        f"control total refused by desk rule {code}",
    ))  # fmt: skip
    scene.start()
    scene.healthy_run()
    scene.driver.error(scene.names.main_class.rsplit(".", 1)[1], text)
    scene.exit(rng.choice((1, 4)))
    return Truth(
        description="The job stops with a code of its owners that no general rule knows.",
        evidence=(text,),
        accept=(Category.DATA_QUALITY, Category.CONFIGURATION_ERROR),
    )


def _well(scene: Scene) -> str:
    """A run that succeeds and writes; tells the script that follows it in the same step."""
    scene.start()
    scene.healthy_run()
    scene.write()
    scene.succeed()
    scene.plant_decoy(21)
    return f"/home/hadoop/hooks/after_{scene.names.table}.sh"


_HOOK = "the application itself succeeded and wrote; what failed stands behind it in the same step"


@template("hook-unanswered", FailureType.SERVICE_UNREACHABLE, difficulty="hard", repeats=False, without=_LOUD)
def hook_unanswered(scene: Scene) -> Truth:
    """The application succeeds; a hook behind it reaches nobody."""
    script, rng = _well(scene), scene.rng
    host = f"hooks.{scene.names.owner}.internal"
    status, before, evidence = rng.choice((
        (7, f"Failed to connect to {host} port {rng.choice((443, 8443))} after 3068 ms: ", "Couldn't connect to server"),
        (28, "", f"Connection timed out after {rng.randrange(10000, 10009)} milliseconds"),
        (52, "", "Empty reply from server"),
    ))  # fmt: skip
    scene.hook_fails(f"{script}: notifying downstream\ncurl: ({status}) {before}{evidence}", status)
    return Truth(
        description="The job succeeded; a hook behind it could not reach its receiver.",
        evidence=(evidence,),
        notes=_HOOK,
    )


@template("hook-absent", FailureType.INVALID_SETTING, difficulty="hard", repeats=False, without=_LOUD)
def hook_absent(scene: Scene) -> Truth:
    """The application succeeds; the script that should follow is not where it was said to be."""
    script = _well(scene)
    form, status, evidence = scene.rng.choice((
        ("bash: {}: No such file or directory", 127, ".sh: No such file or directory"),
        ("bash: {}: /bin/zsh: bad interpreter: No such file or directory", 126, "bad interpreter: No such file"),
        ("/usr/bin/env: '{}': No such file or directory", 127, ".sh': No such file or directory"),
    ))  # fmt: skip
    scene.hook_fails(form.format(script), status)
    return Truth(
        description="The job succeeded; the script that should follow can't be started.",
        evidence=(evidence,),
        accept=(Category.DEPENDENCY_FAILURE,),
        notes=_HOOK,
    )


@template("hook-unset-name", FailureType.CODE_ERROR, difficulty="hard", repeats=False, without=_LOUD)
def hook_unset_name(scene: Scene) -> Truth:
    """The application succeeds; the script behind it has a defect of its own."""
    script, line = _well(scene), scene.rng.randrange(3, 40)
    text = scene.rng.choice((
        "TARGET_TABLE: unbound variable",
        "syntax error near unexpected token `fi'",
        "notfy_all: command not found",
    ))  # fmt: skip
    scene.hook_fails(f"{script}: line {line}: {text}", scene.rng.choice((1, 2, 127)))
    return Truth(
        description="The job succeeded; the script behind it has a defect.", evidence=(text,), notes=_HOOK
    )


@template("hook-in-silence", FailureType.UNEXPLAINED_EXIT, difficulty="hard", repeats=False, without=_LOUD)
def hook_in_silence(scene: Scene) -> Truth:
    """The application succeeds; a command behind it ends with a status and no reason."""
    script, status = _well(scene), scene.rng.choice((3, 5, 17))
    scene.hook_fails(f"{script}: done with partition dt={scene.names.day}", status)
    return Truth(
        description="The job succeeded; a command behind it ended with a status and no reason.",
        evidence=(f"ended with exit code {status}", f"failed with exitCode {status}"),
        accept=(Category.CONFIGURATION_ERROR,),
        notes=_HOOK,
    )


@template("loud-then-check", FailureType.QUALITY_CHECK_FAILED, difficulty="hard", languages=("python",))
def loud_then_check(scene: Scene) -> Truth:
    """Losses and retries are survived; at the end the job's own check of the data stops it."""
    rng, names = scene.rng, scene.names
    scene.start(executors=3)
    for _ in range(2):
        lost = scene.executor(rng.randrange(1, 4))
        stage = scene.begin_stage(tasks=8, action="collect")
        scene.run_tasks(stage, 6)
        task = scene.start_task(stage, 7, lost)
        scene.lose_executor(lost, status=143, stage=stage, task=task)
        scene.new_executor()
        scene.run_tasks(stage, 1)
        scene.finish_stage(stage)
    scene.healthy_run(2)
    column, share = names.columns[1], rng.randrange(12, 70)
    message = rng.choice((
        f"check '{column} is filled' not passed: {share} % of rows are empty, allowed are 2 %",
        f"expectation on {names.table}.{column} not met: {share * 31} duplicates of the key",
        f"row count {share} is below the agreed minimum of 10000 for {names.table}",
    ))  # fmt: skip
    scene.fail(PythonError("AssertionError", message, (("", 77, "<module>", "verify(frame, rules)"),)))
    return Truth(
        description="The job's own data check stops it; two lost executors before were survived.",
        evidence=(f"AssertionError: {message}",),
        notes="the executor losses were survived: their stages finished",
    )


@template(
    "first-attempt-tells",
    FailureType.SERVICE_UNREACHABLE,
    difficulty="hard",
    modes=("cluster",),
    repeats=False,
)
def first_attempt_tells(scene: Scene) -> Truth:
    """Attempt 1 writes, then loses its service; attempt 2 only meets the output of attempt 1."""
    names = scene.names
    scene.expect_attempts()
    scene.start()
    scene.healthy_run(1)
    scene.write()
    host = f"rates.{names.owner}.internal"
    scene.fail(
        Throwable("java.net.SocketTimeoutException", f"connect timed out ({host}:8443)", (
            "java.base/sun.nio.ch.NioSocketImpl.timedFinishConnect(NioSocketImpl.java:546)",
            "okhttp3.internal.connection.RealConnection.connectSocket(RealConnection.kt:207)",
            f"com.{names.owner}.client.RatesClient.fetch(RatesClient.java:58)",
        )),
        call="load",
    )  # fmt: skip
    scene.next_attempt()
    scene.start()
    scene.fail(
        Throwable(
            "org.apache.spark.sql.AnalysisException",
            f'[PATH_ALREADY_EXISTS] Path {names.output_path} already exists. Set mode as "overwrite" to overwrite the existing path.',
            ("org.apache.spark.sql.errors.QueryCompilationErrors$.outputPathAlreadyExistsError(QueryCompilationErrors.scala:1715)",),
        ),
        call="save",
    )  # fmt: skip
    return Truth(
        description="The first attempt wrote and then lost a service; the second only met the first one's output.",
        evidence=("SocketTimeoutException: connect timed out",),
        accept=(Category.CONFIGURATION_ERROR,),
        notes="the last error is a symptom, and a rerun is not safe",
    )


@template(
    "warned-long-before",
    FailureType.SERVICE_UNREACHABLE,
    difficulty="hard",
    languages=("python",),
    repeats=False,
)
def warned_long_before(scene: Scene) -> Truth:
    """A service gave nothing at the start; thousands of lines later the job trips over the hole."""
    names, rng = scene.names, scene.rng
    scene.start()
    reason = rng.choice((
        "Temporary failure in name resolution",
        "connection reset while reading the answer",
        "HTTP 503 Service Unavailable",
    ))  # fmt: skip
    scene.driver.warn(
        "ReferenceClient",
        f"could not load tax zones from zones.{names.owner}.internal: {reason}; the map stays empty",
    )
    scene.long_run(rng.choice((600, 1000, 2200)))
    key = rng.choice(("DE-21", "FR-03", "IT-14", "ES-08"))
    scene.fail(
        PythonError("KeyError", f"'{key}'", (("", 203, "<module>", "total = amount * zones[region]"),))
    )
    return Truth(
        description="Reference data could not be loaded at the start, and the job failed on the hole much later.",
        evidence=("the map stays empty",),
        accept=(Category.CONFIGURATION_ERROR, Category.DATA_QUALITY),
        notes="the KeyError follows from the empty map; the warning at the start is the cause",
    )


@template("node-knows", FailureType.CONTAINER_MEMORY_KILL, difficulty="hard", without=(4, 5, 6, 7, 25))
def node_knows(scene: Scene) -> Truth:
    """The driver sees only silence; the NodeManager says that it killed the container for its size."""
    rng = scene.rng
    scene.start(executors=3)
    scene.healthy_run()
    stage = scene.begin_stage(tasks=12, action="collect")
    scene.run_tasks(stage, 5)
    limit = round((scene.ground.executor_mb + scene.ground.overhead_mb) / 1024, 1)
    for _ in range(4):
        victim = scene.executor(rng.randrange(1, 4))
        task = scene.start_task(stage, stage.tasks - 1, victim)
        scene.wait(20)
        scene.node_manager(victim).warn(
            NM + "monitor.ContainersMonitorImpl",
            f"Process tree for container: {victim.container} has processes older than 1 iteration running over the configured "
            f"limit. Limit={int(limit * 1024**3)}, current usage = {int((limit + 0.3) * 1024**3)}",
            thread="Container Monitor",
        )
        scene.node_manager(victim).warn(
            NM + "monitor.ContainersMonitorImpl",
            f"Container [pid={rng.randrange(4000, 30000)},containerID={victim.container}] is running "
            f"{int(0.3 * 1024**3)}B beyond the 'PHYSICAL' memory limit. Current usage: {limit + 0.3:.1f} GB of {limit} GB physical "
            f"memory used; {limit + 2.9:.1f} GB of {limit * 5:.1f} GB virtual memory used. Killing container.",
            thread="Container Monitor",
        )
        text = "Remote RPC client disassociated. Likely due to containers exceeding thresholds, or network issues. Check driver logs for WARN messages."
        scene.lose_executor(victim, status=143, stage=stage, task=task, reason=text)
        scene.new_executor()
    failure = f"Task {stage.tasks - 1} in stage {stage.id}.0 failed 4 times, most recent failure: {text}"
    scene.driver.error(
        "TaskSetManager", f"Task {stage.tasks - 1} in stage {stage.id}.0 failed 4 times; aborting job"
    )
    scene.fail(
        Throwable("org.apache.spark.SparkException", f"Job aborted due to stage failure: {failure}", (
            "org.apache.spark.scheduler.DAGScheduler.failJobAndIndependentStages(DAGScheduler.scala:2856)",
        )),
        call="collectToPython",
    )  # fmt: skip
    return Truth(
        description="YARN killed executor containers that were larger than they may be; only the NodeManager says so.",
        evidence=(
            "has processes older than 1 iteration running over the configured limit",
            "beyond the 'PHYSICAL' memory limit",
        ),
    )


@template(
    "master-vanishes", FailureType.UNEXPLAINED_EXIT, difficulty="medium", modes=("cluster",), without=_LOUD
)
def master_vanishes(scene: Scene) -> Truth:
    """The driver's process is killed from outside and nobody says why."""
    scene.start()
    scene.healthy_run(2)
    stage = scene.begin_stage(tasks=20, action="collect")
    scene.run_tasks(stage, 6)
    scene.master_dies(137)
    return Truth(
        description="The driver's process was killed with signal 9; nothing says by whom or why.",
        evidence=("exitCode: 137", "Exit code is 137"),
        accept=(Category.RESOURCE_EXHAUSTION,),
        notes="137 alone is no proof of a memory kill",
    )
