"""The bank of generate."""

from collections.abc import Callable

import pytest

from graders.misconceptions.generate import BANK


def test_names_and_texts(ill_written: Callable[..., list[str]]) -> None:
    """What students read is short, and each misconception has a name of its own."""
    assert ill_written(BANK) == []


def test_candidates_differ(confused: Callable[..., list[str]]) -> None:
    """No two candidates, and none and the right answer, give the same on the cases that are drawn."""
    assert confused(BANK) == []


@pytest.mark.parametrize(
    ("slug", "submission", "name"),
    [
        ("tugraz_charlm", "temperature_multiplied", "multiplies_by_tau"),
        ("tugraz_charlm", "temperature_of_the_probabilities", "ignores_tau"),
        ("tugraz_charlm", "argmax", "always_the_likeliest"),
        ("tugraz_charlm", "not_cropped", "no_crop"),
        ("tugraz_charlm", "cropped_to_the_beginning", "crops_to_the_beginning"),
        ("tugraz_charlm", "cropped_to_the_baselines_block", None),
        ("tugraz_charlm", "prompt_cropped", "crops_the_text"),
        ("tugraz_charlm", "newest_token_only", "last_token_only"),
        ("tugraz_charlm", "logits_of_the_first_position", "first_position"),
    ],
)
def test_real_homeworks(slug: str, submission: str, name: str | None, name_of: Callable[..., str | None]) -> None:
    """Where the task lies behind another interface, the same mistakes are named, and what is right is not."""
    assert name_of(slug, submission, "generate") == name
