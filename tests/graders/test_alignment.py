"""Matching a module's parameters with roles, against modules that are laid out by hand."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from graders.alignment import ROLES, Layout, layouts
from graders.strategies import generator, head_weights

D, H = 12, 3
LIKE = {f"{role}.{part}": (D, D) if part == "weight" else (D,) for role in ROLES for part in ("weight", "bias")}


def linears(**sizes: int) -> dict[str, tuple[int, ...]]:
    """Parameters of Linears from D features, by name and number of outputs."""
    found: dict[str, tuple[int, ...]] = {}
    for name, n_out in sizes.items():
        found |= {f"{name.replace('__', '.')}.weight": (n_out, D), f"{name.replace('__', '.')}.bias": (n_out,)}
    return found


def shapes_of(packed: dict[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in packed.items()}


def test_a_fused_projection_has_two_layouts() -> None:
    """Protects the starter's own layout: [q|k|v] head by head comes first, three blocks second."""
    weights = head_weights(D, generator(1))
    q, k, v = (weights[f"{role}.bias"] for role in ("query", "key", "value"))
    by_head, in_blocks = (layout.pack(weights) for layout in layouts(linears(qkv=3 * D, proj=D), D, H))
    expected = torch.cat([part[4 * head : 4 * head + 4] for head in range(H) for part in (q, k, v)])
    assert torch.equal(expected, by_head["qkv.bias"])
    assert torch.equal(torch.cat([q, k, v]), in_blocks["qkv.bias"])
    for packed in (by_head, in_blocks):
        assert linears(qkv=3 * D, proj=D) == shapes_of(packed)
        assert torch.equal(weights["proj.weight"], packed["proj.weight"])


def test_by_head_is_the_starters_split() -> None:
    """Protects the meaning of head by head: view(B, T, n_head, 3·hs) then chunk gives each role's own projection."""
    weights = head_weights(D, generator(2))
    packed = layouts(linears(qkv=3 * D, proj=D), D, H)[0].pack(weights)
    x = torch.randn(2, 5, D, generator=generator(3))
    qkv = F.linear(x, packed["qkv.weight"], packed["qkv.bias"]).view(2, 5, H, -1).transpose(1, 2)
    for role, got in zip(("query", "key", "value"), qkv.chunk(3, dim=-1), strict=True):
        expected = F.linear(x, weights[f"{role}.weight"], weights[f"{role}.bias"]).view(2, 5, H, -1).transpose(1, 2)
        torch.testing.assert_close(got, expected)


def test_four_linears_have_each_order_once() -> None:
    """Protects separate Linears under any names: 24 candidates, each another assignment."""
    found = layouts(linears(a=D, b=D, c=D, d=D), D, H)
    orders = {tuple(layout.stacks[f"{name}.weight"][0][0] for name in "abcd") for layout in found}
    assert (len(found), len(orders)) == (24, 24)
    assert {f"{role}.weight" for role in ROLES} == {role for order in orders for role in order}


@pytest.mark.parametrize(
    "names",
    [
        ("query", "key", "value", "proj"),
        ("q", "k", "v", "out"),
        ("W_Q", "W_K", "W_V", "W_O"),
        ("q_proj", "k_proj", "v_proj", "o_proj"),
        ("attn__q", "attn__k", "attn__v", "attn__proj"),
    ],
)
def test_names_that_hint_at_their_roles_come_first(names: tuple[str, ...]) -> None:
    """Protects speed: the first candidate is the one that the names suggest, in whatever order they are defined."""
    for order in (names, names[::-1], (names[2], names[0], names[3], names[1])):
        first = layouts(linears(**dict.fromkeys(order, D)), D, H)[0]
        expected = {name.replace("__", "."): role for name, role in zip(names, ROLES, strict=True)}
        found = {name.removesuffix(".weight"): pieces[0][0].removesuffix(".weight")
                 for name, pieces in first.stacks.items() if name.endswith(".weight")}  # fmt: skip
        assert expected == found


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        linears(qkv=3 * D),
        linears(qkv=3 * D, proj=D, extra=D),
        linears(qkv=3 * D, more=3 * D, proj=D),
        linears(query=D, key=D, value=D),
        linears(query=D, key=D, value=D, proj=D, extra=D),
        linears(query=D, key=4, value=4, proj=D),
        {"qkv.weight": (D, 3 * D), "proj.weight": (D, D)},
    ],
    ids=lambda parameters: ",".join(parameters) or "none",
)
def test_other_modules_have_no_layout(parameters: dict[str, tuple[int, ...]]) -> None:
    """Protects from guessing: parameters that do not fit give no candidate, and the binding says what it found."""
    assert layouts(parameters, D, H) == []


def test_what_is_not_a_linear_is_left_alone() -> None:
    """Protects modules with further parameters, a LayerNorm or a bare one: they keep their own values."""
    parameters = linears(qkv=3 * D, proj=D) | {"norm.weight": (D,), "norm.bias": (D,), "scale": (1,)}
    found = layouts(parameters, D, H)
    assert len(found) == 2
    assert set(linears(qkv=3 * D, proj=D)) == set(found[0].stacks)


@pytest.mark.parametrize("parameters", [linears(qkv=3 * D, proj=D), linears(c=D, a=D, d=D, b=D)], ids=["fused", "four"])
def test_unpack_undoes_pack(parameters: dict[str, tuple[int, ...]]) -> None:
    """Protects the gradients: each comes back under the role whose weights were packed there, for every layout."""
    weights = head_weights(D, generator(4))
    for layout in layouts(parameters, D, H):
        packed = layout.pack(weights)
        assert parameters == {name: shapes_of(packed)[name] for name in parameters}
        back = layout.unpack(packed, LIKE)
        assert list(LIKE) == list(back)
        for role in LIKE:
            assert torch.equal(weights[role], back[role])


def test_pack_leaves_the_weights_alone() -> None:
    """Protects the case: packing copies."""
    weights = head_weights(D, generator(5))
    before = {role: tensor.clone() for role, tensor in weights.items()}
    for layout in layouts(linears(qkv=3 * D, proj=D), D, H):
        for tensor in layout.pack(weights).values():
            tensor.zero_()
    assert all(torch.equal(before[role], weights[role]) for role in before)


def test_what_the_layout_lacks_has_gradient_zero() -> None:
    """Protects `unpack` from roles that no parameter holds."""
    layout = Layout({"a.weight": (("query.weight", slice(0, 1)),)})
    got = layout.unpack({"a.weight": torch.ones(1, 2)}, {"query.weight": (2, 2), "key.bias": (2,)})
    assert got["query.weight"].tolist() == [[1.0, 1.0], [0.0, 0.0]]
    assert got["key.bias"].tolist() == [0.0, 0.0]


def test_real_modules_are_understood() -> None:
    """Protects the names: `named_parameters` of a real module fit."""
    module = nn.ModuleDict({"qkv": nn.Identity(), "proj": nn.Identity()})
    with torch.device("meta"):
        module["qkv"], module["proj"] = nn.Linear(D, 3 * D), nn.Linear(D, D)
    parameters = {name: tuple(p.shape) for name, p in module.named_parameters()}
    assert len(layouts(parameters, D, H)) == 2
