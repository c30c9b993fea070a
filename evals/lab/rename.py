"""Text of this machine → text of an EMR node: hosts, addresses, folders, users, ids of applications only.

A rule replaces what is ours by what EMR shows. Rules that depend on the run (ports, folders) are built from
it; the ids of applications follow from the scenario's id, so that a new run does not move every file.
"""

import getpass
import hashlib
import platform
import re
import socket
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from evals.errors import ScenarioError
from evals.lab.cluster.cluster import Cluster
from evals.lab.cluster.engine import Engine

NODE_HOST: Final = "ip-10-0-2-10.ec2.internal"
NODE_ADDRESS: Final = "10.0.2.10"
NAME_HOST: Final = "ip-10-0-2-11.ec2.internal"
NAME_ADDRESS: Final = "10.0.2.11"
NODE_KERNEL: Final = "6.1.109-118.189.amzn2023.x86_64"

_LOOPBACK: Final = re.compile(r"(?<![\d.])127\.0\.0\.1(?![\d.]*\d)")
_LOCALHOST: Final = re.compile(r"(?<![\w.-])localhost(?![\w.-]*\w)")
_INTERFACE: Final = re.compile(r"(\(on interface )[^)]+\)")
_APPLICATION: Final = re.compile(r"(?<=_)(\d{13})_(\d{4,})(?=\D|$)")
_NUMBER: Final = re.compile(r"((?:applicationId: |application with id ))(\d+)\b")
_SERVICE_HOSTS: Final = "10.0.5."


class Names:
    """The rules of one run."""

    def __init__(
        self,
        scenario_id: str,
        engine: Engine,
        folders: Mapping[Path, str],
        *,
        cluster: Cluster | None = None,
        services: Mapping[str, str] | None = None,
        first: int = 1,
    ) -> None:
        """Build the rules.

        Args:
            scenario_id: Decides the ids.
            engine: Its folders are renamed.
            folders: The job's own folders → what EMR calls them.
            cluster: Where the job ran, if it was one.
            services: `service:NAME` → host:port.
            first: Number of the run's first application on this cluster.
        """
        self._folders = sorted(_folders(engine, folders, cluster).items(), key=lambda pair: -len(pair[0]))
        host = re.escape(socket.gethostname())
        self._host = re.compile(rf"(?<![\w.-]){host}(?:\.[\w.-]*\w)?(?![\w-])")
        addresses = "|".join(map(re.escape, own_addresses()))
        self._address = re.compile(rf"(?<![\d.])(?:{addresses})(?![\d.]*\d)") if addresses else None
        self._cluster = cluster
        self._ports = _ports(cluster, services or {}) if cluster else {}
        self._user = re.compile(
            rf"((?:acls to|permissions): ){re.escape(getpass.getuser())}(?=,| ?;|$)", re.MULTILINE
        )
        seed = int.from_bytes(hashlib.sha256(f"application/{scenario_id}".encode()).digest()[:8])
        self._stamp = str(1_790_000_000_000 + seed % 5_000_000_000)
        self._offset = seed % 400 + 1 - first

    def text(self, text: str, *, user: str = "yarn") -> str:
        """Rename everything; `user` is who runs the process whose text it is."""
        for ours, theirs in self._folders:
            text = text.replace(ours, theirs)
        text = text.replace(platform.release(), NODE_KERNEL)
        if self._cluster:
            text = self._of_cluster(text, user)
        text = self._host.sub(NODE_HOST, text)
        return self._address.sub(NODE_ADDRESS, text) if self._address else text

    def path(self, name: str) -> str:
        """Rename the ids of applications in a path."""
        return _APPLICATION.sub(self._identify, name)

    def _of_cluster(self, text: str, user: str) -> str:
        for pattern, replacement in self._ports.items():
            text = pattern.sub(replacement, text)
        # Spark warns that the host's name is a loopback address; the sentence would contradict itself.
        text = text.replace("resolves to a loopback address: 127.0.0.1", "resolves to a loopback address: @")
        text = re.sub(
            rf"(?:localhost|{self._host.pattern})/127\.0\.0\.1", f"{NODE_HOST}/{NODE_ADDRESS}", text
        )
        text = _LOOPBACK.sub(NODE_ADDRESS, _LOCALHOST.sub(NODE_HOST, text))
        text = text.replace("resolves to a loopback address: @", "resolves to a loopback address: 127.0.0.1")
        text = _INTERFACE.sub(r"\1eth0)", text)
        text = self._user.sub(rf"\g<1>{user}", text)
        return self.path(_NUMBER.sub(lambda match: f"{match[1]}{int(match[2]) + self._offset}", text))

    def _identify(self, match: re.Match[str]) -> str:
        return f"{self._stamp}_{(int(match[2]) + self._offset) % 10_000:04d}"

    def check(self, name: str, texts: Iterable[str]) -> None:
        """Refuse what still names a folder or the host of this machine.

        Raises:
            ScenarioError: Something is left.
        """
        for text in texts:
            left = [ours for ours, theirs in self._folders if ours in text and not theirs.startswith(ours)]
            if left or self._host.search(text):
                raise ScenarioError(
                    f"{name}: the logs still name {left or 'the host'}; edit it in evals/lab/rename.py"
                )


