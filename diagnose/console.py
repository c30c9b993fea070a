"""The process's logging, all of it, through one formatter: for a runtime that reads lines from a stream.

`install` covers the root logger, handlers that others have installed, warnings, and exceptions that nobody
caught. Handlers keep their targets: that of the Lambda runtime writes to its own channel where there is one.
"""

import logging
import sys
import threading
from collections.abc import Iterator
from types import TracebackType

from diagnose.silence import quiet_loggers


def install(formatter: logging.Formatter, level: int = logging.INFO) -> None:
    """Put a formatter on everything that is logged; may be called again, with the same formatter or another.

    Args:
        formatter: makes one line of a record, without its end, such as that of `telemetry`.
        level: of the root logger; libraries that log what goes over the wire stay quiet below WARNING.
    """
    root = logging.getLogger()
    if not root.handlers:
        root.addHandler(logging.StreamHandler(sys.stdout))
    for handler in _handlers(root):
        handler.setFormatter(_fitting(formatter, handler))
    root.setLevel(level)
    quiet_loggers()
    logging.captureWarnings(capture=True)
    logging.raiseExceptions = False  # a handler that can't write would print the record's raw arguments
    sys.excepthook = _uncaught
    sys.unraisablehook = _unraisable
    threading.excepthook = _uncaught_in_thread


class _Ended(logging.Formatter):
    """Adds the line's end, for a handler that writes what it is given and no more, as the runtime's does."""

    def __init__(self, inner: logging.Formatter) -> None:
        super().__init__()
        self._inner = inner

    def format(self, record: logging.LogRecord) -> str:
        return self._inner.format(record) + "\n"


def _fitting(formatter: logging.Formatter, handler: logging.Handler) -> logging.Formatter:
    return formatter if isinstance(handler, logging.StreamHandler) else _Ended(formatter)


def _handlers(root: logging.Logger) -> Iterator[logging.Handler]:
    """Find every handler there is: a library may have given its own logger one."""
    yield from root.handlers
    for logger in list(root.manager.loggerDict.values()):
        if isinstance(logger, logging.Logger):
            yield from logger.handlers


def _tell(what: str, error: BaseException | None) -> None:
    logging.getLogger(__name__).critical(what, exc_info=error)


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, Exception):
        _tell("an exception was not caught", error)
    else:  # such as an interrupt from the keyboard
        sys.__excepthook__(kind, error, trace)


def _uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    if not issubclass(args.exc_type, SystemExit):
        _tell("an exception was not caught in a thread", args.exc_value)


def _unraisable(args: "sys.UnraisableHookArgs") -> None:
    _tell("an exception could not be raised", args.exc_value)
