"""Matching a module's parameters with roles, against modules that are laid out by hand."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from graders.alignment import ROLES, Layout, Piece, layouts
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
    orders = {tuple(layout.pieces[f"{name}.weight"].rows[0][0] for name in "abcd") for layout in found}
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
        found = {name.removesuffix(".weight"): piece.rows[0][0].removesuffix(".weight")
                 for name, piece in first.pieces.items() if name.endswith(".weight")}  # fmt: skip
        assert expected == found


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        linears(qkv=3 * D, proj=D, extra=D),
        linears(qkv=3 * D, more=3 * D, proj=D),
        linears(query=D, key=D),
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
    assert set(linears(qkv=3 * D, proj=D)) == set(found[0].pieces)


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


def test_what_the_layout_lacks_is_left_out() -> None:
    """Protects modules without biases: the gradient of what is not there is no zero to be compared."""
    layout = Layout({"a.weight": Piece((("query.weight", slice(0, 1)),))})
    got = layout.unpack({"a.weight": torch.ones(1, 2)}, {"query.weight": (2, 2), "key.bias": (2,)})
    assert {name: tensor.tolist() for name, tensor in got.items()} == {"query.weight": [[1.0, 1.0], [0.0, 0.0]]}


def without_bias(parameters: dict[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    return {name: shape for name, shape in parameters.items() if not name.endswith("bias")}


def test_biases_may_be_missing_one_by_one() -> None:
    """Protects handouts whose formulas have no bias: the layout's roles tell which of them a module has."""
    found = layouts(without_bias(linears(q=D, k=D, v=D)) | linears(o=D), D, H)
    assert {"query.weight", "key.weight", "value.weight", "proj.weight", "proj.bias"} == found[0].roles


def test_a_module_may_have_no_projection() -> None:
    """Protects single heads and bare concatenation: three matrices, fused or not, need no fourth."""
    for parameters in (linears(q=D, k=D, v=D), linears(qkv=3 * D)):
        assert {role.partition(".")[0] for role in layouts(parameters, D, H)[0].roles} == set(ROLES[:3])


def test_heads_of_their_own_width() -> None:
    """Protects modules whose heads together are not as wide as x: each matrix has one possible place."""
    parameters = {"q.weight": (6, 10), "k.weight": (6, 10), "v.weight": (6, 10), "o.weight": (10, 6)}
    found = layouts(parameters, 10, 3, 2)
    assert len(found) == 6
    weights = head_weights(10, generator(1), 6)
    assert parameters == shapes_of(found[0].pack(weights))


def test_one_matrix_for_each_head() -> None:
    """Protects lists of heads: `heads.1.key.weight` holds the rows of head 1."""
    parameters = {f"heads.{h}.{name}.weight": (4, D) for h in range(H) for name in ("key", "query", "value")}
    found = layouts(parameters | linears(proj=D), D, H)
    weights = head_weights(D, generator(1))
    packed = found[0].pack(weights)
    assert torch.equal(weights["query.weight"][4:8], packed["heads.1.query.weight"])
    assert torch.equal(weights["value.weight"][8:], packed["heads.2.value.weight"])
    assert len(found) == 6


@pytest.mark.parametrize("names", [("w_q", "w_k", "w_v", "w_o"), ("Wq", "Wk", "Wv", "Wo")])
def test_bare_parameters_are_tried_in_both_orientations(names: tuple[str, ...]) -> None:
    """Protects x @ W: bare square Parameters are taken as [in, out] first, and as [out, in] too."""
    weights = head_weights(D, generator(1))
    found = layouts(dict.fromkeys(names, (D, D)), D, H)
    assert torch.equal(weights["query.weight"].T, found[0].pack(weights)[names[0]])
    assert any(torch.equal(weights["query.weight"], layout.pack(weights)[names[0]]) for layout in found)


def test_parameters_stacked_by_head() -> None:
    """Protects einsum solutions: (n_heads, in, d_head), used as x @ W[h]."""
    weights = head_weights(D, generator(1))
    parameters = {"q": (H, D, 4), "k": (H, D, 4), "v": (H, D, 4)} | linears(out=D)
    first = layouts(parameters, D, H)[0]
    x = torch.randn(5, D, generator=generator(2))
    expected = (x @ weights["key.weight"].T).view(5, H, 4)
    torch.testing.assert_close(torch.einsum("td,hdf->thf", x, first.pack(weights)["k"]), expected)
    back = first.unpack(first.pack(weights), LIKE)
    assert torch.equal(weights["key.weight"], back["key.weight"])


def test_real_modules_are_understood() -> None:
    """Protects the names: `named_parameters` of a real module fit."""
    module = nn.ModuleDict({"qkv": nn.Identity(), "proj": nn.Identity()})
    with torch.device("meta"):
        module["qkv"], module["proj"] = nn.Linear(D, 3 * D), nn.Linear(D, D)
    parameters = {name: tuple(p.shape) for name, p in module.named_parameters()}
    assert len(layouts(parameters, D, H)) == 2
