"""Checks of the task generate (docs/core.md).

The model is `sandbox/window_model.py`: each logit depends on every token of the window and on their order. Most cases use
one that is certain of each next token, so that any sampler must choose it: what is judged is the loop around the sampler.
"""

import random
from typing import Any

import torch
from hypothesis import given
from hypothesis.strategies import SearchStrategy
from torch import Tensor

from . import frequencies
from .check import check
from .compare import assert_equal, assert_true, describe, require_tensor, show
from .oracles.generate import next_token
from .strategies import seeds
from .strategies.generate import GenerateCase, generate_cases
from .tasks import Generate, ModelSpec
from .verdict import CheckFailed

N_STEPS = 800  # tokens of a chain
N_ROWS = 2000  # prompts of a batch


def unsure_cases() -> SearchStrategy[GenerateCase]:
    """Cases whose model is not certain; a lead of 0.01 is one of 100 nats at tau = 0.0001."""
    return generate_cases(spread=4.0, least=0.01)


def same(got: Tensor, expected: Tensor, what: str) -> None:
    """Require the same tokens, and show where they part."""
    wrong = (got != expected).nonzero()
    if len(wrong):
        row, place = wrong[0].tolist()
        raise CheckFailed(
            f"{what}: row {row} is wrong from place {place} on.\n  expected: {show(expected)}\n  got:      {show(got)}"
        )


def text_of(got: Any, ids: Tensor, n_new_tokens: int) -> Tensor:
    """The text: (B, T + n_new_tokens) int64."""
    B, T = ids.shape
    return require_tensor(
        got, f"The text of {T} given and {n_new_tokens} new tokens", (B, T + n_new_tokens), torch.int64
    )


def is_right(generate: Generate, case: GenerateCase, how: str = "", **options: Any) -> None:
    """The text is the one in which the largest logit always wins."""
    got = text_of(generate(case.model, case.ids, case.n_new_tokens, **options), case.ids, case.n_new_tokens)
    T, limit = case.ids.shape[1], case.model.block_size
    window = "the whole text" if limit is None else f"the last {limit} tokens"
    what = f"The text{how} ({T} tokens given, {case.n_new_tokens} new, each the likeliest after {window} before it)"
    same(got, case.expected, what)


@check(task="generate", group="interface")
def test_interface(generate: Generate, rng: object) -> None:
    """generate can be called with a model, a prompt and a number of new tokens."""
    generate(ModelSpec(7, 8, seed=1), torch.tensor([[1, 5, 2]]), 2)


# an easy case: a missing crop or a weak softmax is another check's matter
@check(task="generate", group="shape", examples=8)
@given(case=generate_cases(within=True, spread=4.0, least=0.0))
def test_shapes(generate: Generate, case: GenerateCase) -> None:
    """The text is an int64 tensor with T + n_new_tokens tokens for each prompt."""
    text_of(generate(case.model, case.ids, case.n_new_tokens), case.ids, case.n_new_tokens)


@check(task="generate", group="agreement", examples=25)
@given(case=generate_cases())
def test_agrees_with_reference(generate: Generate, case: GenerateCase) -> None:
    """Each token follows from the logits at the last position of the last block_size tokens, past the block size too."""
    is_right(generate, case)


@check(task="generate", group="agreement", requires=("batch",), examples=15)
@given(case=generate_cases(batch=True))
def test_batches(generate: Generate, case: GenerateCase) -> None:
    """Each prompt of a batch is continued on its own."""
    is_right(generate, case)


@check(task="generate", group="agreement", requires=("unlimited",), examples=10)
@given(case=generate_cases(unlimited=True))
def test_model_without_block_size(generate: Generate, case: GenerateCase) -> None:
    """A model without the attribute block_size sees the whole text at each step."""
    is_right(generate, case)


@check(task="generate", group="agreement", requires=("tuple_output",), examples=8)
@given(case=generate_cases(as_tuple=True))
def test_model_that_returns_a_tuple(generate: Generate, case: GenerateCase) -> None:
    """A model may return a tuple whose first item is the logits."""
    is_right(generate, case)


