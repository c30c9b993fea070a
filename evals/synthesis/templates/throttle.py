"""Failed because a service asked for fewer requests: S3, Glue, DynamoDB, Kinesis, STS, KMS, a REST service.

Throttled calls are tried again by every client, so most cases hold some that were survived. About a third had
written before they failed.
"""

from diagnose.taxonomy import FailureType
from evals.synthesis.scene import Scene
from evals.synthesis.template import Truth, template
from evals.synthesis.templates.prelude import (
    EMRFS,
    aws_tail,
    own_class,
    request_id,
    sdk_frames,
    thrown_by_sql,
    written_before,
)
from evals.synthesis.trace import PythonError, Throwable

_BOTO = "/usr/local/lib/python3.9/site-packages/botocore/client.py"


@template("bucket-asks-for-less", FailureType.SERVICE_THROTTLED, difficulty="easy")
def bucket_asks_for_less(scene: Scene) -> Truth:
    """S3 answers 503 SlowDown to tasks that read, or to tasks that write."""
    rng = scene.rng
    tail = aws_tail(scene, "Amazon S3", 503, rng.choice(("SlowDown", "503 Slow Down")))
    text = f"{rng.choice(('Please reduce your request rate.', 'Slow Down'))} {tail}"
    scene.start()
    scene.healthy_run()
    writes = rng.random() < 0.35
    shaded = rng.random() < 0.65
    if shaded:
        name = f"{EMRFS}com.amazonaws.services.s3.model.AmazonS3Exception"
        top = (
            "com.amazon.ws.emr.hadoop.fs.s3.lite.call.PutObjectCall"
            if writes
            else "com.amazon.ws.emr.hadoop.fs.s3.lite.call.GetObjectCall"
        )
        frames = (
            *sdk_frames("services.s3.AmazonS3Client", EMRFS),
            f"{top}.perform({top.rsplit('.', 1)[1]}.java:{rng.randrange(20, 40)})",
            "com.amazon.ws.emr.hadoop.fs.s3.lite.executor.GlobalS3Executor.execute(GlobalS3Executor.java:110)",
        )
    else:
        name = "org.apache.hadoop.fs.s3a.AWSServiceThrottledException"
        path = f"s3a://{scene.names.bucket}/raw/{scene.names.table}"
        text = f"{'PUT 0-byte object ' if writes else 'open '}on {path}: com.amazonaws.services.s3.model.AmazonS3Exception: {text}"
        frames = (
            "org.apache.hadoop.fs.s3a.S3AUtils.translateException(S3AUtils.java:290)",
            "org.apache.hadoop.fs.s3a.Invoker.once(Invoker.java:124)",
        )
    failure = Throwable(name, text, frames)
    stage = scene.begin_stage(tasks=rng.randrange(12, 60), action="save" if writes else "count")
    scene.run_tasks(stage, rng.randrange(3, 11))
    for index in range(rng.randrange(1, 4)):
        scene.fail_task(stage, failure, tries=rng.randrange(1, 4), index=index)
    scene.fail(scene.fail_task(stage, failure), call="save" if writes else "count")
    return Truth(
        description="S3 throttled the job's requests.", evidence=("Please reduce your request rate", "Slow Down (Service: Amazon S3"),
        notes="tasks of a write had ended well before" if writes else "",
    )  # fmt: skip


@template("catalog-rate", FailureType.SERVICE_THROTTLED, difficulty="medium")
def catalog_rate(scene: Scene) -> Truth:
    """Glue's catalog throttles calls, after some that the client tried again with luck."""
    rng, names = scene.rng, scene.names
    scene.start()
    note = written_before(scene)
    scene.healthy_run()
    version2 = rng.random() < 0.35
    if version2:
        header = f"software.amazon.awssdk.services.glue.model.GlueException: Rate exceeded (Service: Glue, Status Code: 400, Request ID: {request_id(scene)})"
        evidence = "GlueException: Rate exceeded"
    else:
        header = f"com.amazonaws.services.glue.model.AWSGlueException: Rate exceeded {aws_tail(scene, 'AWSGlue', 400, 'ThrottlingException')}"
        evidence = "AWSGlueException: Rate exceeded"
    for tried in range(rng.randrange(0, 4)):
        scene.driver.warn(
            "GlueMetastoreClientDelegate",
            f"getPartitions of {names.database}.{names.table}, segment {rng.randrange(5)}, tried {tried + 1} time(s): Rate exceeded",
        )
        scene.wait(2)
        scene.healthy_stage(tasks=3)
    source = f'frame = spark.table("{scene.names.database}.{scene.names.table}")'
    scene.fail(thrown_by_sql(
        scene, f"org.apache.hadoop.hive.ql.metadata.HiveException: {header}", source=source,
        frame="org.apache.spark.sql.hive.HiveExternalCatalog.withClient(HiveExternalCatalog.scala:111)",
    ))  # fmt: skip
    return Truth(description="The Glue catalog throttled the job.", evidence=(evidence,), notes=note)


