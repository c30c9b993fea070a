"""Libraries that log what they send and get, silenced: nothing unredacted reaches a log record.

A root logger at DEBUG changes nothing, for each level is set at the library's own logger.
"""

import logging
from typing import Final

LOUD_LOGGERS: Final = (
    "anthropic", "boto3", "botocore", "google_genai", "groq", "httpcore", "httpx", "langchain",
    "langchain_aws", "langchain_core", "langsmith", "mistralai", "ollama", "openai", "s3transfer", "urllib3",
)  # fmt: skip
"""Libraries that log requests, replies, signed headers or whole guardrail traces at DEBUG or INFO."""


def quiet_loggers() -> None:
    """Keep libraries from logging requests and replies, whatever level the root logger has."""
    for name in LOUD_LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)
    # Its warnings are about streaming, which is not used, and come with every application profile.
    logging.getLogger("langchain_aws").setLevel(logging.ERROR)
    for name, logger in list(logging.root.manager.loggerDict.items()):
        below = isinstance(logger, logging.Logger) and logging.NOTSET < logger.level < logging.WARNING
        if below and name.startswith(tuple(f"{loud}." for loud in LOUD_LOGGERS)):
            logging.getLogger(name).setLevel(logging.NOTSET)


class _NoDebug(logging.Filter):
    """Drops debug records: those of the named loggers hold headers or bodies as they went over the wire."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno > logging.DEBUG


_NO_DEBUG: Final = _NoDebug()


def hush(*loggers: str) -> None:
    """Keep loggers from ever writing what went over the wire, at whatever level logging is set."""
    for name in loggers:
        logging.getLogger(name).addFilter(_NO_DEBUG)
