"""A seed and a size in, an EMR log tree out: what a healthy cluster prints, and a few failures in it.

The wording is that of Spark 3.5, Hadoop 3.4 and EMR; numbers, hosts and times vary as they do there. Nothing
is read from real logs, and the same seed gives the same bytes.
"""

import gzip
import random
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

Draw = Callable[[], str]
APPLICATION: Final = "1795340344293_0006"
STEP: Final = "s-0BENCHMARK0"

_TASKS: Final = (
    "INFO TaskSetManager: Starting task {n}.0 in stage {s}.0 (TID {t}) ({host}, executor {x}, partition {n}, PROCESS_LOCAL, {b} bytes) ",
    "INFO TaskSetManager: Finished task {n}.0 in stage {s}.0 (TID {t}) in {ms} ms on {host} (executor {x}) ({n}/400)",
)
DRIVER: Final = (
    *_TASKS * 40,
    "INFO BlockManagerInfo: Added broadcast_{s}_piece0 in memory on {host}:{port} (size: {k} KiB, free: {m} MiB)",
    "INFO BlockManagerInfo: Removed broadcast_{s}_piece0 on {host}:{port} in memory (size: {k} KiB, free: {m} MiB)",
    "INFO BlockManagerInfo: Added rdd_{s}_{n} in memory on {host}:{port} (size: {k} KiB, free: {m} MiB)",
    "INFO MemoryStore: Block broadcast_{s} stored as values in memory (estimated size {k} KiB, free {m} MiB)",
    "INFO MemoryStore: Block broadcast_{s}_piece0 stored as bytes in memory (estimated size {k} KiB, free {m} MiB)",
    "INFO SparkContext: Created broadcast {s} from broadcast at DAGScheduler.scala:1585",
    "INFO MapOutputTrackerMasterEndpoint: Asked to send map output locations for shuffle {s} to 10.0.2.{x}:{port}",
    "INFO ContextCleaner: Cleaned accumulator {t}",
    "INFO YarnScheduler: Removed TaskSet {s}.0, whose tasks have all completed, from pool ",
    "INFO DAGScheduler: Submitting 400 missing tasks from ShuffleMapStage {s} (MapPartitionsRDD[{t}] at parquet at NativeMethodAccessorImpl.java:0) (first 15 tasks are for partitions Vector(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14))",
    "INFO CodeGenerator: Code generated in {k} ms",
    "INFO FileScanRDD: Reading File path: s3://lake/events/day=2026-11-{d}/part-{n}-{u}.c000.snappy.parquet, range: 0-{t}, partition values: [{t}]",
    "INFO ExecutorAllocationManager: Requesting {x} new executor because tasks are backlogged (new desired total will be {x} for resource profile id: 0)",
)  # fmt: skip
EXECUTOR: Final = (
    *("INFO YarnCoarseGrainedExecutorBackend: Got assigned task {t}",) * 4,
    *("INFO Executor: Running task {n}.0 in stage {s}.0 (TID {t})",) * 4,
    *("INFO Executor: Finished task {n}.0 in stage {s}.0 (TID {t}). {b} bytes result sent to driver",) * 4,
    "INFO TorrentBroadcast: Started reading broadcast variable {s} with 1 pieces (estimated total size 4.0 MiB)",
    "INFO TorrentBroadcast: Reading broadcast variable {s} took {ms} ms",
    "INFO MemoryStore: Block broadcast_{s}_piece0 stored as bytes in memory (estimated size {k} KiB, free {m} MiB)",
    "INFO MapOutputTrackerWorker: Don't have map outputs for shuffle {s}, fetching them",
    "INFO MapOutputTrackerWorker: Got the map output locations",
    *("INFO ShuffleBlockFetcherIterator: Getting {n} ({k} KiB) non-empty blocks including {x} ({k} KiB) local and 0 (0.0 B) host-local and 0 (0.0 B) push-merged-local and {n} ({k} KiB) remote blocks",) * 3,
    *("INFO ShuffleBlockFetcherIterator: Started {x} remote fetches in {ms} ms",) * 3,
    "INFO CodeGenerator: Code generated in {k} ms",
    *("INFO FileScanRDD: Reading File path: s3://lake/events/day=2026-11-{d}/part-{n}-{u}.c000.snappy.parquet, range: 0-{t}, partition values: [{t}]",) * 2,
    "INFO UnsafeExternalSorter: Thread {t} spilling sort data of {m} MiB to disk ({x}  times so far)",
    "INFO MultipartUploadOutputStream: close closed:false s3://lake/out/part-{n}-{u}.c000.snappy.parquet",
)  # fmt: skip
_YARN: Final = "INFO org.apache.hadoop.yarn.server"
NODE: Final = (
    _YARN + ".nodemanager.containermanager.monitor.ContainersMonitorImpl (Container Monitor): Memory usage of ProcessTree {t} for container-id {c}: {m} MB of 11.5 GB physical memory used; {k} GB of 57.5 GB virtual memory used",
    _YARN + ".nodemanager.containermanager.container.ContainerImpl (NM ContainerManager dispatcher): Container {c} transitioned from LOCALIZED to RUNNING",
    _YARN + ".nodemanager.containermanager.container.ContainerImpl (NM ContainerManager dispatcher): Container {c} transitioned from RUNNING to EXITED_WITH_SUCCESS",
    _YARN + ".nodemanager.containermanager.monitor.ContainersMonitorImpl (NM ContainerManager dispatcher): Starting resource-monitoring for {c}",
    _YARN + ".nodemanager.NMAuditLogger (NM ContainerManager dispatcher): USER=hadoop\tOPERATION=Container Finished - Succeeded\tTARGET=ContainerImpl\tRESULT=SUCCESS\tAPPID=application_{a}\tCONTAINERID={c}",
    _YARN + ".nodemanager.containermanager.ContainerManagerImpl (IPC Server handler {x} on default port 8041): Start request for {c} by user appattempt_{a}_000001",
    _YARN + ".nodemanager.DefaultContainerExecutor (DeletionService #0): Deleting absolute path : /mnt/yarn/usercache/hadoop/appcache/application_{a}/{c}",
)  # fmt: skip
MANAGER: Final = (
    _YARN + ".resourcemanager.rmcontainer.RMContainerImpl (SchedulerEventDispatcher:Event Processor): {c} Container Transitioned from ACQUIRED to RUNNING",
    _YARN + ".resourcemanager.scheduler.capacity.allocator.AbstractContainerAllocator (SchedulerEventDispatcher:Event Processor): assignedContainer application attempt=appattempt_{a}_000001 container=null queue=root.default clusterResource=<memory:49152, vCores:16> type=OFF_SWITCH requestedPartition=",
    _YARN + ".resourcemanager.scheduler.common.fica.FiCaSchedulerNode (SchedulerEventDispatcher:Event Processor): Assigned container {c} of capacity <memory:11264, vCores:1> on host {host}:8041, which has {x} containers",
    _YARN + ".resourcemanager.RMAuditLogger (SchedulerEventDispatcher:Event Processor): USER=hadoop\tOPERATION=AM Allocated Container\tTARGET=SchedulerApp\tRESULT=SUCCESS\tAPPID=application_{a}\tCONTAINERID={c}\tRESOURCE=<memory:11264, vCores:1>",
    _YARN + ".resourcemanager.rmapp.attempt.RMAppAttemptImpl (RM Event dispatcher): appattempt_{a}_000001 State change from ALLOCATED to LAUNCHED on event = LAUNCHED",
)  # fmt: skip
_FRAMES: Final = (
    "\tat org.apache.spark.sql.execution.datasources.FileScanRDD$$anon$1.hasNext(FileScanRDD.scala:{n})",
    "\tat org.apache.spark.sql.catalyst.expressions.GeneratedClass$GeneratedIterator.processNext(Unknown Source)",
    "\tat org.apache.spark.scheduler.ShuffleMapTask.runTask(ShuffleMapTask.scala:104)",
    "\tat org.apache.spark.executor.Executor$TaskRunner.run(Executor.scala:620)",
    "\tat java.base/java.lang.Thread.run(Thread.java:840)",
)
_TROUBLE: Final = (
    "WARN TaskSetManager: Lost task {n}.0 in stage {s}.0 (TID {t}) ({host} executor {x}): java.lang.IllegalStateException: unexpected value {t} in column amount",
    "ERROR Executor: Exception in task {n}.0 in stage {s}.0 (TID {t})\njava.lang.OutOfMemoryError: Java heap space",
    "WARN NettyRpcEnv: Ignored failure: java.util.concurrent.TimeoutException: Cannot receive any reply from {host}:{port} in 10000 milliseconds",
)  # fmt: skip


