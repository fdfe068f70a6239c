"""3(a) `PatchEmbed(img_size, patch_size, nin, nout)`: a convolution, or patches cut out and a linear layer."""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from graders.aligned import agrees
from graders.oracles.patch_embedding import patch_embedding
from graders.strategies import generator
from graders.strategies.patch_embedding import patch_weights
from graders.tasks import PatchSizes
from graders.verdict import CheckFailed
from sandbox.client import Remote, Worker
from sandbox.errors import StudentError

from .notebook import NOTEBOOK, define

Shape = tuple[int, ...]
_PROBE = PatchSizes(6, 6, 2, 3, 5)
# in which order a patch is read: channels, rows and columns; the likely ones first
_ORDERS = sorted(itertools.permutations((0, 1, 2)), key=lambda order: ((0, 1, 2), (1, 2, 0)).index(order)
                 if order in ((0, 1, 2), (1, 2, 0)) else 2)  # fmt: skip


@dataclass(frozen=True)
class Layout:
    """How the projection lies in a parameter.

    Attributes:
        weight, bias: names; None = no bias.
        order: of a patch's axes (channel, row, column) along the weight's second axis; None = a convolution's weight.
        transposed: whether the weight is [in, out].
    """

    weight: str
    bias: str | None
    order: tuple[int, ...] | None
    transposed: bool = False

    def pack(self, weights: Mapping[str, Tensor], sizes: PatchSizes) -> dict[str, Tensor]:
        """Canonical weights → the module's parameters."""
        whole: Tensor = weights["proj.weight"].unflatten(1, (sizes.n_channels, sizes.patch_size, sizes.patch_size))
        if self.order is not None:
            whole = whole.permute(0, *(axis + 1 for axis in self.order)).flatten(1)
        state = {self.weight: (whole.T if self.transposed else whole).contiguous()}
        return state if self.bias is None else state | {self.bias: weights["proj.bias"]}

    def unpack(self, gradient: Tensor, sizes: PatchSizes) -> Tensor:
        """The weight's gradient, of the parameter's shape → canonical."""
        if self.order is None:
            return gradient.flatten(1)
        rows = gradient.T if self.transposed else gradient
        axes = (sizes.n_channels, sizes.patch_size, sizes.patch_size)
        whole: Tensor = rows.unflatten(1, tuple(axes[axis] for axis in self.order))
        return whole.permute(0, *(self.order.index(axis) + 1 for axis in range(3))).flatten(1)


def patch_layouts(parameters: Mapping[str, Shape], sizes: PatchSizes) -> list[Layout]:
    """The possible layouts, the likely one first; empty if the parameters fit none."""
    d_model, n_channels, P = sizes.d_model, sizes.n_channels, sizes.patch_size
    n_pixels = n_channels * P * P
    weights = [name for name, shape in parameters.items() if len(shape) > 1]
    biases = [name for name, shape in parameters.items() if shape == (d_model,)]
    if len(weights) != 1 or len(biases) > 1 or len(weights) + len(biases) != len(parameters):
        return []
    weight, bias = weights[0], next(iter(biases), None)
    shape = parameters[weight]
    if shape == (d_model, n_channels, P, P):
        return [Layout(weight, bias, None)]
    found = []
    if shape == (d_model, n_pixels):
        found += [Layout(weight, bias, order) for order in _ORDERS]
    if shape == (n_pixels, d_model) and not weight.endswith(".weight"):
        found += [Layout(weight, bias, order, transposed=True) for order in _ORDERS]
    return found


@dataclass
class MitPatchEmbedding:
    """Builds PatchEmbeds."""

    constructor: Remote
    notes: list[str] = field(default_factory=list)
    _layout: int | None = field(default=None, repr=False)

    def build(self, sizes: PatchSizes) -> "MitPatchModule":
        if self._layout is None:
            self._layout = self._find_layout()
        return self._module(sizes, self._layout)[0]

    def _module(self, sizes: PatchSizes, number: int) -> tuple["MitPatchModule", int]:
        module = self.constructor.construct(sizes.height, sizes.patch_size, sizes.n_channels, sizes.d_model)
        parameters = module.parameters()
        found = patch_layouts(parameters, sizes)
        if not found:
            n_pixels = sizes.n_channels * sizes.patch_size**2
            listed = ", ".join(f"{name} {shape}" for name, shape in parameters.items()) or "none"
            raise CheckFailed(
                f"{NOTEBOOK}: the parameters of PatchEmbed do not fit: expected one projection of a patch, a convolution's "
                f"{(sizes.d_model, sizes.n_channels, sizes.patch_size, sizes.patch_size)} or a linear layer's "
                f"{(sizes.d_model, n_pixels)}, and its bias; found {listed[:600]}."
            )
        return MitPatchModule(module, sizes, found[number % len(found)], self.notes), len(found)

    def _find_layout(self) -> int:
        """The first layout with which the output is right; 0 if none is."""
        rng = generator(8)
        weights = patch_weights(_PROBE, rng)
        x = torch.randn(2, 3, 6, 6, generator=rng)
        for number in range(self._module(_PROBE, 0)[1]):
            module = self._module(_PROBE, number)[0]
            module.load(weights)
            try:
                if agrees(module(x), next(module.expected(x))):
                    return number
            except StudentError:
                break
        return 0


@dataclass
class MitPatchModule:
    """One PatchEmbed."""

    module: Remote
    sizes: PatchSizes
    layout: Layout
    notes: list[str]
    count_name = "num_patches"
    _loaded: dict[str, Tensor] = field(default_factory=dict, repr=False)

    def load(self, weights: Mapping[str, Tensor]) -> None:
        roles = ("proj.weight", "proj.bias")[: 1 if self.layout.bias is None else 2]
        self._loaded = {role: weights[role] for role in roles}
        self.module.do("load_state_dict", self.layout.pack(weights, self.sizes), strict=False)

    def loaded(self) -> dict[str, Tensor]:
        return self._loaded

    def __call__(self, x: Tensor) -> Any:
        return self.module(x)

    def expected(self, x: Tensor) -> Iterator[Tensor]:
        yield patch_embedding(self._loaded, self.sizes.patch_size, x)

    def n_patches(self) -> Any:
        try:
            return self.module.get("num_patches")
        except StudentError:  # the starter's name, which the handout does not give
            note = "PatchEmbed has no attribute num_patches, which the starter's VisionTransformer reads."
            if note not in self.notes:
                self.notes.append(note)
            return (self.sizes.height // self.sizes.patch_size) ** 2

    def train(self, mode: bool) -> None:
        self.module.do("train", mode)

    def to_dtype(self, dtype: str) -> None:
        self.module.do(dtype)

    def inputs_after(self, x: Tensor) -> list[Any]:
        return self.module.inputs_after(x)[1]

    def gradients(self, x: Tensor, grad_output: Tensor) -> tuple[Any, dict[str, Any]]:
        [grad_x], by_name = self.module.gradients([x], [0], grad_output, parameters=True)
        found = {"proj.weight": by_name.get(self.layout.weight)}
        gradient = found["proj.weight"]
        if (
            isinstance(gradient, Tensor)
            and gradient.shape == self.layout.pack(self._loaded, self.sizes)[self.layout.weight].shape
        ):
            found["proj.weight"] = self.layout.unpack(gradient, self.sizes)
        if self.layout.bias is not None:
            found["proj.bias"] = by_name.get(self.layout.bias)
        return grad_x, found


def open_patch_embedding(worker: Worker) -> MitPatchEmbedding:
    return MitPatchEmbedding(define(worker, "PatchEmbed", ("img_size", "patch_size", "nin", "nout"))["PatchEmbed"])
