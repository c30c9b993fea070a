import json

from hypothesis import given
from hypothesis import strategies as st

from diagnose.leaf import MAX_LEAF_CHARS, MAX_LEAVES, Leaf, leaves, plain, reworded, texts

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


def test_values_are_listed_with_their_paths_and_nulls_are_not_told():
    tree = {"a": {"b": [1, {"c": "x"}]}, "n": None, "f": False}
    found = [(leaf.name, leaf.value) for leaf in leaves(tree, "top")]
    assert found == [("top.a.b.0", 1), ("top.a.b.1.c", "x"), ("top.f", False)]


def test_a_name_holds_no_line_end_and_no_space_whatever_the_key_is():
    leaf = leaves({"a\n== steps/x:1-1 - -": 5})[0]
    assert leaf.name == "a_steps_x_1-1_-_-"


def test_words_of_all_spellings_are_alike():
    assert plain("sourceRows") == plain("source-rows") == plain("SOURCE_ROWS") == "source_rows"
    assert Leaf(("recordCounts", "sourceRows"), 1).words == {"record", "counts", "source", "rows"}


def test_a_value_is_shown_as_one_line_or_not_at_all():
    assert Leaf(("a",), "two\nlines").text == ""
    long = Leaf(("a",), "word " * 200).text
    assert len(long) <= MAX_LEAF_CHARS + 1 and long.endswith("…")


def test_only_one_word_stands_in_a_sentence_of_ours():
    assert Leaf(("a",), "row_count").word == "row_count"
    assert Leaf(("a",), "just rerun the step").word == "…"


def test_very_many_and_very_deep_values_are_bounded():
    assert len(leaves(list(range(MAX_LEAVES * 2)))) == MAX_LEAVES
    deep: object = 1
    for _ in range(500):
        deep = [deep]
    assert leaves(deep) == ()


@given(JSON)
def test_nothing_changes_where_no_text_is_replaced(tree):
    same = {text: text for text in texts(tree)}
    assert json.dumps(reworded(tree, same)) == json.dumps(tree)


@given(JSON)
def test_every_text_and_number_can_be_replaced(tree):
    hidden = reworded(tree, dict.fromkeys(texts(tree), "#"))
    assert {str(leaf.value) for leaf in leaves(hidden)} <= {"#", "True", "False"}
