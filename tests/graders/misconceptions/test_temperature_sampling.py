"""The bank of temperature_sampling."""

from collections.abc import Callable

import pytest

from graders.misconceptions.temperature_sampling import BANK


def test_names_and_texts(ill_written: Callable[..., list[str]]) -> None:
    """What students read is short, and each misconception has a name of its own."""
    assert ill_written(BANK) == []


def test_candidates_differ(confused: Callable[..., list[str]]) -> None:
    """No two candidates, and none and the right answer, give the same on the cases that are drawn."""
    assert confused(BANK, "transformers_from_scratch") == []


@pytest.mark.parametrize(
    ("slug", "submission", "name"),
    [
        ("transformers_from_scratch", "multiplied_by_the_temperature", "multiplies_by_the_temperature"),
        ("transformers_from_scratch", "temperature_after_the_softmax", "temperature_ignored"),
        ("transformers_from_scratch", "greedy", "always_the_likeliest"),
        ("transformers_from_scratch", "new_tokens_are_not_fed_back", "new_tokens_not_fed_back"),
        ("transformers_from_scratch", "temperature_in_the_code", None),
    ],
)
def test_real_homeworks(slug: str, submission: str, name: str | None, name_of: Callable[..., str | None]) -> None:
    """Where the task lies behind another interface, the same mistakes are named, and what is right is not."""
    assert name_of(slug, submission, "temperature_sampling") == name
