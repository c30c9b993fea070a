r"""A daemon's records in, those that matter to one step out: about its containers, or a node in trouble.

YARN's ResourceManager says that a node is gone in an INFO line that names nothing but the node (`Deactivating
Node ip-10-0-3-4.ec2.internal:8041 as it is now LOST`). It matters where the step's application master ran
there, which only the line tells that assigned its container: so every block is searched for that before its
records are judged. It matters as well where the job was aborted because nobody could connect to the node any
more. Any other lost node is told by the driver, if it did harm.
Source of the wording: Hadoop RMNodeImpl, FiCaSchedulerNode, AbstractLivelinessMonitor (2.8 to 3.4).
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from diagnose.passage import Passage
from diagnose.record import Level, Record, parse_header

MAX_HOSTS: Final = 200
"""More than any step needs: YARN tries an application master twice."""
_TAIL_BYTES: Final = 512
"""Of a block, kept for a line that goes on in the next."""
_NODE_TROUBLE: Final = re.compile(
    r"unhealthy|local-dirs|log-dirs|bad local|No space left|used space above threshold|OutOfMemory|"
    r"[Dd]ecommission|LOST|Deactivating Node|[Ss]afe ?mode|Spot"
)
_NODE_GONE: Final = re.compile(
    r"Deactivating Node ([\w.-]+):\d+ as it is now |Expired: ?([\w.-]+):\d+ Timed out after|"
    r"Node ([\w.-]+):\d+ reported UNHEALTHY"
)
_ABORTED: Final = "Job aborted due to stage failure"
_OUT_OF_REACH: Final = re.compile(
    r"[Ff]ailed to connect to ([\w.-]+)[/:]|FetchFailed\(BlockManagerId\(\w+, ([\w.-]+), "
)
"""In the record of an aborted job: the node whose shuffle files it could not get."""
_ALWAYS: Final = datetime.min.replace(tzinfo=UTC)
_ANY_APP: Final = re.compile(r"(?:application|container|appattempt)_(?:e\d+_)?(?P<id>\d+_\d+)")


class DaemonFilter:
    """Tells which records of the daemons matter; one for all daemons of a step.

    Args:
        applications: of the step, such as `application_1795331436133_0001`.
        passages: of the step's and its containers' logs: what ended the job may name a node.
    """

    def __init__(self, applications: Iterable[str], passages: Iterable[Passage] = ()) -> None:
        self._ids = frozenset(app.removeprefix("application_") for app in applications)
        masters = "|".join(re.escape(app) for app in sorted(self._ids))
        self._assigned = re.compile(
            rf"Assigned container container_(?:e\d+_)?(?:{masters})_\d+_000001 of ".encode()
            + rb"[^\n]{0,200}? on host ([\w.-]+):"
        )
        self._tail = b""
        self._hosts: dict[str, datetime] = {}
        """Nodes that matter, and since when."""
        for passage in passages:
            for mark in passage.marks:
                texts = [line.text for line in passage.lines[mark.first : mark.last + 1]]
                if any(_ABORTED in text for text in texts):
                    found = (hit[1] or hit[2] for text in texts for hit in _OUT_OF_REACH.finditer(text))
                    self._hosts |= dict.fromkeys(found, _ALWAYS)

    def hear(self, block: bytes) -> None:
        """Learn where the step's application masters run, from the next bytes of a file."""
        if not self._ids or len(self._hosts) >= MAX_HOSTS:
            return
        seen = self._tail + block[:_TAIL_BYTES]
        for part in (seen, block):
            if b"_000001 of capacity" in part:
                for hit in self._assigned.finditer(part):
                    start = part.rfind(b"\n", 0, hit.start()) + 1
                    self._note(hit[1].decode(), part[start : hit.end()].decode(errors="replace"))
        self._tail = block[-_TAIL_BYTES:]

    def _note(self, host: str, line: str) -> None:
        """Note where a master runs, and since when; the line may have lost its beginning."""
        header, known = parse_header(line), self._hosts.get(host)
        time = header.time if header else None
        self._hosts[host] = min(filter(None, (time, known)), default=_ALWAYS)

    def __call__(self, record: Record) -> bool:
        """Tell whether a record is about this step or about a node that matters to it."""
        text = "\n".join(line.text for line in record.lines[:5])
        named = {hit["id"] for hit in _ANY_APP.finditer(text)}
        if named:
            return bool(named & self._ids)
        if record.level >= Level.WARN:
            return _NODE_TROUBLE.search(text) is not None
        gone = _NODE_GONE.search(text)
        since = self._hosts.get(next(filter(None, gone.groups()))) if gone else None
        return since is not None and (record.time or since) >= since
