"""Counts of cases → intervals, p-values and sample sizes: what the evaluation gate decides with. All pure.

What is named here needs the standard library alone, because `evals` loads it when it starts. The modules that
load numpy and scipy are imported by their own names, by those who need them: `bootstrap`, `cluster`,
`enumeration`, `noninferiority`.
"""

from evals.statistics.multiplicity import holm
from evals.statistics.paired import Interval, Pairs, mcnemar, tango
from evals.statistics.power import (
    cases_needed,
    detectable_difference,
    margin_floor,
    margin_reachable,
    score_floor,
)
from evals.statistics.proportion import cases_for_bound, clopper_pearson, wilson, zero_bound

__all__ = [
    "Interval",
    "Pairs",
    "cases_for_bound",
    "cases_needed",
    "clopper_pearson",
    "detectable_difference",
    "holm",
    "margin_floor",
    "margin_reachable",
    "mcnemar",
    "score_floor",
    "tango",
    "wilson",
    "zero_bound",
]
