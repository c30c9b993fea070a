"""Troubles that a run survives: lines that look like a cause, and the good end that follows them.

Each function plants one trouble and tells whether this run could hold it.
"""

from evals.synthesis.scene import Scene
from evals.synthesis.trace import PythonError, Throwable, thread_frames


def own_class(scene: Scene) -> str:
    """The simple name of the job's class."""
    return scene.names.main_class.rsplit(".", 1)[1]


def caught_abort(scene: Scene) -> bool:
    """2: a stage is given up, the job catches it and goes on without that input."""
    stage = scene.begin_stage(tasks=3, action="collect")
    key = f"{scene.names.other_table}_{scene.ground.luck.randrange(2000, 2030)}"
    scene.fail_task(
        stage,
        Throwable("java.util.NoSuchElementException", f"key not found: {key}", (
            "scala.collection.MapLike.default(MapLike.scala:236)", "scala.collection.AbstractMap.apply(Map.scala:65)",
        )),
    )  # fmt: skip
    scene.driver.warn(
        own_class(scene),
        f"optional lookup {scene.names.other_table} is not usable today, going on without it",
    )
    scene.healthy_stage(tasks=4)
    return True


def task_again(scene: Scene) -> bool:
    """3: a task fails once and ends well at the second try."""
    stage = scene.begin_stage(tasks=4, action="count")
    scene.run_tasks(stage, 3)
    scene.fail_task(
        stage,
        Throwable("java.io.IOException", "Premature EOF from inputStream", (
            "org.apache.hadoop.io.IOUtils.readFully(IOUtils.java:212)",
            "org.apache.parquet.hadoop.util.H1SeekableInputStream.readFully(H1SeekableInputStream.java:64)",
        )),
        tries=1,
    )  # fmt: skip
    scene.finish_stage(stage)
    return True


def _survived_loss(
    scene: Scene, status: int, *, reason: str | None = None, by_task: bool, diagnostics: str | None = None
) -> bool:
    if len(scene.executors) < 2:
        return False
    stage = scene.begin_stage(tasks=5, action="count")
    lost = scene.executor(1)
    task = scene.start_task(stage, 4, lost)
    scene.lose_executor(
        lost, status=status, stage=stage, task=task, reason=reason, by_task=by_task, diagnostics=diagnostics
    )
    fresh = scene.new_executor()
    again = scene.start_task(stage, 4, fresh, 1)
    scene.run_tasks(stage, 4)
    scene.driver.info(
        "TaskSetManager",
        f"Finished task 4.1 in stage {stage.id}.0 (TID {again}) in 1893 ms on {fresh.host} (executor {fresh.id}) (5/5)",
    )
    scene.finish_stage(stage)
    return True


def executor_replaced(scene: Scene) -> bool:
    """4: an executor dies under a task and is replaced."""
    return _survived_loss(scene, 143, by_task=True)


def preempted(scene: Scene) -> bool:
    """5: YARN takes a container back for another queue."""
    return _survived_loss(
        scene, -102, by_task=False, diagnostics=f"{scene.stamp()}Container preempted by scheduler"
    )


def disassociated(scene: Scene) -> bool:
    """6: the driver loses the connection to an executor, without saying why."""
    text = (
        "Remote RPC client disassociated. Likely due to containers exceeding thresholds, or network issues. "
        "Check driver logs for WARN messages."
    )
    return _survived_loss(scene, 1, reason=text, by_task=True)


def no_heartbeat(scene: Scene) -> bool:
    """7: an executor is removed for its silence."""
    silent = scene.ground.luck.randrange(121000, 190000)
    scene.driver.warn(
        "HeartbeatReceiver",
        f"Removing executor {scene.executor(1).id} with no recent heartbeats: {silent} ms exceeds timeout 120000 ms",
    )
    text = f"Executor heartbeat timed out after {silent} ms"
    return _survived_loss(scene, 1, reason=text, by_task=True)


