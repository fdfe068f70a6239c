"""Matching a decoder's parameters with their roles."""

import pytest
import torch

from graders.decoder_alignment import Place, decoder_layouts, places
from graders.strategies import generator
from graders.strategies.decoder import decoder_weights
from graders.tasks import DecoderSizes

Shapes = dict[str, tuple[int, ...]]
THREE = DecoderSizes(vocab_size=11, d_model=12, max_tokens=9, n_layers=3, n_heads=2)
EMBEDDINGS: Shapes = {"embedding.weight": (11, 12), "pos_embedding.weight": (9, 12)}


def per_layer(shapes: Shapes, name: str = "layers.{}.") -> Shapes:
    """The parameters of three layers."""
    return {f"{name.format(i)}{key}": shape for i in range(3) for key, shape in shapes.items()}


LINEARS: Shapes = {f"attn.W_{role}.weight": (12, 12) for role in "qkvo"}
MLP: Shapes = {"mlp.0.weight": (24, 12), "mlp.0.bias": (24,), "mlp.2.weight": (12, 24), "mlp.2.bias": (12,)}
NORMS: Shapes = {f"ln{i}.{part}": (12,) for i in (1, 2) for part in ("weight", "bias")}


def roles(parameters: Shapes, sizes: DecoderSizes = THREE) -> dict[str, str]:
    """Key → role within a layer, of the first layout."""
    layout = decoder_layouts(parameters, places(parameters, sizes.n_layers), sizes)[0]
    return {key: "+".join(role for role, _ in piece.rows) for key, piece in layout.pieces.items()}


def test_layers_of_modules() -> None:
    """Protects the usual form: names tell the four matrices and the norms, shapes the MLP."""
    found = roles(EMBEDDINGS | per_layer(LINEARS | MLP | NORMS))
    assert found == {
        "layers.#.attn.W_q.weight": "query.weight",
        "layers.#.attn.W_k.weight": "key.weight",
        "layers.#.attn.W_v.weight": "value.weight",
        "layers.#.attn.W_o.weight": "proj.weight",
        "layers.#.mlp.0.weight": "up.weight",
        "layers.#.mlp.0.bias": "up.bias",
        "layers.#.mlp.2.weight": "down.weight",
        "layers.#.mlp.2.bias": "down.bias",
        "layers.#.ln1.weight": "norm1.weight",
        "layers.#.ln1.bias": "norm1.bias",
        "layers.#.ln2.weight": "norm2.weight",
        "layers.#.ln2.bias": "norm2.bias",
    }


def test_bare_parameters() -> None:
    """Protects lists of bare parameters: their own numbers are not the layers', b2 is the MLP's, b_q the attention's."""
    shapes = {f"W_{role}": (12, 12) for role in "qkvo"} | {"b_q": (12,)}
    shapes |= {"W1": (12, 48), "b1": (48,), "W2": (48, 12), "b2": (12,)}
    shapes |= {"attn_gamma": (12,), "attn_beta": (12,), "mlp_gamma": (12,), "mlp_beta": (12,)}
    found = roles(EMBEDDINGS | {f"{name}.{i}": shape for name, shape in shapes.items() for i in range(3)})
    assert tuple(found[key] for key in ("b_q", "W1", "b1", "W2", "b2")) == (
        "query.bias",
        "up.weight",
        "up.bias",
        "down.weight",
        "down.bias",
    )
    assert (found["attn_gamma"], found["mlp_beta"]) == ("norm1.weight", "norm2.bias")


def test_norms_that_all_layers_share() -> None:
    """Protects gamma1 and gamma2 without a layer: with three layers they are not taken for two of them."""
    parameters = (
        EMBEDDINGS | per_layer(LINEARS | MLP) | {f"{name}{i}": (12,) for i in (1, 2) for name in ("gamma", "beta")}
    )
    found = places(parameters, 3)
    assert Place("gamma2") in found
    assert Place("layers.{}.mlp.2.bias", "numbered") in found
    assert roles(parameters)["gamma2"] == "norm2.weight"


def test_packing_and_sharing() -> None:
    """Protects weights and gradients of what layers stack or share: the first layer's weight, the sum of the gradients."""
    stacked = {f"W_{role}": (3, 12, 12) for role in "qkv"} | {"W_o": (12, 12)}
    parameters = EMBEDDINGS | stacked | per_layer(MLP)
    layout = decoder_layouts(parameters, places(parameters, 3), THREE)[0]
    weights = decoder_weights(THREE, 24, generator(1))
    packed = layout.pack(weights)
    assert {name: tuple(tensor.shape) for name, tensor in packed.items()} == parameters
    assert torch.equal(packed["W_q"][2], weights["layers.2.query.weight"].T)
    assert torch.equal(packed["W_o"], weights["layers.0.proj.weight"].T)
    assert torch.equal(layout.kept(weights)["layers.2.proj.weight"], weights["layers.0.proj.weight"])
    summed = sum(weights[f"layers.{i}.proj.weight"] for i in range(3))
    assert torch.equal(layout.pack(weights, add=True)["W_o"], summed.T)
    assert layout.shared() == ["W_o"]
    assert layout.d_hidden == 24


def test_names_that_say_nothing_leave_it_open() -> None:
    """Protects free names: every assignment of the four matrices is listed, and only one where the names tell."""
    parameters = EMBEDDINGS | per_layer({f"{name}.weight": (12, 12) for name in "abcd"} | MLP)
    where = places(parameters, 3)
    assert len(decoder_layouts(parameters, where, THREE)) == 24 * 2
    named = EMBEDDINGS | per_layer(LINEARS | MLP)
    assert len(decoder_layouts(named, places(named, 3), THREE)) == 2  # the MLP's orientation


@pytest.mark.parametrize("lacking", ["embedding.weight", "layers.{}.attn.W_o.weight", "layers.{}.mlp.2.weight"])
def test_what_does_not_fit(lacking: str) -> None:
    """Protects the message: without an embedding, an output projection or an MLP there is no layout."""
    parameters = EMBEDDINGS | per_layer(LINEARS | MLP)
    for i in range(3):
        parameters.pop(lacking.format(i), None)
    assert decoder_layouts(parameters, places(parameters, 3), THREE) == []
