"""Expected values: the reference, run in float64. The only files of the graders that import the answer key."""

from .attention import attention, attention_gradients, attention_mask, causal_mask, multi_head, multi_head_gradients
from .rope import rope, rope_attention, rope_cache

__all__ = [
    "attention",
    "attention_gradients",
    "attention_mask",
    "causal_mask",
    "multi_head",
    "multi_head_gradients",
    "rope",
    "rope_attention",
    "rope_cache",
]
