"""The bank of span_corruption."""

from collections.abc import Callable

import pytest

from graders.misconceptions.span_corruption import BANK


def test_names_and_texts(ill_written: Callable[..., list[str]]) -> None:
    """What students read is short, and each misconception has a name of its own."""
    assert ill_written(BANK) == []


def test_candidates_differ(confused: Callable[..., list[str]]) -> None:
    """No two candidates, and none and the right answer, give the same on the cases that are drawn."""
    assert confused(BANK) == []


@pytest.mark.parametrize(
    ("slug", "submission", "name"),
    [
        ("cmu_birthplaces", "span_always_first", "span_at_the_start"),
        ("cmu_birthplaces", "span_length_fixed", "span_always_a_quarter"),
        ("cmu_birthplaces", "second_mask_missing", "one_mask_only"),
        ("cmu_birthplaces", "longest_cut_excluded", None),
        ("cmu_birthplaces", "third_mask_character", None),
    ],
)
def test_real_homeworks(slug: str, submission: str, name: str | None, name_of: Callable[..., str | None]) -> None:
    """Where the task lies behind another interface, the same mistakes are named, and what is right is not."""
    assert name_of(slug, submission, "span_corruption") == name
