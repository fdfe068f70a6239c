"""The canonical form of each task: what checks call, and what a homework's binding must provide.

Values that come back are untrusted: checks compare them with `compare`, which looks at type, shape and dtype first.
Letters as in docs/core.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor


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


MASK, PAD = "\u2047", "\u25a1"  # ⁇ and □ of span corruption


def character_ids(text: str) -> dict[str, int]:
    """The ids of a text's characters in span corruption: □ is 0, ⁇ is 1, then the sorted characters."""
    return {character: i for i, character in enumerate([PAD, MASK, *sorted(set(text))])}


@dataclass(frozen=True)
class HeadSizes:
    """What a multi-head module is built with.

    Attributes:
        d_model, n_heads, dropout: as in docs/core.md.
        max_tokens: the longest sequence that it will see (`block_size` where the homework has one).
    """

    d_model: int
    n_heads: int
    dropout: float = 0.0
    max_tokens: int = 32


class MultiHeadModule(Protocol):
    """A multi-head self-attention module, in train mode when it is new."""

    def load(self, weights: Mapping[str, Tensor]) -> None:
        """Load weights by role: query.weight, query.bias, key.…, value.…, proj.…; weights are [out, in]."""

    def __call__(self, x: Tensor, mask: Tensor | None = None) -> Any:
        """(B, T, d_model); causal without a mask. Capability `mask_argument` for the mask."""

    def train(self, mode: bool) -> None:
        """Switch between train and eval mode."""

    def to_dtype(self, dtype: str) -> None:
        """Convert the parameters: `double`, `float`."""

    def inputs_after(self, x: Tensor) -> list[Any]:
        """The arguments as they are after a call."""

    def gradients(self, x: Tensor, grad_output: Tensor) -> tuple[Any, dict[str, Any]]:
        """The gradient with respect to x, and by role those of the parameters; empty where roles are not known."""


class MultiHead(Protocol):
    """Task multi_head."""

    def build(self, sizes: HeadSizes) -> MultiHeadModule:
        """A new module."""


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

    def attend(self, sizes: HeadSizes, weights: Mapping[str, Tensor], x: Tensor, rope: bool = True) -> Any:
        """Causal self-attention in eval mode, with rotated queries and keys or without. Capability `inside_attention`."""


class SpanCorruption(Protocol):
    """Task span_corruption."""

    def ids_of(self, documents: Sequence[str]) -> dict[str, int]:
        """The id of each character, ⁇ and □ among them, that `draw` uses when it is given none."""

    def draw(
        self,
        documents: Sequence[str],
        index: int,
        block_size: int,
        count: int,
        seed: int,
        ids: Mapping[str, int] | None = None,
    ) -> list[Any]:
        """`count` corruptions of one document, in a row, after setting the random state from `seed`; each is (x, y).

        Capability `encoder` for ids.
        """