@template("table-throughput", FailureType.SERVICE_THROTTLED, difficulty="medium")
def table_throughput(scene: Scene) -> Truth:
    """DynamoDB takes or gives fewer items than the tasks want."""
    rng = scene.rng
    scene.start()
    scene.healthy_run(1)
    writes = rng.random() < 0.4
    words = rng.choice((
        "The level of configured provisioned throughput for the table was exceeded. Consider increasing your provisioning level "
        "with the UpdateTable API.",
        "Throughput exceeds the current capacity of your table or index. DynamoDB is automatically scaling your table or index so "
        "please try again shortly.",
    ))  # fmt: skip
    stage = scene.begin_stage(tasks=rng.randrange(8, 30), action="foreachPartition" if writes else "collect")
    scene.run_tasks(stage, rng.randrange(2, 7))
    operation = "BatchWriteItem" if writes else "Query"
    if scene.language == "python":
        text = (
            'Traceback (most recent call last):\n  File "/usr/lib/spark/python/lib/pyspark.zip/pyspark/worker.py", line 1247, in main\n'
            f'    process()\n  File "{scene.script_path}", line {rng.randrange(20, 90)}, in exchange\n'
            f'  File "{_BOTO}", line 960, in _make_api_call\n    raise error_class(parsed_response, operation_name)\n'
            "botocore.errorfactory.ProvisionedThroughputExceededException: An error occurred (ProvisionedThroughputExceededException) "
            f"when calling the {operation} operation (reached max retries: {rng.choice((4, 9))}): {words}\n"
        )
        failure = Throwable("org.apache.spark.api.python.PythonException", text, (
            "org.apache.spark.api.python.BasePythonRunner$ReaderIterator.handlePythonException(PythonRunner.scala:572)",
            "org.apache.spark.api.python.PythonRunner$$anon$3.read(PythonRunner.scala:784)",
        ))  # fmt: skip
    else:
        name = "com.amazonaws.services.dynamodbv2.model.ProvisionedThroughputExceededException"
        tail = aws_tail(scene, "AmazonDynamoDBv2", 400, "ProvisionedThroughputExceededException")
        failure = Throwable(name, f"{words} {tail}", (
            *sdk_frames("services.dynamodbv2.AmazonDynamoDBClient"),
            "org.apache.hadoop.dynamodb.DynamoDBFibonacciRetryer.handleException(DynamoDBFibonacciRetryer.java:108)",
        ))  # fmt: skip
        for tried in range(rng.randrange(2, 6)):
            scene.executor(1).log.warn(
                "DynamoDBFibonacciRetryer", f"Retry: {tried + 1} Exception: {name}: {words} {tail}"
            )
    if rng.random() < 0.5:
        scene.fail_task(stage, failure, tries=2, index=0)
    scene.fail(scene.fail_task(stage, failure), call="foreachPartition" if writes else "collectToPython")
    return Truth(
        description="DynamoDB throttled the job.", evidence=(words[:60],),
        notes="items were written before" if writes else "",
    )  # fmt: skip


@template("shard-rate", FailureType.SERVICE_THROTTLED, difficulty="medium")
def shard_rate(scene: Scene) -> Truth:
    """Kinesis gives no more records of a shard, or no more descriptions of a stream."""
    rng, names = scene.rng, scene.names
    scene.start()
    note = written_before(scene)
    scene.healthy_stage()
    stream, shard = f"{names.table}-events", f"shardId-{rng.randrange(40):012d}"
    shape = rng.choice(("shard", "list"))
    error = "ProvisionedThroughputExceededException" if shape == "shard" else "LimitExceededException"
    words = (
        f"Rate exceeded for shard {shard} in stream {stream} under account {names.account}."
        if shape == "shard" else f"Rate exceeded for stream {stream} under account {names.account}."
    )  # fmt: skip
    name = f"com.amazonaws.services.kinesis.model.{error}"
    failure = Throwable(name, f"{words} {aws_tail(scene, 'AmazonKinesis', 400, error)}", (
        *sdk_frames("services.kinesis.AmazonKinesisClient"),
        "org.apache.spark.sql.connector.kinesis.retrieval.polling.KinesisPollingConsumer.run(KinesisPollingConsumer.scala:118)",
    ))  # fmt: skip
    if shape == "list":
        scene.fail(failure, call="load")
    else:
        stage = scene.begin_stage(tasks=rng.randrange(4, 16), action="count")
        scene.run_tasks(stage, 2)
        for number in range(rng.randrange(1, 4)):
            scene.executor(number + 1).log.warn(
                "KinesisPollingConsumer", f"{shard}: GetRecords is throttled, waiting {400 * 2**number} ms"
            )
        scene.fail(scene.fail_task(stage, failure), call="count")
    return Truth(
        description="Kinesis throttled the job's reads.",
        evidence=(f"{error}: Rate exceeded for",),
        notes=note,
    )


