"""What a TOML says of trained models (`[trained]`): where the staff's data lies, and what the models must reach."""

import itertools
from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

Share = Annotated[float, Field(ge=0, le=1)]
FileName = Annotated[str, Field(min_length=1, max_length=120, pattern=r"^[^/\\]+$")]
MODELS = ("no_pretraining", "pretraining", "rope")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ModelTable(_Strict):
    """One of the models that answer where people were born.

    Attributes:
        parameters, dev, test: names of the files that are handed in: its parameters, and its predictions.
        rope: whether it is made with `rope=True`.
        threshold: the share of right answers that is asked for.
        partial: points of a curve (share of right answers, share of the check's points), for partial credit; between them
            it is straight. Empty = all or nothing, by the threshold.
        below: the share that it is expected to stay below.
        usual: from where to where right solutions reach on the dev questions.
    """

    parameters: FileName
    dev: FileName
    test: FileName
    rope: bool = False
    threshold: Share | None = None
    partial: tuple[tuple[Share, Share], ...] = ()
    below: Share | None = None
    usual: tuple[Share, Share] | None = None

    def predictions(self, part: str) -> str:
        """The name of the file with the predictions of `dev` or `test`."""
        return self.dev if part == "dev" else self.test

    @model_validator(mode="after")
    def _the_curve_rises(self) -> "ModelTable":
        check_curve(self.partial)
        if self.partial and self.threshold is None:
            raise ValueError("`partial` needs a `threshold`, which the message names")
        return self


class BirthPlacesTable(_Strict):
    """The models of a homework about birth places; see docs/trained-models.md.

    Attributes:
        n_head, block_size: what cannot be read off a model's parameters.
        claims: how many questions each model is asked again; a third of them are test questions.
        baseline: the file with the accuracy of one answer to all questions, and that answer.
    """

    n_head: int = Field(default=8, ge=1, le=256)
    block_size: int = Field(default=128, ge=8, le=4096)
    claims: int = Field(default=60, ge=30, le=300)
    baseline: tuple[FileName, str] = ("london_baseline_accuracy.txt", "London")
    no_pretraining: ModelTable | None = None
    pretraining: ModelTable | None = None
    rope: ModelTable | None = None

    @property
    def models(self) -> dict[str, ModelTable]:
        """The models that the table has, by name."""
        return {name: model for name in MODELS if (model := getattr(self, name)) is not None}


class _Checkpoint(_Strict):
    """A model that is handed in as a checkpoint, and made by a class of the student's.

    Attributes:
        parameters: the checkpoint's name.
        model: the class.
        modules: the files that may define it, without `.py`; where none is there, and where there are none, the notebook.
        arguments: what its constructor gets, by name.
    """

    parameters: FileName
    model: str = Field(min_length=1, max_length=100)
    modules: tuple[str, ...] = ()
    arguments: dict[str, int] = {}


class ImagesTable(_Checkpoint):
    """A model that classifies images.

    Attributes:
        threshold: the share of right answers that is asked for.
        partial: as for a model of birth places.
        images: how many are drawn for each submission.
        scale, shift: what is done to pixels from 0 to 1 before the model sees them: scale · pixel + shift.
    """

    threshold: Share
    partial: tuple[tuple[Share, Share], ...] = ()
    images: int = Field(default=1000, ge=50, le=10_000)
    scale: float = 2.0
    shift: float = -1.0

    @model_validator(mode="after")
    def _the_curve_rises(self) -> "ImagesTable":
        check_curve(self.partial)
        return self


class TextTable(_Checkpoint):
    """A language model.

    Attributes:
        at_most: the perplexity that is asked for.
        context: how many tokens it sees at most.
        windows: how many pieces of the text are drawn for each submission.
        tied: the embedding by whose transpose its outputs are turned into logits, such as `embedding.weight`; "" = its
            outputs are logits.
    """

    at_most: float = Field(gt=1)
    context: int = Field(ge=2, le=4096)
    windows: int = Field(default=40, ge=5, le=2000)
    tied: str = ""


class TrainedTable(_Strict):
    """Trained models, and the staff's data that they are judged by; see docs/trained-models.md.

    Attributes:
        data: a folder beside the TOML.
        figures: the file that records what the solution's models have reached, for whoever changes a threshold; a path in the
            checkout. Grading does not read it.
    """

    data: str = Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9_-][A-Za-z0-9_.-]*$")
    figures: str = Field(default="", max_length=200)
    birth_places: BirthPlacesTable | None = None
    images: ImagesTable | None = None
    text: TextTable | None = None

    def lacks(self, rule: str) -> str:
        """The key of the table that a check `trained.…` is about, if it is not there; else ""."""
        name = rule.removeprefix("trained.")
        if name in ("image_accuracy", "perplexity"):
            key = "images" if name == "image_accuracy" else "text"
            return "" if getattr(self, key) else f"trained.{key}"
        if self.birth_places is None:
            return "trained.birth_places"
        model = next((model for model in MODELS if name.startswith(model)), "")
        if model and getattr(self.birth_places, model) is None:
            return f"trained.birth_places.{model}"
        return ""


def check_curve(points: Sequence[tuple[float, float]]) -> None:
    """Raise ValueError unless a curve of partial credit rises from left to right and ends with all points."""
    pairs = list(itertools.pairwise(points))
    if any(left[0] >= right[0] or left[1] > right[1] for left, right in pairs) or (points and points[-1][1] != 1):
        raise ValueError(
            f"found the curve {[list(point) for point in points]}; each point must lie to the right of the one before it, "
            "and not below it, and the last gives all points: [[0.05, 0.0], [0.15, 1.0]]"
        )


def credit(share: float, threshold: float, partial: Sequence[tuple[float, float]]) -> float:
    """The share of a check's points for a share of right answers, to four places; all or nothing without a curve."""
    if not partial:
        return 1.0 if share >= threshold else 0.0
    if share <= partial[0][0]:
        return partial[0][1] if share == partial[0][0] else 0.0
    for (x0, y0), (x1, y1) in itertools.pairwise(partial):
        if share <= x1:
            return round(y0 + (y1 - y0) * (share - x0) / (x1 - x0), 4)
    return 1.0
