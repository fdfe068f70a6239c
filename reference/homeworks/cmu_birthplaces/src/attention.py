"""Causal self-attention, and the rotary position embedding (RoPE) of its queries and keys.

Sources: Vaswani et al. 2017, "Attention Is All You Need", section 3.2; Su et al. 2021, "RoFormer", section 3.2.2;
the handout's questions 2(b) and 2(g).

Letters: B sequences, T tokens, hs = n_embd / n_head features per head.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from models import GPTConfig


def precompute_rotary_emb(dim: int, max_positions: int) -> Tensor:
    """Tabulate the rotations of every position: the angle of pair i at position t is t · θ_i.

    θ_i = 10000^(−2(i−1)/dim) for i = 1 … dim/2, as in the handout's question 2(g): θ_1 = 1, and θ_i falls with i.

    Args:
        dim: features of one head, even.
        max_positions: number of positions; the first one is t = 0.

    Returns:
        (max_positions, dim/2, 2) float32; element [t, i − 1] is (cos tθ_i, sin tθ_i).
    """
    # <solution> part g: cosine and sine of t · θ_i for each position t and pair i
    i = torch.arange(1, dim // 2 + 1, dtype=torch.float64)  # (dim/2,)
    theta = 10000 ** (-2 * (i - 1) / dim)  # (dim/2,)
    angle = torch.arange(max_positions, dtype=torch.float64)[:, None] * theta  # (max_positions, dim/2)
    return torch.stack((angle.cos(), angle.sin()), dim=-1).float()  # (max_positions, dim/2, 2)
    # </solution>
    # <template>
    # | # [part g] The angles follow the formula above, with one row for each position t = 0 … max_positions − 1 and
    # | # one column for each pair of features. Put the cosine first and the sine second on the last axis.
    # | raise NotImplementedError("part g: return the table of cosines and sines from precompute_rotary_emb")
    # </template>


def apply_rotary_emb(x: Tensor, rope_cache: Tensor) -> Tensor:
    """Rotate each pair of neighbouring features by the angle of its token's position (handout, equations 1 and 2).

    Features 2i and 2i + 1 (counted from 0) are a pair. Token t of x is at position t.

    Args:
        x: (B, n_head, T, hs) floating point.
        rope_cache: (max_positions, hs/2, 2), what `precompute_rotary_emb(hs, max_positions)` returns;
            max_positions is at least T.

    Returns:
        (B, n_head, T, hs), the dtype of `x`; `x` itself is not modified.
    """
    # <solution> part g: rotate each pair of features of x
    cos, sin = rope_cache[: x.shape[-2]].unbind(-1)  # each (T, hs/2)
    first, second = x[..., 0::2], x[..., 1::2]  # each (B, n_head, T, hs/2)
    rotated = torch.stack((first * cos - second * sin, first * sin + second * cos), dim=-1)  # (B, n_head, T, hs/2, 2)
    return rotated.flatten(-2).to(x.dtype)  # (B, n_head, T, hs)
    # </solution>
    # <template>
    # | # [part g] A table made for max_positions rows also serves shorter sequences: take the rows that x needs.
    # | # Equation 2 may be computed with complex numbers (torch.view_as_complex) or with real cosines and sines.
    # | # Either way the rotated features go back to the places that they came from.
    # | raise NotImplementedError("part g: rotate the pairs of features in apply_rotary_emb")
    # </template>


class CausalSelfAttention(nn.Module):
    """Multi-head self-attention in which no token sees a later one, with RoPE if `config.rope`.

    Args:
        config: n_embd, n_head, block_size, attn_pdrop, resid_pdrop and rope. n_embd is a multiple of n_head; with
            RoPE the features per head, hs = n_embd / n_head, are even.

    The output of `qkv` holds, head after head, hs features of the query, hs of the key and hs of the value.
    """

    mask: Tensor
    rope_cache: Tensor

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        if config.n_embd % config.n_head:
            raise ValueError(f"n_embd must be a multiple of n_head, got {config.n_embd} and {config.n_head}")
        self.n_head = config.n_head
        self.rope = config.rope
        self.qkv = nn.Linear(config.n_embd, 3 * config.n_embd)
        self.proj = nn.Linear(config.n_embd, config.n_embd)
        self.attn_drop = nn.Dropout(config.attn_pdrop)
        self.resid_drop = nn.Dropout(config.resid_pdrop)
        if config.rope:
            # <solution> part g: register the buffer `rope_cache`
            cache = precompute_rotary_emb(config.n_embd // config.n_head, config.block_size)
            self.register_buffer("rope_cache", cache)  # (block_size, hs/2, 2)
            # </solution>
            # <template>
            # | # [part g] Register a buffer named `rope_cache`: the table of precompute_rotary_emb for the features of
            # | # one head and for sequences of up to config.block_size tokens.
            # | raise NotImplementedError("part g: register the buffer rope_cache in CausalSelfAttention.__init__")
            # </template>
        # <solution> part b: register the buffer `mask`
        causal = torch.ones(config.block_size, config.block_size, dtype=torch.bool).tril()
        self.register_buffer("mask", causal)  # (block_size, block_size): query, key; True = may attend
        # </solution>
        # <template>
        # | # [part b] Register a buffer named `mask` that says which tokens a token may attend to: itself and those
        # | # before it. It serves sequences of up to config.block_size tokens; its shape is up to you.
        # | raise NotImplementedError("part b: register the buffer mask in CausalSelfAttention.__init__")
        # </template>

    def forward(self, x: Tensor) -> Tensor:
        """Let each token gather from itself and the tokens before it: softmax(Q Kᵀ / √hs) V in each head.

        Args:
            x: (B, T, n_embd) floating point, T at most block_size.

        Returns:
            (B, T, n_embd), the dtype of `x`.
        """
        B, T, n_embd = x.shape
        qkv = self.qkv(x).view(B, T, self.n_head, -1).transpose(1, 2)  # (B, n_head, T, 3 * hs)
        q, k, v = qkv.chunk(3, dim=-1)  # each (B, n_head, T, hs)
        if self.rope:
            # <solution> part g: rotate the queries and the keys
            q = apply_rotary_emb(q, self.rope_cache)  # (B, n_head, T, hs)
            k = apply_rotary_emb(k, self.rope_cache)  # (B, n_head, T, hs)
            # </solution>
            # <template>
            # | # [part g] RoPE acts on the query and the key vectors of each head.
            # | raise NotImplementedError("part g: rotate the queries and the keys in CausalSelfAttention.forward")
            # </template>
        # <solution> part b: scores, mask, softmax, attention dropout, weighted sum, heads side by side
        scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])  # (B, n_head, T, T)
        scores = scores.masked_fill(~self.mask[:T, :T], -math.inf)
        weights = torch.softmax(scores, dim=-1)  # (B, n_head, T, T), over the keys
        y = self.attn_drop(weights) @ v  # (B, n_head, T, hs)
        y = y.transpose(1, 2).reshape(B, T, n_embd)  # heads side by side
        return self.resid_drop(self.proj(y))
        # </solution>
        # <template>
        # | # [part b] In each head:
        # | # 1. the scores of every query with every key, q · k / √hs: (B, n_head, T, T);
        # | # 2. no weight for a key after the query: cut your mask to T tokens and use it before the softmax;
        # | # 3. softmax over the keys;
        # | # 4. dropout of the weights: self.attn_drop;
        # | # 5. the weighted sum of the values: (B, n_head, T, hs).
        # | # Then put the heads side by side again, y: (B, T, n_embd), and return self.resid_drop(self.proj(y)).
        # | raise NotImplementedError("part b: finish CausalSelfAttention.forward")
        # </template>
