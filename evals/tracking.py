"""A finished evaluation, kept in MLflow; and prompts mirrored there, as they stand in the repository.

One run per evaluation: parameters, all metrics with their limits in one batch, a row per case, the datasets
with our own checksums, the files of the run. Git is the truth of prompts: a version is registered once per
hash; the aliases `candidate` and `production` are moved by gate and promotion alone, from the version they
were seen at. MLflow has no compare-and-swap: two promotions in the same instant are not guarded against here
(`active.toml` is). Nothing unredacted is written: rows, excerpts and reports hold what the product showed.
Imported lazily: MLflow takes seconds to load.
"""

import json
import logging
import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import unquote

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # noqa: TID251 - read when MLflow is imported

import mlflow
from mlflow.entities import Dataset, DatasetInput, Metric, Param, RunTag
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from diagnose.prompt import PromptVersion
from evals.errors import TrackingError
from evals.evaluation import Evaluation
from evals.run import Row, Run

HOME: Final = Path("reports/mlflow")
DEFAULT_URI: Final = f"sqlite:///{HOME}/mlflow.db"
EXPERIMENT: Final = "diagnosis"
PROMPT: Final = "diagnosis"
Alias = Literal["candidate", "production"]
_RUN_ID: Final = "run_id"
_SHA256: Final = "sha256"
_LINKED: Final = "mlflow.linkedPrompts"
_MAX_PARAM: Final = 6000
"""Characters of a parameter that MLflow takes."""
_PREFIX: Final = "sqlite:///"
_USERINFO: Final = re.compile(r"(?<=://)[^\s/?#]*@")
"""Name and password in a URI (RFC 3986, section 3.2.1)."""

logging.getLogger("mlflow").setLevel(logging.WARNING)
logging.getLogger("alembic").setLevel(logging.WARNING)  # says one line per migration of a new database


