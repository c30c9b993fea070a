"""Literals are found as a naive search finds them, whichever of the three ways to search is taken."""

import random
import string
from base64 import b64encode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diagnose import hunt, redact
from diagnose.hunt import Literals
from diagnose.reading import joined
from diagnose.secret import Kind

# few different signs, so that values overlap, begin alike and hold each other
VALUES = st.lists(
    st.text("ab-", min_size=6, max_size=14).map(str.encode), min_size=1, max_size=6, unique=True
)
TEXTS = st.text("ab- ", max_size=200).map(str.encode)


def literals_of(values):
    literals = Literals()
    for value in values:
        literals.add(value, (Kind.PASSWORD, value))
    return literals


def naive(values, data):
    """Leftmost first, the longest at each place."""
    at, found = 0, []
    while at < len(data):
        size = max((len(value) for value in values if data.startswith(value, at)), default=0)
        if size and (not data[at : at + size].isalpha() or _alone(data, at, at + size)):
            found.append((at, at + size, (Kind.PASSWORD, data[at : at + size])))
        at += size or 1
    return found


def _alone(data, start, end):
    return not data[max(0, start - 1) : start].isalnum() and not data[end : end + 1].isalnum()


@settings(max_examples=300)
@given(values=VALUES, data=TEXTS)
@pytest.mark.parametrize("way", ["beginnings", "whole values", "index"])
def test_every_way_to_search_finds_the_same(way, values, data):
    with pytest.MonkeyPatch.context() as patch:
        if way == "whole values":
            patch.setattr(hunt, "MAX_FALSE_HEADS", 0)
        if way == "index":
            patch.setattr(hunt, "MAX_ALTERNATION_LITERALS", 0)
        assert list(literals_of(values).places(data)) == naive(values, data)


def test_a_value_behind_many_false_beginnings_is_found():
    value = b"park-house-9"
    data = b"park-house " * (3 * hunt.MAX_FALSE_HEADS) + value
    assert [place[:2] for place in literals_of([value]).places(data)] == [(len(data) - len(value), len(data))]


def test_a_value_that_comes_later_is_found_too():
    literals = literals_of([b"first-1"])
    assert len(list(literals.places(b"first-1 second-2"))) == 1
    literals.add(b"second-2", (Kind.PASSWORD, b"second-2"))
    assert len(list(literals.places(b"first-1 second-2"))) == 2


@given(lines=st.lists(st.text("ab \t", max_size=6).map(str.encode), max_size=8), data=st.data())
def test_a_joined_stretch_leads_back_to_its_lines(lines, data):
    text = b"\n".join(lines)
    reading = joined(text)
    if reading is None:
        assert sum(1 for line in lines if line.strip()) < 2
        return
    start = data.draw(st.integers(0, len(reading.data) - 1))
    end = data.draw(st.integers(start + 1, len(reading.data)))
    span = reading.source(start, end)
    if span is None:
        assert reading.data[start:end] in text
        return
    parts = text[slice(*span)].split(b"\n")
    bare = [parts[0].rstrip(b" \t"), *(part.strip(b" \t") for part in parts[1:-1]), parts[-1].lstrip(b" \t")]
    assert b"".join(bare) == reading.data[start:end]


@pytest.mark.parametrize("signs", [string.ascii_letters, string.digits])
def test_what_one_sign_tells_from_a_word_is_found_in_base64(signs):
    secret = "".join(random.Random(8).choices(signs, k=9)) + "#"
    coded = b64encode(secret.encode()).decode()
    assert coded not in redact(f"password={secret}\npayload={coded} bytes=5")
