"""Checks of the task samplers (docs/core.md).

Where tokens are drawn, the check states N and its null hypothesis; the error rate is that of `frequencies`. Generators are
seeded, so that a rerun gives the same verdict.
"""

import random
from collections.abc import Callable
from typing import Any

import hypothesis.strategies as st
import torch
from hypothesis import given
from torch import Tensor

from sandbox.errors import StudentError

from . import frequencies
from .check import check
from .compare import assert_agrees, assert_equal, assert_true, describe, require_tensor
from .oracles import samplers as oracle
from .strategies import generator, seeds
from .strategies.samplers import LogitsCase, NucleusCase, clear_p, logits_cases, nucleus_cases, spread_logits
from .tasks import Samplers
from .verdict import CheckFailed

N = 4000  # draws of a distribution: a shift of 5 % of the mass is found with probability 0.999
FILTERS = ("temperature", "top_k", "top_p")


def assert_filtered(got: Any, expected: Tensor, what: str, dtype: torch.dtype = torch.float32) -> None:
    """Require that the right logits are kept as they are and the others are −inf.

    Raises:
        CheckFailed: another shape or dtype, tokens kept that should not be or the other way round, or a changed logit.
    """
    got = require_tensor(got, what, tuple(expected.shape), dtype)
    V = expected.shape[-1]
    for row, wanted in zip(got.reshape(-1, V), expected.reshape(-1, V), strict=True):
        kept, right = row > -torch.inf, wanted > -torch.inf
        if torch.equal(kept & ~row.isnan(), right):
            continue
        filled = [value for value in row[~right].tolist() if value > -torch.inf]
        hint = f" What is left out must be −inf, not {filled[0]:g}." if filled and kept.all() else ""
        raise CheckFailed(
            f"{what}: kept are the tokens {kept.nonzero().flatten().tolist()}, expected "
            f"{right.nonzero().flatten().tolist()}.{hint}\n  got the row {[round(value, 4) for value in row.tolist()]}"
        )
    kept = expected > -torch.inf
    assert_agrees(got[kept], expected[kept], f"{what}, the kept logits", dtype=dtype)


def drawn(value: Any, n_rows: int, what: str = "The drawn tokens") -> Tensor:
    """What `sample` returned: (B,) int64."""
    return require_tensor(value, what, (n_rows,), torch.int64)


def follows(
    samplers: Samplers,
    logits: Tensor,
    rng: random.Random,
    what: str,
    tau: float = 1.0,
    k: int | None = None,
    p: float | None = None,
) -> None:
    """N rows with the same logits, in one call, are drawn from the filtered distribution."""
    [got] = samplers.sample(logits.expand(N, -1).contiguous(), tau, k, p, seed=rng.getrandbits(32))
    frequencies.assert_frequencies(drawn(got, N), oracle.distribution(logits, tau, k, p), what)


def shuffled(shares: list[float], rng: random.Random) -> Tensor:
    """Logits of given probabilities, in random order, with a constant added."""
    rng.shuffle(shares)
    return torch.tensor(shares).log() + rng.uniform(-3, 3)


@check(task="samplers", group="interface")
def test_interface(samplers: Samplers, rng: object) -> None:
    """The functions temperature, top_k, top_p and sample can be called with logits (B, V)."""
    logits = torch.tensor([[2.0, -1.0, 0.5, 1.0], [0.0, 1.5, -0.5, 0.7]])
    samplers.temperature(logits, 0.8)
    samplers.top_k(logits, 2)
    samplers.top_p(logits, 0.9)
    samplers.sample(logits)


@check(task="samplers", group="shape", examples=8)
@given(case=logits_cases())
def test_shapes(samplers: Samplers, case: LogitsCase) -> None:
    """The filters return logits of the same shape, and sample returns one int64 token for each row, shape (B,)."""
    for name, got in (
        ("temperature", samplers.temperature(case.logits, 0.8)),
        ("top_k", samplers.top_k(case.logits, 2)),
        ("top_p", samplers.top_p(case.logits, 0.9)),
    ):
        shape = tuple(case.logits.shape)
        right = isinstance(got, Tensor) and tuple(got.shape) == shape and got.is_floating_point()
        assert_true(right, f"{name}: expected logits of shape {shape}, got {describe(got)}.")
    drawn(samplers.sample(case.logits)[0], len(case.logits))


