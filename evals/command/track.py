"""`--track` of several commands: what they did is told to MLflow too, after it is done."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from evals.errors import GateError

if TYPE_CHECKING:
    from evals.tracking import Alias, Tracker


def add_track(parser: argparse.ArgumentParser, what: str) -> None:
    """Add the option.

    Args:
        parser: of the command.
        what: is kept there, for the help.
    """
    parser.add_argument(
        "--track", nargs="?", const="", metavar="URI", help=f"{what} in MLflow; default: reports/mlflow"
    )


def open_tracker(uri: str) -> "Tracker":
    """Open the store that `--track` names.

    Raises:
        TrackingError: it can't be used.
    """
    from evals.tracking import DEFAULT_URI, Tracker  # noqa: PLC0415 - MLflow takes seconds to load

    return Tracker(uri or DEFAULT_URI)


def move_alias(uri: str, alias: "Alias", version: str, before: str | None, *, prompts: Path) -> None:
    """Mirror a prompt version and point an alias at it.

    Args:
        uri: as given to `--track`.
        alias: which.
        version: the prompt's.
        before: the hash of the version that it stood at, as far as the caller knows.
        prompts: the shelf.

    Raises:
        TrackingError: the store can't be used, or the alias stands elsewhere.
        GateError: there is no such version, or the shelf is not valid.
    """
    from diagnose.errors import PromptError  # noqa: PLC0415
    from diagnose.prompt import FILES  # noqa: PLC0415
    from diagnose.shelf import VERSIONS, load_prompt  # noqa: PLC0415

    try:
        prompt = load_prompt(version, roots=[prompts]).version
    except PromptError as error:
        raise GateError(str(error)) from None
    folder = prompts / VERSIONS / version
    texts = {name: (folder / name).read_text(encoding="utf-8") for name in FILES}
    tracker = open_tracker(uri)
    tracker.mirror(prompt, texts)
    tracker.move(alias, prompt.sha256, expected=before)
