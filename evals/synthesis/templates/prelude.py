"""What several templates share: the words of AWS SDKs, refused sockets, analysis errors, writes before a failure.

No template of its own. Everything is drawn from `scene.rng`, so a second attempt meets the same thing.
"""

from collections.abc import Callable
from typing import Final

from evals.synthesis.scene import Scene
from evals.synthesis.trace import PythonError, Throwable

WRITTEN_SHARE: Final = 0.3
"""Share of the cases of a transient type that had written before they failed."""

EMRFS: Final = "com.amazon.ws.emr.hadoop.fs.shaded."
"""EMRFS carries its own copy of the AWS SDK under this package."""

_UPPER: Final = "ABCDEFGHJKMNPQRSTVWXYZ0123456789"


def code(scene: Scene, size: int, alphabet: str = _UPPER) -> str:
    """Random characters, as in request ids."""
    return "".join(scene.rng.choice(alphabet) for _ in range(size))


def request_id(scene: Scene) -> str:
    """The UUID by which most AWS services name a request."""
    parts = (8, 4, 4, 4, 12)
    return "-".join(code(scene, size, "0123456789abcdef") for size in parts)


def aws_tail(scene: Scene, service: str, status: int, error: str) -> str:
    """What AWS SDK 1 puts behind a service's message."""
    if service == "Amazon S3":
        extended = code(scene, 60, _UPPER + _UPPER.lower() + "+/") + "="
        return (
            f"(Service: Amazon S3; Status Code: {status}; Error Code: {error}; Request ID: {code(scene, 16)}; "
            f"S3 Extended Request ID: {extended}; Proxy: null), S3 Extended Request ID: {extended}"
        )
    return f"(Service: {service}; Status Code: {status}; Error Code: {error}; Request ID: {request_id(scene)}; Proxy: null)"


def identity(scene: Scene, role: str = "EMR_EC2_DefaultRole") -> str:
    """Who the cluster's machines are to AWS."""
    return f"arn:aws:sts::{scene.names.account}:assumed-role/{role}/{scene.ground.driver_node.instance}"


def sdk_frames(client: str, prefix: str = "") -> tuple[str, ...]:
    """Where AWS SDK 1 throws a service's refusal; `client` is a class like `services.s3.AmazonS3Client`."""
    short = client.rsplit(".", 1)[1]
    return (
        f"{prefix}com.amazonaws.http.AmazonHttpClient$RequestExecutor.handleErrorResponse(AmazonHttpClient.java:1879)",
        f"{prefix}com.amazonaws.http.AmazonHttpClient$RequestExecutor.executeOneRequest(AmazonHttpClient.java:1418)",
        f"{prefix}com.amazonaws.http.AmazonHttpClient$RequestExecutor.executeHelper(AmazonHttpClient.java:1387)",
        f"{prefix}com.amazonaws.http.AmazonHttpClient.execute(AmazonHttpClient.java:541)",
        f"{prefix}com.amazonaws.{client}.invoke({short}.java:5520)",
    )


def refused(scene: Scene, *below: str) -> Throwable:
    """A socket that nobody listens on, as the run's Java says it."""
    if scene.release.java_major == "8":
        return Throwable("java.net.ConnectException", "Connection refused (Connection refused)", (
            "java.net.PlainSocketImpl.socketConnect(Native Method)",
            "java.net.AbstractPlainSocketImpl.doConnect(AbstractPlainSocketImpl.java:350)",
            "java.net.SocksSocketImpl.connect(SocksSocketImpl.java:392)",
            "java.net.Socket.connect(Socket.java:607)",
            *below,
        ))  # fmt: skip
    return Throwable("java.net.ConnectException", "Connection refused", (
        "java.base/sun.nio.ch.Net.pollConnect(Native Method)",
        "java.base/sun.nio.ch.NioSocketImpl.connect(NioSocketImpl.java:592)",
        "java.base/java.net.SocksSocketImpl.connect(SocksSocketImpl.java:327)",
        "java.base/java.net.Socket.connect(Socket.java:633)",
        *below,
    ))  # fmt: skip


def connect_timeout(scene: Scene) -> str:
    """The words of a connect that nobody answers: they differ between Java 8 and later ones."""
    return "connect timed out" if scene.release.java_major == "8" else "Connect timed out"


def jdk(scene: Scene, *frames: str) -> tuple[str, ...]:
    """Frames of the JDK itself: from Java 9 on they name their module."""
    return frames if scene.release.java_major == "8" else tuple(f"java.base/{frame}" for frame in frames)


def own_class(scene: Scene) -> str:
    """The simple name of the job's class, as its own logger shows it."""
    return scene.names.main_class.rsplit(".", 1)[1]


def package(scene: Scene) -> str:
    """The job's own Java package."""
    return scene.names.main_class.rsplit(".", 1)[0]


