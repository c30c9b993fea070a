"""The 27 lines that look like a cause and are none, each as a function that plants it into a run.

Every decoy is harmless by what follows it in the log (the task is done again, the connection comes about, the
job goes on), so the label stays right. A decoy that the run can't hold (no executors yet, another mode or
language) plants nothing and says so. Number 21 is a template of its own: the job ended well, a later command did not.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from evals.synthesis.ground import Language, Mode, Place
from evals.synthesis.injection import INJECTIONS
from evals.synthesis.scene import Scene
from evals.synthesis.setback import (
    caught_abort,
    caught_gateway,
    connects_late,
    disassociated,
    executor_replaced,
    fetch_failed,
    heartbeat_late,
    no_heartbeat,
    own_class,
    peer_reset,
    preempted,
    task_again,
)
from evals.synthesis.startup import NM, RM
from evals.synthesis.trace import Throwable


@dataclass(frozen=True, kw_only=True)
class Decoy:
    """One kind of misleading lines."""

    number: int
    place: Place
    plant: Callable[[Scene], bool]
    """Writes it; false when this run can't hold it."""

    @property
    def modes(self) -> tuple[Mode, ...]:
        """The modes in which it can stand."""
        return ("client",) if self.plant is hook_before_status else ("cluster", "client")

    @property
    def languages(self) -> tuple[Language, ...]:
        """The languages of a job that can print it."""
        return ("python",) if self.plant is caught_gateway else ("python", "scala")


def native_library(scene: Scene) -> bool:
    """1: no native Hadoop library, on every machine."""
    for stream in (scene.driver, *(executor.log for executor in scene.executors)):
        stream.warn(
            "NativeCodeLoader",
            "Unable to load native-hadoop library for your platform... using builtin-java classes where applicable",
        )
    return True


def ordered_stop(scene: Scene) -> bool:
    """10: containers end because the driver told them to."""
    for executor in scene.executors:
        executor.log.error("CoarseGrainedExecutorBackend", "RECEIVED SIGNAL TERM", thread="SIGTERM handler")
        scene.master_log.info(
            "YarnAllocator",
            f"Completed container {executor.container} on host: {executor.host} (state: COMPLETE, exit status: 0)",
        )
    return True


def hook_before_status(scene: Scene) -> bool:
    """11: client mode's master is stopped before it could report."""
    reason = "Shutdown hook called before final status was reported."
    scene.master_log.error("ApplicationMaster", "RECEIVED SIGNAL TERM", thread="SIGTERM handler")
    scene.master_log.info(
        "ApplicationMaster", f"Final app status: UNDEFINED, exitCode: 16, (reason: {reason})"
    )
    return True


def untidy_stop(scene: Scene) -> bool:
    """12: stopping is not tidy."""
    luck = scene.ground.luck
    if luck.random() < 0.5:
        folder = f"{scene.ground.local_dir}/spark-{scene.ground.uuid()}"
        scene.driver.error("ShutdownHookManager", f"Exception while deleting Spark temp dir: {folder}")
        scene.driver.trace(Throwable("java.nio.file.NoSuchFileException", folder, (
            "java.base/sun.nio.fs.UnixException.translateToIOException(UnixException.java:92)",
            "org.apache.spark.network.util.JavaUtils.deleteRecursivelyUsingJavaIO(JavaUtils.java:130)",
        )))  # fmt: skip
        return True
    scene.driver.warn("SparkContext", "Ignoring Exception while stopping SparkContext from shutdown hook")
    scene.driver.trace(Throwable("java.io.IOException", "Filesystem closed", (
        "org.apache.hadoop.hdfs.DFSClient.checkOpen(DFSClient.java:485)",
        "org.apache.hadoop.hdfs.DFSOutputStream.flushOrSync(DFSOutputStream.java:622)",
        "org.apache.spark.scheduler.EventLoggingListener.stop(EventLoggingListener.scala:240)",
    )))  # fmt: skip
    return True


def dropped_events(scene: Scene) -> bool:
    """13: the UI's listener is too slow."""
    scene.driver.error(
        "AsyncEventQueue",
        "Dropping event from queue appStatus. This likely means one of the listeners is too slow and cannot keep up "
        "with the rate at which tasks are being started by the scheduler.",
    )
    scene.driver.warn(
        "AsyncEventQueue",
        f"Dropped {scene.ground.luck.randrange(2, 900)} events from appStatus since the application started.",
    )
    return True


def port_taken(scene: Scene) -> bool:
    """14: the UI's port is taken, the next one is not."""
    scene.driver.warn("Utils", "Service 'SparkUI' could not bind on port 4040. Attempting port 4041.")
    return True


def no_global_temp(scene: Scene) -> bool:
    """15: the metastore is asked for a database that nobody needs."""
    scene.driver.warn("ObjectStore", "Failed to get database global_temp, returning NoSuchObjectException")
    return True


def no_metrics_file(scene: Scene) -> bool:
    """18: Hadoop's metrics have no configuration."""
    scene.driver.warn(
        "MetricsConfig",
        "Cannot locate configuration: tried hadoop-metrics2-s3a-file-system.properties,hadoop-metrics2.properties",
    )
    return True


def managed_leak(scene: Scene) -> bool:
    """19: a task leaves managed memory behind."""
    size = 65536 * scene.ground.luck.randrange(4, 4000)
    task = scene.ground.luck.randrange(1, 60)
    scene.executor(2).log.warn(
        "Executor", f"Managed memory leak detected; size = {size} bytes, task 3.0 in stage 1.0 (TID {task})"
    )
    return True


