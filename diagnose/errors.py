"""The errors of `diagnose`; every message names the value and the next step.

DiagnoseError
├── UsageError        a bad argument, setting or path; the command line exits 2
└── CatalogueError    a signature or policy file does not hold what it must
"""


class DiagnoseError(Exception):
    """Base class: catch this to catch every error the package raises on purpose."""


class UsageError(DiagnoseError):
    """The caller gave something that can't be used; the message says what to give instead."""


class PatternError(UsageError):
    """A pattern of REDACTION_EXTRA_PATTERNS is not valid; the message quotes it and holds nothing else."""


class CatalogueError(DiagnoseError):
    """A YAML file of the package is not valid; the message names file, entry and field."""
