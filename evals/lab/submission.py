"""A scenario → a finished spark-submit: both streams, exit code, applications, times. Bounded in time."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from evals.errors import PrerequisiteError, ScenarioError
from evals.lab.action import Conductor
from evals.lab.cluster.cluster import Application, Cluster
from evals.lab.cluster.engine import Engine
from evals.lab.scenario import Scenario
from evals.lab.service import serving
from evals.lab.stock import stock

TIMEOUT_SECONDS: Final = 300
"""A failing job takes 5 to 60 s on two cores; a job that hangs is stopped."""

NOBODY: Final = 65534
"""The user id without rights on Debian and Amazon Linux."""

_SYSTEM_PYTHON: Final = "/usr/bin/python3"
"""For the user without rights, who may not enter the folder of the engine's Python."""

_LOCAL_CONF: Final = {"spark.driver.memory": "700m"}

_DEFAULTS: Final = {
    "spark.driver.memory": "640m",
    "spark.executor.cores": "1",
    "spark.executor.instances": "1",
    "spark.executor.memory": "512m",
    "spark.sql.shuffle.partitions": "4",
    "spark.sql.warehouse.dir": "hdfs:///user/spark/warehouse",
    "spark.ui.enabled": "false",
    "spark.yarn.submit.waitAppCompletion": "true",
}
"""The cluster's spark-defaults.conf: jobs small enough for two cores, logs small enough for a dataset."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a job runs: its folders, its Spark, and its cluster."""

    home: Path
    tmp: Path
    cache: Path
    """Jars fetched from Maven, kept between jobs."""
    engine: Engine
    cluster: Cluster | None = None


@dataclass(frozen=True, kw_only=True)
class Submission:
    """What spark-submit left behind."""

    arguments: tuple[str, ...]
    stdout: bytes
    stderr: bytes
    exit_code: int
    started: datetime
    ended: datetime
    services: Mapping[str, str]
    """`service:NAME` → host:port."""
    applications: tuple[Application, ...] = ()
    daemons: Mapping[str, bytes]
    """Daemon → what it logged meanwhile."""


def check(scenario: Scenario, engine: Engine) -> None:
    """Check what this scenario needs beside Spark.

    Raises:
        PrerequisiteError: A module is missing, or the rights of root are.
    """
    for module in scenario.requires:
        if not any(engine.spark.parent.glob(f"{module}*")):
            raise PrerequisiteError(
                f"{scenario.id}: Python module {module} is missing; `{engine.python} -m pip install {module}`"
            )
    if scenario.unprivileged and (os.geteuid() != 0 or not shutil.which("setpriv")):
        raise PrerequisiteError(
            f"{scenario.id}: needs root and setpriv to run its job without rights; run it so"
        )
    if scenario.disk_mb and os.geteuid() != 0:
        raise PrerequisiteError(f"{scenario.id}: needs root to mount its small disk; run it so")


def submit(scenario: Scenario, place: Place) -> Submission:
    """Write the job and its files, start the services, run spark-submit to its end.

    Raises:
        ScenarioError: It can't be started, an action failed, or it did not end in time.
    """
    filled = [one.model_copy(update={"text": scenario.fill(one.text, {})}) for one in scenario.service]
    with serving(filled) as services:
        job = place.home / "jobs" / f"{scenario.job_name}.py"
        values = {"home": str(place.home), "tmp": str(place.tmp), "job": str(job), **services}
        stock(scenario, place.engine, place.cluster, values)
        arguments = _arguments(scenario, values)
        before = _sizes(place.cluster)
        earlier = len(place.cluster.applications()) if place.cluster else 0
        started = datetime.now(UTC)
        code = _execute(scenario, place, arguments, earlier)
        ended = datetime.now(UTC)
    if place.cluster:
        place.cluster.settle()
    return Submission(
        arguments=arguments,
        stdout=(place.tmp.parent / "stdout").read_bytes(),
        stderr=(place.tmp.parent / "stderr").read_bytes(),
        exit_code=code,
        started=started,
        ended=ended,
        services=services,
        applications=place.cluster.applications()[earlier:] if place.cluster else (),
        daemons=_daemons(place.cluster, before),
    )


def verify(scenario: Scenario, submission: Submission) -> None:
    """Hold the way a job ended to the scenario's design.

    Raises:
        ScenarioError: It ended otherwise.
    """
    code, final = submission.exit_code, tuple(one.final for one in submission.applications)
    if scenario.healthy and code != 0:
        raise ScenarioError(f"{scenario.id}: the healthy job ended with exit code {code}; make it succeed")
    if not scenario.healthy and code == 0:
        raise ScenarioError(f"{scenario.id}: the job succeeded; make it fail")
    if scenario.applications is not None and final != scenario.applications:
        raise ScenarioError(
            f"{scenario.id}: its applications ended {', '.join(final) or 'before they began'}, "
            f"designed was {', '.join(scenario.applications) or 'none'}; correct the job, or `applications`"
        )


