"""2(c) `Transformer(dim, attn_dim, mlp_dim, num_heads, num_layers)`: layers of class AttentionResidual, which is given."""

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from graders.aligned import is_pair, path_in
from graders.strategies import generator
from graders.tasks import StackSizes
from graders.verdict import CheckFailed
from sandbox.client import Remote, Worker
from sandbox.errors import StudentError

from .notebook import MaskArgument, define, first_of, heads_share_width, is_sound, shaken

_ARGUMENTS = ("dim", "attn_dim", "mlp_dim", "num_heads", "num_layers")
_X = torch.randn(3, 4, 8, generator=generator(2))


@dataclass
class MitStack:
    """Builds Transformers."""

    constructor: Remote
    layer: Remote
    mask: MaskArgument
    shared_width: bool = False
    notes: list[str] = field(default_factory=list)

    def build(self, sizes: StackSizes, seed: int) -> "MitStackModule":
        attn_dim = sizes.d_head * (sizes.n_heads if self.shared_width else 1)
        module = self.constructor.construct(sizes.d_model, attn_dim, sizes.d_hidden, sizes.n_heads, sizes.n_layers)
        layers = module.instances(self.layer)
        if not layers:
            raise CheckFailed(
                "Transformer must hold num_layers layers of class AttentionResidual; PyTorch finds none in it. Create them "
                "in __init__ and keep them in an nn.ModuleList: PyTorch does not look into plain lists."
            )
        module.do("load_state_dict", shaken(module.parameters(), seed), strict=False)
        module.do("eval")
        return MitStackModule(module, layers, sizes, self.mask)


@dataclass
class MitStackModule:
    """One Transformer."""

    module: Remote
    layers: list[Remote]
    sizes: StackSizes
    mask: MaskArgument

    def _given(self, x: Tensor, mask: Tensor | None) -> Tensor | None:
        return None if mask is None else self.mask.of(x, mask)

    def __call__(self, x: Tensor, mask: Tensor | None) -> Any:
        return first_of(self.module(x, self._given(x, mask)))

    def weights(self, x: Tensor, mask: Tensor | None) -> Any:
        value = self.module(x, self._given(x, mask), True)
        return value[1] if is_pair(value) else value

    def beside_the_output(self, x: Tensor) -> Any:
        value = self.module(x, None)
        return value[1] if is_pair(value) else value

    def expected(self, x: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        B, T, _ = x.shape
        if len(self.layers) != self.sizes.n_layers:
            raise CheckFailed(
                f"Transformer with num_layers = {self.sizes.n_layers} holds {len(self.layers)} layers of class "
                "AttentionResidual."
            )
        of_layers = []
        for layer in self.layers:
            value = layer(x, self._given(x, mask))
            if not is_pair(value) or not isinstance(value[0], Tensor) or tuple(value[0].shape) != tuple(x.shape):
                raise CheckFailed("AttentionResidual, which is given, must return (x, alphas): take it as it was.")
            x, weights = value
            if not isinstance(weights, Tensor) or tuple(weights.shape) != (B, self.sizes.n_heads, T, T):
                weights = torch.full((B, self.sizes.n_heads, T, T), torch.nan)  # those of 2(b) have another shape
            of_layers.append(weights)
        return x.double(), torch.stack(of_layers, dim=1).double()

    def shared_layers(self) -> list[str]:
        own = self.module.parameters()
        paths = [path_in(layer, self.module) for layer in self.layers]
        return [path for path in paths if not any(name.startswith(f"{path}.") for name in own)]

    def input_after(self, x: Tensor) -> Any:
        return self.module.inputs_after(x, self.mask.of(x, None))[1][0]

    def gradients(self, x: Tensor, grad_output: Tensor) -> tuple[Any, list[str]]:
        output = 0 if is_pair(self.module(x, None)) else None
        [grad_x], by_name = self.module.gradients([x, None], [0], grad_output, output=output, parameters=True)
        reached = [name for name, gradient in by_name.items() if isinstance(gradient, Tensor) and gradient.any()]
        paths = [path_in(layer, self.module) for layer in self.layers]
        lacking = [path for path in paths if not any(name.startswith(f"{path}.") for name in reached)]
        return grad_x, [path for path in lacking if path not in self.shared_layers()]


def open_stack(worker: Worker) -> MitStack:
    found = define(worker, "Transformer", _ARGUMENTS, "AttentionResidual?", "MultiHeadedAttention?")
    shared_width = heads_share_width(found.get("MultiHeadedAttention"))
    if "AttentionResidual" in found:
        own = MitStack(found["Transformer"], found["AttentionResidual"], MaskArgument(), shared_width)
        if _layers_are_sound(own):
            return own
    given = worker.make("masked_part", of="layer")
    other = define(worker, "Transformer", _ARGUMENTS, instead={"AttentionResidual": given})
    note = (
        "Your AttentionResidual does not give finite numbers of the right shape here, so other layers stand in its place; see "
        "2(a) and 2(b)."
    )
    return MitStack(
        other["Transformer"], Remote(worker, given, "AttentionResidual"), MaskArgument(), False, notes=[note]
    )


def _layers_are_sound(stack: MitStack) -> bool:
    """Whether the student's own layers run under a causal mask, and give numbers and attention weights."""
    try:
        layer = stack.build(StackSizes(8, 2, 4, 7, 1), 0).layers[0]
        value = stack.mask.adapt(lambda given: layer(_X, given), _X)
        if is_pair(value) and is_sound(value, (3, 4, 8)) and is_sound(value[1], (3, 2, 4, 4)):
            return first_of(layer(_X, None)) is not None
    except CheckFailed:
        return True  # it is not made of them, and will be told so
    except StudentError:
        return False
    return False
