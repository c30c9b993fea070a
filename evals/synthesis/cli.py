"""The command line: `python -m evals.synthesis` writes the dataset, or checks templates without writing.

Exit 0: done; 1: a template is wrong; 2: wrong usage, or the folder can't be used.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from evals.errors import EvalsError
from evals.synthesis.generator import SyntheticCase, build, generate
from evals.synthesis.template import Template, TemplateError, load_templates
from evals.synthesis.writer import write

EXIT_OK: Final = 0
EXIT_WRONG: Final = 1
EXIT_UNUSABLE: Final = 2

SEED: Final = 1
COUNT: Final = 300
VARIANTS: Final = 8

_EXAMPLE: Final = """example:
  python -m evals.synthesis --seed 1 --output datasets/synthetic
  python -m evals.synthesis check --template database-refuses
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    arguments = _parser().parse_args(argv)
    try:
        if arguments.command == "check":
            return _check(_chosen(arguments.template), arguments.seed)
        if arguments.output is None:
            _parser().error("--output is needed: the folder of the dataset")
        made = Tally(generate(_chosen(arguments.template), seed=arguments.seed, count=arguments.count))
        count = write(made, arguments.output)
    except TemplateError as error:
        sys.stderr.write(f"evals.synthesis: {error}\n")
        return EXIT_WRONG
    except (EvalsError, OSError) as error:
        sys.stderr.write(f"evals.synthesis: {error}\n")
        return EXIT_UNUSABLE
    sys.stderr.write(f"{count} cases in {arguments.output}\n{made.text()}")
    return EXIT_OK


class Tally:
    """Counts what passes by: the balance of a dataset."""

    def __init__(self, cases: Iterator[SyntheticCase]) -> None:
        """Watch `cases`."""
        self._cases = cases
        self.counts: Counter[str] = Counter()
        self.size_bytes = 0

    def __iter__(self) -> Iterator[SyntheticCase]:
        """Hand the cases on."""
        for made in self._cases:
            self._count(made)
            yield made

    def _count(self, made: SyntheticCase) -> None:
        label = made.case.metadata
        self.size_bytes += sum(map(len, made.files.values()))
        self.counts.update(
            [
                f"category {label.category}", f"type {label.failure_type}", f"mode {made.mode}",
                f"safe {label.safe_to_retry}", f"difficulty {label.difficulty}", f"attempts {made.attempts}",
                f"canaries {bool(label.canaries)}", f"damage {made.damage or 'none'}",
                *(f"decoy {number:02d}" for number in set(made.decoys)),
            ]
        )  # fmt: skip

    def text(self) -> str:
        """One line per count, sorted."""
        rows = [f"{count:5d}  {name}\n" for name, count in sorted(self.counts.items())]
        return "".join(rows) + f"{self.size_bytes / 1e6:.2f} MB of files\n"


def _chosen(name: str | None) -> tuple[Template, ...]:
    templates = load_templates()
    chosen = tuple(template for template in templates if name in (None, template.id))
    if not chosen:
        raise TemplateError(f"there is no template {name}; known: {', '.join(t.id for t in templates)}")
    return chosen


def _check(templates: Sequence[Template], seed: int) -> int:
    """Build some variants of each template; every problem is told, not only the first."""
    wrong = 0
    for template in templates:
        for variant in range(VARIANTS):
            try:
                build(template, seed=seed, variant=variant)
            except (TemplateError, ValueError, IndexError, KeyError) as error:
                sys.stderr.write(f"{type(error).__name__}: {error}\n")
                wrong += 1
                break
    sys.stderr.write(f"{len(templates)} templates, {wrong} wrong\n")
    return EXIT_WRONG if wrong else EXIT_OK


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m evals.synthesis", description="Write the synthetic dataset, the same bytes for the same seed.",
        epilog=_EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("command", nargs="?", choices=("write", "check"), default="write")
    parser.add_argument("--seed", type=int, default=SEED, help=f"default: {SEED}")
    parser.add_argument("--count", type=int, default=COUNT, help=f"number of cases, default: {COUNT}")
    parser.add_argument("--template", help="only this template")
    parser.add_argument("--output", type=Path, help="the dataset's folder")
    return parser