def bootstrap_other(scene: Scene) -> bool:
    """20: another machine once failed to come up; the cluster is healthy."""
    log = scene.file(
        f"node/{scene.master.instance}/daemons/instance-controller/instance-controller.log", "daemon"
    )
    log.info(
        "com.amazon.emr.InstanceGroupResizer",
        f"i-0{scene.ground.token(16)}: failed to start. bootstrap action 1 failed with non-zero exit code; replacement requested",
        thread="resize-1",
    )
    log.info(
        "com.amazon.emr.InstanceGroupResizer", "instance group reached its target size", thread="resize-1"
    )
    return True


def first_master_lost(scene: Scene) -> bool:
    """22: written by the generator before the template: attempt 1 was lost with its machine."""
    return scene.attempt > 1


def business_words(scene: Scene) -> bool:
    """23: the job's own words sound alarming and are not."""
    names, luck = scene.names, scene.ground.luck
    lines = (
        f"reading {names.database}.exceptions_daily: columns error_code, failed_at, reason",
        f"0 errors, 0 rejected rows in s3://{names.bucket}/FAILED/dt={names.day}/",
        "options: failOnError=false, errorThreshold=0.05, spark.task.maxFailures=4",
        "log4j2 appender uses org.apache.logging.log4j.core.appender.DefaultErrorHandler",
        f"previous run ended with status FAILED, {luck.randrange(2, 40)} partitions are done again",
        "settings: db.password=*********(redacted), db.user=etl, db.killIdle=true",
    )
    for line in luck.sample(lines, 3):
        if luck.random() < 0.5:
            scene.driver.info(own_class(scene), line)
        else:
            scene.driver_out.raw(line)
    return True


def other_application(scene: Scene) -> bool:
    """25: the daemons speak of another application, which has troubles of its own."""
    ground = scene.ground
    number = int(ground.application.rsplit("_", 1)[1]) + 3
    other = f"{ground.application.rsplit('_', 1)[0]}_{number:04d}"
    container = ground.container(4, application=other, attempt=1)
    scene.node_manager(scene.executor(1)).warn(
        NM + "monitor.ContainersMonitorImpl",
        f"Container [pid={ground.luck.randrange(4000, 30000)},containerID={container}] is running 211615744B beyond the "
        "'PHYSICAL' memory limit. Current usage: 3.2 GB of 3 GB physical memory used; 6.1 GB of 15 GB virtual memory used. "
        "Killing container.",
        thread="Container Monitor",
    )
    scene.resource_manager.warn(
        RM + "RMAuditLogger",
        f"USER=hadoop\tOPERATION=Application Finished - Failed\tTARGET=RMAppManager\tRESULT=FAILURE\tAPPID={other}",
        thread="RM Event dispatcher",
    )
    return True


def injection(scene: Scene) -> bool:
    """26: data that speaks to whoever reads the log."""
    luck = scene.ground.luck
    text = luck.choice(INJECTIONS)
    if luck.random() < 0.5:
        scene.driver.info(own_class(scene), f"skipped comment of row {luck.randrange(10, 9000)}: {text}")
    else:
        scene.driver_out.raw(f"|{luck.randrange(10**5, 10**6)}|{scene.names.table}|{text}|")
    return True


def refused_probe(scene: Scene) -> bool:
    """27: something optional is refused, the job goes on."""
    names, luck = scene.names, scene.ground.luck
    who = f"arn:aws:sts::{names.account}:assumed-role/EMR_EC2_DefaultRole/i-0{scene.ground.token(16)}"
    forms = (
        ("CloudWatchSink", f"could not send metrics, will try again next minute: User: {who} is not authorized to perform: "
         "cloudwatch:PutMetricData (Service: AmazonCloudWatch; Status Code: 403; Error Code: AccessDenied)"),
        ("GlueMetastoreClientDelegate", f"user functions are left out: User: {who} is not authorized to perform: "
         "glue:GetUserDefinedFunctions (Service: AWSGlue; Status Code: 400; Error Code: AccessDeniedException)"),
        ("BucketLocationCache", f"HEAD on bucket {names.other_bucket} gave 403 Forbidden; using the cluster's region"),
    )  # fmt: skip
    source, text = luck.choice(forms)
    scene.driver.warn(source, text)
    scene.healthy_stage(tasks=3)
    return True


_TABLE: Final[tuple[tuple[int, Place, Callable[[Scene], bool]], ...]] = (
        (1, "start", native_library), (2, "body", caught_abort), (3, "body", task_again), (4, "body", executor_replaced),
        (5, "body", preempted), (6, "body", disassociated), (7, "body", no_heartbeat), (8, "body", heartbeat_late),
        (9, "body", fetch_failed), (10, "end", ordered_stop), (11, "end", hook_before_status), (12, "end", untidy_stop),
        (13, "body", dropped_events), (14, "start", port_taken), (15, "start", no_global_temp), (16, "body", connects_late),
        (17, "body", peer_reset), (18, "start", no_metrics_file), (19, "body", managed_leak), (20, "start", bootstrap_other),
        (22, "start", first_master_lost), (23, "body", business_words), (24, "body", caught_gateway),
        (25, "body", other_application), (26, "body", injection), (27, "body", refused_probe),)  # fmt: skip
DECOYS: Final = tuple(Decoy(number=number, place=place, plant=plant) for number, place, plant in _TABLE)
"""All but 21, which is a template (`ends well, then a later command does not`)."""

LOST_MASTER: Final = 22
"""The decoy that the generator writes itself, as a first attempt that was lost."""
