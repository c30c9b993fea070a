import pytest

from evals.report.glyph import flat, shorten, visible


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("a\x00b", "a␀b"),
        ("\x1b[31mred\x1b[0m", "␛[31mred␛[0m"),
        ("back\x08\x7f", "back␈␡"),
        ("cr\rlf", "cr␍lf"),
        ("safe\u202eevil", "safe[U+202E]evil"),
        ("zero\u200bwidth", "zero[U+200B]width"),
        ("lone\ud800half", "lone[U+D800]half"),
        ("c1\x9b31m", "c1[U+009B]31m"),
        ("tag\U000e0041", "tag[U+E0041]"),
    ],
)
def test_what_acts_or_hides_becomes_a_sign(hostile: str, shown: str) -> None:
    assert visible(hostile) == shown
    visible(hostile).encode()


def test_words_of_any_language_tabs_and_newlines_stay() -> None:
    text = "Größe\t東京\n\N{HEBREW LETTER SHIN}\N{HEBREW LETTER LAMED} 🙂 <b> {{ x }}"
    assert visible(text) == text


def test_flat_is_one_line() -> None:
    assert flat(" a\n\tb\u2028c \x1b ") == "a b c ␛"


@pytest.mark.parametrize(("limit", "cut"), [(3, "abc"), (2, "a…"), (1, "…")])
def test_a_cut_text_ends_with_an_ellipsis_within_its_limit(limit: int, cut: str) -> None:
    assert shorten("abc", limit) == cut
