"""The bank of layer_norm."""

from collections.abc import Callable

import pytest

from graders.misconceptions.layer_norm import BANK


def test_names_and_texts(ill_written: Callable[..., list[str]]) -> None:
    """What students read is short, and each misconception has a name of its own."""
    assert ill_written(BANK) == []


def test_candidates_differ(confused: Callable[..., list[str]]) -> None:
    """No two candidates, and none and the right answer, give the same on the cases that are drawn."""
    assert confused(BANK) == []


@pytest.mark.parametrize(
    ("slug", "submission", "name"),
    [
        ("transformers_from_scratch", "divided_by_the_variance", "divides_by_variance"),
        ("transformers_from_scratch", "sample_deviation_without_eps", None),
    ],
)
def test_real_homeworks(slug: str, submission: str, name: str | None, name_of: Callable[..., str | None]) -> None:
    """Where the task lies behind another interface, the same mistakes are named, and what is right is not."""
    assert name_of(slug, submission, "layer_norm") == name
