"""Log lines of every kind that extraction treats in its own way, to build odd logs from."""

from typing import Final

STAMPS: Final = (
    "26/11/22 08:00:01 ", "2026-11-22 08:00:02,123 ", "2026-11-22T08:00:03.5Z ", "[2026-11-22 08:00:04] ", "", "99/99/99 99:99:99 ",
    "26/02/30 08:00:05 ",
)  # fmt: skip
LEVELS: Final = (
    "INFO ",
    "WARN ",
    "ERROR ",
    "DEBUG ",
    "FATAL: ",
    "[INFO] ",
    "[main] INFO ",
    "INFO  ",
    "INFO - ",
)
LOGGERS: Final = (
    "Executor: ", "TaskSetManager: ", "org.apache.hadoop.x.Y (main): ", "MyJob: ", "MemoryStore: ", "job$x: ", "", "sent ",
)  # fmt: skip
MESSAGES: Final = (
    "Finished task 1.0 in stage 2.0 (TID 7) in 404 ms (executor 3) (1/4)", "Finished task 1.0 in stage 2.0 (TID 8)",
    "Lost task 1.0 in stage 2.0 (TID 7) (h executor 1): java.lang.X", "Exception in task 3.1 in stage 2.0 (TID 9)",
    "Finished task 3.0 in stage 2.0 (TID 10)", "Task 1 in stage 2.0 failed 4 times", "Aborting TaskSet 2.0",
    "spark.executor.memory=4g", "spark.executor.memory=5g", "(spark.sql.shuffle.partitions,200)", "Client: Will allocate AM "
    "container, with 896 MB memory including 384 MB overhead", "startExec 'hadoop jar x.jar spark-submit --executor-memory 2g'",
    "yarn.Client: Requesting", "org.apache.spark.SparkException: x", "MemoryStore started with capacity 366.3 MiB",
    "all is well", "all is well 12 of 0x1f", "value 404 seen", "value 405 seen", "value 503 seen", "Missing parents: List()",
    "Registering app application_1795340344293_0006 appattempt_1795340344293_0006_000001",
    "Submitted application application_1795340344293_0007", "appattempt_1795340344293_0006_000002 x appattempt_1_2_3",
    "Running Spark version 3.5.7", "Shutdown hook called", "ShutdownHookManager: Shutdown hook called",
    "Invoking stop() from shutdown hook", "Final app status: FAILED, exitCode: 13", "exitCode: 0", "Exit code is 0", "exit code 137",
    "password = hunter", "token", "AKIA", "Write Job 7 committed.", "committed 12 partitions", "wrote 5 rows to table x",
    "2048 bytes result sent to driver", "sent to drivers", "sent", "stored as values in memory (size)", "stored as valuesX", "stored",
    "Created broadcast 3 from x", "created", "created broadcasts", "push-merged-local", "merged", "upload:not written/x", "upload: x",
    "put it: status=not written 201", "nothing was written", "APP_REJECTED", "pa\u017f\u017fword", "to\u212aen", "REJECTED \u212a",
    "INSERT 0 5", "Deleted /x", "moved files to s3://b", "committed=false", "Renamed 3 hdfs://x", "0 rows written",
    "ResultStage 3 (save at X.java:0) finished in 2 s", "Error: x", "error: unrecognized", "Traceback (most recent call last):",
)  # fmt: skip
BARE: Final = (
    "Traceback (most recent call last):", '  File "/x.py", line 3, in <module>', "ValueError: bad 42", 'Exception in thread "main" java.lang.X: y',
    "\tat org.x.Y.z(Y.java:1)", "\tat org.x.Y.z(Y.java:2)", "Caused by: java.io.IOException: no", "\t... 29 more", "", " ", "plain print",
    "During handling of the above exception, another exception occurred:", "# java.lang.OutOfMemoryError: x", "#   Executing kill",
    "== SQL ==", "select 1", ": java.lang.IllegalStateException", '{"level": "ERROR", "msg": "x"}', '{"level":"INFO","msg":"y"}', "{ not json",
    "[not a header", "12/34 rows", "2026-11-22 no level", "ERROR", "ERROR no stamp", "INFO no stamp", "\u0662\u0666/11/22 08:00:00 INFO X: y",
    "usage: x", "Usage: x", "\tindented", "12 rows into t", "| a | b |", "INFOX y",
)  # fmt: skip
DIRT: Final = (
    "\x1b[31m", "\x1b[0m", "\x1b]0;title\x07", "\x07", "\u200b", "\ufeff", "\x85", "\r", "\r\r", "\t", "\x00", "\u2028", "\xe9", "\x0b",
    "\x1f", "\x7f",
)  # fmt: skip
"""Strewn into lines: colours, control characters, carriage returns."""
RAW: Final = (b"\xff\xfe", b"\xe2\x80", b"\xc2", b"\xed\xa0\x80")
"""Not UTF-8."""
