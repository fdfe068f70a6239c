"""What all questions of the homework take from the notebook, and what they pass to its modules."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from graders.aligned import is_pair
from graders.signature import require_parameters
from graders.strategies import generator
from sandbox.client import Remote, Worker
from sandbox.errors import StudentError

NOTEBOOK = "The notebook"
CLASSES = (
    *("AttentionHead", "MultiHeadedAttention", "FFN", "AttentionResidual", "Transformer"),
    *("PatchEmbed", "VisionTransformer", "MyTokenizer", "DialogueDataset", "DialogueGPT", "DialogueLoss"),
)
# the starter's mask holds 0 and 1; the handout leaves the dtype open
_MASK_DTYPES = (torch.float32, torch.bool, torch.int64)


def define(
    worker: Worker, name: str, parameters: tuple[str, ...], *parts: str, instead: Mapping[str, Any] | None = None
) -> dict[str, Remote]:
    """Take a class out of the notebook.

    Args:
        worker: where the submission is open.
        name: the class.
        parameters: what its constructor takes.
        parts: further names; `part?` may be absent.
        instead: classes that are given, in the place of the notebook's own.
    """
    found = worker.define([name, *parts], dict(instead or {}), among=CLASSES)
    require_parameters(found[name], NOTEBOOK, parameters, is_class=True)
    return found


def shaken(parameters: Mapping[str, tuple[int, ...]], seed: int) -> dict[str, Tensor]:
    """Weights for parameters of which only names and shapes are known: biases are not 0, gains are not 1."""
    rng = generator(seed)
    state = {}
    for name, shape in parameters.items():
        noise = torch.randn(shape, generator=rng)
        if len(shape) > 1:
            state[name] = noise / shape[-1] ** 0.5
        else:
            state[name] = noise * 0.5 if "bias" in name else 1 + noise.clamp(-2, 2) / 4
    return state


@dataclass
class MaskArgument:
    """How a mask is passed: (B, T, T), 1 = may attend."""

    dtype: torch.dtype = torch.float32

    def of(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """The mask for x (B, T, …); causal when it is None."""
        B, T = x.shape[:2]
        allowed = torch.ones(T, T, dtype=torch.bool).tril() if mask is None else mask
        allowed = allowed[:, 0] if allowed.dim() == 4 else allowed
        return allowed.expand(B, T, T).to(self.dtype).contiguous()

    def __call__(self, x: Tensor, mask: Tensor | None) -> tuple[Tensor]:
        """What follows x in a call."""
        return (self.of(x, mask),)

    def adapt(self, call: Callable[[Tensor], Any], x: Tensor) -> Any:
        """Find the first dtype that a call takes without an error; returns what the call returned, None if all raise."""
        for dtype in _MASK_DTYPES:
            self.dtype = dtype
            try:
                return call(self.of(x, None))
            except StudentError:
                continue
        self.dtype = torch.float32
        return None


def first_of(value: Any) -> Any:
    """The output, of a part that also returns attention weights."""
    return value[0] if is_pair(value) else value


def has_shape(value: Any, shape: tuple[int, ...]) -> bool:
    """Whether it is a tensor of floating-point numbers of this shape."""
    return isinstance(value, Tensor) and value.is_floating_point() and tuple(value.shape) == shape


def is_sound(value: Any, shape: tuple[int, ...]) -> bool:
    """Whether a part has returned finite numbers of the right shape, be they right or wrong."""
    output = first_of(value)
    return has_shape(output, shape) and bool(output.isfinite().all())


def heads_share_width(multi_head: Remote | None) -> bool:
    """Whether n_hidden is taken for the width of all heads together; the handout does not say that it is each one's."""
    if multi_head is None:
        return False
    try:
        shapes = multi_head.construct(10, 6, 3).parameters().values()
    except StudentError:
        return False
    matrices = sum(torch.Size(shape).numel() for shape in shapes if len(shape) > 1)
    # query, key, value and W_O, or with the stand-ins' one matrix for three; more where each head is 6 wide
    return matrices in (4 * 6 * 10, 2 * 6 * 10)
