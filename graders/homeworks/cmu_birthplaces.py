"""The binding of CMU's homework: CausalSelfAttention, the two RoPE functions, CharCorruptionDataset.

What the handout leaves open is found by behaviour: how the fused projection is split, on which axis of its argument
`apply_rotary_emb` has the tokens, where it puts the rotated features.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from graders import oracles
from graders.aligned import AlignedMultiHead, HeadForm, agrees, is_pair
from graders.signature import require_parameters
from graders.strategies import generator
from graders.student import Offer
from graders.tasks import GptSizes, HeadSizes, character_ids
from graders.training import Learner, Learners
from sandbox.client import Remote, Worker
from sandbox.errors import StudentError

# ---------------------------------------------------------------------------------------------------- attention


def _constructed(constructor: Remote, sizes: HeadSizes, rope: bool = False) -> Remote:
    """A module of the given sizes."""
    config = constructor.worker.make(
        "namespace",
        n_embd=sizes.d_model,
        n_head=sizes.n_heads,
        block_size=sizes.max_tokens,
        attn_pdrop=sizes.dropout,
        resid_pdrop=sizes.dropout,
        embd_pdrop=sizes.dropout,
        rope=rope,
        vocab_size=20,
        n_layer=2,
        bottleneck_dim=None,
    )
    return constructor.construct(config)


def _cmu_heads(constructor: Remote, rope: bool = False) -> AlignedMultiHead:
    """`CausalSelfAttention(config)`."""
    return AlignedMultiHead(
        HeadForm(
            "attention.py",
            lambda sizes: _constructed(constructor, sizes, rope),
            parameters="qkv (3·n_embd, n_embd) and proj (n_embd, n_embd), or separate query, key, value and proj",
        )
    )


# ---------------------------------------------------------------------------------------------------- rope


@dataclass
class CmuRope:
    """`precompute_rotary_emb(dim, max_positions)` and `apply_rotary_emb(x, rope_cache)`.

    The stated layout is x (B, n_head, T, hs), a real cache, and each rotated pair in its own place. Other solutions take
    (B, T, n_head, hs), keep complex numbers in the cache, or leave the pairs' two halves side by side: all of them are
    right inside the model, where only the scores count.
    """

    precompute: Remote
    rotate: Remote
    constructor: Remote
    tokens_second: bool = False
    halves: bool = False
    complex_cache: bool = False
    _probed: bool = field(default=False, repr=False)
    _layout: int | None = field(default=None, repr=False)

    def cache(self, dim: int, n_positions: int, base: float = 10000.0) -> Any:
        value = self.precompute(dim, n_positions)
        if isinstance(value, Tensor) and value.is_complex():
            return torch.view_as_real(value)
        return value

    def apply(self, x: Tensor, cache: Tensor, positions: Tensor | None = None) -> Any:
        self._probe()
        return self._from_theirs(self.rotate(*self._theirs(x, cache)))

    def inputs_after(self, x: Tensor, cache: Tensor) -> list[Any]:
        self._probe()
        after = self.rotate.inputs_after(*self._theirs(x, cache))[1]
        if self.tokens_second and isinstance(after[0], Tensor) and after[0].dim() == 4:
            after[0] = after[0].transpose(1, 2)
        if self.complex_cache and isinstance(after[1], Tensor) and after[1].is_complex():
            after[1] = torch.view_as_real(after[1])
        return after

    def gradient(self, x: Tensor, cache: Tensor, grad_output: Tensor) -> Any:
        self._probe()
        if self.halves:
            grad_output = torch.cat((grad_output[..., 0::2], grad_output[..., 1::2]), dim=-1)
        if self.tokens_second:
            grad_output = grad_output.transpose(1, 2)
        [got], _ = self.rotate.gradients(list(self._theirs(x, cache)), [0], grad_output.contiguous())
        return got.transpose(1, 2) if self.tokens_second and isinstance(got, Tensor) and got.dim() == 4 else got

    def attend(
        self, sizes: HeadSizes, weights: Mapping[str, Tensor], x: Tensor, rope: bool = True
    ) -> tuple[Any, dict[str, Tensor]]:
        if self._layout is None:
            plain = _cmu_heads(self.constructor)
            plain.build(sizes)
            self._layout = plain.layout
        heads = _cmu_heads(self.constructor, rope)
        heads.layout = self._layout  # found without RoPE, whose mistakes must not lead to another one
        module = heads.build(sizes)
        module.load(weights)
        module.train(False)
        return module(x), module.loaded()

    def _theirs(self, x: Tensor, cache: Tensor) -> tuple[Tensor, Tensor]:
        if self.tokens_second:
            x = x.transpose(1, 2).contiguous()
        return x, torch.view_as_complex(cache.contiguous()) if self.complex_cache else cache

    def _from_theirs(self, value: Any) -> Any:
        if not isinstance(value, Tensor) or value.dim() != 4:
            return value
        if self.tokens_second:
            value = value.transpose(1, 2)
        if self.halves and value.shape[-1] % 2 == 0:
            even, odd = value.chunk(2, dim=-1)
            value = torch.stack((even, odd), dim=-1).flatten(-2)
        return value

    def _probe(self) -> None:
        """Find the layout with which the rotation is right; the stated one if none is."""
        if self._probed:
            return
        self._probed = True
        x = torch.randn(2, 3, 5, 8, generator=generator(20260227))
        own = self.precompute(8, 6)
        self.complex_cache = isinstance(own, Tensor) and own.is_complex()
        exact = oracles.rope_cache(8, 6)
        for self.tokens_second, self.halves in ((False, False), (False, True), (True, False), (True, True)):
            try:
                if agrees(self._from_theirs(self.rotate(*self._theirs(x, exact.float()))), oracles.rope(x, exact)):
                    return
            except StudentError:
                continue
        self.tokens_second = self.halves = False


# ---------------------------------------------------------------------------------------------------- span corruption


@dataclass
class CmuSpanCorruption:
    """`CharCorruptionDataset(data, block_size)`; randomness is whatever global generator the student draws from."""

    constructor: Remote
    notes: list[str] = field(default_factory=list)
    _datasets: dict[tuple[tuple[str, ...], int], Remote] = field(default_factory=dict, repr=False)

    def ids_of(self, documents: Sequence[str]) -> dict[str, int]:
        return character_ids("\n".join(documents))

    def draw(
        self,
        documents: Sequence[str],
        index: int,
        block_size: int,
        count: int,
        seed: int,
        ids: Mapping[str, int] | None = None,
    ) -> list[Any]:
        key = (tuple(documents), block_size)
        if key not in self._datasets:
            self._datasets[key] = self.constructor.construct("\n".join(documents), block_size)
        self.constructor.worker.seed(seed)
        values = self._datasets[key].call_many([[index]] * count, "__getitem__")
        return [self._canonical(value, block_size) for value in values]

    def _canonical(self, value: Any, block_size: int) -> Any:
        """Bring the two tolerated variants into the common form; anything else stays as it is."""
        if not isinstance(value, tuple | list) or len(value) != 2:
            return value
        x, y = value
        if not all(isinstance(t, Tensor) and t.dtype is torch.int64 and t.dim() == 1 and len(t) for t in (x, y)):
            return value
        if len(x) == len(y) == block_size - 1:
            self._note(
                "x and y have block_size − 1 elements, as in the parent course's older text; here it is block_size."
            )
            x, y = torch.cat((x, y[-1:])), torch.cat((y, y.new_zeros(1)))
        text = [*x.tolist(), int(y[-1])]
        end = len(text)
        while end and text[end - 1] == 0:
            end -= 1
        if end and text[end - 1] == 1 and text.count(1) == 3:
            self._note("A third ⁇ stands behind the content, as in the starter's examples; its text says two.")
            x, y = x.clone(), y.clone()
            if end <= len(x):
                x[end - 1] = 0
            y[end - 2] = 0
        return x, y

    def _note(self, note: str) -> None:
        if note not in self.notes:
            self.notes.append(note)


def _constructor(worker: Worker) -> Remote:
    constructor = worker.resolve("attention", "CausalSelfAttention")
    require_parameters(constructor, "attention.py", ("config",), is_class=True)
    return constructor


def _open_attention(worker: Worker) -> AlignedMultiHead:
    return _cmu_heads(_constructor(worker))


def _open_rope(worker: Worker) -> CmuRope:
    precompute = worker.resolve("attention", "precompute_rotary_emb")
    rotate = worker.resolve("attention", "apply_rotary_emb")
    require_parameters(precompute, "attention.py", ("dim", "max_positions"))
    require_parameters(rotate, "attention.py", ("x", "rope_cache"))
    return CmuRope(precompute, rotate, _constructor(worker))


def _open_span_corruption(worker: Worker) -> CmuSpanCorruption:
    constructor = worker.resolve("dataset", "CharCorruptionDataset")
    require_parameters(constructor, "dataset.py", ("data", "block_size"), is_class=True)
    return CmuSpanCorruption(constructor)


# ---------------------------------------------------------------------------------------------------- training


def _open_training(worker: Worker) -> Learners:
    """`GPT(GPTConfig(vocab_size, block_size, …))` of models.py, which is given, with the student's attention in it.

    The variant is `vanilla`.
    """
    constructor, config = worker.resolve("models", "GPT"), worker.resolve("models", "GPTConfig")
    attention = worker.resolve("attention", "CausalSelfAttention")
    if is_pair(
        _constructed(attention, HeadSizes(12, 3, max_tokens=8))(torch.zeros(1, 2, 12))
    ):  # as an older release did, whose models.py took the first
        alone = worker.make("first_output", of=attention.handle)
        constructor.part("__init__.__globals__").do("__setitem__", "CausalSelfAttention", alone)

    def make(sizes: GptSizes) -> Learner:
        made = config.construct(
            sizes.vocab_size,
            sizes.block_size,
            n_layer=sizes.n_layers,
            n_head=sizes.n_heads,
            n_embd=sizes.d_model,
            embd_pdrop=0.0,
            resid_pdrop=0.0,
            attn_pdrop=0.0,
        )
        return Learner(constructor.construct(made.handle), targets=True)

    return Learners(worker, make)


BINDING = {
    "multi_head": Offer(_open_attention, frozenset({"standalone", "attention_dropout"})),
    "rope": Offer(_open_rope, frozenset({"inside_attention"})),
    "span_corruption": Offer(_open_span_corruption),
    "training": Offer(_open_training),
}
