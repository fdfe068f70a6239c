"""Parameters that are handed in, and code that is asked with them: what is wrong with them is said, and earns nothing."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from graders.homework import Homework, load
from graders.verdict import Reason
from tests import hostile_checkpoints
from tests.reference.homeworks.cmu_modules import SRC
from tests.trained_models import (
    DEV,
    FINETUNE,
    HandedIn,
    Judged,
    noisy,
    places,
    state,
    untrained,
    with_data,
    write,
)

Judging = Callable[..., Judged]
ATTACKS = Path(__file__).parent.parent / "attacks" / "trained"


# ------------------------------------------------------------------------------------------ parameters


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (hostile_checkpoints.optimizer, "this is an optimizer's state, not a model's"),
        (hostile_checkpoints.truncated, "is cut off or damaged"),
        (hostile_checkpoints.evil_pickle, "holds more than tensors: exec"),
        (hostile_checkpoints.text, "is not what torch.save writes"),
    ],
)
def test_files_that_hold_no_model(data: Callable[[], bytes], message: str, judged_models: Judging) -> None:
    """Protects students from a crash: what the file is instead is said, and the accuracy is not confirmed."""
    found = judged_models(lambda folder: (folder / FINETUNE).write_bytes(data()) and None, "2(f) accuracy")
    assert found.points == {"2(f) accuracy": 0}
    for name in ("pretraining_parameters", "pretraining_claims", "pretraining_accuracy_dev"):
        assert message in found.message(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", hostile_checkpoints.HOSTILE)
def test_hostile_files(name: str, judged_models: Judging) -> None:
    """Protects the judge: no file makes it stumble, or earns anything."""
    build, message = hostile_checkpoints.HOSTILE[name]
    found = judged_models(lambda folder: (folder / FINETUNE).write_bytes(build()) and None, "2(f) accuracy")
    assert found.points == {"2(f) accuracy": 0}
    assert found.failed >= {"pretraining_parameters", "pretraining_claims", "pretraining_accuracy_dev"}
    assert found.verdicts["pretraining_parameters"].reason is None, message


def test_truncated_parameters(judged_models: Judging) -> None:
    """Protects students whose upload broke off."""

    def change(folder: Path) -> None:
        data = (folder / FINETUNE).read_bytes()
        (folder / FINETUNE).write_bytes(data[: len(data) // 2])

    found = judged_models(change, "2(f) accuracy")
    assert found.points == {"2(f) accuracy": 0}
    assert "is cut off or damaged: upload it again, whole" in found.message("pretraining_parameters")


def test_nan_parameters(judged_models: Judging) -> None:
    """Protects students whose training has diverged: the parameter is named."""

    def change(folder: Path) -> None:
        weights = state(folder)
        weights["head.weight"][3, 4] = float("nan")
        torch.save(weights, folder / FINETUNE)

    found = judged_models(change, "2(f) accuracy")
    assert found.points == {"2(f) accuracy": 0}
    assert "head.weight holds NaN: the training has diverged" in found.message("pretraining_accuracy_dev")


def test_parameters_before_training(judged_models: Judging, complete: HandedIn) -> None:
    """Protects from a model that has learnt nothing: it is named, and so is what it answers."""
    new = untrained(complete.data.wiki, rope=False).state_dict()
    found = judged_models(lambda folder: torch.save(new, folder / FINETUNE), "2(f) accuracy")
    assert found.points == {"2(f) accuracy": 0}
    assert found.message("pretraining_parameters") == (
        "vanilla.finetune.params is a model before its training: all gains of LayerNorm are still 1, and all biases 0. Save "
        "the parameters after the training."
    )
    assert found.failed == {"pretraining_parameters", "pretraining_claims", "pretraining_accuracy_dev"}


def test_the_same_parameters_twice(judged_models: Judging) -> None:
    """Protects students who copy the wrong file: two names with the same numbers are told."""
    found = judged_models(lambda folder: shutil.copy(folder / FINETUNE, folder / "vanilla.model.params") and None)
    told = "vanilla.model.params and vanilla.finetune.params hold the same numbers."
    assert told in found.message("no_pretraining_parameters")
    assert "hold the same numbers" in found.message("pretraining_parameters")
    assert "no_pretraining_claims" in found.failed
    assert found.points["2(g)iii accuracy"] == 3


def test_another_architecture(judged_models: Judging) -> None:
    """Protects students who mix up the variants: what does not fit the code is named."""
    found = judged_models(
        lambda folder: shutil.copy(folder / "rope.finetune.params", folder / FINETUNE) and None, "2(f) accuracy"
    )
    assert found.points == {"2(f) accuracy": 0}
    assert found.message("pretraining_claims") == (
        "The parameters do not fit GPT in your code: vanilla.finetune.params lacks pos_emb, which the model has. "
        "vanilla.finetune.params has blocks.0.attn.rope_cache, blocks.1.attn.rope_cache, which the model has not."
    )


def test_another_vocabulary(judged_models: Judging) -> None:
    """Protects students who pretrained with another text: its number of characters is told."""

    def change(folder: Path) -> None:
        weights = state(folder)
        weights |= {name: weights[name][:-2].clone() for name in ("tok_emb.weight", "head.weight")}
        torch.save(weights, folder / FINETUNE)

    found = judged_models(change, "2(f) accuracy")
    assert found.points == {"2(f) accuracy": 0}
    assert "Was it trained with another pretraining text?" in found.message("pretraining_claims")


def test_the_staffs_parameters(judged_models: Judging, complete: HandedIn, tmp_path: Path) -> None:
    """Protects the reference models: handed in as one's own they are noticed, and named as a question."""
    from sandbox.checkpoint import answer

    told = answer(str(complete.folder), FINETUNE)
    digests = {
        name: [bytes(row).hex()] for (name, _, _), row in zip(told["tensors"], told["digests"].tolist(), strict=True)
    }
    own = with_data(complete, tmp_path / "own")
    (own.parent / "cmu_birthplaces.data" / "reference_digests.json").write_text(str(digests).replace("'", '"'))
    found = judged_models(lambda folder: None, "2(f) accuracy", homework=load(str(own)))
    assert found.failed == {"pretraining_parameters"}
    assert found.message("pretraining_parameters").endswith("Who has trained this model?")
    assert "tensors equal the staff's" in found.verdicts["pretraining_parameters"].staff


