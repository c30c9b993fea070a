"""Failed because machines went away: spot interruption, a silent node, broken disks, the cluster growing smaller.

About a third of the cases had written before; where the driver went with its machine no rerun is called safe.
"""

from diagnose.taxonomy import Category, FailureType
from evals.synthesis.ground import Executor
from evals.synthesis.scene import Scene
from evals.synthesis.startup import NM, RM
from evals.synthesis.template import Truth, template
from evals.synthesis.templates.prelude import written_before
from evals.synthesis.trace import Throwable
from evals.synthesis.work import Stage

_DRIVER = (
    "org.apache.spark.scheduler.DAGScheduler.failJobAndIndependentStages(DAGScheduler.scala:2856)",
    "org.apache.spark.scheduler.DAGScheduler.$anonfun$abortStage$2(DAGScheduler.scala:2792)",
    "org.apache.spark.scheduler.DAGScheduler.handleTaskCompletion(DAGScheduler.scala:1993)",
)


def _deactivated(scene: Scene, lost: Executor, state: str) -> None:
    scene.resource_manager.info(
        RM + "rmnode.RMNodeImpl",
        f"Deactivating Node {lost.host}:8041 as it is now {state}",
        thread="RM Event dispatcher",
    )


def _instance_log(scene: Scene, lost: Executor, *texts: str) -> None:
    log = scene.file(
        f"node/{lost.node.instance}/daemons/instance-controller/instance-controller.log", "daemon"
    )
    for text in texts:
        log.info("com.amazon.emr.InstanceController", text, thread="main")


def _lose_machine(scene: Scene, stage: Stage, lost: Executor, task: int, reason: str | None = None) -> None:
    """All executors of the machine go with it; the task ran on `lost`."""
    for executor in [executor for executor in scene.executors if executor.node == lost.node]:
        own = executor.id == lost.id
        scene.lose_executor(
            executor,
            status=-100,
            stage=stage if own else None,
            task=task if own else None,
            by_task=False,
            diagnostics="Container released on a *lost* node",
            reason=reason,
        )


def _machines(scene: Scene) -> int:
    """Count machines, not names: two of them may have drawn one address."""
    return len({executor.node for executor in scene.executors})


def _gone_with_shuffle(scene: Scene, stage: Stage, lost: Executor) -> Throwable:
    """The stage can't be done without what stood on the lost machine: how Spark gives it up."""
    rng, shuffle = scene.rng, max(0, stage.id - 1)
    fetch = (
        f"org.apache.spark.shuffle.FetchFailedException: Failed to connect to {lost.host}/{lost.node.ip}:7337"
        if rng.random() < 0.5
        else f"org.apache.spark.shuffle.MetadataFetchFailedException: Missing an output location for shuffle {shuffle} partition {rng.randrange(12)}"
    )
    for again in range(3):
        reader = scene.executor(again + 1)
        task = scene.start_task(stage, again, reader)
        scene.driver.warn(
            "TaskSetManager",
            f"Lost task {again}.0 in stage {stage.id}.{again} (TID {task}) ({reader.host} executor {reader.id}): FetchFailed(BlockManagerId({lost.id}, "
            f"{lost.host}, 7337, None), shuffleId={shuffle}, mapIndex={rng.randrange(40)}, mapId={rng.randrange(900)}, reduceId={again}, message=\n{fetch}\n)",
        )
        scene.driver.info(
            "DAGScheduler",
            f"Resubmitting ShuffleMapStage {shuffle} ({stage.action}) and {stage.name} due to fetch failure",
        )
        scene.wait(rng.uniform(2, 20))
    if rng.random() < 0.3:
        reason = (
            f"A shuffle map stage with indeterminate output was failed and retried. However, Spark cannot rollback the {stage.kind} {stage.id} to re-process "
            "the input data, and has to fail this job. Please eliminate the indeterminacy by checkpointing the RDD before repartition and try again."
        )
    else:
        reason = f"{stage.name} has failed the maximum allowable number of times: 4. Most recent failure reason:\n{fetch}"
    return Throwable(
        "org.apache.spark.SparkException", f"Job aborted due to stage failure: {reason}", _DRIVER
    )


