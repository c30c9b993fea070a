"""Failures of disks and of quotas: local volumes, HDFS, directories, services' limits per account."""

from diagnose.taxonomy import Category, FailureType
from evals.synthesis.ground import Executor
from evals.synthesis.scene import Scene
from evals.synthesis.template import Truth, template
from evals.synthesis.templates.shape import SPARK, give_up, jdk, query_frames, size
from evals.synthesis.trace import PythonError, Throwable

_RPC = (
    "org.apache.hadoop.ipc.Client.getRpcResponse(Client.java:1612)",
    "org.apache.hadoop.ipc.ProtobufRpcEngine2$Invoker.invoke(ProtobufRpcEngine2.java:258)",
)


@template("spill-finds-no-room", FailureType.DISK_FULL, difficulty="easy")
def spill_finds_no_room(scene: Scene) -> Truth:
    """Shuffle or spill files fill the workers' volumes."""
    rng = scene.rng
    no_space = "No space left on device"
    write = jdk(
        scene, "java.base/sun.nio.ch.FileDispatcherImpl.write0(Native Method)",
        "java.base/sun.nio.ch.FileChannelImpl.write(FileChannelImpl.java:280)",
    )  # fmt: skip
    stream = jdk(
        scene, "java.base/java.io.FileOutputStream.writeBytes(Native Method)",
        "java.base/java.io.FileOutputStream.write(FileOutputStream.java:349)",
    )  # fmt: skip
    block = f"/mnt/yarn/usercache/hadoop/appcache/{scene.application}/blockmgr-{scene.ground.uuid()}/1c/temp_shuffle"
    shapes = (
        Throwable("java.io.IOException", no_space, (
            *stream, f"{SPARK}storage.TimeTrackingOutputStream.write(TimeTrackingOutputStream.java:59)",
            f"{SPARK}storage.DiskBlockObjectWriter.write(DiskBlockObjectWriter.scala:312)",
            f"{SPARK}util.collection.unsafe.sort.UnsafeSorterSpillWriter.write(UnsafeSorterSpillWriter.java:136)",
            f"{SPARK}util.collection.unsafe.sort.UnsafeExternalSorter.spill(UnsafeExternalSorter.java:224)", *query_frames(scene),
        )),
        Throwable("java.io.IOException", no_space, (
            *write, f"{SPARK}util.Utils$.copyFileStreamNIO(Utils.scala:271)",
            f"{SPARK}shuffle.sort.io.LocalDiskSingleSpillMapOutputWriter.transferMapSpillFile"
            "(LocalDiskSingleSpillMapOutputWriter.java:50)", *query_frames(scene),
        )),
        Throwable(f"{SPARK}memory.SparkOutOfMemoryError", f"error while calling spill() on {SPARK}util.collection.unsafe.sort."
                  f"UnsafeExternalSorter@{rng.randrange(16**7, 16**8):x} : {no_space}", (
            f"{SPARK}memory.TaskMemoryManager.trySpillAndAcquire(TaskMemoryManager.java:256)",
            f"{SPARK}memory.MemoryConsumer.allocatePage(MemoryConsumer.java:113)", *query_frames(scene),
        )),
        Throwable("java.io.FileNotFoundException", f"{block}_{scene.ground.uuid()} ({no_space})", (
            *jdk(scene, "java.base/java.io.FileOutputStream.open0(Native Method)"),
            f"{SPARK}storage.DiskBlockObjectWriter.initialize(DiskBlockObjectWriter.scala:140)", *query_frames(scene),
        )),
    )  # fmt: skip
    failure = rng.choice(shapes)
    scene.start()
    scene.healthy_run()
    stage = scene.begin_stage(tasks=rng.randrange(20, 60), action="count", kind="ShuffleMapStage")
    scene.run_tasks(stage, rng.randrange(6, 18))
    for times in range(1, rng.randrange(2, 6)):
        scene.executor(1).log.info(
            "UnsafeExternalSorter",
            f"Thread {rng.randrange(40, 90)} spilling sort data of {size(rng.choice((512, 1024, 2176)))} to disk "
            f"({times} {' times' if times > 1 else ' time'} so far)",
        )  # fmt: skip
    scene.fail(scene.fail_task(stage, failure), call="count")
    return Truth(
        description="The workers' local volumes are full of shuffle and spill files.", evidence=(no_space,)
    )


