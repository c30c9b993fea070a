"""Failed for a service behind HTTP, a slow socket, or a Hive step's services.

About a third of the cases had written before; the others are truly safe to run again.
"""

from diagnose.taxonomy import Category, FailureType
from evals.synthesis.scene import Scene
from evals.synthesis.startup import RM
from evals.synthesis.template import Truth, template
from evals.synthesis.templates.prelude import connect_timeout, jdk, own_class, package, written_before
from evals.synthesis.trace import PythonError, Throwable

_SITE = "/usr/local/lib/python3.9/site-packages/"
_STATUS = ((502, "Bad Gateway"), (503, "Service Unavailable"), (504, "Gateway Timeout"))


def _requests_calls(scene: Scene, last: int, function: str) -> tuple[tuple[str, int, str, str], ...]:
    return (
        ("", scene.rng.randrange(60, 180), "<module>", f"reference = load_reference('{scene.names.day}')"),
        ("", scene.rng.randrange(20, 58), "load_reference", "answer.raise_for_status()"),
        (_SITE + "requests/models.py", last, function, "raise HTTPError(http_error_msg, response=self)"),
    )


@template("http-gateway", FailureType.SERVICE_UNREACHABLE, difficulty="easy", languages=("python",))
def http_gateway(scene: Scene) -> Truth:
    """A REST service answers with 502, 503 or 504, or with nothing at all."""
    rng, names = scene.rng, scene.names
    scene.start()
    scene.healthy_run()
    note = written_before(scene)
    status, words = rng.choice(_STATUS)
    host, path = f"reference.{names.owner}.internal", f"/v2/{names.table}"
    if rng.random() < 0.5:
        _http_retries(scene, path)
    kind = rng.choice(("status", "retries", "aborted", "plain"))
    calls = _requests_calls(scene, 1021, "raise_for_status")
    if kind == "plain":
        text, name = f"HTTP Error {status}: {words}", "urllib.error.HTTPError"
        calls = (
            calls[0],
            (
                "/usr/lib64/python3.9/urllib/request.py",
                641,
                "http_error_default",
                "raise HTTPError(req.full_url, code, msg, hdrs, fp)",
            ),
        )
    elif kind == "status":
        text = f"{status} Server Error: {words} for url: https://{host}{path}?day={names.day}"
        name = "requests.exceptions.HTTPError"
    elif kind == "retries":
        text = (
            f"HTTPSConnectionPool(host='{host}', port=443): Max retries exceeded with url: {path}?day={names.day} "
            f"(Caused by ResponseError('too many {status} error responses'))"
        )
        name, calls = (
            "requests.exceptions.RetryError",
            (calls[0], (_SITE + "requests/adapters.py", 507, "send", "raise RetryError(e, request=request)")),
        )
    else:
        text = "('Connection aborted.', RemoteDisconnected('Remote end closed connection without response'))"
        name, calls = (
            "requests.exceptions.ConnectionError",
            (
                calls[0],
                (_SITE + "requests/adapters.py", 501, "send", "raise ConnectionError(err, request=request)"),
            ),
        )
    scene.fail(PythonError(name, text, calls))
    evidence = {
        "status": f"{status} Server Error: {words}", "retries": f"too many {status} error responses",
        "aborted": f"{name}: ('Connection aborted.'", "plain": f"HTTPError: HTTP Error {status}: {words}",
    }[kind]  # fmt: skip
    return Truth(description="A REST service that the job needs was down.", evidence=(evidence,), notes=note)


def _http_retries(scene: Scene, path: str) -> None:
    """urllib3 tells of its own retries before it gives up."""
    for left in (2, 1, 0):
        scene.driver_out.raw(
            f"WARNING urllib3.connectionpool Retrying (Retry(total={left}, connect=None, read=None, redirect=None, "
            f"status=None)) after connection broken by 'ProtocolError('Connection aborted.', RemoteDisconnected('Remote end "
            f"closed connection without response'))': {path}?day={scene.names.day}"
        )
        scene.wait(scene.rng.uniform(1, 30))


