"""Cases of the task generate."""

from dataclasses import dataclass, field

import hypothesis.strategies as st
import torch
from hypothesis.strategies import DrawFn
from torch import Tensor

from graders.oracles.generate import greedy, least_lead
from graders.tasks import ModelSpec

from .drawing import generator, seeds

CERTAIN = (
    20_000.0  # a spread of logits with which every sampler takes the largest: others are less likely than exp(−40)
)
SURE_LEAD = 40.0


@dataclass
class GenerateCase:
    """A model, a prompt (B, T) and how many tokens to add; `expected` is the text if the largest logit always wins."""

    model: ModelSpec
    ids: Tensor
    n_new_tokens: int
    expected: Tensor = field(repr=False)


@st.composite
def generate_cases(
    draw: DrawFn,
    *,
    batch: bool = False,
    long_prompt: bool = False,
    unlimited: bool = False,
    as_tuple: bool = False,
    within: bool = False,
    spread: float = CERTAIN,
    least: float = SURE_LEAD,
) -> GenerateCase:
    """Prompts shorter and longer than the block, and texts that go past it; B, T, V and block_size differ.

    Args:
        batch: two to four prompts, else one.
        long_prompt: the prompt is longer than the block.
        unlimited: the model has no block_size.
        as_tuple: the model returns a tuple.
        within: the whole text fits in the block.
        spread: of the model's logits.
        least: what the largest logit is ahead of the second by, at least; the model's seed is chosen for it.
    """
    block_size = draw(st.integers(14, 16)) if within else draw(st.integers(2, 6))
    longest = 5 if within else block_size + 6
    T = draw(st.sampled_from([n for n in range(block_size + 1 if long_prompt else 1, longest) if n != block_size]))
    V = draw(st.sampled_from([n for n in range(3, 10) if n not in (block_size, T)]))
    B = draw(st.sampled_from([n for n in range(2, 6) if n not in (block_size, T, V)])) if batch else 1
    n_new_tokens = draw(st.integers(1, 9))
    seed = draw(st.integers(0, 2**20))
    ids = torch.randint(V, (B, T), generator=generator(draw(seeds)))
    while True:
        model = ModelSpec(V, None if unlimited else block_size, seed, as_tuple, spread)
        expected = greedy(model, ids, n_new_tokens)
        if least_lead(model, expected, n_new_tokens) >= least:
            return GenerateCase(model, ids, n_new_tokens, expected)
        seed += 1
