"""The bodies of the sampling checks, on samplers whose faults are known."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from graders.tasks import TextModelSpec
from graders.text_sampling import (
    N,
    best_chain,
    fitting_temperature,
    follows_the_chain,
    some_temperature_fits,
    spec_of_a_chain,
    temperature_is_obeyed,
)
from graders.verdict import CheckFailed
from sandbox.text_model import WORDS, logits_of

ROWS = torch.tensor([[1.6, 1.1, 0.8, 0.5, 0.2, -0.3, -0.7], [-0.7, 0.8, 1.6, 0.2, 1.1, -0.3, 0.5]])


@dataclass
class Sampler:
    """Draws in this process; `probabilities` of the logits and a temperature."""

    probabilities: Callable[[Tensor, float], Tensor]
    takes_tau: bool = True
    takes_p: bool = False
    window: int | None = None

    def __call__(
        self, model: TextModelSpec, start: Sequence[int], n_new_tokens: int, tau: float = 1.0, p: float = 0.9
    ) -> list[int]:
        rng, ids = torch.Generator().manual_seed(3), list(start)
        for _ in range(n_new_tokens):
            window = torch.tensor([ids[-(self.window or model.max_tokens) :]])
            logits = logits_of(window, model.rows, model.seed)[0, -1]
            ids.append(int(torch.multinomial(self.probabilities(logits, tau), 1, generator=rng)))
        return ids[len(start) :]


RIGHT = Sampler(lambda logits, tau: (logits / tau).softmax(-1))


def test_the_right_sampler_passes() -> None:
    """Protects right solutions, with a temperature that is given and with one that is not known."""
    for tau in (0.5, 1.0, 2.0):
        temperature_is_obeyed(RIGHT, ROWS, tau, "The tokens")
        some_temperature_fits(Sampler(lambda logits, _, tau=tau: (logits / tau).softmax(-1)), ROWS, "The tokens")
    follows_the_chain(RIGHT, [0, 3], 6, 1)
    follows_the_chain(RIGHT, [0, 3], 8, 1, max_tokens=5)


@pytest.mark.parametrize(
    ("probabilities", "hint"),
    [
        (
            lambda logits, tau: (logits * tau).softmax(-1),
            "A temperature of 0.5 was asked for; the tokens come as with one",
        ),
        (lambda logits, tau: logits.softmax(-1), "The logits are divided by it, before the softmax."),
        (lambda logits, tau: (1000 * logits).softmax(-1), "The most probable token is taken each time"),
        (lambda logits, tau: (0 * logits).softmax(-1)[: len(WORDS)], "All tokens come equally often"),
    ],
    ids=["multiplied", "ignored", "greedy", "uniform"],
)
def test_wrong_temperatures_are_named(probabilities: Callable[[Tensor, float], Tensor], hint: str) -> None:
    """Protects the message: what was done in place of a division shows in the frequencies."""
    with pytest.raises(CheckFailed, match=hint):
        temperature_is_obeyed(Sampler(probabilities), ROWS, 0.5, "The tokens")


@pytest.mark.parametrize(
    "probabilities",
    [lambda logits, _: (1000 * logits).softmax(-1), lambda logits, _: logits[: len(WORDS)].clamp(min=0) + 0.01],
    ids=["greedy", "no softmax"],
)
def test_no_temperature_fits(probabilities: Callable[[Tensor, float], Tensor]) -> None:
    """Protects fixed temperatures: greedy is none, and other distributions are no softmax at any."""
    with pytest.raises(CheckFailed):
        some_temperature_fits(Sampler(probabilities, takes_tau=False), ROWS, "The tokens")


def test_a_window_of_one_token_is_noticed() -> None:
    """Protects the whole text: who feeds the last token alone gets other logits."""
    with pytest.raises(CheckFailed, match="is the first that is wrong"):
        follows_the_chain(Sampler(RIGHT.probabilities, window=1), [0, 3], 4, 1)


def test_the_estimate_is_near() -> None:
    """Protects the hint's number: within 15 % of the temperature that was used."""
    for tau in (0.3, 1.0, 3.0):
        drawn = RIGHT(TextModelSpec(rows=ROWS), [0, 1], N, tau)
        assert abs(fitting_temperature(ROWS, 1, drawn) / tau - 1) < 0.15


def test_chains_are_certain() -> None:
    """Protects from false alarms: at a temperature of 2 another token has a probability below 1e-12."""
    model = spec_of_a_chain([2], 6, 9)
    ids = [2, *best_chain(model, [2], 6)]
    for t in range(1, 7):
        top = logits_of(torch.tensor([ids[:t]]), None, model.seed)[0, -1].topk(2).values
        assert top[0] - top[1] >= 60
