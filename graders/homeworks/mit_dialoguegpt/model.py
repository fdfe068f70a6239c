"""4(c) `DialogueGPT(vocab_size, max_N, dim, attn_dim, mlp_dim, num_heads, num_layers)`.

What the student writes are the embeddings and the mask. The expected logits are those of the oracle's embeddings, sent
through the model's own Transformer with a causal mask, and through its own head, which is given.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from graders.aligned import agrees, path_in
from graders.strategies import generator
from graders.strategies.gpt import gpt_weights
from graders.tasks import GptSizes
from graders.verdict import CheckFailed
from sandbox.client import Remote, Worker
from sandbox.errors import StudentError

from .notebook import MaskArgument, define, first_of, heads_share_width, is_sound, shaken

ARGUMENTS = ("vocab_size", "max_N", "dim", "attn_dim", "mlp_dim", "num_heads", "num_layers")
_PROBE = GptSizes(11, 8, 2, 2, 6, 17)
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Tables:
    """The names of the two embeddings' parameters, and the paths of the modules between transformer and logits.

    Attributes:
        token, position: the embeddings; "" where there is none of positions.
        head: modules, in the order in which they are applied; none = the token embedding, transposed.
        problem: what to say where there is no embedding of positions.
    """

    token: str
    position: str
    head: tuple[str, ...]
    problem: str = ""


def tables(parameters: Mapping[str, Shape], transformer: str, sizes: GptSizes) -> list[Tables]:
    """The ways to read the parameters that lie outside of the transformer, the likely one first.

    Raises:
        CheckFailed: there is no embedding of tokens.
    """
    outside = {name: shape for name, shape in parameters.items() if not name.startswith(f"{transformer}.")}
    # a bias beside it makes it a linear layer
    lone = {name: shape for name, shape in outside.items() if f"{name.removesuffix('weight')}bias" not in outside}
    tokens = [name for name, shape in lone.items() if _rows(shape, sizes.d_model) == sizes.vocab_size]
    positions = [name for name, shape in lone.items() if _rows(shape, sizes.d_model) == sizes.block_size]
    if not tokens:
        raise CheckFailed(_lacking("tokens", f"vocab_size x dim = {sizes.vocab_size} x {sizes.d_model}", outside))
    tokens.sort(key=lambda name: any(word in name.lower() for word in ("head", "out", "logit", "unembed")))
    problem = ""
    if not positions:
        problem = _lacking("positions", f"max_N x dim = {sizes.block_size} x {sizes.d_model}", outside)
    return [
        Tables(token, position, _head(outside, token, position, sizes), problem)
        for token in tokens
        for position in positions or [""]
    ]


def _lacking(what: str, size: str, outside: Mapping[str, Shape]) -> str:
    listed = ", ".join(f"{name} {shape}" for name, shape in outside.items()) or "none"
    return (
        f"DialogueGPT has no learned embedding of {what}, {size}. Its parameters outside of the Transformer are: "
        f"{listed[:600]}."
    )


def _rows(shape: Shape, d_model: int) -> int | None:
    """The number of rows of a table of embeddings, (n, d_model) or (1, n, d_model)."""
    inner = shape[1:] if len(shape) == 3 and shape[0] == 1 else shape
    return inner[0] if len(inner) == 2 and inner[1] == d_model else None


def _head(outside: Mapping[str, Shape], token: str, position: str, sizes: GptSizes) -> tuple[str, ...]:
    """The paths of the modules that hold what is neither embedding: norms first, what leads to the vocabulary last."""
    rest = {name: shape for name, shape in outside.items() if name not in (token, position)}
    taken = {name.partition(".")[0] for name in (token, position) if name}
    groups: dict[str, list[Shape]] = {}
    for name, shape in rest.items():
        top = name.partition(".")[0]
        groups.setdefault(top if top not in taken else name.rpartition(".")[0], []).append(shape)
    return tuple(sorted(groups, key=lambda path: any(shape[0] == sizes.vocab_size for shape in groups[path])))


@dataclass
class MitGpt:
    """Builds DialogueGPTs."""

    constructor: Remote
    transformer: Remote
    mask: MaskArgument
    shared_width: bool = False
    obedient: "MitGpt | None" = None  # with other layers in the place of the student's
    notes: list[str] = field(default_factory=list)
    _chosen: int | None = field(default=None, repr=False)

    def build(self, sizes: GptSizes) -> "MitGptModule":
        if self._chosen is None:
            self._chosen = self._choose()
        return self.module(sizes, self._chosen)[0]

    def with_obedient_parts(self) -> "MitGpt":
        return self.obedient or self

    def module(self, sizes: GptSizes, number: int) -> tuple["MitGptModule", int]:
        """A new model, by one of the ways to read its parameters, and the number of these ways."""
        d_head = sizes.d_model // sizes.n_heads
        model = self.constructor.construct(
            sizes.vocab_size,
            sizes.block_size,
            sizes.d_model,
            d_head * (sizes.n_heads if self.shared_width else 1),
            sizes.d_hidden,
            sizes.n_heads,
            sizes.n_layers,
        )
        parts = model.instances(self.transformer)
        if not parts:
            raise CheckFailed(
                "DialogueGPT must hold a Transformer, the class of 2(c), as it is given; PyTorch finds none."
            )
        parameters = model.parameters()
        ways = tables(parameters, path_in(parts[0], model), sizes)
        return MitGptModule(model, self, sizes, parameters, parts[0], ways[number % len(ways)]), len(ways)

    def _choose(self) -> int:
        """The first way with which the logits are right; 0 if there is none."""
        ids = torch.tensor([[1, 5, 9, 3]])
        weights = gpt_weights(_PROBE, generator(3))
        for number in range(self.module(_PROBE, 0)[1]):
            model = self.module(_PROBE, number)[0]
            model.load(weights)
            model.train(False)
            try:
                if agrees(model(ids), next(model.expected(ids))):
                    return number
            except (StudentError, CheckFailed):
                continue
        return 0


@dataclass
class MitGptModule:
    """One DialogueGPT."""

    model: Remote
    maker: MitGpt
    sizes: GptSizes
    shapes: Mapping[str, Shape]
    transformer: Remote
    tables: Tables
    _loaded: dict[str, Tensor] = field(default_factory=dict, repr=False)

    def load(self, weights: Mapping[str, Tensor]) -> None:
        roles = {"token_embedding.weight": self.tables.token, "position_embedding.weight": self.tables.position}
        self._loaded = {role: weights[role] for role, name in roles.items() if name}
        state = shaken(self.shapes, 4)
        state |= {roles[role]: weight.view(self.shapes[roles[role]]) for role, weight in self._loaded.items()}
        self.model.do("load_state_dict", state, strict=False)

    def loaded(self) -> dict[str, Tensor]:
        return self._loaded

    def __call__(self, ids: Tensor) -> Any:
        return first_of(self.model(ids))

    def expected(self, ids: Tensor) -> Iterator[Tensor]:
        if self.tables.problem:
            raise CheckFailed(self.tables.problem)
        tokens, positions = (weights.double() for weights in self._loaded.values())
        embedded = tokens[ids] + positions[: ids.shape[1]]  # (B, T, d_model)
        hidden = embedded.float()
        mask = self.maker.mask.of(hidden, None)
        hidden = _tensor(self.transformer(hidden, mask), "Transformer", (*ids.shape, self.sizes.d_model))
        for path in self.tables.head:
            hidden = _tensor(self.model.part(path)(hidden), path, ids.shape)
        yield hidden.double() if self.tables.head else hidden.double() @ tokens.T

    def with_targets(self, ids: Tensor, targets: Tensor) -> tuple[Any, Any]:
        raise AssertionError("DialogueGPT takes no targets: the capability loss is not offered")

    def train(self, mode: bool) -> None:
        self.model.do("train", mode)

    def ids_after(self, ids: Tensor) -> Any:
        return self.model.inputs_after(ids)[1][0]

    def parameters(self) -> dict[str, Shape]:
        return self.model.parameters()

    def gradients(self, ids: Tensor, grad_logits: Tensor) -> dict[str, Any]:
        return self.model.gradients([ids], [], grad_logits, output=0, parameters=True)[1]


def _tensor(value: Any, part: str, shape: tuple[int, ...]) -> Tensor:
    """What a part of the model returned, if it can be passed on."""
    output = first_of(value)
    if not isinstance(output, Tensor) or not output.is_floating_point() or tuple(output.shape[: len(shape)]) != shape:
        raise CheckFailed(f"What {part} of DialogueGPT returns is not a tensor whose shape begins with {tuple(shape)}.")
    return output


def open_gpt(worker: Worker) -> MitGpt:
    found = define(worker, "DialogueGPT", ARGUMENTS, "Transformer?", "MultiHeadedAttention?")
    given = worker.make("masked_part", of="layers")
    other = define(worker, "DialogueGPT", ARGUMENTS, instead={"Transformer": given})
    obedient = MitGpt(other["DialogueGPT"], Remote(worker, given, "Transformer"), MaskArgument())
    if "Transformer" in found:
        shared_width = heads_share_width(found.get("MultiHeadedAttention"))
        own = MitGpt(found["DialogueGPT"], found["Transformer"], MaskArgument(), shared_width, obedient)
        if _transformer_is_sound(own):
            return own
    obedient.notes.append(
        "Your Transformer does not give finite numbers of the right shape under a causal mask, so another one stands in its "
        "place; see problem 2."
    )
    return obedient


def _transformer_is_sound(gpt: MitGpt) -> bool:
    """Whether the student's own Transformer runs under a causal mask, and gives numbers."""
    try:
        model = gpt.module(_PROBE, 0)[0]
        model.load(gpt_weights(_PROBE, generator(5)))
        x = torch.randn(2, 5, _PROBE.d_model, generator=generator(6))
        return is_sound(gpt.mask.adapt(lambda given: model.transformer(x, given), x), (2, 5, _PROBE.d_model))
    except CheckFailed:
        return True  # its embeddings are not there, and the student will be told so
    except StudentError:
        return False
