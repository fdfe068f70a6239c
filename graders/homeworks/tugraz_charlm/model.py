"""Questions d and f: `GPT(config)` with its `forward` and its `sample`."""

import dataclasses
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from graders.by_name import Argument, arranged
from graders.language_model import PartedGpt, build_gpt
from graders.parts import returns_pair, stand_in
from graders.signature import require_parameters
from graders.tasks import GptSizes, ModelSpec
from graders.training import Learner, Learners
from sandbox.client import Remote, Worker
from sandbox.errors import StudentError
from sandbox.wire import Handle

from .notebook import PLACE, config, found

# names under which students take the three arguments, beside those of the handout
_START = [
    "idx",
    "ids",
    "x",
    "start",
    "start_sequence",
    "starting_sequence",
    "start_seq",
    "sequence",
    "seq",
    "context",
    "prompt",
    "tokens",
    "input_ids",
    "start_tokens",
    "start_ids",
    "x_start",
    "inputs",
]
_COUNT = [
    "max_tokens",
    "max_new",
    "n_new_tokens",
    "num_new_tokens",
    "new_tokens",
    "n_tokens",
    "num_tokens",
    "length",
    "steps",
    "n",
    "max_length",
]
_TEMPERATURE = ["temp", "tau", "t", "τ"]


def _gpt(worker: Worker, width: int, as_pair: bool = False) -> Remote:
    """The class GPT, whose blocks are stand-ins."""
    block = stand_in(worker, width, width, residual=True, as_pair=as_pair)
    constructor = found(worker, "GPT", block)
    require_parameters(constructor, PLACE, ("config",), is_class=True)
    return constructor


def _config(worker: Worker, sizes: GptSizes) -> Handle:
    return config(
        worker,
        block_size=sizes.block_size,
        vocab_size=sizes.vocab_size,
        n_layer=sizes.n_layers,
        n_head=sizes.n_heads,
        n_embd=sizes.d_model,
        dropout=sizes.dropout,
    )


@dataclass
class CharGpts:
    """`GPT(config)` without its `sample`."""

    worker: Worker
    _as_pair: bool | None = field(default=None, init=False)

    def build(self, sizes: GptSizes) -> PartedGpt:
        if self._as_pair is None:
            self._as_pair = returns_pair(lambda: found(self.worker, "Block").construct(config(self.worker)), 12)
        constructor = _gpt(self.worker, sizes.d_model, self._as_pair)
        return build_gpt(constructor.construct(_config(self.worker, sizes)), sizes)


def open_gpt(worker: Worker) -> CharGpts:
    _gpt(worker, 12)
    return CharGpts(worker)


def open_training(worker: Worker) -> Learners:
    """The whole model, with the notebook's own parts in it."""
    constructor = found(worker, "GPT")
    require_parameters(constructor, PLACE, ("config",), is_class=True)
    return Learners(worker, lambda sizes: Learner(constructor.construct(_config(worker, sizes)), targets=True))


@dataclass
class Sampling:
    """`GPT.sample`, in a model whose `forward` is ours: a wrong one costs nothing here."""

    worker: Worker
    constructor: Remote
    notes: list[str] = field(default_factory=list, init=False)
    _as_pair: bool | None = field(default=None, init=False)  # whether the student's own forward returns a pair
    _flat: bool | None = field(default=None, init=False)  # whether the start sequence is (T,) and not (B, T)

    def __call__(
        self,
        model: ModelSpec,
        ids: Tensor,
        n_new_tokens: int,
        tau: float = 1.0,
        k: int | None = None,
        p: float | None = None,
        seed: int = 0,
    ) -> Any:
        sample = self._made(model)[0].part("sample")
        positional, by_name = self._arguments(sample, self._theirs(ids), n_new_tokens, tau)
        self.worker.seed(seed)
        return self._text(sample(*positional, **by_name), ids, n_new_tokens)

    def ids_after(self, model: ModelSpec, ids: Tensor, n_new_tokens: int) -> Any:
        sample = self._made(model)[0].part("sample")
        start = self._theirs(ids)
        positional, by_name = self._arguments(sample, start, n_new_tokens, 1.0)
        place = next((i for i, value in enumerate(positional) if value is start), None)
        if place is None:
            return ids  # taken by keyword only: not to be seen
        after = sample.inputs_after(*positional, **by_name)[1][place]
        return after[None] if self._flat and isinstance(after, Tensor) else after

    def mode_after(self, model: ModelSpec, ids: Tensor, training: bool) -> Any:
        made = self._made(model)[0]
        made.do("train", training)
        self._run(made, ids)
        return made.get("training")

    def requires_grad(self, model: ModelSpec, ids: Tensor) -> Any:
        made, forward = self._made(model)
        self._run(made, ids)
        return forward.get("saw_graph")

    def _run(self, made: Remote, ids: Tensor) -> None:
        positional, by_name = self._arguments(made.part("sample"), self._theirs(ids), 3, 1.0)
        made.part("sample")(*positional, **by_name)

    def _theirs(self, ids: Tensor) -> Tensor:
        """The start sequence in the form that is taken."""
        if self._flat is None:
            self._flat = self._takes_flat()
        return ids[0] if self._flat else ids

    def _arguments(
        self, sample: Remote, start: Tensor, n_new_tokens: int, tau: float
    ) -> tuple[list[Any], dict[str, Any]]:
        arguments = [
            Argument("start sequence", start, _START),
            Argument("max_new_tokens", n_new_tokens, _COUNT),
            Argument("temperature", tau, _TEMPERATURE),
        ]
        return arranged(sample, arguments, PLACE)

    def _made(self, spec: ModelSpec) -> tuple[Remote, Remote]:
        """A model and its forward."""
        if self._as_pair is None:
            plain = self.constructor.construct(config(self.worker, n_layer=1, n_embd=4))
            try:
                value = plain(torch.tensor([[1, 2, 3]]))
                self._as_pair = not isinstance(value, Tensor)
            except StudentError:
                self._as_pair = True
        block_size = spec.block_size or 1000
        made = config(self.worker, block_size=block_size, vocab_size=spec.vocab_size, n_layer=1, n_embd=4, n_head=1)
        model = self.constructor.construct(made)
        arguments = dataclasses.asdict(dataclasses.replace(spec, as_tuple=self._as_pair))
        forward = Remote(self.worker, self.worker.make("model", **arguments), "the model")
        model.set("forward", forward.handle)
        model.do("train", False)
        return model, forward

    def _takes_flat(self) -> bool:
        """Whether only a start sequence (T,) is taken."""
        for flat in (False, True):
            self._flat = flat
            try:
                self._run(self._made(ModelSpec(7, 8, seed=1))[0], torch.tensor([[1, 5, 2]]))
                return flat
            except StudentError:
                continue
        return False  # neither is taken: the usual form shows why

    def _text(self, value: Any, ids: Tensor, n_new_tokens: int) -> Any:
        """The text (B, T + n_new_tokens): of a list, of a text without the axis of the batch, of the new tokens alone."""
        B = len(ids)
        if isinstance(value, list) and all(type(token) is int and abs(token) < 2**31 for token in value):
            value = torch.tensor(value, dtype=torch.int64)
        if not isinstance(value, Tensor) or value.dtype is not torch.int64:
            return value
        if value.dim() == 1 and B == 1:
            value = value[None]
        if tuple(value.shape) == (B, n_new_tokens):
            note = "sample returns the new tokens without the start sequence."
            self.notes += [] if note in self.notes else [note]
            return torch.cat((ids, value), dim=1)
        return value


def open_sampling(worker: Worker) -> Sampling:
    return Sampling(worker, _gpt(worker, 4))