_TASK: Final = re.compile(r"(task \d+)\.0 in stage (\S+)")
"""A lost task runs again, and well."""


class LogWriter:
    """Writes log lines of one seed; each call goes on where the last ended."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._clock = datetime(2026, 11, 22, 8, tzinfo=UTC)

    def lines(self, templates: tuple[str, ...], *, trouble_every: int = 4000) -> Iterator[str]:
        """Give lines without end.

        Args:
            templates: what is printed, each as often as it stands there.
            trouble_every: one warning or error with its trace in so many lines.
        """
        dated = "%Y-%m-%d %H:%M:%S,%f" if templates in (NODE, MANAGER) else "%y/%m/%d %H:%M:%S"
        width = 23 if templates in (NODE, MANAGER) else 17
        while True:
            self._clock += timedelta(milliseconds=self._random.randrange(40))
            stamp = self._clock.strftime(dated)[:width]
            if self._random.randrange(trouble_every) == 0:
                line = self._filled(self._random.choice(_TROUBLE))
                yield f"{stamp} {line}"
                yield from (self._filled(frame) for frame in _FRAMES * 4)
                if hit := _TASK.search(line):
                    yield f"{stamp} INFO TaskSetManager: Finished {hit[1]}.1 in stage {hit[2]} (TID 900001) in 12 ms on ip-10-0-2-9.ec2.internal (executor 3) (1/400)"
            else:
                yield f"{stamp} {self._filled(self._random.choice(templates))}"

    def _filled(self, template: str) -> str:
        draw = self._random.randrange
        app = APPLICATION if draw(4) == 0 else f"1795340344293_{draw(1, 40):04d}"
        return template.format(
            n=draw(400), s=draw(300), t=draw(200_000), x=draw(1, 30), b=draw(1000, 9999), ms=draw(5, 9000), k=f"{draw(9999) / 10}",
            m=f"{draw(99999) / 10}", d=f"{draw(1, 29):02d}", port=draw(32000, 60000), host=f"ip-10-0-2-{draw(4, 60)}.ec2.internal",
            u=f"{draw(1 << 32):08x}-7f3a-4a1b-9c2d-{draw(1 << 48):012x}", a=app, c=f"container_{app}_01_{draw(1, 99):06d}",
        )  # fmt: skip

    def text(self, templates: tuple[str, ...], size_bytes: int) -> Iterator[bytes]:
        """Give lines of at least so many bytes in all, in blocks of about a megabyte."""
        block: list[str] = []
        held = done = 0
        for line in self.lines(templates):
            block.append(line)
            held += len(line) + 1
            if held >= min(1 << 20, size_bytes - done):
                yield ("\n".join(block) + "\n").encode()
                done, held, block = done + held, 0, []
                if done >= size_bytes:
                    return


def write_tree(root: Path, *, seed: int, size_bytes: int) -> int:
    """Write a gzipped tree of about so many bytes unpacked; give the exact number.

    A driver holds three tenths, four executors five, a NodeManager and a ResourceManager one each.
    """
    node = "node/i-0a1b2c3d4e5f/applications/hadoop-yarn/hadoop-yarn-"
    containers = f"containers/application_{APPLICATION}/container_{APPLICATION}_01_"
    parts = [(f"{containers}000001/stderr.gz", DRIVER, 0.3)]
    parts += [(f"{containers}{n:06d}/stderr.gz", EXECUTOR, 0.125) for n in range(2, 6)]
    parts += [(f"{node}nodemanager-ip-10-0-2-10.log.gz", NODE, 0.1)]
    parts += [(f"{node}resourcemanager-ip-10-0-2-11.log.gz", MANAGER, 0.1)]
    total = 0
    for place, (name, templates, share) in enumerate(parts):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with gzip.open(path, "wb", compresslevel=6) as stream:
            total += sum(
                stream.write(block)
                for block in LogWriter(seed + place).text(templates, int(size_bytes * share))
            )
    return total + _write_step(root)


def _write_step(root: Path) -> int:
    report = (
        f"26/11/22 08:00:01 INFO Client: Application report for application_{APPLICATION} (state: RUNNING)\n"
    )
    text = f"26/11/22 08:00:00 INFO Client: Submitting application application_{APPLICATION} to ResourceManager\n"
    data = (
        text
        + report * 2000
        + 'Exception in thread "main" org.apache.spark.SparkException: Application failed\n'
    ).encode()
    path = root / "steps" / STEP / "stderr.gz"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(data))
    return len(data)
