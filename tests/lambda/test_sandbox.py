"""The sandbox of the package's tests: read-only for root and for everybody else who may make a user namespace."""

import os
import sys
from pathlib import Path

import pytest
from sandbox import WRITABLE, Sandbox, remount, unshare

MOUNTS = """\
/dev/vda / ext4 rw,relatime,discard 0 0
tmpfs /tmp tmpfs rw,nosuid,nodev,noexec,size=4k 0 0
tmpfs /dev tmpfs rw,nosuid 0 0
tmpfs /dev/shm tmpfs rw 0 0
tmpfs /dev/shm tmpfs rw,nosuid,nodev,noatime 0 0
"""
WRITES = f"""
import errno, os
for folder in {(*WRITABLE, "/", ".", str(Path.home()))!r}:
    try:
        open(os.path.join(folder, "x"), "w")
    except OSError as error:
        print(errno.errorcode[error.errno])
    else:
        os.remove(os.path.join(folder, "x"))
        print("written:", folder)
"""


@pytest.fixture
def make(tmp_path):
    for name in ("task", "scratch", "hidden"):
        (tmp_path / name).mkdir()
    (tmp_path / "hidden" / "file").write_text("")

    def sandbox(**more):
        python = Path(sys.base_prefix) / "bin" / "python3"
        folders = {name: tmp_path / name for name in ("task", "scratch")}
        return Sandbox(python=python, hidden=(tmp_path / "hidden",), **folders, **more)

    return sandbox


def test_root_needs_no_user_namespace_and_everybody_else_does():
    assert "--user" not in unshare(0)
    assert unshare(1001)[:3] == ["unshare", "--user", "--map-root-user"]
    assert unshare(0)[-3:] == unshare(1001)[-3:] == ["--mount", "--propagation", "private"]


@pytest.mark.parametrize(
    ("folder", "flags"),
    [
        ("/", "relatime"),
        ("/var/tmp", "relatime"),
        ("/tmp", "nosuid,nodev,noexec"),
        ("/tmp/below", "nosuid,nodev,noexec"),
        ("/tmpx", "relatime"),
        ("/dev/shm", "nosuid,nodev,noatime"),
    ],
)
def test_a_remount_repeats_the_flags_that_a_user_namespace_must_not_take_away(folder, flags):
    assert remount(folder, MOUNTS) == f"mount -o remount,bind,ro,{flags} {folder}"


@pytest.mark.parametrize("uid", [0, 1001])
def test_nothing_can_be_written_and_what_is_hidden_is_empty(make, uid):
    sandbox = make(uid=uid if uid else os.geteuid())
    if not sandbox.namespaces:
        pytest.skip(f"no mount namespace can be made here: {sandbox.kind}")
    assert set(sandbox.run(WRITES).split()) <= {"EROFS", "EACCES"}
    assert sandbox.run(f"import os; print(os.listdir({str(sandbox.hidden[0])!r}))") == "[]\n"


def test_the_kind_says_what_was_used(make):
    assert make(uid=0, namespaces=True).kind == "read-only mount namespace"
    assert make(uid=1001, namespaces=True).kind == "read-only mount namespace of a user namespace"
    assert make(uid=1001, namespaces=False).kind == "read-only TMPDIR"
