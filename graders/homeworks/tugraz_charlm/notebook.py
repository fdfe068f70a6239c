"""The notebook's classes and their configuration."""

from typing import Any

from sandbox.client import Remote, Worker
from sandbox.wire import Handle

PLACE = "The notebook"
CLASSES = ("CausalSelfAttention", "MLP", "Block", "GPT")


def found(worker: Worker, name: str, block: Handle | None = None) -> Remote:
    """One of the notebook's classes.

    Args:
        worker: where it lives.
        name: the class.
        block: a stand-in for the class Block.
    """
    constants: dict[str, Any] = {"device": "cpu"}
    if block is not None:
        constants["Block"] = block
    return worker.define([name], constants, CLASSES)[name]


def config(worker: Worker, **sizes: Any) -> Handle:
    """A configuration: the attributes of a GPTConfig.

    Args:
        worker: where it lives.
        sizes: what differs from a small model.
    """
    plain = {"block_size": 32, "vocab_size": 20, "n_layer": 2, "n_head": 1, "n_embd": 12, "dropout": 0.0, "bias": True}
    return worker.make("namespace", **{**plain, **sizes})
