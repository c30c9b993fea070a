"""What is said on standard error."""

import io

from diagnose.failure import Failure
from diagnose.pipeline import default_kit
from diagnose.settings import Settings
from diagnose.talk import Progress, telemetry
from diagnose.telemetry import Silent


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_terminal_is_told_the_stage_and_left_clean():
    stream = Terminal()
    with Progress(stream) as progress:
        progress.show("metadata")
        progress.show("log")
    told = stream.getvalue()
    assert told.index("metadata …") < told.index("log …")
    assert told.endswith("\r\x1b[K")


def test_a_file_is_told_nothing():
    stream = io.StringIO()
    with Progress(stream) as progress:
        progress.show("log")
    assert stream.getvalue() == ""


def test_nobody_is_told_of_stages_unless_asked():
    assert isinstance(telemetry(Failure(), default_kit(Settings()), on=False), Silent)
