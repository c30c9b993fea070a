"""Several p-values → p-values that may be read one by one.

A gate that passes only if every guard passes needs no adjustment for that verdict (Berger 1982, Technometrics
24: an intersection-union test); it needs one for naming single guards as shown.
"""

from collections.abc import Mapping


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Adjust p-values so that the chance of any false claim is at most alpha (Holm 1979, Scand. J. Stat. 6).

    Args:
        p_values: Test → p-value within 0..1; may be empty.

    Returns:
        Test → adjusted p-value, in the order given: claim the tests with a value of at most alpha.

    Raises:
        ValueError: A p-value lies outside 0..1.
    """
    wrong = {name: value for name, value in p_values.items() if not 0 <= value <= 1}
    if wrong:
        raise ValueError(f"p-values outside 0..1: {wrong}")
    adjusted: dict[str, float] = {}
    highest = 0.0
    for rank, name in enumerate(sorted(p_values, key=p_values.__getitem__)):
        highest = max(highest, min(1.0, p_values[name] * (len(p_values) - rank)))
        adjusted[name] = highest
    return {name: adjusted[name] for name in p_values}
