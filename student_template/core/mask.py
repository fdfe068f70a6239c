"""Boolean attention masks: True = may attend.

Source: Vaswani et al. 2017, "Attention Is All You Need", section 3.2.3 (causal masking in the decoder).
"""

import torch
from torch import Tensor


def causal_mask(n_tokens: int) -> Tensor:
    """Let each token attend to itself and to the tokens before it.

    Args:
        n_tokens: T, at least 1.

    Returns:
        (T, T) bool; row = query position, column = key position.
    """
    raise NotImplementedError("causal_mask: a boolean (T, T) tensor, True where the key is not after the query")


def attention_mask(ids: Tensor, pad_id: int) -> Tensor:
    """Causal mask that also hides padding, ready to broadcast over the heads.

    Args:
        ids: (B, T) int64 token ids. Padding may stand anywhere in a row.
        pad_id: the id of the padding token, any integer.

    Returns:
        (B, 1, T, T) bool: the key is not after the query, and the key is not padding.
    """
    raise NotImplementedError("attention_mask: combine the causal mask with the keys that are not padding")
