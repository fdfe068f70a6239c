"""The notebook's classes, made with sizes of our choice: the module-level names that they read are pinned."""

from collections.abc import Mapping, Sequence
from typing import Any

from graders.by_name import Argument, arranged
from sandbox.client import Remote, Worker

PLACE = "The notebook"
CLASSES = ("Head", "MultiHeadAttention", "Block", "TinyGPT")
FEED_FORWARD = ("FeedForward", "FeedFoward")  # the lecture's spelling of it occurs

# module-level names, and others under which students keep the same sizes
_NAMES = {
    "n_embd": ("n_embed", "n_emb", "embed_dim", "d_model"),
    "block_size": ("context_length", "max_len"),
    "n_head": ("n_heads", "num_heads"),
    "n_layer": ("n_layers", "num_layers"),
    "dropout": ("dropout_rate",),
    "vocab_size": (),
}
_ARGUMENTS = {**_NAMES, "head_size": ("head_dim", "d_head", "hs"), "num_heads": ("n_head", "n_heads", "h")}


def made(
    worker: Worker,
    name: str,
    sizes: Mapping[str, Any],
    arguments: Sequence[str] = (),
    *,
    parts: Mapping[str, Any] | None = None,
) -> Remote:
    """Make one of the notebook's classes and an instance of it.

    Args:
        worker: where it lives.
        name: the class.
        sizes: values of the module-level names n_embd, block_size and so on, and of the arguments.
        arguments: what the constructor is given, by our names.
        parts: stand-ins for other classes of the notebook, by name.
    """
    pinned: dict[str, Any] = {"device": "cpu", **(parts or {})}
    for own, others in _NAMES.items():
        pinned |= dict.fromkeys((own, *others), sizes[own])
    constructor = worker.define([name], pinned, CLASSES)[name]
    passed = [_argument(each, sizes) for each in arguments]
    known = [_argument(each, sizes) for each in _NAMES]
    positional, by_name = arranged(constructor, passed, PLACE, known=known)
    return constructor.construct(*positional, **by_name)


def _argument(name: str, sizes: Mapping[str, Any]) -> Argument:
    return Argument(name, sizes[name], _ARGUMENTS[name])
