"""The bank of dialogue_tokenizer."""

from collections.abc import Callable

import pytest

from graders.misconceptions.dialogue_tokenizer import BANK


def test_names_and_texts(ill_written: Callable[..., list[str]]) -> None:
    """What students read is short, and each misconception has a name of its own."""
    assert ill_written(BANK) == []


def test_candidates_differ(confused: Callable[..., list[str]]) -> None:
    """No two candidates, and none and the right answer, give the same on the cases that are drawn."""
    assert confused(BANK, "mit_dialoguegpt") == []


@pytest.mark.parametrize(
    ("slug", "submission", "name"),
    [
        ("mit_dialoguegpt", "no_start_token", "no_start_token"),
        ("mit_dialoguegpt", "split_at_spaces", "splits_at_spaces"),
        ("mit_dialoguegpt", "unknown_words_left_out", "unknown_words_dropped"),
        ("mit_dialoguegpt", "lower_case", "lower_cases"),
        ("mit_dialoguegpt", "joined_without_spaces", "joined_without_spaces"),
        ("mit_dialoguegpt", "special_tokens_hidden", "special_tokens_hidden"),
        ("mit_dialoguegpt", "encode_gives_a_tensor", None),
    ],
)
def test_real_homeworks(slug: str, submission: str, name: str | None, name_of: Callable[..., str | None]) -> None:
    """Where the task lies behind another interface, the same mistakes are named, and what is right is not."""
    assert name_of(slug, submission, "dialogue_tokenizer") == name
