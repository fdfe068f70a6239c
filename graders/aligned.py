"""Self-attention modules of students whose parameters have names and a layout of their own, in their canonical form."""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from sandbox.client import Remote
from sandbox.errors import StudentError

from . import compare, oracles
from .alignment import Layout, layouts
from .known_mistakes import Attending, is_known_mistake
from .oracles.attention import attention_weights
from .strategies import generator, head_weights
from .tasks import HeadSizes
from .verdict import CheckFailed

_PROBE_SEED = 20260227


def agrees(got: Any, expected: Tensor) -> bool:
    """Whether a probe's output is right, with room for rounding."""
    return compare.agrees(got, expected, atol=1e-4, rtol=1e-4)


def is_pair(value: Any) -> bool:
    """Whether (output, something) was returned."""
    return isinstance(value, tuple) and len(value) == 2


@dataclass
class HeadForm:
    """How a homework's self-attention class is used. What differs between homeworks, and nothing else.

    Attributes:
        file: where students write it, for messages.
        construct: makes a module of the given sizes in the worker.
        arguments: what follows x in a call, from x and the mask (None = causal).
        needs_projection: whether a projection of the heads' outputs is asked for.
        parameters: the parameters that are expected, in words, for messages.
        single: whether it is one head, whose output is as wide as the head.
        composed: the output for x and mask of its own parts as they are, float64; None where parts are not graded alone.
        composed_weights: the same of the attention weights.
        own_heads: its own heads, where they are modules that are graded on their own.
        hint: what may be the matter with a module whose parameters do not fit, for the end of the message.
    """

    file: str
    construct: Callable[[HeadSizes], Remote]
    arguments: Callable[[Tensor, Tensor | None], tuple[Any, ...]] = lambda x, mask: ()
    needs_projection: bool = True
    parameters: str = "query, key, value and an output projection"
    single: bool = False
    composed: Callable[["AlignedModule", Tensor, Tensor | None], Tensor | None] = lambda module, x, mask: None
    composed_weights: Callable[["AlignedModule", Tensor, Tensor | None], Tensor | None] = lambda module, x, mask: None
    own_heads: Callable[[Remote], list[Remote]] = lambda module: []
    hint: Callable[[Remote], str] = lambda module: ""


@dataclass
class AlignedMultiHead:
    """Builds modules of one class; finds out once how their parameters are laid out."""

    form: HeadForm
    layout: int | None = None  # index into the candidates; the same for all sizes at which heads · d_head = d_model
    notes: list[str] = field(default_factory=list)  # remarks for the student
    _wide_layout: int | None = field(default=None, repr=False)  # the same for all others

    def build(self, sizes: HeadSizes) -> "AlignedModule":
        if self.form.single or sizes.n_heads * sizes.width == sizes.d_model:
            if self.layout is None:
                self.layout = self._find_layout(HeadSizes(12, 1, max_tokens=8, d_head=5) if self.form.single
                                                else HeadSizes(12, 3, max_tokens=8))  # fmt: skip
            return self._module(sizes, self.layout)
        if self._wide_layout is None:  # fewer assignments are possible where the matrices are not square
            self._wide_layout = self._find_layout(HeadSizes(12, 3, max_tokens=8, d_head=5))
        return self._module(sizes, self._wide_layout)

    def shared_heads(self, sizes: HeadSizes) -> list[str]:
        module = self.form.construct(sizes)
        heads, own = self.form.own_heads(module), module.parameters()
        lacking = with_shared(own, module, heads).keys() - own.keys()
        paths = [path_in(head, module) for head in heads]
        return [path for path in paths if any(name.startswith(f"{path}.") for name in lacking)]

    def _module(self, sizes: HeadSizes, layout: int) -> "AlignedModule":
        module = self.form.construct(sizes)
        parameters = with_shared(module.parameters(), module, self.form.own_heads(module))
        d_out = sizes.width if self.form.single else None
        candidates = layouts(parameters, sizes.d_model, sizes.n_heads, sizes.width, d_out)
        if self.form.single:
            candidates = [each for each in candidates if "proj.weight" not in each.roles]
        elif self.form.needs_projection:
            candidates = [each for each in candidates if "proj.weight" in each.roles]
        if not candidates:
            found = ", ".join(f"{name} {shape}" for name, shape in parameters.items()) or "none"
            raise CheckFailed(
                f"{self.form.file}: the parameters of {module.name} do not fit: expected {self.form.parameters}; "
                f"found, for an input of width {sizes.d_model} and {sizes.n_heads} heads of width {sizes.width}: {found[:600]}"
                f"{self.form.hint(module)}"
            )
        chosen = candidates[layout] if layout < len(candidates) else candidates[0]
        return AlignedModule(module, self.form, sizes, chosen, parameters, len(candidates))

    def _find_layout(self, sizes: HeadSizes) -> int:
        """The first layout with which the output is right; 0 if none is, since then something else is wrong.

        If none is right by the oracle, one may be for the module's own heads as they are: it tells the projection. Or a known
        mistake explains the output with one of them.
        """
        rng = generator(_PROBE_SEED)
        weights = head_weights(12, rng, sizes.n_heads * sizes.width)
        x = torch.randn(2, 5, 12, generator=rng)
        first = self._module(sizes, 0)
        outputs = []
        for number in range(first.n_layouts):
            module = self._module(sizes, number)
            module.load(weights)
            module.train(False)
            try:
                outputs.append((number, module, module(x)))
            except StudentError:
                if number == first.n_layouts - 1:
                    raise
                continue
            if agrees(outputs[-1][2], next(module.expected(x))):
                return number
        for number, module, output in outputs:
            if any(agrees(output, expected) for expected in itertools.islice(module.expected(x), 1, None)):
                return number
        for number, module, output in outputs:
            if is_known_mistake(output, Attending(module.loaded(), sizes, x)):
                return number
        return 0


