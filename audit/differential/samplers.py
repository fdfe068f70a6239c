"""Drives `temperature`, `top_k`, `top_p` and `sample`."""

from typing import Any

import torch
from torch import Tensor

from .drawing import Draw
from .observing import Journal, Load

N = 6000  # rows that are drawn at once
MARGIN = 1e-3  # between p and every sum of probabilities


def observe(load: Load, seed: int, journal: Journal) -> None:
    """Filters on rows of every shape, then the distribution of the draws for each combination of options."""
    module = load("samplers")
    draw = Draw(seed)
    for dtype in (torch.float64, torch.float32):
        for shape in ((6,), (3, 5), (2, 3, 7), (5, 5), (1, 1)):
            logits = (3 * draw.normal(*shape)).to(dtype)
            _filters(module, logits, f"{dtype}, shape {shape}", draw, journal)
    for n_tokens, p, n_kept in ((4, 0.5, 2), (4, 0.75, 3), (8, 0.25, 2), (2, 0.5, 1)):
        got = module.top_p(torch.zeros(n_tokens, dtype=torch.float64), p)  # the sums are exact here
        journal.note(f"{n_tokens} equal logits, p {p}: {n_kept} kept", int((got == 0).sum()))
    journal.call("one certain token", module.top_p, torch.tensor([0.0, 200.0, 1.0]), 0.999)
    journal.call("one certain token, p 1", module.top_p, torch.tensor([0.0, 200.0, 1.0]), 1.0)
    for function, option in ((module.temperature, 0.7), (module.top_k, 2), (module.top_p, 0.5)):
        journal.dtype("bfloat16", function, draw.normal(2, 5).bfloat16(), option)
    _refusals(module, draw, journal)
    _greedy(module, draw, journal)
    _draws(module, draw, journal)
    _randomness(module, draw, journal)


def _filters(module: Any, logits: Tensor, label: str, draw: Draw, journal: Journal) -> None:
    for tau in (0.3, 1.0, 2.5, 1e-3):
        got = journal.untouched(f"{label}, tau {tau}", [logits], lambda: module.temperature(logits, tau))  # noqa: B023
        journal.note(f"{label}, tau {tau}", got)
    V = logits.shape[-1]
    for k in {1, 2, max(1, V - 1), V, V + 3}:
        got = journal.untouched(f"{label}, k {k}", [logits], lambda: module.top_k(logits, k))  # noqa: B023
        journal.note(f"{label}, k {k}", got)
    for p in (1e-6, *(clear_p(draw, logits) for _ in range(4)), 1.0):
        got = journal.untouched(f"{label}, p {p:.4f}", [logits], lambda: module.top_p(logits, p))  # noqa: B023
        journal.note(f"{label}, p {p:.4f}", got)


def clear_p(draw: Draw, logits: Tensor) -> float:
    """A p that is far from every sum of the most probable tokens, so that rounding decides nothing."""
    sums = logits.double().softmax(dim=-1).sort(dim=-1, descending=True).values.cumsum(dim=-1)
    while True:
        p = float(draw.uniform(0.02, 0.98))
        if (sums - p).abs().min() > MARGIN:
            return p


def _refusals(module: Any, draw: Draw, journal: Journal) -> None:
    row = draw.normal(2, 4)
    for tau in (0, 0.0, -1.0):
        journal.attempt(f"tau {tau}", module.temperature, row, tau)
        journal.attempt(f"sample, tau {tau}", module.sample, row, tau=tau)
    for k in (0, -1):
        journal.attempt(f"k {k}", module.top_k, row, k)
        journal.attempt(f"sample, k {k}", module.sample, row, k=k)
    for p in (0.0, -0.5, 1.001, 2.0):
        journal.attempt(f"p {p}", module.top_p, row, p)
        journal.attempt(f"sample, p {p}", module.sample, row, p=p)
    for shape in ((4,), (2, 3, 4)):
        journal.attempt(f"sample of {shape}", module.sample, draw.normal(*shape))


def _greedy(module: Any, draw: Draw, journal: Journal) -> None:
    logits = draw.normal(5, 7)
    for options in ({"k": 1}, {"p": 1e-6}, {"tau": 1e-6}, {"tau": 5.0, "k": 1, "p": 0.5}):
        got = journal.untouched(f"greedy {options}", [logits], lambda: module.sample(logits, **options))  # noqa: B023
        journal.note(f"greedy {options}", got)
    journal.call("greedy, float32", module.sample, logits.float(), 1.0, 1)
    journal.call("greedy, huge logits", module.sample, 1e4 * logits)
    journal.call("one token", module.sample, draw.normal(3, 1), 2.0, 5, 0.5)


def _draws(module: Any, draw: Draw, journal: Journal) -> None:
    logits = draw.uniform(-1.0, 1.0, 6)
    for tau in (1.0, 0.6, 2.0):
        for k in (None, 2, 3, 6, 10):
            scaled = logits / tau
            kept = scaled if k is None else scaled.sort(descending=True).values[:k]
            for p in (None, clear_p(draw, kept), 1.0):
                label = f"draws, tau {tau}, k {k}, p {p if p is None else round(p, 4)}"
                journal.step(label)
                got = module.sample(logits.expand(N, 6), tau, k, p, draw.separate())
                journal.note(f"{label}: shape and dtype", [tuple(got.shape), str(got.dtype)])
                journal.support(label, got)
                for token in range(6):
                    journal.share(f"{label}: token {token}", got == token)
    journal.share("draws: equal neighbours", got[:-1] == got[1:])
    rows = draw.uniform(-1.0, 1.0, 3, 4)
    got = module.sample(rows.repeat(N, 1), generator=draw.separate()).view(N, 3)
    for row in range(3):
        for token in range(4):
            journal.share(f"draws of row {row}: token {token}", got[:, row] == token)


def _randomness(module: Any, draw: Draw, journal: Journal) -> None:
    """Where the randomness comes from."""
    logits, seed = draw.normal(50, 6), draw.integer(0, 10**6)
    torch.manual_seed(seed)
    before = torch.get_rng_state()
    first, again, other = (
        module.sample(logits, generator=torch.Generator().manual_seed(s)) for s in (seed, seed, seed + 1)
    )
    journal.note("the generator decides", [torch.equal(first, again), torch.equal(first, other)])
    generator = torch.Generator().manual_seed(seed)
    first, second = (module.sample(logits, generator=generator) for _ in range(2))
    journal.note("the generator moves on", not torch.equal(first, second))
    journal.note("torch's own state is left alone", torch.equal(before, torch.get_rng_state()))
    first = module.sample(logits)
    second = module.sample(logits)
    torch.manual_seed(seed)
    journal.note("without a generator", [torch.equal(first, module.sample(logits)), torch.equal(first, second)])
