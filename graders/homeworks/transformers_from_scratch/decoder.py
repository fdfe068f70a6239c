"""The two classes of questions 1 and 3: how they are found, filled, and which reading of the handout they follow.

Question 1 does not depend on question 2, nor 3 on 1: a model is tried with its layer norm left out first (*bare*), and as
it is after that; either may be right. What the multi-head model does wrong because the single-head one does, too, counts
as right in question 3.
"""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from graders.aligned import agrees
from graders.alignment import Piece, Shape
from graders.decoder_alignment import DecoderLayout, Place, decoder_layouts, places
from graders.known_mistakes import with_mistakes
from graders.oracles.decoder import probed
from graders.readings import Reading, readings_with_norms, readings_without_norms
from graders.strategies import generator
from graders.strategies.decoder import decoder_weights
from graders.tasks import DecoderSizes
from graders.verdict import CheckFailed
from sandbox.client import Remote
from sandbox.errors import StudentError

from .model import Plan, ScratchModule, form_of, norm_modules, shown, taken

_SEED = 20260227
_EXPECTED = (
    "embedding (vocab_size, hidden_dim) and pos_embedding (context_len, hidden_dim); for each layer four matrices (hidden_dim, "
    "hidden_dim) for queries, keys, values and the output, two for the MLP, biases as you like, and gamma and beta"
)

_LITERAL = (
    "The layer's input X is added nowhere. Equations 6 and 8, read to the letter, use Z, and so it counts as right; what is "
    "meant is Z' = Z + X of equation 7, in both."
)


