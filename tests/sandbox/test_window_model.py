"""The model that text is generated with: the same numbers everywhere, and others for every other window."""

import itertools
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from sandbox.window_model import WindowModel

IDS = torch.tensor([[0, 3, 1], [4, 4, 2]])
V = 7
GOLDEN = [  # (B, T, V)
    [[6993, 3266, 8534, 5624, 8294], [8512, 9534, 9338, 4740, 2012], [2937, 7604, 6764, 7707, 5704]],
    [[3130, 5860, 4079, 3108, 7717], [4065, 8010, 1740, 8413, 601], [8191, 1353, 2064, 4498, 817]],
]
windows = st.lists(st.integers(0, V - 1), min_size=1, max_size=8)
steady = settings(derandomize=True, deadline=None, database=None, max_examples=60)


def model(seed: int = 3, vocab_size: int = V, block_size: int | None = None, **options: Any) -> WindowModel:
    return WindowModel(vocab_size, block_size, seed, **options)


def last(window: list[int], **options: Any) -> Tensor:
    """The logits (V,) after a window."""
    return model(**options).logits(torch.tensor([window]))[0, -1]


def differ_everywhere(one: Tensor, other: Tensor) -> bool:
    """Whether no two logits are those of the other window; a chance hit of one in 10,007 is let through."""
    return int((one != other).sum()) >= V - 1


# ---------------------------------------------------------------------------------------------------- the numbers


def test_golden_values() -> None:
    """Protects agreement between judge and worker, and old reports: the logits never change from version to version.

    In steps of 1/10,006 of the spread, so that the table is exact.
    """
    logits = model(vocab_size=5).logits(IDS)
    assert (logits.shape, logits.dtype) == ((2, 3, 5), torch.float32)
    steps = ((logits.double() + 4) / 8 * 10_006).round().long()
    assert steps.tolist() == GOLDEN
    torch.testing.assert_close(logits.double(), steps.double() / 10_006 * 8 - 4, atol=2e-6, rtol=0)


def test_the_formula() -> None:
    """Protects the golden values' meaning: whole numbers of any size give what int64 gives, for large seeds too."""
    prime, seed, vocab_size = 2**31 - 1, 2**63 - 25, 11
    window = [10, 0, 7, 7, 3]
    state, expected = (seed * 7919 + 17) % prime, []
    for token in window:
        state = (state * 48_271 + token + 1) % prime
        row = []
        for n in range(1, vocab_size + 1):
            value = (state * 69_621 + n * 40_692_013) % prime
            for _ in range(2):
                value = (value**2 + 48_271 * state) % prime
            row.append(value % 10_007)
        expected.append(row)
    logits = model(seed=seed, vocab_size=vocab_size).logits(torch.tensor([window]))[0]
    assert ((logits.double() + 4) / 8 * 10_006).round().long().tolist() == expected


@pytest.mark.parametrize("spread", [0.5, 4.0, 30.0])
def test_the_spread(spread: float) -> None:
    """Protects the checks from logits that all look alike, or overflow: they fill the range and stay in it."""
    ids = (torch.arange(400) % V).view(20, 20)
    logits = model(spread=spread).logits(ids)
    assert float(logits.abs().max()) <= spread
    assert abs(float(logits.mean())) < 0.1 * spread
    assert 0.5 < float(logits.std()) / spread < 0.65  # 1/√3 for a uniform distribution


# ---------------------------------------------------------------------------------------------------- the hash


@steady
@given(window=windows, other=windows)
def test_another_window_has_other_logits(window: list[int], other: list[int]) -> None:
    """Protects every check of cropping and feeding: length, order and each single token tell in all logits."""
    if window == other:
        assert torch.equal(last(window), last(other))
    else:
        assert differ_everywhere(last(window), last(other))


@pytest.mark.parametrize("place", range(6))
def test_each_token_tells(place: int) -> None:
    """Protects from a model that forgets: the first token of the window tells as much as the last one."""
    window = [3, 1, 4, 1, 5, 2]
    for token in range(V):
        changed = [*window[:place], token, *window[place + 1 :]]
        assert (token == window[place]) is not differ_everywhere(last(window), last(changed))


def test_the_order_tells() -> None:
    """Protects from a model that counts tokens: all orders of a window give different logits."""
    found = [last(list(order)) for order in itertools.permutations([0, 2, 4, 6])]
    assert all(differ_everywhere(one, other) for one, other in itertools.combinations(found, 2))


def test_the_length_tells() -> None:
    """Protects from padding and dropping: a window of equal tokens is told from a longer one, and from its end."""
    found = [last([2] * length) for length in range(1, 9)]
    assert all(differ_everywhere(one, other) for one, other in itertools.combinations(found, 2))


