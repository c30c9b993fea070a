"""A logger whose lines stay in memory, and exceptions as logging takes them."""

import io
import json
import logging
import sys

from diagnose.model import ModelCall, Stop
from diagnose.telemetry import JsonFormatter, StageRecord
from diagnose.usage import Usage

CLUSTER, STEP = "j-2K7QPX4M9VNTL", "s-3HJ8WZ5R1BYDC"
STAGE = StageRecord(stage="redaction", duration_ms=12, status="ok")
CALL = ModelCall(
    model_id="us.anthropic.claude-sonnet-4-6",
    attempt=2,
    request_id="9b6d2c1e-8a3f-4b0e-9d57-1c2f3a4b5c6d",
    error=None,
    http_status=200,
    wait_seconds=1.25,
    stop=Stop.COMPLETE,
    usage=Usage(input_tokens=8123, cache_read_tokens=5, cache_write_tokens=7, output_tokens=421),
    cost_usd=0.0123,
    duration_ms=5310,
)
THROTTLED = ModelCall(
    model_id=CALL.model_id,
    attempt=1,
    request_id=None,
    error="ThrottlingException",
    http_status=429,
    wait_seconds=0.0,
    stop=None,
    usage=Usage(),
    cost_usd=None,
    duration_ms=80,
)


def raised(error, cause=None):
    """An exception as logging takes it, with a traceback."""
    try:
        raise error from cause
    except type(error):
        return sys.exc_info()


class Log:
    """A logger that writes to memory through the formatter."""

    def __init__(self, formatter=None):
        self.stream = io.StringIO()
        handler = logging.StreamHandler(self.stream)
        handler.setFormatter(formatter or JsonFormatter())
        self.logger = logging.Logger("diagnose.test")
        self.logger.addHandler(handler)
        handler.addFilter(self.at_dawn)

    @staticmethod
    def at_dawn(record):
        """Dates of today stand in made-up secrets, too."""
        record.created = 0.25
        return True

    @property
    def text(self):
        return self.stream.getvalue()

    @property
    def rows(self):
        return [json.loads(line) for line in self.text.splitlines()]

    @property
    def row(self):
        (row,) = self.rows
        return row


class Hostile:
    """Breaks whoever looks at it."""

    def __str__(self):
        raise RuntimeError("no")

    __repr__ = __str__