def thrown_by_sql(scene: Scene, text: str, *, source: str, name: str = "AnalysisException", frame: str = "") -> (
    PythonError | Throwable
):  # fmt: skip
    """A failure of analysis or parsing: a captured exception in a Python job, Spark's own in a Scala job."""
    if scene.language == "python":
        return captured(scene, text, source=source, name=name)
    home = "org.apache.spark.sql.catalyst.parser." if name == "ParseException" else "org.apache.spark.sql."
    frames = (
        frame
        or "org.apache.spark.sql.catalyst.analysis.package$AnalysisErrorAt.failAnalysis(package.scala:52)",
        "org.apache.spark.sql.execution.QueryExecution.assertAnalyzed(QueryExecution.scala:93)",
        "org.apache.spark.sql.Dataset$.$anonfun$ofRows$2(Dataset.scala:100)",
        "org.apache.spark.sql.SparkSession.withActive(SparkSession.scala:900)",
    )
    return Throwable(f"{home}{name}", text, frames)


def captured(scene: Scene, text: str, *, source: str, name: str = "AnalysisException") -> PythonError:
    """What PySpark makes of a JVM exception that it knows."""
    lib = scene.ground.python_lib
    gateway = lib.replace("pyspark.zip/pyspark/", "py4j-0.10.9.7-src.zip/py4j/")
    calls = (
        ("", scene.rng.randrange(14, 160), "<module>", source),
        (lib + "sql/session.py", 1631, "sql", ""),
        (gateway + "java_gateway.py", 1322, "__call__", ""),
        (lib + "errors/exceptions/captured.py", 185, "deco", ""),
    )
    if "spark.table(" in source:
        calls = (calls[0], (lib + "sql/session.py", 1667, "table", ""), *calls[2:])
    elif "spark.sql(" not in source:
        calls = (calls[0], (lib + "sql/readwriter.py", 1463, "save", ""), *calls[2:])
    return PythonError(f"pyspark.errors.exceptions.captured.{name}", text, calls)


# --- writes before a failure -----------------------------------------------------------------------------------


def written_before(scene: Scene, share: float = WRITTEN_SHARE) -> str:
    """Write something with a chance of `share`, in one of the ways of life; tells a note, empty when nothing was."""
    if scene.rng.random() >= share:
        return ""
    kind: Callable[[Scene], str] = scene.rng.choice((_files, _files, _delta, _iceberg, _hudi, _rows))
    return kind(scene)


def _files(scene: Scene) -> str:
    scene.write()
    return "another output was committed before"


def _delta(scene: Scene) -> str:
    version = scene.rng.randrange(12, 900)
    scene.healthy_stage(action="save")
    table = f"[tableId={code(scene, 8).lower()},txnId={code(scene, 8).lower()}]"
    path = f"s3://{scene.names.other_bucket}/delta/{scene.names.other_table}"
    for text in (
        f"{table} Attempting to commit version {version} with {scene.rng.randrange(4, 40)} actions with Serializable isolation level",
        f"{table} Committed delta #{version} to {path}/_delta_log",
    ):  # fmt: skip
        scene.driver.info("OptimisticTransaction", text)
    scene.mark_written()
    return "a Delta version was committed before"


def _iceberg(scene: Scene) -> str:
    scene.healthy_stage(action="insertInto")
    number = scene.rng.randrange(10**17, 9 * 10**18)
    table = f"glue_catalog.{scene.names.database}.{scene.names.other_table}"
    scene.driver.info(
        "BaseMetastoreTableOperations",
        f"Successfully committed to table {table} in {scene.rng.randrange(300, 2000)} ms",
    )
    scene.driver.info("SnapshotProducer", f"Committed snapshot {number} (MergeAppend)")
    scene.mark_written()
    return "an Iceberg snapshot was committed before"


def _hudi(scene: Scene) -> str:
    scene.healthy_stage(action="save")
    instant = f"{scene.ground.clock.now:%Y%m%d%H%M%S}{scene.rng.randrange(100, 999)}"
    scene.driver.info("BaseHoodieWriteClient", f"Committing {instant} action commit")
    scene.driver.info("HoodieActiveTimeline", f"Completed [==>{instant}__commit__INFLIGHT]")
    scene.driver.info("BaseHoodieWriteClient", f"Committed {instant}")
    scene.mark_written()
    return "a Hudi commit was completed before"


def _rows(scene: Scene) -> str:
    """Rows sent to a database: the only sign is that tasks of the writing stage ended well."""
    scene.healthy_stage(action="foreachPartition", tasks=scene.rng.randrange(4, 9))
    scene.driver.info(
        own_class(scene),
        f"{scene.rng.randrange(10**3, 10**6)} rows inserted into {scene.names.database}.{scene.names.other_table}",
    )
    scene.mark_written()
    return "rows had been inserted into a database before"
