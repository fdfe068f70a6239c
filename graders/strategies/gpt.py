"""Cases of the task gpt."""

from dataclasses import dataclass, field

import hypothesis.strategies as st
import torch
from hypothesis.strategies import DrawFn
from torch import Tensor

from graders.tasks import GptSizes

from .block import block_weights, norm_weights
from .drawing import generator, seeds
from .quiet import Quiet


@dataclass
class GptCase(Quiet):
    """A language model, ids (B, T), and for losses the targets (B, T)."""

    sizes: GptSizes
    ids: Tensor
    seed: int
    weights: dict[str, Tensor] = field(repr=False)
    targets: Tensor | None = None


@st.composite
def gpt_cases(
    draw: DrawFn,
    *,
    free_width: bool = False,
    tied: bool = False,
    full: bool = False,
    whole_vocabulary: bool = False,
    targets: bool = False,
    ignored: bool = False,
    as_many_tokens_as_ids: bool = False,
    min_tokens: int = 1,
    min_block: int = 4,
    dropout: float = 0.0,
) -> GptCase:
    """Models of one to three blocks; V, block_size, n_heads, d_head, d_model and d_hidden pairwise distinct; T < block_size.

    Args:
        free_width: d_hidden is anything but 4 · d_model.
        tied: head and token embedding are one.
        full: T = block_size.
        whole_vocabulary: each id occurs.
        targets: with targets from 1 to V − 1: in some homeworks 0 is padding.
        ignored: with targets from 0 on, about a third of them −100, and as many as not in one sequence only.
        as_many_tokens_as_ids: T = V, the trap for a loss over the wrong axis.
        min_tokens, min_block: least T and block_size.
        dropout: the model's dropout probability.
    """
    n_heads, d_head = draw(st.sampled_from([(2, 3), (3, 2), (2, 4), (3, 4)]))
    d_model, n_layers = n_heads * d_head, draw(st.integers(1, 3))
    taken = [n_heads, d_head, d_model, 4 * d_model]
    if free_width:
        taken.append(draw(st.sampled_from([n for n in range(9, 30) if n not in taken])))
    d_hidden = taken[-1]
    block_size = draw(st.sampled_from([n for n in range(min_block, min_block + 6) if n not in taken]))
    V = draw(st.sampled_from([n for n in range(5, 14) if n not in (*taken, block_size)]))
    T = block_size if full else draw(st.sampled_from(range(min_tokens, block_size)))
    if as_many_tokens_as_ids:
        T, block_size = V, V + 2
    B = draw(st.sampled_from([n for n in range(1, 7) if n not in (*taken, T, V)]))  # two or more are left
    if whole_vocabulary:
        B = -(-V // T)
    seed = draw(seeds)
    rng = generator(seed)
    sizes = GptSizes(V, block_size, n_layers, n_heads, d_model, d_hidden, dropout, tied)
    ids = (torch.randperm(B * T, generator=rng) % V).view(B, T)
    wanted = None
    if targets or ignored:
        wanted = torch.randint(0 if ignored else 1, V, (B, T), generator=rng)
    if wanted is not None and ignored:
        wanted[torch.rand(B, T, generator=rng) < 0.3] = -100
        wanted[0, : T // 2] = -100
        wanted[-1, -1] = 0
    return GptCase(sizes, ids, seed, gpt_weights(sizes, rng), wanted)


def gpt_weights(sizes: GptSizes, rng: torch.Generator) -> dict[str, Tensor]:
    """Weights by role: activations stay O(1), gains are not 1, biases are not zero. A tied head has the embedding's."""
    d_model = sizes.d_model
    embeddings = (("token_embedding", sizes.vocab_size), ("position_embedding", sizes.block_size))
    weights = {f"{role}.weight": torch.randn(n, d_model, generator=rng) for role, n in embeddings}
    for i in range(sizes.n_layers):
        layer = block_weights(d_model, sizes.d_hidden, rng)
        weights |= {f"blocks.{i}.{role}": tensor for role, tensor in layer.items()}
    weights |= norm_weights("norm", d_model, rng)
    head = torch.randn(sizes.vocab_size, d_model, generator=rng) * (1.5 / d_model**0.5)
    return weights | {"head.weight": weights["token_embedding.weight"] if sizes.tied else head}
