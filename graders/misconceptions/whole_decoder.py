"""What students make of a whole decoder in the place of a right reading of the handout (`graders/oracles/decoder.py`)."""

from dataclasses import replace

from ..readings import Reading

# how each is told
MISTAKES = {
    "scores_not_scaled": "the scores are not divided by √d_k",
    "scaled_by_d_k": "the scores are divided by d_k in place of √d_k",
    "scaled_by_width": "the scores are divided by the root of hidden_dim in place of that of a head's size",
    "no_mask": "there is no causal mask, so that each token attends to later ones too",
    "mask_reversed": "the causal mask is the wrong way round, so that each token attends to itself and later ones",
    "mask_without_self": "a token does not attend to itself",
    "masked_with_zeros": "masked scores are set to 0 in place of −∞",
    "masked_after_softmax": "the mask acts after the softmax, so that the weights of a row do not sum to 1",
    "softmax_over_queries": "the softmax runs over the queries in place of the keys",
    "no_output_projection": "the output projection W_O is left out",
    "heads_not_transposed": "the heads are split without moving their axis, which mixes tokens",
    "heads_not_moved_back": "the heads' outputs are put together without moving their axis back, which mixes tokens",
    "no_mlp_residual": "the residual connection around the MLP is missing",
    "no_residuals": "both residual connections are missing",
    "no_relu": "the ReLU of the MLP is missing",
    "gelu": "the MLP uses GELU in place of ReLU",
    "no_positions": "the position embeddings are not added",
    "embeddings_scaled": "the sum of the embeddings is multiplied by the root of hidden_dim",
    "first_layer_only": "only the first layer is used",
    "last_layer_only": "each layer reads the embeddings in place of the layer before it, so that only the last one counts",
}
OF_HEADS = frozenset(
    {"scaled_by_width", "heads_not_transposed", "heads_not_moved_back"}
)  # with one head they are right


def with_mistakes(readings: list[Reading], n_heads: int = 1) -> list[Reading]:
    """The same with one mistake each."""
    possible = [mistake for mistake in MISTAKES if n_heads > 1 or mistake not in OF_HEADS]
    return [replace(reading, mistake=mistake) for mistake in possible for reading in readings]
