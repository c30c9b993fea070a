"""The checkout and the locked runtime set → the function's zip, the same bytes for the same input.

    python lambda/package.py --python-version 3.12 --architecture arm64 --output build/lambda/package.zip

In the zip: `handler.py`, `diagnose` with the promoted prompt alone as `diagnose/_prompts`, and exactly what
`requirements/runtime.txt` locks for that Python and processor, less what `DROPPED` lists. Names are sorted,
times and modes fixed. Beside it stands a manifest: sizes, hashes, prompt, packages.

Each module has its bytecode beside it, made by an interpreter of the target's version; where there is none,
the zip holds no bytecode, never a wrong one, and that is told.

Exit codes: 0 written, 1 refused (prompt, stray file, size), 2 usage or something needed is missing.
Limits: Linux only. The zip's bytes depend on the zlib and on the compiling interpreter's patch release too,
`content_sha256` of the manifest not on the zlib.
"""

import argparse
import base64
import hashlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any, Final

from bytecode import Compiler, compile_all, find_compiler
from wheelhouse import (
    PLATFORMS,
    PrerequisiteError,
    RefusedError,
    Target,
    drop,
    find_uv,
    install,
    read_packages,
)

from diagnose.errors import PromptError
from diagnose.shelf import ACTIVE, NO_GATE, RELEASED, VERSIONS, load_prompt, read_active

ROOT: Final = Path(__file__).resolve().parents[1]
LOCK: Final = "requirements/runtime.txt"
MIB: Final = 1 << 20
LAMBDA_LIMIT_BYTES: Final = 250 * MIB
"""Lambda refuses more, unpacked (developer guide, "Lambda quotas")."""
OWN_LIMIT_BYTES: Final = 150 * MIB
"""Ours: what is larger takes longer to start."""
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
"""The first moment that a zip can tell."""
_FILE_MODE: Final = 0o100644 << 16
_STRAY: Final = ("*.pyc", "*~", ".*")


@dataclass(frozen=True, kw_only=True, slots=True)
class Promoted:
    """The prompt that goes into the zip."""

    version: str
    sha256: str
    gate: str
    """`none`, or what the gate said."""
    reason: str
    """Why it was promoted without a proof."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Package, and give the exit code."""
    options = _parser().parse_args(arguments)
    try:
        manifest = package(options)
    except RefusedError as error:
        sys.stderr.write(f"package: {error}\n")
        return error.exit_code
    sys.stdout.write(_summary(options.output, manifest))
    return 0