def with_shared(
    parameters: Mapping[str, tuple[int, ...]], module: Remote, heads: Sequence[Remote]
) -> Mapping[str, tuple[int, ...]]:
    """Names and shapes of a module's parameters, those that several of its heads share under each of their names."""
    paths = [path_in(head, module) for head in heads]
    inside = {name.removeprefix(f"{path}."): shape for path in paths for name, shape in parameters.items()
              if name.startswith(f"{path}.")}  # fmt: skip
    return {f"{path}.{name}": shape for path in paths for name, shape in inside.items()} | dict(parameters)


def path_in(part: Remote, module: Remote) -> str:
    """The path of a submodule in its module."""
    return part.name.removeprefix(f"{module.name}.")


@dataclass
class AlignedModule:
    """One self-attention module, behind the layout of its parameters."""

    module: Remote
    form: HeadForm
    sizes: HeadSizes
    layout: Layout
    parameters: Mapping[str, tuple[int, ...]]
    n_layouts: int
    _loaded: dict[str, Tensor] = field(default_factory=dict, repr=False)

    def load(self, weights: Mapping[str, Tensor]) -> None:
        self._loaded = {role: tensor for role, tensor in weights.items() if role in self.layout.roles}
        self.module.do("load_state_dict", self.layout.pack(weights), strict=False)

    def loaded(self) -> dict[str, Tensor]:
        return self._loaded

    def __call__(self, x: Tensor, mask: Tensor | None = None) -> Any:
        value = self.module(x, *self.form.arguments(x, mask))
        return value[0] if is_pair(value) else value

    def unmasked(self, x: Tensor) -> Any:
        value = self.module(x, None)
        return value[0] if is_pair(value) else value

    def weights(self, x: Tensor, mask: Tensor | None = None) -> Any:
        value = self.module(x, *self.form.arguments(x, mask))
        got = value[1] if is_pair(value) else None
        return got[:, None] if self.form.single and isinstance(got, Tensor) and got.dim() == 3 else got

    def expected(self, x: Tensor, mask: Tensor | None = None) -> Iterator[Tensor]:
        yield oracles.multi_head(self._loaded, self.sizes.n_heads, x, mask)
        composed = self.form.composed(self, x, mask)
        if composed is not None:
            yield composed

    def expected_weights(self, x: Tensor, mask: Tensor | None = None) -> Iterator[Tensor]:
        yield attention_weights(self._loaded, self.sizes.n_heads, x, mask)
        composed = self.form.composed_weights(self, x, mask)
        if composed is not None:
            yield composed

    def train(self, mode: bool) -> None:
        self.module.do("train", mode)

    def to_dtype(self, dtype: str) -> None:
        self.module.do(dtype)

    def inputs_after(self, x: Tensor) -> list[Any]:
        return self.module.inputs_after(x, *self.form.arguments(x, None))[1]

    def watched(self, x: Tensor) -> list[str]:
        """The torch functions and kernels that a call runs, as the worker tells them."""
        return self.module.call_watched(x, *self.form.arguments(x, None))

    def gradients(self, x: Tensor, grad_output: Tensor) -> tuple[Any, dict[str, Any]]:
        output = 0 if is_pair(self.module(x, *self.form.arguments(x, None))) else None
        arguments = [x, *self.form.arguments(x, None)]
        [grad_x], by_name = self.module.gradients(arguments, [0], grad_output, output=output, parameters=True)
        for name in self.layout.pieces:
            got = by_name.get(name)
            if not isinstance(got, Tensor) or tuple(got.shape) != self.parameters[name]:
                raise CheckFailed(f"No gradient reaches {name}: it is not used, or something is detached.")
        shapes = {role: tuple(tensor.shape) for role, tensor in self._loaded.items()}
        return grad_x, self.layout.unpack(by_name, shapes)
