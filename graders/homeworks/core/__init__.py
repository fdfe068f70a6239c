"""The binding of `core`: the identity, but for what the wire needs. One file per task."""

from graders.student import Offer

from .attention import open_attention, open_mask
from .multi_head import open_multi_head
from .rope import open_rope
from .span_corruption import open_span_corruption

_HEADS = frozenset({"mask_argument", "mask_per_head", "attention_dropout", "residual_dropout", "standalone"})

BINDING = {
    "attention": Offer(open_attention, frozenset({"function"})),
    "mask": Offer(open_mask),
    "multi_head": Offer(open_multi_head, _HEADS),
    "rope": Offer(open_rope, frozenset({"base", "positions", "any_axes"})),
    "span_corruption": Offer(open_span_corruption, frozenset({"encoder", "own_generator"})),
}
