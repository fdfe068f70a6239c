"""The bank of nucleus_sampling."""

from collections.abc import Callable

import pytest

from graders.misconceptions.nucleus_sampling import BANK


def test_names_and_texts(ill_written: Callable[..., list[str]]) -> None:
    """What students read is short, and each misconception has a name of its own."""
    assert ill_written(BANK) == []


def test_candidates_differ(confused: Callable[..., list[str]]) -> None:
    """No two candidates, and none and the right answer, give the same on the cases that are drawn."""
    assert confused(BANK, "transformers_from_scratch") == []


@pytest.mark.parametrize(
    ("slug", "submission", "name"),
    [
        ("transformers_from_scratch", "boundary_token_left_out", "drops_the_boundary_token"),
        ("transformers_from_scratch", "everything_is_in_the_nucleus", "no_filter"),
        ("transformers_from_scratch", "ascending", "sorts_ascending"),
        ("transformers_from_scratch", "place_for_the_token", None),
        ("transformers_from_scratch", "p_in_the_code", None),
    ],
)
def test_real_homeworks(slug: str, submission: str, name: str | None, name_of: Callable[..., str | None]) -> None:
    """Where the task lies behind another interface, the same mistakes are named, and what is right is not."""
    assert name_of(slug, submission, "nucleus_sampling") == name
