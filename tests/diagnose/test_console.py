"""All that a process logs goes through one formatter, as in the Lambda runtime. Run in processes of their own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAD = """
import logging, sys, threading, warnings
from diagnose.console import install
from diagnose.telemetry import JsonFormatter
SECRET = "AK" + "IA" + "Q3EGRIZXUTWYPDKA"
FORMATTER = JsonFormatter(context=lambda: {"stage": "log"})
"""
RUNTIME = """
class Sink:  # as the Lambda runtime's own handler: writes what it is given, and no more
    def log(self, message, frame_type=None):
        sys.stdout.write(message)

class RuntimeHandler(logging.Handler):
    def emit(self, record):
        Sink().log(self.format(record))

class RuntimeFilter(logging.Filter):
    def filter(self, record):
        record.aws_request_id = "9b6d2c1e-8a3f-4b0e-9d57-1c2f3a4b5c6d"
        return True

handler = RuntimeHandler()
handler.setFormatter(logging.Formatter("[%(levelname)s] %(message)s\\n"))
handler.addFilter(RuntimeFilter())
logging.getLogger().addHandler(handler)
"""
INSTALL = "install(FORMATTER)\n"


def run(*parts, code=0):
    program = "".join((HEAD, *parts))
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, timeout=60, check=False
    )
    assert done.returncode == code, done.stderr
    assert "Q3EGRIZXUTWYPDKA" not in done.stdout + done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr


LOG = """
logging.getLogger("botocore.auth").warning("key %s", SECRET)
logging.getLogger("any").info("two\\nlines")
warnings.warn("old " + SECRET)
"""


@pytest.mark.parametrize("runtime", ["", RUNTIME], ids=["no handler", "the runtime's handler"])
def test_each_record_is_one_line_on_standard_output(runtime):
    rows, errors = run(runtime, INSTALL, LOG)
    assert [row["logger"] for row in rows] == ["botocore.auth", "any", "py.warnings"]
    assert [row["stage"] for row in rows] == ["log"] * 3
    assert rows[1]["message"] == "two\nlines"
    assert errors == ""
    if runtime:
        assert rows[0]["aws_request_id"] == "9b6d2c1e-8a3f-4b0e-9d57-1c2f3a4b5c6d"


@pytest.mark.parametrize("runtime", ["", RUNTIME])
def test_installed_again_it_writes_no_line_twice_and_takes_the_new_formatter(runtime):
    again = 'install(JsonFormatter(context=lambda: {"stage": "second"}), logging.WARNING)\n'
    rows, _ = run(runtime, INSTALL, again, LOG)
    assert [(row["logger"], row["stage"]) for row in rows] == [
        ("botocore.auth", "second"),
        ("py.warnings", "second"),
    ]


def test_a_handler_that_a_library_has_is_covered():
    rows, _ = run(
        'own = logging.getLogger("library.part")\nown.addHandler(logging.StreamHandler(sys.stdout))\n'
        "own.propagate = False\n",
        INSTALL,
        'own.warning("key %s", SECRET)\n',
    )
    assert [row["logger"] for row in rows] == ["library.part"]


def test_libraries_stay_quiet_about_what_goes_over_the_wire():
    rows, _ = run(
        "install(FORMATTER, logging.DEBUG)\n",
        'for name in ("botocore.endpoint", "urllib3", "langchain_core.tracers", "ours"):\n'
        '    logging.getLogger(name).debug("body %s", SECRET)\n'
        '    logging.getLogger(name).info("body %s", SECRET)\n',
    )
    assert [(row["logger"], row["level"]) for row in rows] == [("ours", "DEBUG"), ("ours", "INFO")]


def test_an_exception_that_nobody_caught_is_a_redacted_line():
    rows, errors = run(INSTALL, 'raise ValueError("key " + SECRET)\n', code=1)
    assert (rows[0]["level"], rows[0]["exception"], rows[0]["stage"]) == (
        "CRITICAL",
        "builtins.ValueError",
        "log",
    )
    assert errors == ""


def test_so_is_one_in_a_thread_and_one_that_could_not_be_raised():
    rows, errors = run(
        INSTALL,
        'def fail(): raise ValueError("key " + SECRET)\n'
        "def leave(): raise SystemExit\n"
        "for target in (fail, leave):\n"
        "    thread = threading.Thread(target=target); thread.start(); thread.join()\n"
        "class Odd:\n"
        "    def __del__(self): fail()\n"
        "del (odd := [Odd()])[0]\n",
    )
    assert [row["message"] for row in rows] == [
        "an exception was not caught in a thread",
        "an exception could not be raised",
    ]
    assert errors == ""


def test_an_interrupt_from_the_keyboard_is_no_record():
    rows, errors = run(INSTALL, "sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)\n")
    assert rows == [] and errors == "KeyboardInterrupt\n"


def test_a_handler_that_cannot_write_prints_no_raw_arguments():
    rows, errors = run(INSTALL, 'sys.stdout.close()\nlogging.getLogger("x").warning("key %s", SECRET)\n')
    assert rows == [] and "SECRET" not in errors and "Logging error" not in errors
