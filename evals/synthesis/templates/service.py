"""Failed for a service that was not there: databases, metastore, NameNode, S3's endpoint, HBase, Kafka.

About a third of the cases had written before; the others are truly safe to run again.
"""

from diagnose.taxonomy import Category, FailureType
from evals.synthesis.scene import Scene
from evals.synthesis.template import Truth, template
from evals.synthesis.templates.prelude import (
    EMRFS,
    connect_timeout,
    jdk,
    refused,
    thrown_by_sql,
    written_before,
)
from evals.synthesis.trace import Throwable

_SPARK_JDBC = (
    "org.apache.spark.sql.execution.datasources.jdbc.connection.BasicConnectionProvider.getConnection"
    "(BasicConnectionProvider.scala:49)",
    "org.apache.spark.sql.execution.datasources.jdbc.connection.ConnectionProviderBase.create(ConnectionProvider.scala:102)",
    "org.apache.spark.sql.jdbc.JdbcDialect.$anonfun$createConnectionFactory$1(JdbcDialects.scala:161)",
)
_READ_TASK = ("org.apache.spark.sql.execution.datasources.jdbc.JDBCRDD.compute(JDBCRDD.scala:275)",)
_WRITE_TASK = (
    "org.apache.spark.sql.execution.datasources.jdbc.JdbcUtils$.savePartition(JdbcUtils.scala:698)",
    "org.apache.spark.sql.execution.datasources.jdbc.JdbcUtils$.$anonfun$saveTable$1(JdbcUtils.scala:908)",
)


def _mysql(scene: Scene) -> tuple[Throwable, str]:
    silent = scene.rng.randrange(3000, 90000)
    text = (
        f"Communications link failure\n\nThe last packet successfully received from the server was {silent} milliseconds ago. "
        f"The last packet sent successfully to the server was {silent + 2} milliseconds ago."
    )
    frames = ("com.mysql.cj.jdbc.exceptions.SQLError.createCommunicationsException(SQLError.java:174)",)
    cause = Throwable("java.net.SocketException", "Connection reset", (
        "com.mysql.cj.protocol.ReadAheadInputStream.fill(ReadAheadInputStream.java:107)",
        *frames,
    ))  # fmt: skip
    return Throwable("com.mysql.cj.jdbc.exceptions.CommunicationsException", text, frames, cause), (
        "CommunicationsException: Communications link failure"
    )


def _oracle(scene: Scene) -> tuple[Throwable, str]:
    frames = ("oracle.jdbc.driver.T4CConnection.logon(T4CConnection.java:897)",)
    cause = Throwable(
        "oracle.net.ns.NetException", "The Network Adapter could not establish the connection", frames
    )
    return (
        Throwable(
            "java.sql.SQLRecoverableException",
            "IO Error: The Network Adapter could not establish the connection",
            frames,
            cause,
        ),
        "The Network Adapter could not establish the connection",
    )


def _sqlserver(scene: Scene) -> tuple[Throwable, str]:
    text = (
        f"The TCP/IP connection to the host {scene.names.service_host}, port 1433 has failed. Error: "
        f'"{connect_timeout(scene)}. Verify the connection properties. Make sure that an instance of SQL Server is running on '
        "the host and accepting TCP/IP connections at the port. Make sure that TCP connections to the port are not blocked by "
        'a firewall.".'
    )
    frames = (
        "com.microsoft.sqlserver.jdbc.SQLServerException.makeFromDriverError(SQLServerException.java:234)",
        "com.microsoft.sqlserver.jdbc.SQLServerException.ConvertConnectExceptionToSQLServerException(SQLServerException.java:285)",
    )
    return Throwable("com.microsoft.sqlserver.jdbc.SQLServerException", text, frames), (
        "Make sure that an instance of SQL Server is running on the host"
    )


def _postgres(scene: Scene) -> tuple[Throwable, str]:
    text, name = scene.rng.choice((
        ("This connection has been closed.", "PSQLException: This connection has been closed."),
        ("An I/O error occurred while sending to the backend.", "An I/O error occurred while sending to the backend."),
        ("FATAL: terminating connection due to administrator command", "terminating connection due to administrator command"),
        ("FATAL: the database system is shutting down", "the database system is shutting down"),
    ))  # fmt: skip
    frames = ("org.postgresql.core.v3.QueryExecutorImpl.execute(QueryExecutorImpl.java:395)",)
    return Throwable("org.postgresql.util.PSQLException", text, frames), name