@steady
@given(window=windows, seed=st.integers(0, 2**63 - 1))
def test_another_seed_is_another_model(window: list[int], seed: int) -> None:
    """Protects from an output that was seen before: each case has a model of its own."""
    assert differ_everywhere(last(window, seed=seed), last(window, seed=seed + 1))


@steady
@given(window=windows, more=windows)
def test_it_is_causal(window: list[int], more: list[int]) -> None:
    """Protects reading the right position: the logits at t are those of the window that ends there, in a batch too."""
    whole = model().logits(torch.tensor([window + more, more + window]))
    alone = model().logits(torch.tensor([window]))
    assert torch.equal(whole[:1, : len(window)], alone)
    assert torch.equal(whole[1, -1], last(more + window))


def test_all_tokens_are_likely_somewhere() -> None:
    """Protects greedy decoding from a model that always says the same: each token is the likeliest after some window."""
    ids = torch.cartesian_prod(torch.arange(V), torch.arange(V), torch.arange(V))
    assert set(range(V)) == set(model().logits(ids)[:, -1].argmax(-1).tolist())


# ---------------------------------------------------------------------------------------------------- how it is called


def test_the_longest_window() -> None:
    """Protects the check of cropping: what a model with learned positions cannot take raises, and says what it takes."""
    short = model(block_size=3)
    assert short.block_size == 3
    assert torch.equal(short(IDS), model().logits(IDS))
    with pytest.raises(ValueError, match=r"^the model takes at most block_size=3 tokens, got 4$"):
        short(torch.zeros(1, 4, dtype=torch.int64))


def test_without_a_longest_window() -> None:
    """Protects homeworks whose model has no limit: there is no attribute that could be read."""
    assert not hasattr(model(), "block_size")
    assert model()(torch.zeros(1, 100, dtype=torch.int64)).shape == (1, 100, V)


def test_a_student_may_set_the_limit() -> None:
    """Protects from a limit that only the constructor's value decides: the attribute is what holds."""
    short = model(block_size=3)
    short.block_size = 2
    with pytest.raises(ValueError, match="block_size=2"):
        short(IDS)


def test_the_tuple_form() -> None:
    """Protects homeworks whose models return (logits, loss): the logits are the same, the loss is None."""
    value = model(as_tuple=True)(IDS)
    assert (type(value), len(value), value[1]) == (tuple, 2, None)
    assert torch.equal(value[0], model()(IDS))


@pytest.mark.parametrize("arguments", [(None,), (IDS, 1)])
def test_further_arguments_are_ignored(arguments: tuple[Any, ...]) -> None:
    """Protects calls such as model(ids, None) and model(ids, targets=None)."""
    assert torch.equal(model()(IDS, *arguments, targets=None), model().logits(IDS))


@pytest.mark.parametrize("dtype", [torch.int32, torch.uint8, torch.int64])
def test_ids_of_any_integer_dtype(dtype: torch.dtype) -> None:
    """Protects code that keeps its ids in fewer bits: the window is the same."""
    assert torch.equal(model().logits(IDS.to(dtype)), model().logits(IDS))


def test_the_gradient_form() -> None:
    """Protects the check of no_grad: logits require a gradient as a real model's do, and only where one is wanted."""
    graded = model()
    logits = graded(IDS)
    assert logits.requires_grad
    assert torch.equal(logits.detach(), graded.logits(IDS))
    logits.sum().backward()
    assert float(graded.scale.grad) == 0.0
    assert graded.saw_graph
    plain = model(with_parameter=False)
    assert not plain(IDS).requires_grad
    assert list(plain.parameters()) == []


@pytest.mark.parametrize("context", [torch.no_grad, torch.inference_mode])
def test_calls_without_a_graph_are_told_apart(context: Any) -> None:
    """Protects the same: a model that was called under no_grad alone has seen no graph; one call with it is enough."""
    watching = model()
    with context():
        assert not watching(IDS).requires_grad
    assert not watching.saw_graph
    watching(IDS)
    with context():
        watching(IDS)
    assert watching.saw_graph


def test_ids_are_left_alone() -> None:
    """Protects the checks that look at the ids afterwards."""
    before = IDS.clone()
    model()(IDS)
    assert torch.equal(before, IDS)


def test_a_worker_has_the_same_model(submission: Any) -> None:
    """Protects agreement between judge and worker: made there with the same options, it gives the same numbers."""
    source = "def f(model, ids): return model(ids), model.training, model.block_size\n"
    with submission({"student.py": source}).open(seed=1) as worker:
        made = worker.make("model", vocab_size=V, block_size=3, seed=3, spread=2.0)
        logits, training, block_size = worker.resolve("student", "f")(made, IDS)
    assert torch.equal(logits, model(spread=2.0).logits(IDS))
    assert (training, block_size) == (True, 3)
