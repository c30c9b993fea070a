"""The logs of the scenes: each function drives one journal through one way to fail.

Several scenes share a template where only their signals differ: the same log must be judged differently.
"""

from collections.abc import Callable
from types import MappingProxyType
from typing import Final

from evals.triage.journal import HOST, Journal

Template = Callable[[Journal], int]
"""Drives a journal from its executors' arrival to the driver's exit status."""

_NPE: Final = (
    "java.lang.NullPointerException: Cannot invoke "
    '"java.math.BigDecimal.add(java.math.BigDecimal)" because the '
    'return value of "com.acme.etl.OrderLine.surcharge()" is null'
)
_CONVERT: Final = (
    "org.apache.spark.sql.execution.datasources.SchemaColumnConvertNotSupportedException: column: [amount], "
    "physicalType: BINARY, logicalType: decimal(18,2)"
)
_CAST: Final = (
    "org.apache.spark.SparkNumberFormatException: [CAST_INVALID_INPUT] The value '12,50' of the "
    'type "STRING" '
    'cannot be cast to "DOUBLE" because it is malformed. Correct the value as per the syntax, or change its '
    "target type. Use `try_cast` to tolerate malformed input and return NULL instead. If necessary set "
    '"spark.sql.ansi.enabled" to "false" to bypass this error.'
)
_TASK_FRAMES: Final = (
    "\tat org.apache.spark.sql.execution.BufferedRowIterator.hasNext(BufferedRowIterator.java:43)",
    "\tat org.apache.spark.scheduler.ResultTask.runTask(ResultTask.scala:93)",
    "\tat org.apache.spark.executor.Executor$TaskRunner.run(Executor.scala:624)",
    "\tat java.base/java.lang.Thread.run(Thread.java:840)",
)


def path_missing(log: Journal) -> int:
    """Fail on an input path that is not there, after an optional lookup was missed and done without."""
    log.say("refdata", "optional lookup holiday_calendar not found, going on without it", "WARN")
    log.stage(0, "count")
    log.raise_python(
        "pyspark.errors.exceptions.captured.AnalysisException: [PATH_NOT_FOUND] Path does not exist: "
        "hdfs://ip-10-0-2-11.ec2.internal:8020/landing/pos/dt=2026-11-21.",
        code='spark.read.parquet(f"hdfs:///landing/pos/dt={day}")',
    )
    return 1


def silent_stop(log: Journal) -> int:
    """End with a status of its own and no error: the job looked at its input and stopped."""
    log.stage(0, "count")
    log.say("InMemoryFileIndex", "It took 31 ms to list leaf files for 1 paths.")
    log.say("CodeGenerator", f"Code generated in {20 + log.pick('codegen', 90)}.417 ms")
    log.stage(1, "collect", 2)
    log.out += ["checking the input of the batch", "stop condition met, leaving"]
    return 4


def column_arity(log: Journal) -> int:
    """Fail to insert data with a column that the table does not have."""
    log.stage(0, "count")
    log.raise_python(
        "pyspark.errors.exceptions.captured.AnalysisException: "
        "[INSERT_COLUMN_ARITY_MISMATCH.TOO_MANY_DATA_COLUMNS] "
        "Cannot write to `spark_catalog`.`curated`.`orders`, the reason is too many data columns:",
        "Table columns: `order_id`, `customer_id`, `amount`.",
        "Data columns: `order_id`, `customer_id`, `amount`, `loyalty_tier`.",
        code='batch.write.insertInto("curated.orders")',
    )
    return 1


def column_unresolved(log: Journal) -> int:
    """Fail on a column that the query names and the data does not have."""
    log.stage(0, "count")
    log.raise_python(
        "pyspark.errors.exceptions.captured.AnalysisException: "
        "[UNRESOLVED_COLUMN.WITH_SUGGESTION] A column, variable, "
        "or function parameter with name `discount_pct` cannot be resolved. Did you mean one of "
        "the following? "
        "[`discount_rate`, `order_id`, `amount`].; line 3 pos 9;",
        "'Project ['order_id, 'discount_pct]",
        "+- SubqueryAlias batch",
        code='spark.sql(QUERY).createOrReplaceTempView("net_sales")',
    )
    return 1