def heartbeat_late(scene: Scene) -> bool:
    """8: an executor's heartbeat gets no answer in time, the next one does."""
    log = scene.executor(2).log
    log.warn("Executor", "Issue communicating with driver in heartbeater")
    log.trace(Throwable(
        "org.apache.spark.rpc.RpcTimeoutException",
        "Futures timed out after [10000 milliseconds]. This timeout is controlled by spark.executor.heartbeatInterval",
        (
            "org.apache.spark.rpc.RpcTimeout.org$apache$spark$rpc$RpcTimeout$$createRpcTimeoutException(RpcTimeout.scala:47)",
            "org.apache.spark.executor.Executor.reportHeartBeat(Executor.scala:1219)",
            *thread_frames(scene.release.java_major),
        ),
    ))  # fmt: skip
    scene.healthy_stage(tasks=4)
    return True


def fetch_failed(scene: Scene) -> bool:
    """9: shuffle output is gone, the map stage runs again."""
    stage = scene.begin_stage(tasks=4, action="count")
    executor = scene.executor(1)
    task = scene.start_task(stage, 0, executor)
    shuffle = max(0, stage.id - 1)
    scene.driver.warn(
        "TaskSetManager",
        f"Lost task 0.0 in stage {stage.id}.0 (TID {task}) ({executor.host} executor {executor.id}): FetchFailed(null, "
        f"shuffleId={shuffle}, mapIndex=-1, mapId=-1, reduceId=2, message=\n"
        "org.apache.spark.shuffle.MetadataFetchFailedException: "
        f"Missing an output location for shuffle {shuffle} partition 2\n"
        "\tat org.apache.spark.MapOutputTracker$.validateStatus(MapOutputTracker.scala:1705)\n)",
    )
    scene.driver.info("DAGScheduler", f"Resubmitting failed stages for shuffle {shuffle}")
    scene.run_tasks(stage, 4)
    scene.finish_stage(stage)
    return True


def connects_late(scene: Scene) -> bool:
    """16: a server answers at the fifth try."""
    for tried in range(4):
        scene.driver.info(
            "Client",
            f"Retrying connect to server: {scene.master.host}/{scene.master.ip}:8020. Already tried {tried} time(s); "
            "retry policy is RetryUpToMaximumCountWithFixedSleep(maxRetries=10, sleepTime=1000 MILLISECONDS)",
        )
        scene.wait(1)
    scene.driver.info("InMemoryFileIndex", "It took 5210 ms to list leaf files for 1 paths.")
    scene.healthy_stage(tasks=3)
    return True


def peer_reset(scene: Scene) -> bool:
    """17: a peer closes its connection; the stage goes on."""
    executor = scene.executor(1)
    executor.log.warn(
        "TransportChannelHandler",
        f"Exception in connection from /{scene.executor(2).node.ip}:{scene.ground.port()}",
        thread="shuffle-client-4-1",
    )
    executor.log.trace(Throwable("java.io.IOException", "Connection reset by peer", (
        "java.base/sun.nio.ch.FileDispatcherImpl.read0(Native Method)",
        "io.netty.buffer.PooledByteBuf.setBytes(PooledByteBuf.java:254)",
        "io.netty.channel.socket.nio.NioSocketChannel.doReadBytes(NioSocketChannel.java:357)",
    )))  # fmt: skip
    executor.log.info(
        "RetryingBlockTransferor", "Retrying fetch (1/3) for 2 outstanding blocks after 5000 ms"
    )
    scene.healthy_stage(tasks=3)
    return True


def caught_gateway(scene: Scene) -> bool:
    """24: py4j's wrapper of an error that the job handles."""
    calls = (("", 41, "load_optional", "return spark.read.parquet(path)"),)
    name = f"{scene.names.other_table}_hints"
    error = PythonError(
        "py4j.protocol.Py4JJavaError",
        f"An error occurred while calling o{scene.ground.luck.randrange(30, 90)}.parquet.\n"
        f": java.util.concurrent.CancellationException: optional input {name} was not asked for in time\n"
        "\tat com.google.common.util.concurrent.AbstractFuture.get(AbstractFuture.java:312)",
        calls,
    )
    scene.driver_out.raw(error.text(scene.script_path))
    scene.driver_out.raw(f"handled: going on without {name}")
    scene.healthy_stage(tasks=3)
    return True
