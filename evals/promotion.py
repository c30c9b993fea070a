"""A gate record, or a reason → `prompts/active.toml`: which texts are in production, and why.

The only writer of that file. A record is not believed: its runs must still be the files that it names, the
policy the one in force, the prompt unaltered, and the gate must say PASS once more. Nothing is written when
production changed since the gate judged, or holds this very promotion already. The file is replaced whole,
under a lock on the folder, so that two promotions at once can't both win.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeAlias

from pydantic import ValidationError

from diagnose.errors import PromptError
from diagnose.pipeline import default_kit
from diagnose.settings import load_settings
from diagnose.shelf import ACTIVE, NO_GATE, Active, Prompt, find_root, load_prompt, read_active
from evals.analyst import Analyst, Opened
from evals.archive import find_result, load_run, write_whole
from evals.criterion import Verdict
from evals.dataset import load
from evals.errors import GateError
from evals.gate import Exhibit, GateRecord, Shelved, Standing, judge
from evals.policy import Policy

Announce: TypeAlias = Callable[[Active], None]
"""Told of a promotion after the file is written, such as what moves an alias elsewhere."""

MAX_REASON_CHARS: Final = 300
_HEAD: Final = (
    "# Written by `evals promote`; what it says is checked when a prompt is loaded. Never edit by hand.\n"
)


class PromotionRefusedError(GateError):
    """The answer is no; the message says why. The command line turns it into exit code 1."""


def read_exhibit(path: Path) -> Exhibit:
    """Read a run with the hash of its file.

    Args:
        path: of the run's folder, or of its result file.

    Raises:
        RunError: there is no run, or it is damaged.
        GateError: the file is not as it was written.
    """
    file = find_result(path)
    run = load_run(file)
    data = file.read_bytes()
    if run.dump() != data:
        raise GateError(f"{file}: the result file was altered since it was written; run the cases again")
    return Exhibit(run=run, file=str(file), sha256=hashlib.sha256(data).hexdigest())


def read_record(path: Path) -> tuple[GateRecord, str]:
    """Read a gate record, and the SHA-256 of its file.

    Raises:
        GateError: it can't be read or is none.
    """
    try:
        data = path.read_bytes()
        return GateRecord.model_validate_json(data), hashlib.sha256(data).hexdigest()
    except OSError as error:
        raise GateError(f"gate record {path} can't be read: {error.strerror}") from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "no JSON"
        raise GateError(f"{path}: not a gate record ({field}: {first['msg']}); run `evals gate`") from None


def read_shelf(root: Path, version: str | None) -> Shelved:
    """Look up what the gate must know of the shelf at `root`.

    Args:
        root: the folder with `diagnosis/` and `released.toml`.
        version: of the candidate's prompt.

    Raises:
        GateError: the shelf is not valid, or a released version was altered.
    """
    try:
        prompt = _find(root, version) if version else None
        active = read_active(roots=[root])
    except PromptError as error:
        raise GateError(str(error)) from None
    return Shelved(
        sha256=prompt.version.sha256 if prompt else None,
        released=bool(prompt and prompt.released),
        active=active,
        active_sha256=_hash_file(root / ACTIVE),
    )


def read_standing(policy: Policy, datasets: Path) -> Standing:
    """Look up what a run would be made of today: datasets, code, and settings as they are by default.

    Args:
        policy: names the datasets.
        datasets: the folder that they stand in.

    Raises:
        DatasetError: one of them is missing or not valid.
    """
    opened = Opened(analyst=Analyst(), kit=default_kit(load_settings({})))
    today = opened.identity(())
    return Standing(
        datasets={name: load(datasets / name).sha256 for name in policy.datasets.required},
        code_sha256=today.code_sha256,
        scorers_sha256=today.scorers_sha256,
        settings=today.settings,
    )


def promote(
    record: GateRecord,
    *,
    record_sha256: str,
    candidate: Exhibit,
    baseline: Exhibit | None,
    policy: Policy,
    standing: Standing,
    root: Path,
    date: datetime,
    expect: str | None = None,
    announce: Announce | None = None,
) -> Active:
    """Put the prompt of a passed gate into production.

    Args:
        record: the gate's.
        record_sha256: of the record's file.
        candidate: the run that the record names, as it is now.
        baseline: the run it was held against, as it is now.
        policy: the one in force.
        standing: what a run would be made of now.
        root: the shelf.
        date: of the promotion, and of its gate text: then the gate judged once more.
        expect: the version that must be in production now; any, when None.
        announce: told after the file is written.

    Returns:
        What now stands in `active.toml`; the file is left alone when this record put it there.

    Raises:
        PromotionRefusedError: the record is no PASS, or something it speaks of has changed.
        GateError: the shelf can't be used.
    """
    active = Active(
        version=str(record.candidate.prompt_version),
        sha256=str(record.candidate.prompt_sha256),
        gate=f"pass {date.astimezone(UTC):%Y-%m-%d} {record.candidate.model_id}",
        reason="",
        run_id=record.candidate.run_id,
        date=date.isoformat(timespec="seconds"),
        gate_sha256=record_sha256,
        model=str(record.candidate.model_id),
    )
    with _locked(root):
        shelf = read_shelf(root, record.candidate.prompt_version)
        stands = _standing_already(shelf, active)
        if stands is None:
            _check_record(record, candidate, baseline, policy)
            _check_dates(record, candidate, baseline, date)
            _check_unchanged(record, shelf, expect)
            _judge_again(record, candidate, baseline, policy, shelf=shelf, standing=standing)
            _write(root, active)
    if announce is not None:
        announce(stands or active)
    return stands or active


def promote_unproven(
    version: str,
    reason: str,
    *,
    root: Path,
    date: datetime,
    expect: str | None = None,
    announce: Announce | None = None,
) -> Active:
    """Put a released version into production without a proof; every diagnosis will say so.

    Args:
        version: a released one.
        reason: why; one line, kept in `active.toml`.
        root: the shelf.
        date: of the promotion.
        expect: the version that must be in production now; needed to replace one that has a proof.
        announce: told after the file is written.

    Raises:
        PromotionRefusedError: it is a draft, gives no reason, or would silently replace a proven version.
        GateError: the shelf can't be used.

    What stands there already, for the same reason, is left alone.
    """
    told = " ".join(reason.split())
    if not told or not told.isprintable() or len(told) > MAX_REASON_CHARS:
        raise PromotionRefusedError(f"--reason: say why, in at most {MAX_REASON_CHARS} printable characters")
    with _locked(root):
        shelf = read_shelf(root, version)
        moment = date.isoformat(timespec="seconds")
        active = Active(
            version=version, sha256=shelf.sha256 or "", gate=NO_GATE, reason=told, run_id="", date=moment
        )
        stands = _standing_already(shelf, active)
        if stands is None:
            _check_unproven(version, shelf, root, expect)
            _write(root, active)
    if announce is not None:
        announce(stands or active)
    return stands or active


def _check_unproven(version: str, shelf: Shelved, root: Path, expect: str | None) -> None:
    _check_expected(shelf, expect)
    if shelf.sha256 is None:
        raise PromotionRefusedError(f"prompt {version} is not on the shelf {root}")
    if not shelf.released:
        raise PromotionRefusedError(f"prompt {version} is a draft; release it first (released.toml)")
    if shelf.active is not None and shelf.active.gate != NO_GATE and expect is None:
        now = shelf.active.version
        raise PromotionRefusedError(
            f"prompt {now} is in production with a proof ({shelf.active.gate}); to replace it without "
            f"one, add --expect {now}"
        )


def _standing_already(shelf: Shelved, wanted: Active) -> Active | None:
    """Give what stands in production if it is this promotion: the same texts, on the shelf too, and gate."""
    now = shelf.active
    if now is None or shelf.sha256 is None or not shelf.released or now.sha256 != shelf.sha256:
        return None
    same = replace(now, gate=wanted.gate, date=wanted.date) == wanted  # the day alone may differ
    return now if same and (now.gate == NO_GATE) == (wanted.gate == NO_GATE) else None


def state_of_prompt(roots: Sequence[Path] | None = None) -> str:
    """Say in one line which prompt production takes, and what is proven of it."""
    try:
        root = find_root(roots=roots)
        if root is None:
            return "prompt: none, there is no shelf"
        active = read_active(roots=[root])
        prompt = load_prompt(roots=[root])
    except PromptError as error:
        return f"prompt: unusable, {error}"
    name = prompt.version.name
    if active is None:
        return f"prompt {name}: not promoted (newest released), gate {prompt.gate}"
    if active.gate == NO_GATE:
        return f"prompt {name}: promoted without a proof ({active.reason}), gate {NO_GATE}"
    return f"prompt {name}: promoted {active.date[:10]} by run {active.run_id}, gate {active.gate}"


def _find(root: Path, version: str) -> Prompt | None:
    """Load a version by name; a name that is none, or of no folder, is no version."""
    names = root / "diagnosis"
    known = {entry.name for entry in names.iterdir() if entry.is_dir()} if names.is_dir() else set()
    return load_prompt(version, roots=[root]) if version in known else None


def _check_record(record: GateRecord, candidate: Exhibit, baseline: Exhibit | None, policy: Policy) -> None:
    if record.verdict is not Verdict.PASS:
        raise PromotionRefusedError(f"the gate said {record.verdict}; only a PASS can be promoted")
    if record.policy_sha256 != policy.sha256:
        raise PromotionRefusedError(
            f"judged under policy {record.policy_sha256[:12] or 'unknown'}, in force is "
            f"{policy.sha256[:12] or 'unknown'}; run `evals gate` again"
        )
    for side, named, there in (
        ("candidate", record.candidate, candidate),
        ("baseline", record.baseline, baseline),
    ):
        if named is not None and (there is None or there.sha256 != named.sha256):
            now = there.sha256[:12] if there else "nothing"
            raise PromotionRefusedError(
                f"{side}: the result file was altered (sha256 {named.sha256[:12]} when the gate judged, "
                f"{now} now); run `evals gate` again"
            )


def _check_dates(record: GateRecord, candidate: Exhibit, baseline: Exhibit | None, date: datetime) -> None:
    if record.date > date:
        raise PromotionRefusedError(
            f"the record is dated {_moment(record.date)}, which is yet to come (now: {_moment(date)}); "
            "set the clock right, and run `evals gate` again"
        )
    for side, exhibit in (("candidate", candidate), ("baseline", baseline)):
        if exhibit is not None and exhibit.run.provenance.date > record.date:
            raise PromotionRefusedError(
                f"the record is dated {_moment(record.date)}, before the {side}'s run "
                f"({_moment(exhibit.run.provenance.date)}); run `evals gate` again"
            )


def _moment(date: datetime) -> str:
    return f"{date.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _check_unchanged(record: GateRecord, shelf: Shelved, expect: str | None) -> None:
    _check_expected(shelf, expect)
    before = record.production
    if (before.sha256 if before else None) != shelf.active_sha256:
        was, now = before.version if before else "none", shelf.active.version if shelf.active else "none"
        raise PromotionRefusedError(
            f"production changed since the gate judged ({was} then, {now} now); run `evals gate` against it"
        )


def _check_expected(shelf: Shelved, expect: str | None) -> None:
    now = shelf.active.version if shelf.active else None
    if expect is not None and now != expect:
        raise PromotionRefusedError(f"expected {expect} in production, there is {now or 'none promoted'}")


def _judge_again(
    record: GateRecord,
    candidate: Exhibit,
    baseline: Exhibit | None,
    policy: Policy,
    *,
    shelf: Shelved,
    standing: Standing,
) -> None:
    """A record is a file that anybody can write; the runs decide."""
    against = baseline if record.baseline else None
    try:
        again = judge(candidate, against, policy, shelf=shelf, standing=standing, date=record.date)
    except GateError as error:
        raise PromotionRefusedError(str(error)) from None
    said = [(check.name, check.verdict) for check in record.checks]
    if again.verdict is not Verdict.PASS or [(c.name, c.verdict) for c in again.checks] != said:
        raise PromotionRefusedError(
            f"judged again, the gate says {again.verdict}: the record is not of these runs; run `evals gate`"
        )
    named = (again.candidate.prompt_version, again.candidate.prompt_sha256, again.candidate.run_id)
    if named != (record.candidate.prompt_version, record.candidate.prompt_sha256, record.candidate.run_id):
        raise PromotionRefusedError("the record names another prompt than its run; run `evals gate` again")


@contextlib.contextmanager
def _locked(root: Path) -> Iterator[None]:
    try:
        folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise GateError(f"no shelf of prompts at {root} ({error.strerror}); give --prompts DIR") from None
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _write(root: Path, active: Active) -> None:
    table = {
        name: value
        for name in ("version", "sha256", "gate", "reason", "run_id", "date", "gate_sha256", "model")
        if (value := getattr(active, name)) or name in {"reason", "run_id"}
    }
    # A JSON string is a TOML string, but for DEL, which must be escaped there.
    lines = (
        f"{name} = {json.dumps(value, ensure_ascii=False)}".replace("\x7f", "\\u007F")
        for name, value in table.items()
    )
    text = _HEAD + "".join(f"{line}\n" for line in lines)
    if tomllib.loads(text) != table:
        raise GateError(f"{root / ACTIVE} would not say what it should; nothing written")
    write_whole(root / ACTIVE, text.encode())


def _hash_file(path: Path) -> str | None:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise GateError(f"{path} can't be read: {error.strerror}") from None
