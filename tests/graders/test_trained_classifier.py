"""Checkpoints of an image model and of a language model: the judge's own accuracy and perplexity, from the worker's logits."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from graders.homework import Config, Homework
from graders.judge import Judge
from graders.verdict import Outcome, Verdict
from gradescope.imports import ROOT
from reference.training.homework_code import notebook_definitions as load
from tests import hostile_checkpoints
from tests.hostile_checkpoints import saved

CLASSIFIER = """
    import torch
    from torch import nn

    class Classifier(nn.Module):
        def __init__(self, width):
            super().__init__()
            self.layers = nn.Sequential(nn.Flatten(), nn.Linear(3072, width), nn.GELU(), nn.Linear(width, 10))

        def forward(self, images):
            return self.layers(images), None
"""
LANGUAGE = """
    import torch
    from torch import nn

    class Model(nn.Module):
        def __init__(self, vocab_size, hidden_dim):
            super().__init__()
            self.embedding = nn.Embedding(vocab_size, hidden_dim)
            self.mix = nn.Linear(hidden_dim, hidden_dim)

        def forward(self, ids):
            return self.mix(self.embedding(ids))
"""
SEES_THE_FUTURE = LANGUAGE.replace("self.embedding(ids))", "self.embedding(ids)).roll(-1, 1)")
VOCABULARY, CONTEXT = 30, 16


def homework(trained: dict[str, Any], rule: str, folder: Path) -> Homework:
    """A homework of one item with one check of a trained model."""
    item = {"number": "1", "title": "T", "points": 1, "kind": "auto", "needs_data": True, "rules": [f"trained.{rule}"]}
    table = {"title": "T", "files": {"names": ["model.py"]}, "trained": {"data": "hw.data", **trained}, "item": [item]}
    return Homework(slug="own", config=Config.model_validate(table), binding={}, folder=folder)


@pytest.fixture
def judged(judge: Any, tmp_path: Path) -> Callable[..., Verdict]:
    """Judge the one check on a submission of one file of code and a checkpoint."""

    def run(own: Homework, code: str, data: bytes, name: str = "model.pt") -> Verdict:
        folder = tmp_path / "handed_in"
        folder.mkdir()
        (folder / name).write_bytes(data)
        if code.startswith("{"):
            (folder / "homework3.ipynb").write_text(code, encoding="utf-8")
        else:
            (folder / "model.py").write_text("\n".join(line[4:] for line in code.splitlines()), encoding="utf-8")
        someone: Judge = judge(folder, homework=own)
        return someone.judge(someone.checks[0])

    return run


def classifier() -> nn.Module:
    """The classifier of the submission, outside of it."""
    return nn.Sequential(nn.Flatten(), nn.Linear(3072, 6), nn.GELU(), nn.Linear(6, 10))


def drawn(build: Callable[[], nn.Module]) -> nn.Module:
    """A module with random weights; torch's own random state is left alone."""
    with torch.random.fork_rng():
        torch.manual_seed(5)
        return build().eval()


def batch(model: Callable[[torch.Tensor], torch.Tensor], n: int, n_right: int, folder: Path) -> None:
    """Write images of which a model classifies so many rightly."""
    rng = torch.Generator().manual_seed(3)
    pixels = torch.randint(0, 256, (n, 3072), generator=rng, dtype=torch.uint8)
    with torch.no_grad():
        classes = model(2 * (pixels.view(n, 3, 32, 32).float() / 255) - 1).argmax(-1)
    classes[n_right:] = (classes[n_right:] + 1) % 10
    folder.mkdir()
    (folder / "test_batch.bin").write_bytes(
        torch.cat((classes[:, None].to(torch.uint8), pixels), dim=1).numpy().tobytes()
    )


def images(**more: Any) -> dict[str, Any]:
    """The table of an image model."""
    table = {"parameters": "model.pt", "model": "Classifier", "modules": ["model"], "arguments": {"width": 6}}
    return {"images": table | {"threshold": 0.5} | more}


@pytest.mark.parametrize(("n_right", "outcome"), [(60, Outcome.PASSED), (59, Outcome.FAILED)])
def test_accuracy_of_images(n_right: int, outcome: Outcome, judged: Callable[..., Verdict], tmp_path: Path) -> None:
    """Protects the figure: the judge counts what the student's model says of the staff's images."""
    model = drawn(classifier)
    batch(model, 120, n_right, tmp_path / "hw.data")
    weights = {f"layers.{name}": value for name, value in model.state_dict().items()}
    verdict = judged(homework(images(threshold=0.5), "image_accuracy", tmp_path), CLASSIFIER, saved(weights))
    assert verdict.outcome is outcome, verdict.message
    assert f"model.pt: {n_right} of 120, {100 * n_right / 120:.1f} % (95 % interval: " in verdict.message


