"""Which parameter of a language model is which, whatever its name."""

import pytest

from graders.language_model import Roles, roles_of
from graders.parts import Norm
from graders.tasks import GptSizes
from graders.verdict import CheckFailed

SIZES = GptSizes(vocab_size=11, block_size=8, n_layers=2, n_heads=2, d_model=6, d_hidden=24)
BLOCKS = {"h.0.stand_in": (6, 6), "h.1.stand_in": (6, 6)}
NORM = {"ln.weight": (6,), "ln.bias": (6,)}
LN = Norm("ln.weight", "ln.bias")
PARTS = list(BLOCKS)


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        (
            {"wte.weight": (11, 6), "wpe.weight": (8, 6), **NORM, "lm_head.weight": (11, 6), "lm_head.bias": (11,)},
            Roles("wte.weight", "wpe.weight", LN, "lm_head.weight", False, "lm_head.bias", PARTS),
        ),
        (
            {"output.weight": (11, 6), "a.weight": (11, 6), "pos": (1, 8, 6), **NORM},
            Roles("a.weight", "pos", LN, "output.weight", False, None, PARTS),
        ),
        ({"tok": (11, 6), "pos": (8, 6), "w": (6, 11)}, Roles("tok", "pos", Norm(), "w", True, None, PARTS)),
        ({"tok": (11, 6), "pos": (8, 6), **NORM}, Roles("tok", "pos", LN, None, False, None, PARTS)),
    ],
    ids=["usual", "head first", "bare parameters", "tied"],
)
def test_roles(parameters: dict[str, tuple[int, ...]], expected: Roles) -> None:
    """Protects right solutions: shapes decide, and names where two shapes are alike."""
    assert expected == roles_of({**parameters, **BLOCKS}, SIZES, "GPT")


@pytest.mark.parametrize(
    "parameters",
    [
        {"tok": (11, 6), **NORM},
        {"tok": (11, 6), "pos": (8, 6), "more": (3, 3)},
        {"tok": (11, 6), "pos": (8, 6), "a.weight": (11, 6), "b.weight": (11, 6)},
        {"pos": (8, 6), "w": (6, 11)},
        {"tok": (11, 6), "pos": (8, 6), **NORM, "m.weight": (6,)},
    ],
)
def test_other_parameters_are_told(parameters: dict[str, tuple[int, ...]]) -> None:
    """Protects the message: no position embedding, too many tables or norms, and anything else."""
    with pytest.raises(CheckFailed, match="The parameters of GPT do not fit: expected a token embedding"):
        roles_of({**parameters, **BLOCKS}, SIZES, "GPT")
