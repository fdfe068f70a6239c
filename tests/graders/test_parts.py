"""Which parameters of a model are whose, where stand-ins have taken the places of its parts."""

import pytest

from graders.parts import Norm, norms_of, require_parts, split
from graders.verdict import CheckFailed


def test_stand_ins_are_told_from_the_rest() -> None:
    """Protects the search: the parameter's own name decides, wherever the part lies, and the order stays."""
    parameters = {"b.1.stand_in": (3, 3), "stand_in_w.weight": (3,), "b.0.stand_in": (3, 3)}
    assert split(parameters) == (["b.1.stand_in", "b.0.stand_in"], {"stand_in_w.weight": (3,)})


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"ln.weight": (4,), "ln.bias": (4,)}, [Norm("ln.weight", "ln.bias")]),
        ({"n.beta": (4,), "n.gamma": (4,)}, [Norm("n.gamma", "n.beta")]),
        ({"ln.weight": (4,)}, [Norm("ln.weight")]),
        ({"fc.weight": (4, 4), "fc.bias": (4,), "ln.weight": (4,)}, [Norm("ln.weight")]),
        ({"gain": (5,)}, []),
        ({"a.one": (4,), "a.two": (4,)}, []),
    ],
)
def test_norms_are_found(parameters: dict[str, tuple[int, ...]], expected: list[Norm]) -> None:
    """Protects right solutions: a normalisation has a gain, and may have a bias, of the width of a token."""
    assert expected == norms_of(parameters, 4)


def test_too_few_parts_are_explained() -> None:
    """Protects the message about [Head(…)] * n; none at all is another mistake."""
    require_parts(["a", "b"], 2, "Heads", "Head")
    with pytest.raises(CheckFailed, match=r"must hold 2 of class Head.*it holds 1.*\[Head\(…\)\] \* n"):
        require_parts(["a"], 2, "Heads", "Head")
    with pytest.raises(CheckFailed, match=r"it holds 0\.$"):
        require_parts([], 2, "Heads", "Head")
