"""The table [trained] of a TOML: curves of partial credit, and which check needs which part."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from graders.homework import config_of
from graders.trained_table import ImagesTable, ModelTable, TrainedTable, credit

pytestmark = pytest.mark.torch_free
ROOT = Path(__file__).parents[2]
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


def recorded(slug: str) -> list[dict[str, Any]]:
    """The figures that a homework's thresholds are set from."""
    trained = config_of(slug).trained
    assert trained is not None
    runs: list[dict[str, Any]] = json.loads((ROOT / trained.figures).read_text(encoding="utf-8"))
    assert {run["about"]["homework"] for run in runs} == {slug}
    return runs


def test_thresholds_of_birth_places_are_within_reach() -> None:
    """Protects students from thresholds that the solution misses: on generated data, within minutes, it does not."""
    trained = config_of("cmu_birthplaces").trained
    assert trained is not None
    assert trained.birth_places is not None
    models = trained.birth_places.models
    runs = [run for run in recorded("cmu_birthplaces") if run["about"]["data"] == "generated"]
    assert len(runs) >= 3
    for run in runs:
        alone, pretrained, rope = run["table"][:3]
        assert alone["dev"]["95 %"][1] <= 100 * (models["no_pretraining"].below or 0)
        assert pretrained["dev"]["percent"] >= 100 * (models["pretraining"].threshold or 1)
        assert rope["test"]["percent"] >= 100 * (models["rope"].threshold or 1)


def test_the_threshold_of_images_is_within_reach() -> None:
    """Protects the same for pictures: the solution's interval lies above, on digits and on shapes."""
    trained = config_of("mit_dialoguegpt").trained
    assert trained is not None
    assert trained.images is not None
    for run in recorded("mit_dialoguegpt"):
        reached = {row["model"]: row.get("validation accuracy") for row in run["table"]}
        for name in ("ViT, digits", "ViT, shapes"):
            assert reached[name]["95 %"][0] >= 100 * trained.images.threshold


def test_the_perplexity_is_within_reach() -> None:
    """Protects the same for text: on a corpus that it was fine-tuned on, the solution's interval lies below."""
    trained = config_of("transformers_from_scratch").trained
    assert trained is not None
    assert trained.text is not None
    runs = recorded("transformers_from_scratch")
    assert any(run["about"]["data"] != "generated" for run in runs)
    for run in runs:
        assert run["table"][-1]["dev perplexity, shakespeare"]["95 %"][1] <= trained.text.at_most
