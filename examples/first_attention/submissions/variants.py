"""Right submissions that are written in another way."""

from audit.edits import Variant

SCORES = 'torch.einsum("btd,bsd->bts", q, k) / math.sqrt(q.shape[-1])'

VARIANTS = (
    Variant(
        name="matrix_product",
        sentence="The scores are a product with the transposed keys.",
        edits=((SCORES, "(q @ k.transpose(1, 2)) * q.shape[-1] ** -0.5"),),
    ),
)
