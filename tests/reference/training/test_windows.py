"""Pieces of texts: random ones, and ones side by side."""

import pytest
import torch

from reference.training.costs import IGNORED
from reference.training.windows import next_tokens, random_windows, side_by_side

IDS = torch.arange(100, 123)


def test_random_pieces_come_from_the_whole_text() -> None:
    """Protects training: every place is a start, targets are one further on, and the seed decides."""
    batch = random_windows(IDS, 5, 400)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        inputs, targets = batch(0)
        torch.manual_seed(0)
        again = batch(7)[0]
    assert inputs.shape == targets.shape == (400, 5)
    assert torch.equal(targets, inputs + 1)
    assert set(inputs[:, 0].tolist()) == set(range(100, 118))
    assert torch.equal(again, inputs)


def test_pieces_side_by_side_have_each_token_as_target_once() -> None:
    """Protects measuring: nothing is counted twice or left out but the first token and what is left over."""
    inputs, targets = side_by_side(IDS, 5)
    assert torch.equal(inputs.flatten(), IDS[:20])
    assert torch.equal(targets.flatten(), IDS[1:21])


@pytest.mark.parametrize("limit, firsts", [(2, [100, 115]), (3, [100, 105, 115]), (9, [100, 105, 110, 115])])
def test_a_limit_spreads_the_pieces_over_the_text(limit: int, firsts: list[int]) -> None:
    """Protects measuring on a part: it is not only the beginning."""
    assert side_by_side(IDS, 5, limit)[0][:, 0].tolist() == firsts


@pytest.mark.parametrize("limit, firsts", [(None, [100, 104, 108, 112, 116]), (2, [100, 116])])
def test_the_token_behind_each_piece_alone_counts(limit: int | None, firsts: list[int]) -> None:
    """Protects the honest figure of a model without a mask: nothing that counts stands in the piece itself."""
    inputs, targets = next_tokens(IDS, 5, 4, limit)
    assert inputs.tolist() == [list(range(first, first + 5)) for first in firsts]
    assert targets[:, -1].tolist() == [first + 5 for first in firsts]
    assert (targets[:, :-1] == IGNORED).all()


def test_a_text_that_is_too_short_is_named() -> None:
    """Protects instructors with a short text of their own."""
    for cut in (
        side_by_side,
        lambda ids, length: random_windows(ids, length, 2),
        lambda ids, length: next_tokens(ids, length, 2),
    ):
        with pytest.raises(ValueError, match=r"the text has 23 tokens, but pieces of 23"):
            cut(IDS, 23)