class Tracker:
    """One MLflow store.

    Args:
        uri: of the tracking server or database; the folder of a SQLite file is made if missing.

    Raises:
        TrackingError: it can't be used.
    """

    def __init__(self, uri: str = DEFAULT_URI) -> None:
        self.uri = _without_userinfo(uri)
        """For messages: without a user's name and password."""
        self._uri = uri
        with self._told():
            if uri.startswith(_PREFIX):
                Path(uri.removeprefix(_PREFIX)).parent.mkdir(parents=True, exist_ok=True)
            self._client = mlflow.MlflowClient(tracking_uri=uri, registry_uri=uri)

    def track(self, evaluation: Evaluation, files: Sequence[Path] = ()) -> str:
        """Keep an evaluation as one MLflow run; one that is there already is left alone.

        Args:
            evaluation: what to keep.
            files: kept beside it, such as the report.

        Returns:
            MLflow's id of the run.
        """
        with self._told():
            experiment = self._experiment()
            name = evaluation.run.provenance.run_id
            found = self._find(name)
            if found is not None and found.info.status == "FINISHED":
                return str(found.info.run_id)
            made = self._client.create_run(experiment, tags=_tags(evaluation), run_name=name).info.run_id
            self._fill(made, evaluation, files)
            self._client.set_terminated(made)
            return str(made)

    def attach(self, run_id: str, files: Sequence[Path], tags: Mapping[str, str]) -> None:
        """Add files and tags to the MLflow run of an evaluation, such as the gate's record.

        Raises:
            TrackingError: the evaluation was never tracked here.
        """
        with self._told():
            found = self._find(run_id)
            if found is None:
                raise TrackingError(f"MLflow at {self.uri}: run {run_id} is not there; track it first")
            made = found.info.run_id
            for file in files:
                self._client.log_artifact(made, str(file))
            for name, text in tags.items():
                self._client.set_tag(made, name, text)

    def mirror(self, version: PromptVersion, texts: Mapping[str, str]) -> str:
        """Register a prompt version, once per hash.

        Args:
            version: as it stands on the shelf.
            texts: name of each of its template files and its text.

        Returns:
            MLflow's number of the version.
        """
        with self._told():
            if number := self._registered(version.sha256):
                return number
            template = [
                {"role": "system", "content": texts["system.j2"]},
                {"role": "user", "content": texts["user.j2"]},
            ]
            tags = {_SHA256: version.sha256, "version": version.name}
            made = self._client.register_prompt(
                PROMPT, template, commit_message=f"{version.name} {version.sha256}", tags=tags
            )
            return str(made.version)

    def holder(self, alias: Alias) -> str | None:
        """Give the SHA-256 of the prompt version that an alias stands at; None where it stands nowhere."""
        with self._told():
            return self._holder(alias)

    def move(self, alias: Alias, sha256: str, *, expected: str | None) -> None:
        """Move an alias to the version with a hash, from the version it is expected at.

        Args:
            alias: which.
            sha256: of the version; must be mirrored.
            expected: the hash it stands at now, as the caller knows it. An alias that stands nowhere, as in
                a new store, may always be set.

        Raises:
            TrackingError: it stands elsewhere, or there is no such version.
        """
        with self._told():
            found = self._holder(alias)
            if found == sha256:
                return
            if found not in (None, expected):
                raise TrackingError(
                    f"{self.uri}: alias {alias} stands at {found or 'no version'}, expected "
                    f"{expected or 'none'}; somebody else moved it: look before you promote again"
                )
            number = self._registered(sha256)
            if number is None:
                raise TrackingError(f"{self.uri}: no prompt version with sha256 {sha256}; mirror it first")
            self._client.set_prompt_alias(PROMPT, alias, int(number))

    def _experiment(self) -> str:
        found = self._client.get_experiment_by_name(EXPERIMENT)
        if found is not None:
            return str(found.experiment_id)
        place = None
        if self.uri.startswith(_PREFIX):
            folder = Path(self.uri.removeprefix(_PREFIX)).resolve().parent / "artifacts"
            place = folder.as_uri()
        return str(self._client.create_experiment(EXPERIMENT, artifact_location=place))

    def _find(self, run_id: str) -> Any:  # noqa: ANN401 - MLflow's own type is loose
        """Find the MLflow run of an evaluation; None where it was never tracked."""
        where = f"tags.{_RUN_ID} = '{run_id}'"
        return next(iter(self._client.search_runs([self._experiment()], where, max_results=1)), None)

    def _fill(self, made: str, evaluation: Evaluation, files: Sequence[Path]) -> None:
        run = evaluation.run
        now = int(time.time() * 1000)
        metrics = [Metric(name, value, now, 0) for name, value in _metrics(evaluation).items()]
        params = [Param(name, text[:_MAX_PARAM]) for name, text in _params(run).items()]
        tags = [RunTag(_LINKED, json.dumps([linked]))] if (linked := self._linked(run)) else []
        self._client.log_batch(made, metrics=metrics, params=params, tags=tags)
        self._client.log_inputs(made, [_dataset(item.name, item.sha256) for item in run.identity.datasets])
        self._client.log_table(made, _table(run.rows), "cases.json")
        for file in files:
            self._client.log_artifact(made, str(file))

    def _linked(self, run: Run) -> dict[str, str] | None:
        sha256 = run.identity.prompt_sha256
        number = self._registered(sha256) if sha256 else None
        return {"name": PROMPT, "version": number} if number else None

    def _registered(self, sha256: str) -> str | None:
        """Find the number of the version with a hash."""
        for version in self._versions():
            if version.tags.get(_SHA256) == sha256:
                return str(version.version)
        return None

    def _versions(self) -> Iterator[Any]:
        if self._client.get_prompt(PROMPT) is None:
            return
        token = None
        while True:
            page = self._client.search_prompt_versions(PROMPT, max_results=100, page_token=token)
            yield from getattr(page, "prompt_versions", page)
            token = getattr(page, "next_page_token", None) or getattr(page, "token", None)
            if not token:
                return

    def _holder(self, alias: Alias) -> str | None:
        if self._client.get_prompt(PROMPT) is None:
            return None
        try:
            version = self._client.get_prompt_version_by_alias(PROMPT, alias)
        except MlflowException as error:
            if "not found" in str(error).lower():
                return None
            raise
        return str(version.tags.get(_SHA256))

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (MlflowException, SQLAlchemyError, OSError) as error:
            text = hide_userinfo(str(error), self._uri).strip()
            first = text.splitlines()[0] if text else type(error).__name__
            raise TrackingError(
                f"MLflow at {self.uri}: {first}; the run itself is kept, track it again later"
            ) from None  # the cause quotes the URI as it was given


