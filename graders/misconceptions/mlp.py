"""Misconceptions of the position-wise feed-forward network."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ..compare import require_tensor
from ..module_checks import ready
from ..strategies import generator
from ..strategies.mlp import mlp_weights
from ..tasks import Mlp, MlpSizes
from ..verdict import Misconception
from .bank import Asked, Bank, Probe

_P = 0.5


@dataclass(frozen=True)
class Facts:
    """The input, float64, and the weights that have arrived, by role."""

    x: Tensor
    weights: Mapping[str, Tensor]

    def up(self, x: Tensor) -> Tensor:
        """The first layer."""
        return self._linear("up", x)

    def down(self, hidden: Tensor) -> Tensor:
        """The second layer."""
        return self._linear("down", hidden)

    def _linear(self, role: str, x: Tensor) -> Tensor:
        bias = self.weights.get(f"{role}.bias")
        return F.linear(x, self.weights[f"{role}.weight"].double(), None if bias is None else bias.double())


@dataclass(frozen=True)
class Alike:
    """The value (1,) that all outputs have without dropout, and the second layer's bias in it, (1,)."""

    output: Tensor
    bias: Tensor


def _ask(mlp: Mlp, rng: random.Random) -> Asked:
    """Random tokens and weights, in eval mode."""
    noise = generator(rng.getrandbits(32))
    B, T, d_model = 2, 3, rng.choice([5, 6, 7])
    x = 1.5 * torch.randn(B, T, d_model, generator=noise)
    return _asked(mlp, MlpSizes(d_model, 4 * d_model), x, mlp_weights(d_model, 4 * d_model, noise))


def _ask_tails(mlp: Mlp, rng: random.Random) -> Asked:
    """Features of about −2 in the hidden layer, where approximations of GELU show; the second layer makes them large."""
    noise = generator(rng.getrandbits(32))
    B, T, d_model = 2, 3, rng.choice([5, 6, 7])
    x = 1 + 0.2 * torch.randn(B, T, d_model, generator=noise)
    weights = mlp_weights(d_model, 4 * d_model, noise)
    weights["up.weight"] = -2.2 / d_model * (1 + 0.2 * torch.randn(4 * d_model, d_model, generator=noise))
    weights["up.bias"] *= 0.4
    weights["down.weight"] *= 30
    return _asked(mlp, MlpSizes(d_model, 4 * d_model), x, weights)


def _asked(mlp: Mlp, sizes: MlpSizes, x: Tensor, weights: Mapping[str, Tensor]) -> Asked:
    module = ready(mlp.build(sizes), weights)
    return Asked(module(x), list(module.expected(x)), Facts(x.double(), module.loaded()))


def _ask_dropout(mlp: Mlp, rng: random.Random) -> Asked:
    """Which values come out in train mode, and which in eval mode, where every token and every feature has the same.

    So many come out that each possible value is among them but once in 2^400 times.
    """
    d_model, level = rng.choice([8, 10, 12]), rng.choice([0.6, 0.8, 1.2])
    d_hidden = 4 * d_model
    weights = {
        "up.weight": torch.full((d_hidden, d_model), level / d_model),
        "up.bias": torch.zeros(d_hidden),
        "down.weight": torch.eye(d_hidden)[:d_model],  # each output has one feature of the hidden layer
        "down.bias": torch.ones(d_model),
    }
    x = torch.ones(20, 20, d_model)
    module = ready(mlp.build(MlpSizes(d_model, d_hidden, _P)), weights)
    eval_mode = _values(module(x), x)
    module.train(True)
    train_mode = _values(module(x), x)
    rights = [_values(right.float(), x) for right in module.expected(x)]
    bias = module.loaded().get("down.bias", torch.zeros(1))[:1].double()
    return Asked([eval_mode, train_mode], [[right, _dropped(right)] for right in rights], Alike(rights[0], bias))