@check(task="generate", group="property", examples=10)
@given(case=generate_cases(long_prompt=True))
def test_keeps_the_prompt(generate: Generate, case: GenerateCase) -> None:
    """The text begins with the prompt, and a prompt longer than block_size stays whole although the model sees its end only."""
    got = text_of(generate(case.model, case.ids, case.n_new_tokens), case.ids, case.n_new_tokens)
    T, limit = case.ids.shape[1], case.model.block_size
    same(got[:, :T], case.ids, f"The first {T} tokens of the text, which must be the prompt (block_size {limit})")
    is_right(generate, case)


@check(task="generate", group="property", requires=("zero_tokens",), examples=5)
@given(case=generate_cases())
def test_no_new_tokens(generate: Generate, case: GenerateCase) -> None:
    """With n_new_tokens = 0 the text is the prompt."""
    same(text_of(generate(case.model, case.ids, 0), case.ids, 0), case.ids, "The text without a new token")


@check(task="generate", group="property", requires=("top_k",), examples=10)
@given(case=unsure_cases(), seed=seeds)
def test_greedy(generate: Generate, case: GenerateCase, seed: int) -> None:
    """With k = 1 the largest logit always wins."""
    is_right(generate, case, " with k=1", k=1, seed=seed)


@check(task="generate", group="property")
def test_frequencies(generate: Generate, rng: random.Random) -> None:
    """Tokens are drawn as often as softmax(logits / tau) says, at a low and at a high temperature, and at 1 by default.

    Null hypothesis: with block_size 1 the text is a Markov chain whose steps from each of the three tokens have this
    distribution. One chain of N = 800 steps for each of three temperatures.
    """
    for tau in (0.4, 2.5, 1.0):
        model = chain_model(rng, 0.4 if tau == 1.0 else tau)
        ids = torch.tensor([[rng.randrange(3)]])
        text = text_of(generate(model, ids, N_STEPS, tau=tau, seed=rng.getrandbits(32)), ids, N_STEPS)[0]
        for token in range(3):
            after = text[1:][text[:-1] == token]
            expected = next_token(model, torch.tensor([[token]]), tau)[0]
            what = f"The tokens after token {token} in a text of {N_STEPS}, tau={tau}"
            frequencies.assert_frequencies(after, expected, what)


def chain_model(rng: random.Random, tau: float) -> ModelSpec:
    """A model of three tokens that sees one of them, with a fifth of the mass elsewhere than at tau = 1."""
    states = torch.arange(3)[:, None]
    while True:
        model = ModelSpec(3, 1, rng.getrandbits(20), spread=1.5)
        moved = (next_token(model, states, tau) - next_token(model, states)).abs().sum(dim=-1) / 2
        if moved.min() > 0.2:
            return model


@check(task="generate", group="property", requires=("batch",))
def test_rows_are_drawn_independently(generate: Generate, rng: random.Random) -> None:
    """Equal prompts in a batch are continued by independent draws.

    Null hypothesis: N = 2,000 rows with one prompt draw their next tokens independently from the model's distribution,
    which is uniform over three tokens: 111 pairs of neighbours expected in each cell.
    """
    model = ModelSpec(3, 4, rng.getrandbits(20), spread=0.0)
    ids = torch.tensor([[1, 0]]).expand(N_ROWS, -1).contiguous()
    text = text_of(generate(model, ids, 1, seed=rng.getrandbits(32)), ids, 1)
    uniform = torch.full((3,), 1 / 3, dtype=torch.float64)
    even, odd = text[:, 2].view(-1, 2).unbind(dim=1)
    frequencies.assert_independent(even, odd, uniform, "The new tokens of neighbouring rows")


@check(task="generate", group="property", requires=("top_k", "batch"))
def test_top_k_is_passed_on(generate: Generate, rng: random.Random) -> None:
    """With k only the k most probable tokens are drawn, renormalised.

    Null hypothesis: N = 2,000 rows with one prompt draw from the filtered distribution.
    """
    model, ids = uneven_model(rng)
    k, tau = 3, 1.5
    text = text_of(generate(model, ids, 1, tau, k, seed=rng.getrandbits(32)), ids, 1)
    frequencies.assert_frequencies(
        text[:, -1], next_token(model, ids[:1], tau, k)[0], f"The next tokens with k={k}, tau={tau}"
    )


