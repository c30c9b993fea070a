"""A log line in, the settings whose values it states out; any text in, the settings that it names out.

Values are stated by configuration dumps (`spark.executor.memory=4g`, `(spark.executor.cores,2)`), `SET`,
`--conf` and the flags of spark-submit in the step's command line, and by sentences in which Spark and Hive
tell what they work with. Says what a line is about, never whether the value is right.
Limits: names are told by their first part and small letters after each dot; a class name is none. Sources of
the sentences: Spark's yarn `Client`, `YarnAllocator`, `ResourceProfile`, `MemoryStore` and `SharedState`,
Hive's `HiveMetaStoreClient`, EMR's step controller.
"""

import re
from functools import cache
from typing import Any, Final

import re2

_FAMILY: Final = r"(?:spark|yarn|hive|hadoop|mapreduce|mapred|tez|dfs|fs)"
_PART: Final = r"\.[a-z][A-Za-z0-9_-]*"
_BEFORE: Final = r"(?:^|-D|[^A-Za-z0-9_.$/@-])"
_FLAGS: Final = {
    "--driver-memory": "spark.driver.memory",
    "--driver-cores": "spark.driver.cores",
    "--driver-java-options": "spark.driver.extraJavaOptions",
    "--driver-class-path": "spark.driver.extraClassPath",
    "--executor-memory": "spark.executor.memory",
    "--executor-cores": "spark.executor.cores",
    "--num-executors": "spark.executor.instances",
    "--jars": "spark.jars",
    "--packages": "spark.jars.packages",
    "--py-files": "spark.submit.pyFiles",
    "--archives": "spark.archives",
    "--queue": "spark.yarn.queue",
}
_EXECUTOR: Final = ("spark.executor.memory", "spark.executor.memoryOverhead", "spark.executor.cores")
ARGUMENTS: Final = "step.arguments"
"""Stands for the step's command, which names paths as well."""
_DRIVER: Final = ("spark.driver.memory", "spark.driver.memoryOverhead")
_SENTENCES: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    (r"startExec '", (ARGUMENTS,)),
    (
        r"Will allocate AM container, with \d",
        (*_DRIVER, "spark.yarn.am.memory", "spark.yarn.am.memoryOverhead"),
    ),
    (
        r"than the maximum memory capability of the cluster \(\d",
        ("yarn.scheduler.maximum-allocation-mb", "yarn.nodemanager.resource.memory-mb"),
    ),
    (r"Will request \d+ executor container", (*_EXECUTOR, "spark.executor.instances")),
    (r"Default ResourceProfile created, executor resources", _EXECUTOR),
    (r"MemoryStore started with capacity \d", ("spark.driver.memory", "spark.memory.fraction")),
    (r"-Xmx\d", ("spark.executor.memory",)),
    (
        r"Using initial executors = \d",
        (
            "spark.dynamicAllocation.initialExecutors",
            "spark.dynamicAllocation.minExecutors",
            "spark.executor.instances",
        ),
    ),
    (r"Warehouse path is ", ("spark.sql.warehouse.dir",)),
    (r"Trying to connect to metastore with URI ", ("hive.metastore.uris",)),
)  # fmt: skip
_VALUED: Final = rf"{_BEFORE}{_FAMILY}(?:(?:{_PART})+[\"']? ?(?:=|->)|{_PART}(?:{_PART})+[\"']? ?[:,])"
STATEMENT: Final = "|".join(
    (_VALUED, rf"(?:{'|'.join(_FLAGS)})[ =]", *(pattern for pattern, _ in _SENTENCES))
)
"""Lines that state a value, for RE2 and the sieve."""

_DOTTED: Final = re.compile(
    rf"{_BEFORE}(?P<name>{_FAMILY}(?:{_PART})+)[\"']? ?(?P<sign>=>?|->|:|,)"
    r" ?[\"']?(?P<value>[^\s,;)'\"]{0,60})"
)
_FLAG: Final = re.compile(rf"(?P<flag>{'|'.join(_FLAGS)})(?: |=)(?P<value>\S{{0,60}})")
_TOLD: Final = tuple((re.compile(pattern), names) for pattern, names in _SENTENCES)
_NAMED: Final = re.compile(rf"(?:^|-D|(?<![\w.$/@-]))(?P<name>{_FAMILY}(?:{_PART})+)")
_NAMED_FLAG: Final = re.compile("|".join(_FLAGS))
_OLD_OVERHEAD: Final = re.compile(r"spark\.yarn\.(executor|driver)\.memoryOverhead")


def states(text: str) -> bool:
    """Tell whether a line states the value of some setting, or the step's command."""
    return _search().search(text) is not None


@cache
def _search() -> Any:  # noqa: ANN401 - google-re2 ships no types
    options = re2.Options()
    options.log_errors = False
    return re2.compile(STATEMENT, options)


def stated(text: str) -> dict[str, str]:
    """Give the settings whose values a line states, and `ARGUMENTS` for the step's command.

    Args:
        text: one log line.

    Returns:
        The beginning of each value by name; "" where a sentence tells it in other units or words.
    """
    found = {name: "" for pattern, names in _TOLD if pattern.search(text) for name in names}
    found |= {_FLAGS[hit["flag"]]: hit["value"] for hit in _FLAG.finditer(text)}
    for hit in _DOTTED.finditer(text):
        if hit["sign"] not in ":," or hit["name"].count(".") > 1:  # a logger's name has a colon, too
            found[_usual(hit["name"])] = hit["value"]
    return found


def named(text: str) -> list[str]:
    """Give the settings that a text names, each once, in order."""
    found = [(hit.start(), _usual(hit["name"])) for hit in _NAMED.finditer(text)]
    found += [(hit.start(), _FLAGS[hit[0]]) for hit in _NAMED_FLAG.finditer(text)]
    return list(dict.fromkeys(name for _, name in sorted(found)))


def _usual(name: str) -> str:
    """Give the name by which a setting is known: not its old one, without Spark's prefix for Hadoop's."""
    return _OLD_OVERHEAD.sub(r"spark.\1.memoryOverhead", name.removeprefix("spark.hadoop."))
