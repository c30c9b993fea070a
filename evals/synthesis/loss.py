"""An executor that is lost, and an application master that dies: what YARN, the allocator and the driver say."""

from typing import Final

from evals.synthesis.ground import Executor, Ground
from evals.synthesis.startup import NM, RM, driver_log
from evals.synthesis.work import Stage

_DISPATCHER: Final = "dispatcher-CoarseGrainedScheduler"


def stamp(ground: Ground) -> str:
    """The time as YARN's diagnostics begin with it: `[2026-05-04 03:10:07.123]`."""
    return f"[{ground.clock.now:%Y-%m-%d %H:%M:%S}.{ground.clock.now.microsecond // 1000:03d}]"


def exited(ground: Ground, status: int) -> str:
    """YARN's usual diagnostics of a container that ended with `status`."""
    mark = stamp(ground)
    if status in {137, 143}:
        return (
            f"{mark}Container killed on request. Exit code is {status}\n"
            f"{mark}Container exited with a non-zero exit code {status}. \n{mark}Killed by external signal\n."
        )
    return (
        f"{mark}Exception from container-launch.\nContainer exited with a non-zero exit code {status}. "
        "Error file: prelaunch.err.\nLast 4096 bytes of prelaunch.err :\nLast 4096 bytes of stderr :\n"
    )


def lose_executor(
    ground: Ground, executor: Executor, *, status: int, diagnostics: str, stage: Stage | None = None,
    task: int | None = None, reason: str | None = None, by_task: bool = True,
) -> str:  # fmt: skip
    """An executor's container ends; tells the reason the driver gives.

    Args:
        ground: the run.
        executor: the executor; it is no longer among those of the run.
        status: YARN's exit status of the container.
        diagnostics: YARN's text, see `exited`.
        stage: the stage whose task ran on it, if one did.
        task: the TID of that task.
        reason: what the driver calls it; `Container from a bad node …` or `… marked as failed` by default.
        by_task: whether the running task is held to be the cause.
    """
    bad = "Container from a bad node" if status > 0 else "Container marked as failed"
    where = f"{executor.container} on host: {executor.host}"
    why = reason or f"{bad}: {where}. Exit status: {status}. Diagnostics: {diagnostics}"
    allocator = ground.container_file(ground.container(1), "stderr")
    allocator.info("YarnAllocator", f"Completed container {where} (state: COMPLETE, exit status: {status})")
    allocator.warn("YarnAllocator", why)
    driver = driver_log(ground)
    driver.warn(
        "YarnSchedulerBackend$YarnSchedulerEndpoint",
        f"Requesting driver to remove executor {executor.id} for reason {why}",
    )
    driver.error(
        ground.scheduler, f"Lost executor {executor.id} on {executor.host}: {why}", thread=_DISPATCHER
    )
    if stage is not None:
        cause = "caused by one of the running tasks" if by_task else "unrelated to the running tasks"
        number = stage.first_task if task is None else task
        driver.warn(
            "TaskSetManager",
            f"Lost task {stage.tasks - 1}.0 in stage {stage.id}.0 (TID {number}) ({executor.host} executor {executor.id}): "
            f"ExecutorLostFailure (executor {executor.id} exited {cause}) Reason: {why}",
            thread=_DISPATCHER,
        )
    driver.info("DAGScheduler", f"Executor lost: {executor.id} (epoch {executor.id})")
    driver.info("BlockManagerMaster", f"Removed {executor.id} successfully in removeExecutor")
    _daemons(ground, executor, status)
    if executor in ground.executors:
        ground.executors.remove(executor)
    return why


def _daemons(ground: Ground, executor: Executor, status: int) -> None:
    node = ground.daemon_file("nodemanager", executor.node)
    node.info(
        NM + "container.ContainerImpl",
        f"Container {executor.container} transitioned from RUNNING to {'KILLING' if status < 0 else 'EXITED_WITH_FAILURE'}",
        thread="NM ContainerManager dispatcher",
    )
    ground.daemon_file("resourcemanager", ground.master).info(
        RM + "rmcontainer.RMContainerImpl",
        f"{executor.container} Container Transitioned from RUNNING to COMPLETED",
        thread="SchedulerEventDispatcher:Event Processor",
    )
