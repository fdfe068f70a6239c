"""2(a) `AttentionHead(dim, n_hidden)` and 2(b) `MultiHeadedAttention(dim, n_hidden, num_heads)`."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from graders.aligned import AlignedModule, AlignedMultiHead, HeadForm, is_pair, path_in
from graders.strategies import generator
from graders.tasks import HeadSizes, MultiHead
from graders.verdict import CheckFailed
from sandbox.client import Remote, Worker
from sandbox.errors import StudentError
from sandbox.masked_part import attend

from .notebook import NOTEBOOK, MaskArgument, define, first_of, has_shape, heads_share_width, is_sound

_X = torch.randn(3, 4, 12, generator=generator(1))
_SIZES = HeadSizes(12, 3, max_tokens=8)


def open_attention(worker: Worker) -> AlignedMultiHead:
    constructor = define(worker, "AttentionHead", ("dim", "n_hidden"))["AttentionHead"]
    mask = MaskArgument()
    mask.adapt(lambda given: constructor.construct(12, 5)(_X, given), _X)
    return AlignedMultiHead(
        HeadForm(
            NOTEBOOK,
            lambda sizes: constructor.construct(sizes.d_model, sizes.width),
            arguments=mask,
            parameters="three linear layers from dim to n_hidden, W_Q, W_K and W_V, and nothing else",
            single=True,
        )
    )


def open_multi_head(worker: Worker) -> MultiHead:
    arguments = ("dim", "n_hidden", "num_heads")
    found = define(worker, "MultiHeadedAttention", arguments, "AttentionHead?")
    head, mask = found.get("AttentionHead"), MaskArgument()
    construct = _constructing(found["MultiHeadedAttention"])
    note = None if head is None else _why_not(construct, head, mask)
    if note is not None:
        given = worker.make("masked_part", of="head")
        other = define(worker, "MultiHeadedAttention", arguments, instead={"AttentionHead": given})
        return HeadsOfParts(
            _constructing(other["MultiHeadedAttention"]),
            Remote(worker, given, "AttentionHead"),
            [note] if note else [],
        )
    mask.adapt(lambda given: construct(_SIZES)(_X, given), _X)
    return _aligned(construct, head, mask)


def _constructing(constructor: Remote) -> Callable[[HeadSizes], Remote]:
    """How modules of given sizes are made."""
    together = heads_share_width(constructor)

    def construct(sizes: HeadSizes) -> Remote:
        n_hidden = sizes.width * (sizes.n_heads if together else 1)
        return constructor.construct(sizes.d_model, n_hidden, sizes.n_heads)

    return construct


def _aligned(construct: Callable[[HeadSizes], Remote], head: Remote | None, mask: MaskArgument) -> AlignedMultiHead:
    """Multi-head attention with the student's own heads, or without any of class AttentionHead."""
    return AlignedMultiHead(
        HeadForm(
            NOTEBOOK,
            construct,
            arguments=mask,
            parameters="W_Q, W_K and W_V of each head, and W_O (dim, num_heads · n_hidden)",
            composed=_composed,
            composed_weights=_composed_weights,
            own_heads=lambda module: module.instances(head) if head is not None else [],
            hint=lambda module: (
                ". PyTorch does not find modules in a plain list: keep the heads in an nn.ModuleList"
                if head is not None and not module.instances(head)
                else ""
            ),
        )
    )


def _why_not(construct: Callable[[HeadSizes], Remote], head: Remote, mask: MaskArgument) -> str | None:
    """Why others must stand in for the student's own heads, for a note that may be empty; None if they need not."""
    broken = "Your AttentionHead does not give finite numbers of the right shape, so other heads stand in its place; see 2(a)."
    try:
        module = construct(_SIZES)
        heads = module.instances(head)
        if not heads:
            return None
        if not is_sound(mask.adapt(lambda given: heads[0](_X, given), _X), (3, 4, 4)):
            return broken
    except StudentError:
        return broken
    try:
        # 3 · d_head is not the width of all heads
        _aligned(construct, head, mask).build(HeadSizes(12, 2, d_head=5))
    except CheckFailed:
        return ""  # the heads have parameters of another kind, such as one matrix for queries, keys and values
    except StudentError:
        return None  # the module itself does not run
    return None


