"""The recipes at sizes that train within a second, for the tests beside this file."""

import io
import json
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console

from reference.training import char_lm, core, dialogue_gpt, from_scratch, tiny_gpt, vision
from reference.training.gpt2 import Gpt2Sizes
from reference.training.results import Report
from reference.training.setting import Setting
from reference.training.workshop import Workshop

GPT2 = Gpt2Sizes(n_steps=4, batch_size=2, block_size=16, n_pieces=20)
VISION = vision.Sizes(8, 4, 8, 2, 1, 20, 2e-3, 1, 1, 1, n_shapes=40, n_digits_held_out=1700, n_real=20)
SMALL: dict[str, tuple[Callable[..., None], Any]] = {
    "core": (core.train, core.Sizes(16, 1, 2, 8, 0.1, 4, 1e-2, 8, 40, 10, 5)),
    "jhu_tinygpt": (
        tiny_gpt.train,
        tiny_gpt.Sizes(8, 2, 1, 16, 0.1, 4, 1e-2, 8, n_notes=40, n_pieces=10, n_texts=2, n_characters=5, gpt2=GPT2),
    ),
    "mit_dialoguegpt": (
        dialogue_gpt.train,
        dialogue_gpt.Sizes(24, 8, 4, 8, 2, 1, 4, 1e-2, 1, n_speeches=20, n_real=20, images=VISION),
    ),
    "transformers_from_scratch": (
        from_scratch.train,
        from_scratch.Sizes(8, 8, 1, 2, 16, 1, 1e-2, 1, 1, 1e-2, 10, n_pile=10, n_speeches=10, n_pieces=10, gpt2=GPT2),
    ),
    "tugraz_charlm": (
        char_lm.train,
        char_lm.Sizes(
            {
                "baseline": char_lm.Architecture(1, 2, 8, 16, 1e-2, 4),
                "more heads": char_lm.Architecture(1, 4, 8, 16, 1e-2, 4),
            },
            n_steps=8,
            n_steps_others=4,
            dropout=0.1,
            n_notes=40,
            n_held_out=200,
            n_characters=5,
        ),
    ),
}


def setting_in(
    out: Path, homework: str, data: Path | None = None, model: Path | None = None, seconds_between_saves: float = 1e9
) -> Setting:
    """Open a run in a folder, as the command does; an earlier one in it goes on."""
    report = Report(out, {"homework": homework, "preset": "tiny", "seed": 3})
    report.resume()
    workshop = Workshop(out / "states", torch.device("cpu"), 3, Console(file=io.StringIO()), seconds_between_saves)
    return Setting("tiny", data, out, workshop, report, model=model)


@contextmanager
def random_states_kept() -> Iterator[None]:
    """Leave every global random state as it was: training sets them all."""
    python, numpy = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng():
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)


def run(setting: Setting) -> dict[str, Any]:
    """Run a homework's recipe at its small sizes, and give its report as it is read back."""
    train, sizes = SMALL[setting.report.about["homework"]]
    with random_states_kept():
        train(setting, sizes)
    setting.report.write()
    found: dict[str, Any] = json.loads((setting.out / "report.json").read_text(encoding="utf-8"))
    return found


def without_seconds(figures: Any) -> Any:
    """Leave out what the clock says."""
    if isinstance(figures, dict):
        return {key: without_seconds(value) for key, value in figures.items() if key != "seconds"}
    return [without_seconds(value) for value in figures] if isinstance(figures, list) else figures


def said(setting: Setting) -> str:
    """What the run has printed, without line breaks."""
    file = setting.workshop.console.file
    assert isinstance(file, io.StringIO)
    return " ".join(file.getvalue().split())
