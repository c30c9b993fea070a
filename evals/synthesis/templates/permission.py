"""Failed because an identity was refused: storage, catalog, database, keys.

403s on optional things that the job survived stand beside some of them.
"""

from diagnose.taxonomy import FailureType
from evals.synthesis.scene import Scene
from evals.synthesis.template import Truth, template
from evals.synthesis.templates.prelude import EMRFS, aws_tail, identity, own_class, sdk_frames, thrown_by_sql
from evals.synthesis.trace import Throwable


def _survived(scene: Scene) -> None:
    """Perhaps something optional is refused before, and the job goes on."""
    if scene.rng.random() < 0.4:
        scene.driver.warn(
            own_class(scene),
            f"cost tags of bucket {scene.names.other_bucket} are not readable (403 Forbidden), left out of the report",
        )
        scene.healthy_stage(tasks=3)


@template("bucket-refuses", FailureType.STORAGE_PERMISSION, difficulty="easy")
def bucket_refuses(scene: Scene) -> Truth:
    """EMRFS gets a 403 for a read, a list or a write."""
    rng, names = scene.rng, scene.names
    scene.start()
    scene.healthy_run()
    _survived(scene)
    action, call, client = rng.choice(
        (
            ("s3:GetObject", "load", "GetObjectMetadataCall"),
            ("s3:ListBucket", "load", "ListObjectsV2Call"),
            ("s3:PutObject", "save", "PutObjectCall"),
        )
    )
    tail = aws_tail(scene, "Amazon S3", 403, "AccessDenied")
    part = "Access Denied (Service: Amazon S3; Status Code: 403"
    text = f"Access Denied {tail}"
    if rng.random() < 0.5:
        part = f"is not authorized to perform: {action} on resource"
        text = f'User: {identity(scene)} {part}: "arn:aws:s3:::{names.bucket}/raw/{names.table}" because no identity-based policy allows the {action} action {tail}'
    failure = Throwable(f"{EMRFS}com.amazonaws.services.s3.model.AmazonS3Exception", text, (
        *sdk_frames("services.s3.AmazonS3Client", EMRFS), f"com.amazon.ws.emr.hadoop.fs.s3.lite.call.{client}.perform({client}.java:{rng.randrange(18, 40)})",
        "com.amazon.ws.emr.hadoop.fs.s3.lite.executor.GlobalS3Executor.execute(GlobalS3Executor.java:110)",
        "com.amazon.ws.emr.hadoop.fs.s3n.Jets3tNativeFileSystemStore.list(Jets3tNativeFileSystemStore.java:421)",
    ))  # fmt: skip
    if call == "load" and rng.random() < 0.4:
        wrapped = Throwable("java.io.IOException", failure.header, failure.frames[-1:], failure)
        stage = scene.begin_stage(tasks=6, action="collect")
        scene.fail(scene.fail_task(stage, wrapped), call="collectToPython")
    else:
        scene.fail(failure, call=call)
    return Truth(description="S3 refused the job's identity.", evidence=(part,))


@template("s3a-forbidden", FailureType.STORAGE_PERMISSION, difficulty="medium")
def s3a_forbidden(scene: Scene) -> Truth:
    """S3A gets a 403, after probes of the same kind that were survived."""
    rng, names = scene.rng, scene.names
    path = f"s3a://{names.bucket}/raw/{names.table}/dt={names.day}"
    scene.start()
    _survived(scene)
    scene.healthy_run()
    operation = rng.choice(("getFileStatus", "open", "PUT 0-byte object "))
    reason = rng.choice((
        f"com.amazonaws.services.s3.model.AmazonS3Exception: Forbidden {aws_tail(scene, 'Amazon S3', 403, '403 Forbidden')}:403 Forbidden",
        f"software.amazon.awssdk.services.s3.model.S3Exception: null (Service: S3, Status Code: 403, Request ID: {rng.randrange(16**15):016X}):null",
    ))  # fmt: skip
    scene.fail(Throwable("java.nio.file.AccessDeniedException", f"{path}: {operation} on {path}: {reason}", (
        "org.apache.hadoop.fs.s3a.S3AUtils.translateException(S3AUtils.java:275)", "org.apache.hadoop.fs.s3a.Invoker.once(Invoker.java:124)",
        "org.apache.hadoop.fs.s3a.S3AFileSystem.s3GetFileStatus(S3AFileSystem.java:3869)",
    )), call="load")  # fmt: skip
    return Truth(
        description="S3 refused the job's identity.", evidence=("java.nio.file.AccessDeniedException",)
    )


