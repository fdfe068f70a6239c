"""Checkpoints that no handout asks for and an instructor may: a model of images, and a language model.

The worker gives logits (or hidden states); what they are worth is computed here.
"""

import math
import random

import torch
from torch import Tensor

from sandbox.client import Remote, Worker

from .oracles.loss import next_token_loss
from .trained import Trained
from .trained_data import RECORD, read_images, read_tokens
from .trained_model import construct, load_into, require_numbers
from .trained_table import ImagesTable, TextTable
from .verdict import CheckFailed

_BATCH = 50  # images in one call
_HEAD = 1 << 16  # bytes of a reply beside the tensor that is waited for


def accuracy_of(trained: Trained, table: ImagesTable, rng: random.Random) -> tuple[int, int]:
    """How many of some images, drawn from the staff's, the model classifies rightly; and how many were drawn.

    Raises:
        CheckFailed: there is no checkpoint, it does not fit, or what the model returns are no logits.
        StudentError, WorkerLost: as of any call.
    """
    path = trained.path_of(table.parameters)
    trained.notes += trained.look_at(table.parameters).notes
    model = construct(trained.worker, table.model, table.modules, table.arguments)
    load_into(model, path)
    data = torch.frombuffer(bytearray(read_images(trained.data)), dtype=torch.uint8).reshape(-1, RECORD)
    chosen = data[rng.sample(range(len(data)), min(table.images, len(data)))]
    n_right = 0
    for batch in chosen.split(_BATCH):
        pixels = table.scale * (batch[:, 1:].reshape(-1, 3, 32, 32).float() / 255) + table.shift
        value = _first(model(pixels))
        classes = value.shape[-1] if isinstance(value, Tensor) and value.dim() == 2 else 10
        logits = require_numbers(value, f"The output of {table.model}", (len(batch), max(10, classes)))
        n_right += int((logits.argmax(dim=-1) == batch[:, 0].long()).sum())
    return n_right, len(chosen)


def perplexity_of(trained: Trained, table: TextTable, rng: random.Random) -> float:
    """The perplexity of the model on pieces drawn from the staff's text.

    Raises:
        CheckFailed: there is no checkpoint, it does not fit, what the model returns has another form, or a prediction
            depends on what comes after it.
        StudentError, WorkerLost: as of any call.
    """
    trained.notes += trained.look_at(table.parameters).notes
    tokens = read_tokens(trained.data, table.context)
    starts = [rng.randrange(len(tokens) - table.context + 1) for _ in range(table.windows)]
    windows = [torch.tensor([tokens[start : start + table.context]]) for start in starts]  # each (1, T)
    losses = []
    with trained.submission.open(rng.getrandbits(63)) as worker:
        whole, changed = _reader(trained, table, trained.worker), _reader(trained, table, worker)
        for ids in windows:
            logits = whole.logits(ids)
            _require_causal(logits, changed, ids, rng)
            losses.append(float(next_token_loss(logits, ids)))
    try:
        return math.exp(sum(losses) / len(losses))
    except OverflowError:
        return math.inf


def _reader(trained: Trained, table: TextTable, worker: Worker) -> "_Reader":
    """The model in one of the workers."""
    model = construct(worker, table.model, table.modules, table.arguments)
    load_into(model, trained.path_of(table.parameters))
    return _Reader(model, table, trained.look_at(table.parameters).tensors.get(table.tied, ("", ()))[1])


class _Reader:
    """Logits of a language model, from its outputs or from hidden states and the embedding."""

    def __init__(self, model: Remote, table: TextTable, shape: tuple[int, ...]) -> None:
        self.model, self.table = model, table
        self.embedding: Tensor | None = None
        if table.tied:
            if len(shape) != 2:
                raise CheckFailed(f"{table.parameters} has no matrix {table.tied}, by which outputs become logits.")
            owner, _, attribute = table.tied.rpartition(".")
            part = model.part(owner) if owner else model
            value = part.worker.request(
                "get", max_payload=8 * math.prod(shape) + _HEAD, target=part.handle, attribute=attribute
            )
            self.embedding = require_numbers(value, table.tied, shape)

    def logits(self, ids: Tensor) -> Tensor:
        """The logits (1, T, V) for some ids (1, T)."""
        name, T = self.table.model, ids.shape[1]
        width = self.table.arguments.get("vocab_size", 1 << 16)
        value = _first(
            self.model.worker.request(
                "call",
                max_payload=8 * T * max(width, 4096) + _HEAD,
                target=self.model.handle,
                attribute="",
                args=[ids],
                kwargs={},
                keep=0,
                inputs_back=False,
            )
        )
        last = value.shape[-1] if isinstance(value, Tensor) and value.dim() == 3 else width
        output = require_numbers(value, f"The output of {name}", (1, T, last))
        if self.embedding is not None and last == self.embedding.shape[1]:
            output = (output.double() @ self.embedding.double().T).float()
            output = require_numbers(output, f"The logits of {name}", tuple(output.shape))
        if int(ids.max()) >= output.shape[-1]:
            raise CheckFailed(
                f"{name} knows {output.shape[-1]} tokens, the text has ids up to {int(ids.max())}: was it trained with another "
                "tokenizer?"
            )
        return output


def _require_causal(before: Tensor, reader: _Reader, ids: Tensor, rng: random.Random) -> None:
    """Require that what a model predicts does not change when later tokens do: it might read them off.

    Args:
        before: its logits (1, T, V) for `ids`.
        reader: the same model in another worker, which never sees these tokens whole: it cannot know what was predicted.
        ids: (1, T).
        rng: draws the first token that is changed, anywhere in the piece.
    """
    keep = rng.randrange(1, ids.shape[1]) if ids.shape[1] > 1 else 1
    other = ids.clone()
    other[:, keep:] = ids[:, torch.tensor([rng.randrange(keep) for _ in range(ids.shape[1] - keep)], dtype=torch.long)]
    if not torch.allclose(before[:, :keep], reader.logits(other)[:, :keep], rtol=1e-3, atol=1e-3):
        raise CheckFailed(
            f"What {reader.table.model} predicts changes when the tokens after it do: it sees what it is to predict, so its "
            "perplexity means nothing. Is there a causal mask?"
        )


def _first(value: object) -> object:
    """The output of a model that also returns something else."""
    return value[0] if isinstance(value, (tuple, list)) and value else value
