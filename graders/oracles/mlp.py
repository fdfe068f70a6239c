"""Expected values of the position-wise feed-forward network."""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from reference.mlp import MLP

from ..recorded import oracle
from .modules import gradients, with_weights
from .others import other_gelus

__all__ = ["mlp", "mlp_gradients"]


@oracle(also=other_gelus)
@torch.no_grad()
def mlp(weights: Mapping[str, Tensor], x: Tensor, *, approximate: str = "none") -> Tensor:
    """down(GELU(up(x))) without dropout, float64, the shape of x.

    Args:
        weights: by role: up.weight (d_hidden, d_model), up.bias, down.weight, down.bias. A bias that is not there is 0.
        x: (…, d_model).
        approximate: `none` for the exact GELU, `tanh` for its approximation.
    """
    output: Tensor = _module(weights, approximate)(x.double())
    return output


@oracle(also=other_gelus)
def mlp_gradients(
    weights: Mapping[str, Tensor], x: Tensor, grad_output: Tensor, *, approximate: str = "none"
) -> tuple[Tensor, dict[str, Tensor]]:
    """Gradients of Σ output · grad_output with respect to x, and by role those of the parameters, float64."""
    return gradients(_module(weights, approximate), x, grad_output)


class _Approximated(MLP):
    """The same with the approximation of GELU by tanh [Hendrycks and Gimpel 2016, section 2]."""

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.down(F.gelu(self.up(x), approximate="tanh"))
        return output


def _module(weights: Mapping[str, Tensor], approximate: str) -> MLP:
    d_hidden, d_model = weights["up.weight"].shape
    kind = _Approximated if approximate == "tanh" else MLP
    return with_weights(kind, (d_model, d_hidden), weights)
