"""How a run ends: the user's code throws, the master gives up, somebody kills it, or it never began.

Each way is logged where EMR would show it: driver, application master, spark-submit's client, YARN's daemons;
the step's exit code and final state are remembered for the controller's log and `meta.json`.
"""

from typing import Final

from evals.synthesis.ground import Ground
from evals.synthesis.script import play
from evals.synthesis.startup import RM, driver_log, report, values
from evals.synthesis.stream import Stream
from evals.synthesis.trace import GATEWAY_FRAMES, PythonError, Throwable, thread_frames

CLIENT_FRAMES: Final = (
    "org.apache.spark.deploy.yarn.Client.run(Client.scala:1327)",
    "org.apache.spark.deploy.yarn.YarnClusterApplication.start(Client.scala:1764)",
    "org.apache.spark.deploy.SparkSubmit.org$apache$spark$deploy$SparkSubmit$$runMain(SparkSubmit.scala:1075)",
    "org.apache.spark.deploy.SparkSubmit.doRunMain$1(SparkSubmit.scala:194)",
    "org.apache.spark.deploy.SparkSubmit.submit(SparkSubmit.scala:217)",
    "org.apache.spark.deploy.SparkSubmit.doSubmit(SparkSubmit.scala:91)",
    "org.apache.spark.deploy.SparkSubmit$$anon$2.doSubmit(SparkSubmit.scala:1167)",
    "org.apache.spark.deploy.SparkSubmit$.main(SparkSubmit.scala:1176)",
    "org.apache.spark.deploy.SparkSubmit.main(SparkSubmit.scala)",
)
"""Where the client's own last exception comes from."""


def fail(ground: Ground, failure: Throwable | PythonError, *, call: str, line: int, source: str) -> None:
    """The job's code throws and nothing catches it."""
    if isinstance(failure, Throwable) and ground.language == "python":
        ground_out(ground).raw(_gateway_text(ground, failure, call=call, line=line, source=source))
        exit_with(ground, 1)
    elif isinstance(failure, PythonError):
        ground_out(ground).raw(failure.text(ground.script_path))
        exit_with(ground, 1)
    else:
        _user_class_threw(ground, failure, line)


def ground_out(ground: Ground) -> Stream:
    """The driver's stdout of this attempt: Python's tracebacks stand there."""
    if ground.mode == "client":
        return ground.step_file("stdout")
    return ground.container_file(ground.container(1), "stdout")


def _gateway_text(ground: Ground, failure: Throwable, *, call: str, line: int, source: str) -> str:
    below = (*GATEWAY_FRAMES, *thread_frames(ground.release.java_major)[-1:])
    lib = ground.python_lib
    gateway = lib.replace("pyspark.zip/pyspark/", "py4j-0.10.9.7-src.zip/py4j/")
    calls = (
        ("", line, "<module>", source or f"frame.{call}(path)"),
        (lib + "sql/readwriter.py", 1463, call, ""),
        (gateway + "java_gateway.py", 1322, "__call__", ""),
        (lib + "errors/exceptions/captured.py", 179, "deco", ""),
        (gateway + "protocol.py", 326, "get_return_value", ""),
    )
    message = f"An error occurred while calling o{ground.luck.randrange(40, 900)}.{call}.\n: {failure.below(*below).text}"
    return PythonError("py4j.protocol.Py4JJavaError", message, calls).text(ground.script_path) + "\n"


def _user_class_threw(ground: Ground, failure: Throwable, line: int) -> None:
    name = ground.names.main_class
    own = (
        f"{name}$.main({name.rsplit('.', 1)[1]}.scala:{line})",
        f"{name}.main({name.rsplit('.', 1)[1]}.scala)",
    )
    failure = failure.below(*own)
    if ground.mode == "client":
        driver_log(ground).raw(f'Exception in thread "main" {failure.text}')
        stop_context(ground)
        _client_ends(ground)
        return
    driver = driver_log(ground)
    driver.error("ApplicationMaster", f"User class threw exception: \n{failure.text}", thread="Driver")
    _final(ground, 15, f"User class threw exception: {failure.text}\n")


