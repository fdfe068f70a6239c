"""The table [trained] of a TOML: curves of partial credit, and which check needs which part."""

from typing import Any

import pytest
from pydantic import ValidationError

from graders.trained_table import ImagesTable, ModelTable, TrainedTable, credit

pytestmark = pytest.mark.torch_free
FILES = {"parameters": "a.params", "dev": "a.dev", "test": "a.test"}
CURVE = ((0.05, 0.0), (0.10, 0.4), (0.15, 1.0))


@pytest.mark.parametrize(
    ("share", "expected"),
    [(0.0, 0.0), (0.05, 0.0), (0.075, 0.2), (0.10, 0.4), (0.125, 0.7), (0.15, 1.0), (0.9, 1.0), (1.0, 1.0)],
)
def test_partial_credit(share: float, expected: float) -> None:
    """Protects the option: straight between the points, nothing below the first, everything from the last on."""
    assert credit(share, 0.15, CURVE) == expected


@pytest.mark.parametrize(("share", "expected"), [(0.1499, 0.0), (0.15, 1.0), (75 / 500, 1.0), (74 / 500, 0.0)])
def test_all_or_nothing(share: float, expected: float) -> None:
    """Protects the handout's rule: at least 15 % is 75 of 500, and 74 is not."""
    assert credit(share, 0.15, ()) == expected


def test_a_first_point_above_nothing() -> None:
    """Protects a curve that begins with something: below its first point there is still nothing."""
    assert [credit(share, 0.5, ((0.2, 0.5), (0.4, 1.0))) for share in (0.19, 0.2, 0.3)] == [0.0, 0.5, 0.75]


@pytest.mark.parametrize(
    "curve",
    [
        [[0.1, 0.0], [0.1, 1.0]],
        [[0.2, 0.0], [0.1, 1.0]],
        [[0.1, 0.5], [0.2, 0.2], [0.3, 1.0]],
        [[0.1, 0.0], [0.2, 0.9]],
        [[0.1, -0.5], [0.2, 1.0]],
    ],
)
def test_curves_that_do_not_rise(curve: Any) -> None:
    """Protects instructors from a slip: better answers must never give fewer points."""
    with pytest.raises(ValidationError):
        ModelTable(**FILES, threshold=0.15, partial=curve)
    with pytest.raises(ValidationError):
        ImagesTable(parameters="a.pt", model="A", threshold=0.15, partial=curve)


def test_a_curve_needs_a_threshold() -> None:
    """Protects the message, which names what is asked for."""
    with pytest.raises(ValidationError, match="`partial` needs a `threshold`"):
        ModelTable(**FILES, partial=CURVE)


@pytest.mark.parametrize("data", ["", "../data", "a/b", "..", ".hidden", "a b"])
def test_where_the_data_lies(data: str) -> None:
    """Protects other folders: the data lies beside the TOML, and only there."""
    with pytest.raises(ValidationError):
        TrainedTable(data=data)


def test_what_a_check_needs() -> None:
    """Protects instructors from a check without its table: the missing one is named."""
    bare = TrainedTable(data="a.data")
    assert bare.lacks("trained.image_accuracy") == "trained.images"
    assert bare.lacks("trained.perplexity") == "trained.text"
    assert bare.lacks("trained.rope_claims") == "trained.birth_places"
    places = TrainedTable.model_validate({"data": "a.data", "birth_places": {"rope": FILES}})
    assert places.lacks("trained.rope_claims") == ""
    assert places.lacks("trained.london_baseline") == ""
    assert places.lacks("trained.pretraining_claims") == "trained.birth_places.pretraining"
    assert places.lacks("trained.no_pretraining_claims") == "trained.birth_places.no_pretraining"
