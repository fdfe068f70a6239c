"""Next-token loss and perplexity, in nats.

Source: Radford et al. 2018, "Improving Language Understanding by Generative Pre-Training", section 3.1, equation 1
(the loss is its negative mean over tokens); Jelinek et al. 1977, "Perplexity: a measure of the difficulty of speech
recognition tasks".
"""

import math
from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor


def next_token_loss(logits: Tensor, ids: Tensor, mask: Tensor | None = None) -> Tensor:
    """Mean of −log p(next token) over the supervised tokens: the logits at t predict the id at t+1.

    Args:
        logits: (B, T, V) floating point. Those at the last position predict nothing.
        ids: (B, T) int64, the tokens that the logits were computed from; not shifted. Ids that are no target may be
            any integer.
        mask: (B, T) bool; True = the token counts as a target. None counts all. The first token of a row is never one.

    Returns:
        A scalar in nats, the dtype of `logits`; each supervised token of the batch has the same weight.
        Without any supervised token it has no defined value.

    Raises:
        ValueError: the shapes do not belong together.
    """
    if logits.ndim != 3 or ids.shape != logits.shape[:2]:
        raise ValueError(f"logits must be (B, T, V) and ids (B, T), got {tuple(logits.shape)} and {tuple(ids.shape)}")
    if mask is not None and mask.shape != ids.shape:
        raise ValueError(f"mask must have the shape of ids, {tuple(ids.shape)}, got {tuple(mask.shape)}")
    raise NotImplementedError("next_token_loss: shift by one, select the supervised tokens, average cross-entropy")


def perplexity(
    logits_batches: Iterable[Tensor], ids_batches: Iterable[Tensor], masks: Iterable[Tensor | None] | None = None
) -> float:
    """Exponential of the mean loss over all supervised tokens of all batches, each token with the same weight.

    Args:
        logits_batches: each (B, T, V) floating point; B and T may differ between batches.
        ids_batches: for each of them (B, T) int64.
        masks: for each of them (B, T) bool or None, as in `next_token_loss`. None counts all tokens of all batches.

    Returns:
        At least 1, computed in float64. A batch without supervised tokens changes nothing.

    Raises:
        ValueError: the numbers of batches differ, shapes do not belong together, or no token is supervised.
    """
    logits_list, ids_list = list(logits_batches), list(ids_batches)
    masks_list = [None] * len(ids_list) if masks is None else list(masks)
    if not len(logits_list) == len(ids_list) == len(masks_list):
        raise ValueError(
            "logits, ids and masks must have as many batches, "
            f"got {len(logits_list)}, {len(ids_list)} and {len(masks_list)}"
        )
    raise NotImplementedError("perplexity: exp of (summed loss / number of supervised tokens), both over all batches")
