"""The expected values against torch's own functions and against formulas written out another way."""

import cmath
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from hypothesis import HealthCheck, given, settings
from torch import Tensor

from graders import oracles
from graders.strategies import (
    AttentionCase,
    HeadCase,
    IdsCase,
    RopeCase,
    attention_cases,
    generator,
    head_cases,
    head_weights,
    ids_cases,
    rope_cases,
)

examples = settings(
    derandomize=True,
    deadline=None,
    database=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.too_slow],
)
EXACT = 1e-12  # both sides are float64
WEIGHTS = head_weights(8, generator(4))


def close(got: Tensor, expected: Tensor) -> None:
    """Equal but for float64's rounding, float64 itself."""
    torch.testing.assert_close(got, expected, atol=EXACT, rtol=EXACT)


def torch_multi_head(case: HeadCase, x: Tensor) -> Tensor:
    """torch's own multi-head attention with the case's weights; its masks are True = may not attend."""
    w = {name: tensor.double() for name, tensor in case.weights.items()}
    B, T, d_model = x.shape
    n_heads = case.sizes.n_heads
    permit = torch.ones(T, T, dtype=torch.bool).tril() if case.mask is None else case.mask
    forbidden = ~permit.expand(B, n_heads, T, T).reshape(B * n_heads, T, T)
    steps = x.transpose(0, 1)
    output, _ = F.multi_head_attention_forward(
        steps, steps, steps, d_model, n_heads,
        torch.cat([w["query.weight"], w["key.weight"], w["value.weight"]]),
        torch.cat([w["query.bias"], w["key.bias"], w["value.bias"]]),
        None, None, False, 0.0, w["proj.weight"], w["proj.bias"],
        training=False, attn_mask=forbidden, need_weights=False,
    )  # fmt: skip
    return output.transpose(0, 1)


@examples
@given(case=attention_cases())
def test_attention_equals_torchs(case: AttentionCase) -> None:
    """Protects the oracle of attention: torch's scaled_dot_product_attention gives the same output in float64."""
    output, weights = oracles.attention(case.query, case.key, case.value, case.mask)
    query, key, value = (t.double() for t in (case.query, case.key, case.value))
    close(output, F.scaled_dot_product_attention(query, key, value, attn_mask=case.mask))
    close(weights.sum(-1), torch.ones(weights.shape[:-1], dtype=torch.float64))
    assert not weights[~case.permit()].any()


@examples
@given(case=attention_cases())
def test_attention_gradients_equal_torchs(case: AttentionCase) -> None:
    """Protects the oracle of gradients, and the case: its tensors require no gradient afterwards."""
    grad_output = torch.randn(case.expected[0].shape, generator=generator(1))
    got = oracles.attention_gradients(case.query, case.key, case.value, case.mask, grad_output)
    leaves = [t.double().requires_grad_() for t in (case.query, case.key, case.value)]
    query, key, value = leaves
    output = F.scaled_dot_product_attention(query, key, value, attn_mask=case.mask)
    expected = torch.autograd.grad(output, leaves, grad_output.double())
    for one, other in zip(got, expected, strict=True):
        close(one, other)
    assert not any(t.requires_grad for t in (case.query, case.key, case.value))


@examples
@given(case=ids_cases())
def test_attention_mask_is_the_rule_itself(case: IdsCase) -> None:
    """Protects the oracle of masks: key not after query, and no padding; spelled out for each pair."""
    mask = oracles.attention_mask(case.ids, case.pad_id)
    B, T = case.ids.shape
    expected = [
        [[[k <= q and int(case.ids[b, k]) != case.pad_id for k in range(T)] for q in range(T)]] for b in range(B)
    ]
    assert expected == mask.tolist()


def test_causal_mask_is_the_rule_itself() -> None:
    """Protects the polarity: True = may attend."""
    assert oracles.causal_mask(3).tolist() == [[True, False, False], [True, True, False], [True, True, True]]
    assert torch.bool == oracles.causal_mask(1).dtype


@examples
@given(case=head_cases())
def test_multi_head_equals_torchs(case: HeadCase) -> None:
    """Protects the oracle of multi-head attention: torch's own gives the same with the same weights, in float64."""
    got = oracles.multi_head(case.weights, case.sizes.n_heads, case.x)
    close(got, torch_multi_head(case, case.x.double()))
    assert not got.requires_grad


@examples
@given(case=head_cases(masked=True))
def test_multi_head_with_a_mask_equals_torchs(case: HeadCase) -> None:
    """Protects explicit masks: the given one stands alone."""
    got = oracles.multi_head(case.weights, case.sizes.n_heads, case.x, case.mask)
    close(got, torch_multi_head(case, case.x.double()))