def test_some_of_many_images(judged: Callable[..., Verdict], tmp_path: Path) -> None:
    """Protects the time of a run: as many as the TOML says are drawn."""
    model = drawn(classifier)
    batch(model, 300, 300, tmp_path / "hw.data")
    weights = {f"layers.{name}": value for name, value in model.state_dict().items()}
    verdict = judged(homework(images(images=70), "image_accuracy", tmp_path), CLASSIFIER, saved(weights))
    assert verdict.message.startswith("Note: model.pt: 70 of 70, 100.0 %")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (hostile_checkpoints.optimizer(), "this is an optimizer's state"),
        (hostile_checkpoints.evil_pickle(), "holds more than tensors"),
        (
            saved({"w": torch.ones(3)}),
            "The parameters do not fit Classifier in your code: model.pt lacks layers.1.weight",
        ),
    ],
)
def test_checkpoints_that_do_not_fit(data: bytes, message: str, judged: Callable[..., Verdict], tmp_path: Path) -> None:
    """Protects students: what is wrong with the file is said."""
    batch(drawn(classifier), 50, 50, tmp_path / "hw.data")
    verdict = judged(homework(images(), "image_accuracy", tmp_path), CLASSIFIER, data)
    assert verdict.outcome is Outcome.FAILED
    assert message in verdict.message


def test_outputs_that_are_no_logits(judged: Callable[..., Verdict], tmp_path: Path) -> None:
    """Protects the judge: an output of another shape is described."""
    model = drawn(classifier)
    batch(model, 50, 50, tmp_path / "hw.data")
    weights = {f"layers.{name}": value for name, value in model.state_dict().items()}
    code = CLASSIFIER.replace("self.layers(images), None", "self.layers(images)[:, :3]")
    verdict = judged(homework(images(), "image_accuracy", tmp_path), code, saved(weights))
    assert verdict.outcome is Outcome.FAILED
    assert "expected a tensor of floating-point numbers of shape (50, 10), got" in verdict.message


def test_the_handouts_own_model_from_a_notebook(judged: Callable[..., Verdict], tmp_path: Path) -> None:
    """Protects MIT's 3(c): VisionTransformer is cut out of the notebook and filled with the checkpoint."""
    folder = ROOT / "reference" / "homeworks" / "mit_dialoguegpt"
    sizes = {"n_channels": 3, "nout": 10, "img_size": 32, "patch_size": 8, "dim": 16, "attn_dim": 4, "mlp_dim": 16}
    sizes |= {"num_heads": 2, "num_layers": 2}
    found = load((folder / "source" / "homework3.py").read_text(encoding="utf-8"))
    model = drawn(lambda: found.VisionTransformer(**sizes))
    batch(lambda x: model(x)[0], 60, 45, tmp_path / "hw.data")
    notebook = (folder / "handed_in" / "homework3.ipynb").read_text(encoding="utf-8")
    table = {"parameters": "vit.pt", "model": "VisionTransformer", "arguments": sizes, "threshold": 0.5}
    own = homework({"images": table}, "image_accuracy", tmp_path)
    verdict = judged(own, notebook, saved(model.state_dict()), "vit.pt")
    assert verdict.outcome is Outcome.PASSED, verdict.message
    assert verdict.message.startswith("Note: vit.pt: 45 of 60, 75.0 %")


# ------------------------------------------------------------------------------------------ perplexity


def language(folder: Path, at_most: float = 100.0, tied: str = "embedding.weight") -> Homework:
    """A homework with a language model, and a text of 200 ids."""
    rng = random.Random(2)
    (folder / "hw.data").mkdir()
    (folder / "hw.data" / "heldout.ids").write_text(" ".join(str(rng.randrange(VOCABULARY)) for _ in range(200)))
    table = {"parameters": "model.pt", "model": "Model", "modules": ["model"], "context": CONTEXT, "windows": 30}
    table |= {"arguments": {"vocab_size": VOCABULARY, "hidden_dim": 8}, "at_most": at_most, "tied": tied}
    return homework({"text": table}, "perplexity", folder)