def exit_with(ground: Ground, status: int) -> None:
    """The job's process ends with `status`; whatever it had to say stands before."""
    if ground.mode == "client":
        ground.facts.exit_code = status
        stop_context(ground)
        _client_ends(ground)
        return
    driver_log(ground).error(
        "ApplicationMaster", f"User application exited with status {status}", thread="Driver"
    )
    _final(ground, status, f"User application exited with status {status}")


def fail_master(ground: Ground, status: int, reason: str, trace: Throwable | None = None) -> None:
    """The application master itself gives up, for example with 11 (executors) or 13 (no context).

    In client mode the driver is told and stops.
    """
    master = ground.container_file(ground.container(1), "stderr")
    if trace is not None:
        master.error("ApplicationMaster", f"Uncaught exception: \n{trace.text}")
    if ground.mode == "cluster":
        _final(ground, status, reason)
        return
    final = f"Final app status: FAILED, exitCode: {status}, (reason: {reason})"
    master.info("ApplicationMaster", final)
    master.info("ApplicationMaster", f"Unregistering ApplicationMaster with FAILED (diag message: {reason})")
    _unregistered(ground)
    driver = driver_log(ground)
    driver.error(
        "YarnClientSchedulerBackend",
        "YARN application has exited unexpectedly with state FAILED! Check the YARN application logs for more details.",
        thread="YARN application state monitor",
    )
    driver.error(
        "YarnClientSchedulerBackend",
        f"Diagnostics message: {reason}",
        thread="YARN application state monitor",
    )
    stop_context(ground, launcher=False)
    ground.facts.ended = True


def _final(ground: Ground, status: int, reason: str) -> None:
    """Cluster mode: the master's last words, then YARN's and the client's."""
    driver = driver_log(ground)
    driver.info(
        "ApplicationMaster",
        f"Final app status: FAILED, exitCode: {status}, (reason: {reason})",
        thread="Driver",
    )
    stop_context(ground)
    if not ground.last_attempt:
        _attempt_ends(ground, status)
        return
    driver.info(
        "ApplicationMaster",
        f"Unregistering ApplicationMaster with FAILED (diag message: {reason})",
        thread="shutdown-hook-0",
    )
    driver.info(
        "AMRMClientImpl", "Waiting for application to be successfully unregistered.", thread="shutdown-hook-0"
    )
    driver.info(
        "ApplicationMaster",
        f"Deleting staging directory hdfs://{ground.master.host}:8020/user/hadoop/.sparkStaging/{ground.application}",
    )
    _hook(ground, driver)
    client_fails(ground, reason)


def stop_context(ground: Ground, *, launcher: bool = True) -> None:
    """The driver's context stops and with it the executors; nothing when it never started.

    Client mode: the master ends then too, unless it has ended before (`launcher` false).
    """
    if not ground.facts.started:
        return
    driver = driver_log(ground)
    play(driver, "context_stop", values(ground))
    for executor in ground.executors:
        executor.log.info("YarnCoarseGrainedExecutorBackend", "Driver commanded a shutdown")
    ground.fire("end", every=True)
    for executor in ground.executors:
        executor.log.info("MemoryStore", "MemoryStore cleared")
        executor.log.info("BlockManager", "BlockManager stopped")
        executor.log.info("ShutdownHookManager", "Shutdown hook called")
    if ground.mode == "client":
        _hook(ground, driver)
        if launcher:
            _launcher_ends(ground)


def _hook(ground: Ground, stream: Stream) -> None:
    stream.info("ShutdownHookManager", "Shutdown hook called", thread="shutdown-hook-0")
    folder = ground.local_dir if ground.mode == "cluster" else "/mnt/tmp"
    stream.info(
        "ShutdownHookManager", f"Deleting directory {folder}/spark-{ground.uuid()}", thread="shutdown-hook-0"
    )