@settings(examples, max_examples=15)
@given(case=head_cases())
def test_multi_head_gradients_equal_torchs(case: HeadCase) -> None:
    """Protects the oracle of gradients: those of x and of each role are torch's own, the case stays as it is."""
    grad_output = torch.randn(case.x.shape, generator=generator(2))
    before = {name: tensor.clone() for name, tensor in case.weights.items()}
    grad_x, by_role = oracles.multi_head_gradients(case.weights, case.sizes.n_heads, case.x, grad_output)
    x = case.x.double().requires_grad_()
    leaves = {name: tensor.double().requires_grad_() for name, tensor in case.weights.items()}
    output = torch_multi_head(HeadCase(case.sizes, case.x, None, 0, leaves), x)
    expected = torch.autograd.grad(output, [x, *leaves.values()], grad_output.double())
    close(grad_x, expected[0])
    assert set(leaves) == set(by_role)
    for name, gradient in zip(leaves, expected[1:], strict=True):
        close(by_role[name], gradient)
    assert all(torch.equal(before[name], case.weights[name]) for name in before)
    assert not any(tensor.requires_grad for tensor in [case.x, *case.weights.values()])


@examples
@given(case=rope_cases(any_axes=True, positioned=True))
def test_rope_equals_complex_multiplication(case: RopeCase) -> None:
    """Protects the oracle of RoPE: pair i at position t is multiplied by e^(i·tθ), pair by pair."""
    got = oracles.rope(case.x, case.exact_cache, case.positions)
    dim = case.x.shape[-1]
    assert case.positions is not None
    theta = torch.tensor([10000.0 ** (-2 * i / dim) for i in range(dim // 2)], dtype=torch.float64)
    angle = case.positions.expand(case.x.shape[:-1])[..., None] * theta
    turned = torch.view_as_complex(case.x.double().unflatten(-1, (-1, 2))) * torch.polar(torch.ones_like(angle), angle)
    close(got, torch.view_as_real(turned).flatten(-2))


def test_rope_cache_equals_the_formula() -> None:
    """Protects frequencies, first position and the order cosine, sine: computed by cmath, number by number."""
    cache = oracles.rope_cache(6, 4, 500.0)
    turns = [[cmath.exp(1j * t * 500.0 ** (-2 * i / 6)) for i in range(3)] for t in range(4)]
    expected = torch.tensor([[[turn.real, turn.imag] for turn in row] for row in turns], dtype=torch.float64)
    close(cache, expected)


@settings(examples, max_examples=20)
@given(case=head_cases(even_heads=True))
def test_rope_attention_is_attention_with_rotated_queries_and_keys(case: HeadCase) -> None:
    """Protects the oracle of RoPE inside attention: torch's attention on queries and keys that cmath has rotated."""
    w = {name: tensor.double() for name, tensor in case.weights.items()}
    n_heads = case.sizes.n_heads
    q, k, v = (
        F.linear(case.x.double(), w[f"{role}.weight"], w[f"{role}.bias"]).unflatten(-1, (n_heads, -1)).transpose(1, 2)
        for role in ("query", "key", "value")
    )
    T, hs = q.shape[-2:]
    turns = torch.tensor(
        [[cmath.exp(1j * t * 10000.0 ** (-2 * i / hs)) for i in range(hs // 2)] for t in range(T)],
        dtype=torch.complex128,
    )
    q, k = (
        torch.view_as_real(torch.view_as_complex(z.unflatten(-1, (-1, 2)).contiguous()) * turns).flatten(-2)
        for z in (q, k)
    )
    y = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).flatten(-2)
    close(oracles.rope_attention(case.weights, n_heads, case.x), F.linear(y, w["proj.weight"], w["proj.bias"]))


def test_rope_attention_differs_from_attention() -> None:
    """Protects the check inside attention: with three tokens or more the rotation shows."""
    x = torch.randn(2, 3, 8, generator=generator(3))
    plain, rotated = oracles.multi_head(WEIGHTS, 2, x), oracles.rope_attention(WEIGHTS, 2, x)
    assert float((rotated - plain).abs().max()) > 0.01


def test_nothing_draws_from_the_global_random_state() -> None:
    """Protects the judge's process: expected values follow from the case alone."""
    before = torch.get_rng_state()
    x, grad_output = torch.randn(2, 3, 8, generator=generator(5)), torch.ones(2, 3, 8)
    oracles.multi_head(WEIGHTS, 2, x)
    oracles.multi_head_gradients(WEIGHTS, 2, x, grad_output)
    oracles.rope_attention(WEIGHTS, 2, x)
    assert torch.equal(before, torch.get_rng_state())


def test_only_this_folder_of_the_graders_needs_the_answer_key() -> None:
    """Protects the students' kit, which has no reference: everything but the oracles is imported without it."""
    graders = Path(oracles.__file__).parents[1]
    users = [path.parent.name for path in graders.rglob("*.py") if "import reference" in (text := path.read_text("utf-8"))
             or "from reference" in text]  # fmt: skip
    assert set(users) == {"oracles"}


@pytest.mark.parametrize("module", ["graders.homework", "graders.verdict", "graders.plugin"])
def test_what_is_said_to_need_no_torch_needs_none(module: str) -> None:
    """Protects the first answer: a mistyped option is told before torch is loaded."""
    code = f"import sys; import {module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 0