@check(task="samplers", group="agreement", examples=15)
@given(case=logits_cases(), tau=st.sampled_from([1.0, 0.7, 1.5, 0.05, 3.0]))
def test_temperature_agrees(samplers: Samplers, case: LogitsCase, tau: float) -> None:
    """temperature divides all logits by tau."""
    assert_agrees(
        samplers.temperature(case.logits, tau), oracle.temperature(case.logits, tau), f"temperature, tau={tau}"
    )


@check(task="samplers", group="agreement", examples=20)
@given(case=logits_cases(), k=st.integers(1, 8))
def test_top_k_agrees(samplers: Samplers, case: LogitsCase, k: int) -> None:
    """top_k keeps exactly the k largest logits of each row as they are and sets the others to -inf."""
    k = min(k, case.logits.shape[-1])
    assert_filtered(samplers.top_k(case.logits, k), oracle.top_k(case.logits, k), f"top_k, k={k}")


@check(task="samplers", group="agreement", examples=25)
@given(case=nucleus_cases())
def test_top_p_agrees(samplers: Samplers, case: NucleusCase) -> None:
    """top_p keeps the fewest most probable tokens that sum to p or more, the one that reaches p included."""
    assert_filtered(samplers.top_p(case.logits, case.p), oracle.top_p(case.logits, case.p), f"top_p, p={case.p}")


@check(task="samplers", group="agreement")
def test_draws_agree(samplers: Samplers, rng: random.Random) -> None:
    """sample draws each token as often as softmax(logits / tau) says.

    Null hypothesis: N = 4,000 rows are drawn from this distribution, for each of three values of tau.
    """
    logits = shuffled([0.4, 0.25, 0.15, 0.12, 0.08], rng)
    for tau in (1.0, 0.5, 2.0):
        follows(samplers, logits, rng, f"sample with tau={tau}", tau)


@check(task="samplers", group="property")
def test_top_p_worked_example(samplers: Samplers, rng: random.Random) -> None:
    """Of tokens with probabilities 0.5, 0.25, 0.15 and 0.1, top_p keeps one, two, three or four at p = 0.4, 0.7, 0.8, 0.95."""
    shares = [0.5, 0.25, 0.15, 0.1]
    for p, n_kept in ((0.4, 1), (0.7, 2), (0.8, 3), (0.95, 4)):
        logits = shuffled(shares, rng)[None]
        got = require_tensor(samplers.top_p(logits, p), "top_p", (1, 4), torch.float32)
        kept = (got > -torch.inf).sum().item()
        probabilities = [round(value, 2) for value in logits.softmax(-1)[0].tolist()]
        assert_true(
            kept == n_kept,
            f"top_p of the probabilities {probabilities} with p={p} keeps {kept} of them; expected {n_kept}.",
        )
        assert_filtered(got, oracle.top_p(logits, p), f"top_p of the probabilities {probabilities}, p={p}")


@check(task="samplers", group="property", examples=12)
@given(case=logits_cases())
def test_extreme_options(samplers: Samplers, case: LogitsCase) -> None:
    """top_k keeps all logits if k is V or more, top_p keeps all at p = 1 and still one at a tiny p."""
    everything = case.logits.double()
    for k in (case.logits.shape[-1], case.logits.shape[-1] + 3):
        assert_filtered(samplers.top_k(case.logits, k), everything, f"top_k, k={k} of {case.logits.shape[-1]} tokens")
    assert_filtered(samplers.top_p(case.logits, 1.0), everything, "top_p, p=1")
    assert_filtered(samplers.top_p(case.logits, 1e-6), oracle.top_k(case.logits, 1), "top_p, p=1e-06")


