"""Questions b and c: `CausalSelfAttention(config)` and `MLP(config)`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from graders.aligned import AlignedMultiHead, HeadForm, agrees
from graders.oracles.mlp import mlp
from graders.parts import Shape, do_not_fit
from graders.signature import require_parameters
from graders.strategies import generator
from graders.strategies.mlp import mlp_weights
from graders.tasks import HeadSizes, MlpSizes
from sandbox.client import Remote, Worker
from sandbox.errors import StudentError

from .notebook import PLACE, config, found

_WIDEST = 64  # times the width of a token: no MLP of a homework is wider


def open_attention(worker: Worker) -> AlignedMultiHead:
    constructor = found(worker, "CausalSelfAttention")
    require_parameters(constructor, PLACE, ("config",), is_class=True)

    def construct(sizes: HeadSizes) -> Remote:
        return constructor.construct(
            config(
                worker, n_embd=sizes.d_model, n_head=sizes.n_heads, block_size=sizes.max_tokens, dropout=sizes.dropout
            )
        )

    parameters = "c_attn (3·n_embd, n_embd) and c_proj (n_embd, n_embd), or separate query, key, value and projection"
    return AlignedMultiHead(HeadForm(PLACE, construct, parameters=parameters, needs_projection=False))


@dataclass
class CharMlp:
    """One MLP; its hidden width is the student's own.

    Attributes:
        module: the student's.
        names: role → parameter, without the biases that it lacks.
        width, d_hidden: of a token and of the hidden layer.
        approximate: which GELU it has, `none` for the exact one; both are right.
    """

    module: Remote
    names: dict[str, str]
    width: int
    d_hidden: int
    approximate: str = "none"
    _loaded: dict[str, Tensor] = field(default_factory=dict, repr=False, init=False)

    def load(self, weights: Mapping[str, Tensor]) -> None:
        if weights["up.weight"].shape[0] != self.d_hidden:
            rng = generator(int(weights["up.weight"].abs().sum() * 1e3))
            weights = mlp_weights(self.width, self.d_hidden, rng)
        self._loaded = {role: weights[role] for role in self.names}
        self.module.do("load_state_dict", {self.names[role]: each for role, each in self._loaded.items()}, strict=False)

    def loaded(self) -> dict[str, Tensor]:
        return self._loaded

    def __call__(self, x: Tensor) -> Any:
        return self.module(x)

    def expected(self, x: Tensor) -> Iterator[Tensor]:
        yield mlp(self._loaded, x, approximate=self.approximate)

    def train(self, mode: bool) -> None:
        self.module.do("train", mode)

    def to_dtype(self, dtype: str) -> None:
        self.module.do(dtype)

    def inputs_after(self, x: Tensor) -> list[Any]:
        return self.module.inputs_after(x)[1]

    def gradients(self, x: Tensor, grad_output: Tensor) -> tuple[Any, dict[str, Any]]:
        [grad_x], by_name = self.module.gradients([x], [0], grad_output, parameters=True)
        return grad_x, {role: by_name.get(name) for role, name in self.names.items()}


@dataclass
class CharMlps:
    """`MLP(config)`."""

    worker: Worker
    constructor: Remote
    approximate: str | None = None

    def build(self, sizes: MlpSizes) -> CharMlp:
        if self.approximate is None:
            self.approximate = self._probe()
        return self._made(sizes, self.approximate)

    def _made(self, sizes: MlpSizes, approximate: str) -> CharMlp:
        made = config(self.worker, n_embd=sizes.d_model, dropout=sizes.dropout)
        module = self.constructor.construct(made)
        parameters = module.parameters()
        names = roles_of(parameters, sizes.d_model)
        return CharMlp(module, names, sizes.d_model, parameters[names["up.weight"]][0], approximate)

    def _probe(self) -> str:
        """The tanh approximation of GELU if that is what it computes, else the exact one."""
        x = torch.linspace(-3, 3, 60).view(2, 5, 6)
        module = self._made(MlpSizes(6, 24), "tanh")
        module.load(mlp_weights(6, 24, generator(20260227)))
        module.train(False)
        try:
            got = module(x)
        except StudentError:
            return "none"
        exact = mlp(module.loaded(), x)
        return "tanh" if agrees(got, next(module.expected(x))) and not agrees(got, exact) else "none"


def roles_of(parameters: Mapping[str, Shape], width: int) -> dict[str, str]:
    """The parameters of an MLP by role; the hidden width is free.

    Raises:
        CheckFailed: they are not those of two linear layers.
    """
    error = do_not_fit("MLP", f"two linear layers, from {width} features to more and back", parameters)
    matrices = [name for name, shape in parameters.items() if len(shape) == 2]
    if len(matrices) != 2 or not all(width in parameters[name] for name in matrices):
        raise error
    up, down = sorted(matrices, key=lambda name: parameters[name][1] != width)  # [out, in]; stable if both are square
    d_hidden = parameters[up][0]
    if parameters[up] != (d_hidden, width) or parameters[down] != (width, d_hidden) or d_hidden > _WIDEST * width:
        raise error
    names = {"up.weight": up, "down.weight": down}
    for role, weight, out in (("up.bias", up, d_hidden), ("down.bias", down, width)):
        bias = weight.removesuffix("weight") + "bias"
        if weight.endswith("weight") and parameters.get(bias) == (out,):
            names[role] = bias
    if len(names) != len(parameters):
        raise error
    return names


def open_mlp(worker: Worker) -> CharMlps:
    constructor = found(worker, "MLP")
    require_parameters(constructor, PLACE, ("config",), is_class=True)
    return CharMlps(worker, constructor)