def _full_node(scene: Scene, bad: str) -> Executor:
    """A worker that runs no master passes the disk checker's threshold; tells the executor that goes with it."""
    held = (
        {scene.ground.driver_node, scene.ground.workers[0]}
        if scene.mode == "client"
        else {scene.ground.driver_node}
    )
    while not (outside := [executor for executor in scene.executors if executor.node not in held]):
        scene.new_executor()
    lost, yarn = outside[0], "org.apache.hadoop.yarn.server."
    report = f"1/1 local-dirs usable space is below configured utilization percentage/no more usable space [ /mnt/yarn : {bad} ] "
    node = scene.node_manager(lost)
    node.warn(
        yarn + "nodemanager.DirectoryCollection", f"Directory /mnt/yarn error, {bad}, removing from list of valid directories",
        thread="DiskHealthMonitor-Timer",
    )  # fmt: skip
    node.error(
        yarn + "nodemanager.LocalDirsHandlerService",
        f"Most of the disks failed. {report}; 1/1 log-dirs usable space is below configured utilization percentage/no more usable "
        f"space [ /var/log/hadoop-yarn/containers : {bad} ] ", thread="DiskHealthMonitor-Timer",
    )  # fmt: skip
    scene.resource_manager.info(
        yarn + "resourcemanager.rmnode.RMNodeImpl", f"Node {lost.host}:8041 reported UNHEALTHY with details: {report}",
        thread="RM Event dispatcher",
    )  # fmt: skip
    return lost


@template("volumes-past-threshold", FailureType.DISK_FULL, difficulty="hard")
def volumes_past_threshold(scene: Scene) -> Truth:
    """A worker passes the disk checker's threshold again and again; the driver sees lost nodes and shuffle files."""
    rng = scene.rng
    scene.start(executors=3)
    scene.healthy_run()
    scene.healthy_stage(kind="ShuffleMapStage", action="collect")
    stage = scene.begin_stage(tasks=rng.randrange(10, 40), action="collect")
    scene.run_tasks(stage, 4)
    bad = f"used space above threshold of {rng.choice((90.0, 90.0, 95.0))}%"
    shuffle, index = max(0, stage.id - 1), rng.randrange(4, stage.tasks)
    missing = f"Missing an output location for shuffle {shuffle} partition {index}"
    for turn in range(4):
        lost = _full_node(scene, bad)
        scene.lose_executor(
            lost, status=-100, stage=stage, by_task=False, diagnostics="Container released on a *lost* node",
        )  # fmt: skip
        reader = scene.executor(1) if scene.executors else scene.new_executor()
        task = scene.start_task(stage, index, reader)
        scene.driver.warn(
            "TaskSetManager",
            f"Lost task {index}.0 in stage {stage.id}.{turn} (TID {task}) ({reader.host} executor {reader.id}): FetchFailed(null, "
            f"shuffleId={shuffle}, mapIndex=-1, mapId=-1, reduceId={index}, message=\n"
            f"org.apache.spark.shuffle.MetadataFetchFailedException: {missing}\n"
            "\tat org.apache.spark.MapOutputTracker$.validateStatus(MapOutputTracker.scala:1705)\n)",
        )
        if turn < 3:
            scene.driver.info("DAGScheduler", f"Resubmitting failed stages for shuffle {shuffle}")
            scene.wait(rng.uniform(120, 400))
            scene.node_manager(lost).info(
                "org.apache.hadoop.yarn.server.nodemanager.DirectoryCollection",
                "Directory /mnt/yarn passed disk check, adding to list of valid directories.", thread="DiskHealthMonitor-Timer",
            )  # fmt: skip
            scene.new_executor()
    text = (
        f"ResultStage {stage.id} ({stage.action}) has failed the maximum allowable number of times: 4. Most recent failure reason:\n"
        f"org.apache.spark.shuffle.MetadataFetchFailedException: {missing}\n"
        "\tat org.apache.spark.MapOutputTracker$.validateStatus(MapOutputTracker.scala:1705)\n"
    )
    scene.fail(give_up(scene, stage, text), call="collectToPython")
    return Truth(
        description="A worker's volumes pass the health checker's threshold and YARN takes the node out, again and again.",
        evidence=(bad,),
        accept=(Category.DEPENDENCY_FAILURE,),
        notes="lost nodes and shuffle files follow from the full volumes",
    )


