"""The bank of multi_head."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from audit.handing_in import hand_in
from graders.misconceptions import named
from graders.misconceptions.multi_head import BANK
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
        ("cmu_birthplaces", "scaled_by_n_embd", "root_of_d_model"),
        ("cmu_birthplaces", "mask_polarity", "mask_inverted"),
        ("cmu_birthplaces", "mask_leaks_next_token", "sees_next_token"),
        ("cmu_birthplaces", "heads_merged_without_transpose", "merged_without_transpose"),
        ("tugraz_charlm", "no_mask", "mask_ignored"),
        ("tugraz_charlm", "mask_inverted", "mask_inverted"),
        ("tugraz_charlm", "mask_of_zeros", "fills_with_zero"),
        ("tugraz_charlm", "softmax_over_heads", "softmax_over_heads"),
        ("tugraz_charlm", "split_without_transpose", "split_without_transpose"),
        ("tugraz_charlm", "projection_left_out", "projection_left_out"),
        ("tugraz_charlm", "mask_not_cut", None),
        ("jhu_tinygpt", "concatenated_along_tokens", "merged_without_transpose"),
        ("jhu_tinygpt", "features_interleaved", "features_interleaved"),
        ("jhu_tinygpt", "projection_unused", "projection_left_out"),
        ("jhu_tinygpt", "heads_read_each_other", "residual_inside"),
        ("jhu_tinygpt", "first_head_only", None),
    ],
)
def test_mistakes_in_homeworks(
    judge: Callable[..., Any], tmp_path: Path, slug: str, bug: str, name: str | None
) -> None:
    """A mistake has its name in homeworks with other interfaces too; one that is not in the bank has none."""
    [found] = [each for each in bugs_of(slug) if each.name == bug]
    folder = hand_in(slug, tmp_path / "submission", found.applied_to, found.file)
    misconception = named(judge(folder, slug).student, "multi_head", 1)
    assert (misconception and misconception.name) == name
