"""Expected values of a decoder whose handout can be read in several ways: token ids to hidden states.

Source: Vaswani et al. 2017, "Attention Is All You Need", sections 3.1 to 3.3, without dropout and cross-attention, with
learned positions. Where the norms stand, and what the MLP reads and adds, differs between solutions that are all right.
"""

import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from ..readings import Reading
from ..recorded import oracle
from .layer_norm import layer_norm
from .others import other_probes, other_readings

__all__ = ["hidden_state_gradients", "hidden_states", "probed"]

_known: dict[tuple[Reading, int, bytes], Tensor] = {}


@oracle(also=other_readings)
def hidden_states(weights: Mapping[str, Tensor], n_heads: int, ids: Tensor, reading: Reading) -> Tensor:
    """The hidden states (B, T, d_model), float64.

    Args:
        weights: by role, as in `graders.tasks.DecoderModule`. A bias that is not there is 0, a gain 1.
        n_heads: number of heads.
        ids: (B, T) int64.
        reading: what is computed.
    """
    return _run(weights, n_heads, ids, reading)


@oracle(also=other_probes)
def probed(weights: Mapping[str, Tensor], n_heads: int, ids: Tensor, reading: Reading) -> Tensor:
    """The same for a few inputs that come again and again: computed once. The ids must be the same each time."""
    key = reading, n_heads, b"".join(weights[role].numpy().tobytes() for role in sorted(weights))
    if key not in _known:
        _known[key] = _run(weights, n_heads, ids, reading)
    return _known[key]


@oracle(also=other_readings)
def hidden_state_gradients(
    weights: Mapping[str, Tensor], n_heads: int, ids: Tensor, reading: Reading, grad_output: Tensor
) -> dict[str, Tensor]:
    """Gradients of Σ hidden states · grad_output with respect to the weights, by role; 0 for those without influence."""
    leaves = {role: tensor.double().requires_grad_() for role, tensor in weights.items()}
    scalar = (_run(leaves, n_heads, ids, reading) * grad_output).sum()
    found = torch.autograd.grad(scalar, list(leaves.values()), allow_unused=True)
    return {
        role: torch.zeros_like(leaf) if gradient is None else gradient
        for (role, leaf), gradient in zip(leaves.items(), found, strict=True)
    }


def _run(weights: Mapping[str, Tensor], n_heads: int, ids: Tensor, reading: Reading) -> Tensor:
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
