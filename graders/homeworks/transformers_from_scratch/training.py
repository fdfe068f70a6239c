"""Question 5: `Transformer` in training. Its hidden states become logits through its own embedding."""

from graders.tasks import DecoderSizes, GptSizes
from graders.training import Learner, Learners, table_of
from sandbox.client import Worker

from .classes import open_decoder


def open_training(worker: Worker) -> Learners:
    """The single-head model, with the weights that its constructor gives it."""
    decoder = open_decoder(worker)

    def make(sizes: GptSizes) -> Learner:
        module = decoder.construct(
            DecoderSizes(sizes.vocab_size, sizes.d_model, sizes.block_size, n_layers=sizes.n_layers)
        )
        return Learner(module, table=table_of(module, sizes.vocab_size, decoder.constructor.name))

    return Learners(worker, make)
