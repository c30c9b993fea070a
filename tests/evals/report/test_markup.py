import re

from evals.report.markup import block, code, details, plain, table


def test_words_can_be_no_markup_no_mention_and_no_link() -> None:
    escaped = plain("![x](https://example.org/?q) <img src=x> @team `a` **b** #1 www.example.org")
    assert not re.search(r"[!\[\]<>`*]", escaped)
    assert "@team" not in escaped
    assert "https:" not in escaped
    assert "www." not in escaped


def test_names_with_underscores_stay_readable_and_emphasis_is_escaped() -> None:
    assert plain("DATA_QUALITY _now_") == "DATA_QUALITY &#95;now&#95;"


def test_code_can_not_be_closed_from_inside() -> None:
    assert code("a `` b") == "``` a `` b ```"
    assert block(["```", "<!-- x"]).startswith("````text\n")
    assert block(["```"]).endswith("\n````")


def test_code_parts_no_cell_and_is_cut() -> None:
    assert "|" not in code("a|b")
    assert len(code("x" * 500, limit=50)) == 54


def test_a_terminal_escape_in_code_is_shown() -> None:
    assert "\x1b" not in code("\x1b[2J") + block(["\x1b[2J"])


def test_tables_and_folds() -> None:
    assert table(("a", "b"), [("1", "2")]) == "| a | b |\n| --- | --- |\n| 1 | 2 |"
    assert details("s", "b") == "<details><summary>s</summary>\n\nb\n\n</details>"