@template("link-to-database", FailureType.SERVICE_UNREACHABLE, difficulty="medium")
def link_to_database(scene: Scene) -> Truth:
    """Tasks lose their database in the middle, while they read from it or while they write to it."""
    rng = scene.rng
    failure, evidence = rng.choice((_mysql, _oracle, _sqlserver, _postgres))(scene)
    scene.start()
    scene.healthy_run()
    writes = rng.random() < 0.35
    stage = scene.begin_stage(tasks=rng.randrange(6, 24), action="save" if writes else "count")
    scene.run_tasks(stage, rng.randrange(2, 6))
    below = _WRITE_TASK if writes else (*_SPARK_JDBC, *_READ_TASK)
    thrown = scene.fail_task(stage, failure.below(*below))
    scene.fail(thrown, call="save" if writes else "count")
    return Truth(
        description="The database stopped answering while the job's tasks talked to it.",
        evidence=(evidence,),
        notes="some partitions were already inserted" if writes else "",
    )


@template("metastore-away", FailureType.SERVICE_UNREACHABLE, difficulty="medium")
def metastore_away(scene: Scene) -> Truth:
    """Nobody answers where the Hive metastore should be."""
    rng = scene.rng
    scene.start()
    note = written_before(scene)
    scene.healthy_stage()
    evidence = _no_metastore(scene)
    source = f'frame = spark.table("{scene.names.database}.{scene.names.table}")'
    kind = rng.choice(("instantiate", "transport", "lost"))
    inner = {
        "instantiate": "java.lang.RuntimeException: Unable to instantiate org.apache.hadoop.hive.ql.metadata.SessionHiveMetaStoreClient",
        "transport": "MetaException(message:Could not connect to meta store using any of the URIs provided. Most recent failure: "
        "org.apache.thrift.transport.TTransportException: java.net.ConnectException: Connection refused)",
        "lost": "org.apache.thrift.transport.TTransportException: java.net.SocketException: Broken pipe (Write failed)",
    }[kind]
    failure = thrown_by_sql(
        scene, f"org.apache.hadoop.hive.ql.metadata.HiveException: {inner}", source=source,
        frame="org.apache.spark.sql.hive.HiveExternalCatalog.withClient(HiveExternalCatalog.scala:111)",
    )  # fmt: skip
    scene.fail(failure)
    return Truth(description="The Hive metastore did not answer.", evidence=evidence, notes=note)


def _no_metastore(scene: Scene) -> tuple[str, ...]:
    address = f"thrift://{scene.master.host}:9083"
    for tried in range(3):
        scene.driver.info("HiveMetaStoreClient", f"Trying to connect to metastore with URI {address}")
        scene.driver.warn("HiveMetaStoreClient", "Failed to connect to the MetaStore Server...")
        if tried == 0:
            frames = (
                "org.apache.thrift.transport.TSocket.open(TSocket.java:226)",
                "org.apache.hadoop.hive.metastore.HiveMetaStoreClient.open(HiveMetaStoreClient.java:516)",
            )
            cause = refused(scene, *frames)
            scene.driver.trace(
                Throwable(
                    "org.apache.thrift.transport.TTransportException",
                    "java.net.ConnectException: Connection refused",
                    frames,
                    cause,
                )
            )
        scene.driver.info("HiveMetaStoreClient", "Waiting 1 seconds before next connection attempt.")
        scene.wait(1)
    return "Failed to connect to the MetaStore Server", "ConnectException: Connection refused"


