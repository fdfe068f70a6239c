"""The bank of block."""

from collections.abc import Callable

import pytest

from graders.misconceptions.block import BANK


def test_names_and_texts(ill_written: Callable[..., list[str]]) -> None:
    """What students read is short, and each misconception has a name of its own."""
    assert ill_written(BANK) == []


def test_candidates_differ(confused: Callable[..., list[str]]) -> None:
    """No two candidates, and none and the right answer, give the same on the cases that are drawn."""
    assert confused(BANK) == []


@pytest.mark.parametrize(
    ("slug", "submission", "name"),
    [
        ("jhu_tinygpt", "no_first_residual", "no_attention_residual"),
        ("jhu_tinygpt", "residual_of_the_normalised", "residual_after_the_norm"),
        ("jhu_tinygpt", "one_norm_for_both", "norm1_twice"),
        ("jhu_tinygpt", "mlp_beside_attention", "parallel_sublayers"),
        ("jhu_tinygpt", "mlp_left_out", None),
        ("jhu_tinygpt", "post_norm", None),
    ],
)
def test_real_homeworks(slug: str, submission: str, name: str | None, name_of: Callable[..., str | None]) -> None:
    """Where the task lies behind another interface, the same mistakes are named, and what is right is not."""
    assert name_of(slug, submission, "block") == name
