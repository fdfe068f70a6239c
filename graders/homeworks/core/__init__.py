"""The binding of `core`: the identity, but for what the wire needs. One file per task."""

from graders.student import Offer

from .attention import open_attention, open_mask
from .block import open_block
from .generate import open_generate
from .gpt import open_gpt, open_training
from .layer_norm import open_layer_norm
from .loss import open_loss
from .mlp import open_mlp
from .multi_head import open_multi_head
from .patch_embedding import open_patch_embedding
from .perplexity import open_perplexity
from .rope import open_rope
from .samplers import open_samplers
from .span_corruption import open_span_corruption
from .tokenizer import open_tokenizer


def _all(*capabilities: str) -> frozenset[str]:
    return frozenset(capabilities)


_HEADS = _all(
    "mask_argument", "mask_per_head", "attention_dropout", "residual_dropout", "default_dropout", "standalone"
)
_BLOCK = _all("free_width", "norm_eps", "pre_norm", "residual_dropout", "default_dropout", "standalone")
_GPT = _all(
    *("free_width", "tied_option", "loss", "ignore_index", "refuses_long"),
    *("embedding_dropout", "residual_dropout", "default_dropout", "standalone"),
)
_GENERATE = _all(
    *("top_k", "top_p", "batch", "ids_argument", "keeps_mode"),
    *("no_graph", "tuple_output", "unlimited", "zero_tokens"),
)

BINDING = {
    "attention": Offer(open_attention, _all("function")),
    "mask": Offer(open_mask),
    "multi_head": Offer(open_multi_head, _HEADS),
    "rope": Offer(open_rope, _all("base", "positions", "any_axes")),
    "span_corruption": Offer(open_span_corruption, _all("encoder", "own_generator")),
    "layer_norm": Offer(open_layer_norm, _all("eps", "any_axes")),
    "mlp": Offer(open_mlp, _all("free_width", "any_axes", "residual_dropout", "default_dropout", "standalone")),
    "block": Offer(open_block, _BLOCK),
    "gpt": Offer(open_gpt, _GPT),
    "loss": Offer(open_loss, _all("any_dtype", "any_ignored_id", "no_mask", "standalone")),
    "perplexity": Offer(open_perplexity, _all("empty_batch", "float64", "no_mask", "standalone")),
    "samplers": Offer(open_samplers, _all("any_axes", "any_dtype", "refuses")),
    "generate": Offer(open_generate, _GENERATE),
    "tokenizer": Offer(open_tokenizer, _all("characters", "words", "refuses")),
    "patch_embedding": Offer(open_patch_embedding, _all("rectangular", "refuses")),
    "training": Offer(open_training),
}
