"""Checks of the task temperature_sampling: a text is continued token by token, by a language model and a tokenizer.

Where tokens are drawn, the null hypothesis is that each comes with the stated probability, independently of the others
before its predecessor; N = 1,600 tokens, error rate as in `frequencies`. The worker's random state is fixed.
"""

import random

import hypothesis.strategies as st
import torch
from hypothesis import given

from sandbox.text_model import WORDS

from .check import check
from .strategies import seeds
from .tasks import TextSampling
from .text_sampling import follows_the_chain, shuffled, some_temperature_fits, spec_of_a_chain, temperature_is_obeyed

_LOGITS = (1.6, 1.1, 0.8, 0.5, 0.2, -0.3, -0.7)

starts = st.lists(st.integers(0, len(WORDS) - 1), min_size=1, max_size=4)


@check(task="temperature_sampling", group="interface")
def test_interface(sampling: TextSampling, rng: object) -> None:
    """The function generate can be taken from the notebook and called: model, tokenizer, start, number of tokens, device."""
    sampling(spec_of_a_chain([0, 3], 1, 1), [0, 3], 1)


@check(task="temperature_sampling", group="shape", examples=8)
@given(start=starts, n_new_tokens=st.integers(1, 6))
def test_shapes(sampling: TextSampling, start: list[int], n_new_tokens: int) -> None:
    """As many new tokens come as are asked for, several if it is several, with the start in front of them or without it."""
    sampling(spec_of_a_chain(start, n_new_tokens, 5), start, n_new_tokens)


@check(task="temperature_sampling", group="agreement")
def test_draws_agree(sampling: TextSampling, rng: random.Random) -> None:
    """Each token is drawn with the probabilities softmax(logits / temperature), for one fixed temperature or any."""
    rows = torch.cat([shuffled(_LOGITS, rng), shuffled(_LOGITS, rng)]) + 1.5
    if sampling.takes_tau:
        temperature_is_obeyed(sampling, rows, 1.0, "The new tokens, with a temperature of 1")
    else:
        some_temperature_fits(sampling, rows, "The new tokens")


@check(task="temperature_sampling", group="agreement")
def test_temperature_is_used(sampling: TextSampling, rng: random.Random) -> None:
    """A temperature below 1 makes likely tokens likelier, one above 1 makes the choice more even, as the formula says."""
    if not sampling.takes_tau:  # it stands in the code, and other logits must follow it as well
        some_temperature_fits(sampling, 2 * shuffled(_LOGITS, rng), "The new tokens")
        return
    for tau in (0.5, 2.0):
        rows = torch.cat([shuffled(_LOGITS, rng), shuffled(_LOGITS, rng)])
        temperature_is_obeyed(sampling, rows, tau, f"The new tokens, with a temperature of {tau:g}")


@check(task="temperature_sampling", group="property", examples=12)
@given(start=starts, n_new_tokens=st.integers(2, 6), seed=seeds)
def test_each_token_follows_the_whole_text(
    sampling: TextSampling, start: list[int], n_new_tokens: int, seed: int
) -> None:
    """Each new token is drawn from the logits at the last position, given the start and all new tokens so far."""
    follows_the_chain(sampling, start, n_new_tokens, seed)


@check(task="temperature_sampling", group="robustness", examples=6)
@given(start=starts, seed=seeds)
def test_past_the_context_length(sampling: TextSampling, start: list[int], seed: int) -> None:
    """A text that grows longer than the model's context is continued from its last tokens."""
    follows_the_chain(sampling, start, 8, seed, max_tokens=5)
