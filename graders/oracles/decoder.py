"""Expected values of a decoder whose handout can be read in several ways: token ids to hidden states.

Source: Vaswani et al. 2017, "Attention Is All You Need", sections 3.1 to 3.3, without dropout and cross-attention, with
learned positions. Where the norms stand, and what the MLP reads and adds, differs between solutions that are all right.
"""

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from .layer_norm import layer_norm

__all__ = ["MISTAKES", "Reading", "hidden_states", "readings_with_norms", "readings_without_norms", "with_mistakes"]

# What students do instead, and how it is told.
MISTAKES = {
    "scores_not_scaled": "the scores are not divided by √d_k",
    "scaled_by_d_k": "the scores are divided by d_k in place of √d_k",
    "scaled_by_width": "the scores are divided by the root of hidden_dim in place of that of a head's size",
    "no_mask": "there is no causal mask, so that each token attends to later ones too",
    "mask_reversed": "the causal mask is the wrong way round, so that each token attends to itself and later ones",
    "mask_without_self": "a token does not attend to itself",
    "masked_with_zeros": "masked scores are set to 0 in place of −∞",
    "masked_after_softmax": "the mask acts after the softmax, so that the weights of a row do not sum to 1",
    "softmax_over_queries": "the softmax runs over the queries in place of the keys",
    "no_output_projection": "the output projection W_O is left out",
    "heads_not_transposed": "the heads are split without moving their axis, which mixes tokens",
    "heads_not_moved_back": "the heads' outputs are put together without moving their axis back, which mixes tokens",
    "no_mlp_residual": "the residual connection around the MLP is missing",
    "no_residuals": "both residual connections are missing",
    "no_relu": "the ReLU of the MLP is missing",
    "gelu": "the MLP uses GELU in place of ReLU",
    "no_positions": "the position embeddings are not added",
    "embeddings_scaled": "the sum of the embeddings is multiplied by the root of hidden_dim",
    "first_layer_only": "only the first layer is used",
    "last_layer_only": "each layer reads the embeddings in place of the layer before it, so that only the last one counts",
}
OF_HEADS = frozenset(
    {"scaled_by_width", "heads_not_transposed", "heads_not_moved_back"}
)  # with one head they are right
NORMS = ("sum", "sublayer", "inside", "before", "none")


@dataclass(frozen=True)
class Reading:
    """One way to read the handout.

    Attributes:
        norm1: which vectors the first layer norm acts on: the residual `sum`, the output of the attention `sublayer`, the
            heads' outputs `inside` of it, the layer's input `before` it, or `none`.
        norm2: the same around the MLP, without `inside`.
        mlp_reads: whether the MLP reads the residual `sum` Z' or the attention's `plain` output Z.
        mlp_adds: which of the two the second residual connection adds.
        unbiased: whether the norms' variance is divided by d − 1.
        mistake: a key of `MISTAKES`; empty = right.
    """

    norm1: str = "none"
    norm2: str = "none"
    mlp_reads: str = "sum"
    mlp_adds: str = "sum"
    unbiased: bool = False
    mistake: str = ""


def readings_without_norms() -> list[Reading]:
    """What may be right where layer norm changes nothing, the likely one first.

    The last one follows equations 6 and 8 to the letter, with Z in both places: Z' = Z + X is used nowhere.
    """
    return [Reading(mlp_reads=reads, mlp_adds=adds) for adds in ("sum", "plain") for reads in ("sum", "plain")]


def readings_with_norms(like: Reading | None = None) -> list[Reading]:
    """What may come out where layer norm acts, or only one of the two does, the likely one first.

    Args:
        like: what the residual connections are known to do, and a mistake; None = anything right.
    """
    plain = readings_without_norms() if like is None else [like]
    places = [(first, second) for first, second in itertools.product(NORMS, NORMS) if second != "inside"]
    places.sort(key=lambda pair: (pair != ("sum", "sum"), pair != ("sublayer", "sublayer"), "none" in pair))
    return [
        replace(reading, norm1=first, norm2=second, unbiased=unbiased)
        for unbiased in (False, True)
        for first, second in places
        for reading in plain
        if (first, second) != ("none", "none")
        if first != "sum" or "sum" in (reading.mlp_reads, reading.mlp_adds)  # otherwise the sum is used nowhere
    ]


def with_mistakes(readings: list[Reading], n_heads: int = 1) -> list[Reading]:
    """The same with one mistake each."""
    possible = [mistake for mistake in MISTAKES if n_heads > 1 or mistake not in OF_HEADS]
    return [replace(reading, mistake=mistake) for mistake in possible for reading in readings]