@template("filesystem-takes-no-block", FailureType.DISK_FULL, difficulty="medium")
def filesystem_takes_no_block(scene: Scene) -> Truth:
    """HDFS has no room for a further block: the NameNode finds no data node with space."""
    rng, names = scene.rng, scene.names
    file = f"/user/hadoop/checkpoints/{names.table}/part-{rng.randrange(200):05d}"
    nodes = len(scene.ground.workers)
    placement = "org.apache.hadoop.hdfs.server.blockmanagement.BlockPlacementPolicy"
    log = (
        f"node/{scene.master.instance}/applications/hadoop-hdfs/hadoop-hdfs-namenode-{scene.master.host}.log"
    )
    scene.start()
    scene.healthy_run()
    stage = scene.begin_stage(tasks=rng.randrange(6, 20), action="checkpoint")
    scene.run_tasks(stage, 3)
    namenode = scene.file(log, "daemon")
    for _ in range(3):
        handler = f"IPC Server handler {rng.randrange(60)} on default port 8020"
        namenode.info(
            placement,
            f"Not enough replicas was chosen. Reason: {{NOT_ENOUGH_STORAGE_SPACE={nodes}}}",
            thread=handler,
        )
        namenode.warn(
            placement,
            "Failed to place enough replicas, still in need of 1 to reach 1 (unavailableStorages=[], "
            "storagePolicy=BlockStoragePolicy{HOT:7, storageTypes=[DISK], creationFallbacks=[], replicationFallbacks=[ARCHIVE]}, "
            "newBlock=true) For more information, please enable DEBUG log level on "
            f"{placement} and org.apache.hadoop.net.NetworkTopology", thread=handler,
        )  # fmt: skip
    failure = Throwable(
        "org.apache.hadoop.ipc.RemoteException(java.io.IOException)",
        f"File {file} could only be written to 0 of the 1 minReplication nodes. There are {nodes} datanode(s) running and "
        f"{rng.choice(('no', str(nodes)))} node(s) are excluded in this operation.\n"
        "\tat org.apache.hadoop.hdfs.server.blockmanagement.BlockManager.chooseTarget4NewBlock(BlockManager.java:2350)",
        (*_RPC, "org.apache.hadoop.hdfs.DFSOutputStream.addBlock(DFSOutputStream.java:1088)",
         "org.apache.hadoop.hdfs.DataStreamer.run(DataStreamer.java:726)"),
    )  # fmt: skip
    scene.fail(scene.fail_task(stage, failure), call="checkpoint")
    return Truth(
        description="HDFS is full: no data node has room for another block.",
        evidence=("NOT_ENOUGH_STORAGE_SPACE", "could only be written to 0 of the 1 minReplication nodes"),
        accept=(Category.DEPENDENCY_FAILURE,),
        notes="the NameNode says why no node takes the block",
    )


