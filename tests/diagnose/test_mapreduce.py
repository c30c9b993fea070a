"""Steps without Spark: what MapReduce, Hive on it, S3DistCp and Hadoop's file system shell say of their end."""

import pytest

from diagnose.pipeline import run_logs
from diagnose.taxonomy import FailureType
from tests.conftest import APP, CONTROLLER, STEP_STDERR, traceback

JOB = APP.replace("application", "job")
HIVE = (
    "Total jobs = 1\nLaunching Job 1 out of 1\n"
    f"Starting Job = {JOB}, Tracking URL = http://ip-10-0-2-10.ec2.internal:20888/proxy/{APP}/\n"
    "2026-11-22 07:00:10,163 Stage-1 map = 100%,  reduce = 0%, Cumulative CPU 42.57 sec\n"
    f"Ended Job = {JOB} with errors\nError during job, obtaining debugging information...\n{{told}}"
    "FAILED: Execution Error, return code 2 from org.apache.hadoop.hive.ql.exec.mr.MapRedTask\n"
    "MapReduce Jobs Launched: \nStage-Stage-1: Map: 4   Cumulative CPU: 52.53 sec   HDFS Read: 5 HDFS Write: 0 FAIL\n"
    "Command exiting with ret '2'\n"
)
TOLD = (
    f"\nTask with the most failures(4): \n-----\nTask ID:\n  {APP.replace('application', 'task')}_m_000002\n\nURL:\n"
    "  http://ip-10-0-2-10.ec2.internal:8088/taskdetails.jsp\n-----\nDiagnostic Messages for this Task:\n"
    "Container [pid=12948,containerID=container_1795331436133_0007_01_000054] is running beyond physical memory limits. "
    "Current usage: 517.7 MB of 512 MB physical memory used; 2.2 GB of 1.0 GB virtual memory used. Killing container.\n"
    "Dump of the process-tree for container_1795331436133_0007_01_000054 :\n"
    + "\t|- 12956 12948 12948 12948 (java) 1758 95 2265591808 132182 /usr/bin/java -Xmx409m YarnChild\n" * 12
    + "\nContainer killed on request. Exit code is 143\nContainer exited with a non-zero exit code 143\n\n\n"
)
ROW = (
    "2026-11-22 07:00:09,338 FATAL [main] org.apache.hadoop.hive.ql.exec.mr.ExecMapper: "
    'org.apache.hadoop.hive.ql.metadata.HiveException: Hive Runtime Error while processing row {"id":1}\n'
    "\tat org.apache.hadoop.hive.ql.exec.MapOperator.process(MapOperator.java:562)\n"
    "Caused by: org.apache.hadoop.hive.serde2.SerDeException: Row does not match expected regexp pattern\n"
    "\tat com.acme.hive.ClickDeserializer.deserialize(ClickDeserializer.java:185)\n"
)
SERVICE = (
    "2026-11-22 07:00:09,462 INFO [main] org.apache.hadoop.service.AbstractService: Service "
    "org.apache.hadoop.mapreduce.v2.app.MRAppMaster failed in state INITED; cause: "
    "org.apache.hadoop.yarn.exceptions.YarnRuntimeException: Error while initializing\n"
    "org.apache.hadoop.yarn.exceptions.YarnRuntimeException: Error while initializing\n"
    "\tat org.apache.hadoop.mapreduce.v2.app.MRAppMaster.serviceInit(MRAppMaster.java:368)\n"
    "Caused by: java.net.SocketTimeoutException: doesBucketExist on lake: com.amazonaws.AmazonClientException: No AWS "
    "Credentials provided by BasicAWSCredentialsProvider InstanceProfileCredentialsProvider : "
    "com.amazonaws.SdkClientException: Unable to load credentials from service endpoint\n"
    "Caused by: java.net.SocketTimeoutException: connect timed out\n"
)
COPY = (
    "2026-11-22 07:00:09,061 WARN [s3distcp-simpler-executor-worker-4] com.amazon.elasticmapreduce.s3distcp."
    "CopyFilesRunnable: Exception raised while copying file data to file=hdfs:///out/a numRetriesRemaining={left}\n"
    "java.io.IOException: Path already exists as a directory: hdfs:///out/a\n"
    "\tat com.amazon.elasticmapreduce.s3distcp.CopyFilesRunnable.run(CopyFilesRunnable.java:35)\n"
)
RUNNING_JOB = (
    'Exception in thread "main" java.lang.RuntimeException: Error running job\n'
    "\tat com.amazon.elasticmapreduce.s3distcp.S3DistCp.run(S3DistCp.java:927)\n"
)
GSS = (
    "Failed on local exception: java.io.IOException: javax.security.sasl.SaslException: GSS initiate failed [Caused by "
    "GSSException: No valid credentials provided (Mechanism level: Failed to find any Kerberos tgt)]"
)


