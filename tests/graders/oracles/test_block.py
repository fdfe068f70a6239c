"""The expected values of block against torch's own encoder layer."""

import torch
from hypothesis import given, settings
from torch import Tensor, nn

from graders.oracles.block import block, block_gradients
from graders.strategies import generator
from graders.strategies.block import BlockCase, block_cases, silenced

examples = settings(derandomize=True, deadline=None, database=None, max_examples=20)
PLACES = {
    "attn.proj": "self_attn.out_proj", "mlp.up": "linear1", "mlp.down": "linear2", "norm1": "norm1", "norm2": "norm2"
}  # fmt: skip


def torch_block(weights: dict[str, Tensor], n_heads: int, prefix: str = "") -> nn.TransformerEncoderLayer:
    """torch's layer, norms first, with weights given by role; float64."""
    w = {role.removeprefix(prefix): t.double() for role, t in weights.items() if role.startswith(prefix)}
    d_hidden, d_model = w["mlp.up.weight"].shape
    with torch.random.fork_rng(devices=[]):
        layer = nn.TransformerEncoderLayer(
            d_model, n_heads, d_hidden, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
        )
    state = {f"{theirs}.{kind}": w[f"{ours}.{kind}"] for ours, theirs in PLACES.items() for kind in ("weight", "bias")}
    for kind in ("weight", "bias"):
        parts = [w[f"attn.{role}.{kind}"] for role in ("query", "key", "value")]
        state[f"self_attn.in_proj_{kind}"] = torch.cat(parts)
    layer.double().load_state_dict(state)
    return layer


def forbidden(T: int) -> Tensor:
    """torch's mask: True = may not attend."""
    return torch.ones(T, T, dtype=torch.bool).triu(1)


@examples
@given(case=block_cases(free_width=True, small=True))
def test_equals_torchs(case: BlockCase) -> None:
    """Protects the order of norms, sublayers and additions, causality, and the eps of the norms."""
    got = block(case.weights, case.sizes.n_heads, case.x)
    layer = torch_block(case.weights, case.sizes.n_heads)
    expected = layer(case.x.double(), src_mask=forbidden(case.x.shape[1]))
    torch.testing.assert_close(got, expected.detach(), atol=1e-10, rtol=1e-10)
    assert not got.requires_grad


@examples
@given(case=block_cases())
def test_gradients_equal_torchs(case: BlockCase) -> None:
    """Protects gradients by role."""
    grad_output = torch.randn(case.x.shape, generator=generator(1))
    grad_x, by_role = block_gradients(case.weights, case.sizes.n_heads, case.x, grad_output)
    layer, x = torch_block(case.weights, case.sizes.n_heads), case.x.double().requires_grad_()
    (layer(x, src_mask=forbidden(x.shape[1])) * grad_output).sum().backward()
    torch.testing.assert_close(grad_x, x.grad, atol=1e-9, rtol=1e-9)
    torch.testing.assert_close(by_role["mlp.up.weight"], layer.linear1.weight.grad, atol=1e-9, rtol=1e-9)
    torch.testing.assert_close(by_role["norm1.bias"], layer.norm1.bias.grad, atol=1e-9, rtol=1e-9)
    projections = torch.cat([by_role[f"attn.{role}.weight"] for role in ("query", "key", "value")])
    torch.testing.assert_close(projections, layer.self_attn.in_proj_weight.grad, atol=1e-9, rtol=1e-9)


@examples
@given(case=block_cases())
def test_silenced_sublayers_add_nothing(case: BlockCase) -> None:
    """Protects the checks of one sublayer at a time: without both of them the block gives x."""
    quiet = block(silenced(case.weights, "attn", "mlp"), case.sizes.n_heads, case.x)
    assert torch.equal(quiet, case.x.double())
    half = block(silenced(case.weights, "mlp"), case.sizes.n_heads, case.x)
    assert not torch.equal(half, case.x.double())
