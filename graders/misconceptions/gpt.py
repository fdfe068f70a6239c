"""Misconceptions of the language model."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ..compare import require_tensor
from ..oracles import multi_head
from ..oracles.gpt import gpt_loss
from ..oracles.layer_norm import layer_norm
from ..oracles.mlp import mlp
from ..strategies import generator
from ..strategies.block import silenced
from ..strategies.gpt import gpt_weights
from ..tasks import Gpt, GptModule, GptSizes, MaskingGpt
from ..verdict import Misconception
from .bank import Asked, Bank, NoAnswer, Probe, same

_B, _T = 2, 5


@dataclass(frozen=True)
class Loaded:
    """A model that has answered.

    Attributes:
        model: it, to be asked what would be right with other weights.
        sizes: what it was built with.
        weights: what it has been given, by role.
        ids: the question, (B, T).
        right: what counts as right.
    """

    model: GptModule
    sizes: GptSizes
    weights: Mapping[str, Tensor]
    ids: Tensor
    right: list[Tensor]

    def with_weights(self, **changed: Tensor) -> Tensor:
        """The logits that would be right with other tables of embeddings."""
        return self.with_roles({f"{role}.weight": table for role, table in changed.items()})

    def with_roles(self, changed: Mapping[str, Tensor]) -> Tensor:
        """The logits that would be right with other weights."""
        self.model.load({**self.weights, **changed})
        return next(self.model.expected(self.ids))

    def part(self, name: str) -> dict[str, Tensor]:
        """The weights of a part, by role."""
        prefix = f"{name}."
        return {role.removeprefix(prefix): each for role, each in self.weights.items() if role.startswith(prefix)}

    @property
    def embedded(self) -> Tensor:
        """The sum of the embeddings, float64, (B, T, d_model)."""
        positions = self.weights["position_embedding.weight"].double()[: self.ids.shape[1]]
        return self.weights["token_embedding.weight"].double()[self.ids] + positions


def _draw(rng: random.Random, n_layers: int) -> tuple[GptSizes, Tensor, torch.Generator]:
    """Sizes that are pairwise distinct, and ids of which there are fewer than block_size."""
    noise = generator(rng.getrandbits(32))
    n_heads, d_head = rng.choice([(2, 3), (3, 2), (3, 4)])
    d_model = n_heads * d_head
    sizes = GptSizes(rng.choice([10, 11, 13]), rng.choice([7, 8]), n_layers, n_heads, d_model, 4 * d_model)
    return sizes, torch.randint(sizes.vocab_size, (_B, _T), generator=noise), noise


def _model(gpt: Gpt, sizes: GptSizes, weights: Mapping[str, Tensor]) -> GptModule:
    model = gpt.build(sizes)
    model.load(weights)
    model.train(False)
    return model


def _ask(gpt: Gpt, rng: random.Random) -> Asked:
    """The logits of a model with two blocks."""
    sizes, ids, noise = _draw(rng, 2)
    weights = gpt_weights(sizes, noise)
    model = _model(gpt, sizes, weights)
    got, right = model(ids), list(model.expected(ids))
    return Asked(got, right, Loaded(model, sizes, weights, ids, right))


def _ask_around_the_blocks(gpt: Gpt, rng: random.Random) -> Asked:
    """The logits of a model whose block adds nothing, so that the embeddings reach the last norm as they are."""
    sizes, ids, noise = _draw(rng, 1)
    weights = silenced(gpt_weights(sizes, noise), "attn", "mlp")
    model = _model(gpt, sizes, weights)
    got, right = model(ids), list(model.expected(ids))
    return Asked(got, right, Loaded(model, sizes, weights, ids, right))


def _ask_for_the_loss(gpt: Gpt, rng: random.Random) -> Asked:
    """The loss, given the model's own logits: whether these are right does not matter."""
    sizes, ids, noise = _draw(rng, 1)
    targets = torch.randint(1, sizes.vocab_size, ids.shape, generator=noise)
    model = _model(gpt, sizes, gpt_weights(sizes, noise))
    logits = require_tensor(model(ids), "the logits", (*ids.shape, sizes.vocab_size), torch.float32)
    loss = model.with_targets(ids, targets)[1]
    return Asked(loss, [gpt_loss(logits, targets)], (logits.double(), targets))


def _ask_which_tokens_matter(gpt: MaskingGpt, rng: random.Random) -> Asked:
    """(T, T): where the logits at each place change when the token at another one does, with layers that obey the mask."""
    sizes, ids, noise = _draw(rng, 1)
    model = _model(gpt.with_obedient_parts(), sizes, gpt_weights(sizes, noise))
    changed = ids[:1].repeat(_T + 1, 1)  # (T + 1, T): the last one stays as it is
    places = torch.arange(_T)
    changed[places, places] = (changed[places, places] + 1) % sizes.vocab_size
    logits = require_tensor(model(changed), "the logits", (*changed.shape, sizes.vocab_size), torch.float32)
    moved = (logits[:-1] - logits[-1]).abs().amax(-1) > 1e-6
    return Asked(moved, [torch.ones(_T, _T, dtype=torch.bool).triu()], None)


def _without_positions(case: Loaded) -> Tensor:
    return case.with_weights(position_embedding=torch.zeros_like(case.weights["position_embedding.weight"]))


def _positions_from_one(case: Loaded) -> Tensor:
    return case.with_weights(position_embedding=case.weights["position_embedding.weight"].roll(-1, dims=0))