@template("namenode-away", FailureType.SERVICE_UNREACHABLE, difficulty="medium")
def namenode_away(scene: Scene) -> Truth:
    """HDFS refuses calls, after retries that came to nothing; or it is still in safe mode."""
    rng = scene.rng
    scene.start()
    note = written_before(scene)
    scene.healthy_stage()
    host, ip = scene.master.host, scene.master.ip
    frames = (
        "org.apache.hadoop.ipc.Client.call(Client.java:1457)",
        "org.apache.hadoop.ipc.ProtobufRpcEngine2$Invoker.invoke(ProtobufRpcEngine2.java:258)",
        "org.apache.hadoop.hdfs.DFSClient.getFileInfo(DFSClient.java:1769)",
        "org.apache.hadoop.hdfs.DistributedFileSystem$29.doCall(DistributedFileSystem.java:1756)",
    )
    if rng.random() < 0.4:
        return _safe_mode(scene, frames, note)
    for tried in range(10):
        scene.driver.info(
            "Client",
            f"Retrying connect to server: {host}/{ip}:8020. Already tried {tried} time(s); "
            "retry policy is RetryUpToMaximumCountWithFixedSleep(maxRetries=10, sleepTime=1000 MILLISECONDS)",
        )
        scene.wait(1)
    here = scene.ground.driver_node
    text = (
        f"Call From {here.host.split('.', 1)[0]}/{here.ip} to {host}:8020 failed on connection exception: "
        "java.net.ConnectException: Connection refused; For more details see:  http://wiki.apache.org/hadoop/ConnectionRefused"
    )
    scene.fail(Throwable("java.net.ConnectException", text, frames, refused(scene)), call="load")
    return Truth(
        description="The NameNode refused connections.",
        evidence=("failed on connection exception: java.net.ConnectException: Connection refused",),
        notes=note,
    )


def _safe_mode(scene: Scene, frames: tuple[str, ...], note: str) -> Truth:
    blocks = scene.rng.randrange(20, 9000)
    text = (
        f"Cannot create directory /tmp/{scene.names.job}/{scene.names.day}. Name node is in safe mode.\n"
        f"The reported blocks {blocks * 40} needs additional {blocks} blocks to reach the threshold 0.9990 of total blocks "
        f"{blocks * 41 + 3}.\nThe minimum number of live datanodes is not required. Safe mode will be turned off automatically "
        f"once the thresholds have been reached. NamenodeHostName:{scene.master.host}"
    )
    name = "org.apache.hadoop.hdfs.server.namenode.SafeModeException"
    cause = Throwable(f"org.apache.hadoop.ipc.RemoteException({name})", text, frames)
    scene.fail(Throwable(name, text, frames, cause), call="mkdirs")
    return Truth(
        description="HDFS was in safe mode, waiting for blocks to be reported.",
        evidence=("Name node is in safe mode", "Safe mode will be turned off automatically"),
        notes=note,
    )


@template("storage-endpoint-silent", FailureType.SERVICE_UNREACHABLE, difficulty="medium")
def storage_endpoint_silent(scene: Scene) -> Truth:
    """S3's endpoint takes no connections or gives internal errors; some were survived before."""
    rng, names = scene.rng, scene.names
    scene.start()
    scene.healthy_run(1)
    note = written_before(scene)
    shape = rng.choice(("sdk1", "sdk2", "internal"))
    host = f"{names.bucket}.s3.{names.region}.amazonaws.com"
    frames: tuple[str, ...] = (
        f"{EMRFS}com.amazonaws.http.AmazonHttpClient$RequestExecutor.handleRetryableException(AmazonHttpClient.java:1219)",
        f"{EMRFS}com.amazonaws.services.s3.AmazonS3Client.getObjectMetadata(AmazonS3Client.java:1403)",
        "com.amazon.ws.emr.hadoop.fs.s3n.Jets3tNativeFileSystemStore.retrieveMetadata(Jets3tNativeFileSystemStore.java:269)",
        "com.amazon.ws.emr.hadoop.fs.s3n.S3NativeFileSystem.getFileStatus(S3NativeFileSystem.java:542)",
    )
    words = connect_timeout(scene)
    if shape == "internal":
        text = "We encountered an internal error. Please try again. (Service: Amazon S3; Status Code: 500; Error Code: InternalError;"
        text += f" Request ID: {rng.randrange(16**15):016X}; Proxy: null)"
        name, evidence = (
            f"{EMRFS}com.amazonaws.services.s3.model.AmazonS3Exception",
            "Error Code: InternalError",
        )
    elif shape == "sdk1":
        text = f"Unable to execute HTTP request: Connect to {host}:443 [{host}/52.218.{rng.randrange(255)}.11] failed: {words}"
        name, evidence = (
            f"{EMRFS}com.amazonaws.SdkClientException",
            "SdkClientException: Unable to execute HTTP request: Connect to",
        )
    else:
        text = f"Unable to execute HTTP request: Connect to {host}:443 failed: {words}"
        name = "software.amazon.awssdk.core.exception.SdkClientException"
        evidence = "SdkClientException: Unable to execute HTTP request: Connect to"
        frames = (
            "software.amazon.awssdk.core.exception.SdkClientException$BuilderImpl.build(SdkClientException.java:111)",
        )
    failure = Throwable(name, text, frames)
    stage = scene.begin_stage(tasks=rng.randrange(8, 20), action="collect")
    scene.run_tasks(stage, 4)
    if rng.random() < 0.5:  # one that the next try survived
        scene.fail_task(stage, failure, tries=1, index=1)
    scene.fail(scene.fail_task(stage, failure), call="collectToPython")
    return Truth(description="S3 did not answer the tasks that read.", evidence=(evidence,), notes=note)


