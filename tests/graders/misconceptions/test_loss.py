"""The bank of loss."""

from collections.abc import Callable

import pytest

from graders.misconceptions.loss import BANK


def test_names_and_texts(ill_written: Callable[..., list[str]]) -> None:
    """What students read is short, and each misconception has a name of its own."""
    assert ill_written(BANK) == []


def test_candidates_differ(confused: Callable[..., list[str]]) -> None:
    """No two candidates, and none and the right answer, give the same on the cases that are drawn."""
    assert confused(BANK) == []


@pytest.mark.parametrize(
    ("slug", "submission", "name"),
    [
        ("mit_dialoguegpt", "not_shifted", "does_not_shift"),
        ("mit_dialoguegpt", "mask_of_the_inputs", "mask_not_shifted"),
        ("mit_dialoguegpt", "padding_counts", "padding_counted"),
        ("mit_dialoguegpt", "divided_by_all_places", "divides_by_all_tokens"),
        ("mit_dialoguegpt", "mean_of_means", "mean_of_sequence_means"),
        ("mit_dialoguegpt", "sum", "sum_instead_of_mean"),
        ("mit_dialoguegpt", "padding_only", "mask_inverted"),
        ("mit_dialoguegpt", "loss_by_lengths", None),
    ],
)
def test_real_homeworks(slug: str, submission: str, name: str | None, name_of: Callable[..., str | None]) -> None:
    """Where the task lies behind another interface, the same mistakes are named, and what is right is not."""
    assert name_of(slug, submission, "loss") == name
