"""The binding of MIT's homework: a Transformer in a notebook, for images and for dialogues. One file per question.

Parts are graded on their own. What is made of parts counts as right if it is right for its own parts as they are; where
these do not run, or give NaN, others take their place (`sandbox/masked_part.py`): a mistake costs once.
"""

from graders.student import Offer

from .heads import open_attention, open_multi_head
from .loss import open_loss
from .model import open_gpt
from .patches import open_patch_embedding
from .stack import open_stack
from .tokenizer import open_tokenizer
from .training import open_training

BINDING = {
    "attention": Offer(open_attention, frozenset({"module", "mask_argument", "no_mask", "returned_weights"})),
    "multi_head": Offer(
        open_multi_head, frozenset({"mask_argument", "any_width", "returned_weights", "own_parameters"})
    ),
    "stack": Offer(open_stack),
    "patch_embedding": Offer(open_patch_embedding),
    "dialogue_tokenizer": Offer(open_tokenizer),
    "gpt": Offer(open_gpt, frozenset({"free_width", "obedient_parts"})),
    "loss": Offer(open_loss, frozenset({"standalone"})),
    "training": Offer(open_training),
}
