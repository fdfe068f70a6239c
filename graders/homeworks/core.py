"""The binding of `core`: the identity, but for what the wire needs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from graders.compare import require_pair
from graders.signature import require_parameters
from graders.student import Offer
from graders.tasks import HeadSizes, character_ids
from sandbox.client import Remote, Worker

ROLES = tuple(f"{layer}.{part}" for layer in ("query", "key", "value", "proj") for part in ("weight", "bias"))


def _given(*optional: Any) -> tuple[Any, ...]:
    """Arguments that are not None: what a function need not get it does not get."""
    return tuple(argument for argument in optional if argument is not None)


@dataclass(frozen=True)
class CoreAttention:
    """`attention(query, key, value, mask=None)`."""

    function: Remote

    def __call__(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None) -> tuple[Any, Any]:
        return require_pair(self.function(query, key, value, *_given(mask)), "attention", ("output", "weights"))

    def inputs_after(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> list[Any]:
        return self.function.inputs_after(query, key, value, *_given(mask))[1]

    def gradients(
        self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, grad_output: Tensor
    ) -> list[Any]:
        return self.function.gradients([query, key, value, *_given(mask)], [0, 1, 2], grad_output, output=0)[0]


@dataclass(frozen=True)
class CoreMask:
    """`causal_mask(n_tokens)` and `attention_mask(ids, pad_id)`."""

    causal_mask: Remote
    attention_mask: Remote

    def causal(self, n_tokens: int) -> Any:
        return self.causal_mask(n_tokens)

    def padded(self, ids: Tensor, pad_id: int) -> Any:
        return self.attention_mask(ids, pad_id)

    def ids_after(self, ids: Tensor, pad_id: int) -> Any:
        return self.attention_mask.inputs_after(ids, pad_id)[1][0]


@dataclass(frozen=True)
class StateDictModule:
    """An `nn.Module` whose own `load_state_dict` takes the canonical roles."""

    module: Remote

    def load(self, weights: Mapping[str, Tensor]) -> None:
        self.module.do("load_state_dict", dict(weights))

    def __call__(self, x: Tensor, mask: Tensor | None = None) -> Any:
        return self.module(x, *_given(mask))

    def train(self, mode: bool) -> None:
        self.module.do("train", mode)

    def to_dtype(self, dtype: str) -> None:
        self.module.do(dtype)

    def inputs_after(self, x: Tensor) -> list[Any]:
        return self.module.inputs_after(x)[1]

    def gradients(self, x: Tensor, grad_output: Tensor) -> tuple[Any, dict[str, Any]]:
        [grad_x], by_name = self.module.gradients([x], [0], grad_output, parameters=True)
        return grad_x, by_name if set(by_name) == set(ROLES) else {}


@dataclass(frozen=True)
class CoreMultiHead:
    """`MultiHeadAttention(d_model, n_heads, dropout)`."""

    constructor: Remote

    def build(self, sizes: HeadSizes) -> StateDictModule:
        dropout = (sizes.dropout,) if sizes.dropout else ()
        return StateDictModule(self.constructor.construct(sizes.d_model, sizes.n_heads, *dropout))


@dataclass(frozen=True)
class CoreRope:
    """`rope_cache(dim, n_positions, base)` and `apply_rope(x, cache, positions)`."""

    rope_cache: Remote
    apply_rope: Remote

    def cache(self, dim: int, n_positions: int, base: float = 10000.0) -> Any:
        return self.rope_cache(dim, n_positions, *(() if base == 10000.0 else (base,)))

    def apply(self, x: Tensor, cache: Tensor, positions: Tensor | None = None) -> Any:
        return self.apply_rope(x, cache, *_given(positions))

    def inputs_after(self, x: Tensor, cache: Tensor) -> list[Any]:
        return self.apply_rope.inputs_after(x, cache)[1]

    def gradient(self, x: Tensor, cache: Tensor, grad_output: Tensor) -> Any:
        return self.apply_rope.gradients([x, cache], [0], grad_output)[0][0]

    def attend(self, sizes: HeadSizes, weights: Mapping[str, Tensor], x: Tensor, rope: bool = True) -> Any:
        raise AssertionError("core has no attention with RoPE: the capability inside_attention is not offered")


@dataclass(frozen=True)
class CoreSpanCorruption:
    """`corrupt_span(document, block_size, encode, rng)`."""

    corrupt_span: Remote

    def ids_of(self, documents: Sequence[str]) -> dict[str, int]:
        return character_ids("".join(documents))

    def draw(
        self,
        documents: Sequence[str],
        index: int,
        block_size: int,
        count: int,
        seed: int,
        ids: Mapping[str, int] | None = None,
    ) -> list[Any]:
        worker = self.corrupt_span.worker
        encode = worker.make("encoder", ids=dict(ids or self.ids_of(documents)))
        rng = worker.make("random", seed=seed)
        return self.corrupt_span.call_many([[documents[index], block_size, encode, rng]] * count)


def _open_attention(worker: Worker) -> CoreAttention:
    function = worker.resolve("attention", "attention")
    require_parameters(function, "attention.py", ("query", "key", "value"), ("mask",))
    return CoreAttention(function)


def _open_mask(worker: Worker) -> CoreMask:
    causal, padded = worker.resolve("mask", "causal_mask"), worker.resolve("mask", "attention_mask")
    require_parameters(causal, "mask.py", ("n_tokens",))
    require_parameters(padded, "mask.py", ("ids", "pad_id"))
    return CoreMask(causal, padded)


def _open_multi_head(worker: Worker) -> CoreMultiHead:
    constructor = worker.resolve("multi_head", "MultiHeadAttention")
    require_parameters(constructor, "multi_head.py", ("d_model", "n_heads"), ("dropout",), is_class=True)
    return CoreMultiHead(constructor)


def _open_rope(worker: Worker) -> CoreRope:
    cache, apply = worker.resolve("rope", "rope_cache"), worker.resolve("rope", "apply_rope")
    require_parameters(cache, "rope.py", ("dim", "n_positions"), ("base",))
    require_parameters(apply, "rope.py", ("x", "cache"), ("positions",))
    return CoreRope(cache, apply)


def _open_span_corruption(worker: Worker) -> CoreSpanCorruption:
    function = worker.resolve("span_corruption", "corrupt_span")
    require_parameters(function, "span_corruption.py", ("document", "block_size", "encode", "rng"))
    return CoreSpanCorruption(function)


BINDING = {
    "attention": Offer(_open_attention, frozenset({"weights"})),
    "mask": Offer(_open_mask),
    "multi_head": Offer(_open_multi_head, frozenset({"mask_argument", "residual_dropout"})),
    "rope": Offer(_open_rope, frozenset({"base", "positions", "any_axes"})),
    "span_corruption": Offer(_open_span_corruption, frozenset({"encoder", "own_generator"})),
}