def _folders(engine: Engine, folders: Mapping[Path, str], cluster: Cluster | None) -> dict[str, str]:
    version = engine.spark.parent.parent.name
    base = engine.python.resolve().parent.parent
    named = {
        **{str(path): name for path, name in folders.items()},
        str(engine.spark / "bin" / "spark-submit"): "spark-submit",
        str(engine.spark): "/usr/lib/spark",
        str(engine.spark.parent): f"/usr/local/lib/{version}/site-packages",
        str(engine.python): "/usr/bin/python3",
        str(engine.root / "venv"): "/usr/local",
        str(engine.root): "/usr/share/aws",
        str(base / "lib" / version): f"/usr/lib64/{version}",
        str(base): "/usr",
        str(engine.python.resolve()): "/usr/bin/python3",
        str(engine.java.parent): "/usr/lib/jvm/jre-17",
    }
    if cluster:
        named |= {str(path): "/mnt/yarn" for path in cluster.node_folders("local")}
        named |= {str(path): "/var/log/hadoop-yarn/containers" for path in cluster.node_folders("log")}
        named |= {str(cluster.conf): "/etc/hadoop/conf", str(cluster.folder): "/mnt/var/lib/hadoop"}
    return named


def _ports(cluster: Cluster, services: Mapping[str, str]) -> dict[re.Pattern[str], str]:
    """Rename host and port of the name node, and of each service as one of a machine of its own."""
    own = rf"(?:localhost|127\.0\.0\.1|{re.escape(socket.gethostname())})"
    port = cluster.default_fs.rpartition(":")[2]
    rules = {
        re.compile(rf"{own}/127\.0\.0\.1:{port}\b"): f"{NAME_HOST}/{NAME_ADDRESS}:8020",
        re.compile(rf"{own}:{port}\b"): f"{NAME_HOST}:8020",
    }
    for number, address in enumerate(services.values(), start=20):
        given, shown = address.rpartition(":")[2], 8000 + number
        rules |= {
            re.compile(
                rf"{own}/127\.0\.0\.1:{given}\b"
            ): f"{_SERVICE_HOSTS}{number}/{_SERVICE_HOSTS}{number}:{shown}",
            # As clients write it: host:1, ('host', 1), host='host', port=1, "host", port 1
            re.compile(rf"{own}(:|['\"]?, (?:port[ =])?){given}\b"): rf"{_SERVICE_HOSTS}{number}\g<1>{shown}",
        }
    return rules


def own_addresses() -> Sequence[str]:
    """List the addresses of this machine other than loopback."""
    found = {str(info[4][0]) for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # TEST-NET-1: a datagram socket sends nothing on connect
            found.add(str(probe.getsockname()[0]))
        except OSError:
            pass  # no route: no address beside loopback
    return sorted(address for address in found if not address.startswith("127."))
