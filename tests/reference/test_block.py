"""The reference block against nn.TransformerEncoderLayer and against a loop written from the formulas."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from reference.block import Block

examples = settings(derandomize=True, deadline=None, database=None, max_examples=40)
Case = tuple[Block, Tensor]


def build(d_model: int, n_heads: int, d_hidden: int, generator: torch.Generator, dropout: float = 0.0) -> Block:
    """Make a float64 block with weights of order 1/√width, biases and gains of order 1, in eval mode."""
    with torch.random.fork_rng(devices=[]):
        block = Block(d_model, n_heads, d_hidden, dropout).double().eval()
    for parameter in block.parameters():
        scale = 1.0 if parameter.dim() == 1 else parameter.shape[1] ** -0.5
        parameter.data = scale * torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
    return block


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Draw a block and its input; at least two features, as one is normalised to zero."""
    n_heads, d_head, d_hidden, B, T = (draw(st.integers(1, n)) for n in (3, 3, 9, 3, 5))
    d_model = n_heads * (d_head + 1)
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**32)))
    block = build(d_model, n_heads, d_hidden, generator)
    return block, 2 * torch.randn(B, T, d_model, generator=generator, dtype=torch.float64) + 1


@examples
@given(case=cases())
def test_equals_pytorchs_layer(case: Case) -> None:
    """Protects the whole computation: PyTorch's pre-norm layer has the same weights and no code of ours."""
    block, x = case
    before = x.clone()
    T, d_model = x.shape[1:]
    with torch.random.fork_rng(devices=[]):
        judge = nn.TransformerEncoderLayer(
            d_model,
            block.attn.n_heads,
            block.mlp.up.out_features,
            dropout=0.0,
            activation="gelu",
            norm_first=True,
            batch_first=True,
            dtype=torch.float64,
        )
    projections = (block.attn.query, block.attn.key, block.attn.value)
    state = {
        "self_attn.in_proj_weight": torch.cat([layer.weight for layer in projections]),
        "self_attn.in_proj_bias": torch.cat([layer.bias for layer in projections]),
    }
    layers = (("self_attn.out_proj", block.attn.proj), ("linear1", block.mlp.up), ("linear2", block.mlp.down))
    for name, layer in (*layers, ("norm1", block.norm1), ("norm2", block.norm2)):
        state |= {f"{name}.{kind}": parameter for kind, parameter in layer.named_parameters()}
    judge.load_state_dict(state)
    forbidden = torch.ones(T, T).triu(1).bool()  # there, True = may not attend
    torch.testing.assert_close(block(x), judge(x, src_mask=forbidden), rtol=0, atol=1e-12)
    assert torch.equal(x, before)


def slow_linear(layer: nn.Linear, token: list[float]) -> list[float]:
    rows = zip(layer.weight.tolist(), layer.bias.tolist(), strict=True)
    return [math.fsum(w * f for w, f in zip(row, token, strict=True)) + bias for row, bias in rows]


def slow_norm(layer: nn.LayerNorm, token: list[float]) -> list[float]:
    mean = math.fsum(token) / len(token)
    root = math.sqrt(math.fsum((f - mean) ** 2 for f in token) / len(token) + 1e-5)
    return [
        (f - mean) / root * g + b for f, g, b in zip(token, layer.weight.tolist(), layer.bias.tolist(), strict=True)
    ]


def slow_attention(block: Block, tokens: list[list[float]]) -> list[list[float]]:
    q, k, v = (
        [slow_linear(layer, x) for x in tokens] for layer in (block.attn.query, block.attn.key, block.attn.value)
    )
    d_model, n_heads = len(tokens[0]), block.attn.n_heads
    d_head = d_model // n_heads
    mixed = []
    for t in range(len(tokens)):
        row: list[float] = []
        for h in range(n_heads):
            own = range(h * d_head, (h + 1) * d_head)
            exponentials = [
                math.exp(math.fsum(q[t][i] * k[s][i] for i in own) / math.sqrt(d_head)) for s in range(t + 1)
            ]
            row += [math.fsum(e * v[s][i] for s, e in enumerate(exponentials)) / math.fsum(exponentials) for i in own]
        mixed.append(slow_linear(block.attn.proj, row))
    return mixed


def slow_mlp(block: Block, token: list[float]) -> list[float]:
    hidden = [0.5 * z * (1 + math.erf(z / math.sqrt(2))) for z in slow_linear(block.mlp.up, token)]
    return slow_linear(block.mlp.down, hidden)


