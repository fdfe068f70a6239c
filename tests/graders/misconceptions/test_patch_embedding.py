"""The bank of patch_embedding."""

from collections.abc import Callable

import pytest

from graders.misconceptions.patch_embedding import BANK


def test_names_and_texts(ill_written: Callable[..., list[str]]) -> None:
    """What students read is short, and each misconception has a name of its own."""
    assert ill_written(BANK) == []


def test_candidates_differ(confused: Callable[..., list[str]]) -> None:
    """No two candidates, and none and the right answer, give the same on the cases that are drawn."""
    assert confused(BANK) == []


@pytest.mark.parametrize(
    ("slug", "submission", "name"),
    [
        ("mit_dialoguegpt", "patches_reshaped", "maps_not_transposed"),
        ("mit_dialoguegpt", "patches_column_by_column", "column_major_patches"),
        ("mit_dialoguegpt", "unfold_and_linear", None),
        ("mit_dialoguegpt", "patches_with_channels_last", None),
    ],
)
def test_real_homeworks(slug: str, submission: str, name: str | None, name_of: Callable[..., str | None]) -> None:
    """Where the task lies behind another interface, the same mistakes are named, and what is right is not."""
    assert name_of(slug, submission, "patch_embedding") == name
