"""EMR's S3 log layout: file names in, what each file is out.

    steps/<s-id>/{controller,stderr,stdout,syslog}.gz
    containers/<application>/[<host>/]<container>/{stderr,stdout,…}.gz
    node/<i-id>/applications/hadoop-yarn/hadoop-yarn-{nodemanager,resourcemanager}-<host>.log*.gz

Container `_000001` of an attempt is the application master: the driver in cluster mode.
Names that fit nothing are `OTHER`. Pure: no file is opened here.
Source: EMR management guide, "View log files"; container ids: Hadoop ContainerId (`container_eNN_…` after
a ResourceManager restart).
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class SourceKind(StrEnum):
    """What wrote a log file."""

    STEP = "step"
    CONTROLLER = "controller"
    DRIVER = "driver"
    EXECUTOR = "executor"
    NODE_MANAGER = "nodemanager"
    RESOURCE_MANAGER = "resourcemanager"
    CONTEXT = "context"
    """Words of the platform about the step, not a log file."""
    OTHER = "other"


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """One log file and what it is."""

    file: str
    kind: SourceKind
    stream: str
    """`stderr`, `stdout`, `syslog`, `controller` or `log`."""
    step: str | None = None
    application: str | None = None
    container: str | None = None
    attempt: int | None = None


_STEP: Final = re.compile(r"(?:^|/)steps/(?P<step>s-[A-Z0-9]+)/(?P<stream>[a-z]+)(?:\.log)?(?:\.gz)?$")
_CONTAINER: Final = re.compile(
    r"(?:^|/)(?P<container>container_(?:e\d+_)?(?P<app>\d+_\d+)_(?P<attempt>\d+)_(?P<number>\d+))"
    r"/(?P<stream>[\w.-]+?)(?:\.gz)?$"
)
_DAEMON: Final = re.compile(r"hadoop-yarn-(?P<daemon>nodemanager|resourcemanager)-[^/]*\.log[^/]*$")
_NODE: Final = re.compile(r"(?:^|/)node/")
FOLDERS: Final = frozenset(("steps", "containers", "node"))
"""What a cluster's folder holds."""
_CLUSTER: Final = re.compile(r"j-[A-Z0-9]{4,}")
_APPLICATION: Final = re.compile(r"application_\d+_\d+")
_STREAMS: Final = ("stderr", "stdout", "syslog", "controller", "prelaunch.err")
_ORDER: Final = {kind: place for place, kind in enumerate(SourceKind)}


def classify(name: str) -> Source:
    """Tell what a file is by its name.

    Args:
        name: the file's path with `/`; the parts above `steps`, `containers` and `node` don't matter.

    Returns:
        The source; kind `OTHER` where the name fits no place of the layout.
    """
    if hit := _STEP.search(name):
        kind = SourceKind.CONTROLLER if hit["stream"] == "controller" else SourceKind.STEP
        return Source(file=name, kind=kind, stream=hit["stream"], step=hit["step"])
    if hit := _CONTAINER.search(name):
        kind = SourceKind.DRIVER if int(hit["number"]) == 1 else SourceKind.EXECUTOR
        return Source(
            file=name,
            kind=kind,
            stream=hit["stream"],
            application=f"application_{hit['app']}",
            container=hit["container"],
            attempt=int(hit["attempt"]),
        )
    if hit := _DAEMON.search(name):
        return Source(file=name, kind=SourceKind(hit["daemon"]), stream="log")
    stream = next((s for s in _STREAMS if s in name.rsplit("/", 1)[-1]), "log")
    return Source(file=name, kind=SourceKind.OTHER, stream=stream)


def in_layout(name: str) -> bool:
    """Tell whether a name lies in EMR's layout at all, readable for us or not."""
    return classify(name).kind is not SourceKind.OTHER or bool(_NODE.search(name))


def is_cluster(name: str) -> bool:
    """Tell whether a folder's name is a cluster's id."""
    return _CLUSTER.fullmatch(name) is not None


def is_application(name: str) -> bool:
    """Tell whether a folder's name is a YARN application's id."""
    return _APPLICATION.fullmatch(name) is not None


def steps(sources: Iterable[Source]) -> tuple[str, ...]:
    """List the step ids that have files, in order of appearance."""
    return tuple(dict.fromkeys(s.step for s in sources if s.step))


def applications(sources: Iterable[Source]) -> tuple[str, ...]:
    """List the YARN applications that have container logs, oldest first."""
    return tuple(sorted({s.application for s in sources if s.application}, key=application_order))


def application_order(application: str) -> tuple[int, ...]:
    """Give a sort key of an application id: cluster start time, then sequence number."""
    return tuple(int(part) for part in re.findall(r"\d+", application))


def step_sources(sources: Sequence[Source], step: str | None) -> tuple[Source, ...]:
    """Pick the files of one step; standard error first, it names the applications."""
    found = (s for s in sources if s.step is not None and s.step == step)
    return tuple(sorted(found, key=lambda s: (_stream_order(s.stream), s.file)))


def container_sources(sources: Sequence[Source], wanted: Iterable[str]) -> tuple[Source, ...]:
    """Pick the container files of some applications: drivers before executors, then by container."""
    ids = frozenset(wanted)
    found = (s for s in sources if s.application in ids and s.stream in _STREAMS)
    return tuple(sorted(found, key=lambda s: (_ORDER[s.kind], s.container or "", _stream_order(s.stream))))


def daemon_sources(sources: Sequence[Source]) -> tuple[Source, ...]:
    """Pick the NodeManager and ResourceManager logs."""
    wanted = (SourceKind.NODE_MANAGER, SourceKind.RESOURCE_MANAGER)
    return tuple(sorted((s for s in sources if s.kind in wanted), key=lambda s: (_ORDER[s.kind], s.file)))


def _stream_order(stream: str) -> int:
    return _STREAMS.index(stream) if stream in _STREAMS else len(_STREAMS)


_STRONG_MENTION: Final = re.compile(
    r"(?:Submitt(?:ed|ing) application |Application report for |Executing on YARN cluster with App id |"
    r"Starting Job = |Running job: |tracking URL: \S*/proxy/|Killing application |"
    r"Application )(?:application|job)_(?P<id>\d{10,}_\d{4,})"
)
_ANY_MENTION: Final = re.compile(r"\bapplication_(?P<id>\d{10,}_\d{4,})")


def mentioned(line: str) -> tuple[str | None, str | None]:
    """Find an application id in a line of the step's own logs.

    Returns:
        The id where the line says that the step submitted it, and the id where it is named at all.
    """
    strong = _STRONG_MENTION.search(line)
    weak = _ANY_MENTION.search(line)
    return (
        f"application_{strong['id']}" if strong else None,
        f"application_{weak['id']}" if weak else None,
    )
