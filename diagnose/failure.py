"""The failed job as values: which step of which cluster, when, with what settings.

`Failure` says what failed; `JobContext` groups what is known of the cluster and the job.
Both hold raw values: redact before showing.
"""

import re
from collections.abc import Mapping, Sequence
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
    failed_at: datetime | None = None
    applications: tuple[str, ...] = ()
    """YARN applications that the platform says belong to the step."""


@dataclass(frozen=True, kw_only=True, slots=True)
class JobContext:
    """What surrounds the failure, in the groups of the design; every group may be empty."""

    cluster: Mapping[str, Any] = field(default_factory=lambda: _EMPTY)
    log_location: str | None = None
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
    "--executor-cores": "spark.executor.cores",
    "--num-executors": "spark.executor.instances",
    "--queue": "spark.yarn.queue",
}
_CONF: Final = re.compile(r"(?P<name>[\w.-]+)=(?P<value>.*)", re.DOTALL)


def spark_conf(args: Sequence[str]) -> dict[str, str]:
    """Read the Spark settings of a spark-submit command line (`--conf k=v` and the short options)."""
    conf: dict[str, str] = {}
    for place, arg in enumerate(args[:-1]):
        following = args[place + 1]
        if arg in ("--conf", "-c") and (hit := _CONF.fullmatch(following)):
            conf[hit["name"]] = hit["value"]
        elif arg in _SHORT_OPTIONS:
            conf[_SHORT_OPTIONS[arg]] = following
    return conf