def _summary(output: Path, manifest: Mapping[str, Any]) -> str:
    size, prompt = manifest["unpacked_bytes"] / MIB, manifest["prompt"]
    return (
        f"{output}: Python {manifest['python_version']}, {manifest['architecture']}, "
        f"{manifest['files']} files, {size:.1f} MiB unpacked, "
        f"bytecode by {manifest['bytecode_by'] or 'nobody'}\n"
        f"prompt {prompt['version']}, gate {prompt['gate']}; sha256 {manifest['sha256']}\n"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="lambda/package.py",
        description="Make the function's zip and, beside it, its manifest.",
        epilog="example:\n  python lambda/package.py --python-version 3.12 --architecture arm64\n",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--python-version", type=_minor, default="3.12", help="of the runtime; default: 3.12")
    parser.add_argument("--architecture", choices=sorted(PLATFORMS), default="arm64", help="default: arm64")
    where = "default: build/lambda/package.zip"
    parser.add_argument("--output", type=Path, default=ROOT / "build/lambda/package.zip", help=where)
    what = "always: without a fitting interpreter nothing is made; auto: then without bytecode; default: auto"
    parser.add_argument("--bytecode", choices=("always", "auto", "never"), default="auto", help=what)
    parser.add_argument("--compiler", metavar="PYTHON", help="an interpreter of that version; else searched")
    parser.add_argument("--uv", help="default: the one beside this interpreter, else on the PATH")
    parser.add_argument("--root", type=Path, default=ROOT, help="the checkout; default: this one")
    parser.add_argument("--allow-unknown", action="store_true", help="take files that git does not know")
    parser.add_argument("--refuse-unproven", action="store_true", help="take no prompt without a proof")
    return parser


def _minor(text: str) -> str:
    if not re.fullmatch(r"3\.[1-9][0-9]", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no version such as 3.12")
    return text


def package(options: argparse.Namespace) -> dict[str, Any]:
    """Make zip and manifest.

    Args:
        options: as the command line's parser gives them.

    Returns:
        The manifest.

    Raises:
        RefusedError: the prompt can't go into production, a file is stray, or the zip would be too large.
        PrerequisiteError: uv, a package or an interpreter is missing.
    """
    root: Path = options.root
    target = Target(python_version=options.python_version, architecture=options.architecture)
    prompt = read_prompt(root / "prompts", refuse_unproven=options.refuse_unproven)
    files = own_files(root, prompt.version, allow_unknown=options.allow_unknown)
    compiler = _compiler(options, target)
    output: Path = options.output
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output.parent, prefix=".stage-") as name:
        stage = Path(name) / "package"
        install(find_uv(options.uv), root / LOCK, target, stage)
        drop(stage)
        for path, source in files.items():
            _copy(source, stage / path)
        if compiler is not None:
            compile_all(compiler, stage)
        names = sorted(path.relative_to(stage).as_posix() for path in stage.rglob("*") if path.is_file())
        unpacked_bytes = sum((stage / path).stat().st_size for path in names)
        check_size(unpacked_bytes)
        draft = Path(name) / output.name
        content_sha256 = write_zip(stage, names, draft)
        packages = read_packages(stage)
        draft.replace(output)
    manifest = {
        "files": len(names),
        "unpacked_bytes": unpacked_bytes,
        "zip_bytes": output.stat().st_size,
        **_digests(output),
        "content_sha256": content_sha256,
        **asdict(target),
        "bytecode_by": compiler.version if compiler else None,
        "prompt": asdict(prompt),
        "commit": _commit(root),
        "packages": packages,
    }
    output.with_suffix(".manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    return manifest


# --- the prompt


def read_prompt(prompts: Path, *, refuse_unproven: bool = False) -> Promoted:
    """Read which prompt is promoted; say loudly when nothing proves it.

    Args:
        prompts: the shelf.
        refuse_unproven: without a proof, the answer is no.

    Raises:
        RefusedError: none is promoted, it was altered, or it is a draft.
    """
    try:
        active = read_active(roots=[prompts])
        if active is None:
            raise RefusedError(f"no prompt is promoted ({prompts / ACTIVE} is missing): run `evals promote`")
        prompt = load_prompt(roots=[prompts])
    except PromptError as error:
        raise RefusedError(str(error)) from None
    if not prompt.released:
        raise RefusedError(f"prompt {active.version} is a draft: release it (released.toml), then promote it")
    if prompt.gate == NO_GATE:
        told = (
            f"prompt {active.version} is promoted UNPROVEN (gate none: {active.reason or 'no reason given'})"
        )
        if refuse_unproven:
            raise RefusedError(f"{told}; to deploy it nevertheless, say ALLOW_UNPROVEN=1")
        _warn(f"{told}; every diagnosis will say so")
    return Promoted(
        version=active.version, sha256=prompt.version.sha256, gate=prompt.gate, reason=active.reason
    )


# --- our own files


def own_files(root: Path, version: str, *, allow_unknown: bool = False) -> dict[str, Path]:
    """Find our own files, by their names in the zip.

    Args:
        root: the checkout.
        version: of the prompt; no other goes into the zip.
        allow_unknown: take files that git does not know.

    Raises:
        RefusedError: a file is not known to git, so it may have been left there by chance.
    """
    prompts = root / "prompts"
    sources = {f"diagnose/{name}": path for name, path in _files(root / "diagnose")}
    sources["handler.py"] = root / "lambda" / "handler.py"
    for name in (ACTIVE, RELEASED):
        sources[f"diagnose/_prompts/{name}"] = prompts / name
    for name, path in _files(prompts / VERSIONS / version):
        sources[f"diagnose/_prompts/{VERSIONS}/{version}/{name}"] = path
    missing = [path for path in sources.values() if not path.is_file()]
    if missing:
        raise RefusedError(f"{missing[0]} is missing")
    if not allow_unknown and (root / ".git").exists():
        _check_known(root, sorted(path.relative_to(root).as_posix() for path in sources.values()))
    return sources


def _check_known(root: Path, names: Sequence[str]) -> None:
    known = _git(root, "ls-files", "-z", "--", "diagnose", "lambda", "prompts")
    if known is None:
        raise PrerequisiteError(f"git can't list the files of {root}: is it installed, is the folder yours?")
    if unknown := [name for name in names if name not in set(known.split("\0"))]:
        more = f" and {len(unknown) - 1} more" if len(unknown) > 1 else ""
        raise RefusedError(f"git does not know {unknown[0]}{more}: add it, or remove it")


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if path.is_file() and not any(fnmatchcase(part, stray) for part in name.parts for stray in _STRAY):
            yield name.as_posix(), path


def _copy(source: Path, target: Path) -> None:
    if target.exists():
        raise RefusedError(f"{source}: a locked package has a file of the same name")
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _commit(root: Path) -> str | None:
    """Name the checkout's commit, with `+changes` when the files differ from it; None outside of git."""
    commit = _git(root, "rev-parse", "HEAD")
    if commit is None:
        return None
    changes = _git(root, "status", "--porcelain", "--", "diagnose", "lambda/handler.py", "prompts", LOCK)
    return commit.strip() + ("+changes" if changes else "")


def _git(root: Path, *words: str) -> str | None:
    if shutil.which("git") is None or not (root / ".git").exists():
        return None
    done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else None


def _compiler(options: argparse.Namespace, target: Target) -> Compiler | None:
    if options.bytecode == "never":
        return None
    found = find_compiler(target.python_version, options.compiler)
    if found is None:
        told = f"there is no CPython {target.python_version} to make bytecode with"
        if options.compiler or options.bytecode == "always":
            raise PrerequisiteError(f"{told}: install it, or give another with --compiler PYTHON")
        _warn(f"{told}: WITHOUT BYTECODE every cold start compiles all it imports; see --compiler")
    return found


# --- the zip


def check_size(unpacked_bytes: int) -> None:
    """Refuse what is too large.

    Raises:
        RefusedError: for Lambda, or by our own measure.
    """
    size = f"{unpacked_bytes / MIB:.1f} MiB unpacked"
    if unpacked_bytes > LAMBDA_LIMIT_BYTES:
        raise RefusedError(f"{size}: Lambda takes {LAMBDA_LIMIT_BYTES // MIB} at most")
    if unpacked_bytes > OWN_LIMIT_BYTES:
        raise RefusedError(f"{size}: ours is {OWN_LIMIT_BYTES // MIB}; what has grown in {LOCK}?")


def write_zip(stage: Path, names: Sequence[str], target: Path) -> str:
    """Write files into a zip, in the order given, and give the SHA-256 of their names and contents."""
    digest = hashlib.sha256()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as file:
        for name in names:
            data = (stage / name).read_bytes()
            entry = zipfile.ZipInfo(PurePosixPath(name).as_posix(), _EPOCH)
            entry.create_system, entry.external_attr = 3, _FILE_MODE
            entry.compress_type = zipfile.ZIP_DEFLATED
            file.writestr(entry, data)
            digest.update(f"{name}\0{len(data)}\0".encode() + data)
    return digest.hexdigest()


def _digests(file: Path) -> dict[str, str]:
    """Give the zip's hash, in hexadecimal and as Lambda tells it (`CodeSha256`)."""
    digest = hashlib.sha256(file.read_bytes())
    return {"sha256": digest.hexdigest(), "code_sha256": base64.b64encode(digest.digest()).decode()}


def _warn(text: str) -> None:
    sys.stderr.write(f"package: WARNING: {text}\n")


if __name__ == "__main__":
    sys.exit(main())
