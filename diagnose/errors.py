"""The errors of `diagnose`; every message names the value and the next step.

DiagnoseError
├── UsageError        a bad argument, setting or path; the command line exits 2
│   ├── PatternError      a pattern of REDACTION_EXTRA_PATTERNS is not valid
│   ├── PromptError       a prompt version is missing, altered or can't be rendered
│   └── RecordingError    a recording is missing, damaged, or holds no reply to this request
├── CatalogueError    a signature or policy file does not hold what it must
├── MetadataError     the metadata of the failure can't be had, after all retries
├── ModelError        the model gives no answer, after all retries
├── DeliveryError     a delivery can't be claimed, settled, published or put off; it must come again
├── InvocationError   the function can't start, or a direct call can't be answered
└── DeadlineError     the time is up; what is done so far is still worth a partial answer
"""


class DiagnoseError(Exception):
    """Base class: catch this to catch every error the package raises on purpose."""


class UsageError(DiagnoseError):
    """The caller gave something that can't be used; the message says what to give instead."""


class PatternError(UsageError):
    """A pattern of REDACTION_EXTRA_PATTERNS is not valid; the message quotes it and holds nothing else."""


class PromptError(UsageError):
    """A prompt version is missing, altered or can't be rendered; the message names version and file."""


class RecordingError(UsageError):
    """A recording is missing, damaged or holds no reply to a request; the message names it."""


class CatalogueError(DiagnoseError):
    """A YAML file of the package is not valid; the message names file, entry and field."""


class MetadataError(DiagnoseError):
    """The metadata can't be had; the message says from where and why, without any secret."""


class ModelError(DiagnoseError):
    """The model gives no answer; the message names model and error code, never the request or the reply."""


class DeliveryError(DiagnoseError):
    """Table, bus or queue can't be used; the message says which, with AWS's error code and the next step."""


class InvocationError(DiagnoseError):
    """What went wrong, as Lambda prints it and a direct caller sees it: redacted, without its causes."""


class DeadlineError(DiagnoseError):
    """The time is up but for the reserve; the message names what was waited for."""
