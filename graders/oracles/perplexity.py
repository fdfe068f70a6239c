"""Expected values of perplexity."""

from collections.abc import Sequence

from torch import Tensor

from reference.loss import perplexity as reference_perplexity

from ..recorded import oracle

__all__ = ["perplexity"]


@oracle()
def perplexity(
    logits_batches: Sequence[Tensor], ids_batches: Sequence[Tensor], masks: Sequence[Tensor | None] | None = None
) -> float:
    """exp of the mean of −ln p over the supervised tokens of all batches, computed in float64."""
    return reference_perplexity(logits_batches, ids_batches, masks)
