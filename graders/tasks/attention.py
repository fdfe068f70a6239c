"""Canonical forms around attention: attention, mask, multi_head, rope. Letters as in docs/core.md."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor

from .module import Module


class Attention(Protocol):
    """Task attention."""

    def __call__(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None) -> tuple[Any, Any]:
        """The output (…, T, d_v) and the weights (…, T, S)."""

    def inputs_after(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> list[Any]:
        """The arguments as they are after a call."""

    def gradients(
        self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, grad_output: Tensor
    ) -> list[Any]:
        """Gradients of Σ output · grad_output with respect to query, key and value."""


class Mask(Protocol):
    """Task mask."""

    def causal(self, n_tokens: int) -> Any:
        """(T, T) bool."""

    def padded(self, ids: Tensor, pad_id: int) -> Any:
        """(B, 1, T, T) bool."""

    def ids_after(self, ids: Tensor, pad_id: int) -> Any:
        """The ids as they are after a call."""


@dataclass(frozen=True)
class HeadSizes:
    """What a self-attention module is built with.

    Attributes:
        d_model, n_heads, dropout: as in docs/core.md.
        max_tokens: the longest sequence that it will see (`block_size` where the homework has one).
        d_head: width of a head; None = d_model / n_heads.
    """

    d_model: int
    n_heads: int
    dropout: float = 0.0
    max_tokens: int = 32
    d_head: int | None = None

    @property
    def width(self) -> int:
        """Width of a head."""
        return self.d_model // self.n_heads if self.d_head is None else self.d_head


class MultiHeadModule(Module, Protocol):
    """A self-attention module with one head or several."""

    def __call__(self, x: Tensor, mask: Tensor | None = None) -> Any:
        """(B, T, d_model); causal without a mask. Capability `mask_argument` for masks, `mask_per_head` for (…, H, T, S)."""

    def expected(self, x: Tensor, mask: Tensor | None = None) -> Iterator[Tensor]:
        """As in `Module`."""

    def unmasked(self, x: Tensor) -> Any:
        """The output when no mask is given at all. Capability `no_mask`, where that means that every token is seen."""

    def weights(self, x: Tensor, mask: Tensor | None = None) -> Any:
        """The attention weights (B, n_heads, T, T). Capability `returned_weights`."""

    def expected_weights(self, x: Tensor, mask: Tensor | None = None) -> Iterator[Tensor]:
        """As in `expected`."""


class MultiHead(Protocol):
    """Tasks multi_head, and attention with the capability `module` (one head, no projection)."""

    def build(self, sizes: HeadSizes) -> MultiHeadModule:
        """A new module."""


class SeparateHeads(Protocol):
    """Task multi_head with the capability `own_parameters`: the module is made of heads."""

    def shared_heads(self, sizes: HeadSizes) -> list[str]:
        """The names of the heads of a new module that have no parameters of their own."""


class Rope(Protocol):
    """Task rope, interleaved pairs."""

    def cache(self, dim: int, n_positions: int, base: float = 10000.0) -> Any:
        """(n_positions, dim/2, 2): cosine and sine. Capability `base` for other bases."""

    def apply(self, x: Tensor, cache: Tensor, positions: Tensor | None = None) -> Any:
        """x (B, H, T, dim) rotated. Capability `positions` for positions, `any_axes` for other leading axes."""

    def inputs_after(self, x: Tensor, cache: Tensor) -> list[Any]:
        """The arguments as they are after a call."""

    def gradient(self, x: Tensor, cache: Tensor, grad_output: Tensor) -> Any:
        """Gradient of Σ output · grad_output with respect to x."""

    def attend(
        self, sizes: HeadSizes, weights: Mapping[str, Tensor], x: Tensor, rope: bool = True
    ) -> tuple[Any, dict[str, Tensor]]:
        """Causal self-attention in eval mode, with rotated queries and keys or without, and the weights that it has.

        Capability `inside_attention`.
        """
