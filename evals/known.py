"""A dataset's `known.toml` → the misses of the rules that are known, each with its reason.

    [case-id]
    misses = ["category", "evidence"]
    reason = "two causes of equal weight; the rules take the louder one"

A leak or a wrong "safe" can't be listed: nothing excuses one. Nor can confidence, which is asked of all cases
together. The list speaks of the rules; a model's run doesn't look at it.
"""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from evals.dataset import Dataset
from evals.errors import DatasetError
from evals.requirement import Requirement
from evals.run import Miss

FILE: Final = "known.toml"
_NEVER: Final = frozenset({Requirement.LEAK, Requirement.RETRY, Requirement.CONFIDENCE})


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    misses: Annotated[tuple[Requirement, ...], Field(min_length=1)]
    reason: Annotated[str, Field(min_length=10)]


_FORM: Final = TypeAdapter(dict[str, _Entry])


def load_known(dataset: Dataset) -> tuple[Miss, ...]:
    """Read the known misses of a whole dataset; none where it has no list.

    Raises:
        DatasetError: the list can't be read, is not valid, names a case that is not there, or lists what
            nothing excuses.
    """
    file = dataset.folder / FILE
    if not file.is_file():
        return ()
    try:
        entries = _FORM.validate_python(tomllib.loads(file.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise DatasetError(f"{file}: can't be read ({error}); correct it") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        raise DatasetError(f"{file}: {field}: {first['msg']}; correct it") from None
    if unknown := sorted(set(entries) - {case.id for case in dataset.cases}):
        raise DatasetError(f"{file}: {unknown[0]}: no such case in {dataset.folder}; remove it")
    return tuple(_misses(file, entries))


def _misses(file: Path, entries: dict[str, _Entry]) -> Iterator[Miss]:
    for case_id, entry in entries.items():
        for requirement in entry.misses:
            if requirement in _NEVER:
                raise DatasetError(f"{file}: {case_id}: nothing excuses a miss of {requirement}; mend it")
            yield Miss(case_id=case_id, requirement=requirement, reason=entry.reason)
