"""A process that sees an unpacked package and the runtime interface client, and nothing of this project.

Where the machine lets us make a mount namespace, by root or by a user namespace of our own, every file system is
read-only in it and the checkout is an empty folder; elsewhere TMPDIR names a folder that can't be written.
`Sandbox.kind` says which it was.
"""

import functools
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CLIENT = ("awslambdaric", "simplejson", "snapshot-restore-py")
"""The runtime interface client and what it needs, as locked in requirements/dev.txt."""
FUNCTION = "diagnose"
WRITABLE = ("/tmp", "/var/tmp", "/dev/shm")
"""Mounts of their own on some machines; each is remounted beside the root."""


def client_lock(lock):
    """The part of a lock that holds the runtime interface client, hashes and all."""
    blocks = re.split(r"\n(?=\S)", lock)
    wanted = [b for b in blocks if re.match(rf"(?:{'|'.join(CLIENT)})==", b)]
    if len(wanted) != len(CLIENT):
        raise AssertionError(f"requirements/dev.txt must lock {', '.join(CLIENT)}")
    return "\n".join(wanted) + "\n"


def make_python(folder, interpreter):
    """Make an environment that holds the runtime interface client and nothing else; give its interpreter.

    Args:
        folder: where to; made.
        interpreter: of the version that the package was built for.
    """
    beside = Path(sys.executable).with_name("uv")
    uv = str(beside) if beside.exists() else "uv"
    folder.mkdir(parents=True, exist_ok=True)
    lock = folder / "client.txt"
    lock.write_text(client_lock((ROOT / "requirements" / "dev.txt").read_text()))
    python = folder / "venv" / "bin" / "python"
    make = [uv, "venv", "--quiet", "--python", str(interpreter), str(folder / "venv")]
    install = [uv, "pip", "install", "--quiet", "--python", str(python), "--only-binary", ":all:"]
    for command in (make, [*install, "--no-deps", "--require-hashes", "-r", str(lock)]):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    return python


KEPT = {"nosuid", "nodev", "noexec", "noatime", "nodiratime", "relatime"}
"""Flags of a mount that a user namespace must not take away, so a remount repeats them."""


def unshare(uid):
    """The words that begin a command in a mount namespace: in a user namespace, unless root asks."""
    user = [] if uid == 0 else ["--user", "--map-root-user"]
    return ["unshare", *user, "--mount", "--propagation", "private"]


def remount(folder, mounts):
    """The shell command that makes a mount on this folder read-only, with the other flags that its file system has.

    Args:
        folder: an absolute path, `/` or a mount's or one to be bound onto itself.
        mounts: as /proc/self/mounts tells them.
    """
    rows = [line.split() for line in mounts.splitlines()]
    below = [row for row in rows if Path(folder).is_relative_to(row[1])]
    flags = max(reversed(below), key=lambda row: len(row[1]))[3].split(
        ","
    )  # of several on one place, the last
    return f"mount -o {','.join(['remount', 'bind', 'ro', *(f for f in flags if f in KEPT)])} {folder}"


def _read_only():
    """What makes every file system that the function could write to read-only."""
    mounts = Path("/proc/self/mounts").read_text()
    own = [
        f"mount --bind {folder} {folder} && {remount(folder, mounts)}"
        for folder in WRITABLE
        if Path(folder).is_dir()
    ]
    return [remount("/", mounts), *own]


@functools.cache
def _namespaces(uid):
    """Whether this machine lets us make a mount namespace, and remount and mount in it."""
    if not shutil.which("unshare"):
        return False
    script = " && ".join([*_read_only(), f"mount -t tmpfs -o ro,size=4k none '{ROOT}'"])
    tried = [*unshare(uid), "sh", "-ec", script]
    return subprocess.run(tried, capture_output=True, check=False).returncode == 0


@dataclass(frozen=True, kw_only=True)
class Sandbox:
    """How a process is started that sees an unpacked package and the runtime interface client only.

    Args:
        python: interpreter of an environment that holds the client alone, see `make_python`.
        task: the unpacked package; the process's folder, as /var/task in Lambda.
        scratch: an empty folder; where no namespace can be made it becomes TMPDIR, read-only.
        hidden: folders that are empty for the process.
        beside: further folders on its path, for tests of this module.
        uid: who asks; not 0 means: in a user namespace.
        namespaces: whether one is made; by default, where it can be.
    """

    python: Path
    task: Path
    scratch: Path
    hidden: tuple = (ROOT,)
    beside: tuple = ()
    uid: int = field(default_factory=os.geteuid)
    namespaces: bool | None = None

    def __post_init__(self):
        if self.namespaces is None:
            object.__setattr__(self, "namespaces", _namespaces(self.uid))

    @property
    def kind(self):
        if not self.namespaces:
            return "read-only TMPDIR"
        return "read-only mount namespace" + ("" if self.uid == 0 else " of a user namespace")

    def environment(self, **more):
        """What the process finds in its environment: Lambda's own variables and those given."""
        values = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            "LAMBDA_TASK_ROOT": str(self.task),
            "PYTHONPATH": os.pathsep.join(map(str, (self.task, *self.beside))),
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_LAMBDA_FUNCTION_NAME": FUNCTION,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{FUNCTION}",
            "AWS_LAMBDA_LOG_STREAM_NAME": "2026/11/22/[$LATEST]0123456789abcdef",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        version = re.search(r"python3\.\d+", " ".join(p.name for p in self.python.parents[1].glob("lib/*")))
        if version:
            values["AWS_EXECUTION_ENV"] = f"AWS_Lambda_{version[0]}"
        if not self.namespaces:
            values |= {"TMPDIR": str(self.scratch), "PYTHONDONTWRITEBYTECODE": "1"}
        return {**values, **more}

    def command(self, *words):
        """The interpreter with these words, in the sandbox."""
        plain = [str(self.python), *words]
        if not self.namespaces:
            self.scratch.chmod(0o555)
            return plain
        mounts = [f"mount -t tmpfs -o ro,size=4k none '{folder}'" for folder in self.hidden]
        script = " && ".join([*_read_only(), *mounts, 'exec "$@"'])
        return [*unshare(self.uid), "sh", "-ec", script, "sh", *plain]

    def run(self, code, **environment):
        """Run a program text in the sandbox; what it printed."""
        done = subprocess.run(
            self.command("-c", code),
            cwd=self.task,
            env=self.environment(**environment),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def left_behind(self):
        """Files that the process wrote where no namespace kept it from it."""
        return [] if self.namespaces else sorted(self.scratch.rglob("*"))
