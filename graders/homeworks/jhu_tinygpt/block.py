"""Question 1.iii: `Block(n_embd, n_head)`."""

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from graders.aligned import is_pair
from graders.compare import require_tensor
from graders.parts import Norm, PartedModule, Shape, do_not_fit, norms_of, require_parts, returns_pair, split, stand_in
from graders.strategies import generator
from graders.tasks import BlockSizes
from sandbox.client import Remote, Worker

from .notebook import FEED_FORWARD, made

_MOST = 256  # times the square of a token's width: no MLP of a homework has more parameters
_ATTENTION, _MLP = "stand_in_attention", "stand_in_mlp"


@dataclass
class AssembledBlock(PartedModule):
    """One Block. Attention is a stand-in, and so is the MLP, unless it is of a class with a name of its own."""

    attention: str
    mlp: str | None
    own_mlp: Remote | None
    own_shapes: dict[str, Shape]  # of its parameters
    norms: list[Norm]

    def load(self, weights: Mapping[str, Tensor]) -> None:
        d_model = weights["norm1.weight"].shape[0]
        state = {self.attention: weights["attn.proj.weight"].T.contiguous()}
        if self.mlp is not None:
            state[self.mlp] = weights["mlp.up.weight"][:d_model].T.contiguous()
        rng = generator(7)
        state |= {name: torch.randn(shape, generator=rng) / d_model**0.5 for name, shape in self.own_shapes.items()}
        for role, norm in zip(("norm1", "norm2"), self.norms, strict=False):
            state |= norm.state(weights, role)
        self.put(state)

    def expected(self, x: Tensor) -> Iterator[Tensor]:
        """Normalised before each step, or after each sum: the handout says only that embeddings are normalised."""
        x = x.double()
        norms = self.norms or [Norm()]
        orders = list(itertools.permutations(norms, 2)) if len(norms) == 2 else [(norms[0], norms[0])]
        for first, second in orders:
            y = x + self.part(self.attention, first(self.state, x))
            yield y + self._transformed(second(self.state, y))
        for first, second in orders:
            y = first(self.state, x + self.part(self.attention, x))
            yield second(self.state, y + self._transformed(y))

    def _transformed(self, x: Tensor) -> Tensor:
        if self.mlp is not None:
            return self.part(self.mlp, x)
        assert self.own_mlp is not None
        value = self.own_mlp(x.float())
        value = value[0] if is_pair(value) else value
        return require_tensor(value, f"the output of {self.own_mlp.name}", tuple(x.shape), x.float().dtype).double()


@dataclass
class Blocks:
    """`Block(n_embd, n_head)`."""

    worker: Worker
    _as_pair: bool | None = field(default=None, init=False)

    def build(self, sizes: BlockSizes) -> AssembledBlock:
        names = _names(sizes)
        if self._as_pair is None:
            self._as_pair = returns_pair(
                lambda: made(self.worker, "MultiHeadAttention", names, ["num_heads", "head_size"]), sizes.d_model
            )
        width = sizes.d_model
        attention = stand_in(self.worker, width, width, kind=_ATTENTION, as_pair=self._as_pair)
        parts = {"MultiHeadAttention": attention}
        parts |= dict.fromkeys(FEED_FORWARD, stand_in(self.worker, width, width, kind=_MLP))
        module = made(self.worker, "Block", names, ["n_embd", "n_head"], parts=parts)
        attentions, rest = split(module.parameters(), _ATTENTION)
        mlps, own = split(rest, _MLP)
        require_parts(attentions, 1, "Block", "MultiHeadAttention")
        error = do_not_fit("Block", "one MultiHeadAttention, one FeedForward and two LayerNorms", own)
        matrices = [name for name, shape in own.items() if len(shape) > 1]
        own_mlp, own_shapes = None, {}
        if not mlps and matrices:
            place = _common_place(matrices)
            if not place:
                raise error
            own_mlp = module.part(".".join(place))
            own_shapes = {name: shape for name, shape in own.items() if name.split(".")[: len(place)] == place}
            own = {name: shape for name, shape in own.items() if name not in own_shapes}
            if sum(map(math.prod, own_shapes.values())) > _MOST * width**2:
                raise error
        norms = norms_of(own, width)
        if len(mlps) + (own_mlp is not None) != 1 or len(norms) > 2:
            raise error
        if {name for norm in norms for name in (norm.gain, norm.bias)} - {None} != set(own):
            raise error
        return AssembledBlock(module, attentions[0], mlps[0] if mlps else None, own_mlp, own_shapes, norms)


def _common_place(names: list[str]) -> list[str]:
    """The path of the submodule that all these parameters lie in; empty if it is the module itself."""
    paths = [name.split(".")[:-1] for name in names]
    return [parts[0] for parts in itertools.takewhile(lambda parts: len(set(parts)) == 1, zip(*paths, strict=False))]


def _names(sizes: BlockSizes) -> dict[str, Any]:
    return {
        "n_embd": sizes.d_model,
        "block_size": sizes.max_tokens,
        "n_head": sizes.n_heads,
        "num_heads": sizes.n_heads,
        "head_size": sizes.d_model // sizes.n_heads,
        "n_layer": 2,
        "dropout": sizes.dropout,
        "vocab_size": 17,
    }
