"""Cases of the tasks decoder and multi_head_decoder."""

from dataclasses import dataclass

import hypothesis.strategies as st
import torch
from hypothesis.strategies import DrawFn
from torch import Tensor

from graders.tasks import DecoderSizes

from .drawing import generator, seeds


@dataclass
class DecoderCase:
    """A decoder and ids (B, T). Its weights follow from the seed, once the width of its MLPs is known."""

    sizes: DecoderSizes
    ids: Tensor
    seed: int


@st.composite
def decoder_cases(
    draw: DrawFn,
    *,
    n_layers: tuple[int, ...] = (2,),
    many_heads: bool = False,
    full: bool = False,
    whole_vocabulary: bool = False,
    min_tokens: int = 1,
    min_length: int = 5,
) -> DecoderCase:
    """Decoders whose V, max_tokens, n_heads, d_head and d_model are pairwise distinct; d_model is even, V is odd.

    Args:
        n_layers: numbers of layers to choose from.
        many_heads: two to four heads in the place of one.
        full: T = max_tokens.
        whole_vocabulary: each id occurs.
        min_tokens, min_length: least T and max_tokens.
    """
    heads = [(2, 3), (2, 4), (4, 3), (3, 4), (4, 2), (2, 5)] if many_heads else [(1, 6), (1, 8), (1, 4), (1, 10)]
    n_heads, d_head = draw(st.sampled_from(heads))
    d_model = n_heads * d_head
    # odd numbers: the width of an MLP is a multiple of d_model, or a round number
    max_tokens = draw(st.sampled_from([n for n in range(min_length, min_length + 8) if n % 2]))
    V = draw(st.sampled_from([n for n in (7, 11, 13, 17) if n != max_tokens]))
    T = max_tokens if full else draw(st.sampled_from(range(min_tokens, max_tokens + 1)))
    layers = draw(st.sampled_from(n_layers))
    B = draw(st.sampled_from([n for n in range(1, 5) if n not in (n_heads, d_head, T)]))
    if whole_vocabulary:
        B = -(-V // T)
    seed = draw(seeds)
    ids = (torch.randperm(B * T, generator=generator(seed)) % V).view(B, T)
    return DecoderCase(DecoderSizes(V, d_model, max_tokens, layers, n_heads), ids, seed)


def decoder_weights(sizes: DecoderSizes, d_hidden: int, rng: torch.Generator) -> dict[str, Tensor]:
    """Weights by role: activations stay O(1) without norms too, gains are not 1, biases are not zero."""
    d_model = sizes.d_model

    def matrix(out: int, into: int, size: float) -> Tensor:
        drawn: Tensor = torch.randn(out, into, generator=rng) * (size / into**0.5)
        return drawn

    weights = {
        "embedding.weight": torch.randn(sizes.vocab_size, d_model, generator=rng),
        "positions.weight": torch.randn(sizes.max_tokens, d_model, generator=rng),
    }
    for i in range(sizes.n_layers):
        layer = {f"{role}.weight": matrix(d_model, d_model, 1.0) for role in ("query", "key", "value", "proj")}
        layer |= {"up.weight": matrix(d_hidden, d_model, 1.0), "down.weight": matrix(d_model, d_hidden, 1.0)}
        layer |= {
            f"{role}.bias": torch.randn(len(layer[f"{role}.weight"]), generator=rng) * 0.3
            for role in ("query", "key", "value", "proj", "up", "down")
        }
        for norm in ("norm1", "norm2"):
            layer[f"{norm}.weight"] = 0.5 + torch.rand(d_model, generator=rng)
            layer[f"{norm}.bias"] = torch.randn(d_model, generator=rng) * 0.5
        weights |= {f"layers.{i}.{role}": tensor for role, tensor in layer.items()}
    return weights
