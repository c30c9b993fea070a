"""Failed for credentials: keys that nobody knows, logins that are not taken, tokens and tickets that ended."""

from diagnose.taxonomy import Category, FailureType
from evals.synthesis.scene import Scene
from evals.synthesis.template import Truth, template
from evals.synthesis.templates.prelude import aws_tail, sdk_frames
from evals.synthesis.trace import PythonError, Throwable


@template("key-not-known", FailureType.INVALID_CREDENTIALS, difficulty="easy")
def key_not_known(scene: Scene) -> Truth:
    """Access keys that AWS does not know, that do not fit, or none at all."""
    rng, names = scene.rng, scene.names
    scene.start()
    scene.healthy_run()
    if scene.language == "python" and rng.random() < 0.5:
        name, text, part = rng.choice((
            ("botocore.exceptions.NoCredentialsError", "Unable to locate credentials", "Unable to locate credentials"),
            ("botocore.exceptions.ClientError", "An error occurred (InvalidAccessKeyId) when calling the PutObject operation: The AWS Access Key Id you provided does not exist in our records.", "An error occurred (InvalidAccessKeyId)"),
            ("botocore.exceptions.ClientError", "An error occurred (UnrecognizedClientException) when calling the GetSecretValue operation: The security token included in the request is invalid.", "The security token included in the request is invalid"),
        ))  # fmt: skip
        scene.fail(
            PythonError(
                name,
                text,
                (
                    (
                        "",
                        rng.randrange(14, 120),
                        "<module>",
                        f"client.upload_file(report, '{names.other_bucket}', name)",
                    ),
                ),
            )
        )
        return Truth(description="AWS does not know the job's keys.", evidence=(part,))
    error, words = rng.choice((
        ("InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records."),
        ("SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided. Check your key and signing method."),
    ))  # fmt: skip
    path = f"s3a://{names.bucket}/raw/{names.table}"
    inner = f"com.amazonaws.services.s3.model.AmazonS3Exception: {words} {aws_tail(scene, 'Amazon S3', 403, error)}"
    scene.fail(Throwable("java.nio.file.AccessDeniedException", f"{path}: getFileStatus on {path}: {inner}", (
        "org.apache.hadoop.fs.s3a.S3AUtils.translateException(S3AUtils.java:275)", "org.apache.hadoop.fs.s3a.S3AFileSystem.s3GetFileStatus(S3AFileSystem.java:3869)",
    )), call="load")  # fmt: skip
    return Truth(description="AWS does not know the job's keys.", evidence=(words[:60],))


@template("service-login", FailureType.INVALID_CREDENTIALS, difficulty="medium")
def service_login(scene: Scene) -> Truth:
    """Kafka or a REST service does not take the job's login."""
    rng, names = scene.rng, scene.names
    scene.start()
    scene.healthy_run()
    if scene.language == "python" and rng.random() < 0.5:
        text = f"401 Client Error: Unauthorized for url: https://api.{names.owner}.internal/v1/{names.table}"
        scene.fail(PythonError("requests.exceptions.HTTPError", text, (
            ("", rng.randrange(14, 120), "<module>", "answer.raise_for_status()"),
            ("/usr/local/lib/python3.9/site-packages/requests/models.py", 1021, "raise_for_status", "raise HTTPError(http_error_msg, response=self)"),
        )))  # fmt: skip
        return Truth(
            description="A REST service does not take the job's login.",
            evidence=("401 Client Error: Unauthorized",),
        )
    text = rng.choice(
        (
            "Authentication failed: Invalid username or password",
            "Authentication failed during authentication due to invalid credentials with SASL mechanism SCRAM-SHA-512",
        )
    )
    cause = Throwable("org.apache.kafka.common.errors.SaslAuthenticationException", text)
    scene.driver.error(
        "NetworkClient",
        f"[AdminClient clientId=adminclient-1] Connection to node -2 (b-2.{names.table}.kafka.{names.region}.amazonaws.com/10.4.1.2:9096) failed authentication due to: {text}",
        thread="kafka-admin-client-thread | adminclient-1",
    )
    scene.fail(Throwable("java.util.concurrent.ExecutionException", cause.header, (
        "org.apache.kafka.common.internals.KafkaFutureImpl.get(KafkaFutureImpl.java:165)", "org.apache.spark.sql.kafka010.ConsumerStrategy.retrieveAllPartitions(ConsumerStrategy.scala:66)",
    ), cause), call="load")  # fmt: skip
    return Truth(
        description="Kafka does not take the job's login.",
        evidence=(f"SaslAuthenticationException: {text}", f"failed authentication due to: {text}"),
    )