@check(task="samplers", group="property")
def test_top_k_draws(samplers: Samplers, rng: random.Random) -> None:
    """sample with k draws from the k most probable tokens only, renormalised, and never another.

    Null hypothesis: N = 4,000 rows are drawn from the filtered distribution, for each of two settings.
    """
    for k, tau in ((2, 1.0), (3, 1.6)):
        logits = shuffled([0.3, 0.25, 0.2, 0.15, 0.1], rng)
        follows(samplers, logits, rng, f"sample with k={k}, tau={tau}", tau, k)


@check(task="samplers", group="property")
def test_top_p_draws(samplers: Samplers, rng: random.Random) -> None:
    """sample with p draws from the nucleus only, renormalised, and never another token.

    Null hypothesis: N = 4,000 rows are drawn from the filtered distribution, for each of two values of p.
    """
    for p in (0.72, 0.45):
        logits = shuffled([0.4, 0.25, 0.15, 0.12, 0.08], rng)
        follows(samplers, logits, rng, f"sample with p={p}", p=p)


@check(task="samplers", group="property")
def test_order_of_filters(samplers: Samplers, rng: random.Random) -> None:
    """sample applies temperature first, then top-k, then top-p to what top-k left, renormalised.

    Null hypothesis: N = 4,000 rows are drawn from the filtered distribution, for each of three settings; any other order
    keeps another number of tokens in one of them.
    """
    for tau, k, p in ((0.5, 3, 0.75), (2.0, 4, 0.6), (0.5, None, 0.6)):
        logits = shuffled([0.30, 0.25, 0.20, 0.15, 0.07, 0.03], rng)
        follows(samplers, logits, rng, f"sample with tau={tau}, k={k}, p={p}", tau, k, p)


@check(task="samplers", group="property", examples=12)
@given(case=nucleus_cases(), k=st.integers(1, 5), seed=seeds)
def test_token_order_is_irrelevant(samplers: Samplers, case: NucleusCase, k: int, seed: int) -> None:
    """Renumbering the tokens renumbers what is kept, and nothing else."""
    V = case.logits.shape[-1]
    order = torch.randperm(V, generator=generator(seed))
    for name, option in (("top_k", min(k, V)), ("top_p", case.p)):
        filtered = getattr(samplers, name)
        before = require_tensor(filtered(case.logits, option), name, tuple(case.logits.shape), torch.float32)
        what = f"{name}, {option}, after the tokens were put in the order {order.tolist()}"
        assert_filtered(filtered(case.logits[:, order], option), before[:, order].double(), what)


@check(task="samplers", group="property", examples=12)
@given(case=nucleus_cases(min_batch=2), k=st.integers(1, 5))
def test_rows_are_independent(samplers: Samplers, case: NucleusCase, k: int) -> None:
    """Each row is filtered on its own: the other rows of the batch do not matter."""
    for name, option in (("top_k", min(k, case.logits.shape[-1])), ("top_p", case.p), ("temperature", 0.7)):
        filtered = getattr(samplers, name)
        together = require_tensor(filtered(case.logits, option), name, tuple(case.logits.shape), torch.float32)
        for i in range(len(case.logits)):
            alone = require_tensor(
                filtered(case.logits[i : i + 1], option), name, (1, case.logits.shape[-1]), torch.float32
            )
            assert_filtered(
                together[i : i + 1], alone.double(), f"{name}, {option}, row {i} in the batch against alone"
            )


@check(task="samplers", group="property", examples=10)
@given(case=nucleus_cases(), shift=st.sampled_from([-20.0, 5.0, 40.0]), k=st.integers(1, 5))
def test_shift_invariance(samplers: Samplers, case: NucleusCase, shift: float, k: int) -> None:
    """Adding the same number to all logits changes nothing in which tokens are kept."""
    k = min(k, case.logits.shape[-1])
    shifted = case.logits + shift
    for name, option, kept in (
        ("top_k", k, oracle.top_k(case.logits, k)),
        ("top_p", case.p, oracle.top_p(case.logits, case.p)),
    ):
        expected = shifted.double().masked_fill(kept == -torch.inf, -torch.inf)
        assert_filtered(getattr(samplers, name)(shifted, option), expected, f"{name}, {option}, of logits + {shift:g}")


