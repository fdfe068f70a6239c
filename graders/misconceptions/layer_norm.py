"""Misconceptions of layer normalisation."""

import random
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..strategies import generator
from ..tasks import LayerNorm
from ..verdict import Misconception
from .bank import Asked, Bank, Probe

_EPS = 1e-5


@dataclass(frozen=True)
class Inputs:
    """Arguments of layer_norm in float64: x (B, T, d), gain and bias (d,)."""

    x: Tensor
    gain: Tensor
    bias: Tensor
    eps: float = _EPS


def _draw(rng: random.Random) -> tuple[Tensor, Tensor, Tensor, torch.Generator]:
    """x whose tokens differ in mean and spread, a gain of both signs and a bias; B, T and d are pairwise distinct."""
    noise = generator(rng.getrandbits(32))
    B, T, d = 2, rng.choice([3, 4]), rng.choice([5, 6, 7])
    spread = 1.5 + torch.rand(B, T, 1, generator=noise)
    x = spread * (torch.randn(B, T, d, generator=noise) + torch.randn(B, T, 1, generator=noise))
    gain, bias = torch.randn(2, d, generator=noise)
    return x, gain, bias, noise


def _ask(layer_norm: LayerNorm, rng: random.Random) -> Asked:
    """Tokens with a spread of more than 1, so that eps does not show."""
    x, gain, bias, _ = _draw(rng)
    got = layer_norm(x, gain, bias)
    return Asked(got, list(layer_norm.expected(x, gain, bias)), Inputs(x.double(), gain.double(), bias.double()))


def _ask_with_eps(layer_norm: LayerNorm, rng: random.Random) -> Asked:
    """An eps that shows, and tokens of which some are small."""
    x, gain, bias, noise = _draw(rng)
    eps = rng.choice([0.05, 0.1, 0.3])
    x = x * torch.tensor([0.05, 0.2, 1.0])[torch.randint(3, (*x.shape[:-1], 1), generator=noise)]
    x[0, 0] *= 0.2 / x[0, 0].std()  # one token at least
    got = layer_norm(x, gain, bias, eps)
    facts = Inputs(x.double(), gain.double(), bias.double(), eps)
    return Asked(got, list(layer_norm.expected(x, gain, bias, eps)), facts)


def _over(*axes: int, correction: int = 0) -> Callable[[Inputs], Tensor]:
    """Mean and variance over some axes of x."""

    def answer(inputs: Inputs) -> Tensor:
        mean = inputs.x.mean(axes, keepdim=True)
        variance = inputs.x.var(axes, keepdim=True, correction=correction)
        return (inputs.x - mean) / (variance + inputs.eps).sqrt() * inputs.gain + inputs.bias

    return answer


def _divided(inputs: Inputs, denominator: Callable[[Tensor], Tensor]) -> Tensor:
    """The centred x over something that is made of the variance (B, T, 1)."""
    centred = inputs.x - inputs.x.mean(-1, keepdim=True)
    return centred / denominator(centred.square().mean(-1, keepdim=True)) * inputs.gain + inputs.bias


def _without_centring(inputs: Inputs) -> Tensor:
    mean_square = inputs.x.square().mean(-1, keepdim=True)
    return inputs.x / (mean_square + inputs.eps).sqrt() * inputs.gain + inputs.bias


def _bias_inside(inputs: Inputs) -> Tensor:
    return _divided(inputs, lambda variance: (variance + inputs.eps).sqrt()) + inputs.bias * (inputs.gain - 1)


BANK = Bank(
    "layer_norm",
    (
        Probe(
            _ask,
            {
                Misconception(
                    "unbiased_variance",
                    "Your variance is divided by d − 1, as torch.var and torch.std do it by default; here the sum of squares "
                    "is divided by d.",
                    "Look up what the function that you take the variance with divides by when you do not tell it.",
                ): _over(-1, correction=1),
                Misconception(
                    "divides_by_variance",
                    "You divide x − mean by variance + eps; the formula divides by its root, √(variance + eps).",
                    "Think of x in metres: the result must have no unit, so look at the unit of what you divide by.",
                ): lambda inputs: _divided(inputs, lambda variance: variance + inputs.eps),
                Misconception(
                    "over_the_tokens",
                    "Your mean and variance are taken over the tokens of a sequence; layer norm takes them over the d "
                    "features of each token.",
                    "Which axis of x holds the features? A token's result must not change when another token does.",
                ): _over(-2),
                Misconception(
                    "over_the_batch",
                    "Your mean and variance are taken over the batch, as in batch norm; layer norm takes them over the d "
                    "features of each token.",
                    "Which axis of x holds the features? A sequence must give the same alone and in a batch.",
                ): _over(0),
                Misconception(
                    "over_everything",
                    "You take one mean and one variance over all numbers of x; layer norm takes them for each token, over its "
                    "d features.",
                    "Print the shape of your mean, and count how many numbers it should hold for x of shape (B, T, d).",
                ): _over(0, 1, 2),
                Misconception(
                    "no_centring",
                    "You divide x by the root of its mean square, which is RMS norm; layer norm subtracts the mean first, "
                    "above the fraction and in the variance.",
                    "Add the same number to all features of a token: its result should stay as it is.",
                ): _without_centring,
                Misconception(
                    "gain_times_bias",
                    "You multiply the sum of normalised x and bias by the gain; the formula multiplies first: "
                    "normalised x · gain + bias.",
                    "Look at the order in which gain and bias are applied.",
                ): _bias_inside,
            },
        ),
        Probe(
            _ask_with_eps,
            {
                Misconception(
                    "eps_outside_the_root",
                    "You add eps to the standard deviation, √variance + eps; the formula adds it to the variance: "
                    "√(variance + eps).",
                    "Look at what stands under the root, and at what happens first.",
                ): lambda inputs: _divided(inputs, lambda variance: variance.sqrt() + inputs.eps),
                Misconception(
                    "eps_ignored",
                    "Your result is that of eps = 1e-5 whatever eps is given; the formula has the argument: √(variance + eps).",
                    "Call your function with eps = 1 and with eps = 1e-5, and compare.",
                ): lambda inputs: _divided(inputs, lambda variance: (variance + _EPS).sqrt()),
            },
            requires=frozenset({"eps"}),
        ),
    ),
)