@template(
    "spot-is-taken", FailureType.NODE_LOST, difficulty="medium", repeats=False, without=(4, 5, 6, 7, 9, 25)
)
def spot_is_taken(scene: Scene) -> Truth:
    """EC2 takes spot machines back, faster than the stage can be done again."""
    rng = scene.rng
    scene.start(executors=4)
    note = written_before(scene)
    scene.healthy_run(1)
    scene.healthy_stage(kind="ShuffleMapStage", action="collect")
    stage = scene.begin_stage(tasks=rng.randrange(8, 24), action="collect")
    scene.run_tasks(stage, 3)
    count = min(rng.randrange(1, 3), _machines(scene) - 1)
    lost = scene.executor(2)
    for _ in range(count):
        lost = scene.executor(2)
        task = scene.start_task(stage, stage.tasks - 1, lost)
        _instance_log(
            scene,
            lost,
            f"Received EC2 Spot interruption notice, action terminate, for instance {lost.node.instance}",
            "Instance will be decommissioned",
        )
        _deactivated(scene, lost, rng.choice(("DECOMMISSIONED", "LOST")))
        _lose_machine(scene, stage, lost, task)
    scene.fail(_gone_with_shuffle(scene, stage, lost), call="collectToPython")
    return Truth(
        description="Spot machines were taken back and the stage could not be done without them.",
        evidence=("Container released on a *lost* node", "Received EC2 Spot interruption notice"), accept=(Category.RESOURCE_EXHAUSTION,), notes=note,
    )  # fmt: skip


@template(
    "node-falls-silent",
    FailureType.NODE_LOST,
    difficulty="hard",
    repeats=False,
    without=(4, 5, 6, 7, 8, 9, 17, 25),
)
def node_falls_silent(scene: Scene) -> Truth:
    """A machine stops to answer; the driver sees only heartbeats and fetches that fail, YARN tells that it expired."""
    rng = scene.rng
    scene.start(executors=4)
    scene.healthy_run(1)
    note = written_before(scene)
    scene.healthy_stage(kind="ShuffleMapStage", action="collect")
    stage = scene.begin_stage(tasks=rng.randrange(8, 24), action="collect")
    scene.run_tasks(stage, 3)
    lost = scene.executor(2)
    task = scene.start_task(stage, stage.tasks - 1, lost)
    silent = rng.randrange(121000, 190000)
    scene.wait(silent / 1000)
    scene.driver.warn(
        "HeartbeatReceiver",
        f"Removing executor {lost.id} with no recent heartbeats: {silent} ms exceeds timeout 120000 ms",
    )
    scene.wait(600 - silent / 1000)
    scene.resource_manager.info(
        "org.apache.hadoop.yarn.util.AbstractLivelinessMonitor",
        f"Expired:{lost.host}:8041 Timed out after 600 secs",
        thread="Ping Checker",
    )
    _deactivated(scene, lost, "LOST")
    _lose_machine(
        scene,
        stage,
        lost,
        task,
        f"Executor heartbeat timed out after {silent} ms" if rng.random() < 0.6 else None,
    )
    scene.fail(_gone_with_shuffle(scene, stage, lost), call="collectToPython")
    return Truth(
        description="A machine fell silent and was lost, with shuffle files that the stage needed.",
        evidence=("Timed out after 600 secs", "as it is now LOST", "Container released on a *lost* node", "with no recent heartbeats"),
        accept=(Category.RESOURCE_EXHAUSTION,), notes="; ".join(filter(None, ("the node expired, not only its executor", note))),
    )  # fmt: skip


@template("disks-break", FailureType.NODE_LOST, difficulty="hard", repeats=False, without=(4, 5, 6, 7, 9, 25))
def disks_break(scene: Scene) -> Truth:
    """A machine's disks give errors; YARN calls it unhealthy and takes its containers away."""
    rng = scene.rng
    scene.start(executors=4)
    note = written_before(scene)
    scene.healthy_run(1)
    scene.healthy_stage(kind="ShuffleMapStage", action="collect")
    stage = scene.begin_stage(tasks=rng.randrange(8, 20), action="collect")
    scene.run_tasks(stage, 3)
    lost = scene.executor(2)
    task = scene.start_task(stage, stage.tasks - 1, lost)
    why = rng.choice(
        (
            "Directory is not writable: /mnt/yarn",
            "Cannot create directory: /mnt/yarn/usercache",
            "error accessing directory, Read-only file system",
        )
    )
    report = f"1/1 local-dirs have errors:  [ /mnt/yarn : {why} ] "
    scene.node_manager(lost).warn(
        "org.apache.hadoop.yarn.server.nodemanager.DirectoryCollection",
        f"Directory /mnt/yarn error, {why}, removing from list of valid directories",
        thread="DiskHealthMonitor-Timer",
    )
    scene.node_manager(lost).error(
        "org.apache.hadoop.yarn.server.nodemanager.LocalDirsHandlerService",
        f"Most of the disks failed. {report}",
        thread="DiskHealthMonitor-Timer",
    )
    scene.resource_manager.info(
        RM + "rmnode.RMNodeImpl",
        f"Node {lost.host}:8041 reported UNHEALTHY with details: {report}",
        thread="RM Event dispatcher",
    )
    scene.resource_manager.info(
        RM + "rmnode.RMNodeImpl",
        f"{lost.host}:8041 Node Transitioned from RUNNING to UNHEALTHY",
        thread="RM Event dispatcher",
    )
    _lose_machine(scene, stage, lost, task)
    scene.fail(_gone_with_shuffle(scene, stage, lost), call="collectToPython")
    return Truth(
        description="A machine's local disks broke; YARN took it out of service with the shuffle files on it.",
        evidence=("Most of the disks failed", "reported UNHEALTHY with details", "Container released on a"),
        accept=(Category.RESOURCE_EXHAUSTION,), notes=note,
    )  # fmt: skip


