"""Language models of students with names of their own, whose blocks are graded in other questions."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from sandbox.client import Remote

from .aligned import is_pair
from .compare import require_pair
from .parts import Norm, PartedModule, Shape, do_not_fit, norms_of, require_parts, split
from .tasks import GptSizes

_HEADS = ("head", "unembed", "output", "out", "lm", "logits", "proj", "fc")


@dataclass(frozen=True)
class Roles:
    """The model's parameters by role.

    Attributes:
        tokens, positions: the embeddings.
        norm: the last one, before the head.
        head: None if it is the token embedding.
        columns: whether the head's weight is (d_model, V), as bare parameters often are.
        head_bias: None if there is none.
        blocks: the stand-ins' parameters.
    """

    tokens: str
    positions: str
    norm: Norm
    head: str | None
    columns: bool
    head_bias: str | None
    blocks: list[str]


def roles_of(parameters: Mapping[str, Shape], sizes: GptSizes, whole: str) -> Roles:
    """Match the parameters of a model, whose blocks are stand-ins, with their roles.

    Raises:
        CheckFailed: they cannot be matched.
    """
    V, n_tokens, width = sizes.vocab_size, sizes.block_size, sizes.d_model
    blocks, rest = split(parameters)
    require_parts(blocks, sizes.n_layers, whole, "Block")
    error = do_not_fit(
        whole,
        f"a token embedding {(V, width)}, a position embedding {(n_tokens, width)}, a last normalisation {(width,)} and a "
        f"head {(V, width)}, beside the blocks",
        rest,
    )
    positions = [name for name, shape in rest.items() if shape in ((n_tokens, width), (1, n_tokens, width))]
    tables = [name for name, shape in rest.items() if shape == (V, width) and name not in positions]
    across = [name for name, shape in rest.items() if shape == (width, V) and name not in (*positions, *tables)]
    if len(positions) != 1 or len(tables) + len(across) not in (1, 2) or not tables:
        raise error
    tables.sort(key=_sounds_like_a_head)  # stable: of two names that say nothing the first is the embedding
    tokens, *heads = [*tables, *across]
    head = heads[0] if heads else None
    biases = [] if head is None else [name for name, shape in rest.items() if shape == (V,) and _beside(name, head)]
    used = {*positions, *tables, *across, *biases}
    unused = {name: shape for name, shape in rest.items() if name not in used}
    norms = norms_of(unused, width)
    if len(norms) > 1 or any(name not in (norm.gain, norm.bias) for norm in norms for name in unused):
        raise error
    if unused and not norms:
        raise error
    norm = norms[0] if norms else None
    return Roles(tokens, positions[0], norm or Norm(), head, bool(across), next(iter(biases), None), blocks)


def _sounds_like_a_head(name: str) -> bool:
    last = [part for part in name.lower().split(".") if part not in ("weight", "bias")][-1:]
    return any(word in part for part in last for word in _HEADS) and "emb" not in "".join(last).replace("unemb", "")


def _beside(bias: str, weight: str) -> bool:
    """Whether a bias belongs to a weight: both in one layer, or two bare parameters."""
    return bias.rpartition(".")[0] == weight.rpartition(".")[0]


@dataclass
class PartedGpt:
    """One language model in which stand-ins have taken the blocks' places.

    Attributes:
        whole: the module and what has been loaded.
        sizes: what it was built with.
        roles: its parameters.
        shapes: of its parameters.
    """

    whole: PartedModule
    sizes: GptSizes
    roles: Roles
    shapes: Mapping[str, Shape]

    def load(self, weights: Mapping[str, Tensor]) -> None:
        """Load weights by role; the blocks' attention projections become the stand-ins' weights."""
        roles = self.roles
        state = {roles.tokens: weights["token_embedding.weight"]}
        state[roles.positions] = weights["position_embedding.weight"].view(self.shapes[roles.positions])
        state |= roles.norm.state(weights, "norm")
        if roles.head is not None:
            head = weights["head.weight"]
            state[roles.head] = head.T.contiguous() if roles.columns else head
        if roles.head_bias is not None:
            state[roles.head_bias] = torch.zeros(self.sizes.vocab_size)
        for i, name in enumerate(roles.blocks):
            # with an attention that adds nothing the stand-in is the identity, as a block with silent sublayers is
            state[name] = weights[f"blocks.{i}.attn.proj.weight"].T.contiguous()
        self.whole.put(state)

    def loaded(self) -> dict[str, Tensor]:
        """As in `PartedModule`."""
        return self.whole.loaded()

    def __call__(self, ids: Tensor) -> Any:
        """The logits of all positions: where only the last one comes back without targets, the others come with them."""
        value = self.whole(ids)
        B, T = ids.shape
        V = self.sizes.vocab_size
        last_only = isinstance(value, Tensor) and T > 1 and tuple(value.shape) in ((B, 1, V), (B, V))
        if not last_only:
            return value
        logits = self.with_targets(ids, torch.zeros_like(ids))[0]
        if not isinstance(logits, Tensor) or tuple(logits.shape) != (B, T, V):
            return logits
        return torch.cat((logits[:, :-1], value.view(B, 1, V).to(logits.dtype)), dim=1)

    def expected(self, ids: Tensor) -> Iterator[Tensor]:
        """The logits in float64, for the stand-ins as they are."""
        roles = self.roles
        state = {name: tensor.double() for name, tensor in self.whole.state.items()}
        positions = state[roles.positions].view(-1, self.sizes.d_model)[: ids.shape[1]]
        x = state[roles.tokens][ids] + positions  # (B, T, d_model)
        for name in roles.blocks:
            x = self.whole.part(name, x, residual=True)
        if roles.norm != Norm():
            x = roles.norm(state, x)
        head = state[roles.head or roles.tokens]
        yield x @ (head if roles.columns else head.T)  # (B, T, V)

    def with_targets(self, ids: Tensor, targets: Tensor) -> tuple[Any, Any]:
        """Logits, brought into the shape (B, T, V), and loss."""
        logits, loss = require_pair(self.whole.module(ids, targets), "With targets the model", ("logits", "loss"))
        B, T = ids.shape
        if isinstance(logits, Tensor) and tuple(logits.shape) == (B * T, self.sizes.vocab_size):
            logits = logits.view(B, T, -1)
        return logits, loss

    def train(self, mode: bool) -> None:
        """Switch between train and eval mode."""
        self.whole.train(mode)

    def ids_after(self, ids: Tensor) -> Any:
        """The ids as they are after a call."""
        return self.whole.inputs_after(ids)[0]

    def parameters(self) -> dict[str, tuple[int, ...]]:
        """Names and shapes of the parameters, those of stand-ins among them."""
        return dict(self.shapes)

    def gradients(self, ids: Tensor, grad_logits: Tensor) -> dict[str, Any]:
        """Gradients of Σ logits · grad_logits by the module's own names."""
        output = 0 if is_pair(self.whole.module(ids)) else None
        return self.whole.module.gradients([ids], [], grad_logits, output=output, parameters=True)[1]


def build_gpt(module: Remote, sizes: GptSizes) -> PartedGpt:
    """Match a new model's parameters, whose blocks are stand-ins, with their roles.

    Raises:
        CheckFailed: they cannot be matched.
    """
    shapes = module.parameters()
    return PartedGpt(PartedModule(module), sizes, roles_of(shapes, sizes, module.name), shapes)
