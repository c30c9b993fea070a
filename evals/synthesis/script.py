"""A named script of log lines and its values → records on a stream.

A script stands in `scripts/<name>.txt`: lines `LEVEL Class: message`, other lines as they are; a record keeps
the raw lines that follow it. `<<name>>` is replaced by a value.
"""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

from evals.synthesis.stream import Stream

FOLDER: Final = Path(__file__).parent / "scripts"

_RECORD: Final = re.compile(r"^(INFO|WARN|ERROR) ([\w.$]+): ?(.*)$")
_VALUE: Final = re.compile(r"<<(\w+)>>")


@cache
def read(name: str) -> str:
    """Read one script."""
    return (FOLDER / f"{name}.txt").read_text(encoding="utf-8")


def play(stream: Stream, name: str, values: Mapping[str, object]) -> None:
    """Write the script `name` to `stream`.

    Raises:
        KeyError: The script has a placeholder that `values` lacks.
    """
    text = _VALUE.sub(lambda match: str(values[match[1]]), read(name))
    for line in text.splitlines():
        record = _RECORD.match(line)
        if record:
            stream.log(record[1], record[2], record[3])
        else:
            stream.raw(line)
