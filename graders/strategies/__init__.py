"""Strategies: Hypothesis draws shapes and a seed, the seed makes the tensors. One file per task.

Every two axes of a case differ unless a strategy says that the trap is that they are equal. Values are O(1), biases are
never zero. Smaller draws are easier to read, so that shrinking ends at T=2, d=1 rather than at T=17, d=64.
"""

from .attention import AttentionCase, attention_cases, random_mask
from .drawing import distinct, generator, seeds
from .mask import IdsCase, ids_cases
from .multi_head import HeadCase, head_cases, head_weights
from .rope import RopeCase, rope_cases
from .text import document

__all__ = [
    "AttentionCase",
    "HeadCase",
    "IdsCase",
    "RopeCase",
    "attention_cases",
    "distinct",
    "document",
    "generator",
    "head_cases",
    "head_weights",
    "ids_cases",
    "random_mask",
    "rope_cases",
    "seeds",
]