@dataclass
class ScratchDecoder:
    """`Transformer(vocab_size, hidden_dim, context_len, num_layers=2)` or `MultiHeadTransformer(…, num_heads=4, …)`.

    Attributes:
        constructor: the class.
        file: where it was found, for messages.
        layers, heads: what the class calls these arguments; empty if it has none.
        single: for the multi-head class the single-head one, if it is there.
        notes: remarks for the student.
    """

    constructor: Remote
    file: str
    layers: str
    heads: str = ""
    single: "ScratchDecoder | None" = None
    notes: list[str] = field(default_factory=list)
    # Hypothesis prints what a dataclass is made with; these are not
    _tried: dict[tuple[bool, int], tuple[ScratchModule, Tensor, Any]] = field(default_factory=dict, init=False)
    _layouts: dict[DecoderSizes, tuple[Mapping[str, Shape], list[DecoderLayout]]] = field(
        default_factory=dict, init=False
    )

    @property
    def any_depth(self) -> bool:
        return bool(self.layers)

    def build(self, sizes: DecoderSizes) -> ScratchModule:
        sizes = self._fitting(sizes)
        return self._with_companion(self._filled(self.construct(sizes), sizes, self.plan))

    def build_default(self, sizes: DecoderSizes) -> ScratchModule:
        module = self.constructor.construct(sizes.vocab_size, sizes.d_model, sizes.max_tokens)
        return self._with_companion(self._filled(module, self._fitting(sizes), self.plan))

    def extends_single(self) -> bool:
        if self.single is None:
            return False
        return self.constructor.part("__mro__").method("__contains__", self.single.constructor.handle) is True

    def plain(self, sizes: DecoderSizes) -> ScratchModule:
        """A new module as it is, with the weights that it is made with."""
        sizes = self._fitting(sizes)
        return self._filled(self.construct(sizes), sizes, Plan(bare=False))

    def probe(self, bare: bool, layout: int = 0) -> tuple[ScratchModule, Tensor]:
        """A module with weights, and ids to try it with."""
        sizes = self._fitting(_probe_sizes(self))
        module = self._filled(self.construct(sizes), sizes, Plan(layout, bare))
        module.load(decoder_weights(sizes, module.d_hidden, generator(_SEED)))
        return module, torch.randint(sizes.vocab_size, (2, 7), generator=generator(_SEED + 1))

    @functools.cached_property
    def plan(self) -> Plan:
        """What the class does, as far as it is something known."""
        errors = []
        for bare, readings in ((True, readings_without_norms()), (False, readings_with_norms())):
            try:
                found = self.match(bare, readings)
            except StudentError as error:
                errors.append(error)
                continue
            if found is not None:
                if (found[2].mlp_reads, found[2].mlp_adds) == ("plain", "plain"):
                    self.notes.append(_LITERAL)
                return Plan(*found, found=True)
        if len(errors) == 2:
            raise errors[0]
        if errors:
            return Plan(bare=False)
        found = self.match(True, with_mistakes(readings_without_norms(), _probe_sizes(self).n_heads))
        if found is None:
            return Plan()
        layout, bare, reading = found
        return Plan(layout, bare, replace(reading, mistake=""), mistaken=reading)

    def match(self, bare: bool, readings: Sequence[Reading]) -> tuple[int, bool, Reading] | None:
        """The first layout and reading that explain what comes out of the same weights.

        Raises:
            StudentError: the code raised.
        """
        n_heads = _probe_sizes(self).n_heads
        tried: list[dict[str, Piece]] = []
        number, n_layouts = 0, 1
        while number < n_layouts:
            if (bare, number) not in self._tried:
                module, ids = self.probe(bare, number)
                self._tried[bare, number] = module, ids, module(ids)
            module, ids, output = self._tried[bare, number]
            n_layouts, form = module.n_layouts, form_of(output, module.sizes)
            pieces = {key: piece for key, piece in module.layout.pieces.items() if not bare or not _is_norm(piece)}
            if pieces not in tried:  # without norms it is all the same which is which
                tried.append(pieces)
                for reading in readings:
                    if agrees(
                        taken(output, form), shown(probed(module.kept, n_heads, ids, reading), module.kept, form)
                    ):
                        return number, bare, reading
            number += 1
        return None

    @property
    def form(self) -> str:
        """How its output differs from hidden states: `logits` of the vocabulary, a `pair` with something else, or not."""
        try:
            found = self._tried.get((self.plan.bare, self.plan.layout))
        except (StudentError, CheckFailed):
            return ""
        return form_of(found[2], found[0].sizes) if found is not None else ""

    @functools.cached_property
    def places(self) -> list[Place]:
        """Where the layers lie."""
        sizes = self._fitting(_probe_sizes(self))
        return places(self.construct(sizes).parameters(), sizes.n_layers)

    @functools.cached_property
    def layer_norm(self) -> Remote | None:
        """The student's `layer_norm`: a method of the class, or else a function of the same file."""
        for path in ("layer_norm", "forward.__globals__.layer_norm"):
            try:
                found = self.constructor.part(path)
                if found.describe()["callable"]:
                    return replace(found, name="layer_norm" if path == "layer_norm" else "")
            except StudentError:
                continue
        return None

    @property
    def mistake(self) -> str:
        """The mistake that the class makes, if it is a known one."""
        try:
            return self.plan.mistaken.mistake if self.plan.mistaken is not None else ""
        except (StudentError, CheckFailed):
            return ""

    @property
    def is_unknown(self) -> bool:
        """Whether the class runs and does something that is neither right nor a known mistake."""
        try:
            return not self.plan.found and self.plan.mistaken is None
        except (StudentError, CheckFailed):
            return False

    def _fitting(self, sizes: DecoderSizes) -> DecoderSizes:
        """Without an argument for the number of layers there is one."""
        return sizes if self.layers else replace(sizes, n_layers=1)

    def construct(self, sizes: DecoderSizes) -> Remote:
        named = {self.layers: sizes.n_layers, self.heads: sizes.n_heads}
        named.pop("", None)
        return self.constructor.construct(sizes.vocab_size, sizes.d_model, sizes.max_tokens, **named)

    def _filled(self, module: Remote, sizes: DecoderSizes, plan: Plan) -> ScratchModule:
        parameters = module.parameters()
        known, found = self._layouts.get(sizes, ({}, []))
        if known != parameters:
            found = decoder_layouts(parameters, self.places, sizes)
            if found and not found[0].names_of("norm1.weight", "norm2.weight"):
                found = decoder_layouts(parameters, self.places, sizes, _ones(module, parameters)) or found
            self._layouts[sizes] = parameters, found
        if not found:
            listed = ", ".join(f"{name} {shape}" for name, shape in parameters.items()) or "none"
            raise CheckFailed(
                f"{self.file}: the parameters of {self.constructor.name} do not fit. Expected: {_EXPECTED}. Found, with "
                f"vocab_size={sizes.vocab_size}, hidden_dim={sizes.d_model}, context_len={sizes.max_tokens} and "
                f"{sizes.n_layers} layers: {listed[:900]}"
            )
        layout = found[plan.layout] if plan.layout < len(found) else found[0]
        module.do("train", False)
        self._leave_out_norms(module, layout, plan.bare)
        return ScratchModule(module, layout, sizes, plan, len(found))

    def _with_companion(self, module: ScratchModule) -> ScratchModule:
        """What is wrong in the single-head model, too, counts as right."""
        if self.single is not None and self.form and self.form == self.single.form:
            module.form = self.form
        if self.single is not None and not self.plan.found:
            if self.single.is_unknown:
                sizes = replace(module.sizes, n_heads=1)
                module.companion = self.single._filled(self.single.construct(sizes), sizes, self.single.plan)
            module.inherited = self.plan.mistaken is not None and self.plan.mistaken.mistake == self.single.mistake
        return module

    def _leave_out_norms(self, module: Remote, layout: DecoderLayout, bare: bool) -> None:
        """Put the identity in the place of `layer_norm`, and of submodules that are norms."""
        identity = self.constructor.worker.make("identity")
        if self.layer_norm is not None and not self.layer_norm.name:
            function = identity if bare else self.layer_norm.handle
            self.constructor.part("forward.__globals__").do("update", {"layer_norm": function})
        if not bare:
            return
        if self.layer_norm is not None and self.layer_norm.name:
            module.set("layer_norm", identity)
        for owner in norm_modules(layout):
            module.part(owner).set("forward", identity)


def _probe_sizes(decoder: ScratchDecoder) -> DecoderSizes:
    """Three layers, so that norm1 and norm2 are not taken for two of them, and two heads."""
    return DecoderSizes(11, 12, 9, n_layers=3 if decoder.layers else 1, n_heads=2 if decoder.heads else 1)


def _is_norm(piece: Piece) -> bool:
    return piece.rows[0][0].startswith("norm")


def _ones(module: Remote, parameters: Mapping[str, Shape]) -> list[str]:
    """The vectors that are 1 everywhere in a new module: gains, whatever their names."""
    found = []
    for name, shape in parameters.items():
        if len(shape) > 2 or (len(shape) == 2 and shape[0] > 4):
            continue
        try:
            value = module.part(name).method("detach")
        except StudentError:
            continue
        if isinstance(value, Tensor) and value.is_floating_point() and bool((value == 1).all()):
            found.append(name)
    return found
