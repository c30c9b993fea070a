"""Whose words a log line is: the platform's or the job's own, told by its logger.

Spark's default pattern prints a logger's simple name, so the platform's loggers are a list; a name that is
not on it counts as the job's own. A missing name costs recall of safe reruns, never safety.
Source: logger names in driver and executor logs of Spark 2.4 to 4.x, Hadoop, Hive and their libraries.
"""

from typing import Final

from diagnose.record import Header

_PACKAGES: Final = (
    "org.", "com.amazon", "software.amazon", "io.", "java.", "sun.", "py4j", "urllib3", "botocore", "boto3",
    "s3transfer", "kafka", "netty", "akka", "scala.",
)  # fmt: skip
_NAMES: Final = frozenset(
    """
    AMRMClientImpl AbstractConnector AbstractCoordinator AbstractS3ACommitter AdminClientConfig
    AdminMetadataManager AggregatingAccumulator AppInfoParser ApplicationMaster ArrowPythonRunner
    AsyncEventQueue AuthenticationFilter BaseAllocator BlockManager BlockManagerDecommissioner
    BlockManagerInfo BlockManagerMaster BlockManagerMasterEndpoint BlockManagerMasterHeartbeat
    BlockReaderFactory BlockStoreShuffleReader BroadcastExchangeExec CheckAllocator
    CheckpointFileManager CleanerThread Client ClientCnxn ClientConfigurationFactory
    ClusterSchedulerBackend CoarseGrainedExecutorBackend CoarseGrainedSchedulerBackend CodeGenerator
    CodecConfig CodecPool CommitLog Configuration Connection ConnectionPool ConsumerConfig
    ConsumerCoordinator ContainerManagementProtocolProxy ContextCleaner ContextHandler
    CredentialsLegacyConfigLocationProvider DAGScheduler DFSClient DataSourceStrategy DataStreamer
    DefaultAllocationManagerOption DefaultNoHARMFailoverProxyProvider DirectKafkaInputDStream
    DiskBlockManager DiskBlockObjectWriter Dispatcher EMRFileSystem ERROR Executor
    ExecutorAllocationManager ExecutorMetricsPoller ExternalSorter FallbackStorage Fetcher
    FileBasedWriteAheadLog FileFormatWriter FileInputFormat FileOutputCommitter FileScanRDD
    FileSourceScanExec FileSourceStrategy FileStreamSink FileStreamSinkLog FileStreamSource
    FileStreamSourceLog FileSystem FileUtils GPLNativeCodeLoader HadoopDelegationTokenManager
    HadoopFSDelegationTokenProvider HadoopMapRedCommitProtocol HadoopRDD HashAggregateExec
    HeartbeatReceiver HiveClientImpl HiveConf HiveExternalCatalog HiveMetaStore HiveMetaStoreClient
    HiveSessionStateBuilder HiveUtils HttpMethodReleaseInputStream InMemoryFileIndex Inbox
    InternalKafkaConsumer InternalParquetRecordReader InternalParquetRecordWriter JDBCRDD JDBCRelation
    JettyUtils JvmPauseMonitor KafkaAdminClient KafkaConsumer KafkaDataConsumer KafkaMicroBatchStream
    KafkaOffsetReaderAdmin KafkaProducer LineRecordReader LiveListenerBus LzoCodec MapOutputTracker
    MapOutputTrackerMaster MapOutputTrackerMasterEndpoint MapOutputTrackerWorker MemoryStore
    MetaStoreDirectSql Metadata Metrics MetricsConfig MetricsSaver MetricsSystem MetricsSystemImpl
    MicroBatchExecution MultipartUploadOutputStream NativeCodeLoader NettyBlockTransferService
    NetworkClient NioSocketConnector ObjectStore OffsetSeqLog OneForOneBlockFetcher OneWayOutboxMessage
    OptimisticTransaction OutputCommitCoordinator ParquetFileReader ParquetOutputFormat
    ParquetReadSupport ParquetUtils ParquetWriteSupport Persistence ProducerConfig ProgressReporter
    PythonAccumulatorV2 PythonRunner PythonUDFRunner RMProxy ReliableCheckpointRDD ResolveWriteToStream
    ResourceProfile ResourceProfileManager ResourceUtils RetryInvocationHandler RetryingBlockFetcher
    RetryingMetaStoreClient S3NativeFileSystem SQLAppStatusListener SQLHadoopMapReduceCommitProtocol
    SQLStdHiveAccessController SaslDataTransferClient SchedulerExtensionServices SecurityManager Server
    ServerConnector ServletContextHandler SessionState SharedState Shell ShippableVMInstaller
    ShuffleBlockFetcherIterator ShufflePartitionsUtil ShuffleStatus ShutdownHookManager SignalUtils
    SingleEventLogFileWriter SortMergeJoinExec SparkConf SparkContext SparkEnv SparkHadoopMapRedUtil
    SparkHadoopUtil SparkHadoopWriter SparkSqlParser SparkSubmit SparkUI SparkUncaughtExceptionHandler
    StandaloneAppClient StateStore StateStoreCoordinatorRef StreamExecution SubscriptionState Task
    TaskContextImpl TaskMemoryManager TaskResultGetter TaskSchedulerImpl TaskSetManager TorrentBroadcast
    TransportChannelHandler TransportClient TransportClientFactory TransportRequestHandler
    TransportResponseHandler UnsafeExternalSorter UnsafeShuffleWriter UserGroupInformation Utils
    WindowExec WriteAheadLogManager YarnAllocator YarnClientImpl YarnClientSchedulerBackend
    YarnClusterScheduler YarnClusterSchedulerBackend YarnCoarseGrainedExecutorBackend YarnRMClient
    YarnScheduler YarnSchedulerBackend YarnSchedulerEndpoint audit deprecation log metastore
    """.split()  # noqa: SIM905 - two hundred names read better as text
)


def is_own(header: Header | None) -> bool:
    """Tell whether a record is the job's own: it has no header, or a logger that no platform has."""
    if header is None:
        return True
    name = header.logger.rstrip(".:").split("$")[0]
    return name not in _NAMES and not name.startswith(_PACKAGES)
