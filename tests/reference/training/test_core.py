"""The recipe of core: the answer key's own GPT."""

import math
from pathlib import Path

import pytest
import torch

from reference.gpt import GPT, GPTConfig
from reference.loss import perplexity
from reference.training import core
from reference.training.texts import character_texts
from reference.training.windows import side_by_side
from tests.reference.training.conftest import Finished
from tests.reference.training.recipes import SMALL, random_states_kept, setting_in


def test_the_perplexity_is_that_of_the_answer_key(finished: Finished) -> None:
    """Protects thresholds: the saved parameters, loaded as the report says, reach the perplexity that it says."""
    folder, report = finished("core")
    figures = report["stages"]
    with torch.random.fork_rng():
        model = GPT(GPTConfig(**figures["gpt"]["config"])).eval()
    model.load_state_dict(torch.load(folder / "gpt.params"))
    vocabulary = figures["text"]["vocabulary"]
    sizes = SMALL["core"][1]
    texts = character_texts(setting_in(folder, "core"), sizes.n_notes)
    held_out = torch.tensor([vocabulary.index(character) for character in texts.held_out])
    inputs, targets = side_by_side(held_out, sizes.block_size, sizes.n_pieces)
    # `perplexity` shifts by itself: it gets one token more, and no logits for it
    ids = torch.cat((inputs, targets[:, -1:]), dim=1)
    with torch.no_grad():
        logits = torch.cat((model(inputs)[0], torch.zeros(len(ids), 1, len(vocabulary))), dim=1)
    assert float(perplexity([logits], [ids])) == pytest.approx(figures["gpt"]["perplexity"]["perplexity"], rel=1e-4)
    assert figures["gpt"]["perplexity"]["tokens"] == targets.numel()


def test_nobody_beats_who_knows_the_rules(finished: Finished) -> None:
    """Protects the table: the last row is the loss that is left for a reader who knows all, and its perplexity."""
    gpt, best = finished("core")[1]["table"]
    assert best["perplexity"] == pytest.approx(math.exp(best["held-out loss"]), rel=1e-3)
    assert gpt["held-out loss"]["95 %"][0] > best["held-out loss"]


def test_each_sampler_writes_the_same_beginning_on(finished: Finished) -> None:
    """Protects the samples: one for each way of drawing, of the length asked for."""
    parts = (finished("core")[0] / "samples" / "gpt.txt").read_text(encoding="utf-8").split("--- ")[1:]
    assert [part.split("\n")[0] for part in parts] == list(core.SAMPLERS)
    beginnings, rest = zip(*(part.split("\n", 1)[1][:-1].split("|") for part in parts), strict=True)
    assert len(set(beginnings)) == 1
    assert {len(text.removesuffix("\n")) for text in rest} <= {4, 5}  # a line break may be its last character


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_tiny_preset_learns_far_more_than_spelling(tmp_path: Path) -> None:
    """Protects the checkpoint: below 0.37 nats, where counting what follows 8 or 12 characters ends."""
    setting = setting_in(tmp_path, "core")
    with random_states_kept():
        core.train(setting)
    assert setting.report.stages["gpt"]["held out"]["95 %"][1] < 0.37
