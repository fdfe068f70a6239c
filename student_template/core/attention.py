"""Scaled dot-product attention.

Source: Vaswani et al. 2017, "Attention Is All You Need", section 3.2.1, equation 1.
"""

import math

import torch
from torch import Tensor


def attention(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Attend from each query to all keys: softmax(Q Kᵀ / √d) V.

    Args:
        query: (…, T, d) floating point.
        key: (…, S, d), the dtype of `query`.
        value: (…, S, d_v), the dtype of `query`.
        mask: boolean, broadcastable to (…, T, S); True = the query may attend to the key. None allows all.
            A row that allows no key has no defined result.

    Returns:
        output (…, T, d_v) and weights (…, T, S), both in the dtype of `query`; each row of weights sums to 1.
    """
    raise NotImplementedError("attention: weights = softmax(query keyᵀ / √d) over the keys, output = weights value")