def _arguments(scenario: Scenario, values: Mapping[str, str]) -> tuple[str, ...]:
    if scenario.shell:
        return ("bash", "-c", scenario.fill(scenario.shell, values))
    if scenario.place == "local":
        conf = {**_LOCAL_CONF, **scenario.conf}
        base = ["--master", "local[2]", "--deploy-mode", "client"]
    else:
        conf = {**scenario.conf, "spark.yarn.maxAppAttempts": str(scenario.attempts)}
        base = ["--master", "yarn", "--deploy-mode", scenario.deploy]
    settings = [part for key in sorted(conf) for part in ("--conf", f"{key}={conf[key]}")]
    packages = ["--packages", ",".join(scenario.packages)] if scenario.packages else []
    options = [*base, "--name", scenario.job_name, *settings, *packages, *scenario.options]
    given = ["spark-submit", *options, scenario.application or "{{job}}", *scenario.args]
    return tuple(scenario.fill(text, values) for text in given)


def _execute(scenario: Scenario, place: Place, arguments: tuple[str, ...], earlier: int) -> int:
    program = "bash" if scenario.shell else str(place.engine.spark / "bin" / "spark-submit")
    command = [program, *arguments[1:]]
    if scenario.unprivileged:
        for folder in (place.home, place.tmp):
            os.chown(folder, NOBODY, NOBODY)
        command = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *command]
    streams = (place.tmp.parent / "stdout", place.tmp.parent / "stderr")
    with contextlib.ExitStack() as stack:
        stdout, stderr = (stack.enter_context(path.open("wb")) for path in streams)
        process = stack.enter_context(
            subprocess.Popen(  # noqa: S603 (our own scenario, our own spark-submit, no shell but the scenario's)
                command, cwd=place.home, env=environment(scenario, place),
                stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, start_new_session=True,
            )
        )  # fmt: skip
        try:
            with _acting(scenario, place.cluster, earlier, streams, process.pid):
                return _exit_code(process.wait(TIMEOUT_SECONDS))
        except subprocess.TimeoutExpired as error:
            os.killpg(process.pid, 9)
            raise ScenarioError(
                f"{scenario.id}: not ended after {TIMEOUT_SECONDS} s; make it fail sooner"
            ) from error


@contextlib.contextmanager
def _acting(
    scenario: Scenario, cluster: Cluster | None, earlier: int, streams: tuple[Path, ...], pid: int
) -> Iterator[None]:
    if cluster is None or not scenario.action:
        yield
        return
    conductor = Conductor(
        scenario.id,
        scenario.action,
        cluster,
        applications=lambda: [one.id for one in cluster.applications()[earlier:]],
        streams=streams,
        client=lambda: pid,
    )
    with conductor.running():
        yield


def _exit_code(returned: int) -> int:
    """Tell a death by signal as a shell does."""
    return 128 - returned if returned < 0 else returned


def environment(scenario: Scenario | None, place: Place) -> dict[str, str]:
    """Give a job nothing of ours: a secret of the runner's environment can't reach a log."""
    engine = place.engine
    options = ("-Duser.name=hadoop", "-Duser.timezone=UTC", f"-Djava.io.tmpdir={place.tmp}")
    folders = [str(engine.spark / "bin"), str(engine.java), "/usr/local/bin", "/usr/bin", "/bin"]
    user = scenario.user if scenario else "hadoop"
    plain = bool(scenario and scenario.unprivileged)
    values = {
        "PATH": os.pathsep.join(folders),
        "HOME": str(place.home),
        "TZ": "UTC",
        "LANG": "C.UTF-8",
        "TMPDIR": str(place.tmp),
        "JAVA_HOME": str(engine.java.parent),
        "HADOOP_USER_NAME": user,
        "SPARK_USER": user,
        "SPARK_HOME": str(engine.spark),
        "SPARK_SUBMIT_OPTS": " ".join([*options, f"-Divy.home={place.cache}", f"-Duser.home={place.cache}"]),
        "PYSPARK_PYTHON": _SYSTEM_PYTHON if plain else str(engine.python),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    if place.cluster is None:
        return {**values, "SPARK_LOCAL_DIRS": str(place.tmp)}
    conf = place.cluster.conf
    return {**values, "HADOOP_CONF_DIR": str(conf), "YARN_CONF_DIR": str(conf), "SPARK_CONF_DIR": str(conf)}


def write_defaults(cluster: Cluster) -> None:
    """Write the cluster's spark-defaults.conf beside its own configuration."""
    conf = {**_DEFAULTS, "spark.yarn.jars": f"local:{cluster.engine.spark}/jars/*"}
    text = "".join(f"{key} {value}\n" for key, value in sorted(conf.items()))
    (cluster.conf / "spark-defaults.conf").write_text(text, encoding="utf-8")


def _sizes(cluster: Cluster | None) -> dict[str, int]:
    return {path.stem: path.stat().st_size for path in cluster.logs.iterdir()} if cluster else {}


def _daemons(cluster: Cluster | None, before: Mapping[str, int]) -> dict[str, bytes]:
    if cluster is None:
        return {}
    names = ("nodemanager", "resourcemanager")
    return {name: (cluster.logs / f"{name}.log").read_bytes()[before.get(name, 0) :] for name in names}
