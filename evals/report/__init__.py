"""A finished evaluation → text for a terminal, Markdown for a pull request, JSON for a program, a page.

Every form is a pure function of a saved result and opens with the verdict and with where the numbers come
from. Reasons and evidence quote lines that the product showed: a report is as confidential as those.
"""

from evals.report.baseline import Baseline
from evals.report.document import to_json
from evals.report.form import FORMATS
from evals.report.markdown import to_markdown
from evals.report.page import to_page
from evals.report.text import to_text

__all__ = [
    "FORMATS",
    "Baseline",
    "to_json",
    "to_markdown",
    "to_page",
    "to_text",
]
