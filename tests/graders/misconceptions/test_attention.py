"""The bank of attention."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from audit.handing_in import hand_in
from graders.misconceptions import named
from graders.misconceptions.attention import BANK
from tests.submissions.tables import bugs_of


def test_names_and_texts(ill_written: Callable[..., list[str]]) -> None:
    """What students read is short, and each misconception has a name of its own."""
    assert ill_written(BANK) == []


@pytest.mark.parametrize("homework", ["core", "mit_dialoguegpt"])
def test_candidates_differ(confused: Callable[..., list[str]], homework: str) -> None:
    """No two candidates, and none and the right answer, give the same on the cases that are drawn."""
    assert confused(BANK, homework) == []


@pytest.mark.parametrize(
    ("slug", "bug", "name"),
    [
        ("jhu_tinygpt", "scaled_by_n_embd", "root_of_another_size"),
        ("jhu_tinygpt", "no_scaling", "unscaled"),
        ("jhu_tinygpt", "divided_by_d_k", "divides_by_d_k"),
        ("jhu_tinygpt", "softmax_over_queries", "softmax_over_queries"),
        ("jhu_tinygpt", "still_without_mask", "mask_ignored"),
        ("jhu_tinygpt", "mask_inverted", "mask_inverted"),
        ("jhu_tinygpt", "mask_after_softmax", "masks_after_softmax"),
        ("jhu_tinygpt", "dropout_before_softmax", None),
        ("mit_dialoguegpt", "scaled_by_dim", "root_of_another_size"),
        ("mit_dialoguegpt", "mask_polarity", "mask_inverted"),
        ("mit_dialoguegpt", "mask_in_the_scores_as_zeros", "fills_with_zero"),
        ("mit_dialoguegpt", "scores_returned", None),
    ],
)
def test_mistakes_in_homeworks(
    judge: Callable[..., Any], tmp_path: Path, slug: str, bug: str, name: str | None
) -> None:
    """A mistake has its name in homeworks with other interfaces too; one that is not in the bank has none."""
    [found] = [each for each in bugs_of(slug) if each.name == bug]
    folder = hand_in(slug, tmp_path / "submission", found.applied_to, found.file)
    misconception = named(judge(folder, slug).student, "attention", 1)
    assert (misconception and misconception.name) == name
