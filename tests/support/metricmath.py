"""Evaluates CloudWatch alarms as a template defines them, over samples that a test gives; refuses what it doesn't know.

    watched = Metrics()
    watched.take(document)  # of the embedded metric format
    watched.add("AWS/Lambda", "Errors", {"FunctionName": "f"}, 1, at=MOMENT)
    Alarm(properties).state(watched, end=MOMENT + 300)  # "OK", "ALARM" or "INSUFFICIENT_DATA"

A sample counts to the period that begins at a whole multiple of its length, as CloudWatch keeps samples. Of metric
math it knows numbers, ids, + - * /, comparisons, IF and FILL with a number. Where a value is missing, what is computed
of it is missing, but for FILL; so is what is divided by zero.
Source: Amazon CloudWatch user guide, "Using math expressions with CloudWatch metrics" and "Configuring how CloudWatch
alarms treat missing data".
"""

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

Value = float | None


class RefusedError(ValueError):
    """The definition holds what this evaluator doesn't know."""


STATISTICS = {
    "Sum": sum,
    "Maximum": max,
    "Minimum": min,
    "SampleCount": len,
    "Average": lambda values: sum(values) / len(values),
}
COMPARISONS = {
    "GreaterThanThreshold": operator.gt,
    "GreaterThanOrEqualToThreshold": operator.ge,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}
MISSING = {"notBreaching": False, "breaching": True, "missing": None}
SIMPLE = {"Namespace", "MetricName", "Dimensions", "Statistic", "Period"}
KNOWN = {"AlarmDescription", "AlarmName", "AlarmActions", "OKActions", "ActionsEnabled", "Tags"} | {
    "EvaluationPeriods", "DatapointsToAlarm", "ComparisonOperator", "Threshold", "TreatMissingData",
}  # fmt: skip


@dataclass
class Metrics:
    """What CloudWatch holds: samples by namespace, name and all dimensions together."""

    _samples: dict[tuple, list[tuple[float, float]]] = field(default_factory=dict)

    def add(
        self, namespace: str, name: str, dimensions: Mapping[str, str], value: float, *, at: float
    ) -> None:
        """Take a sample; `at` in seconds since 1970."""
        key = (namespace, name, frozenset(dimensions.items()))
        self._samples.setdefault(key, []).append((at, float(value)))

    def take(self, document: Mapping) -> None:
        """Take all samples of a document, under each set of its dimensions."""
        at = document["_aws"]["Timestamp"] / 1000
        for directive in document["_aws"]["CloudWatchMetrics"]:
            for names in directive["Dimensions"]:
                dimensions = {name: document[name] for name in names}
                for metric in directive["Metrics"]:
                    told = document[metric["Name"]]
                    for value in told if isinstance(told, list) else [told]:
                        self.add(directive["Namespace"], metric["Name"], dimensions, value, at=at)

    def values(self, metric: Mapping, begin: float, end: float) -> list[float]:
        """The samples of a metric from `begin` until before `end`."""
        _only(metric, {"Namespace", "MetricName", "Dimensions"})
        dimensions = frozenset((d["Name"], d["Value"]) for d in metric.get("Dimensions", []))
        samples = self._samples.get((metric["Namespace"], metric["MetricName"], dimensions), [])
        return [value for at, value in samples if begin <= at < end]


class Alarm:
    """One alarm, of resolved properties of `AWS::CloudWatch::Alarm`."""

    def __init__(self, properties: Mapping) -> None:
        self._queries = list(_queries(properties))
        _only(properties, KNOWN | (SIMPLE if "MetricName" in properties else {"Metrics"}))
        periods = {query["MetricStat"]["Period"] for query in self._queries if "MetricStat" in query}
        if len(periods) != 1:
            raise RefusedError(f"periods differ: {sorted(periods)}")
        (self.period_seconds,) = periods
        returned = [query["Id"] for query in self._queries if query.get("ReturnData", True)]
        if len(returned) != 1:
            raise RefusedError(f"one query must return data, not {returned}")
        (self._returned,) = returned
        self._breaches = _known(COMPARISONS, properties["ComparisonOperator"])
        self._threshold = float(properties["Threshold"])
        self._missing = _known(MISSING, properties.get("TreatMissingData", "missing"))
        self._periods = int(properties["EvaluationPeriods"])
        self._needed = int(properties.get("DatapointsToAlarm", self._periods))
        self.metrics = [query["MetricStat"]["Metric"] for query in self._queries if "MetricStat" in query]

    def state(self, watched: Metrics, *, end: float) -> str:
        """The state when the last period is that which ends last, at `end` or before."""
        last = end // self.period_seconds * self.period_seconds
        begins = [last - self.period_seconds * n for n in range(1, self._periods + 1)]
        points = [self._point(watched, begin) for begin in begins]
        judged = [self._missing if p is None else self._breaches(p, self._threshold) for p in points]
        if all(breach is None for breach in judged):
            return "INSUFFICIENT_DATA"
        return "ALARM" if sum(breach is True for breach in judged) >= self._needed else "OK"

    def _point(self, watched: Metrics, begin: float) -> Value:
        series: dict[str, Value] = {}
        pending = list(self._queries)
        while pending:
            ready = [query for query in pending if set(_needs(query)) <= set(series)]
            if not ready:
                raise RefusedError(f"these never come to a value: {[query['Id'] for query in pending]}")
            for query in ready:
                series[query["Id"]] = self._value(query, watched, begin, series)
                pending.remove(query)
        return series[self._returned]

    def _value(self, query: Mapping, watched: Metrics, begin: float, series: Mapping[str, Value]) -> Value:
        if "Expression" in query:
            return evaluate(query["Expression"], series)
        stat = query["MetricStat"]
        values = watched.values(stat["Metric"], begin, begin + self.period_seconds)
        return float(_known(STATISTICS, stat["Stat"])(values)) if values else None