def _composed(module: AlignedModule, x: Tensor, mask: Tensor | None) -> Tensor | None:
    """The outputs of its own heads, side by side, times W_O."""
    arguments = module.form.arguments(x, mask)
    outputs = [first_of(head(x, *arguments)) for head in module.form.own_heads(module.module)]
    weights = {role: tensor.double() for role, tensor in module.loaded().items()}
    into = weights["proj.weight"].shape[1]
    expected = (*x.shape[:2], into // module.sizes.n_heads)
    if len(outputs) != module.sizes.n_heads or not all(has_shape(output, expected) for output in outputs):
        return None
    merged = torch.cat([output.double() for output in outputs], dim=-1)
    return torch.nn.functional.linear(merged, weights["proj.weight"], weights.get("proj.bias"))


def _composed_weights(module: AlignedModule, x: Tensor, mask: Tensor | None) -> Tensor | None:
    """The attention weights of its own heads."""
    B, T, _ = x.shape
    arguments = module.form.arguments(x, mask)
    values = [head(x, *arguments) for head in module.form.own_heads(module.module)]
    weights: list[Any] = [value[1] if is_pair(value) else None for value in values]
    if len(weights) != module.sizes.n_heads or not all(has_shape(each, (B, T, T)) for each in weights):
        return None
    return torch.stack([each.double() for each in weights], dim=1)  # (B, n_heads, T, T)


@dataclass
class HeadsOfParts:
    """`MultiHeadedAttention` with other heads in the place of the student's: these do not run, or their weights fit nowhere."""

    construct: Callable[[HeadSizes], Remote]
    head: Remote
    notes: list[str] = field(default_factory=list)

    def shared_heads(self, sizes: HeadSizes) -> list[str]:
        module = self.build(sizes)
        return [path for path in module.paths if f"{path}.weight" not in module.parameters]

    def build(self, sizes: HeadSizes) -> "HeadsOfPartsModule":
        module = self.construct(sizes)
        heads, parameters = module.instances(self.head), module.parameters()
        if len(heads) != sizes.n_heads:
            raise CheckFailed(
                f"MultiHeadedAttention must hold num_heads = {sizes.n_heads} of class AttentionHead; PyTorch finds "
                f"{len(heads)}. Keep them in an nn.ModuleList."
            )
        paths = [path_in(head, module) for head in heads]
        rest = {name: shape for name, shape in parameters.items() if not name.startswith(tuple(f"{p}." for p in paths))}
        width = sizes.n_heads * sizes.width
        fitting = [name for name, shape in rest.items() if shape in ((sizes.d_model, width), (width, sizes.d_model))]
        if len(fitting) != 1:
            found = ", ".join(f"{name} {shape}" for name, shape in rest.items()) or "none"
            raise CheckFailed(
                f"MultiHeadedAttention needs W_O from {width} features, num_heads · n_hidden, to dim = {sizes.d_model}; "
                f"its parameters beside those of the heads are: {found[:600]}."
            )
        return HeadsOfPartsModule(module, sizes, fitting[0], rest, heads, paths, parameters)


@dataclass
class HeadsOfPartsModule:
    """One of them."""

    module: Remote
    sizes: HeadSizes
    projection: str
    rest: Mapping[str, tuple[int, ...]]
    heads: list[Remote]
    paths: list[str]
    parameters: Mapping[str, tuple[int, ...]]
    _loaded: dict[str, Tensor] = field(default_factory=dict, repr=False)
    _heads: list[Tensor] = field(default_factory=list, repr=False)

    def load(self, weights: Mapping[str, Tensor]) -> None:
        bias = next((name for name, shape in self.rest.items() if shape == (self.sizes.d_model,)), None)
        self._loaded = {role: weights[role] for role in ("proj.weight", "proj.bias")[: 1 if bias is None else 2]}
        linear = self.rest[self.projection] == tuple(weights["proj.weight"].shape)
        state = {self.projection: weights["proj.weight"] if linear else weights["proj.weight"].T.contiguous()}
        if bias is not None:
            state[bias] = weights["proj.bias"]
        values = weights["value.weight"]  # (n_heads · d_head, d_model); the stand-ins have one matrix each
        self._heads = [part.T.contiguous() for part in values.chunk(self.sizes.n_heads)]
        if not all(f"{path}.weight" in self.parameters for path in self.paths):  # they share the first one's
            self._heads = [self._heads[0]] * self.sizes.n_heads
        state |= {f"{path}.weight": weight for path, weight in zip(self.paths, self._heads, strict=True)}
        self.module.do("load_state_dict", state, strict=False)

    def loaded(self) -> dict[str, Tensor]:
        return self._loaded

    def __call__(self, x: Tensor, mask: Tensor | None = None) -> Any:
        return first_of(self.module(x, MaskArgument().of(x, mask)))

    def unmasked(self, x: Tensor) -> Any:
        return first_of(self.module(x, None))

    def weights(self, x: Tensor, mask: Tensor | None = None) -> Any:
        value = self.module(x, MaskArgument().of(x, mask))
        return value[1] if is_pair(value) else None

    def expected(self, x: Tensor, mask: Tensor | None = None) -> Iterator[Tensor]:
        merged = torch.cat([output for output, _ in self._attended(x, mask)], dim=-1)
        weights = {role: tensor.double() for role, tensor in self._loaded.items()}
        yield torch.nn.functional.linear(merged, weights["proj.weight"], weights.get("proj.bias"))

    def expected_weights(self, x: Tensor, mask: Tensor | None = None) -> Iterator[Tensor]:
        yield torch.stack([weights for _, weights in self._attended(x, mask)], dim=1)  # (B, n_heads, T, T)

    def _attended(self, x: Tensor, mask: Tensor | None) -> list[tuple[Tensor, Tensor]]:
        allowed = MaskArgument().of(x, mask)
        return [attend(weight.double(), x.double(), allowed, False) for weight in self._heads]

    def train(self, mode: bool) -> None:
        self.module.do("train", mode)

    def to_dtype(self, dtype: str) -> None:
        self.module.do(dtype)

    def inputs_after(self, x: Tensor) -> list[Any]:
        return self.module.inputs_after(x, MaskArgument().of(x, None))[1]

    def gradients(self, x: Tensor, grad_output: Tensor) -> tuple[Any, dict[str, Any]]:
        [grad_x], _ = self.module.gradients([x, MaskArgument().of(x, None)], [0], grad_output, output=0)
        return grad_x, {}