@template("token-service-rate", FailureType.SERVICE_THROTTLED, difficulty="hard")
def token_service_rate(scene: Scene) -> Truth:
    """STS or KMS is asked too often; it comes out of whatever needed the role or the key."""
    rng = scene.rng
    scene.start()
    scene.healthy_run(1)
    note = written_before(scene)
    python = scene.language == "python" and rng.random() < 0.6
    service = rng.choice(("sts", "kms"))
    words = (
        "Rate exceeded"
        if service == "sts"
        else "You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls."
    )
    if python:
        error, operation = (
            ("Throttling", "AssumeRole") if service == "sts" else ("ThrottlingException", "Decrypt")
        )
        text = f"An error occurred ({error}) when calling the {operation} operation (reached max retries: 4): {words}"
        calls = (
            ("", rng.randrange(20, 120), "<module>", "session = partner_session()"),
            (_BOTO, 530, "_api_call", "return self._make_api_call(operation_name, kwargs)"),
            (_BOTO, 960, "_make_api_call", "raise error_class(parsed_response, operation_name)"),
        )
        scene.fail(PythonError("botocore.exceptions.ClientError", text, calls))
        return Truth(
            description="An AWS service for roles or keys throttled the job.",
            evidence=(f"({error}) when calling the {operation}",),
            notes=note,
        )
    if service == "sts":
        inner = f"com.amazonaws.services.securitytoken.model.AWSSecurityTokenServiceException: {words} {aws_tail(scene, 'AWSSecurityTokenService', 400, 'Throttling')}"
        failure = Throwable(inner.split(": ", 1)[0], inner.split(": ", 1)[1], (
            *sdk_frames("services.securitytoken.AWSSecurityTokenServiceClient"),
            "com.amazonaws.auth.STSAssumeRoleSessionCredentialsProvider.newSession(STSAssumeRoleSessionCredentialsProvider.java:321)",
        ))  # fmt: skip
        evidence = "AWSSecurityTokenServiceException: Rate exceeded"
    else:
        failure = Throwable(
            f"{EMRFS}com.amazonaws.services.s3.model.AmazonS3Exception",
            f"{words} {aws_tail(scene, 'Amazon S3', 400, 'KMS.ThrottlingException')}", sdk_frames("services.s3.AmazonS3Client", EMRFS),
        )  # fmt: skip
        evidence = "You have exceeded the rate at which you may call KMS"
    stage = scene.begin_stage(tasks=rng.randrange(20, 90), action="collect")
    scene.run_tasks(stage, rng.randrange(8, 18))
    scene.fail_task(stage, failure, tries=rng.randrange(1, 3), index=2)
    scene.fail(scene.fail_task(stage, failure), call="collectToPython")
    return Truth(
        description="An AWS service for roles or keys throttled the job.", evidence=(evidence,), notes=note
    )


@template("partner-limits", FailureType.SERVICE_THROTTLED, difficulty="medium")
def partner_limits(scene: Scene) -> Truth:
    """A partner's service answers 429 until the job's own patience ends."""
    rng, names = scene.rng, scene.names
    scene.start()
    note = written_before(scene)
    scene.healthy_run()
    host = f"api.{names.other_table}-partner.example"
    for page in range(rng.randrange(2, 6)):
        wait = rng.randrange(5, 60)
        scene.driver.warn(
            own_class(scene), f"page {page + rng.randrange(40)}: 429 from {host}, Retry-After {wait}"
        )
        scene.wait(wait)
        if rng.random() < 0.5:
            scene.healthy_stage(tasks=3)
    if scene.language == "python":
        text = f"429 Client Error: Too Many Requests for url: https://{host}/v1/{names.table}?page={rng.randrange(40, 900)}"
        calls = (
            ("", rng.randrange(60, 180), "<module>", f"pages = list(fetch_all('{names.day}'))"),
            (
                "/usr/local/lib/python3.9/site-packages/requests/models.py",
                1021,
                "raise_for_status",
                "raise HTTPError(http_error_msg, response=self)",
            ),
        )
        scene.fail(PythonError("requests.exceptions.HTTPError", text, calls))
        evidence = "429 Client Error: Too Many Requests"
    else:
        scene.fail(Throwable("java.io.IOException", f"unexpected answer of {host}: HTTP/1.1 429 Too Many Requests, body of 51 bytes", (
            f"com.{names.owner}.client.PartnerClient.page(PartnerClient.java:{rng.randrange(30, 120)})",
        )))  # fmt: skip
        evidence = "HTTP/1.1 429 Too Many Requests"
    return Truth(
        description="A partner's service limited the job's requests.", evidence=(evidence,), notes=note
    )
