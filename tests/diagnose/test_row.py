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


def test_parameters_go_by_the_columns_that_a_statement_gives_them_to():
    """As PostgreSQL logs them; a quote in one is doubled."""
    insert, update = made_up(1), made_up(2)
    lines = [
        "LOG:  execute <unnamed>: INSERT INTO t (day, api_secret) VALUES ($1, $2)",
        f"DETAIL:  parameters: $1 = '2026-11-22', $2 = '{insert}'",
        "LOG:  execute s1: UPDATE u SET db_password = $1 WHERE batch = $2",
        f"DETAIL:  parameters: $1 = 'it''s {update}', $2 = '17'",
    ]
    told = redact("\n".join(lines))
    assert insert not in told and update not in told
    assert "VALUES ($1, $2)" in told and "$1 = '2026-11-22'" in told and "$2 = '17'" in told


MESSAGES = [
    "Expectation expect_column_values_to_not_be_null failed: column=api_key, partial_unexpected_list=['{}']",
    '[CAST_INVALID_INPUT] The value \'{}\' of the type "STRING" cannot be cast to "BIGINT". == SQL (line 5, '
    "position 8) ==\ncast(api_key as bigint)",
    "ERROR:  duplicate key value violates unique constraint\nDETAIL:  Key (api_key)=({}",
    "conn_id     | conn_type | hive_server2_authentication_ldap_bindpw\n=====+=====+=====\ndwh_1 | jdbc | {}",
    "+---+--------------------+\n| id|             api_key|\n+---+--------------------+\n| 17|{}...|\n+---+---+",
    "id,api_key,status\n17,{}",
    "update t set conninfo = 'host=pg dbname=sales password=''{}'' connect_timeout=10' where batch = 35",
]


@pytest.mark.parametrize("message", MESSAGES)
def test_values_that_a_message_tells_with_their_column_go(message):
    secret = made_up(7)
    told = redact(message.format(secret))
    assert secret not in told and told.count("REDACTED") == 1
    assert redact(told) == told


def test_a_line_below_a_header_that_is_no_row_stays():
    line = "Python 3.11.7 (main, Dec  8 2025) [GCC 11.4.0]"
    assert redact(f"id,api_key,status\n{line}").endswith(line)
