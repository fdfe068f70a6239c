"""GPT-2 from a local folder, with the real transformers code on a tiny random model."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from transformers import GPT2LMHeadModel

from reference import checkpoints
from reference.corpora.character_text import make_character_text
from reference.training.gpt2 import STAGE, Gpt2Sizes, fine_tune, load
from tests.reference.training.recipes import GPT2, random_states_kept, run, said, setting_in
from tests.reference.training.tiny_gpt2 import save_tiny_gpt2

NOTES = make_character_text(0, 40).text


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_gpt2(tmp_path_factory.mktemp("gpt2"))


def keep_phrase(_model: Any, _tokenizer: Any, phrase: str) -> str:
    return f"{phrase} and so on"


def test_fine_tuning_lowers_the_perplexity_on_held_out_text(folder: Path, tmp_path: Path) -> None:
    """Protects question 7 and the bonus: before it is near that of 257 equal chances, afterwards well below."""
    setting = setting_in(tmp_path, "jhu_tinygpt", model=folder)
    sizes = Gpt2Sizes(n_steps=120, batch_size=8, block_size=16, learning_rate=1e-2, n_pieces=30)
    with random_states_kept():
        fine_tune(setting, NOTES[:2000], NOTES[2000:], sizes, ["Rosa has"], keep_phrase)
    figures = setting.report.stages[STAGE]
    assert 0.8 < figures["before"]["perplexity"] / 257 < 1.25
    assert figures["after"]["perplexity"] < 30
    assert figures["after"]["tokens"] == figures["before"]["tokens"] == 30 * 16
    assert [row["perplexity"] for row in setting.report.rows] == [figures["before"], figures["after"]]
    assert (tmp_path / "samples" / "gpt2_as_it_is.txt").read_text() == "Rosa has and so on\n"


def test_what_is_saved_is_the_fine_tuned_model(folder: Path, tmp_path: Path) -> None:
    """Protects the checkpoint: it loads as transformers' models do, and it is not the model that came in."""
    with random_states_kept():
        fine_tune(setting_in(tmp_path, "jhu_tinygpt", model=folder), NOTES, NOTES, GPT2, ["A"], keep_phrase)
    saved, tokenizer = load(tmp_path / STAGE)
    original = GPT2LMHeadModel.from_pretrained(folder)
    moved = (saved.transformer.wte.weight - original.transformer.wte.weight).abs().max()
    assert 0 < float(moved.detach()) < 0.01
    assert tokenizer.decode(tokenizer("Rosa")["input_ids"]) == "Rosa"
    assert not list((tmp_path / "states").glob("*"))


@pytest.mark.parametrize("homework", checkpoints.FINE_TUNING)
def test_the_homeworks_fine_tune_it(homework: str, folder: Path, tmp_path: Path) -> None:
    """Protects the stage in its recipes: the homework's own code continues its phrases, and figures are in the table."""
    report = run(setting_in(tmp_path, homework, model=folder))
    figures = report["stages"][STAGE]
    assert figures["steps"] == GPT2.n_steps
    assert math.isfinite(figures["after"]["perplexity"])
    assert [row["model"] for row in report["table"][-2:]] == [
        "GPT-2 as it is, its own tokens",
        "GPT-2, fine-tuned, its own tokens",
    ]
    as_it_is, fine_tuned = (
        (tmp_path / "samples" / f"gpt2_{when}.txt").read_text() for when in ("as_it_is", "fine_tuned")
    )
    n_phrases = {"jhu_tinygpt": 1, "transformers_from_scratch": 8}[homework]
    assert len(as_it_is.split("\n------\n")) == len(fine_tuned.split("\n------\n")) == n_phrases
    assert run(setting_in(tmp_path, homework, model=folder)) == report


@pytest.mark.parametrize("homework", checkpoints.FINE_TUNING)
def test_without_a_model_it_is_left_out_and_said(homework: str, tmp_path: Path) -> None:
    """Protects honesty: a run without --model says what is not there."""
    setting = setting_in(tmp_path, homework)
    assert STAGE not in run(setting)["stages"]
    assert "GPT-2 is left out: give a folder with a Hugging Face model with --model" in said(setting)


def damaged(how: Callable[[Path], object], folder: Path) -> Path:
    save_tiny_gpt2(folder)
    how(folder)
    return folder


@pytest.mark.parametrize(
    "how",
    [
        lambda folder: (folder / "config.json").unlink(),
        lambda folder: (folder / "config.json").write_text("{"),
        lambda folder: (folder / "config.json").write_text('{"model_type": "vit"}'),
        lambda folder: (folder / "model.safetensors").unlink(),
        lambda folder: (folder / "model.safetensors").write_bytes(b"\0" * 40),
        lambda folder: (folder / "tokenizer.json").write_text("[]"),
    ],
    ids=["no config", "broken config", "another model", "no parameters", "broken parameters", "broken tokenizer"],
)
def test_what_cannot_be_loaded_is_named(how: Callable[[Path], object], tmp_path: Path) -> None:
    """Protects instructors: the folder is named, and what was expected there."""
    with pytest.raises(ValueError, match=rf"{tmp_path.name}: found .*; expected what `save_pretrained`"):
        load(damaged(how, tmp_path))


def test_a_model_that_takes_few_tokens_is_named(tmp_path: Path) -> None:
    """Protects from an IndexError in the middle of a text."""
    with pytest.raises(ValueError, match=r"takes 24 tokens; expected one that takes 256 or more"):
        load(save_tiny_gpt2(tmp_path, n_positions=24))


def test_a_text_without_enough_tokens_is_named(folder: Path, tmp_path: Path) -> None:
    """Protects a short text of one's own from a traceback."""
    setting = setting_in(tmp_path, "jhu_tinygpt", model=folder)
    with pytest.raises(ValueError, match=r"the text has 1 tokens"):
        fine_tune(setting, NOTES, "R", replace(GPT2, n_steps=1), ["A"], keep_phrase)


def test_the_command_refuses_a_model_that_nobody_fine_tunes(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Protects the option: it is refused where it would be ignored, and so is a folder that is not there."""
    assert checkpoints.main(["core", "--model", str(folder), "--out", str(tmp_path)]) == 2
    assert "core fine-tunes no model; --model is for jhu_tinygpt and" in capsys.readouterr().err
    assert checkpoints.main(["jhu_tinygpt", "--model", str(tmp_path / "none"), "--out", str(tmp_path)]) == 2
    assert "none; --model needs a folder" in capsys.readouterr().err