@pytest.fixture
def verdict(tree, tmp_path):
    tree.step("controller", CONTROLLER)
    return lambda: run_logs(tree.write(tmp_path)).diagnosis


def test_what_hive_s_client_tells_of_the_task_is_the_cause(tree, verdict):
    tree.step("stderr", HIVE.format(told=TOLD))
    diagnosis = verdict()
    assert diagnosis.failure_type is FailureType.CONTAINER_MEMORY_KILL
    assert "running beyond physical memory limits" in diagnosis.log_evidences[0]


def test_a_row_that_its_serde_can_t_read_is_told_by_the_task(tree, verdict):
    tree.step("stderr", HIVE.format(told="")).container(4, "syslog", ROW)
    diagnosis = verdict()
    assert diagnosis.failure_type is FailureType.MALFORMED_INPUT
    assert "Row does not match" in diagnosis.root_cause


def test_a_service_that_fails_says_so_at_level_info(tree, verdict):
    tree.step("stderr", HIVE.format(told="")).container(1, "syslog", SERVICE)
    assert verdict().failure_type is FailureType.INVALID_CREDENTIALS


def test_the_last_try_of_a_copy_tells_why_s3distcp_failed_and_may_have_written(tree, verdict):
    running = f"2026-11-22 07:00:02,402 INFO org.apache.hadoop.mapreduce.Job (main): Running job: {JOB}\n"
    tree.step("stderr", RUNNING_JOB).step("syslog", running)
    tree.container(4, "syslog", "".join(COPY.format(left=left) for left in (1, 0)))
    diagnosis = verdict()
    assert diagnosis.failure_type is FailureType.OUTPUT_EXISTS
    assert diagnosis.safe_to_retry is False


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (f'ls: {GSS}; Host Details : local host is: "h/10.0.2.10";\n', FailureType.INVALID_CREDENTIALS),
        ("mkdir: Cannot create directory /t. Name node is in safe mode.\n", FailureType.SERVICE_UNREACHABLE),
        ('put: Permission denied: user=etl, access=WRITE, inode="/out":hdfs:hdfs:drwxr-xr-x\n',
         FailureType.STORAGE_PERMISSION),
    ],
)  # fmt: skip
def test_the_file_system_shell_s_last_words_are_the_end_of_its_step(tree, verdict, words, expected):
    tree.step("stderr", f"26/11/22 07:00:05 WARN ipc.Client: Retrying connect to server\n{words}")
    assert verdict().failure_type is expected


def test_what_the_shell_said_before_the_end_is_none(tree, verdict):
    more = "".join(f"26/11/22 07:00:{n} INFO copy.Mover: part {n} is next\n" for n in range(10, 30))
    tree.step("stderr", f"rm: Cannot delete /t. Name node is in safe mode.\n{more}")
    assert verdict().failure_type is FailureType.UNEXPLAINED_EXIT


def test_what_a_clean_up_of_the_node_says_last_is_no_end(tree, verdict):
    tree.driver(stdout=traceback("ConnectionRefusedError: [Errno 111] Connection refused"))
    tree.step("stderr", f"{STEP_STDERR}rm: cannot remove '/mnt/tmp/part.tmp': No such file or directory\n")
    assert verdict().failure_type is FailureType.SERVICE_UNREACHABLE