@template("inode-refuses", FailureType.STORAGE_PERMISSION, difficulty="easy")
def inode_refuses(scene: Scene) -> Truth:
    """HDFS refuses the job's user."""
    rng, names = scene.rng, scene.names
    user, access = rng.choice(("hadoop", "livy", "etl")), rng.choice(("WRITE", "READ_EXECUTE", "EXECUTE"))
    part = f"Permission denied: user={user}, access={access}"
    text = f'{part}, inode="/user/hive/warehouse/{names.database}.db/{names.table}":hive:hdfsadmingroup:drwxr-x---'
    name = "org.apache.hadoop.security.AccessControlException"
    scene.start()
    scene.healthy_run()
    frames = (
        "org.apache.hadoop.hdfs.DFSClient.checkAccess(DFSClient.java:2773)",
        "org.apache.hadoop.hdfs.DistributedFileSystem.mkdirs(DistributedFileSystem.java:1440)",
    )
    cause = Throwable(f"org.apache.hadoop.ipc.RemoteException({name})", text, frames)
    scene.fail(Throwable(name, text, frames, cause), call="save")
    return Truth(description="HDFS refused the job's user.", evidence=(part,))


@template("catalog-refuses", FailureType.CATALOG_PERMISSION, difficulty="medium")
def catalog_refuses(scene: Scene) -> Truth:
    """Glue or Lake Formation refuse the job's role."""
    rng, names = scene.rng, scene.names
    scene.start()
    scene.healthy_run(1)
    _survived(scene)
    arn = f"arn:aws:glue:{names.region}:{names.account}:table/{names.database}/{names.table}"
    action = rng.choice(("glue:GetTable", "glue:GetDatabase", "glue:UpdateTable", "glue:GetPartitions"))
    part, more = rng.choice((
        (f"is not authorized to perform: {action} on resource", f": {arn} because no identity-based policy allows the {action} action"),
        ("is not authorized to perform: lakeformation:GetDataAccess on resource", f": {arn} because no identity-based policy allows it"),
        (f"Insufficient Lake Formation permission(s): Required {rng.choice(('Select', 'Describe', 'Alter'))} on {names.table}", ""),
    ))  # fmt: skip
    who = "" if part.startswith("Insuff") else f"User: {identity(scene)} "
    header = f"com.amazonaws.services.glue.model.AccessDeniedException: {who}{part}{more} {aws_tail(scene, 'AWSGlue', 400, 'AccessDeniedException')}"
    scene.fail(thrown_by_sql(
        scene, f"org.apache.hadoop.hive.ql.metadata.HiveException: Unable to fetch table {names.table}. {header}", source="spark.sql(statement)",
        frame="org.apache.spark.sql.hive.HiveExternalCatalog.withClient(HiveExternalCatalog.scala:111)",
    ))  # fmt: skip
    return Truth(description="The catalog refused the job's role.", evidence=(part,))


@template(
    "ranger-refuses",
    FailureType.CATALOG_PERMISSION,
    difficulty="easy",
    modes=("client",),
    repeats=False,
    plain=True,
)
def ranger_refuses(scene: Scene) -> Truth:
    """Ranger refuses a Hive script's user."""
    rng, names = scene.rng, scene.names
    user, right = rng.choice(("etl", "svc_batch", "hadoop")), rng.choice(("SELECT", "UPDATE", "CREATE"))
    part = f"HiveAccessControlException Permission denied: user [{user}] does not have [{right}] privilege on"
    scene.facts.command = [
        "hive-script",
        "--run-hive-script",
        "--args",
        "-f",
        f"s3://{names.bucket}/hql/{names.job}.hql",
        "-d",
        f"DAY={names.day}",
    ]
    scene.client.raw(
        f"Hive Session ID = {scene.ground.uuid()}\nConnecting to jdbc:hive2://{scene.master.host}:10000/{names.database}"
    )
    for _ in range(rng.randrange(0, 3)):
        scene.client.raw(f"No rows affected ({rng.uniform(0.1, 2):.3f} seconds)")
        scene.wait(2)
    scene.hook_fails(
        f"Error: Error while compiling statement: FAILED: {part} [{names.database}/{names.table}/{names.columns[0]}] (state=42000,code=40000)",
        1,
    )
    return Truth(description="Ranger refused the script's user.", evidence=(part,))