def _without_userinfo(uri: str) -> str:
    """Take name and password out of a URI; a path, as of a SQLite file, has none and may hold an `@`."""
    scheme, separator, rest = uri.partition("://")
    if not separator or rest.startswith("/"):
        return uri
    return f"{scheme}://{rest.rpartition('@')[2]}"  # the last: a password may hold `@` and `/` unescaped


def hide_userinfo(text: str, uri: str) -> str:
    """Take name and password out of what others say of `uri`, whole or in part, and of any other URI."""
    userinfo = uri.partition("://")[2].rpartition("@")[0]
    if userinfo and not userinfo.startswith("/"):
        text = text.replace(f"{userinfo}@", "").replace(f"{unquote(userinfo)}@", "")
        if ":" in userinfo:
            text = text.replace(userinfo, "[hidden]").replace(unquote(userinfo), "[hidden]")
    return _USERINFO.sub("", text)


def _tags(evaluation: Evaluation) -> dict[str, str]:
    source = evaluation.run.provenance
    return {
        _RUN_ID: source.run_id,
        "commit": source.commit,
        "passed": str(evaluation.passed).lower(),
        "python": source.python,
        "version": source.version,
    }


def _params(run: Run) -> dict[str, str]:
    identity = run.identity
    plain = {
        "analyst": identity.analyst,
        "model_id": identity.model_id,
        "prompt_version": identity.prompt_version,
        "prompt_sha256": identity.prompt_sha256,
        "repeats": identity.repeats,
        "code_sha256": identity.code_sha256,
        "scorers_sha256": identity.scorers_sha256,
    }
    datasets = {f"dataset.{item.name}": item.sha256 for item in identity.datasets}
    settings = {f"settings.{name}": value for name, value in identity.settings.items()}
    sampling = {f"sampling.{name}": value for name, value in identity.sampling.items()}
    every = {**plain, **datasets, **settings, **sampling}
    return {name: str(value) for name, value in every.items() if value is not None}


def _metrics(evaluation: Evaluation) -> dict[str, float]:
    """Name every number and its limits: `category`, `category.low`, `category.high`, `category.cases`."""
    numbers: dict[str, float | None] = {"completeness": evaluation.run.completeness}
    for name, value in evaluation.values.items():
        numbers |= {
            name: value.share,
            f"{name}.low": value.low,
            f"{name}.high": value.high,
            f"{name}.bound": value.bound,
            f"{name}.cases": value.total,
        }
    return {name: float(number) for name, number in numbers.items() if number is not None}


def _dataset(name: str, sha256: str) -> DatasetInput:
    source = json.dumps({"name": name, _SHA256: sha256})
    # MLflow keeps 36 characters of a digest; the whole stands in the source.
    return DatasetInput(Dataset(name=name, digest=sha256[:36], source_type="local", source=source))


def _table(rows: Sequence[Row]) -> dict[str, list[Any]]:
    made = [_cells(row) for row in rows]
    return {name: [cells[name] for cells in made] for name in made[0]} if made else {}


def _cells(row: Row) -> dict[str, Any]:
    said = row.diagnosis
    return {
        "case": row.case_id,
        "repeat": row.repeat,
        "dataset": row.dataset,
        "cluster": row.cluster,
        "expected": f"{row.expected.category}/{row.expected.failure_type}",
        "got": f"{said.category}/{said.failure_type}" if said else "ERROR",
        "safe_label": row.expected.safe_to_retry,
        "safe_said": said.safe_to_retry if said else None,
        "confidence": said.confidence if said else None,
        "status": str(said.status) if said else None,
        "root_cause": said.root_cause if said else row.error,
        "evidence": "\n".join(said.log_evidences) if said else "",
        "tokens": said.tokens_used if said else None,
        "cost_usd": said.cost_usd if said else None,
        **{f"score.{name}": score.value for name, score in row.scores.items()},
    }
