"""Drives `generate`."""

from typing import Any

import torch
from torch import Tensor, nn

from .drawing import Draw
from .observing import Journal, Load

V = 5
N = 4000  # rows that are drawn at once
PLACES = torch.tensor([1.0, 1.618, 2.718, 0.577, 1.414, 3.142, 2.236, 1.202, 0.915, 2.665, 1.732, 0.693] * 2).double()
TOKENS = torch.tensor([0.9, 1.7, 2.3, 3.1, 4.7]).double()


class Model(nn.Module):
    """Logits that depend on every token of the text it gets, and on its place in there.

    Args:
        block_size: the longest text; None = the model has no such attribute.
        as_tuple: whether the logits come with something else.
        scale: size of the logits.
    """

    def __init__(self, block_size: int | None = None, as_tuple: bool = False, scale: float = 3.0) -> None:
        super().__init__()
        if block_size is not None:
            self.block_size = block_size
        self.scale = nn.Parameter(torch.tensor(scale, dtype=torch.float64))
        self.as_tuple = as_tuple
        self.longest = 0
        self.builds_graph = False

    def forward(self, ids: Tensor) -> Any:
        """Logits of (B, S), for each place from the tokens up to it."""
        self.longest = max(self.longest, ids.shape[1])
        sums = ((ids + 1).double() * PLACES[: ids.shape[1]]).cumsum(dim=1)  # (B, S)
        logits = self.scale * torch.sin(sums[..., None] * TOKENS)  # (B, S, V)
        self.builds_graph |= logits.requires_grad
        return (logits, None) if self.as_tuple else logits


def observe(load: Load, seed: int, journal: Journal) -> None:
    """Greedy texts past the block size, then distributions, seeds, modes."""
    generate = load("generate").generate
    draw = Draw(seed)
    for block_size in (None, 1, 3, 4, 7):
        for as_tuple in (False, True):
            for B, T, n in ((2, 3, 6), (1, 1, 5), (3, 8, 4), (2, 2, 0), (4, 4, 1)):
                model = Model(block_size, as_tuple)
                model.train(bool(draw.integer(0, 1)))
                _run(
                    generate,
                    model,
                    draw.integers(0, V - 1, B, T),
                    n,
                    f"block size {block_size}, {B} x {T} + {n}",
                    journal,
                )
    ids = draw.integers(0, V - 1, 2, 3)
    journal.call("tiny tau", generate, Model(4), ids, 5, 1e-9)
    journal.call("tiny p", generate, Model(4), ids, 5, p=1e-9)
    _draws(generate, draw, journal)
    _randomness(generate, draw, journal)


def _run(generate: Any, model: Model, ids: Tensor, n: int, label: str, journal: Journal) -> None:
    mode = model.training
    text = journal.untouched(label, [ids], lambda: generate(model, ids, n, k=1))
    journal.note(label, text)
    journal.note(f"{label}: longest text that the model got", model.longest)
    journal.note(f"{label}: a graph", [model.builds_graph, text.requires_grad, torch.is_grad_enabled()])
    journal.note(f"{label}: a new tensor", text.data_ptr() != ids.data_ptr())
    journal.note(f"{label}: the same mode", model.training == mode)


def _draws(generate: Any, draw: Draw, journal: Journal) -> None:
    model = Model(3, scale=1.0)
    ids = draw.integers(0, V - 1, 1, 2).expand(N, 2)
    for options in ({}, {"tau": 0.6}, {"k": 2}, {"k": 3, "tau": 2.0}, {"p": 1.0}, {"k": 4, "p": 1.0, "tau": 1.5}):
        journal.step(f"draws {options}")
        text = generate(model, ids, 3, generator=draw.separate(), **options)
        journal.note(f"draws {options}: the text goes on", torch.equal(text[:, :2], ids))
        for place in range(2, 5):
            for token in range(V):
                journal.share(f"draws {options}, place {place}: token {token}", text[:, place] == token)
        journal.share(f"draws {options}: equal neighbours", (text[1:] == text[:-1]).all(dim=1))
        journal.support(f"draws {options}: first tokens", text[:, 2])
    sums = model(ids[:1])[0, -1].detach().softmax(dim=-1).sort(descending=True).values.cumsum(dim=-1)
    p = float(sums[1] + sums[0]) / 2  # keeps two tokens
    text = generate(model, ids, 1, 1.0, None, p, draw.separate())
    journal.support("draws from two tokens", text[:, 2])
    for token in range(V):
        journal.share(f"draws from two tokens: token {token}", text[:, 2] == token)


def _randomness(generate: Any, draw: Draw, journal: Journal) -> None:
    """Where the randomness comes from."""
    model, ids, seed = Model(4, scale=1.0), draw.integers(0, V - 1, 20, 3), draw.integer(0, 10**6)
    torch.manual_seed(seed)
    before = torch.get_rng_state()
    seeds = (seed, seed, seed + 1)
    first, again, other = (generate(model, ids, 6, generator=torch.Generator().manual_seed(s)) for s in seeds)
    journal.note("the generator decides", [torch.equal(first, again), torch.equal(first, other)])
    generator = torch.Generator().manual_seed(seed)
    first, second = (generate(model, ids, 6, generator=generator) for _ in range(2))
    journal.note("the generator moves on", not torch.equal(first, second))
    journal.note("torch's own state is left alone", torch.equal(before, torch.get_rng_state()))
    first = generate(model, ids, 6)
    torch.manual_seed(seed)
    journal.note("without a generator", torch.equal(first, generate(model, ids, 6)))