@template("hbase-region-away", FailureType.SERVICE_UNREACHABLE, difficulty="hard")
def hbase_region_away(scene: Scene) -> Truth:
    """An HBase region is served by nobody for longer than the client waits."""
    rng, names = scene.rng, scene.names
    scene.start()
    note = written_before(scene, 0.3)
    scene.healthy_run(1)
    where = f"ip-10-{rng.randrange(90)}-{rng.randrange(200)}-{rng.randrange(4, 250)}.ec2.internal,16020,{rng.randrange(10**12, 2 * 10**12)}"
    region = (
        f"{names.database}:{names.table},,{rng.randrange(10**12, 2 * 10**12)}.{rng.randrange(16**31):032x}."
    )
    each = rng.choice((
        f"org.apache.hadoop.hbase.NotServingRegionException: {region} is not online on {where}",
        f"java.io.IOException: Call to address={where.split(',', 1)[0]}:16020 failed on connection exception: "
        "org.apache.hbase.thirdparty.io.netty.channel.AbstractChannel$AnnotatedConnectException: "
        "finishConnect(..) failed: Connection refused",
    ))  # fmt: skip
    tries = rng.choice((8, 16, 36))
    moment = f"{scene.ground.clock.now:%Y-%m-%dT%H:%M:%S}.{rng.randrange(100, 999)}Z"
    text = f"Failed after attempts={tries}, exceptions:\n" + "\n".join(
        f"{moment}, RpcRetryingCaller{{globalStartTime={moment}, pause=100, maxAttempts={tries}}}, {each}" for _ in range(3)
    )  # fmt: skip
    failure = Throwable("org.apache.hadoop.hbase.client.RetriesExhaustedException", text, (
        "org.apache.hadoop.hbase.client.RpcRetryingCallerImpl.callWithRetries(RpcRetryingCallerImpl.java:147)",
        "org.apache.hadoop.hbase.client.ClientScanner.loadCache(ClientScanner.java:316)",
        "org.apache.hadoop.hbase.mapreduce.TableRecordReaderImpl.nextKeyValue(TableRecordReaderImpl.java:228)",
        "org.apache.spark.rdd.NewHadoopRDD$$anon$1.hasNext(NewHadoopRDD.scala:251)",
    ))  # fmt: skip
    stage = scene.begin_stage(tasks=rng.randrange(6, 30), action="count")
    scene.run_tasks(stage, 4)
    scene.wait(60)
    scene.fail(scene.fail_task(stage, failure), call="count")
    evidence = "is not online on" if "NotServing" in each else "finishConnect(..) failed: Connection refused"
    return Truth(description="A region server of HBase was away.", evidence=(evidence,), notes=note)