def table_denied(log: Journal) -> int:
    """Be refused a catalogue table, after the harmless refusal of a probe."""
    role = "arn:aws:sts::123456789012:assumed-role/EMR_EC2_Curated/i-0a1b2c3d4e5f60718"
    log.say(
        "HiveExternalCatalog",
        f"User: {role} is not authorized to perform: glue:GetUserDefinedFunctions on resource: "
        "arn:aws:glue:us-east-1:123456789012:catalog",
        "WARN",
    )
    log.stage(0, "count")
    log.raise_python(
        "pyspark.errors.exceptions.captured.AnalysisException: "
        "org.apache.hadoop.hive.ql.metadata.HiveException: "
        f"Unable to fetch table customers. User: {role} is not authorized to perform: "
        "glue:GetTable on resource: "
        "arn:aws:glue:us-east-1:123456789012:table/curated/customers because no identity-based "
        "policy allows the "
        "glue:GetTable action (Service: AWSGlue; Status Code: 400; Error Code: AccessDeniedException; "
        "Request ID: 7d1c2a90-0d5c-4a57-9f43-4f0f6b1a2c11; Proxy: null)",
        code='spark.table("curated.customers").createOrReplaceTempView("customers")',
    )
    return 1


def lake_denied(log: Journal) -> int:
    """Be refused by Lake Formation."""
    log.say("DeploymentBanner", "job version 4.2.0 started")
    log.raise_python(
        "botocore.errorfactory.AccessDeniedException: An error occurred (AccessDeniedException) "
        "when calling the "
        "GetTable operation: Insufficient Lake Formation permission(s): Required Describe on payments",
        code='glue.get_table(DatabaseName="curated", Name="payments")',
    )
    return 1


def spilled_heap(log: Journal) -> int:
    """Run out of an executor's heap in a sort that had spilled."""
    log.stage(0, "count")
    log.launch(1, "collect", 8)
    for turn in range(3):
        log.wait(140)
        log.executor_says(
            "UnsafeExternalSorter",
            f"Thread 62 spilling sort data of {1856 + 64 * turn}.0 MiB to disk ({turn}  times so far)",
        )
    frames = (
        "\tat org.apache.spark.unsafe.memory.HeapMemoryAllocator.allocate(HeapMemoryAllocator.java:61)",
    )
    error = "java.lang.OutOfMemoryError: Java heap space"
    log.abort(1, "collect", error, (*frames, *_TASK_FRAMES))
    return 1


def spilled_kill(log: Journal) -> int:
    """Lose executors to YARN's memory limit in a stage that had spilled."""
    log.stage(0, "count")
    log.launch(1, "collect", 8)
    log.executor_says(
        "ExternalAppendOnlyMap", "Thread 58 spilling in-memory map of 2.1 GiB to disk (6 times so far)"
    )
    used = "5.6 GB of 5.5 GB physical memory used."
    hint = f"Container killed by YARN for exceeding physical memory limits. {used} Consider boosting "
    hint += "spark.executor.memoryOverhead."
    for turn in range(4):
        log.wait(60)
        log.say("YarnAllocator", hint, "WARN")
        log.say("YarnClusterScheduler", f"Lost executor {turn + 1} on {HOST}: {hint}", "ERROR")
    error = f"ExecutorLostFailure (executor 4 exited caused by one of the running tasks) Reason: {hint}"
    log.abort(1, "collect", error)
    return 1


def service_gone(log: Journal) -> int:
    """Fail on a rates service that answers 503, before the job writes anything that Spark would log."""
    log.stage(0, "count")
    log.raise_python(
        '  File "/usr/lib64/python3.11/urllib/request.py", line 216, in urlopen',
        "    return opener.open(url, data, timeout)",
        "urllib.error.HTTPError: HTTP Error 503: Service Unavailable",
        code="rates = fetch_rates(day)",
    )
    return 1


def staged_then_gone(log: Journal) -> int:
    """Write the batch to its staging area, then fail on a service that answers 503."""
    log.stage(0, "count")
    job = "7c0c5b52-5b7e-4a0e-9d0a-2f6f7f7e4d11"
    log.say("FileFormatWriter", f"Start to commit write Job {job}.")
    log.say("FileFormatWriter", f"Write Job {job} committed. Elapsed time: 214 ms.")
    log.say("FileFormatWriter", f"Finished processing stats for write job {job}.")
    log.raise_python(
        '  File "/usr/lib64/python3.11/urllib/request.py", line 216, in urlopen',
        "    return opener.open(url, data, timeout)",
        "urllib.error.HTTPError: HTTP Error 503: Service Unavailable",
        code="notify(batch_id)",
    )
    return 1


