"""Rows of data that an error quotes: cells that are made like a password go, whatever their column is called."""

import random
import string

import pytest

from diagnose import redact

QUOTES = [
    "[MALFORMED_RECORD_IN_PARSING.WITHOUT_SUGGESTION] Malformed records are detected in record parsing: [k-1702,{},null].",
    "  Detail: Failing row contains (17, 2026-11-22, {}, null).",
    "Bad record: Row(id=17, note='{}', day='2026-11-22')",
    'rejected row ("17", "{}", "done")',
]


def made_up(seed):
    rng = random.Random(seed)
    word = "".join(rng.choices(string.ascii_lowercase, k=7))
    return f"{word.capitalize()}{rng.choice('+!#$')}{rng.randrange(1000, 9999)}"


@pytest.mark.parametrize("quote", QUOTES)
@pytest.mark.parametrize("seed", range(20))
def test_a_cell_that_is_made_like_a_password_is_removed(quote, seed):
    secret = made_up(seed)
    told = redact(quote.format(secret))
    assert secret not in told and "REDACTED" in told


@pytest.mark.parametrize("quote", QUOTES)
@pytest.mark.parametrize(
    "plain",
    [
        "orders",
        "ORD-2026-00017",
        "part-00000-1154c5df-d95e.snappy.parquet",
        "2026-11-22T07:00:00.000Z",
        "about a minute",
    ],
)
def test_ids_dates_and_words_of_a_row_stay(quote, plain):
    assert plain in redact(quote.format(plain))
