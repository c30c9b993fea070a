"""How the platforms' own lines say that a driver, a step or one of its tasks ended; pure patterns.

Sources: Spark ApplicationMaster, Client and SparkSubmit 3.5; Hive 2.3 CLI; argparse; shells; Hadoop 3.3
FsShell, Pig Grunt, Sqoop ImportTool, mapreduce.Job, AbstractService, YarnChild; S3DistCp.
"""

import re
from typing import Final

from diagnose.record import Header

_ENDED_BY: Final = re.compile(
    r"(?:ApplicationMaster|Client|SparkSubmit|SparkContext|SparkUncaughtExceptionHandler|Utils)\S*: "
    r"(?:\S+: )?.{0,40}(?:User class threw exception|Final app status: (?:FAILED|KILLED)|Uncaught exception|"
    r"Application diagnostics message|Error initializing SparkContext)|"
    r"org\.apache\.pig\.tools\.grunt\.Grunt - ERROR \d|tool\.(?:Im|Ex)portTool: (?:Im|Ex)port failed: |"
    r"tool\.\w+Tool: Encountered IOException running "
)
"""In a record of the platform: what ended the driver."""
_DIAGNOSTICS: Final = re.compile(r"^\s+diagnostics: (?!N/A|AM container is launched|\[)\S")
_BARE_END: Final = re.compile(
    r'Exception in thread "(?:main|Driver)"|FAILED: (?:\w+Exception|Execution Error|Error in|ParseException)|'
    r"Error: (?:Failed|Could not|Cannot|Unrecognized|Missing|Must|No main|Master|Only|Either|Invalid)|"
    r"\S+: error: (?:the following arguments|unrecognized arguments|argument )|"
    r"(?:\S*/)?python\S*: can't open file|(?:\S*/)?(?:ba)?sh: "
)
"""At the start of a line without a header: the last words of a process."""
FS_SHELL: Final = re.compile(
    r"(?:ls|mkdir|rm|rmdir|rmr|cp|mv|get|put|cat|text|tail|test|stat|du|count|touchz?|getmerge|setrep|chmod|chown|chgrp|"
    r"(?:copy|move)(?:From|To)Local|appendToFile|truncate|checksum|distcp|find|expunge|fsck|dfsadmin): "
    r"(?!cannot |missing operand|[^`']*: No such file)\S"
)
"""What Hadoop's file system shell, not the node's, says of a command that failed: the step's last line."""
QUIET: Final = re.compile(
    r"mapreduce\.Job.{0,20}: +Task Id : attempt_\S+ Status : FAILED|Service \S+ failed in state \w+|"
    r"\bYarnChild: Exception running child|CopyFilesRunnable: .*numRetriesRemaining=0"
)
"""Failures of MapReduce's tasks and services, which Hadoop logs as INFO or WARN."""
TASK_TOLD: Final = "Diagnostic Messages for this Task:"
"""Above what Hive's client prints of the task that failed most."""
TOLD_LINES: Final = 20
ERROR_CLASS: Final = re.compile(r"\[[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+(?:\.[A-Z0-9_]+)*\] \S|Error in query: ")
"""What `spark-sql` prints of an error of analysis, and nothing else: its class, or the older words."""


def is_ending(text: str, header: Header | None, *, first: bool) -> bool:
    """Tell whether a line says how the driver or the step ended."""
    if first and header is not None:
        return _ENDED_BY.search(text) is not None
    return _DIAGNOSTICS.match(text) is not None or _BARE_END.match(text) is not None
