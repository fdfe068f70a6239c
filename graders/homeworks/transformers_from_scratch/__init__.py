"""The binding of the homework "Transformers from scratch". One file for each kind of question."""

from graders.student import Offer

from .classes import open_decoder, open_multi_head_decoder
from .layer_norm import open_layer_norm
from .training import open_training
from .writing import open_generate, open_nucleus

BINDING = {
    "decoder": Offer(open_decoder),
    "layer_norm": Offer(open_layer_norm, frozenset({"in_model"})),
    "multi_head_decoder": Offer(open_multi_head_decoder),
    "temperature_sampling": Offer(open_generate),
    "nucleus_sampling": Offer(open_nucleus),
    "training": Offer(open_training),
}