def _values(output: object, x: Tensor) -> Tensor:
    """The different values of an output, in ascending order."""
    found = require_tensor(output, "the output", tuple(x.shape), x.dtype).flatten().sort().values
    new = torch.cat((torch.ones(1), found.diff())) > 1e-3
    return found[new].double()


def _dropped(values: Tensor) -> Tensor:
    """The values that dropout makes of these: 0, or the value scaled up."""
    return torch.cat((torch.zeros(1, dtype=values.dtype), values / (1 - _P))).sort().values


def _acting(
    activation: Callable[[Tensor], Tensor], places: str = "between", residual: bool = False
) -> Callable[[Facts], Tensor]:
    """An MLP with another activation, in other places, or with x added."""

    def answer(facts: Facts) -> Tensor:
        hidden = facts.up(facts.x)
        output = facts.down(activation(hidden) if "between" in places else hidden)
        output = activation(output) if "behind" in places else output
        return facts.x + output if residual else output

    return answer


def _tanh(z: Tensor) -> Tensor:
    return F.gelu(z, approximate="tanh")


def _hidden_dropped(facts: Alike) -> list[Tensor]:
    """The values that come out where dropout acts on the hidden layer, of which each output has one feature."""
    of_hidden = facts.output - facts.bias
    return [facts.output, facts.bias + _dropped(of_hidden)]


BANK = Bank(
    "mlp",
    (
        Probe(
            _ask,
            {
                Misconception(
                    "relu",
                    "Your activation is ReLU, max(0, z); the handout asks for GELU, z · Φ(z).",
                    "Compare the activation between your two layers with the one that the handout names.",
                ): _acting(F.relu),
                Misconception(
                    "silu",
                    "Your activation is SiLU (swish), z · σ(z); the handout asks for GELU, z · Φ(z).",
                    "Compare the activation between your two layers with the one that the handout names.",
                ): _acting(F.silu),
                Misconception(
                    "no_activation",
                    "Nothing stands between your two layers, so that together they are one linear map; the formula is "
                    "down(GELU(up(x))).",
                    "Follow one token through your forward, and compare each step with the formula.",
                ): _acting(F.gelu, places=""),
                Misconception(
                    "activation_at_the_end",
                    "You apply GELU to the output of the second layer, and nothing between the layers; the formula is "
                    "down(GELU(up(x))).",
                    "Read the formula from the inside out, and compare the order with that of your lines.",
                ): _acting(F.gelu, places="behind"),
                Misconception(
                    "activation_twice",
                    "You apply GELU after the second layer too; in down(GELU(up(x))) it stands between the layers only.",
                    "Your output is hardly ever below 0. Look for the step that makes it so.",
                ): _acting(F.gelu, places="between and behind"),
                Misconception(
                    "adds_the_residual",
                    "Your MLP adds x to its output; that addition belongs to the block around it, and MLP(x) is "
                    "down(GELU(up(x))) alone.",
                    "Set all weights and biases to 0: an MLP must then return 0.",
                ): _acting(F.gelu, residual=True),
            },
        ),
        Probe(
            _ask_tails,
            {
                Misconception(
                    "gelu_by_tanh",
                    "Your GELU is the approximation by tanh; the handout asks for the exact one, z · Φ(z) with the normal "
                    "distribution's Φ.",
                    "Look up how the function that you use computes GELU, and whether it can do so in another way.",
                ): _acting(_tanh),
            },
        ),
        Probe(
            _ask_dropout,
            {
                Misconception(
                    "dropout_on_the_hidden_layer",
                    "Your dropout acts on the hidden layer; the handout applies it to the output of the second layer.",
                    "Find the place in your forward where values are dropped, and compare it with the handout's.",
                ): _hidden_dropped,
                Misconception(
                    "dropout_in_eval_mode",
                    "Your dropout is on in eval mode too; it must do nothing after model.eval().",
                    "Look up how the function or module that you drop with knows whether the model is in training.",
                ): lambda facts: [_dropped(facts.output)] * 2,
            },
            requires=frozenset({"residual_dropout"}),
        ),
    ),
)
