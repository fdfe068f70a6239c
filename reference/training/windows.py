"""Pieces of a long text of ids: random ones to train on, and ones side by side to measure with."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from .costs import IGNORED
from .workshop import Training, cosine


def random_windows(ids: Tensor, length: int, batch_size: int) -> Callable[[int], tuple[Tensor, Tensor]]:
    """Draw pieces from anywhere in a text, from torch's global random state.

    Args:
        ids: (N,) int64, the text.
        length: T, of a piece.
        batch_size: B, pieces in a batch.

    Returns:
        A function of a step's number: inputs and targets, each (B, T); the targets are one token further on.

    Raises:
        ValueError: the text is shorter than a piece and the token that follows it.
    """
    _check_length(ids, length)
    places = torch.arange(length)

    def batch(_step: int) -> tuple[Tensor, Tensor]:
        starts = torch.randint(len(ids) - length, (batch_size, 1))
        return ids[starts + places], ids[starts + places + 1]

    return batch


def training_on_windows(
    name: str, model: nn.Module, ids: Tensor, length: int, batch_size: int, n_steps: int, learning_rate: float
) -> Training:
    """Plan the training of a language model on random pieces of a text.

    Args:
        name: of the training.
        model: called with inputs and targets (B, T); returns logits and the mean loss.
        ids, length, batch_size: as in `random_windows`.
        n_steps: number of batches.
        learning_rate: the highest; it rises over a twentieth of the steps.

    Raises:
        ValueError: as `random_windows`.
    """
    return Training(
        name,
        model,
        n_steps,
        random_windows(ids, length, batch_size),
        lambda model, x, y: model(x, y)[1],
        cosine(learning_rate, n_steps // 20, n_steps),
    )


def side_by_side(ids: Tensor, length: int, limit: int | None = None) -> tuple[Tensor, Tensor]:
    """Cut a text into pieces, so that each token but the first is a target once.

    Args:
        ids: (N,) int64, the text; what is left over at its end is dropped.
        length: T, of a piece.
        limit: number of pieces at most, evenly spread over the text; None = all.

    Returns:
        Inputs and targets, each (pieces, T).

    Raises:
        ValueError: the text is shorter than a piece and the token that follows it.
    """
    _check_length(ids, length)
    n_pieces = (len(ids) - 1) // length
    inputs, targets = (ids[shift : shift + n_pieces * length].view(n_pieces, length) for shift in (0, 1))
    return _thinned(inputs, limit), _thinned(targets, limit)


def next_tokens(ids: Tensor, length: int, stride: int, limit: int | None = None) -> tuple[Tensor, Tensor]:
    """Cut a text into pieces of which only the last target counts, the token behind the piece.

    Args:
        ids: (N,) int64, the text.
        length: T, of a piece.
        stride: from one piece's beginning to the next one's.
        limit: number of pieces at most, evenly spread over the text; None = all.

    Returns:
        Inputs and targets, each (pieces, T).

    Raises:
        ValueError: the text is shorter than a piece and the token that follows it.
    """
    _check_length(ids, length)
    pieces = _thinned(ids.unfold(0, length + 1, stride), limit)  # (pieces, T + 1)
    targets = torch.full_like(pieces[:, 1:], IGNORED)
    targets[:, -1] = pieces[:, -1]
    return pieces[:, :-1], targets


def _thinned(pieces: Tensor, limit: int | None) -> Tensor:
    """So many pieces at most, evenly spread over them."""
    if limit is None or len(pieces) <= limit:
        return pieces
    return pieces[torch.linspace(0, len(pieces) - 1, limit).long()]


def _check_length(ids: Tensor, length: int) -> None:
    if len(ids) <= length:
        raise ValueError(f"the text has {len(ids)} tokens, but pieces of {length} and the token behind are needed")