@template("http-from-tasks", FailureType.SERVICE_UNREACHABLE, difficulty="medium")
def http_from_tasks(scene: Scene) -> Truth:
    """Tasks ask a service for every row; it stops to answer in time."""
    rng, names = scene.rng, scene.names
    scene.start()
    note = written_before(scene)
    scene.healthy_run(1)
    stage = scene.begin_stage(
        tasks=rng.randrange(8, 40), action="collect", kind=rng.choice(("ResultStage", "ShuffleMapStage"))
    )
    scene.run_tasks(stage, rng.randrange(2, 8))
    noun = names.table.capitalize()
    home = (f"{package(scene)}.client.{noun}Client.lookup({noun}Client.java:{rng.randrange(30, 140)})",)
    read = jdk(
        scene,
        "java.net.SocketInputStream.socketRead0(Native Method)",
        "java.net.SocketInputStream.read(SocketInputStream.java:171)",
    )
    name, text, frames, evidence = rng.choice((
        ("java.net.SocketTimeoutException", "Read timed out", read, "SocketTimeoutException: Read timed out"),
        ("java.net.SocketTimeoutException", connect_timeout(scene), read[:1], f"SocketTimeoutException: {connect_timeout(scene)}"),
        ("org.apache.http.NoHttpResponseException", f"{names.table}-api.{names.owner}.internal:443 failed to respond",
         ("org.apache.http.impl.conn.DefaultHttpResponseParser.parseHead(DefaultHttpResponseParser.java:141)",), "failed to respond"),
        ("java.io.IOException", f"Server returned HTTP response code: {rng.choice((502, 503, 504))} for URL: https://{names.table}-api."
         f"{names.owner}.internal/v1/lookup?key={rng.randrange(10**6)}",
         jdk(scene, "sun.net.www.protocol.http.HttpURLConnection.getInputStream(HttpURLConnection.java:1902)"),
         "Server returned HTTP response code: 50"),
    ))  # fmt: skip
    failure = Throwable(
        name, text, (*frames, *home, "scala.collection.Iterator$$anon$10.next(Iterator.scala:461)")
    )
    for index in range(rng.randrange(0, 3)):
        scene.fail_task(stage, failure, tries=rng.randrange(1, 3), index=index + 1)
    scene.wait(rng.uniform(10, 120))
    scene.fail(scene.fail_task(stage, failure), call="collectToPython")
    return Truth(
        description="A service that the tasks ask stopped answering.", evidence=(evidence,), notes=note
    )


@template("own-retries-end", FailureType.SERVICE_UNREACHABLE, difficulty="hard")
def own_retries_end(scene: Scene) -> Truth:
    """The job tries a service again and again, says why each time, and at last ends with words that say nothing."""
    rng, names = scene.rng, scene.names
    scene.start()
    note = written_before(scene)
    scene.healthy_run(1)
    limit = rng.randrange(4, 9)
    host = f"{names.other_table}-api.{names.owner}.internal"
    why, evidence = rng.choice((
        (f"HTTP 503 from https://{host}/v1/quotes: upstream connect error or disconnect/reset before headers",
         "upstream connect error or disconnect/reset before headers"),
        (f"connect to {host}:8443 timed out after 5000 ms", "timed out after 5000 ms"),
        (f"io.grpc.StatusRuntimeException: UNAVAILABLE: io exception, channel {rng.randrange(3, 90)} to {host}:443 closed",
         "StatusRuntimeException: UNAVAILABLE: io exception"),
        (f"HTTP 504 Gateway Time-out from https://{host}/v1/quotes", "HTTP 504 Gateway Time-out"),
    ))  # fmt: skip
    for tried in range(1, limit + 1):
        scene.driver.warn(
            own_class(scene), f"quotes: attempt {tried} of {limit}: {why}; next one in {2**tried} s"
        )
        scene.wait(2**tried)
        if rng.random() < 0.3:
            scene.healthy_stage(tasks=3)
    scene.driver.error(own_class(scene), "quotes: no more attempts")
    words = rng.choice(
        ("quotes are not complete", "step quotes did not end well", "pipeline stopped in step quotes")
    )
    if scene.language == "python":
        scene.fail(
            PythonError("RuntimeError", words, (("", rng.randrange(60, 240), "<module>", "run(steps)"),))
        )
    else:
        scene.fail(
            Throwable(
                "java.lang.IllegalStateException",
                words,
                (f"{package(scene)}.Steps$.run(Steps.scala:{rng.randrange(20, 90)})",),
            )
        )
    return Truth(
        description="A service that the job tried several times was down.", evidence=(evidence,),
        accept=(Category.UNKNOWN,), notes=note,
    )  # fmt: skip


def _hive(scene: Scene, *, script: str) -> None:
    """Hive's client begins; the step is no spark-submit."""
    scene.facts.command = [
        "hive-script", "--run-hive-script", "--args", "-f", f"s3://{scene.names.bucket}/hql/{script}", "-d", f"DAY={scene.names.day}",
    ]  # fmt: skip
    scene.client.raw("Hive Session ID = " + scene.ground.uuid())
    scene.client.raw(
        "\nLogging initialized using configuration in file:/etc/hive/conf.dist/hive-log4j2.properties Async: true"
    )


