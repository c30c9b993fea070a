"""A scenario → a finished spark-submit in client mode: both streams, exit code, times. Bounded in time."""

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from evals.errors import PrerequisiteError, ScenarioError
from evals.lab.scenario import Scenario
from evals.lab.service import serving

TIMEOUT_SECONDS: Final = 300
"""A failing job here takes 5 to 60 s on two cores; a job that hangs is stopped."""

NOBODY: Final = 65534
"""The user id without rights on Debian and Amazon Linux."""

_SYSTEM_PYTHON: Final = "/usr/bin/python3"
"""For the user without rights, who may not enter the folder of the Python that runs this."""

_BASE_CONF: Final = {"spark.driver.memory": "700m"}


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a job runs: its folders, and Spark's."""

    home: Path
    tmp: Path
    cache: Path
    """Jars fetched from Maven, kept between jobs."""
    spark: Path


@dataclass(frozen=True, kw_only=True)
class Submission:
    """What spark-submit left behind."""

    arguments: tuple[str, ...]
    stdout: bytes
    stderr: bytes
    exit_code: int
    started: datetime
    ended: datetime


def find_spark() -> Path:
    """Find the folder of the `pyspark` package.

    Raises:
        PrerequisiteError: Java or pyspark is missing.
    """
    if not shutil.which("java"):
        raise PrerequisiteError(
            "java: not found on the PATH; install Java 17 (for example openjdk-17-jre-headless)"
        )
    found = importlib.util.find_spec("pyspark")
    if found is None or found.origin is None:
        raise PrerequisiteError("pyspark: not installed; run `pip install --group lab`")
    return Path(found.origin).parent


def check(scenario: Scenario) -> None:
    """Check what this scenario needs beside Spark.

    Raises:
        PrerequisiteError: A module is missing, or a user without rights can't be taken on.
    """
    for module in scenario.requires:
        if importlib.util.find_spec(module) is None:
            raise PrerequisiteError(
                f"{scenario.id}: Python module {module} is missing; `pip install {module}`"
            )
    if scenario.unprivileged and (os.geteuid() != 0 or not shutil.which("setpriv")):
        raise PrerequisiteError(
            f"{scenario.id}: needs root and setpriv to run its job without rights; run it so"
        )


def submit(scenario: Scenario, place: Place) -> Submission:
    """Write the job and its files, start the services, run spark-submit to its end.

    Raises:
        ScenarioError: The job did not fail, or did not end in time.
    """
    with serving(scenario.service) as addresses:
        values = {"home": str(place.home), "tmp": str(place.tmp), **addresses}
        job = _write(scenario, place, values)
        arguments = _arguments(scenario, job, values)
        started = datetime.now(UTC)
        done = _execute(scenario, place, arguments)
        ended = datetime.now(UTC)
    if done.returncode == 0:
        raise ScenarioError(f"{scenario.id}: the job succeeded; make it fail")
    return Submission(
        arguments=arguments,
        stdout=done.stdout,
        stderr=done.stderr,
        exit_code=done.returncode,
        started=started,
        ended=ended,
    )


def _write(scenario: Scenario, place: Place, values: Mapping[str, str]) -> Path:
    for file in scenario.file:
        path = place.tmp / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(scenario.fill(file.text, values), encoding="utf-8")
        path.chmod(file.mode)
    job = place.home / "jobs" / f"{scenario.job_name}.py"
    job.parent.mkdir(parents=True, exist_ok=True)
    job.write_text(scenario.fill(scenario.source, values), encoding="utf-8")
    return job


def _arguments(scenario: Scenario, job: Path, values: Mapping[str, str]) -> tuple[str, ...]:
    conf = {**_BASE_CONF, **scenario.conf}
    settings = [part for key in sorted(conf) for part in ("--conf", f"{key}={conf[key]}")]
    packages = ["--packages", ",".join(scenario.packages)] if scenario.packages else []
    base = ["spark-submit", "--master", "local[2]", "--deploy-mode", "client", "--name", scenario.job_name]
    given = [*base, *settings, *packages, str(job), *scenario.args]
    return tuple(scenario.fill(text, values) for text in given)


def _execute(
    scenario: Scenario, place: Place, arguments: tuple[str, ...]
) -> subprocess.CompletedProcess[bytes]:
    command = [str(place.spark / "bin" / "spark-submit"), *arguments[1:]]
    if scenario.unprivileged:
        for folder in (place.home, place.tmp):
            os.chown(folder, NOBODY, NOBODY)
        command = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *command]
    python = _SYSTEM_PYTHON if scenario.unprivileged else sys.executable
    try:
        return subprocess.run(  # noqa: S603 (our own scenario, our own spark-submit, no shell)
            command,
            cwd=place.home,
            env=_environment(place, python),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ScenarioError(
            f"{scenario.id}: not ended after {TIMEOUT_SECONDS} s; make it fail sooner"
        ) from error


def _environment(place: Place, python: str) -> dict[str, str]:
    """Give the job nothing of ours: a secret of the runner's environment can't reach a log."""
    java = Path(shutil.which("java") or "java").resolve()
    options = ("-Duser.name=hadoop", "-Duser.timezone=UTC", f"-Djava.io.tmpdir={place.tmp}")
    return {
        "PATH": os.pathsep.join([str(java.parent), "/usr/local/bin", "/usr/bin", "/bin"]),
        "HOME": str(place.home),
        "TZ": "UTC",
        "LANG": "C.UTF-8",
        "TMPDIR": str(place.tmp),
        "HADOOP_USER_NAME": "hadoop",
        "SPARK_USER": "hadoop",
        "SPARK_HOME": str(place.spark),
        "SPARK_LOCAL_DIRS": str(place.tmp),
        "SPARK_SUBMIT_OPTS": " ".join([*options, f"-Divy.home={place.cache}", f"-Duser.home={place.cache}"]),
        "PYSPARK_PYTHON": python,
        "PYTHONDONTWRITEBYTECODE": "1",
    }
