"""4(e) and 4(f): DialogueGPT and DialogueLoss in training; the handout's own hint is to overfit ten examples."""

import torch

from graders.tasks import GptSizes
from graders.training import Learner, Learners
from sandbox.client import Remote, Worker

from .loss import open_loss
from .model import ARGUMENTS
from .notebook import define, heads_share_width


def open_training(worker: Worker) -> Learners:
    """The whole model with its own parts, and the loss with masks of the dtype that it takes."""
    found = define(worker, "DialogueGPT", ARGUMENTS, "MultiHeadedAttention?")
    shared_width = heads_share_width(found.get("MultiHeadedAttention"))
    loss = open_loss(worker)
    one = torch.ones(1, 1, dtype=loss.dtype)

    def construct(sizes: GptSizes) -> Remote:
        d_head = sizes.d_model // sizes.n_heads
        return found["DialogueGPT"].construct(
            sizes.vocab_size,
            sizes.block_size,
            sizes.d_model,
            d_head * (sizes.n_heads if shared_width else 1),
            sizes.d_hidden,
            sizes.n_heads,
            sizes.n_layers,
        )

    return Learners(worker, lambda sizes: Learner(construct(sizes), loss.loss, one))
