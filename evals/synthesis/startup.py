"""A run's beginning: spark-submit's client, the application master, the driver, executors, YARN's daemons."""

from typing import Final

from evals.synthesis.ground import Executor, Ground
from evals.synthesis.script import play
from evals.synthesis.stream import Stream

RM: Final = "org.apache.hadoop.yarn.server.resourcemanager."
NM: Final = "org.apache.hadoop.yarn.server.nodemanager.containermanager."


def driver_log(ground: Ground) -> Stream:
    """The driver's stderr of this attempt: the step's own in client mode."""
    if ground.mode == "client":
        return ground.step_file("stderr")
    return ground.container_file(ground.container(1), "stderr")


def values(ground: Ground) -> dict[str, object]:
    """What the scripts name."""
    python = ground.language == "python"
    artifact = f"jobs/{ground.names.script}" if python else f"jars/{ground.names.job}.jar"
    am_mb = ground.driver_mb if ground.mode == "cluster" else 512
    return {
        "master": ground.master.host, "master_ip": ground.master.ip, "app": ground.application,
        "job": ground.names.job, "max_mb": ground.node_mb, "am_mb": am_mb + max(384, am_mb // 10),
        "am_overhead_mb": max(384, am_mb // 10), "uuid": ground.uuid(), "long": ground.luck.randrange(10**18, 10**19),
        "artifact": f"file:/home/hadoop/{artifact}", "artifact_name": artifact.split("/")[1],
        "appattempt": ground.app_attempt, "spark": ground.release.spark, "java": ground.release.java,
        "cores": ground.cores, "executor_mb": ground.executor_mb, "driver_port": ground.driver_port,
        "local_dir": ground.local_dir if ground.mode == "cluster" else "/mnt/tmp",
        "store_mb": f"{ground.driver_mb * 0.34:.1f}", "driver_ip": ground.driver_node.ip,
        "driver_host": ground.driver_node.host, "ui_port": ground.ui_port, "block_port": ground.block_port,
        "event_suffix": f"_{ground.attempt}" if ground.mode == "cluster" else "",
        "initial": max(1, len(ground.workers)), "epoch": ground.clock.epoch_ms,
        "container_mb": ground.executor_mb + ground.overhead_mb, "backend": ground.backend,
    }  # fmt: skip


def submit(ground: Ground) -> None:
    """spark-submit sends the application; in client mode the driver's context stands first."""
    if ground.application not in ground.facts.applications:
        ground.facts.applications.append(ground.application)
    play(ground.step_file("stderr"), "client_start", values(ground))
    _accepted(ground)


def report(ground: Ground, state: str, *, diagnostics: str = "N/A", final: str = "UNDEFINED") -> None:
    """The client's report of the application's state."""
    client = ground.step_file("stderr")
    client.info("Client", f"Application report for {ground.application} (state: {state})")
    known = state in {"RUNNING", "FINISHED"}
    lines = [
        "client token: N/A",
        f"diagnostics: {diagnostics}",
        f"ApplicationMaster host: {ground.driver_node.host if known else 'N/A'}",
        f"ApplicationMaster RPC port: {ground.driver_port if known else -1}",
        "queue: default",
        f"start time: {int(ground.launched_ms + 1000 * (ground.clock.start.minute * 60 + 20))}",
        f"final status: {final}",
        f"tracking URL: http://{ground.master.host}:20888/proxy/{ground.application}/",
        "user: hadoop",
    ]
    client.info("Client", "\n" + "\n".join(f"\t {line}" for line in lines))


def _accepted(ground: Ground) -> None:
    ground.clock.advance(1)
    wait = "AM container is launched, waiting for AM container to Register with RM"
    if ground.mode == "cluster":
        report(ground, "ACCEPTED", diagnostics=wait)
    else:
        ground.step_file("stderr").info(
            "Client", f"Application report for {ground.application} (state: ACCEPTED)"
        )


def start_master(ground: Ground) -> None:
    """The application master's container, and what the daemons say of it."""
    container = ground.container(1)
    ground.container_file(container, "prelaunch.out").raw(
        "Setting up env variables\nSetting up job resources\nCopying debugging information\nLaunching container"
    )
    manager = ground.daemon_file("resourcemanager", ground.master)
    manager.info(
        RM + "rmapp.RMAppImpl",
        f"{ground.application} State change from SUBMITTED to ACCEPTED on event = APP_ACCEPTED",
        thread="RM Event dispatcher",
    )
    node = ground.driver_node if ground.mode == "cluster" else ground.workers[0]
    _launched(ground, container, ground.daemon_file("nodemanager", node))
    ground.clock.advance(ground.luck.uniform(2, 5))
    log = ground.container_file(container, "stderr")
    ground.container_file(container, "stdout")
    play(log, "am_start", values(ground))
    if ground.mode == "cluster":
        log.info("ApplicationMaster", "Starting the user application in a separate Thread", thread="main")
        log.info("ApplicationMaster", "Waiting for spark context initialization...")
    else:
        log.info("ApplicationMaster", "Waiting for Spark driver to be reachable.")
        log.info("ApplicationMaster", f"Driver now available: {ground.driver_node.host}:{ground.driver_port}")


def start_context(ground: Ground) -> None:
    """The driver makes its SparkContext."""
    ground.clock.advance(ground.luck.uniform(0.5, 2))
    play(driver_log(ground), "context_start", values(ground))


def start_scheduler(ground: Ground, executors: int) -> None:
    """The driver registers with YARN and its executors come up."""
    driver = driver_log(ground)
    play(driver, "scheduler_start", values(ground))
    allocator = ground.container_file(ground.container(1), "stderr")
    play(allocator, "am_register", values(ground))
    if ground.mode == "cluster":
        report(ground, "RUNNING")
    else:
        ground.step_file("stderr").info(
            "Client", f"Application report for {ground.application} (state: RUNNING)"
        )
    for _ in range(executors):
        start_executor(ground)
    driver.info(
        ground.backend,
        "SchedulerBackend is ready for scheduling beginning after reached minRegisteredResourcesRatio: 0.0",
    )
    if ground.mode == "cluster":
        driver.info("YarnClusterScheduler", "YarnClusterScheduler.postStartHook done")
    driver.info(
        "SharedState",
        "Setting hive.metastore.warehouse.dir ('null') to the value of spark.sql.warehouse.dir.",
    )
    driver.info("SharedState", "Warehouse path is 'hdfs:///user/spark/warehouse'.")
    ground.clock.advance(1)


def start_executor(ground: Ground) -> Executor:
    """YARN grants a container, an executor starts in it and registers."""
    count = ground.count
    count.container += 1
    count.executor += 1
    container = ground.container(count.container)
    node = ground.workers[(count.executor - 1) % len(ground.workers)]
    executor = Executor(
        id=count.executor, container=container, node=node, port=ground.port(),
        log=ground.container_file(container, "stderr"), out=ground.container_file(container, "stdout"),
    )  # fmt: skip
    ground.executors.append(executor)
    allocator = ground.container_file(ground.container(1), "stderr")
    where = f"on host {executor.host} for executor with ID {executor.id} for ResourceProfile Id 0"
    allocator.info("YarnAllocator", f"Launching container {container} {where}")
    allocator.info("YarnAllocator", "Received 1 containers from YARN, launching executors on 1 of them.")
    _launched(ground, container, ground.daemon_file("nodemanager", node))
    ground.container_file(container, "prelaunch.out").raw(
        "Setting up env variables\nSetting up job resources\nCopying debugging information\nLaunching container"
    )
    ground.clock.advance(ground.luck.uniform(1.5, 4))
    own = {
        "pid": ground.luck.randrange(5000, 30000), "host": executor.host, "executor": executor.id, "port": executor.port,
        "ms": ground.luck.randrange(20, 140), "store_mb": f"{ground.executor_mb * 0.54:.1f}", "local_dir": ground.local_dir,
    }  # fmt: skip
    play(executor.log, "executor_start", values(ground) | own)
    _registered(ground, executor)
    return executor


def _registered(ground: Ground, executor: Executor) -> None:
    driver = driver_log(ground)
    peer = f"({executor.node.ip}:{ground.port()})"
    driver.info(
        "YarnSchedulerBackend$YarnDriverEndpoint",
        f"Registered executor NettyRpcEndpointRef(spark-client://Executor) {peer} with ID {executor.id},  ResourceProfileId 0",
        thread="dispatcher-CoarseGrainedScheduler",
    )
    where = f"{executor.host}:{executor.port}"
    driver.info(
        "BlockManagerMasterEndpoint",
        f"Registering block manager {where} with {ground.executor_mb * 0.54:.1f} MiB RAM, "
        f"BlockManagerId({executor.id}, {executor.host}, {executor.port}, None)",
        thread="dispatcher-BlockManagerMaster",
    )


def _launched(ground: Ground, container: str, node: Stream) -> None:
    dispatcher = "NM ContainerManager dispatcher"
    for before, after in (("NEW", "LOCALIZING"), ("LOCALIZING", "SCHEDULED"), ("SCHEDULED", "RUNNING")):
        node.info(
            NM + "container.ContainerImpl",
            f"Container {container} transitioned from {before} to {after}",
            thread=dispatcher,
        )
    node.info(
        NM + "monitor.ContainersMonitorImpl",
        f"Starting resource-monitoring for {container}",
        thread=dispatcher,
    )
    ground.daemon_file("resourcemanager", ground.master).info(
        RM + "rmcontainer.RMContainerImpl",
        f"{container} Container Transitioned from ACQUIRED to RUNNING",
        thread="SchedulerEventDispatcher:Event Processor",
    )
