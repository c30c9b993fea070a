"""Measures `diagnose` on labelled failures: replay, exact intervals, a verdict that can fail a build.

from pathlib import Path
from evals import load
load(Path("datasets/lab")).cases[0].metadata.category
"""

from evals.archive import load_run
from evals.case import Case
from evals.dataset import Dataset, load
from evals.errors import EvalsError
from evals.evaluation import Evaluation, assess
from evals.outcome import Answer, Outcome
from evals.run import Row, Run
from evals.score import Score

__all__ = [
    "Answer",
    "Case",
    "Dataset",
    "EvalsError",
    "Evaluation",
    "Outcome",
    "Row",
    "Run",
    "Score",
    "assess",
    "load",
    "load_run",
]
