"""How cases were answered → a table of what a model gets wrong. Pure."""

from collections import Counter
from collections.abc import Sequence

from evals.endpoint.recorder import Answered


def table(answered: Sequence[Answered]) -> str:
    """Render counts, each with what it is counted of.

    Args:
        answered: one per case.
    """
    total = len(answered)
    first = sum(case.problems[:1] == ("",) for case in answered)
    valid = [case for case in answered if case.valid]
    right = sum(bool(case.right) for case in valid)
    grounded = sum(case.grounded for case in valid)
    quoted = grounded + sum(case.unfounded for case in valid)
    rows = [
        ("valid answer at once", _share(first, total)),
        ("valid answer after the second question", _share(len(valid) - first, total)),
        ("no valid answer", _share(total - len(valid), total)),
        ("no reply at all to a question", _share(sum(bool(case.error) for case in answered), total)),
        ("category right, of valid answers", _share(right, len(valid))),
        ("quoted lines that stand in the excerpt", _share(grounded, quoted)),
    ]
    problems = Counter(problem for case in answered for problem in case.problems if problem)
    replies = sum(len(case.problems) for case in answered)
    rows += [
        (f"  reply: {name}", _share(count, replies))
        for name, count in sorted(problems.items(), key=_by_count)
    ]
    width = max(len(name) for name, _ in rows)
    return "".join(f"{name:<{width}}  {share}\n" for name, share in rows)


def _share(count: int, total: int) -> str:
    return f"{count} of {total}"


def _by_count(item: tuple[str, int]) -> tuple[int, str]:
    return -item[1], item[0]