@template(
    "cluster-shrinks", FailureType.NODE_LOST, difficulty="medium", repeats=False, without=(4, 5, 6, 7, 9, 25)
)
def cluster_shrinks(scene: Scene) -> Truth:
    """Managed scaling takes machines out of the cluster while a long stage needs what stands on them."""
    rng = scene.rng
    scene.start(executors=4)
    scene.healthy_run(1)
    note = written_before(scene)
    scene.healthy_stage(kind="ShuffleMapStage", action="collect")
    stage = scene.begin_stage(tasks=rng.randrange(8, 20), action="collect")
    scene.run_tasks(stage, 3)
    lost = scene.executor(2)
    for _ in range(min(rng.randrange(1, 3), _machines(scene) - 1)):
        lost = scene.executor(2)
        scene.resource_manager.info(
            RM + "rmnode.RMNodeImpl",
            f"Put Node {lost.host}:8041 in DECOMMISSIONING.",
            thread="RM Event dispatcher",
        )
        scene.driver.info(
            "YarnAllocator" if scene.mode == "cluster" else "YarnSchedulerBackend$YarnSchedulerEndpoint",
            f"Node {lost.host} is decommissioning, its executors are excluded",
        )
        scene.wait(rng.uniform(30, 200))
        _deactivated(scene, lost, "DECOMMISSIONED")
        task = scene.start_task(stage, stage.tasks - 1, lost)
        _lose_machine(scene, stage, lost, task)
    scene.fail(_gone_with_shuffle(scene, stage, lost), call="collectToPython")
    return Truth(
        description="The cluster grew smaller and the stage could not be done without the machines that left.",
        evidence=("Container released on a *lost* node", "as it is now DECOMMISSIONED", "in DECOMMISSIONING"), accept=(Category.RESOURCE_EXHAUSTION,), notes=note,
    )  # fmt: skip


@template(
    "master-on-lost-node",
    FailureType.NODE_LOST,
    difficulty="medium",
    modes=("cluster",),
    repeats=False,
    without=(4, 5, 6, 7, 22, 25),
)
def master_on_lost_node(scene: Scene) -> Truth:
    """The driver's machine is gone, in every attempt; its log ends where it stood."""
    scene.expect_attempts()
    for attempt in (1, 2):
        scene.start()
        scene.healthy_run(attempt)
        stage = scene.begin_stage(tasks=12, action="collect")
        scene.run_tasks(stage, 5)
        node = scene.ground.driver_node
        scene.resource_manager.info(
            RM + "rmnode.RMNodeImpl",
            f"Deactivating Node {node.host}:8041 as it is now LOST",
            thread="RM Event dispatcher",
        )
        scene.node_manager().info(
            NM + "container.ContainerImpl",
            f"Container {scene.ground.container(1)} transitioned from RUNNING to KILLING",
            thread="NM ContainerManager dispatcher",
        )
        scene.master_dies(-100, "Container released on a *lost* node")
        if attempt == 1:
            scene.next_attempt()
    return Truth(
        description="The machine of the driver was lost, twice.", evidence=("Container released on a *lost* node", "as it is now LOST"),
        safe_to_retry=False, accept=(Category.RESOURCE_EXHAUSTION,), notes="the driver's log ends with its machine, so what it had written can't be known",
    )  # fmt: skip
