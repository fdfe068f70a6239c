"""The binding of JHU's homework: Head, MultiHeadAttention, Block and TinyGPT of a notebook.

Sizes are module-level names there, pinned for each case. Each class is judged with stand-ins in the places of the others.
"""

from graders.student import Offer

from .block import Blocks
from .heads import Heads, open_head
from .model import TinyGpts, open_training

BINDING = {
    "attention": Offer(open_head, frozenset({"module", "attention_dropout"})),
    "multi_head": Offer(Heads, frozenset({"isolated"})),
    "block": Offer(Blocks, frozenset({"isolated"})),
    "gpt": Offer(TinyGpts, frozenset({"isolated", "loss"})),
    "training": Offer(open_training),
}