@template("login-refused", FailureType.DATABASE_AUTH, difficulty="easy")
def login_refused(scene: Scene) -> Truth:
    """A database does not take the job's user and password, at planning or in the tasks."""
    rng, names = scene.rng, scene.names
    user = f"{names.table}_{rng.choice(('loader', 'rw', 'batch'))}"
    name, text, part, vendor, frame = rng.choice((
        ("org.postgresql.util.PSQLException", f'FATAL: password authentication failed for user "{user}"', "password authentication failed for user", "postgresql",
         "org.postgresql.core.v3.ConnectionFactoryImpl.doAuthentication(ConnectionFactoryImpl.java:711)"),
        ("org.postgresql.util.PSQLException", f'FATAL: role "{user}" is not permitted to log in', "is not permitted to log in", "postgresql",
         "org.postgresql.core.v3.ConnectionFactoryImpl.doAuthentication(ConnectionFactoryImpl.java:711)"),
        ("java.sql.SQLException", f"Access denied for user '{user}'@'{scene.ground.driver_node.ip}' (using password: YES)", f"Access denied for user '{user}'", "mysql",
         "com.mysql.cj.jdbc.exceptions.SQLError.createSQLException(SQLError.java:129)"),
        ("java.sql.SQLException", "ORA-01017: invalid username/password; logon denied\n", "ORA-01017: invalid username/password", "oracle:thin",
         "oracle.jdbc.driver.T4CTTIoer11.processError(T4CTTIoer11.java:509)"),
        ("com.microsoft.sqlserver.jdbc.SQLServerException", f"Login failed for user '{user}'. ClientConnectionId:{scene.ground.uuid()}", f"Login failed for user '{user}'", "sqlserver",
         "com.microsoft.sqlserver.jdbc.SQLServerException.makeFromDatabaseError(SQLServerException.java:262)"),
    ))  # fmt: skip
    scene.start()
    scene.healthy_run()
    if rng.random() < 0.3:
        scene.driver.info(
            own_class(scene),
            f"connecting to jdbc:{vendor}://{names.service_host}/{names.database}?user={user}&password={scene.secret('password')}",
        )
    failure = Throwable(
        name,
        text,
        (
            frame,
            "org.apache.spark.sql.execution.datasources.jdbc.connection.BasicConnectionProvider.getConnection(BasicConnectionProvider.scala:49)",
        ),
    )
    if rng.random() < 0.35:
        stage = scene.begin_stage(tasks=6, action="collect")
        scene.fail(scene.fail_task(stage, failure), call="collectToPython")
    else:
        scene.fail(failure, call="load")
    return Truth(description="The database refused the job's login.", evidence=(part,))


@template("key-policy", FailureType.ENCRYPTION_PERMISSION, difficulty="medium")
def key_policy(scene: Scene) -> Truth:
    """The objects are readable, the key that encrypts them is not for this role."""
    rng, names = scene.rng, scene.names
    key = f"arn:aws:kms:{names.region}:{names.account}:key/{scene.ground.uuid()}"
    action, writes = rng.choice((("kms:Decrypt", False), ("kms:GenerateDataKey", True)))
    part, text = rng.choice((
        (f"is not authorized to perform: {action} on resource",
         f"User: {identity(scene)} is not authorized to perform: {action} on resource: {key} because no resource-based policy allows the {action} action"),
        (f"is not authorized to perform: {action} on resource",
         f"User: {identity(scene)} is not authorized to perform: {action} on resource: {key} because the resource does not exist in this Region, no "
         f"resource-based policies allow access, or a resource-based policy explicitly denies access"),
        ("The ciphertext refers to a customer master key that does not exist", "The ciphertext refers to a customer master key that does not exist, does not exist "
         "in this region, or you are not allowed to access."),
    ))  # fmt: skip
    scene.start()
    scene.healthy_run()
    _survived(scene)
    failure = Throwable(
        f"{EMRFS}com.amazonaws.services.s3.model.AmazonS3Exception",
        f"{text} {aws_tail(scene, 'Amazon S3', 403, 'AccessDenied')}",
        sdk_frames("services.s3.AmazonS3Client", EMRFS),
    )
    if writes:
        scene.fail(failure, call="save")
    else:
        stage = scene.begin_stage(tasks=rng.randrange(4, 20), action="collect")
        scene.fail(scene.fail_task(stage, failure), call="collectToPython")
    return Truth(
        description="The role may not use the key of the data.",
        evidence=(part,),
        notes="the 403 of S3 is about the key",
    )


@template("zone-key", FailureType.ENCRYPTION_PERMISSION, difficulty="medium")
def zone_key(scene: Scene) -> Truth:
    """Hadoop's own key server refuses the user the key of an encryption zone."""
    user = scene.rng.choice(("hadoop", "etl"))
    part = f"User [{user}] is not authorized to perform [DECRYPT_EEK] on key with ACL name [{scene.names.database}_zone]!!"
    scene.start()
    scene.healthy_run()
    stage = scene.begin_stage(tasks=8, action="collect")
    failure = Throwable("org.apache.hadoop.security.authorize.AuthorizationException", part, (
        "org.apache.hadoop.util.HttpExceptionUtils.validateResponse(HttpExceptionUtils.java:162)",
        "org.apache.hadoop.crypto.key.kms.KMSClientProvider.decryptEncryptedKey(KMSClientProvider.java:834)",
        "org.apache.hadoop.hdfs.DFSClient.createWrappedInputStream(DFSClient.java:987)",
    ))  # fmt: skip
    scene.fail(scene.fail_task(stage, failure), call="collectToPython")
    return Truth(
        description="The key server refused the user the key of the zone.",
        evidence=("is not authorized to perform [DECRYPT_EEK] on key",),
    )
