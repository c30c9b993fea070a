"""Signs that a write has begun: patterns over every byte read, before windows and budget.

A sign is a logged effect: a commit, a saved task output, a finished or failed write. Lines that every
driver prints (`Registering OutputCommitCoordinator`, `File Output Committer Algorithm version`) and the driver's
stack frames of a write command are none; in what is kept of a log, a frame of what a task hands its rows to is
one. A rerun after any sign may repeat or corrupt data.
Each row: what it shows, the pattern (RE2, one line), an example as printed, its source.
"""

from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import re2


class SignRow(NamedTuple):
    """One kind of sign."""

    what: str
    pattern: str
    example: str
    source: str


WRITER_CALLS: Final = (
    r"(?:(?:save|jdbc|saveAsTable|insertInto|saveAs\w+|saveTo\w+|append|overwrite\w*|createOrReplace|"
    r"foreachPartition|foreachBatch|foreach|start) at |runJob at (?:SparkHadoopWriter|EsSpark|RDDFunctions))"
)

SIGNS: Final[tuple[SignRow, ...]] = (
    SignRow("a Spark write job began to commit", r"Start to commit write Job ",
            "INFO FileFormatWriter: Start to commit write Job 7ef5.", "Spark FileFormatWriter"),
    SignRow("a Spark write job committed", r"Write Job \S+ committed\.",
            "INFO FileFormatWriter: Write Job 7ef5 committed. Elapsed time: 95 ms.", "Spark FileFormatWriter"),
    SignRow("a Spark write job finished", r"Finished processing stats for write job ",
            "INFO FileFormatWriter: Finished processing stats for write job 7ef5.", "Spark FileFormatWriter"),
    SignRow("a task saved its output", r"Saved output of task ",
            "INFO FileOutputCommitter: Saved output of task 'attempt_2026_0_m_000001_1' to hdfs://n/out",
            "Hadoop FileOutputCommitter"),
    SignRow("a task committed its output", r"SparkHadoopMapRedUtil: \S+: Committed\b|: Committed\. Elapsed time",
            "INFO SparkHadoopMapRedUtil: attempt_2026_0_m_000001_1: Committed. Elapsed time: 4 ms.",
            "Spark SparkHadoopMapRedUtil"),
    SignRow("a task failed while it wrote rows", r"TASK_WRITE_FAILED|Task failed while writing rows",
            "org.apache.spark.SparkException: [TASK_WRITE_FAILED] Task failed while writing rows to hdfs://n/out.",
            "Spark error-classes.json"),
    SignRow("a write job was aborted", r"(?:FileFormatWriter|SparkHadoopWriter): Aborting job |"
            r"V2TableWriteExec|WriteToDataSourceV2Exec: Data source write support \S+ (?:is committing|committed|"
            r"is aborting|aborted)|Data source write support .{0,200} (?:is committing|committed|is aborting|aborted)",
            "ERROR FileFormatWriter: Aborting job 7ef5-a4.", "Spark FileFormatWriter, WriteToDataSourceV2Exec"),
    SignRow("a write stage ran", r"(?:Submitting|Missing parents found for) ResultStage \d+ \(.{0,200} at .{0,20}"
            + WRITER_CALLS + r"|ResultStage \d+ \(" + WRITER_CALLS + r".{0,200}\) (?:finished|failed) in|"
            r"Job \d+ (?:finished|failed): " + WRITER_CALLS,
            "INFO DAGScheduler: ResultStage 3 (jdbc at NativeMethodAccessorImpl.java:0) finished in 1.2 s",
            "Spark DAGScheduler call sites of writers"),
    SignRow("a Hive task moved data", r"(?:Moving data to (?:local )?directory|Loading data to table|"
            r"Stage-\d+:MOVE|\bMoveTask\b.{0,80}(?:executing|Moving|Starting task)|Moving tmp dir)",
            "Moving data to directory hdfs://n/user/hive/warehouse/t", "Hive MoveTask"),
    SignRow("Hive reported a loaded table", r"Table \S+ stats: \[|Partition \S+ stats: \[",
            "Table default.t stats: [numFiles=1, numRows=10]", "Hive StatsTask"),
    SignRow("S3 uploads were completed", r"(?i)(?:completed? (?:\d+ )?multipart upload|completeMultipartUpload|"
            r"commit(?:ting|ted)? (?:of )?(?:task|job)\b.{0,80}(?:s3|magic|staging|manifest)|"
            r"(?:S3ACommitter|StagingCommitter|MagicS3GuardCommitter|ManifestCommitter|AbstractS3ACommitter|"
            r"CommitOperations)\S*: .{0,60}(?:commit|upload|renam))",
            "INFO AbstractS3ACommitter: Starting: Job Commit on job_2026: commit task", "Hadoop S3A committers"),
    SignRow("EMRFS committed output", r"(?:EmrOptimized\w*Committer|EmrOptimizedSparkSqlParquetOutputCommitter|"
            r"FileSystemOptimizedCommitter|MultipartUploadOutputStream|S3NativeFileSystem2?)\S*: .{0,60}"
            r"(?:[Cc]ommit(?:ted|ting| job| task)|close closed:true|rename |delete )",
            "INFO MultipartUploadOutputStream: close closed:false s3://b/k close closed:true", "EMRFS committers"),
    SignRow("Iceberg committed a snapshot", r"Committed snapshot \d+|SnapshotProducer: Committed|"
            r"Successfully committed to table|CommitMetricsResult|SparkWrite: Committing ",
            "INFO SnapshotProducer: Committed snapshot 77 (BaseReplacePartitions)", "Iceberg SnapshotProducer"),
    SignRow("Delta committed a version", r"Committed delta #\d+|OptimisticTransaction: .{0,80}[Cc]ommit(?:ted|ting)|"
            r"\[tableId=\w+,txnId=\w+\] Committed",
            "INFO OptimisticTransaction: [tableId=ab,txnId=cd] Committed delta #3 to hdfs://n/t/_delta_log",
            "Delta OptimisticTransaction"),
    SignRow("Hudi committed an instant", r"(?:SparkRDDWriteClient|BaseHoodieWriteClient|HoodieActiveTimeline|"
            r"HoodieSparkSqlWriter)\S*: .{0,80}(?:Committ(?:ed|ing)|Commit \S+ successful|Created new file for toInstant|"
            r"Saved|Completed)",
            "INFO BaseHoodieWriteClient: Committing 20261122074500123 action commit", "Hudi write client"),
    SignRow("a JDBC batch was written", r"Batch entry \d+ |BatchUpdateException|"
            r"\b(?:COPY|INSERT|UPDATE|DELETE|MERGE) \d+(?: \d+)?$|(?i:\d+ rows? (?:affected|inserted|updated|upserted|"
            r"merged|deleted|written|copied|exported|appended|committed))",
            "java.sql.BatchUpdateException: Batch entry 0 INSERT INTO t VALUES (1) was aborted", "JDBC drivers"),
    SignRow("output was renamed or deleted", r"(?:Renaming|Renamed|Moved:|Moving) .{0,20}(?:hdfs|s3[an]?|wasbs?|gs|file|viewfs):|"
            r"TrashPolicyDefault: Moved|(?:^|[: ])Deleted (?:hdfs|s3[an]?|file)?:?/|FileUtils: Moving |"
            r"(?:rename|delete) completed .{0,40}(?:output|s3|hdfs)|"
            r"(?i:\b(?:renam(?:e|ed|ing)|delet(?:e|ed|ing)|mov(?:e|ed|ing)|overwrit\w+)\b .{0,40}(?:hdfs|s3[an]?|abfss?|wasbs?|gs|viewfs)://)",
            "INFO TrashPolicyDefault: Moved: 'hdfs://n/out' to trash at: hdfs://n/user/hadoop/.Trash/Current/out",
            "Hadoop FsShell, TrashPolicyDefault"),
    SignRow("a streaming batch was committed", r"(?:MicroBatchExecution|CommitLog|ManifestFileCommitProtocol)\S*: .{0,80}"
            r"(?:[Cc]ommitted|commit for batch)|Committed offsets? for batch \d+",
            "INFO MicroBatchExecution: Committed offsets for batch 12. Metadata OffsetSeqMetadata", "Spark streaming"),
    SignRow("MapReduce committed its job", r"(?:Calling handler for JobFinished|Job \S+ completed successfully|"
            r"FileOutputCommitter: .{0,20}Saved|CommitterEventHandler: .{0,60}JOB_COMMIT)",
            "INFO CommitterEventHandler: Processing the event EventType: JOB_COMMIT", "Hadoop MRAppMaster"),
    SignRow("Sqoop or DistCp moved data", r"(?:Exported|Retrieved) \d+ records\.|DistCp job-id|Committing? temp|"
            r"CopyCommitter: ", "INFO ExportJobBase: Exported 1200 records.", "Sqoop, DistCp"),
    SignRow("the failed call was itself a write to a service", r"calling the (?:Put|Post|Write|Create|Update|Delete|Copy|"
            r"Upload|Complete|Send|Publish|Import|Execute|Start|Invoke|Batch(?:Write|Create|Update|Delete|Put|Execute))\w* operation|"
            r"S3UploadFailedError|Expiring \d+ record|NotEnoughReplicas|RetriesExhaustedWithDetails|Failed \d+ actions?|"
            r"All datanodes .{0,200} are bad|Unable to close file because|could only be (?:written|replicated) to \d+|"
            r"while (?:updating|inserting|deleting|locking) tuple|could not serialize access|[Dd]eadlock (?:found|detected)",
            "botocore.errorfactory.X: An error occurred (Y) when calling the PutObject operation: z", "botocore, HDFS, Kafka, HBase"),
    SignRow("the failed call was itself a write to the output", r"\b(?:PUT|PUT 0-byte object|COPY|DELETE|copyFile|putObject|"
            r"[Cc]ompleteMultipartUpload|[Ii]nitiateMultipartUpload|uploadPart|upload part|Writing Object|rename|deleteObjects?|delete)\b"
            r" {1,3}(?:#?\d+ )?(?:on|of|from) [^ ]*[/:]|_temporary/\d",
            "java.nio.file.AccessDeniedException: out: PUT 0-byte object  on out/_temporary/0: com.amazonaws", "Hadoop S3A Invoker"),
    SignRow("rows were written", r"(?i:\b(?:insert(?:ed|ing)|upsert(?:ed|ing)|updat(?:ed|ing)|merg(?:ed|ing)|wrote|written|writing|"
            r"copied|appended|flushed|execut(?:ed|ing) batch)\b.{0,40}\b\d+ (?:rows?|records?|documents?|messages?)\b|"
            r"\bbatch (?:insert|update|write|upsert|of \d+ (?:rows|statements))\b)",
            "INFO JdbcBatchWriter: executed batch of 1000 rows", "writers that say how much they wrote"),
    SignRow("something was committed", r"(?i)\b(?:committed|committing|commit (?:succeeded|complete[d]?|successful))\b",
            "INFO PartitionPublisher: committed 12 partitions", "whatever commits and says so"),
)  # fmt: skip
"""Signs in the logs of engines, searched in every line of the step and of its containers."""

