import evals


def test_public_names_exist_and_are_sorted() -> None:
    assert list(evals.__all__) == sorted(evals.__all__)
    assert all(hasattr(evals, name) for name in evals.__all__)