@check(task="samplers", group="property", requires=("any_axes",), examples=12)
@given(case=nucleus_cases(any_axes=True), k=st.integers(1, 5))
def test_any_leading_axes(samplers: Samplers, case: NucleusCase, k: int) -> None:
    """The filters take logits (V,) and (B, T, V) too, and treat each row on its own."""
    k, p = min(k, case.logits.shape[-1]), case.p
    assert_filtered(
        samplers.temperature(case.logits, 0.7), oracle.temperature(case.logits, 0.7), "temperature, tau=0.7"
    )
    assert_filtered(samplers.top_k(case.logits, k), oracle.top_k(case.logits, k), f"top_k, k={k}")
    assert_filtered(samplers.top_p(case.logits, p), oracle.top_p(case.logits, p), f"top_p, p={p}")


@check(task="samplers", group="property")
def test_rows_are_drawn_independently(samplers: Samplers, rng: random.Random) -> None:
    """The rows of a batch are drawn independently of each other, and so are calls in a row.

    Null hypothesis: neighbouring rows, and the same row in two calls, are independent. 2,000 pairs each of four equally
    likely tokens: 125 expected in each of 16 cells.
    """
    n_pairs = 2000
    uniform = torch.full((4,), 0.25, dtype=torch.float64)
    values = samplers.sample(torch.zeros(n_pairs, 4), seed=rng.getrandbits(32), calls=3)
    first, second, third = (drawn(value, n_pairs) for value in values)
    even, odd = torch.cat([first, third]).view(-1, 2).unbind(dim=1)  # neighbours, n_pairs of them
    frequencies.assert_independent(even, odd, uniform, "Neighbouring rows of a batch")
    frequencies.assert_independent(first, second, uniform, "The same row in two calls in a row")


@check(task="samplers", group="invariance", examples=6)
@given(seed=seeds, other=seeds)
def test_generator_decides(samplers: Samplers, seed: int, other: int) -> None:
    """A generator in the same state gives the same tokens again, a generator in another state gives others."""
    logits = spread_logits((8, 50), generator(seed)) / 10
    first = [drawn(value, 8) for value in samplers.sample(logits, seed=seed, calls=3)]
    again = [drawn(value, 8) for value in samplers.sample(logits, seed=seed, calls=3)]
    for i, (tokens, expected) in enumerate(zip(again, first, strict=True)):
        assert_equal(tokens, expected, f"the tokens of call {i + 1} with a generator seeded alike")
    # by chance alike with probability below 1e-8: 8 rows of 50 tokens, the likeliest of which has less than a tenth
    assert_true(
        not torch.equal(first[0], first[1]),
        "Two calls in a row with one generator give the same tokens: it must move on.",
    )
    if other != seed:
        elsewhere = drawn(samplers.sample(logits, seed=other)[0], 8)
        assert_true(not torch.equal(elsewhere, first[0]), "Generators with different seeds give the same tokens.")


@check(task="samplers", group="invariance", examples=6)
@given(seed=seeds, global_seeds=st.lists(seeds, min_size=2, max_size=2, unique=True))
def test_only_source_of_randomness(samplers: Samplers, seed: int, global_seeds: list[int]) -> None:
    """With a generator, torch's global random state has no influence on the tokens."""
    logits = spread_logits((8, 50), generator(seed)) / 10
    first, second = (drawn(samplers.sample_beside_global(logits, seed, each), 8) for each in global_seeds)
    assert_equal(second, first, "the tokens after the global random state was seeded differently")


@check(task="samplers", group="invariance", examples=8)
@given(case=nucleus_cases(), tau=st.sampled_from([0.5, 2.0]))
def test_leaves_logits_alone(samplers: Samplers, case: NucleusCase, tau: float) -> None:
    """The logits are the same after the call as before, for all four functions."""
    for name, option in (("temperature", tau), ("top_k", 1), ("top_p", case.p), ("sample", tau)):
        assert_equal(
            samplers.inputs_after(name, case.logits, option), case.logits, f"the logits after a call of {name}"
        )


