"""Explain failed data jobs from their logs: root cause, evidence, safe to retry or not, nothing secret.

>>> from diagnose import diagnose_logs
>>> diagnose_logs("logs/j-ABC").category        # doctest: +SKIP
<Category.DEPENDENCY_FAILURE: 'DEPENDENCY_FAILURE'>
"""

from diagnose.diagnosis import Diagnosis, Evidence
from diagnose.errors import CatalogueError, DiagnoseError, UsageError
from diagnose.excerpt import LogExcerpt
from diagnose.pipeline import diagnose_logs, excerpt_logs
from diagnose.redaction import redact
from diagnose.settings import Settings, load_settings
from diagnose.taxonomy import Category, FailureType

__all__ = [
    "CatalogueError",
    "Category",
    "DiagnoseError",
    "Diagnosis",
    "Evidence",
    "FailureType",
    "LogExcerpt",
    "Settings",
    "UsageError",
    "diagnose_logs",
    "excerpt_logs",
    "load_settings",
    "redact",
]