@template(
    "hive-second-statement",
    FailureType.SERVICE_UNREACHABLE,
    difficulty="medium",
    modes=("client",),
    repeats=False,
    plain=True,
)
def hive_second_statement(scene: Scene) -> Truth:
    """A Hive script: the first statement runs, at the second a service is gone. The first one wrote, or only read."""
    rng, names = scene.rng, scene.names
    _hive(scene, script=f"{names.job}.hql")
    table = f"{names.database}.{names.table}"
    scene.facts.applications.append(scene.application)
    query = f"hadoop_{scene.ground.clock.now:%Y%m%d%H%M%S}_{scene.ground.uuid()}"
    scene.client.raw(
        f"Query ID = {query}\nTotal jobs = 1\nLaunching Job 1 out of 1\nTez session was closed. Reopening...\nSession re-established."
    )
    scene.client.raw(f"Status: Running (Executing on YARN cluster with App id {scene.application})\n")
    maps = rng.randrange(4, 20)
    scene.client.raw(f"Map 1: 0/{maps}\tReducer 2: 0/2\t\nMap 1: {maps}/{maps}\tReducer 2: 2/2\t")
    scene.wait(rng.uniform(20, 200))
    wrote = rng.random() < 0.4
    if wrote:
        scene.client.raw(f"Loading data to table {table} partition (dt={names.day})")
        scene.mark_written()
    else:
        scene.step_stdout.raw(f"{rng.randrange(10**4, 10**7)}")
    scene.client.raw(f"OK\nTime taken: {rng.uniform(20, 200):.3f} seconds")
    text, evidence = rng.choice((
        ("FAILED: SemanticException org.apache.hadoop.hive.ql.metadata.HiveException: java.net.ConnectException: Call From "
         f"{scene.master.host.split('.')[0]}/{scene.master.ip} to {scene.master.host}:8020 failed on connection exception: "
         "java.net.ConnectException: Connection refused; For more details see:  http://wiki.apache.org/hadoop/ConnectionRefused",
         "failed on connection exception: java.net.ConnectException: Connection refused"),
        ("FAILED: HiveException java.lang.RuntimeException: Unable to instantiate org.apache.hadoop.hive.ql.metadata.SessionHiveMetaStoreClient",
         "Unable to instantiate org.apache.hadoop.hive.ql.metadata.SessionHiveMetaStoreClient"),
        ("FAILED: Execution Error, return code 1 from org.apache.hadoop.hive.ql.exec.DDLTask. MetaException(message:Got exception: "
         f"java.net.SocketTimeoutException {scene.master.host}:9083: Read timed out)", "java.net.SocketTimeoutException"),
    ))  # fmt: skip
    scene.hook_fails(text, 1 if text.startswith("FAILED: Exec") else 64 if "Semantic" in text else 1)
    return Truth(
        description="A service of the cluster was gone when the Hive script's second statement began.",
        evidence=(evidence,), notes="the first statement loaded a partition" if wrote else "the first statement was only a query",
    )  # fmt: skip


@template(
    "yarn-restarts",
    FailureType.SERVICE_UNREACHABLE,
    difficulty="hard",
    modes=("cluster",),
    repeats=False,
    plain=True,
)
def yarn_restarts(scene: Scene) -> Truth:
    """spark-submit's client can't reach the ResourceManager: there is no application at all."""
    master = scene.master
    scene.client.info(
        "DefaultNoHARMFailoverProxyProvider",
        f"Connecting to ResourceManager at {master.host}/{master.ip}:8032",
    )
    for tried in range(10):
        scene.client.info(
            "Client",
            f"Retrying connect to server: {master.host}/{master.ip}:8032. Already tried {tried} time(s); retry policy is "
            "RetryUpToMaximumCountWithFixedSleep(maxRetries=10, sleepTime=1000 MILLISECONDS)",
        )
        scene.wait(1)
    scene.resource_manager.info(
        RM + "ResourceManager",
        f"STARTUP_MSG: Starting ResourceManager, host = {master.host}/{master.ip}",
        thread="main",
    )
    text = (
        f"Call From {master.host.split('.')[0]}/{master.ip} to {master.host}:8032 failed on connection exception: "
        "java.net.ConnectException: Connection refused; For more details see:  http://wiki.apache.org/hadoop/ConnectionRefused"
    )
    frames = (
        "org.apache.hadoop.net.NetUtils.wrapException(NetUtils.java:913)",
        "org.apache.hadoop.ipc.Client.call(Client.java:1457)",
        "org.apache.hadoop.yarn.client.api.impl.YarnClientImpl.createApplication(YarnClientImpl.java:287)",
        "org.apache.spark.deploy.yarn.Client.submitApplication(Client.scala:186)",
        "org.apache.spark.deploy.yarn.Client.run(Client.scala:1327)",
        "org.apache.spark.deploy.SparkSubmit.main(SparkSubmit.scala)",
    )
    scene.submit_fails(
        f'Exception in thread "main" {Throwable("java.net.ConnectException", text, frames).text}', 1
    )
    return Truth(
        description="The ResourceManager refused connections while the job was submitted.",
        evidence=("failed on connection exception: java.net.ConnectException: Connection refused",), notes="nothing ran, so nothing was written",
    )  # fmt: skip
