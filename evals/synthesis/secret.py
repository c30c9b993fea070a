"""A random source → made-up secrets: pronounceable, so that no scanner takes them for live credentials. Pure.

They have the shape people give to passwords and tokens, and no vendor's prefix.
"""

import random
from typing import Final

SYLLABLES: Final = (
    "ba",
    "du",
    "fe",
    "gi",
    "ko",
    "lu",
    "ma",
    "ni",
    "po",
    "ra",
    "su",
    "ti",
    "vo",
    "we",
    "xa",
    "zu",
)


def make_secret(rng: random.Random, kind: str = "password") -> str:
    """Make one secret.

    Args:
        rng: draws it.
        kind: `password` (a word, a sign, a number, a tail) or `token` (words and numbers joined by dots).

    Raises:
        ValueError: there is no such kind.
    """
    if kind == "password":
        word = "".join(rng.choice(SYLLABLES) for _ in range(4)).capitalize()
        return f"{word}{rng.choice('-_+!')}{rng.randrange(1000, 9999)}{rng.choice(SYLLABLES)}"
    if kind == "token":
        words = [
            "".join(rng.choice(SYLLABLES) for _ in range(3)) + str(rng.randrange(10, 99)) for _ in range(4)
        ]
        return ".".join(words)
    raise ValueError(f"no secret of kind {kind!r}; use password or token")