def listing_heap(log: Journal) -> int:
    """Run out of the driver's heap while it lists the files of a table."""
    log.say("InMemoryFileIndex", "Listing leaf files and directories in parallel under 2160 paths.")
    log.wait(310)
    log.say("InMemoryFileIndex", "It took 309877 ms to list leaf files for 2160 paths.")
    frames = (
        "\tat java.base/java.util.Arrays.copyOf(Arrays.java:3537)",
        "\tat "
        "org.apache.spark.sql.execution.datasources.InMemoryFileIndex.refresh0(InMemoryFileIndex.scala:151)",
    )
    log.raise_python(
        "py4j.protocol.Py4JJavaError: An error occurred while calling o71.parquet.",
        ": java.lang.OutOfMemoryError: Java heap space",
        *frames,
        code='events = spark.read.parquet("hdfs:///curated/events")',
    )
    return 1


def many_results(log: Journal) -> int:
    """Exceed the limit of results with one small result from each of very many tasks."""
    log.launch(0, "count", 84113)
    log.wait(600)
    reason = (
        "Job aborted due to stage failure: Total size of serialized results of 84113 tasks "
        "(1024.0 MiB) is bigger "
        "than spark.driver.maxResultSize (1024.0 MiB)"
    )
    log.say("TaskSetManager", reason.split(": ", 1)[1], "ERROR")
    log.say(
        "DAGScheduler",
        f"ResultStage 0 (count at NativeMethodAccessorImpl.java:0) failed in 604.1 s due to {reason}",
    )
    log.raise_python(
        "py4j.protocol.Py4JJavaError: An error occurred while calling o66.count.",
        f": org.apache.spark.SparkException: {reason}",
        "\tat org.apache.spark.scheduler.DAGScheduler.failJobAndIndependentStages(DAGScheduler.scala:2898)",
        code="events.count()",
    )
    return 1


def null_driver(log: Journal) -> int:
    """Meet a null in the driver of a Scala job."""
    log.stage(0, "count")
    frames = (
        "\tat com.acme.etl.NetSales$.total(NetSales.scala:88)",
        "\tat com.acme.etl.NetSales$.main(NetSales.scala:41)",
        "\tat com.acme.etl.NetSales.main(NetSales.scala)",
        "\tat java.base/java.lang.reflect.Method.invoke(Method.java:569)",
        "\tat org.apache.spark.deploy.yarn.ApplicationMaster$$anon$2.run(ApplicationMaster.scala:741)",
    )
    log.say("ApplicationMaster", f"User class threw exception: {_NPE}", "ERROR")
    log.trace(_NPE, *frames)
    return 15


def null_task(log: Journal) -> int:
    """Meet a null in the tasks of a stage."""
    log.stage(0, "count")
    log.launch(1, "collect", 4)
    log.abort(
        1, "collect", _NPE, ("\tat com.acme.etl.NetSales$.$anonfun$net$1(NetSales.scala:64)", *_TASK_FRAMES)
    )
    return 1


def count_refused(log: Journal) -> int:
    """Let the job's own check refuse a batch with too few records."""
    log.stage(0, "count")
    log.raise_python(
        '  File "/mnt/tmp/acme_etl.zip/acme/etl/gate.py", line 27, in require_rows',
        '    raise RowCountMismatchError(f"{found} of at least {least} rows")',
        "acme.etl.gate.RowCountMismatchError: 812 of at least 90000 rows",
        code="gate.require_rows(batch, least=90000)",
    )
    return 1


def cast_failed(log: Journal) -> int:
    """Meet a text that is no number."""
    log.stage(0, "count")
    log.launch(1, "collect", 4)
    log.abort(1, "collect", _CAST, _TASK_FRAMES)
    return 1


def type_changed(log: Journal) -> int:
    """Meet files whose column has another type than the table's."""
    log.stage(0, "count")
    log.launch(1, "collect", 4)
    log.abort(1, "collect", _CONVERT, _TASK_FRAMES)
    return 1


TEMPLATES: Final = MappingProxyType(
    {
        template.__name__.replace("_", "-"): template
        for template in (
            path_missing,
            silent_stop,
            column_arity,
            column_unresolved,
            table_denied,
            lake_denied,
            spilled_heap,
            spilled_kill,
            service_gone,
            staged_then_gone,
            listing_heap,
            many_results,
            null_driver,
            null_task,
            count_refused,
            cast_failed,
            type_changed,
        )
    }
)
"""Every template by the name under which a scene asks for it."""
