"""Questions 1.i and 1.ii: `Head(head_size)` and `MultiHeadAttention(num_heads, head_size)`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from graders.aligned import AlignedMultiHead, HeadForm
from graders.parts import PartedModule, do_not_fit, require_parts, returns_pair, split, stand_in
from graders.tasks import HeadSizes, MultiHeadModule
from sandbox.client import Remote, Worker

from .notebook import PLACE, made


def _names(sizes: HeadSizes) -> dict[str, Any]:
    return {
        "n_embd": sizes.d_model,
        "block_size": sizes.max_tokens,
        "n_head": sizes.n_heads,
        "n_layer": 2,
        "dropout": sizes.dropout,
        "vocab_size": 17,
        "head_size": sizes.width,
        "num_heads": sizes.n_heads,
    }


def open_head(worker: Worker) -> AlignedMultiHead:
    def construct(sizes: HeadSizes) -> Remote:
        return made(worker, "Head", _names(sizes), ["head_size"])

    construct(HeadSizes(12, 1, d_head=5))
    parameters = "query, key and value, each (head_size, n_embd), with or without a bias"
    return AlignedMultiHead(HeadForm(PLACE, construct, parameters=parameters, single=True, needs_projection=False))


@dataclass
class Concatenated(PartedModule):
    """One MultiHeadAttention whose heads are stand-ins."""

    sizes: HeadSizes
    heads: list[str]
    proj: str | None
    forms: tuple[bool, ...]  # ways in which the projection's weight can lie: whether transposed
    bias: str | None

    def load(self, weights: Mapping[str, Tensor]) -> None:
        # head by head (head_size, n_embd)
        rows = weights["value.weight"].view(self.sizes.n_heads, self.sizes.width, self.sizes.d_model)
        state = {name: row.T.contiguous() for name, row in zip(self.heads, rows, strict=True)}
        if self.proj is not None:
            weight = weights["proj.weight"]
            state[self.proj] = weight.T.contiguous() if self.forms[0] else weight
        if self.bias is not None:
            state[self.bias] = weights["proj.bias"]
        self.put(state)

    def expected(self, x: Tensor, mask: Tensor | None = None) -> Iterator[Tensor]:
        side_by_side = torch.cat([self.part(name, x) for name in self.heads], dim=-1)  # (B, T, num_heads · head_size)
        if self.proj is None:
            yield side_by_side
            return
        weight = self.state[self.proj].double()
        bias = self.state[self.bias].double() if self.bias is not None else 0.0
        for transposed in self.forms:
            yield side_by_side @ (weight if transposed else weight.T) + bias  # (B, T, n_embd)

    def __call__(self, x: Tensor, mask: Tensor | None = None) -> Any:
        return super().__call__(x)

    def unmasked(self, x: Tensor) -> Any:
        return self(x)

    def weights(self, x: Tensor, mask: Tensor | None = None) -> Any:
        return None

    def expected_weights(self, x: Tensor, mask: Tensor | None = None) -> Iterator[Tensor]:
        yield from ()


@dataclass
class Heads:
    """`MultiHeadAttention(num_heads, head_size)`: of stand-ins for `Head`, or of no such class at all."""

    worker: Worker
    fused: AlignedMultiHead = field(init=False)
    _as_pair: bool | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        form = HeadForm(PLACE, lambda sizes: self._construct(sizes, {}), needs_projection=False)
        self.fused = AlignedMultiHead(form)

    def build(self, sizes: HeadSizes) -> MultiHeadModule:
        if self._as_pair is None:
            single = HeadSizes(12, 1, d_head=5)
            self._as_pair = returns_pair(lambda: made(self.worker, "Head", _names(single), ["head_size"]), 12)
        head = stand_in(self.worker, sizes.d_model, sizes.width, as_pair=self._as_pair)
        module = self._construct(sizes, {"Head": head})
        parameters = module.parameters()
        heads, own = split(parameters)
        if not heads:
            return self.fused.build(sizes)
        require_parts(heads, sizes.n_heads, "MultiHeadAttention", "Head")
        width = sizes.n_heads * sizes.width
        weights = [name for name, shape in own.items() if shape in ((sizes.d_model, width), (width, sizes.d_model))]
        biases = [name for name, shape in own.items() if shape == (sizes.d_model,)]
        if len(weights) > 1 or len(biases) > len(weights) or len(weights) + len(biases) != len(own):
            raise do_not_fit("MultiHeadAttention", "those of its heads and of one projection (or none)", own)
        proj = weights[0] if weights else None
        bare = proj is not None and not proj.endswith("weight")
        return Concatenated(
            module, sizes, heads, proj, (True, False) if bare else (False,), biases[0] if biases else None
        )

    def _construct(self, sizes: HeadSizes, parts: dict[str, Any]) -> Remote:
        return made(self.worker, "MultiHeadAttention", _names(sizes), ["num_heads", "head_size"], parts=parts)