@check(task="samplers", group="invariance", requires=("any_dtype",), examples=6)
@given(case=nucleus_cases())
def test_keeps_dtype(samplers: Samplers, case: NucleusCase) -> None:
    """The filters return float64 for float64 logits."""
    logits, p, double = case.logits.double(), case.p, torch.float64
    assert_filtered(samplers.temperature(logits, 0.7), oracle.temperature(logits, 0.7), "temperature, float64", double)
    assert_filtered(samplers.top_k(logits, 2), oracle.top_k(logits, 2), "top_k, float64", double)
    assert_filtered(samplers.top_p(logits, p), oracle.top_p(logits, p), "top_p, float64", double)


@check(task="samplers", group="robustness", examples=8)
@given(case=logits_cases(), seed=seeds)
def test_tiny_temperature(samplers: Samplers, case: LogitsCase, seed: int) -> None:
    """sample with tau = 0.0001 takes the largest logit of each row, without NaN."""
    for got in samplers.sample(case.logits, tau=1e-4, seed=seed, calls=3):
        tokens = drawn(got, len(case.logits))
        assert_equal(tokens, case.logits.argmax(dim=-1), "the tokens drawn with tau=0.0001")


@check(task="samplers", group="robustness", examples=8)
@given(case=logits_cases(), seed=seeds)
def test_greedy(samplers: Samplers, case: LogitsCase, seed: int) -> None:
    """sample with k = 1, or with a tiny p, is greedy: it takes the largest logit of each row."""
    largest = case.logits.argmax(dim=-1)
    for options in ({"k": 1}, {"p": 1e-6}):
        for got in samplers.sample(case.logits, tau=1.3, seed=seed, calls=3, **options):
            assert_equal(drawn(got, len(case.logits)), largest, f"the tokens drawn with {options}")


@check(task="samplers", group="robustness", examples=8)
@given(case=logits_cases(), seed=seeds, height=st.sampled_from([1e4, -1e4]))
def test_large_logits(samplers: Samplers, case: LogitsCase, seed: int, height: float) -> None:
    """Logits around ±10,000 work: what matters is how they differ."""
    rng = generator(seed)
    logits = (case.logits * 64).round() / 64 + height  # exact at this size
    p = clear_p(logits, rng)
    assert_filtered(samplers.top_p(logits, p), oracle.top_p(logits, p), f"top_p, p={p}, of logits around {height:g}")
    certain = logits.clone()
    largest = torch.randint(logits.shape[-1], (len(logits), 1), generator=rng)
    certain.scatter_(-1, largest, height + 1000)
    got = drawn(samplers.sample(certain, seed=seed)[0], len(logits))
    assert_equal(got, largest[:, 0], f"the tokens drawn from logits around {height:g}, one of which is 1000 larger")


@check(task="samplers", group="robustness", requires=("refuses",))
def test_refuses(samplers: Samplers, rng: object) -> None:
    """Options out of their range, and logits of sample that are not (B, V), raise an error."""
    logits = torch.tensor([[2.0, -1.0, 0.5, 1.0]])
    calls: dict[str, Callable[[], Any]] = {
        "temperature with tau=0": lambda: samplers.temperature(logits, 0.0),
        "temperature with tau=-1": lambda: samplers.temperature(logits, -1.0),
        "top_k with k=0": lambda: samplers.top_k(logits, 0),
        "top_p with p=0": lambda: samplers.top_p(logits, 0.0),
        "top_p with p=1.5": lambda: samplers.top_p(logits, 1.5),
        "sample with tau=0": lambda: samplers.sample(logits, tau=0.0),
        "sample with k=0": lambda: samplers.sample(logits, k=0),
        "sample with p=1.5": lambda: samplers.sample(logits, p=1.5),
        "sample with logits of shape (V,)": lambda: samplers.sample(logits[0]),
    }
    for what, call in calls.items():
        try:
            got = call()
        except StudentError as error:
            if error.facts.get("type") == "NotImplementedError":
                raise
            continue
        raise CheckFailed(f"{what} must raise a ValueError; it returned {describe(got)}.")