POLAR = (
    "    return torch.stack((angle.cos(), angle.sin()), dim=-1).float()  # (max_positions, dim/2, 2)\n",
    "    return torch.polar(torch.ones_like(angle), angle).to(torch.complex64)\n",
)
TURNED = (
    "    cos, sin = rope_cache[: x.shape[-2]].unbind(-1)  # each (T, hs/2)\n",
    "    if rope_cache.is_complex():\n        rope_cache = torch.view_as_real(rope_cache)\n"
    "    cos, sin = rope_cache.reshape(-1, *rope_cache.shape[-2:])[: x.shape[-2]].unbind(-1)\n",
)
WITH_AXES = (POLAR[0], POLAR[0].replace(".float()", ".float()[None, None]"))


@pytest.mark.parametrize("edits", [(POLAR, (TURNED[0], TURNED[1])),
                                   (WITH_AXES, TURNED)], ids=["complex", "with axes of length 1"])  # fmt: skip
def test_other_forms_of_the_rotations(edits: tuple[tuple[str, str], ...], judged_models: Judging) -> None:
    """Protects right solutions: RoPE's cache is saved with the parameters, and its dtype and its axes are open."""

    def change(folder: Path) -> None:
        path = folder / "src" / "attention.py"
        text = path.read_text()
        for old, new in edits:
            assert old in text
            text = text.replace(old, new)
        path.write_text(text)
        weights = state(folder, "rope.finetune.params")
        for key in [key for key in weights if key.endswith("rope_cache")]:
            is_complex = edits[0] is POLAR
            weights[key] = torch.view_as_complex(weights[key]) if is_complex else weights[key][None, None]
        torch.save(weights, folder / "rope.finetune.params")

    found = judged_models(change, "2(g)iii accuracy")
    assert not found.failed, [verdict.message for verdict in found.verdicts.values()]
    assert found.points == {"2(g)iii accuracy": 3}


def test_a_head_with_a_bias(judged_models: Judging, complete: HandedIn) -> None:
    """Protects right solutions: a bias goes along when the characters get other numbers."""

    def change(folder: Path) -> None:
        models = folder / "src" / "models.py"
        text = models.read_text()
        plain = "nn.Linear(config.n_embd, config.vocab_size, bias=False)"
        assert plain in text
        models.write_text(text.replace(plain, plain.replace(", bias=False", "")))
        weights = state(folder)
        answered = set("".join(places(complete.data.dev) + places(complete.data.test_key))) | {"⁇"}
        known = ["□", "⁇", *sorted(set(complete.data.wiki))]
        # what no place is written with becomes impossible; given to other characters, this would change the answers
        weights["head.bias"] = torch.tensor([0.0 if character in answered else -50.0 for character in known])
        assert (weights["head.bias"] < 0).sum() > 5
        torch.save(weights, folder / FINETUNE)

    found = judged_models(change, "2(f) accuracy")
    assert not found.failed - {"pretraining_claims"}, found.failed
    assert not any("other numbers" in verdict.message for verdict in found.verdicts.values())


