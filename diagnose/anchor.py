"""What makes a record worth keeping: anchors over its lines, and how much interest each deserves.

Anchors are words of the platforms (Spark, YARN, Hadoop, Hive, Python, the JVM), not of one failure;
they choose what is looked at, never what is believed. WARN lines count: YARN's memory kills are WARN.
"""

from enum import IntEnum
from typing import Any, Final

import re2

from diagnose.record import Level, Record


class Interest(IntEnum):
    """How much a record promises; higher is kept first."""

    CONTEXT = 0
    TAIL = 1
    """Among the last lines of a driver's output: the job's last words."""
    HINT = 2
    """An ordinary line with an anchor."""
    WARNING = 3
    ERROR = 4
    FATAL = 5
    """Says how a process, a container, a stage or the application ended."""


FATAL: Final = (
    r"User class threw exception", r"Final app status: (?:FAILED|KILLED)", r"[Ee]xited with status \d", r"exitCode: [1-9-]",
    r"Application diagnostics message", r"[Dd]iagnostics: \S", r"Uncaught exception", r"^Exception in thread ",
    r"^Traceback \(most recent call last\)", r"aborting job", r"Job aborted", r"Killing container\.", r"killed by YARN",
    r"[Kk]illed by (?:user|external signal|the ApplicationMaster|ResourceManager)", r"RECEIVED SIGNAL",
    r"^# (?:java\.lang\.OutOfMemoryError|A fatal error|There is insufficient memory|\s*Executing |\s*SIG)",
    r"Max number of executor failures", r"Shutdown hook called before final status", r"finalStatus=(?:FAILED|KILLED)",
    r"Step failed with exitCode", r"^FAILED: ", r"^Error: ", r"^Error ", r"Exit status: -?[1-9]", r"exit status: -?[1-9]",
    r"[Ee]xit code (?:is |from container \S+ is : )?-?[1-9]", r"failed with exit code", r"^FATAL", r"Job failed",
    r"java\.lang\.OutOfMemoryError", r"Vertex failed", r"DAG (?:did not succeed|failed)", r"error: (?:unrecognized|the following|argument)",
)  # fmt: skip
_AS_WRITTEN: Final = (
    r"Exception\b", r"Error\b", r"Caused by", r"[Ff]ailed", r"[Ff]ailure", r"FAILED", r"FAILURE", r"KILLED", r"[Kk]illed",
    r"exceed", r"[Dd]enied", r"[Rr]efused", r"[Tt]imed? ?out", r"No space left", r"[Qq]uota", r"OutOfMemory", r"\b[Ll]ost\b",
    r"[Aa]bort", r"Unable to", r"[Cc]annot", r"[Cc]ould not", r"[Cc]ouldn't", r"not found", r"No such", r"does not exist",
    r"already exists", r"[Uu]nauthorized", r"Forbidden", r"[Nn]ot authorized", r"[Tt]hrottl", r"Slow ?Down", r"[Ss]afe ?mode",
    r"[Pp]reempt", r"Killing container", r"garbage collectors|collector combinations|heap size set", r"^\[[A-Z][A-Z0-9]*_[A-Z0-9_.]+\] ", r"^Error in query: ",
)  # fmt: skip
_ANY_CASE: Final = (
    r"decommission", r"unhealthy", r"bad node", r"[Ii]nvalid", r"[Ii]nsufficient", r"[Rr]etr(?:y|ies|ying)\b",
    r"[Rr]eject", r"[Uu]nreachable", r"[Uu]navailable", r"too (?:many|large|big)", r"Too [Mm]any", r"[Mm]alformed", r"[Cc]orrupt",
    r"disconnect", r"deactivating node", r"[Ss]pot [Ii]nstance", r"not accepted any resources", r"waiting for resources",
    r"[Mm]issing",
    # a status of HTTP, not a size or a time
    r"\b(?:http\S*|get|put|post|head|delete|patch|status|response|returned|received|got)\b.{0,40}\b(?:40[01349]|410|42[29]|50[0-4])\b",
    r"\bcode\W{1,3}(?:40[01349]|410|42[29]|50[0-4])\b", r"\b(?:40[01349]|410|42[29]|50[0-4]):? (?:not found|bad gateway|service|gateway|internal)",
    r"(?:hot|hottest|largest|biggest|heaviest|dominant|skewed) (?:\w+ )?(?:key|group)\b",
    r"assert", r"\berror: ", r"^usage: ", r"[Ee]xpir", r"maximum allow", r"[Tt]erminated", r"[Cc]ancel",
)  # fmt: skip
HINT: Final = (*_AS_WRITTEN, *(f"(?i){pattern}" for pattern in _ANY_CASE))
"""Words of records that are worth a look, one pattern each."""


class AnchorSearch:
    """Compiled once; grades records."""

    def __init__(self) -> None:
        options = re2.Options()
        options.log_errors = False
        # over all lines of a record at once: each line begins with ^, and no blank reaches over a line end
        fatal = "|".join(FATAL).replace(r"\s", r"[^\S\n]")
        self._fatal: Any = re2.compile(f"(?m){fatal}", options)
        self._hint: Any = re2.compile("(?m)" + "|".join(f"(?:{pattern})" for pattern in HINT), options)

    def grade(self, record: Record) -> Interest:
        """Say how much interest a record deserves by its level and its words."""
        text = (
            "\n".join(line.text for line in record.lines) if len(record.lines) > 1 else record.lines[0].text
        )
        hint = self._hint.search(text) is not None
        if record.traceback or ((hint or record.level >= Level.WARN) and self._is_fatal(text)):
            return Interest.FATAL
        if record.level is Level.ERROR:
            return Interest.ERROR
        if record.level is Level.WARN:
            return Interest.WARNING
        return Interest.HINT if hint else Interest.CONTEXT

    def _is_fatal(self, text: str) -> bool:
        return self._fatal.search(text) is not None