@template("token-too-old", FailureType.EXPIRED_CREDENTIALS, difficulty="medium")
def token_too_old(scene: Scene) -> Truth:
    """Temporary credentials end while the job still runs."""
    rng = scene.rng
    scene.start()
    scene.healthy_run(2)
    scene.wait(rng.choice((3600, 7200, 43200)))
    part, error = rng.choice(
        (
            ("The provided token has expired.", "ExpiredToken"),
            ("The security token included in the request is expired", "ExpiredTokenException"),
        )
    )
    if scene.language == "python" and rng.random() < 0.5:
        operation = rng.choice(("PutObject", "ListObjectsV2", "GetObject"))
        text = f"An error occurred ({error}) when calling the {operation} operation: {part}"
        scene.fail(
            PythonError(
                "botocore.exceptions.ClientError",
                text,
                (("", rng.randrange(14, 120), "<module>", "partner.get_object(Bucket=bucket, Key=key)"),),
            )
        )
        return Truth(
            description="The job's temporary credentials expired.",
            evidence=(f"({error}) when calling the {operation}",),
        )
    failure = Throwable(
        "com.amazonaws.services.s3.model.AmazonS3Exception",
        f"{part} {aws_tail(scene, 'Amazon S3', 400, error)}",
        sdk_frames("services.s3.AmazonS3Client"),
    )
    stage = scene.begin_stage(tasks=rng.randrange(8, 30), action="collect")
    scene.run_tasks(stage, 4)
    scene.fail(scene.fail_task(stage, failure), call="collectToPython")
    return Truth(description="The job's temporary credentials expired.", evidence=(part,))


@template("ticket-too-old", FailureType.EXPIRED_CREDENTIALS, difficulty="hard")
def ticket_too_old(scene: Scene) -> Truth:
    """A Kerberos ticket or a delegation token ends in a long run."""
    rng, names = scene.rng, scene.names
    scene.start()
    scene.long_run(rng.choice((200, 500)))
    scene.wait(rng.choice((36000, 86400)))
    kind = rng.choice(("token", "expired", "none"))
    here, host = scene.ground.driver_node, scene.master.host
    if kind == "token":
        part = "is expired, current time"
        number = rng.randrange(3, 900)
        text = f"token (token for {rng.choice(('hadoop', 'etl'))}: HDFS_DELEGATION_TOKEN owner=etl@{names.owner.upper()}.INTERNAL, renewer=yarn, realUser=, sequenceNumber={number}, masterKeyId={number // 3}) {part} {scene.ground.clock.now:%Y-%m-%d %H:%M:%S},{rng.randrange(100, 999)}+0000"
        failure = Throwable(
            "org.apache.hadoop.ipc.RemoteException(org.apache.hadoop.security.token.SecretManager$InvalidToken)",
            text,
            ("org.apache.hadoop.ipc.Client.call(Client.java:1457)",),
        )
    else:
        part = "Ticket expired (32)" if kind == "expired" else "Failed to find any Kerberos tgt"
        gss = f"GSSException: No valid credentials provided (Mechanism level: {part})"
        scene.driver.warn(
            "Client",
            f"Exception encountered while connecting to the server {host}:8020: javax.security.sasl.SaslException: GSS initiate failed [Caused by {gss}]",
        )
        text = f"DestHost:destPort {host}:8020 , LocalHost:localPort {here.host.split('.', 1)[0]}/{here.ip}:0. Failed on local exception: java.io.IOException: javax.security.sasl.SaslException: GSS initiate failed [Caused by {gss}]"
        failure = Throwable(
            "java.io.IOException",
            text,
            (
                "org.apache.hadoop.net.NetUtils.wrapException(NetUtils.java:913)",
                "org.apache.hadoop.ipc.Client.call(Client.java:1457)",
            ),
        )
    scene.fail(failure, call="load")
    return Truth(
        description="The job's Kerberos ticket or token ended while it ran.", evidence=(part,),
        notes="the first hours of the run were well: the ticket was there and ended", accept=(Category.DEPENDENCY_FAILURE,) if kind == "none" else (),
    )  # fmt: skip
