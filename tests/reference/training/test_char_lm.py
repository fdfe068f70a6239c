"""The recipe of tugraz_charlm: architectures, temperatures, prompts."""

from pathlib import Path

import pytest
import torch

from reference.training import char_lm
from tests.reference.training.conftest import Finished
from tests.reference.training.recipes import random_states_kept, setting_in


@pytest.mark.parametrize("preset", ["tiny", "handout"])
def test_presets_have_the_baseline_and_five_others(preset: str) -> None:
    """Protects task (h): at least five architectures besides the baseline, all of them possible and all different."""
    architectures = list(char_lm.PRESETS[preset].architectures.values())
    assert len(architectures) >= 6
    assert len(set(architectures)) == len(architectures)
    assert all(sized.n_embd % sized.n_head == 0 for sized in architectures)


def test_the_baseline_writes_at_six_temperatures_and_from_five_prompts(finished: Finished) -> None:
    """Protects task (g): the samples are there, each continues its prompt, and the coldest is what is most likely."""
    folder, _ = finished("tugraz_charlm")
    text = (folder / "samples" / "baseline.txt").read_text(encoding="utf-8")
    for temperature in ("1.5", "1.0", "0.8", "0.5", "0.1", "0.0001"):
        assert f"--- temperature {temperature}\n" in text
    for length in (1, 4, 12, 24, 32):
        assert f"--- {length} characters given, temperature 0.5\n" in text
    others = (folder / "samples" / "more_heads.txt").read_text(encoding="utf-8")
    assert others.startswith("--- temperature 0.5\n")


def test_the_table_has_what_the_report_of_task_h_needs(finished: Finished) -> None:
    """Protects the table: sizes, hyperparameters, the parameters counted once, both losses, the time."""
    folder, report = finished("tugraz_charlm")
    baseline, more_heads, best = report["table"]
    tensors = torch.load(folder / "baseline.params")
    counted = {key: t.numel() for key, t in tensors.items() if not key.endswith((".attn.bias", "lm_head.weight"))}
    assert baseline["parameters"] == sum(counted.values()) == more_heads["parameters"]
    assert (baseline["layers"], baseline["heads"], baseline["n_embd"], baseline["block"]) == (1, 2, 8, 16)
    assert (baseline["lr"], baseline["batch"], more_heads["heads"]) == (1e-2, 4, 4)
    assert baseline["validation loss"] == report["stages"]["baseline"]["held out"]
    assert baseline["training loss"]["tokens"] == baseline["validation loss"]["tokens"] == 12 * 16
    assert best["architecture"] == "(at best: generated notes)"


@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_the_tiny_preset_tells_the_story(tmp_path: Path) -> None:
    """Protects the comparison: all learn far more than spelling, and who looks back farther is better."""
    setting = setting_in(tmp_path, "tugraz_charlm")
    with random_states_kept():
        char_lm.train(setting)
    held_out = {name: figures["held out"] for name, figures in setting.report.stages.items() if "held out" in figures}
    assert all(loss["nats"] < 0.5 for loss in held_out.values())
    for name in ("longer_context", "all_larger"):
        assert held_out[name]["95 %"][1] < held_out["baseline"]["95 %"][0]
