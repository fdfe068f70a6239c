"""The recipe of mit_dialoguegpt: speeches, and which real data are there."""

import math
from pathlib import Path

import pytest
import torch

from reference.training import dialogue_gpt
from reference.training.homework_code import notebook_definitions
from reference.training.texts import speeches
from tests.reference.training.conftest import Finished
from tests.reference.training.recipes import SMALL, random_states_kept, run, said, setting_in
from tests.reference.training.test_vision import write_cifar

PLAY = "\n\n".join(f"SPEAKER {i}:\nLine {i} is said." for i in range(30)) + "\n"


def test_the_perplexity_is_that_of_the_homework(finished: Finished) -> None:
    """Protects the figure: the homework's own loss, token by token over all held-out speeches, with what was saved."""
    folder, report = finished("mit_dialoguegpt")
    stages = report["stages"]
    sizes = SMALL["mit_dialoguegpt"][1]
    notebook = notebook_definitions(dialogue_gpt.SOURCE.read_text(encoding="utf-8"), DEVICE="cpu")
    held_out = speeches(setting_in(folder, "mit_dialoguegpt"), sizes.n_speeches, None).held_out
    tokenizer = notebook.MyTokenizer("")
    tokenizer.tokens = stages["speeches"]["vocabulary"]
    tokenizer.token_to_id = {token: i for i, token in enumerate(tokenizer.tokens)}
    examples = notebook.DialogueDataset(list(held_out), tokenizer, sizes.max_N)
    with torch.random.fork_rng():
        model = notebook.DialogueGPT(len(tokenizer), 24, 8, 4, 8, 2, 1)
    model.load_state_dict(torch.load(folder / "dialogue_gpt.params"))
    loader = notebook.DataLoader(examples, batch_size=3, collate_fn=examples.collate, generator=torch.Generator())
    loss = notebook.gpt_epoch(model, loader, None)
    figures = stages["dialogue_gpt"]
    assert figures["held out"]["nats"] == pytest.approx(loss, rel=1e-4)
    assert figures["perplexity"]["perplexity"] == pytest.approx(math.exp(loss), rel=1e-4)
    assert figures["perplexity"]["tokens"] == sum(len(example) - 1 for example in examples)


def test_fifty_tokens_follow_who_speaks(finished: Finished) -> None:
    """Protects question 4(g): each text begins with a held-out speaker, and fifty tokens follow."""
    folder, _ = finished("mit_dialoguegpt")
    texts = (folder / "samples" / "dialogue_gpt.txt").read_text(encoding="utf-8").strip().split("\n\n")
    held_out = speeches(setting_in(folder, "mit_dialoguegpt"), 20, None).held_out
    assert len(texts) == len(held_out) == 4
    for text, speech in zip(texts, held_out, strict=True):
        speaker = speech.split(":")[0]
        assert text.startswith(f"<START> {speaker} : ")
        assert len(text.split(" ")) == 1 + len(speaker.split()) + 1 + 50


@pytest.mark.parametrize("there", ["text", "images", "both"])
def test_real_data_are_taken_where_they_are(there: str, tmp_path: Path) -> None:
    """Protects --data: what is not there is generated, and this is said."""
    data = tmp_path / "data"
    data.mkdir()
    if there != "images":
        (data / "input.txt").write_text(PLAY, encoding="utf-8")
    if there != "text":
        write_cifar(data)
    setting = setting_in(tmp_path / "out", "mit_dialoguegpt", data=data)
    stages = run(setting)["stages"]
    assert stages["speeches"]["about"] == (
        "generated speeches" if there == "images" else "speeches of tiny Shakespeare"
    )
    assert {name for name in stages if name.startswith("vit")} == (
        {"vit_digits", "vit_shapes"} if there == "text" else {"vit_cifar10"}
    )
    missing = {"text": "cifar-10-batches-bin is not in", "images": "tiny Shakespeare is not in", "both": ""}[there]
    assert missing in said(setting)
    assert (there == "both") == ("generated data take its place" not in said(setting))


def test_a_folder_with_neither_is_named(tmp_path: Path) -> None:
    """Protects instructors: the message says what either should look like."""
    train, sizes = SMALL["mit_dialoguegpt"]
    with pytest.raises(ValueError, match=r"found neither speeches nor images; expected tiny Shakespeare .*cifar-10"):
        train(setting_in(tmp_path, "mit_dialoguegpt", data=tmp_path), sizes)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_tiny_preset_tells_the_story(tmp_path: Path) -> None:
    """Protects the figures: speeches better than by counting, digits and shapes far above the handout's 50 %."""
    setting = setting_in(tmp_path, "mit_dialoguegpt")
    with random_states_kept():
        dialogue_gpt.train(setting)
    stages = setting.report.stages
    assert stages["dialogue_gpt"]["held out"]["95 %"][1] < 0.5
    for images in ("digits", "shapes"):
        assert stages[f"vit_{images}"]["validation accuracy"]["95 %"][0] > 70
