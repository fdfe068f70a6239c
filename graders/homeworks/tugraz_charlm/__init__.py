"""The binding of TU Graz's homework: CausalSelfAttention, MLP and GPT of a notebook.

GPT is judged with stand-ins in the places of its blocks, and its `sample` with ours in the place of its `forward`.
"""

from graders.student import Offer

from .model import open_gpt, open_sampling, open_training
from .modules import open_attention, open_mlp

BINDING = {
    "multi_head": Offer(open_attention, frozenset({"standalone", "attention_dropout", "residual_dropout"})),
    "mlp": Offer(open_mlp, frozenset({"standalone", "residual_dropout"})),
    "gpt": Offer(open_gpt, frozenset({"isolated", "loss", "refuses_long"})),
    "generate": Offer(open_sampling, frozenset({"ids_argument"})),
    "training": Offer(open_training),
}
