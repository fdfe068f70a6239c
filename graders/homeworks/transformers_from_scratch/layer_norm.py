"""Question 2: `layer_norm(x, gamma, beta)`, or modules such as nn.LayerNorm in its place, and what the model does with it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from graders.compare import dtype_name
from graders.oracles.layer_norm import layer_norm
from graders.readings import readings_with_norms
from graders.strategies import generator
from graders.tasks import DecoderSizes
from graders.verdict import CheckFailed
from sandbox.client import Remote, Worker
from sandbox.errors import StudentError

from .classes import open_decoder
from .decoder import ScratchDecoder
from .model import ScratchModule, norm_modules

_EPS = (1e-5, 0.0, 1e-6, 1e-8, 5e-6)
_PLACES = {"none": "does not normalise it", "before": "normalises what goes into it"}


@dataclass
class ScratchLayerNorm:
    """The method of a model of the right width, the function beside it, or a norm module of the model's.

    Attributes:
        decoder: the class `Transformer`.
    """

    decoder: ScratchDecoder
    notes: list[str] = field(default_factory=list)
    _models: dict[int, ScratchModule] = field(default_factory=dict, repr=False)

    def __call__(self, x: Tensor, gain: Tensor, bias: Tensor, eps: float = 1e-5) -> Any:
        function = self._function(x)
        if function is not None:
            return function(x, gain, bias)
        return self._module(x, gain, bias)(x)

    def expected(self, x: Tensor, gain: Tensor, bias: Tensor, eps: float = 1e-5) -> Iterator[Tensor]:
        for unbiased in (False, True):
            for each in _EPS:
                yield layer_norm(x, gain, bias, each, unbiased=unbiased)
            for each in _EPS:  # added to the standard deviation in place of the variance
                deviation = x.double().std(-1, keepdim=True, correction=int(unbiased))
                yield (x.double() - x.double().mean(-1, keepdim=True)) / (deviation + each) * gain + bias

    def inputs_after(self, x: Tensor, gain: Tensor, bias: Tensor) -> list[Any]:
        function = self._function(x)
        if function is not None:
            return function.inputs_after(x, gain, bias)[1]
        return [*self._module(x, gain, bias).inputs_after(x)[1], gain, bias]

    def gradients(self, x: Tensor, gain: Tensor, bias: Tensor, grad_output: Tensor) -> list[Any]:
        function = self._function(x)
        if function is not None:
            return function.gradients([x, gain, bias], [0, 1, 2], grad_output)[0]
        [of_x], others = self._module(x, gain, bias).gradients([x], [0], grad_output, parameters=True)
        return [of_x, *[*others.values(), None, None][:2]]

    def not_applied(self) -> str:
        """Whether norms with parameters of their own act behind attention and MLP.

        Neither a wrong attention nor a wrong layer norm counts here: where the model does nothing known, it is enough that
        all gains and shifts matter.
        """
        module, ids = self.decoder.probe(bare=False)
        roles = [f"{norm}.{part}" for norm in ("norm1", "norm2") for part in ("weight", "bias")]
        names = {role: module.layout.names_of(role) for role in roles}
        if not any(names.values()):
            return "The model has no gain and shift (gamma and beta) to learn."
        output = module(ids)
        if not isinstance(output, Tensor) or not output.is_floating_point() or output.numel() > 100_000:
            return ""  # what comes back is question 1's matter
        grad_output = torch.randn(output.shape, generator=generator(1))
        _, by_name = module.module.gradients([ids], [], grad_output, parameters=True)
        for each in names.values():
            gradients = [by_name.get(name) for name in each]  # whether all layers count is question 1's matter, too
            if each and not any(isinstance(got, Tensor) and bool((got != 0).any()) for got in gradients):
                return f"The model's output does not depend on {', '.join(each[:3])}: layer norm is not applied there."
        try:
            plan = self.decoder.plan
            if not plan.bare or not (plan.found or plan.mistaken):
                found = (plan.layout, False, plan.reading) if plan.found else None
            else:
                found = self.decoder.match(False, readings_with_norms(plan.mistaken or plan.reading))
        except StudentError:
            return ""
        if found is None:
            return ""
        for what, place in (("attention", found[2].norm1), ("MLP", found[2].norm2)):
            if place in _PLACES:
                return f"Layer norm belongs on the output of the {what}; the model {_PLACES[place]}."
        return ""

    def _function(self, x: Tensor) -> Remote | None:
        found = self.decoder.layer_norm
        model = self._model(x.shape[-1])
        if found is None or norm_modules(model.layout):  # beside modules it is what the template had
            return None
        return model.module.part("layer_norm") if found.name else found

    def _module(self, x: Tensor, gain: Tensor, bias: Tensor) -> Remote:
        """A norm module with this gain and shift, in the dtype of x."""
        layout = self._model(x.shape[-1]).layout
        owners = norm_modules(layout)
        if not owners:
            raise CheckFailed(
                f"{self.decoder.file}: {self.decoder.constructor.name} has no method layer_norm(x, gamma, beta), and no "
                "submodule such as nn.LayerNorm in its place."
            )
        module = self._model(x.shape[-1]).module.part(owners[0])
        beside = [*layout.names_of("norm1.weight"), *layout.names_of("norm1.bias")]
        names = [name.rpartition(".")[2] for name in beside if name.rpartition(".")[0] == owners[0]]
        module.do({"float64": "double", "bfloat16": "bfloat16"}.get(dtype_name(x.dtype), "float"))
        module.do("load_state_dict", dict(zip(names, (gain, bias), strict=False)), strict=False)
        return module

    def _model(self, width: int) -> ScratchModule:
        if width not in self._models:
            # an odd vocabulary and an odd context, neither of them the width or a multiple of it
            sizes = DecoderSizes(17, width, 19, n_layers=1)
            self._models[width] = self.decoder.plain(sizes)
        return self._models[width]


def open_layer_norm(worker: Worker) -> ScratchLayerNorm:
    """`layer_norm`, for question 2."""
    return ScratchLayerNorm(open_decoder(worker))
