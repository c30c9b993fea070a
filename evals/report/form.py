"""Names of forms → their functions. What needs a drawing or a template is `evals.report.page`."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from evals.evaluation import Evaluation
from evals.report.document import to_json
from evals.report.markdown import to_markdown
from evals.report.text import to_text

FORMATS: Final[Mapping[str, Callable[[Evaluation], str]]] = MappingProxyType(
    {"text": to_text, "json": to_json, "markdown": to_markdown}
)
"""Each takes `baseline=` and `gate=` as well."""
