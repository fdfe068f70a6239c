"""The reference generation against brute force, with a model whose logits are a hash of the whole window."""

import hashlib
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from reference.generate import generate

examples = settings(derandomize=True, deadline=None, database=None, max_examples=50)
V = 6


def hashed_logits(window: tuple[int, ...]) -> list[float]:
    """V numbers in [0, 4) that any change of the window, its length or its order changes."""
    digest = hashlib.sha256(repr(window).encode()).digest()
    return [int.from_bytes(digest[4 * v : 4 * v + 4], "big") / 2**30 for v in range(V)]


class HashModel(nn.Module):
    """Logits at position t are the hash of the window up to t; remembers what it was called with."""

    def __init__(self, block_size: int | None = None, as_tuple: bool = True) -> None:
        super().__init__()
        if block_size is not None:
            self.block_size = block_size
        self.as_tuple = as_tuple
        self.scale = nn.Parameter(torch.ones(()))
        self.windows: list[Tensor] = []

    def forward(self, ids: Tensor) -> tuple[Tensor, None] | Tensor:
        assert ids.shape[1] <= getattr(self, "block_size", math.inf), "the window is longer than the block"
        self.windows.append(ids.clone())
        rows = [[hashed_logits(tuple(row[: t + 1])) for t in range(len(row))] for row in ids.tolist()]
        logits = self.scale * torch.tensor(rows)
        return (logits, None) if self.as_tuple else logits


@st.composite
def prompts(draw: st.DrawFn) -> tuple[Tensor, int, int | None, bool]:
    """Draw ids (B, T), the number of new tokens, the block size (also below T, or none), and what the model returns."""
    B, T, n = draw(st.integers(1, 3)), draw(st.integers(1, 6)), draw(st.integers(0, 8))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**32)))
    ids = torch.randint(V, (B, T), generator=generator)
    return ids, n, draw(st.none() | st.integers(1, 9)), draw(st.booleans())


def brute_force(row: list[int], n: int, block_size: int | None) -> list[int]:
    """Greedy continuation of one row, in plain Python."""
    row = list(row)
    for _ in range(n):
        start = 0 if block_size is None else max(0, len(row) - block_size)
        logits = hashed_logits(tuple(row[start:]))
        row.append(max(range(V), key=logits.__getitem__))
    return row


@examples
@given(case=prompts())
def test_greedy_equals_brute_force(case: tuple[Tensor, int, int | None, bool]) -> None:
    """Protects the window, through and past the block size, the rows' independence, and n = 0."""
    ids, n, block_size, as_tuple = case
    before = ids.clone()
    text = generate(HashModel(block_size, as_tuple), ids, n, k=1, generator=torch.Generator())
    assert text.dtype == torch.int64
    assert text.tolist() == [brute_force(row, n, block_size) for row in ids.tolist()]
    text.fill_(-1)
    assert torch.equal(ids, before)  # neither modified nor handed out


@settings(examples, max_examples=25)
@given(case=prompts(), seed=st.integers(0, 2**32))
def test_draws_equal_a_replay(case: tuple[Tensor, int, int | None, bool], seed: int) -> None:
    """Protects temperature and generator on their way: torch.multinomial, replayed with the same seed."""
    ids, n, block_size, as_tuple = case
    text = generate(HashModel(block_size, as_tuple), ids, n, tau=0.8, generator=torch.Generator().manual_seed(seed))
    generator = torch.Generator().manual_seed(seed)
    rows = ids.tolist()
    for _ in range(n):
        windows = [row if block_size is None else row[-block_size:] for row in rows]
        logits = torch.tensor([hashed_logits(tuple(window)) for window in windows])
        drawn = torch.multinomial((logits / 0.8).softmax(-1), 1, generator=generator)
        rows = [row + new for row, new in zip(rows, drawn.tolist(), strict=True)]
    assert text.tolist() == rows


def test_filters_reach_the_sampler() -> None:
    """Protects k and p on their way: of each window's tokens only those that the filter leaves are ever drawn."""
    ids = torch.arange(V)[:, None].repeat(50, 1)
    order = [sorted(range(V), key=lambda v, i=i: -hashed_logits((i,))[v]) for i in range(V)]  # type: ignore[misc]
    for options, n_kept in [({"k": 2}, [2] * V), ({"p": 0.5}, [nucleus_size((i,), 0.5) for i in range(V)])]:
        generator = torch.Generator().manual_seed(0)
        text = generate(HashModel(), ids, 1, generator=generator, **options)  # type: ignore[arg-type]
        for i in range(V):
            assert set(text[ids[:, 0] == i, 1].tolist()) == set(order[i][: n_kept[i]])


def nucleus_size(window: tuple[int, ...], p: float) -> int:
    """Count the most probable tokens that sum to p."""
    exponentials = sorted(map(math.exp, hashed_logits(window)), reverse=True)
    return next(n for n in range(1, V + 1) if sum(exponentials[:n]) >= p * sum(exponentials))


def test_seed_decides_the_text() -> None:
    """Protects reproducibility: the same seed, the same text; another seed, another text; global state untouched."""
    ids = torch.zeros(4, 2, dtype=torch.int64)
    texts = [generate(HashModel(4), ids, 20, generator=torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)]
    assert torch.equal(texts[0], texts[1])
    assert not torch.equal(texts[0], texts[2])


def test_the_model_is_called_once_for_each_token() -> None:
    """Protects against wasted calls and against windows other than the text's last block_size tokens."""
    model = HashModel(3)
    text = generate(model, torch.tensor([[1, 2]]), 4, k=1, generator=torch.Generator())
    expected = [text[:, :2], text[:, :3], text[:, 1:4], text[:, 2:5]]
    assert len(model.windows) == 4
    assert all(torch.equal(*pair) for pair in zip(model.windows, expected, strict=True))


@pytest.mark.parametrize("training", [True, False])
def test_mode_and_gradients_are_left_alone(training: bool) -> None:
    """Protects the model's mode, at the end and during calls, and memory: no graph is built; grad mode comes back."""
    seen = []

    class Spy(HashModel):
        def forward(self, ids: Tensor) -> tuple[Tensor, None] | Tensor:
            output = super().forward(ids)
            seen.append((self.training, output[0].requires_grad))
            return output

    model = Spy().train(training)
    generate(model, torch.tensor([[1, 2]]), 3, generator=torch.Generator().manual_seed(0))
    assert seen == [(training, False)] * 3
    assert model.training is training
    assert torch.is_grad_enabled()


def test_plain_functions_are_models_too() -> None:
    """Protects callables that are no nn.Module: the next token is the last one plus one."""

    def successor(ids: Tensor) -> Tensor:
        return nn.functional.one_hot((ids + 1) % V, V).float()

    assert generate(successor, torch.tensor([[3]]), 4, k=1, generator=torch.Generator()).tolist() == [[3, 4, 5, 0, 1]]


def test_faulty_arguments_are_named() -> None:
    """Protects the messages for prompts without a token, without a batch axis, and for a negative number."""
    with pytest.raises(ValueError, match=r"got \(3,\)"):
        generate(HashModel(), torch.zeros(3, dtype=torch.int64), 1)
    with pytest.raises(ValueError, match=r"got \(2, 0\)"):
        generate(HashModel(), torch.zeros(2, 0, dtype=torch.int64), 1)
    with pytest.raises(ValueError, match="n_new_tokens=-1"):
        generate(HashModel(), torch.zeros(2, 1, dtype=torch.int64), -1)
    with pytest.raises(ValueError, match="tau=0"):
        generate(HashModel(), torch.zeros(2, 1, dtype=torch.int64), 1, tau=0)
