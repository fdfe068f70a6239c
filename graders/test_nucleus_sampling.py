"""Checks of the task nucleus_sampling: as temperature_sampling, but each token comes from the nucleus of p = 0.9.

Where tokens are drawn, the null hypothesis is that each comes with its probability in the renormalised nucleus; N = 1,600
tokens, error rate as in `frequencies`. The worker's random state is fixed.
"""

import random

import hypothesis.strategies as st
import torch
from hypothesis import given
from torch import Tensor

from sandbox.text_model import WORDS

from .check import check
from .compare import assert_true
from .oracles.samplers import distribution
from .strategies import seeds
from .tasks import TextSampling
from .text_sampling import are_drawn, follows_the_chain, shuffled, spec_of_a_chain

# the sums are far from 0.9 and from 0.5: 0.65 and 0.85, 0.95; 0.56 and 0.87, 0.94
_SHARES = ((0.4, 0.25, 0.2, 0.1, 0.03, 0.01, 0.01), (0.3, 0.26, 0.14, 0.1, 0.07, 0.07, 0.06))
_ONE = (0.94, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01)

starts = st.lists(st.integers(0, len(WORDS) - 1), min_size=1, max_size=4)


def rows_of(shares: tuple[tuple[float, ...], ...], rng: random.Random) -> Tensor:
    """Logits (2, number of words) in random order; even and odd tokens are among the two most probable ones of each row."""
    while True:
        rows = torch.cat([shuffled(each, rng) for each in shares])
        if all(len({i % 2 for i in row.topk(2).indices.tolist()}) == 2 for row in rows):
            return rows.log() + 0.7


def draws_agree(sampling: TextSampling, rows: Tensor, p: float) -> None:
    """Tokens are drawn from the nucleus, renormalised."""
    probabilities = torch.stack([distribution(row, 1.0, None, p) for row in rows])
    are_drawn(sampling, rows, probabilities, 1.0, p, f"The new tokens, with p = {p:g}")


@check(task="nucleus_sampling", group="interface")
def test_interface(sampling: TextSampling, rng: object) -> None:
    """The function nucleus_sampling_generate can be taken from the notebook and called as generate is."""
    sampling(spec_of_a_chain([0, 3], 1, 1), [0, 3], 1)


@check(task="nucleus_sampling", group="shape", examples=8)
@given(start=starts, n_new_tokens=st.integers(1, 6))
def test_shapes(sampling: TextSampling, start: list[int], n_new_tokens: int) -> None:
    """As many new tokens come from nucleus sampling as are asked for, with the start in front of them or without it."""
    sampling(spec_of_a_chain(start, n_new_tokens, 5), start, n_new_tokens)


@check(task="nucleus_sampling", group="agreement")
def test_draws_agree(sampling: TextSampling, rng: random.Random) -> None:
    """With p = 0.9 only the nucleus is drawn from, with its probabilities renormalised; the token that reaches p is in it."""
    for _ in range(2):
        draws_agree(sampling, rows_of(_SHARES, rng), 0.9)


@check(task="nucleus_sampling", group="agreement")
def test_a_single_token_can_be_the_nucleus(sampling: TextSampling, rng: random.Random) -> None:
    """A token of probability 0.94 alone is the nucleus of p = 0.9: it is drawn always, and there is no error."""
    rows = shuffled(_ONE, rng).log()
    expected = int(rows[0].argmax())
    drawn = are_drawn(sampling, rows, distribution(rows[0], 1.0, None, 0.9)[None], 1.0, 0.9, "The new tokens", 60)
    assert_true(set(drawn) == {expected}, "Another token than the only one of the nucleus was drawn.")


@check(task="nucleus_sampling", group="agreement")
def test_p_is_used(sampling: TextSampling, rng: random.Random) -> None:
    """Where p is an argument or a name of the notebook's, another p gives another nucleus."""
    draws_agree(sampling, rows_of(_SHARES, rng), 0.5 if sampling.takes_p else 0.9)


@check(task="nucleus_sampling", group="property", examples=12)
@given(start=starts, n_new_tokens=st.integers(2, 6), seed=seeds)
def test_each_token_follows_the_whole_text(
    sampling: TextSampling, start: list[int], n_new_tokens: int, seed: int
) -> None:
    """Each new token comes from the nucleus at the last position, given the start and all new tokens so far."""
    follows_the_chain(sampling, start, n_new_tokens, seed)


@check(task="nucleus_sampling", group="robustness", examples=6)
@given(start=starts, seed=seeds)
def test_past_the_context_length(sampling: TextSampling, start: list[int], seed: int) -> None:
    """Nucleus sampling continues a text that grows longer than the model's context from its last tokens."""
    follows_the_chain(sampling, start, 8, seed, max_tokens=5)