SINK: Final = SignRow(
    "a task failed in the code that hands its rows to the sink",
    r"\bat \S*(?:JdbcUtils\$\.savePartition|SparkHadoopWriter\$\.executeTask|DataWritingSparkTask\$?\.(?:run|write)|"
    r"KafkaWriteTask\.execute|KafkaRowWriter\.sendRow|EsRDDWriter\.write|MongoDataWriter\.write|"
    r"TableWriter\.(?:write|internalWrite)|\w*RecordWriter\.write|CopyFilesRunnable\.run)\(",
    "\tat org.apache.spark.sql.execution.datasources.jdbc.JdbcUtils$.savePartition(JdbcUtils.scala:748)",
    "Spark's sinks; connectors of Elasticsearch, MongoDB, Cassandra; Hadoop's RecordWriter; S3DistCp",
)
"""A stack frame, so not searched for in every line: frames are skipped for speed."""
_SINK: Final = re2.compile(SINK.pattern)

HEALTHY: Final = (
    r"[Dd]eleting staging directory \S+|Deleting directory /\S+|"
    r"(?i:(?:delet|remov|renam|mov)\w+ .{0,20}\S*\.sparkStaging\S*)|"
    r"(?i:\bcommitted[ =:]+[\d.]+ ?[KMGB]i?B?\b)|committed_as\S*|[Nn]o need to commit|not? (?:be |been )?committed|"
    r"(?i:delet\w+ +\S*/tmp/hive/\S+)|committed offset|committed ?= ?false"
)
"""Spans that show no write of the job: clean-up of its own staging, memory figures, denials."""
_DONE: Final = (
    r"(?:wrote|written|appended|inserted|upserted|merged|saved|uploaded|published|committed|exported|truncated|"
    r"overwrote|overwritten|persisted|flushed|delivered|swapped|promoted|archived|emptied|cleared|purged|wiped|posted|pushed|sent|renamed|deleted|"
    r"copied|transferred|synced|enqueued|emitted|ingested|stored|indexed|unloaded|created|loaded \d+|"
    r"loaded .{0,30} into|added partition)"
)
_TOUCHED: Final = r"(?:removed|dropped|replaced|updated|moved|registered|produced|loaded)"
_OUTSIDE: Final = (
    r"(?:tables?|topics?|partitions?|rows? (?:in|to|into|of)|records? (?:in|to|into)|s3[an]?:|hdfs:|https?:|jdbc|bucket|"
    r"queue|index|database|file|files|folder|marker|output)"
)
OWN_WORDS: Final = SignRow(
    "the job says that it changed something",
    r"(?i)\b"
    + _DONE
    + r"\b|\b"
    + _TOUCHED
    + r"\b.{0,60}\b"
    + _OUTSIDE
    + r"|\b(?:rename|move|delete|insert|upload|publish|write|append|post|put|send|commit|copy)\b.{0,60}"
    r"(?:: ?(?:True|OK|done)\b|->|\bstatus[ =:]+20\d)|\block (?:taken|acquired|held|created)|"
    r'"(?:POST|PUT|PATCH|DELETE) \S+ HTTP/[\d.]+" 2\d\d|'
    r"^(?:upload|copy|delete|move): \S+|^(?:INSERT|UPDATE|DELETE|COPY|MERGE|CREATE|DROP|TRUNCATE|ALTER) "
    r"(?:\d|TABLE|0 \d)|\b\d+ (?:rows?|records?|documents?|messages?|items?) (?:in|into|to) \w+|"
    r"\b(?:part|chunk|batch|page) \d+: \d+ (?:rows?|records?)",
    "appended 1000 rows to facts_daily",
    "words of a job's own output",
)
PLATFORM_PHRASES: Final = (
    "sent to driver", "stored as values in memory", "stored as bytes in memory", "created broadcast", "merged-local",
)  # fmt: skip
"""What Spark prints for every task and block: never a write, whoever says it."""
OWN_DENIAL: Final = (
    r"(?i)\b(?:not|nothing|never|no (?:rows?|data|records?|files?)|0 (?:rows?|records?|files?)|without|could ?n[o']t|"
    r"failed to|unable to|before|yet to|to be|will be|would be|must be|should be|cannot be|can't be|being)\b"
    r"[^,;:.]{0,40}\b"
    + _DONE
    + r"\b|\b(?:"
    + _DONE
    + "|"
    + _TOUCHED
    + r")\b[^,;]{0,40}\b(?:duplicates?|nulls?|"
    r"columns?|views?|udfs?|functions?|config\w*|settings?|stages?|heartbeats?|metrics?|caches?|outliers?|frames?|"
    r"dataframes?|sessions?|loggers?|clients?|connections?|pools?|threads?)\b|\bwritten by\b|\bcreated (?:at|on|by)\b|"
    r"packages stored in|artifacts copied|already retrieved|committed offset|committed ?= ?false|"
    + "|".join(rf"\b{phrase}\b" for phrase in PLATFORM_PHRASES)
)
"""The job's own words where they deny or only announce a write."""