def _last_block_for_all(case: Loaded) -> Tensor:
    last = case.part(f"blocks.{case.sizes.n_layers - 1}")
    return case.with_roles({f"blocks.{i}.{role}": last[role] for i in range(case.sizes.n_layers) for role in last})


def _without_last_norm(case: Loaded) -> Tensor:
    """The embeddings times the head, which may be the token embedding."""
    normed = layer_norm(case.embedded, case.weights["norm.weight"], case.weights["norm.bias"])
    for role in ("head.weight", "token_embedding.weight"):
        head = case.weights[role].double()
        if any(same(normed @ head.T, right) for right in case.right):
            return case.embedded @ head.T
    raise NoAnswer("the model has no last norm, or another head")


def _seeing(further: int) -> Callable[[Loaded], Tensor]:
    """Each token sees so many later ones; for models whose blocks hold the weights that were given."""

    def answer(case: Loaded) -> Tensor:
        if "blocks.0.attn.query.weight" not in case.model.loaded():
            raise NoAnswer("the blocks are stand-ins, or the student's own with other weights")
        mask = torch.ones(_T, _T, dtype=torch.bool).tril(further)
        x = case.embedded
        for i in range(case.sizes.n_layers):
            norms = {role: case.part(f"blocks.{i}.{role}") for role in ("norm1", "norm2")}
            normed = layer_norm(x, norms["norm1"]["weight"], norms["norm1"]["bias"])
            x = x + multi_head(case.part(f"blocks.{i}.attn"), case.sizes.n_heads, normed, mask)
            normed = layer_norm(x, norms["norm2"]["weight"], norms["norm2"]["bias"])
            x = x + mlp(case.part(f"blocks.{i}.mlp"), normed)
        return (
            layer_norm(x, case.weights["norm.weight"], case.weights["norm.bias"])
            @ case.weights["head.weight"].double().T
        )

    return answer


def _shifted_again(case: tuple[Tensor, Tensor]) -> Tensor:
    logits, targets = case
    return gpt_loss(logits[:, :-1], targets[:, 1:])


def _summed(case: tuple[Tensor, Tensor]) -> Tensor:
    logits, targets = case
    return gpt_loss(logits, targets) * targets.numel()


def _of_the_last_token(case: tuple[Tensor, Tensor]) -> Tensor:
    logits, targets = case
    return F.cross_entropy(logits[:, -1], targets[:, -1])


_NOT_CAUSAL = Misconception(
    "not_causal",
    "Your model lets each token see all later ones; position t may see tokens 0 … t only, or it reads what it is to predict.",
    "Change the last token: the logits of all earlier positions should stay as they are.",
)
_SEES_THE_NEXT = Misconception(
    "sees_the_next_token",
    "Your mask is one place off: position t sees token t + 1 too, the very one that it is to predict.",
    "Print your mask for T = 4: its first row must allow one token.",
)

BANK = Bank(
    "gpt",
    (
        Probe(
            _ask,
            {
                Misconception(
                    "no_position_embedding",
                    "Your model does not add the position embedding; its input is token_embedding(id) + "
                    "position_embedding(t).",
                    "Two equal tokens at different places should give different logits. Look at what the first block reads.",
                ): _without_positions,
                Misconception(
                    "positions_start_at_one",
                    "Your positions count from 1; the first token has position 0.",
                    "Print the positions that you look up for T = 3.",
                ): _positions_from_one,
                Misconception(
                    "one_block_for_all_layers",
                    "All your layers are one and the same block, with the same weights; each of the n_layers blocks has "
                    "weights of its own.",
                    "Count your model's parameters for 1 layer and for 2, and look at how the list of blocks is made.",
                ): _last_block_for_all,
                Misconception(
                    "returns_probabilities",
                    "Your model returns softmax(logits); it should return the logits themselves, and the loss takes the "
                    "softmax.",
                    "The output of the head is what is asked for. See what you do with it before you return it.",
                ): lambda case: case.right[0].softmax(-1),
                _NOT_CAUSAL: _seeing(_T),
                _SEES_THE_NEXT: _seeing(1),
            },
        ),
        Probe(
            _ask_around_the_blocks,
            {
                Misconception(
                    "no_final_norm",
                    "Your head reads what the last block returns; the last norm belongs between the two: head(norm(x)).",
                    "Count which of the modules that you made in __init__ are called in forward.",
                ): _without_last_norm,
            },
            lacks=frozenset({"obedient_parts"}),
        ),
        Probe(
            _ask_for_the_loss,
            {
                Misconception(
                    "shifts_the_targets_again",
                    "Your loss compares the logits at t with targets[t + 1]; the targets are shifted already, so that "
                    "targets[t] follows ids[t].",
                    "Write down ids and targets for a text of four tokens, and which two of them your loss compares.",
                ): _shifted_again,
                Misconception(
                    "loss_is_a_sum",
                    "Your loss is the sum over all B · T targets; it should be their mean.",
                    "Give your model a batch and then the same batch twice over: the loss should stay as it is.",
                ): _summed,
                Misconception(
                    "loss_of_the_last_token",
                    "Your loss counts the last position of each sequence only; it should be the mean over all B · T targets.",
                    "Look at the shape of what you hand to the loss, and count its rows.",
                ): _of_the_last_token,
            },
            requires=frozenset({"loss"}),
        ),
        Probe(
            _ask_which_tokens_matter,
            {
                _NOT_CAUSAL: lambda _: torch.ones(_T, _T, dtype=torch.bool),
                _SEES_THE_NEXT: lambda _: torch.ones(_T, _T, dtype=torch.bool).triu(-1),
            },
            requires=frozenset({"obedient_parts"}),
        ),
    ),
)
