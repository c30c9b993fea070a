"""The one table of vocabularies."""

from diagnose.taxonomy import FACTS, Category, FailureType, RetryRule


def test_every_failure_type_has_one_row():
    assert set(FACTS) == set(FailureType)


def test_every_category_has_a_failure_type():
    assert {facts.category for facts in FACTS.values()} == set(Category)


def test_only_dependencies_are_transient_by_default():
    transient = {t for t, facts in FACTS.items() if facts.retry is RetryRule.TRANSIENT}
    assert transient == {
        FailureType.SERVICE_UNREACHABLE,
        FailureType.SERVICE_THROTTLED,
        FailureType.NODE_LOST,
    }


def test_a_conditional_rule_names_its_condition():
    assert all(facts.condition for facts in FACTS.values() if facts.retry is RetryRule.CONDITIONAL)