@dataclass(frozen=True, slots=True)
class WriteSign:
    """One line that shows that a write began, and where it stands."""

    what: str
    file: str
    line: int
    text: str
    container: str | None = None
    attempt: int | None = None

    @property
    def weight(self) -> int:
        """How plainly it shows: what was committed first, the job's own words last."""
        if "job committed" in self.what:
            return 3
        if "commit" in self.what or "finished" in self.what:
            return 2
        return 0 if self.what == OWN_WORDS.what else 1


def is_sink(text: str) -> bool:
    """Tell whether a line is a frame of a task that hands its rows to a sink."""
    return text.lstrip().startswith("at ") and _SINK.search(text) is not None


class SignSearch:
    """Compiled once; finds what a line shows."""

    def __init__(self) -> None:
        options = _options()
        self._any = re2.compile("|".join(f"(?:{row.pattern})" for row in SIGNS), options)
        self._rows = tuple((row, re2.compile(row.pattern, options)) for row in SIGNS)
        self._healthy = re2.compile(HEALTHY, options)
        self._own = re2.compile(OWN_WORDS.pattern, options)
        self._denial = re2.compile(OWN_DENIAL, options)

    def find(self, text: str) -> str | None:
        """Say what a log line shows of a write, or None."""
        if self._any.search(text) is None:
            return None
        text = self._healthy.sub(" ", text)
        return next((row.what for row, pattern in self._rows if pattern.search(text)), None)

    def find_own(self, text: str) -> str | None:
        """Say whether a line of the job's own output claims a write, or None."""
        return OWN_WORDS.what if self._own.search(self._denial.sub(" ", text)) else None


def _options() -> Any:  # noqa: ANN401 - google-re2 ships no types
    options = re2.Options()
    options.log_errors = False
    return options
