"""The failed job as values: which step of which cluster, when, with what settings.

`Failure` says what failed; `JobContext` groups what is known of the cluster and the job.
Both hold raw values: redact before showing.
"""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

_EMPTY: Final[Mapping[str, Any]] = MappingProxyType({})


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """One failed run: ids are "" where nobody told."""

    platform: str = "emr"
    cluster_id: str = ""
    step_id: str = ""
    job_name: str | None = None
    started_at: datetime | None = None
    failed_at: datetime | None = None
    region: str = ""
    """Where the cluster runs, such as `eu-west-1`."""
    applications: tuple[str, ...] = ()
    """YARN applications that the platform says belong to the step."""


@dataclass(frozen=True, kw_only=True, slots=True)
class JobContext:
    """What surrounds the failure, in the groups of the design; every group may be empty."""

    cluster: Mapping[str, Any] = field(default_factory=lambda: _EMPTY)
    log_location: str | None = None
    """Where this step's logs go, such as `s3://logs/emr/`: the step's own place goes before its cluster's."""
    log_locations: tuple[str, ...] = ()
    """All places where logs may be, the likeliest first."""
    logging: Mapping[str, Any] = field(default_factory=lambda: _EMPTY)
    """Who names the location (`from`), the key that encrypts it, what is not uploaded."""
    spark: Mapping[str, str] = field(default_factory=lambda: _EMPTY)
    yarn: Mapping[str, str] = field(default_factory=lambda: _EMPTY)
    hive: Mapping[str, str] = field(default_factory=lambda: _EMPTY)
    step: Mapping[str, Any] = field(default_factory=lambda: _EMPTY)
    signals: Mapping[str, Any] = field(default_factory=lambda: _EMPTY)
    document: str = ""
    """All that was told, as text: redaction learns its secrets from it; never shown."""

    @property
    def deploy_mode(self) -> str | None:
        """`client` or `cluster`, where the step's arguments or settings say so."""
        return option_value(self.step.get("args", ()), "--deploy-mode") or self.spark.get(
            "spark.submit.deployMode"
        )

    def template_values(self) -> dict[str, str]:
        """Name the values that a signature's words may use, as far as they are known."""
        wanted = {
            "executor_memory": self.spark.get("spark.executor.memory"),
            "executor_overhead": self.spark.get("spark.executor.memoryOverhead"),
            "executor_cores": self.spark.get("spark.executor.cores"),
            "driver_memory": self.spark.get("spark.driver.memory"),
            "driver_overhead": self.spark.get("spark.driver.memoryOverhead"),
            "shuffle_partitions": self.spark.get("spark.sql.shuffle.partitions"),
            "max_result_size": self.spark.get("spark.driver.maxResultSize"),
            "broadcast_timeout": self.spark.get("spark.sql.broadcastTimeout"),
            "deploy_mode": self.deploy_mode,
            "job_name": self.step.get("name"),
        }
        return {name: str(value) for name, value in wanted.items() if value}


def option_value(args: Sequence[str], option: str) -> str | None:
    """Find the value of `--option value` or `--option=value` in a command line."""
    for place, arg in enumerate(args):
        if arg == option and place + 1 < len(args):
            return args[place + 1]
        if arg.startswith(option + "="):
            return arg.partition("=")[2]
    return None


_SHORT_OPTIONS: Final = {
    "--executor-memory": "spark.executor.memory",
    "--driver-memory": "spark.driver.memory",
    "--driver-cores": "spark.driver.cores",
    "--driver-java-options": "spark.driver.extraJavaOptions",
    "--executor-cores": "spark.executor.cores",
    "--num-executors": "spark.executor.instances",
    "--queue": "spark.yarn.queue",
}
_SWITCHES: Final = {"--verbose", "-v", "--supervise", "--help", "-h", "--version", "--usage-error"}
"""Options of spark-submit that take no value. Source: Spark, SparkSubmitOptionParser."""
_CONF: Final = re.compile(r"(?P<name>[^\s=]+)=(?P<value>.*)", re.DOTALL)


def spark_conf(args: Sequence[str]) -> dict[str, str]:
    """Read the Spark settings of a command line: `--conf k=v` and, stronger, the short options.

    What stands behind the job's file are arguments of the job, not of Spark. A whole command in one argument
    (`bash -c "spark-submit …"`) is read as well. Without `spark-submit` every option counts: the step's own
    script may hand them on.
    """
    conf: dict[str, str] = {}
    short: dict[str, str] = {}
    submitted = _submitted(args)
    for option, value in _pairs(args) if submitted is None else _options(submitted):
        if option in ("--conf", "-c") and (hit := _CONF.fullmatch(value)):
            conf[hit["name"]] = hit["value"]
        elif option in _SHORT_OPTIONS:
            short[_SHORT_OPTIONS[option]] = value
    return {**conf, **short}


def hive_conf(args: Sequence[str]) -> dict[str, str]:
    """Read the Hive settings of a command line: `--hiveconf k=v`, also with one dash."""
    told = (value for option, value in _pairs(args) if option in ("--hiveconf", "-hiveconf"))
    hits = (_CONF.fullmatch(value) for value in told)
    return {hit["name"]: hit["value"] for hit in hits if hit}


def _submitted(args: Sequence[str]) -> Sequence[str] | None:
    """Give what follows `spark-submit`; None where it does not stand."""
    for place, arg in enumerate(args):
        if arg == "spark-submit" or arg.endswith("/spark-submit"):
            return args[place + 1 :]
        if "spark-submit " in arg:
            return _submitted(_words(arg))
    return None


def _words(command: str) -> list[str]:
    """Split a command for a shell; by blanks alone where a quotation has no end."""
    try:
        words = shlex.split(command)
    except ValueError:
        words = command.split()
    return words if len(words) > 1 else []


def _options(args: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Pair options with their values, up to the first argument that is neither."""
    rest = iter(args)
    for arg in rest:
        if not arg.startswith("-"):
            return
        if arg in _SWITCHES:
            continue
        name, equals, value = arg.partition("=")
        if equals:
            yield name, value
        elif (following := next(rest, None)) is not None:
            yield arg, following


def _pairs(args: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Pair everything that looks like an option with what may be its value."""
    for place, arg in enumerate(args):
        name, equals, value = arg.partition("=")
        if arg.startswith("-") and equals:
            yield name, value
        elif arg.startswith("-") and place + 1 < len(args):
            yield arg, args[place + 1]
