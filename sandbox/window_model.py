"""A language model made for testing how others use one: its logits are a hash of the whole window that it is given.

Cropping to the wrong tokens, feeding too few, or reading the wrong position changes every logit. The judge computes the
same numbers for its own loop; the model knows nothing of what is expected.
"""

from typing import Any

import torch
from torch import Tensor, nn

_PRIME = 2_147_483_647  # 2³¹ − 1


class WindowModel(nn.Module):
    """Called with ids (B, T), returns logits (B, T, V): those at t depend on the tokens 0 … t, on their order and number.

    Args:
        vocab_size: V.
        block_size: the longest window; a longer one raises, as a model with learned positions does. None = no limit, and
            no attribute `block_size`.
        seed: another seed is another model.
        as_tuple: return (logits, None) in the place of logits.
        spread: the logits lie between −spread and spread.
        with_parameter: add a parameter times 0, so that the logits require a gradient.

    Attributes:
        saw_graph: whether it has been called where a graph is built.
    """

    def __init__(
        self,
        vocab_size: int,
        block_size: int | None,
        seed: int,
        as_tuple: bool = False,
        spread: float = 4.0,
        with_parameter: bool = True,
    ) -> None:
        super().__init__()
        self.vocab_size = vocab_size
        if block_size is not None:
            self.block_size = block_size
        self._seed = seed
        self._as_tuple = as_tuple
        self._spread = spread
        self.saw_graph = False
        if with_parameter:
            self.scale = nn.Parameter(torch.zeros(()))

    def logits(self, ids: Tensor) -> Tensor:
        """The logits (B, T, V), float32, computed in whole numbers: the same on every machine."""
        B, T = ids.shape
        state = torch.full((B,), (self._seed * 7919 + 17) % _PRIME, dtype=torch.int64)
        token = torch.arange(self.vocab_size)
        rows = []
        for t in range(T):
            state = (state * 48_271 + ids[:, t].long() + 1) % _PRIME  # (B,)
            mixed = (state[:, None] * 69_621 + (token + 1) * 40_692_013) % _PRIME  # (B, V)
            for _ in range(2):  # squares: linear steps alone would make the logits rise evenly from token to token
                mixed = (mixed * mixed + 48_271 * state[:, None]) % _PRIME
            rows.append((mixed % 10_007).to(torch.float32) / 10_006 * (2 * self._spread) - self._spread)
        return torch.stack(rows, dim=1)

    def forward(self, ids: Tensor, *_: Any, **__: Any) -> Any:
        """The logits; further arguments are ignored."""
        self.saw_graph |= torch.is_grad_enabled()
        limit = getattr(self, "block_size", None)
        if limit is not None and ids.shape[1] > limit:
            raise ValueError(f"the model takes at most block_size={limit} tokens, got {ids.shape[1]}")
        logits = self.logits(ids)
        if hasattr(self, "scale"):
            logits = logits + 0 * self.scale
        return (logits, None) if self._as_tuple else logits
