"""The reference multi-head attention against nn.MultiheadAttention and against a loop written from the formula."""

import math
from collections.abc import Callable
from typing import NamedTuple

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from reference.multi_head import MultiHeadAttention

examples = settings(derandomize=True, deadline=None, database=None, max_examples=50)


class Case(NamedTuple):
    module: MultiHeadAttention
    x: Tensor
    mask: Tensor | None
    n_heads: int


def build(d_model: int, n_heads: int, generator: torch.Generator, dropout: float = 0.0) -> MultiHeadAttention:
    """Make a float64 module with weights of order 1/√d_model and biases of order 1, in eval mode."""
    with torch.random.fork_rng(devices=[]):
        module = MultiHeadAttention(d_model, n_heads, dropout).double().eval()
    for name, parameter in module.named_parameters():
        scale = 1.0 if name.endswith("bias") else d_model**-0.5
        parameter.data = scale * torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
    return module


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Draw a module, its input, and no mask or one of any broadcastable shape that leaves each query a key."""
    n_heads, d_head, B, T = (draw(st.integers(1, n)) for n in (4, 5, 3, 6))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**32)))
    module = build(n_heads * d_head, n_heads, generator)
    x = torch.randn(B, T, n_heads * d_head, generator=generator, dtype=torch.float64)
    mask = None
    shape = draw(st.sampled_from([None, (T, T), (B, 1, T, T), (1, n_heads, T, T), (B, n_heads, T, T), (B, 1, 1, T)]))
    if shape is not None:
        mask = torch.rand(shape, generator=generator) < 0.5
        mask[..., int(torch.randint(T, (), generator=generator))] = True
    return Case(module, x, mask, n_heads)


def full_mask(case: Case) -> Tensor:
    """The mask in force, (B, n_heads, T, T): causal where none is given."""
    B, T, _ = case.x.shape
    mask = torch.ones(T, T).tril().bool() if case.mask is None else case.mask
    return mask.expand(B, case.n_heads, T, T)


@examples
@given(case=cases())
def test_equals_pytorchs_module(case: Case) -> None:
    """Protects the whole computation, biases included: PyTorch's module has the same weights and no code of ours."""
    module, x, _, n_heads = case
    B, T, d_model = x.shape
    with torch.random.fork_rng(devices=[]):
        judge = nn.MultiheadAttention(d_model, n_heads, batch_first=True, dtype=torch.float64)
    projections = (module.query, module.key, module.value)
    judge.load_state_dict(
        {
            "in_proj_weight": torch.cat([layer.weight for layer in projections]),
            "in_proj_bias": torch.cat([layer.bias for layer in projections]),
            "out_proj.weight": module.proj.weight,
            "out_proj.bias": module.proj.bias,
        }
    )
    forbidden = ~full_mask(case).reshape(B * n_heads, T, T)  # there, True = may not attend
    expected, _ = judge(x, x, x, attn_mask=forbidden, need_weights=False)
    torch.testing.assert_close(module(x, case.mask), expected, rtol=0, atol=1e-12)


def slow_multi_head(case: Case) -> Tensor:
    """Section 3.2.2 of Vaswani et al. 2017, one sequence, head, query and key at a time."""
    module, x, _, n_heads = case
    B, T, d_model = x.shape
    d_head = d_model // n_heads
    mask = full_mask(case)

    def project(layer: nn.Linear, token: Tensor) -> Tensor:
        return torch.stack([(layer.weight[row] * token).sum() + layer.bias[row] for row in range(d_model)])

    result = torch.zeros_like(x)
    for b in range(B):
        q, k, v = ([project(layer, x[b, t]) for t in range(T)] for layer in (module.query, module.key, module.value))
        for t in range(T):
            concatenated = []
            for h in range(n_heads):
                own = slice(h * d_head, (h + 1) * d_head)
                scores = [float((q[t][own] * k[s][own]).sum()) / math.sqrt(d_head) for s in range(T)]
                exponentials = [math.exp(score) if mask[b, h, t, s] else 0.0 for s, score in enumerate(scores)]
                terms = [e / sum(exponentials) * v[s][own] for s, e in enumerate(exponentials)]
                concatenated.append(torch.stack(terms).sum(dim=0))
            result[b, t] = project(module.proj, torch.cat(concatenated))
    return result


@settings(examples, max_examples=25)
@given(case=cases())
@torch.no_grad()
def test_equals_a_loop_written_from_the_formula(case: Case) -> None:
    """Protects which features belong to which head, and the order in which heads are put together."""
    torch.testing.assert_close(case.module(case.x, case.mask), slow_multi_head(case), rtol=0, atol=1e-12)


def test_gradients_pass_gradcheck() -> None:
    """Protects the derivative with respect to the tokens and to all eight parameters."""
    generator = torch.Generator().manual_seed(0)
    module = build(6, 3, generator)
    x = torch.randn(2, 4, 6, generator=generator, dtype=torch.float64, requires_grad=True)
    names = [name for name, _ in module.named_parameters()]

    def forward(x: Tensor, *parameters: Tensor) -> Tensor:
        return torch.func.functional_call(module, dict(zip(names, parameters, strict=False)), (x,))

    assert len(names) == 8
    assert torch.autograd.gradcheck(forward, (x, *(module.get_parameter(name) for name in names)))


def replay_dropout(module: MultiHeadAttention, x: Tensor, dropout: Callable[[Tensor], Tensor]) -> Tensor:
    """What train mode should give, if `dropout` draws the same random numbers."""
    B, T, _ = x.shape

    def heads(layer: nn.Linear) -> Tensor:
        return layer(x).unflatten(-1, (module.n_heads, -1)).transpose(1, 2)  # (B, n_heads, T, d_head)

    unit = torch.eye(T, dtype=x.dtype).expand(B, module.n_heads, T, T)
    weights = F.scaled_dot_product_attention(heads(module.query), heads(module.key), unit, is_causal=True)
    mixed = dropout(weights) @ heads(module.value)
    return dropout(module.proj(mixed.transpose(1, 2).flatten(2)))


def test_dropout_acts_on_weights_then_on_output() -> None:
    """Protects both places of dropout and its silence in eval mode: the same seed gives the same numbers."""
    generator = torch.Generator().manual_seed(0)
    module = build(6, 3, generator, dropout=0.4)
    x = torch.randn(2, 5, 6, generator=generator, dtype=torch.float64)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        trained = module.train()(x)
        torch.manual_seed(1)
        expected = replay_dropout(module, x, lambda tensor: F.dropout(tensor, 0.4))
    torch.testing.assert_close(trained, expected, rtol=0, atol=1e-12)
    evaluated = module.eval()(x)
    torch.testing.assert_close(evaluated, replay_dropout(module, x, lambda tensor: tensor), rtol=0, atol=1e-12)
    assert not torch.allclose(trained, evaluated)


def test_state_dict_has_the_frozen_keys() -> None:
    """Protects the keys and shapes by which graders load weights (docs/core.md)."""
    with torch.random.fork_rng(devices=[]):
        state = MultiHeadAttention(6, 3).state_dict()
    expected = {
        f"{layer}.{kind}": shape
        for layer in ("query", "key", "value", "proj")
        for kind, shape in (("weight", (6, 6)), ("bias", (6,)))
    }
    assert {name: tuple(tensor.shape) for name, tensor in state.items()} == expected


def test_width_must_be_a_multiple_of_heads() -> None:
    """Protects the message for a width that cannot be divided among the heads: it names both numbers."""
    with pytest.raises(ValueError, match=r"d_model=7 and n_heads=3"):
        MultiHeadAttention(7, 3)
