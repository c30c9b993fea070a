"""Why a line of a log is looked at: bits, so that a line may have several.

A reason says what could be found in a line, never what is; a line of which nothing is known has `ALL`.
"""

from typing import Final

GRADE: Final = 1
"""It may give its record interest."""
BARE: Final = 2
"""It may begin a traceback."""
STOP: Final = 4
"""The driver may begin to shut down."""
OWN: Final = 8
"""The job itself may claim a write."""
HEADER: Final = 16
"""It may have a header; a reason only where the lines before had none."""
SIGN: Final = 32
"""It may show a write."""
TASK: Final = 64
"""It may tell of a task that was lost, of a stage that was aborted."""
STATE: Final = 128
"""An application may begin or end in it."""
ATTEMPT: Final = 256
"""It names an application attempt."""
APPLICATION: Final = 512
"""It names an application."""
SECRET: Final = 1024
"""It may hold a secret."""
DIRE: Final = 2048
"""More than a hint: it may say how something ended, or be logged louder than INFO."""
SETTING: Final = 4096
"""It may state the value of a setting."""
PLACES: Final = 13
ALL: Final = (1 << PLACES) - 1
RECORD: Final = GRADE | DIRE | BARE | STOP | OWN | HEADER
"""Reasons to look at the line's record; the others are about the line alone."""
