"""Measures `diagnose` on labelled failures: replay, exact intervals, a verdict that can fail a build.

from pathlib import Path
from evals import load
load(Path("datasets/lab")).cases[0].metadata.category
"""

from evals.case import Case
from evals.dataset import Dataset, load
from evals.errors import EvalsError
from evals.evaluation import Evaluation, evaluate
from evals.outcome import Outcome
from evals.score import Score

__all__ = ["Case", "Dataset", "EvalsError", "Evaluation", "Outcome", "Score", "evaluate", "load"]
