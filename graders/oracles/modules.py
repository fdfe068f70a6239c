"""The reference's modules with given weights, in float64 and eval mode."""

from collections.abc import Callable, Hashable, Mapping
from functools import lru_cache
from typing import TypeVar

import torch
from torch import Tensor, nn

__all__ = ["gradients", "with_weights"]

Made = TypeVar("Made", bound=nn.Module)


def with_weights(kind: Callable[..., Made], arguments: tuple[Hashable, ...], weights: Mapping[str, Tensor]) -> Made:
    """A module that holds float64 copies of given weights; the global random state is left as it is.

    Modules are kept, since making one takes longer than computing with it: what a call returns is good until the next one
    with the same arguments.

    Args:
        kind: its class.
        arguments: of the constructor.
        weights: by name. A bias that is not among them is 0; those that the module does not have are passed over.

    Raises:
        KeyError: a weight that is no bias is not there.
    """
    module: Made = _made(kind, arguments)
    state = {}
    for name, empty in module.state_dict().items():
        if name in weights or not name.endswith("bias"):
            state[name] = weights[name].detach().double()
        else:
            state[name] = torch.zeros(empty.shape, dtype=torch.float64)
    module.load_state_dict(state, assign=True)
    return module


@lru_cache(maxsize=256)
def _made(kind: Callable[..., Made], arguments: tuple[Hashable, ...]) -> Made:
    # not on the device "meta": its first random initialisation imports a compiler's worth of modules, three seconds
    with torch.random.fork_rng(devices=[]):
        return kind(*arguments).eval()


def gradients(module: nn.Module, x: Tensor, grad_output: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """Gradients of Σ module(x) · grad_output with respect to x, and by name those of the parameters, float64."""
    x = x.detach().double().requires_grad_()
    names, parameters = zip(*module.named_parameters(), strict=True)
    found = torch.autograd.grad((module(x) * grad_output).sum(), [x, *parameters])
    return found[0], dict(zip(names, found[1:], strict=True))