def weights() -> dict[str, torch.Tensor]:
    """Of the language model."""
    rng = torch.Generator().manual_seed(1)
    shapes = {"embedding.weight": (VOCABULARY, 8), "mix.weight": (8, 8), "mix.bias": (8,)}
    return {name: torch.randn(shape, generator=rng) / 2 for name, shape in shapes.items()}


def test_perplexity(judged: Callable[..., Verdict], tmp_path: Path) -> None:
    """Protects the figure: hidden states and the tied embedding give what is computed here directly."""
    own = language(tmp_path)
    verdict = judged(own, LANGUAGE, saved(weights()))
    assert verdict.outcome is Outcome.PASSED, verdict.message
    ids = torch.tensor([int(word) for word in (tmp_path / "hw.data" / "heldout.ids").read_text().split()])
    w = weights()
    hidden = F.linear(F.embedding(ids, w["embedding.weight"]), w["mix.weight"], w["mix.bias"])
    whole = F.cross_entropy((hidden @ w["embedding.weight"].T)[:-1], ids[1:]).exp().item()
    told = float(verdict.message.rpartition(" ")[2].rstrip("."))
    assert abs(told / whole - 1) < 0.15  # of 30 pieces of the text


def test_a_perplexity_that_is_too_high(judged: Callable[..., Verdict], tmp_path: Path) -> None:
    """Protects the threshold."""
    verdict = judged(language(tmp_path, at_most=5.0), LANGUAGE, saved(weights()))
    assert verdict.outcome is Outcome.FAILED
    assert verdict.message.endswith("; at most 5 is asked for.")


def test_a_model_that_sees_what_it_predicts(judged: Callable[..., Verdict], tmp_path: Path) -> None:
    """Protects the figure from a model without a mask, whose perplexity means nothing."""
    verdict = judged(language(tmp_path), SEES_THE_FUTURE, saved(weights()))
    assert verdict.outcome is Outcome.FAILED
    assert "it sees what it is to predict" in verdict.message


LOOKS_LATER = """
class Late(Model):
    calls = 0

    def forward(self, ids):
        Late.calls += 1
        hidden = super().forward(ids)
        ahead = self.embedding.weight[ids[:, 1:]] * 9
        if Late.calls > 6 or {always}:
            hidden[:, {first}:-1] = ahead[:, {first}:]
        return hidden

Model = Late
"""


@pytest.mark.parametrize(
    ("always", "first"),
    [(False, "0"), (True, "3 * ids.shape[1] // 4")],
    ids=["after some calls", "at the end of a piece"],
)
def test_a_model_that_looks_ahead_where_it_is_not_expected(
    always: bool, first: str, judged: Callable[..., Verdict], tmp_path: Path
) -> None:
    """Protects the figure from models that count calls, or read off some places only: every piece is probed anywhere."""
    late = LOOKS_LATER.replace("{always}", str(always)).replace("{first}", first)
    code = LANGUAGE + "\n".join(f"    {line}" for line in late.splitlines())
    verdict = judged(language(tmp_path), code, saved(weights()))
    assert verdict.outcome is Outcome.FAILED
    assert "it sees what it is to predict" in verdict.message


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mix.bias": torch.tensor([float("nan")] * 8)}, "mix.bias holds NaN"),
        ({"mix.bias": torch.full((8,), 3e38)}, "hold NaN or infinite values"),
        ({"mix.bias": torch.arange(8) * 1e30}, "the perplexity is inf; at most 100 is asked for."),
    ],
)
def test_numbers_that_overflow(
    change: dict[str, torch.Tensor], message: str, judged: Callable[..., Verdict], tmp_path: Path
) -> None:
    """Protects the judge: NaN and infinity are named, in the file and in what comes back."""
    verdict = judged(language(tmp_path), LANGUAGE, saved(weights() | change))
    assert verdict.outcome is Outcome.FAILED
    assert message in verdict.message


def test_logits_of_another_vocabulary(judged: Callable[..., Verdict], tmp_path: Path) -> None:
    """Protects students whose tokenizer is another one: it is said."""
    own = language(tmp_path, tied="")
    verdict = judged(own, LANGUAGE, saved(weights()))
    assert verdict.outcome is Outcome.FAILED
    assert "Model knows 8 tokens, the text has ids up to 29: was it trained with another tokenizer?" in verdict.message
