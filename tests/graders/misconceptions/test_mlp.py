"""The bank of mlp."""

from collections.abc import Callable

import pytest

from graders.misconceptions.mlp import BANK


def test_names_and_texts(ill_written: Callable[..., list[str]]) -> None:
    """What students read is short, and each misconception has a name of its own."""
    assert ill_written(BANK) == []


def test_candidates_differ(confused: Callable[..., list[str]]) -> None:
    """No two candidates, and none and the right answer, give the same on the cases that are drawn."""
    assert confused(BANK) == []


@pytest.mark.parametrize(
    ("slug", "submission", "name"),
    [
        ("tugraz_charlm", "relu", "relu"),
        ("tugraz_charlm", "no_activation", "no_activation"),
        ("tugraz_charlm", "activation_at_the_end", "activation_twice"),
        ("tugraz_charlm", "residual_in_the_mlp", "adds_the_residual"),
        ("tugraz_charlm", "mlp_drops_in_eval_mode", "dropout_in_eval_mode"),
        ("tugraz_charlm", "gelu_by_tanh", None),
        ("tugraz_charlm", "narrow_mlp_of_other_names", None),
    ],
)
def test_real_homeworks(slug: str, submission: str, name: str | None, name_of: Callable[..., str | None]) -> None:
    """Where the task lies behind another interface, the same mistakes are named, and what is right is not."""
    assert name_of(slug, submission, "mlp") == name
