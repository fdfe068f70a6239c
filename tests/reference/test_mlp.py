"""The reference MLP against F.linear and F.gelu, and against a loop written from the formula with math.erf."""

import math

import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from reference.mlp import MLP

examples = settings(derandomize=True, deadline=None, database=None, max_examples=50)
Case = tuple[MLP, Tensor]


def build(d_model: int, d_hidden: int, generator: torch.Generator, dropout: float = 0.0) -> MLP:
    """Make a float64 module with weights of order 1/√width and biases of order 1, in eval mode."""
    with torch.random.fork_rng(devices=[]):
        module = MLP(d_model, d_hidden, dropout).double().eval()
    for parameter in module.parameters():
        scale = 1.0 if parameter.dim() == 1 else parameter.shape[1] ** -0.5
        parameter.data = scale * torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
    return module


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Draw a module of any widths and its input of any leading shape, wide enough to reach all parts of the GELU."""
    d_model, d_hidden = draw(st.integers(1, 6)), draw(st.integers(1, 9))
    shape = (*draw(st.lists(st.integers(1, 4), max_size=3)), d_model)
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**32)))
    x = 2 * torch.randn(shape, generator=generator, dtype=torch.float64)
    return build(d_model, d_hidden, generator), x


@examples
@given(case=cases())
def test_equals_pytorchs_functions(case: Case) -> None:
    """Protects the whole computation, biases included, for any leading axes."""
    module, x = case
    before = x.clone()
    hidden = F.gelu(F.linear(x, module.up.weight, module.up.bias), approximate="none")
    expected = F.linear(hidden, module.down.weight, module.down.bias)
    torch.testing.assert_close(module(x), expected, rtol=0, atol=1e-12)
    assert torch.equal(x, before)


def slow_mlp(case: Case) -> Tensor:
    """Equation 2 of Vaswani et al. 2017 with z · Φ(z), one token and feature at a time, in Python's floats."""
    module, x = case
    up, up_bias, down, down_bias = (p.tolist() for p in (*module.up.parameters(), *module.down.parameters()))
    rows = []
    for token in x.reshape(-1, x.shape[-1]).tolist():
        z = [math.fsum(w * f for w, f in zip(row, token, strict=True)) + b for row, b in zip(up, up_bias, strict=True)]
        hidden = [0.5 * z_i * (1 + math.erf(z_i / math.sqrt(2))) for z_i in z]
        rows.append(
            [
                math.fsum(w * h for w, h in zip(row, hidden, strict=True)) + b
                for row, b in zip(down, down_bias, strict=True)
            ]
        )
    return torch.tensor(rows, dtype=torch.float64).reshape(x.shape)


@examples
@given(case=cases())
def test_equals_a_loop_written_from_the_formula(case: Case) -> None:
    """Protects the exact GELU: the two approximations in use differ from it by 5e-4 and 2e-2."""
    torch.testing.assert_close(case[0](case[1]), slow_mlp(case), rtol=0, atol=1e-12)


def test_gradients_pass_gradcheck() -> None:
    """Protects the derivative with respect to the tokens and to all four parameters."""
    generator = torch.Generator().manual_seed(0)
    module = build(3, 5, generator)
    x = torch.randn(2, 2, 3, generator=generator, dtype=torch.float64, requires_grad=True)
    names = [name for name, _ in module.named_parameters()]

    def forward(x: Tensor, *parameters: Tensor) -> Tensor:
        return torch.func.functional_call(module, dict(zip(names, parameters, strict=True)), (x,))

    assert len(names) == 4
    assert torch.autograd.gradcheck(forward, (x, *(module.get_parameter(name) for name in names)))


def test_dropout_acts_on_the_output() -> None:
    """Protects the place of dropout and its silence in eval mode: the same seed gives the same numbers."""
    generator = torch.Generator().manual_seed(0)
    module = build(6, 7, generator, dropout=0.4)
    x = torch.randn(2, 5, 6, generator=generator, dtype=torch.float64)
    evaluated = module(x)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        trained = module.train()(x)
        torch.manual_seed(1)
        expected = F.dropout(evaluated, 0.4)
    torch.testing.assert_close(trained, expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(evaluated, slow_mlp((module, x)), rtol=0, atol=1e-12)
    assert not torch.allclose(trained, evaluated)


def test_state_dict_has_the_frozen_keys() -> None:
    """Protects the keys and shapes by which graders load weights (docs/core.md)."""
    with torch.random.fork_rng(devices=[]):
        state = MLP(3, 5).state_dict()
    expected = {"up.weight": (5, 3), "up.bias": (5,), "down.weight": (3, 5), "down.bias": (3,)}
    assert {name: tuple(tensor.shape) for name, tensor in state.items()} == expected