def _launcher_ends(ground: Ground) -> None:
    """Client mode: the master, which only launched executors, sees the driver go."""
    master = ground.container_file(ground.container(1), "stderr")
    peer = f"{ground.driver_node.host}:{ground.driver_port}"
    master.info("ApplicationMaster", f"Driver terminated or disconnected! Shutting down. {peer}")
    master.info("ApplicationMaster", "Final app status: SUCCEEDED, exitCode: 0")
    master.info("ApplicationMaster", "Unregistering ApplicationMaster with SUCCEEDED")
    _unregistered(ground)


def _unregistered(ground: Ground) -> None:
    """Client mode: the master's last lines, whatever its final status."""
    master = ground.container_file(ground.container(1), "stderr")
    master.info("AMRMClientImpl", "Waiting for application to be successfully unregistered.")
    master.info("ShutdownHookManager", "Shutdown hook called", thread="shutdown-hook-0")


def _client_ends(ground: Ground) -> None:
    if not ground.facts.started:
        _hook(ground, driver_log(ground))
    ground.facts.ended = True


def _attempt_ends(ground: Ground, status: int) -> None:
    """Cluster mode, not the last attempt: YARN will start another."""
    _hook(ground, driver_log(ground))
    attempt = ground.app_attempt
    manager = ground.daemon_file("resourcemanager", ground.master)
    manager.info(
        RM + "rmapp.attempt.RMAppAttemptImpl",
        f"Updating application attempt {attempt} with final state: FAILED, and exit status: {status}",
        thread="RM Event dispatcher",
    )
    manager.info(
        RM + "rmapp.RMAppImpl",
        f"The number of failed attempts is {ground.attempt}. The max attempts is 2",
        thread="RM Event dispatcher",
    )
    ground.clock.advance(2)
    report(
        ground, "ACCEPTED",
        diagnostics=f"AM Container for {attempt} exited with  exitCode: {status}\nFailing this attempt.",
    )  # fmt: skip
    ground.facts.ended = True


def client_fails(ground: Ground, diagnostics: str, *, final: str = "FAILED", state: str = "FINISHED") -> None:
    """Cluster mode: spark-submit's client reports the end and throws."""
    ground.clock.advance(1)
    client = ground.step_file("stderr")
    report(ground, state, diagnostics=diagnostics, final=final)
    if state == "KILLED":
        client.raw(_thrown(f"Application {ground.application} is killed"))
    else:
        client.error("Client", f"Application diagnostics message: {diagnostics}")
        client.raw(_thrown(f"Application {ground.application} finished with failed status"))
    _client_hook(ground)
    ground.daemon_file("resourcemanager", ground.master).info(
        RM + "rmapp.RMAppImpl",
        f"{ground.application} State change from FINISHING to FINISHED on event = ATTEMPT_FINISHED",
        thread="RM Event dispatcher",
    )
    ground.facts.ended = True


def _thrown(message: str) -> str:
    failure = Throwable("org.apache.spark.SparkException", message, CLIENT_FRAMES)
    return f'Exception in thread "main" {failure.text}'


def _client_hook(ground: Ground) -> None:
    client = ground.step_file("stderr")
    client.info("ShutdownHookManager", "Shutdown hook called", thread="shutdown-hook-0")
    client.info(
        "ShutdownHookManager", f"Deleting directory /mnt/tmp/spark-{ground.uuid()}", thread="shutdown-hook-0"
    )


def submit_fails(ground: Ground, text: str, status: int) -> None:
    """spark-submit ends before there is an application: `text` is all it says."""
    client = ground.step_file("stderr")
    client.raw(text)
    _client_hook(ground)
    ground.facts.exit_code = status
    ground.facts.ended = True