def _queries(properties: Mapping) -> Iterator[Mapping]:
    if "MetricName" in properties:
        metric = {
            name: properties[name] for name in ("Namespace", "MetricName", "Dimensions") if name in properties
        }
        stat = {"Metric": metric, "Period": properties["Period"], "Stat": properties["Statistic"]}
        yield {"Id": "metric", "MetricStat": stat}
        return
    for query in properties["Metrics"]:
        _only(query, {"Id", "Label", "ReturnData", "Expression" if "Expression" in query else "MetricStat"})
        if "MetricStat" in query:
            _only(query["MetricStat"], {"Metric", "Period", "Stat"})
        if not re.fullmatch("[a-z][A-Za-z0-9_]{0,254}", query["Id"]):
            raise RefusedError(f"{query['Id']!r} is no id")
        yield query


def _needs(query: Mapping) -> Iterator[str]:
    for kind, text in _tokens(query.get("Expression", "")):
        if kind == "id":
            yield text


def _only(mapping: Mapping, known: set[str]) -> None:
    if unknown := set(mapping) - known:
        raise RefusedError(f"not known here: {sorted(unknown)}")


def _known(table: Mapping, name: str):
    if name not in table:
        raise RefusedError(f"not known here: {name!r}")
    return table[name]


# --- metric math

TOKEN = re.compile(
    r"\s*(?:(?P<number>[0-9]+(?:\.[0-9]+)?)|(?P<function>[A-Z][A-Z_]*)(?=\s*\()|(?P<id>[a-z][A-Za-z0-9_]*)"
    r"|(?P<sign>[<>=!]=|[-+*/<>(),]))"
)
COMPARED = {"<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge, "==": operator.eq, "!=": operator.ne}  # fmt: skip
ADDED = {"+": operator.add, "-": operator.sub}
MULTIPLIED = {"*": operator.mul, "/": lambda a, b: a / b if b else None}


def evaluate(expression: str, series: Mapping[str, Value]) -> Value:
    """Evaluate an expression at one moment, for the values that its ids have there."""
    parser = _Parser(list(_tokens(expression)), series)
    value = parser.comparison()
    if parser.left:
        raise RefusedError(f"{expression!r}: not understood from {parser.left[0][1]!r} on")
    return value


def _tokens(expression: str) -> Iterator[tuple[str, str]]:
    text, place = expression.rstrip(), 0
    while place < len(text):
        found = TOKEN.match(text, place)
        if not found:
            raise RefusedError(f"{expression!r}: not understood from character {place} on")
        yield str(found.lastgroup), found[found.lastgroup]
        place = found.end()


class _Parser:
    """Recursive descent, one method for each strength of operators, the weakest first."""

    def __init__(self, tokens: list[tuple[str, str]], series: Mapping[str, Value]) -> None:
        self.left = tokens
        self._series = series

    def comparison(self) -> Value:
        return self._chain(self.sum, COMPARED)

    def sum(self) -> Value:
        return self._chain(self.product, ADDED)

    def product(self) -> Value:
        return self._chain(self.atom, MULTIPLIED)

    def _chain(self, operand: Callable[[], Value], operators: Mapping[str, Callable]) -> Value:
        value = operand()
        while self.left and self.left[0][1] in operators:
            apply, other = operators[self.left.pop(0)[1]], operand()
            result = None if value is None or other is None else apply(value, other)
            value = None if result is None else float(result)
        return value

    def atom(self) -> Value:
        kind, text = self._next()
        if kind == "number":
            return float(text)
        if kind == "id":
            return _known(self._series, text)
        if kind == "function":
            return self._call(text)
        if text == "-":
            value = self.atom()
            return None if value is None else -value
        if text == "(":
            value = self.comparison()
            self._expect(")")
            return value
        raise RefusedError(f"{text!r} begins no value")

    def _call(self, name: str) -> Value:
        self._expect("(")
        values = [self.comparison()]
        while self.left and self.left[0][1] == ",":
            self._expect(",")
            values.append(self.comparison())
        self._expect(")")
        if name == "IF" and len(values) == 3:
            return None if values[0] is None else values[1 if values[0] else 2]
        if name == "FILL" and len(values) == 2 and values[1] is not None:
            return values[1] if values[0] is None else values[0]
        raise RefusedError(f"{name} with {len(values)} values is not known here")

    def _next(self) -> tuple[str, str]:
        if not self.left:
            raise RefusedError("the expression ends too soon")
        return self.left.pop(0)

    def _expect(self, sign: str) -> None:
        found = self._next()[1]
        if found != sign:
            raise RefusedError(f"{found!r} stands where {sign!r} must")
