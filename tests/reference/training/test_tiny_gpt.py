"""The recipe of jhu_tinygpt: what the mask changes."""

from pathlib import Path

import pytest
import torch

from reference.training import tiny_gpt
from tests.reference.training.conftest import Finished
from tests.reference.training.recipes import SMALL, random_states_kept, setting_in


def test_only_the_model_without_mask_sees_the_future(finished: Finished) -> None:
    """Protects the story: both models begin alike, and the mask is what differs."""
    folder, report = finished("jhu_tinygpt")
    stages = report["stages"]
    assert stages["without_mask"]["sees the future"]
    assert not stages["with_mask"]["sees the future"]
    buffers = [torch.load(folder / f"{name}.params")["blocks.0.sa.heads.0.tril"] for name in tiny_gpt.MODELS]
    assert torch.equal(buffers[0], torch.ones(16, 16))
    assert torch.equal(buffers[1], torch.ones(16, 16).tril())


def test_the_next_character_alone_is_one_for_each_piece(finished: Finished) -> None:
    """Protects the honest figure: one target for each piece, behind which nothing is to be seen."""
    figures = finished("jhu_tinygpt")[1]["stages"]["without_mask"]
    assert figures["held out, whole pieces"]["tokens"] == 10 * 16
    assert figures["held out, next character alone"]["tokens"] == 4 * 10
    assert figures["its text to a reader"]["tokens"] == 2 * 5


def test_the_bonus_takes_a_text_of_ones_own(tmp_path: Path) -> None:
    """Protects the bonus: my_text.txt in the folder of the data, its last tenth held back, and a bad one refused."""
    setting = setting_in(tmp_path, "jhu_tinygpt", data=tmp_path)
    texts = tiny_gpt.Texts("", "a" * 20_000, "b" * 20_000, None)
    assert tiny_gpt._own_text(setting, texts) == ("a" * 10_000, "b" * 5000)
    mine = "My own text. " * 500
    (tmp_path / tiny_gpt.OWN_TEXT).write_text(mine)
    kept, held_back = tiny_gpt._own_text(setting, texts)
    assert kept + held_back == mine
    assert len(held_back) == 650
    (tmp_path / tiny_gpt.OWN_TEXT).write_text("short")
    with pytest.raises(ValueError, match=r"my_text.txt should have 5,000 to 15,000 characters, it has 5"):
        tiny_gpt._own_text(setting, texts)


def test_a_corpus_without_speeches_is_refused(tmp_path: Path) -> None:
    """Protects --data: another text is named before anything is trained."""
    (tmp_path / "input.txt").write_text("No speaker here.\n")
    with pytest.raises(ValueError, match=r"input.txt: found a speech that begins with"), random_states_kept():
        SMALL["jhu_tinygpt"][0](setting_in(tmp_path, "jhu_tinygpt", data=tmp_path), SMALL["jhu_tinygpt"][1])


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_tiny_preset_tells_the_story(tmp_path: Path) -> None:
    """Protects the handout's story: what is lost without the mask, in losses and in texts, beyond the intervals."""
    setting = setting_in(tmp_path, "jhu_tinygpt")
    with random_states_kept():
        tiny_gpt.train(setting)
    stages = setting.report.stages
    without, masked = stages["without_mask"], stages["with_mask"]
    whole, alone, text = "held out, whole pieces", "held out, next character alone", "its text to a reader"
    assert without[whole]["95 %"][1] < stages["text"]["nats of a held-out character at best"] < masked[whole]["nats"]
    assert without[alone]["95 %"][0] > masked[alone]["95 %"][1]
    assert without[text]["95 %"][0] > masked[text]["95 %"][1]
    assert masked[whole]["nats"] < 0.45
    assert masked[text]["nats"] < 2 * stages["reader"]["the text itself"]["nats"]
