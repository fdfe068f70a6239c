"""One model of questions 1 and 3, as checks see it: filled by role, and held to what was found out about its class."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from graders.compare import require_tensor
from graders.decoder_alignment import DecoderLayout
from graders.known_mistakes import MISTAKES
from graders.oracles.decoder import hidden_state_gradients, hidden_states
from graders.readings import Reading
from graders.tasks import DecoderSizes
from sandbox.client import Remote

_NORM = re.compile(r"norm|(^|_)ln", re.IGNORECASE)


@dataclass(frozen=True)
class Plan:
    """What has been found out about a class.

    Attributes:
        layout: index of the layout of its parameters.
        bare: whether layer norm is left out.
        reading: what it is held to.
        found: whether that is what it does.
        mistaken: a mistake that it makes; only if nothing right is what it does.
    """

    layout: int = 0
    bare: bool = True
    reading: Reading = field(default_factory=Reading)
    found: bool = False
    mistaken: Reading | None = None


@dataclass
class ScratchModule:
    """One model of the student's, behind the layout of its parameters.

    Attributes:
        companion: a single-head model that is wrong in an unknown way; with heads that all attend alike, this one must do
            the same.
        inherited: whether its mistake is the single-head model's.
        form: what its output is in the place of hidden states, if that of the single-head model is, too.
    """

    module: Remote
    layout: DecoderLayout
    sizes: DecoderSizes
    plan: Plan
    n_layouts: int
    companion: "ScratchModule | None" = None
    inherited: bool = False
    form: str = ""
    kept: dict[str, Tensor] = field(default_factory=dict, repr=False)

    @property
    def d_hidden(self) -> int:
        return self.layout.d_hidden

    @property
    def width(self) -> int:
        return self.sizes.vocab_size if self.form == "logits" else self.sizes.d_model

    def load(self, weights: Mapping[str, Tensor]) -> None:
        if self.companion is not None:
            weights = _heads_alike(weights, self.sizes.n_heads)
            self.companion.load(_for_one_head(weights, self.sizes.n_heads))
        self.kept = self.layout.kept(weights)
        self.module.do("load_state_dict", self.layout.pack(weights), strict=False)

    def __call__(self, ids: Tensor) -> Any:
        return taken(self.module(ids), self.form)

    def expected(self, ids: Tensor) -> Iterator[Tensor]:
        readings = [self.plan.reading]
        if self.inherited and self.plan.mistaken is not None:
            readings.append(self.plan.mistaken)
        for reading in readings:
            yield shown(
                hidden_states(self._that_count(reading), self.sizes.n_heads, ids, reading), self.kept, self.form
            )
        if self.companion is not None:
            shape = (*ids.shape, self.width)
            got = taken(self.companion(ids), self.form)
            yield require_tensor(got, "the output of Transformer", shape, torch.float32).double()

    def _that_count(self, reading: Reading) -> dict[str, Tensor]:
        """The weights, without those of norms where none acts."""
        bare = reading.norm1 == reading.norm2 == "none"
        return {role: tensor for role, tensor in self.kept.items() if not bare or ".norm" not in role}

    def supposed(self, ids: Tensor) -> tuple[str, Tensor] | None:
        if self.plan.mistaken is None:
            return None
        value = hidden_states(self._that_count(self.plan.mistaken), self.sizes.n_heads, ids, self.plan.mistaken)
        return MISTAKES[self.plan.mistaken.mistake], shown(value, self.kept, self.form)

    def shared(self) -> list[str]:
        return self.layout.shared()

    def ids_after(self, ids: Tensor) -> Any:
        return self.module.inputs_after(ids)[1][0]

    def gradients(self, ids: Tensor, grad_output: Tensor) -> list[tuple[str, Any, Tensor]]:
        _, by_name = self.module.gradients([ids], [], grad_output, parameters=True)
        counting = self._that_count(self.plan.reading)
        found = hidden_state_gradients(counting, self.sizes.n_heads, ids, self.plan.reading, grad_output)
        expected = {role: found.get(role, torch.zeros_like(kept).double()) for role, kept in self.kept.items()}
        of_norms = set(self.layout.names_of("norm1.weight", "norm1.bias", "norm2.weight", "norm2.bias"))
        packed = self.layout.pack(expected, add=True)
        return [(name, by_name.get(name), gradient) for name, gradient in packed.items() if name not in of_norms]


def norm_modules(layout: DecoderLayout) -> list[str]:
    """The submodules, called as norms are, that hold the gains: not lists of parameters."""
    found = []
    for name in layout.names_of("norm1.weight", "norm2.weight"):
        owner = name.rpartition(".")[0]
        words = [part for part in owner.split(".") if not part.isdigit()]
        if words and _NORM.search(words[-1]) and not name.rpartition(".")[2].isdigit():
            found.append(owner)
    return found


def form_of(output: Any, sizes: DecoderSizes) -> str:
    """How an output differs from hidden states: `logits` of the vocabulary, a `pair` with something else, or not."""
    if isinstance(output, tuple) and len(output) == 2:
        return "pair"
    return "logits" if isinstance(output, Tensor) and output.shape[-1:] == (sizes.vocab_size,) else ""


def taken(output: Any, form: str) -> Any:
    """What is compared of an output."""
    return output[0] if form == "pair" and isinstance(output, tuple) and output else output


def shown(hidden: Tensor, kept: Mapping[str, Tensor], form: str) -> Tensor:
    """Hidden states as they would come out: as logits, multiplied with the embedding."""
    return hidden @ kept["embedding.weight"].double().T if form == "logits" else hidden


def _heads_alike(weights: Mapping[str, Tensor], n_heads: int) -> dict[str, Tensor]:
    """The same weights, but that all heads have the first one's queries and keys."""
    return _changed(weights, lambda tensor: tensor.chunk(n_heads)[0].repeat(n_heads, *[1] * (tensor.dim() - 1)))


def _for_one_head(weights: Mapping[str, Tensor], n_heads: int) -> dict[str, Tensor]:
    """Queries and keys with which one head attends as `n_heads` heads that are alike do.

    Each of n heads has the scores s = q·k / √(d/n), one head has n · q·k / √d = √n · s.
    """
    return _changed(weights, lambda tensor: tensor * n_heads**-0.25)


def _changed(weights: Mapping[str, Tensor], change: Callable[[Tensor], Tensor]) -> dict[str, Tensor]:
    wanted = ("query.weight", "query.bias", "key.weight", "key.bias")
    return {role: change(tensor) if role.endswith(wanted) else tensor for role, tensor in weights.items()}
