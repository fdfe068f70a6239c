"""Autoregressive generation.

Source: Radford et al. 2019, "Language Models are Unsupervised Multitask Learners", section 2, equation 1: a text is
drawn one token at a time, x_t from p(x_t | x_1 … x_t−1); past the block size, from the last `block_size` tokens.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from .samplers import sample


@torch.no_grad()
def generate(
    model: Callable[[Tensor], Any],
    ids: Tensor,
    n_new_tokens: int,
    tau: float = 1.0,
    k: int | None = None,
    p: float | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Continue each row by `n_new_tokens` tokens, each drawn from the logits at the last position.

    Args:
        model: called with ids (B, S), S ≤ block_size; returns logits (B, S, V), or a tuple of which they are the first.
            If it has an attribute `block_size`, it gets the last `block_size` tokens at most. It is left in its mode,
            train or eval.
        ids: (B, T) int64, T at least 1; all rows have the same length.
        n_new_tokens: 0 or more; may go past the block size.
        tau: as in `sample`.
        k: as in `sample`; k = 1 is greedy.
        p: as in `sample`.
        generator: as in `sample`.

    Returns:
        (B, T + n_new_tokens) int64, a new tensor that starts with `ids`; `ids` itself is not modified.

    Raises:
        ValueError: `ids` is not (B, T) or empty, `n_new_tokens` is negative, or an option is out of its range.
    """
    if ids.ndim != 2 or ids.shape[1] == 0:
        raise ValueError(f"ids must be (B, T) with T at least 1, got {tuple(ids.shape)}")
    if n_new_tokens < 0:
        raise ValueError(f"n_new_tokens must not be negative, got n_new_tokens={n_new_tokens}")
    raise NotImplementedError("generate: n_new_tokens times, run the model on the cropped context, sample, append")