def hidden_states(weights: Mapping[str, Tensor], n_heads: int, ids: Tensor, reading: Reading) -> Tensor:
    """The hidden states (B, T, d_model), float64, differentiable in the weights.

    Args:
        weights: by role, as in `graders.tasks.DecoderModule`. A bias that is not there is 0, a gain 1.
        n_heads: number of heads.
        ids: (B, T) int64.
        reading: what is computed.
    """
    weights = {role: tensor.double() for role, tensor in weights.items()}
    x = weights["embedding.weight"][ids]  # (B, T, d_model)
    if "positions.weight" in weights and reading.mistake != "no_positions":
        x = x + weights["positions.weight"][: ids.shape[1]]
    if reading.mistake == "embeddings_scaled":
        x = x * math.sqrt(x.shape[-1])
    n_layers = len({role.split(".")[1] for role in weights if role.startswith("layers.")})
    start, result = x, x
    for i in range(n_layers):
        prefix = f"layers.{i}."
        layer = {role.removeprefix(prefix): tensor for role, tensor in weights.items() if role.startswith(prefix)}
        result = _layer(layer, n_heads, start if reading.mistake == "last_layer_only" else result, reading)
        if reading.mistake == "first_layer_only":
            break
    return result


def _layer(layer: Mapping[str, Tensor], n_heads: int, x: Tensor, reading: Reading) -> Tensor:
    def norm(name: str, here: bool, value: Tensor) -> Tensor:
        if not here:
            return value
        ones, zeros = torch.ones_like(value[0, 0]), torch.zeros_like(value[0, 0])
        gain, bias = (
            layer.get(f"{name}.{part}", layer.get(f"norm1.{part}", default))  # one pair may serve both norms
            for part, default in (("weight", ones), ("bias", zeros))
        )
        return layer_norm(value, gain, bias, unbiased=reading.unbiased)

    mistake = reading.mistake
    attended = _attention(layer, n_heads, norm("norm1", reading.norm1 == "before", x), mistake)  # (B, T, d_model)
    attended = norm("norm1", reading.norm1 == "inside", attended)
    plain = attended if mistake == "no_output_projection" else _linear(layer, "proj", attended)  # Z
    plain = norm("norm1", reading.norm1 == "sublayer", plain)
    total = plain if mistake == "no_residuals" else plain + x  # Z'
    total = norm("norm1", reading.norm1 == "sum", total)

    read = norm("norm2", reading.norm2 == "before", total if reading.mlp_reads == "sum" else plain)
    up = _linear(layer, "up", read)  # (B, T, d_hidden)
    active = up if mistake == "no_relu" else F.gelu(up) if mistake == "gelu" else torch.relu(up)
    hidden = norm("norm2", reading.norm2 == "sublayer", _linear(layer, "down", active))  # H
    if mistake not in ("no_mlp_residual", "no_residuals"):
        hidden = hidden + (total if reading.mlp_adds == "sum" else plain)
    return norm("norm2", reading.norm2 == "sum", hidden)


def _linear(layer: Mapping[str, Tensor], role: str, x: Tensor) -> Tensor:
    return F.linear(x, layer[f"{role}.weight"], layer.get(f"{role}.bias"))


def _attention(layer: Mapping[str, Tensor], n_heads: int, x: Tensor, mistake: str) -> Tensor:
    """The heads' outputs side by side, before the output projection, (B, T, d_model)."""
    B, T, width = x.shape
    d_head = width // n_heads

    def heads(role: str) -> Tensor:
        projected = _linear(layer, role, x)
        if mistake == "heads_not_transposed":
            return projected.view(B, n_heads, T, d_head)
        return projected.view(B, T, n_heads, d_head).transpose(1, 2)  # (B, n_heads, T, d_head)

    query, key, value = heads("query"), heads("key"), heads("value")
    divisors = {"scores_not_scaled": 1.0, "scaled_by_d_k": float(d_head), "scaled_by_width": math.sqrt(width)}
    scores = query @ key.transpose(-2, -1) / divisors.get(mistake, math.sqrt(d_head))  # (B, n_heads, T, T)
    seen = torch.ones(T, T, dtype=torch.bool).tril(-1 if mistake == "mask_without_self" else 0)
    if mistake == "mask_reversed":
        seen = seen.T
    if mistake == "masked_with_zeros":
        scores = scores * seen
    elif mistake not in ("no_mask", "masked_after_softmax"):
        scores = scores.masked_fill(~seen, -1e9)  # finite: a row without any key becomes uniform
    weights = torch.softmax(scores, dim=-2 if mistake == "softmax_over_queries" else -1)
    if mistake == "masked_after_softmax":
        weights = weights * seen
    attended = weights @ value  # (B, n_heads, T, d_head)
    if mistake in ("heads_not_transposed", "heads_not_moved_back"):
        return attended.reshape(B, T, width)
    return attended.transpose(1, 2).reshape(B, T, width)