@check(task="generate", group="property", requires=("top_p", "batch"))
def test_top_p_is_passed_on(generate: Generate, rng: random.Random) -> None:
    """With p only the nucleus is drawn from, renormalised.

    Null hypothesis: N = 2,000 rows with one prompt draw from the filtered distribution.
    """
    model, ids = uneven_model(rng)
    p = 0.9
    text = text_of(generate(model, ids, 1, p=p, seed=rng.getrandbits(32)), ids, 1)
    frequencies.assert_frequencies(text[:, -1], next_token(model, ids[:1], p=p)[0], f"The next tokens with p={p}")


def uneven_model(rng: random.Random) -> tuple[ModelSpec, Tensor]:
    """A model and N_ROWS times a prompt, such that k = 3 and p = 0.9 each leave out a good share, far from p's border."""
    ids = torch.tensor([[2, 0, 4]])
    while True:
        model = ModelSpec(8, 4, rng.getrandbits(20), spread=1.5)
        shares = next_token(model, ids)[0].sort(descending=True).values
        sums = shares.cumsum(dim=0)
        inside = sums[sums >= 0.9][0]  # of the nucleus
        if shares[2] - shares[3] > 0.02 and sums[2] < 0.88 and 0.92 < inside < 0.95 and (sums - 0.9).abs().min() > 0.01:
            return model, ids.expand(N_ROWS, -1).contiguous()


@check(task="generate", group="invariance", examples=5)
@given(case=generate_cases(spread=0.5, least=0.0), seed=seeds)
def test_seeds_decide(generate: Generate, case: GenerateCase, seed: int) -> None:
    """The same random state gives the same text again, another one gives another text."""
    n = 40
    first, again, other = (
        text_of(generate(case.model, case.ids, n, seed=each), case.ids, n) for each in (seed, seed, seed ^ 1)
    )
    same(again, first, "The text of a second call with the random state of the first")
    # alike by chance with probability below 0.6^40 < 1e-8: no token of three or more is likelier than 0.6
    assert_true(not torch.equal(other, first), "Two different random states give the same text of 40 new tokens.")


@check(task="generate", group="invariance", requires=("ids_argument",), examples=8)
@given(case=generate_cases())
def test_leaves_ids_alone(generate: Generate, case: GenerateCase) -> None:
    """The prompt is the same after the call as before."""
    assert_equal(generate.ids_after(case.model, case.ids, case.n_new_tokens), case.ids, "ids after the call")


@check(task="generate", group="invariance", requires=("keeps_mode",))
def test_keeps_mode(generate: Generate, rng: object) -> None:
    """A model in train mode is in train mode after the call, one in eval mode in eval mode."""
    for training in (True, False):
        got = generate.mode_after(ModelSpec(7, 8, seed=1), torch.tensor([[1, 5, 2]]), training)
        mode = {True: "train", False: "eval"}
        now = mode[got] if isinstance(got, bool) else describe(got)
        assert_true(
            got is training, f"The model was in {mode[training]} mode before the call; afterwards it is in: {now}."
        )


@check(task="generate", group="invariance", requires=("no_graph",))
def test_builds_no_graph(generate: Generate, rng: object) -> None:
    """Generation builds no graph for gradients."""
    got = generate.requires_grad(ModelSpec(7, 8, seed=1), torch.tensor([[1, 5, 2]]))
    assert_true(
        got is False,
        "The model was called with gradients switched on: the graph of every step is kept, which costs memory. Use "
        "torch.no_grad() or torch.inference_mode().",
    )


@check(task="generate", group="robustness", examples=6)
@given(case=unsure_cases(), seed=seeds)
def test_tiny_temperature(generate: Generate, case: GenerateCase, seed: int) -> None:
    """With tau = 0.0001 the largest logit always wins, without NaN."""
    is_right(generate, case, " with tau=0.0001", tau=1e-4, seed=seed)


@check(task="generate", group="robustness", examples=6)
@given(first=generate_cases(), second=generate_cases())
def test_calls_are_independent(generate: Generate, first: GenerateCase, second: GenerateCase) -> None:
    """Calls with other models and prompts in between do not disturb each other."""
    for case in (first, second, first):
        is_right(generate, case)