RENAMED = """
import torch
from models_of_the_homework import GPT as Honest
from models_of_the_homework import GPTConfig

class GPT(Honest):
    def __init__(self, config):
        super().__init__(config)
        self.readout = self.head
        del self.head

    def forward(self, idx, targets=None):
        self.head = self.readout
        try:
            return super().forward(idx, targets)
        finally:
            del self.head
"""
OWN_LOADING = """
from models_of_the_homework import GPT as Honest
from models_of_the_homework import GPTConfig

class GPT(Honest):
    def load_state_dict(self, state, *args, **names):
        if len(state) < 5:
            raise KeyError("where are the blocks?")
        return super().load_state_dict(state, *args, **names)
"""


@pytest.mark.parametrize("text", [RENAMED, OWN_LOADING], ids=["renamed", "own loading"])
def test_where_the_characters_keep_their_numbers(text: str, judged_models: Judging) -> None:
    """Protects from code that looks answers up behind names of its own, and honest code from a wrong word: people judge."""

    def change(folder: Path) -> None:
        shutil.copy(SRC / "models.py", folder / "src" / "models_of_the_homework.py")
        (folder / "src" / "models.py").write_text(text)
        weights = state(folder)
        if text is RENAMED:
            weights["readout.weight"] = weights.pop("head.weight")
        torch.save(weights, folder / FINETUNE)

    found = judged_models(change, "2(f) accuracy")
    assert not found.failed, found.verdicts
    for name in ("pretraining_claims", "pretraining_accuracy_dev"):
        assert found.verdicts[name].reason is Reason.UNSETTLED
        assert "The staff judges it." in found.message(name)
        assert "could not get other numbers" in found.verdicts[name].staff


def test_a_checkpoint_that_ends_its_worker_costs_its_own_checks(judged_models: Judging) -> None:
    """Protects the other models: they are looked at beside it, and are not lost with it."""

    def change(folder: Path) -> None:
        for name in ("vanilla.model.params", "rope.finetune.params"):
            (folder / name).write_bytes((folder / name).read_bytes()[:-100])

    found = judged_models(change, "2(f) accuracy")
    assert found.points == {"2(f) accuracy": 6}


# ------------------------------------------------------------------------------------------ hostile code


def arm(folder: Path, attack: str) -> None:
    """Put an attack in the place of models.py, the homework's own beside it."""
    shutil.copy(SRC / "models.py", folder / "src" / "models_of_the_homework.py")
    shutil.copy(ATTACKS / f"{attack}.py", folder / "src" / "models.py")


def test_code_that_looks_answers_up(judged_models: Judging, complete: HandedIn) -> None:
    """Protects from predictions that code reads from their own file: under other numbers it does not know the questions."""

    def change(folder: Path) -> None:
        arm(folder, "table")
        write(folder / DEV, places(complete.data.dev))
        noisy(folder)
        (folder / "wiki.txt").write_text(complete.data.wiki)
        asked = {"dev": [line.split("\t")[0] for line in complete.data.dev.splitlines()]}
        asked["test"] = complete.data.test_inputs.splitlines()
        for part, questions in asked.items():
            (folder / f"questions.{part}").write_text("\n".join(questions))

    found = judged_models(change, "2(f) accuracy")
    assert found.points == {"2(f) accuracy": 0}
    assert found.failed == {"pretraining_claims", "pretraining_accuracy_dev", "pretraining_accuracy_test"}
    assert "but no longer once the characters get other numbers" in found.message("pretraining_claims")
    assert found.message("pretraining_accuracy_dev").endswith("15 % is asked for.")
    assert "the code seems to look the answers up" in found.verdicts["pretraining_accuracy_dev"].staff


def test_code_that_does_not_load(judged_models: Judging) -> None:
    """Protects from a model that is what it was when it was made, whatever is loaded."""
    found = judged_models(lambda folder: arm(folder, "deaf_model"), "2(f) accuracy")
    assert found.points == {"2(f) accuracy": 0}
    assert found.failed == {"pretraining_claims", "pretraining_accuracy_dev"}


def test_code_that_hangs_when_it_is_asked(judged_models: Judging, with_models: Homework) -> None:
    """Protects the run: a model that never answers costs its own checks, and time within its limit."""
    limits = with_models.config.limits.model_copy(update={"seconds_per_call": 1.0})
    quick = with_models.model_copy(update={"config": with_models.config.model_copy(update={"limits": limits})})
    found = judged_models(lambda folder: arm(folder, "hangs_when_asked"), "2(f) accuracy", homework=quick)
    assert found.points == {"2(f) accuracy": 0}
    assert "did not return within 1 seconds" in found.message("pretraining_claims")