@template("kafka-brokers-away", FailureType.SERVICE_UNREACHABLE, difficulty="medium")
def kafka_brokers_away(scene: Scene) -> Truth:
    """No Kafka broker answers within the client's time."""
    rng, names = scene.rng, scene.names
    scene.start()
    note = written_before(scene)
    scene.healthy_stage()
    client = rng.choice(
        ("AdminClient clientId=adminclient-1", "Consumer clientId=consumer-spark-kafka-relation-1")
    )
    for number in (-1, -2, -3, -1, -2, -3)[: rng.randrange(3, 7)]:
        scene.driver.warn(
            "NetworkClient",
            f"[{client}] Connection to node {number} (b-{-number}.{names.table}.kafka.{names.region}.amazonaws.com/"
            f"10.{rng.randrange(99)}.1.{-number}:9092) could not be established. Broker may not be available.",
            thread="kafka-admin-client-thread | adminclient-1",
        )
        scene.wait(rng.uniform(1, 12))
    text = rng.choice((
        "Timed out waiting for a node assignment. Call: describeTopics",
        f"Timeout of 60000ms expired before the position for partition {names.table}-{rng.randrange(12)} could be determined",
        "Timeout expired while fetching topic metadata",
    ))  # fmt: skip
    cause = Throwable("org.apache.kafka.common.errors.TimeoutException", text)
    frames = (
        *jdk(scene, "java.util.concurrent.CompletableFuture.reportGet(CompletableFuture.java:395)"),
        "org.apache.kafka.common.internals.KafkaFutureImpl.get(KafkaFutureImpl.java:165)",
        "org.apache.spark.sql.kafka010.ConsumerStrategy.retrieveAllPartitions(ConsumerStrategy.scala:66)",
        "org.apache.spark.sql.kafka010.KafkaRelation.buildScan(KafkaRelation.scala:60)",
    )
    failure = Throwable("java.util.concurrent.ExecutionException", cause.header, frames, cause)
    scene.fail(
        failure if "node assignment" in text else Throwable(cause.name, text, frames[2:]),
        call="collectToPython",
    )
    return Truth(
        description="The Kafka brokers could not be reached.",
        evidence=(
            "could not be established. Broker may not be available", "org.apache.kafka.common.errors.TimeoutException",
        ),
        notes=note,
    )  # fmt: skip


@template("name-for-a-moment", FailureType.SERVICE_UNREACHABLE, difficulty="hard", without=(16,))
def name_for_a_moment(scene: Scene) -> Truth:
    """A host that was found before can't be resolved for a while."""
    rng, host = scene.rng, scene.names.service_host
    address = f"10.{rng.randrange(120)}.{rng.randrange(250)}.{rng.randrange(4, 250)}"
    scene.start()
    scene.driver.info("ConnectionPool", f"connected to {host}/{address}:5432, 4 connections")
    note = written_before(scene)
    scene.healthy_run()
    text = rng.choice((f"{host}: Temporary failure in name resolution", host))
    frames: tuple[str, ...] = (
        *jdk(
            scene,
            "java.net.Inet6AddressImpl.lookupAllHostAddr(Native Method)",
            "java.net.InetAddress.getAllByName(InetAddress.java:1193)",
        ),
        "org.postgresql.core.PGStream.createSocket(PGStream.java:241)",
        "org.postgresql.core.v3.ConnectionFactoryImpl.openConnectionImpl(ConnectionFactoryImpl.java:268)",
    )
    cause = Throwable("java.net.UnknownHostException", text, frames)
    failure = Throwable(
        "org.postgresql.util.PSQLException", "The connection attempt failed.", frames[3:], cause
    )
    if rng.random() < 0.5:
        stage = scene.begin_stage(tasks=9, action="count")
        scene.run_tasks(stage, 3)
        scene.fail(scene.fail_task(stage, failure.below(*_SPARK_JDBC, *_READ_TASK)), call="count")
    else:
        scene.fail(failure.below(*_SPARK_JDBC), call="load")
    return Truth(
        description="The name of the database's host could not be resolved for a moment.",
        evidence=("java.net.UnknownHostException",),
        accept=(Category.CONFIGURATION_ERROR,),
        notes="; ".join(filter(None, ("the same host was reached earlier in this run", note))),
    )  # fmt: skip
