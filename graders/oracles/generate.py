"""Expected values of generation: the reference's loop around the same model."""

import dataclasses

import torch
from torch import Tensor

from graders.tasks import ModelSpec
from reference.generate import generate
from sandbox.window_model import WindowModel

from ..recorded import oracle
from .samplers import distribution

__all__ = ["greedy", "least_lead", "next_token"]


def _model(spec: ModelSpec) -> WindowModel:
    return WindowModel(**dataclasses.asdict(spec), with_parameter=False)


@oracle()
def greedy(spec: ModelSpec, ids: Tensor, n_new_tokens: int) -> Tensor:
    """The text (B, T + n_new_tokens) in which each new token is the one with the largest logit."""
    return generate(_model(spec), ids, n_new_tokens, k=1, generator=torch.Generator())


@oracle()
def next_token(spec: ModelSpec, ids: Tensor, tau: float = 1.0, k: int | None = None, p: float | None = None) -> Tensor:
    """The distribution of the token that follows ids (B, T), float64, (B, V)."""
    return distribution(_last_logits(spec, ids), tau, k, p)


@oracle()
def least_lead(spec: ModelSpec, text: Tensor, n_new_tokens: int) -> float:
    """How far the largest logit is ahead of the second, at least, wherever one of the last tokens of a text was chosen."""
    leads = [torch.inf]
    for end in range(text.shape[1] - n_new_tokens, text.shape[1]):
        best = _last_logits(spec, text[:, :end]).topk(2, dim=-1).values  # (B, 2)
        leads.append(float((best[:, 0] - best[:, 1]).min()))
    return min(leads)


def _last_logits(spec: ModelSpec, ids: Tensor) -> Tensor:
    """The logits (B, V) at the last position, from the last `block_size` tokens."""
    window = ids if spec.block_size is None else ids[:, -spec.block_size :]
    return _model(spec).logits(window)[:, -1]