def master_dies(ground: Ground, status: int, diagnostics: str) -> None:
    """Cluster mode: the master's container ends without a word of its own; YARN says how.

    Client mode: the driver's process ends so; `diagnostics` is not shown, the step ends with `status`.
    """
    if ground.mode == "client":
        ground.facts.exit_code = status
        ground.facts.ended = True
        return
    if not ground.last_attempt:
        _attempt_ends(ground, status)
        return
    tracking = f"http://{ground.master.host}:8088/cluster/app/{ground.application}"
    text = (
        f"Application {ground.application} failed {ground.attempt} times due to AM Container for {ground.app_attempt} "
        f"exited with  exitCode: {status}\nFailing this attempt.Diagnostics: {diagnostics}\n"
        f"For more detailed output, check the application tracking page: {tracking} Then click on links to logs of each "
        "attempt.\n. Failing the application."
    )
    client_fails(ground, text, state="FAILED")


def killed(ground: Ground, user: str) -> None:
    """A person kills the application through YARN."""
    diagnostics = f"Application {ground.application} was killed by user {user} at {ground.master.ip}"
    ground.daemon_file("resourcemanager", ground.master).info(
        RM + "RMAuditLogger",
        f"USER={user}\tIP={ground.master.ip}\tOPERATION=Kill Application Request\tTARGET=ClientRMService\tRESULT=SUCCESS\t"
        f"APPID={ground.application}\tCALLERCONTEXT=CLI",
        thread="IPC Server handler 7 on default port 8032",
    )
    master = ground.container_file(ground.container(1), "stderr")
    master.error("ApplicationMaster", "RECEIVED SIGNAL TERM", thread="SIGTERM handler")
    reason = "Shutdown hook called before final status was reported."
    if ground.mode == "cluster":
        master.info("ApplicationMaster", f"Final app status: FAILED, exitCode: 16, (reason: {reason})")
        stop_context(ground)
        _hook(ground, master)
        client_fails(ground, diagnostics, final="KILLED", state="KILLED")
        return
    driver_log(ground).error(
        "YarnClientSchedulerBackend",
        "YARN application has exited unexpectedly with state KILLED! Check the YARN application logs for more details.",
        thread="YARN application state monitor",
    )
    driver_log(ground).error("YarnClientSchedulerBackend", f"Diagnostics message: {diagnostics}")
    master.info("ApplicationMaster", f"Final app status: UNDEFINED, exitCode: 16, (reason: {reason})")
    master.info("ShutdownHookManager", "Shutdown hook called", thread="shutdown-hook-0")
    stop_context(ground, launcher=False)
    ground.facts.ended = True


def succeed(ground: Ground) -> None:
    """The application ends well."""
    driver = driver_log(ground)
    if ground.mode == "cluster":
        driver.info("ApplicationMaster", "Final app status: SUCCEEDED, exitCode: 0", thread="Driver")
    stop_context(ground)
    if ground.mode == "cluster":
        driver.info(
            "ApplicationMaster", "Unregistering ApplicationMaster with SUCCEEDED", thread="shutdown-hook-0"
        )
        _hook(ground, driver)
        report(ground, "FINISHED", final="SUCCEEDED")
        _client_hook(ground)


def lose_master(ground: Ground) -> None:
    """Cluster mode: the machine of this attempt's master goes away; YARN starts another attempt elsewhere."""
    container, host = ground.container(1), ground.driver_node.host
    manager = ground.daemon_file("resourcemanager", ground.master)
    manager.info(
        RM + "rmcontainer.RMContainerImpl",
        f"{container} Container Transitioned from RUNNING to KILLED",
        thread="RM Event dispatcher",
    )
    manager.info(
        RM + "rmapp.attempt.RMAppAttemptImpl",
        f"Updating application attempt {ground.app_attempt} with final state: FAILED, and exit status: -100",
        thread="RM Event dispatcher",
    )
    report(
        ground, "ACCEPTED",
        diagnostics=f"AM Container for {ground.app_attempt} exited with  exitCode: -100\n"
        f"Failing this attempt.Diagnostics: Container released on a *lost* node {host}",
    )  # fmt: skip
    ground.facts.ended = True
