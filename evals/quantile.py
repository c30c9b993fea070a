"""Numbers → a quantile of them. Pure, without numpy: a report must not wait for its import."""

from collections.abc import Sequence


def quantile(values: Sequence[float], share: float) -> float:
    """Compute a sample quantile, between the two nearest values (Hyndman and Fan 1996, type 7).

    Args:
        values: at least one, finite, in any order.
        share: 0 (the least) to 1 (the greatest).

    Raises:
        ValueError: there is no value, or `share` is no share.
    """
    if not values or not 0 <= share <= 1:
        raise ValueError(f"{len(values)} values, share={share}: give at least 1 value and 0 <= share <= 1")
    ordered = sorted(values)
    place = (len(ordered) - 1) * share
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    low, high = ordered[below], ordered[above]
    return min(low + (high - low) * (place - below), high)