def add(tokens: list[list[float]], changes: list[list[float]]) -> list[list[float]]:
    return [[a + b for a, b in zip(*pair, strict=True)] for pair in zip(tokens, changes, strict=True)]


def slow_block(case: Case) -> Tensor:
    """Xiong et al. 2020, table 1, right column, one sequence and token at a time, in Python's floats."""
    block, x = case
    result = []
    for tokens in x.tolist():
        after = add(tokens, slow_attention(block, [slow_norm(block.norm1, token) for token in tokens]))
        result.append(add(after, [slow_mlp(block, slow_norm(block.norm2, token)) for token in after]))
    return torch.tensor(result, dtype=torch.float64)


@examples
@given(case=cases())
def test_equals_a_loop_written_from_the_formulas(case: Case) -> None:
    """Protects pre-norm, both residuals and their order: the MLP reads what attention has written."""
    torch.testing.assert_close(case[0](case[1]), slow_block(case), rtol=0, atol=1e-12)


def test_gradients_pass_gradcheck() -> None:
    """Protects the derivative with respect to the tokens and to all sixteen parameters."""
    generator = torch.Generator().manual_seed(0)
    block = build(4, 2, 3, generator)
    x = torch.randn(1, 3, 4, generator=generator, dtype=torch.float64, requires_grad=True)
    names = [name for name, _ in block.named_parameters()]

    def forward(x: Tensor, *parameters: Tensor) -> Tensor:
        return torch.func.functional_call(block, dict(zip(names, parameters, strict=True)), (x,))

    assert len(names) == 16
    assert torch.autograd.gradcheck(forward, (x, *(block.get_parameter(name) for name in names)))


def test_dropout_acts_in_both_sublayers() -> None:
    """Protects the passing on of dropout and its silence in eval mode: the same seed gives the same numbers."""
    generator = torch.Generator().manual_seed(0)
    block = build(6, 3, 8, generator, dropout=0.4)
    x = torch.randn(2, 5, 6, generator=generator, dtype=torch.float64)

    def heads(layer: nn.Linear) -> Tensor:
        projected: Tensor = layer(F.layer_norm(x, (6,), block.norm1.weight, block.norm1.bias))
        return projected.unflatten(-1, (3, 2)).transpose(1, 2)  # (B, n_heads, T, d_head)

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        trained = block.train()(x)
        torch.manual_seed(1)
        unit = torch.eye(5, dtype=x.dtype).expand(2, 3, 5, 5)
        weights = F.scaled_dot_product_attention(heads(block.attn.query), heads(block.attn.key), unit, is_causal=True)
        mixed = F.dropout(weights, 0.4) @ heads(block.attn.value)
        after = x + F.dropout(block.attn.proj(mixed.transpose(1, 2).flatten(2)), 0.4)
        hidden = F.gelu(block.mlp.up(F.layer_norm(after, (6,), block.norm2.weight, block.norm2.bias)))
        expected = after + F.dropout(block.mlp.down(hidden), 0.4)
    torch.testing.assert_close(trained, expected, rtol=0, atol=1e-12)
    evaluated = block.eval()(x)
    torch.testing.assert_close(evaluated, slow_block((block, x)), rtol=0, atol=1e-12)
    assert not torch.allclose(trained, evaluated)


def test_state_dict_has_the_frozen_keys() -> None:
    """Protects the keys and shapes by which graders load weights (docs/core.md)."""
    with torch.random.fork_rng(devices=[]):
        state = Block(6, 3, 8).state_dict()
    weights = {f"attn.{layer}": (6, 6) for layer in ("query", "key", "value", "proj")}
    weights |= {"mlp.up": (8, 6), "mlp.down": (6, 8), "norm1": (6,), "norm2": (6,)}
    expected = {f"{layer}.weight": shape for layer, shape in weights.items()}
    expected |= {f"{layer}.bias": shape[:1] for layer, shape in weights.items()}
    assert {name: tuple(tensor.shape) for name, tensor in state.items()} == expected


def test_width_must_be_a_multiple_of_heads() -> None:
    """Protects the message for a width that cannot be divided among the heads: it names both numbers."""
    with torch.random.fork_rng(devices=[]), pytest.raises(ValueError, match=r"d_model=7 and n_heads=3"):
        Block(7, 3, 8)
