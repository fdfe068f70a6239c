"""Choosing the next token: temperature, top-k, top-p, and a draw.

Source: Ackley et al. 1985, "A learning algorithm for Boltzmann machines" (temperature); Fan et al. 2018, "Hierarchical
Neural Story Generation" (top-k); Holtzman et al. 2020, "The Curious Case of Neural Text Degeneration",
section 3.1, equations 2 and 3 (top-p).
"""

import math

import torch
from torch import Tensor


def temperature(logits: Tensor, tau: float) -> Tensor:
    """Sharpen (tau < 1) or flatten (tau > 1) the distribution: softmax(logits / tau).

    Args:
        logits: (…, V) floating point.
        tau: above 0 and finite.

    Returns:
        logits / tau, the shape and dtype of `logits`; `logits` itself is not modified.

    Raises:
        ValueError: `tau` is not a finite number above 0.
    """
    if not 0 < tau < math.inf:
        raise ValueError(f"tau must be finite and above 0, got tau={tau}")
    raise NotImplementedError("temperature: divide the logits by tau")


def top_k(logits: Tensor, k: int) -> Tensor:
    """Keep exactly the k largest logits of each row.

    Args:
        logits: (…, V) floating point.
        k: at least 1; k ≥ V keeps all.

    Returns:
        The shape and dtype of `logits`: kept logits as they are, the others −inf. Which of several equal logits stay
        when not all of them can is open. `logits` itself is not modified.

    Raises:
        ValueError: `k` is below 1.
    """
    if k < 1:
        raise ValueError(f"k must be at least 1, got k={k}")
    raise NotImplementedError("top_k: all but the k largest logits of each row become −inf")


def top_p(logits: Tensor, p: float) -> Tensor:
    """Keep the nucleus of each row: the fewest most probable tokens whose probabilities sum to at least p.

    Args:
        logits: (…, V) floating point.
        p: above 0, at most 1; p = 1 keeps all.

    Returns:
        The shape and dtype of `logits`: kept logits as they are, the others −inf. The token with which the sum reaches
        p is kept, so at least one always is. `logits` itself is not modified.

    Raises:
        ValueError: `p` is not in (0, 1].
    """
    if not 0 < p <= 1:
        raise ValueError(f"p must be above 0 and at most 1, got p={p}")
    raise NotImplementedError("top_p: a token is removed if the more probable ones already sum to p or more")


def sample(
    logits: Tensor,
    tau: float = 1.0,
    k: int | None = None,
    p: float | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Draw one token for each row, after temperature, then top-k, then top-p.

    Args:
        logits: (B, V) floating point.
        tau: temperature.
        k: for `top_k`; None = no such filter. k = 1 is greedy.
        p: for `top_p`, which sees the distribution that the other two left, renormalised; None = no such filter.
        generator: the only source of randomness; None = torch's global one.

    Returns:
        (B,) int64, rows drawn independently. `logits` itself is not modified.

    Raises:
        ValueError: `logits` is not (B, V), or an option is out of its range.
    """
    if logits.ndim != 2:
        raise ValueError(f"logits must be (B, V), got {tuple(logits.shape)}")
    raise NotImplementedError("sample: temperature, top-k, top-p in this order, then draw from the softmax")