@template("folder-at-its-limit", FailureType.QUOTA_EXCEEDED, difficulty="easy")
def folder_at_its_limit(scene: Scene) -> Truth:
    """A directory's quota of bytes or of names is used up while a table is written."""
    rng, names = scene.rng, scene.names
    folder = f"/user/{names.database}/{names.table}"
    tera = rng.choice((1, 2, 5))
    count = rng.choice((100000, 250000, 1000000))
    by_space = rng.random() < 0.5
    name, text = (
        ("DSQuotaExceededException", f"The DiskSpace quota of {folder} is exceeded: quota = {tera * 1024**4} B = {tera} TB but "
         f"diskspace consumed = {tera * 1024**4 + 134217728} B = {tera}.00 TB") if by_space
        else ("NSQuotaExceededException", f"The NameSpace quota (directories and files) of directory {folder} is exceeded: "
              f"quota={count} file count={count + 1}")
    )  # fmt: skip
    method = "verifyStoragespaceQuota" if by_space else "verifyNamespaceQuota"
    scene.start()
    scene.healthy_run()
    if rng.random() < 0.5:
        scene.write_begins(f"hdfs://{folder}/dt={names.day}")
    stage = scene.begin_stage(tasks=rng.randrange(6, 30), action="save")
    scene.run_tasks(stage, rng.choice((0, 3)))
    failure = Throwable(f"org.apache.hadoop.hdfs.protocol.{name}", text, (
        f"org.apache.hadoop.hdfs.server.namenode.DirectoryWithQuotaFeature.{method}(DirectoryWithQuotaFeature.java:193)",
        "org.apache.hadoop.hdfs.server.namenode.FSDirectory.verifyQuota(FSDirectory.java:1158)",
        "org.apache.hadoop.hdfs.DFSOutputStream.addBlock(DFSOutputStream.java:1088)",
    ))  # fmt: skip
    scene.fail(scene.fail_task(stage, failure), call="save")
    return Truth(
        description="The quota of an HDFS directory is used up.",
        evidence=(
            "The DiskSpace quota of "
            if by_space
            else "The NameSpace quota (directories and files) of directory",
        ),
    )


@template("account-has-no-more", FailureType.QUOTA_EXCEEDED, difficulty="medium")
def account_has_no_more(scene: Scene) -> Truth:
    """A service's quota per account, or a file system's quota per user, is used up."""
    rng, names = scene.rng, scene.names
    scene.start()
    scene.healthy_run()
    if rng.random() < 0.5:
        text = f"Number of {rng.choice(('tables per database', 'partitions per table', 'versions per table'))} exceeds the account limit"
        full = f"{text} (Service: AWSGlue; Status Code: 400; Error Code: ResourceNumberLimitExceededException; Request ID: {scene.ground.uuid()}; Proxy: null)"
        scene.write()
        scene.fail(Throwable("com.amazonaws.services.glue.model.ResourceNumberLimitExceededException", full, (
            "com.amazonaws.http.AmazonHttpClient$RequestExecutor.handleErrorResponse(AmazonHttpClient.java:1879)",
            "com.amazonaws.services.glue.AWSGlueClient.executeCreateTable(AWSGlueClient.java:4231)",
            "com.amazonaws.glue.catalog.metastore.DefaultAWSGlueMetastore.createTable(DefaultAWSGlueMetastore.java:163)",
        )), call="saveAsTable")  # fmt: skip
        return Truth(
            description="The data catalogue's quota of the account is used up.",
            evidence=("Error Code: ResourceNumberLimitExceededException",),
            accept=(Category.CONFIGURATION_ERROR,),
        )
    target = f"/mnt/exchange/{names.table}/{names.day}.csv"
    if scene.language == "python":
        scene.fail(PythonError("OSError", f"[Errno 122] Disk quota exceeded: '{target}'", (
            ("", rng.randrange(40, 160), "export", "shutil.copyfile(local, target)"),
        )))  # fmt: skip
    else:
        scene.fail(Throwable("java.io.IOException", "Disk quota exceeded", jdk(
            scene, "java.base/java.io.FileOutputStream.writeBytes(Native Method)",
            "java.base/java.io.FileOutputStream.write(FileOutputStream.java:349)",
        )))  # fmt: skip
    return Truth(
        description="The quota of the shared file system is used up.", evidence=("Disk quota exceeded",)
    )
