"""The bank of gpt."""

from collections.abc import Callable

import pytest

from graders.misconceptions.gpt import BANK


def test_names_and_texts(ill_written: Callable[..., list[str]]) -> None:
    """What students read is short, and each misconception has a name of its own."""
    assert ill_written(BANK) == []


def test_candidates_differ(confused: Callable[..., list[str]]) -> None:
    """No two candidates, and none and the right answer, give the same on the cases that are drawn."""
    assert confused(BANK) == []


@pytest.mark.parametrize(
    ("slug", "submission", "name"),
    [
        ("jhu_tinygpt", "no_positions", "no_position_embedding"),
        ("jhu_tinygpt", "last_norm_left_out", "no_final_norm"),
        ("jhu_tinygpt", "probabilities", "returns_probabilities"),
        ("jhu_tinygpt", "loss_shifts_again", "shifts_the_targets_again"),
        ("jhu_tinygpt", "loss_of_the_last_position", "loss_of_the_last_token"),
        ("jhu_tinygpt", "head_with_bias_and_other_names", None),
        ("tugraz_charlm", "positions_from_one", "positions_start_at_one"),
        ("tugraz_charlm", "last_norm_left_out", "no_final_norm"),
        ("tugraz_charlm", "loss_summed", "loss_is_a_sum"),
        ("tugraz_charlm", "blocks_read_the_embeddings", None),
        ("mit_dialoguegpt", "no_positions", "no_position_embedding"),
        ("mit_dialoguegpt", "positions_from_one", "positions_start_at_one"),
        ("mit_dialoguegpt", "no_mask", "not_causal"),
        ("mit_dialoguegpt", "sees_the_next_token", "sees_the_next_token"),
        ("mit_dialoguegpt", "future_only", None),
        ("mit_dialoguegpt", "tied_head", None),
    ],
)
def test_real_homeworks(slug: str, submission: str, name: str | None, name_of: Callable[..., str | None]) -> None:
    """Where the task lies behind another interface, the same mistakes are named, and what is right is not."""
    assert name_of(slug, submission, "gpt") == name
