r"""Parameters as people write them in, a call of `sam deploy` out that gives CloudFormation these values.

    python lambda/deploy.py --package build/lambda/package.zip --log-bucket my-emr-logs --architecture arm64 \
        --parameters 'MemoryMegabytes=1024 RedactionExtraPatterns=["ACME-\\d+"]' [-- --no-confirm-changeset]

`make deploy` calls it. Parameters stand with blanks between; a value ends where the next name begins, so it
may hold blanks, and a JSON list ends with its bracket. A pair of quotes around a whole value is taken off,
nothing else: neither make nor a shell looks into the text. Names that the template does not have are refused
(sam would drop them in silence), and so are extra patterns that the function could not start with.
Release, by which CloudFormation publishes a new version of the function, is made of package, template and
parameters. Exit code: sam's, or 2.
"""

import argparse
import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from diagnose.errors import UsageError
from diagnose.settings import load_settings

FOLDER: Final = Path(__file__).resolve().parent
TEMPLATE: Final = FOLDER / "template.yaml"
PATTERNS: Final = "RedactionExtraPatterns"
_NAME: Final = re.compile(r"\s*([A-Z][A-Za-z0-9]*)=")
_NEXT: Final = re.compile(r"\s+[A-Z][A-Za-z0-9]*=|\s*\Z")


class ParameterError(ValueError):
    """A parameter can't be passed on; says which and why."""


def declared(template: str) -> set[str]:
    """Give the names of the template's parameters."""
    section = re.search(r"^Parameters:\n((?:(?:[ #].*)?\n)*)", template, re.MULTILINE)
    return set(re.findall(r"^  (\w+):$", section[1], re.MULTILINE)) if section else set()


def parse(text: str, own: Mapping[str, str]) -> dict[str, str]:
    """Read parameters as the module says.

    Args:
        text: such as `A=1 B=two words C=["a b"]`; may be empty.
        own: parameters that are given in another way, the first of the result.

    Raises:
        ParameterError: something stands outside of a value, a list is no JSON, or a name is there twice.
    """
    found = dict(own)
    place = 0
    while text[place:].strip():
        name = _NAME.match(text, place)
        if name is None:
            raise ParameterError(f"{text[place:].strip()[:60]!r}: give Name=value, with blanks between")
        if name[1] in found:
            raise ParameterError(f"{name[1]}: given twice")
        end = _end(text, name.end(), name[1])
        found[name[1]] = _bare(text[name.end() : end].strip())
        place = end
    return found


def _end(text: str, begin: int, name: str) -> int:
    if text.startswith("[", begin):
        try:
            return json.JSONDecoder().raw_decode(text, begin)[1]
        except json.JSONDecodeError as error:
            raise ParameterError(
                f'{name}: not JSON ({error.msg}); give a list such as ["ACME-\\\\d+"]'
            ) from None
    ends = _NEXT.search(text, begin)
    return ends.start() if ends else len(text)


def _bare(value: str) -> str:
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
    return value[1:-1] if quoted else value


def word(name: str, value: str) -> str:
    """Write a parameter as one argument of `--parameter-overrides`, which has an escape of its own.

    sam takes quotes around a value off, then the backslash before each blank and each quote.

    Raises:
        ParameterError: no spelling comes out as this value.
    """
    if value.endswith("\\") or "\\'" in value or not value.isprintable():
        raise ParameterError(f"{name}: sam can't take a backslash at the end or before ', nor a line's end")
    escaped = re.sub(r"\\(?=[ \"])", r"\\\\", value).replace("'", "\\'")
    return f"{name}='{escaped}'"


def check(values: Mapping[str, str], names: set[str]) -> None:
    """See to it that the template has the names and the function can start with the patterns.

    Raises:
        ParameterError: it can't.
    """
    for name in values:
        if name not in names:
            raise ParameterError(f"{name}: lambda/template.yaml has no such parameter")
    try:
        load_settings({"REDACTION_EXTRA_PATTERNS": values.get(PATTERNS, "")})
    except UsageError as error:
        raise ParameterError(f"{PATTERNS}: {error}") from None


def release(package: Path, values: Mapping[str, str]) -> str:
    """Name what is deployed: 16 hexadecimal digits."""
    told = json.dumps(values, sort_keys=True).encode()
    return hashlib.sha256(package.read_bytes() + TEMPLATE.read_bytes() + told).hexdigest()[:16]


def command(package: Path, values: Mapping[str, str], flags: list[str]) -> list[str]:
    """Give the call of sam.

    Raises:
        ParameterError: see `check` and `word`.
    """
    check(values, declared(TEMPLATE.read_text(encoding="utf-8")))
    given = {"Release": release(package, values), **values}
    words = [word(name, value) for name, value in given.items()]
    return ["sam", "deploy", "--template-file", TEMPLATE.name, "--parameter-overrides", *words, *flags]


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--package", type=Path, required=True)
    parser.add_argument("--log-bucket", required=True)
    parser.add_argument("--architecture", required=True)
    parser.add_argument("--parameters", default="")
    parser.add_argument("flags", nargs="*", help="of sam; after --")
    options = parser.parse_args()
    try:
        own = {"LogBucketName": options.log_bucket, "Architecture": options.architecture}
        called = command(options.package, parse(options.parameters, own), options.flags)
    except ParameterError as error:
        sys.stderr.write(f"deploy: {error}\n")
        return 2
    return subprocess.run(called, cwd=FOLDER, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
