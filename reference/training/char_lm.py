"""The recipe of `tugraz_charlm`: the baseline, its samples at six temperatures, and the architectures of task (h)."""

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from ..tokenizer import CharTokenizer
from .costs import cost_of
from .homework_code import HOMEWORKS, notebook_definitions
from .setting import Setting
from .stages import drawing, keep_text, made, trained
from .texts import tokenized_texts
from .windows import side_by_side, training_on_windows

SOURCE = HOMEWORKS / "tugraz_charlm" / "source" / "assignment3.py"
TEMPERATURES = (1.5, 1.0, 0.8, 0.5, 0.1, 0.0001)
TEMPERATURE = 0.5  # of the texts by which architectures are compared
PROMPT_LENGTHS = (1, 4, 12, 24)  # and twice the block size


@dataclass(frozen=True)
class Architecture:
    """A model and the hyperparameters of its training; the notebook's names where it has them."""

    n_layer: int
    n_head: int
    n_embd: int
    block_size: int
    learning_rate: float
    batch_size: int


@dataclass(frozen=True)
class Sizes:
    """What a preset stands for."""

    architectures: dict[str, Architecture]  # by name; the first one is the baseline
    n_steps: int  # of the baseline
    n_steps_others: int
    dropout: float
    n_notes: int = 3000  # generated ones to train on
    n_held_out: int = 50_000  # characters to measure with, at most
    n_characters: int = 200  # in each sample


PRESETS = {
    "tiny": Sizes(
        {
            "baseline": Architecture(2, 4, 64, 32, 3e-3, 32),
            "deeper": Architecture(4, 4, 64, 32, 3e-3, 32),
            "wider": Architecture(2, 4, 128, 32, 3e-3, 32),
            "more heads": Architecture(2, 8, 64, 32, 3e-3, 32),
            "longer context": Architecture(2, 4, 64, 96, 4e-3, 16),
            "all larger": Architecture(3, 6, 96, 96, 3e-3, 16),
        },
        n_steps=800,
        n_steps_others=800,
        dropout=0.0,
        n_held_out=20_000,
    ),
    # the notebook's values for a GPU, and each of them doubled
    "handout": Sizes(
        {
            "baseline": Architecture(6, 6, 384, 256, 1e-3, 64),
            "deeper": Architecture(12, 6, 384, 256, 1e-3, 64),
            "wider": Architecture(6, 6, 768, 256, 5e-4, 64),
            "more heads": Architecture(6, 12, 384, 256, 1e-3, 64),
            "longer context": Architecture(6, 6, 384, 512, 1e-3, 32),
            "smaller": Architecture(4, 4, 256, 256, 1e-3, 64),
        },
        n_steps=5000,
        n_steps_others=5000,
        dropout=0.2,
    ),
}


def train(setting: Setting, sizes: Sizes | None = None) -> None:
    """Train all models of the homework, and fill in the report.

    Raises:
        ValueError: the real text is missing or looks different.
    """
    sizes = sizes or PRESETS[setting.preset]
    texts, tokenizer = tokenized_texts(setting, sizes.n_notes)
    ids, held_out = (torch.tensor(tokenizer.encode(text)) for text in (texts.training, texts.held_out))
    notebook = notebook_definitions(SOURCE.read_text(encoding="utf-8"), device=setting.workshop.device)
    for called, sized in sizes.architectures.items():
        figures = _one_model(setting, sizes, notebook, tokenizer, ids, held_out, called)
        setting.report.rows.append(
            {
                "architecture": called,
                "layers": sized.n_layer,
                "heads": sized.n_head,
                "n_embd": sized.n_embd,
                "block": sized.block_size,
                "lr": sized.learning_rate,
                "batch": sized.batch_size,
                "parameters": figures["parameters"],
                "training loss": figures["training"],
                "validation loss": figures["held out"],
                "seconds": figures["seconds"],
            }
        )
    if texts.least_nats is not None:
        setting.report.rows.append(
            {"architecture": f"(at best: {texts.about})", "validation loss": f"{texts.least_nats:.3f}"}
        )


def _one_model(
    setting: Setting,
    sizes: Sizes,
    notebook: Any,
    tokenizer: CharTokenizer,
    ids: Tensor,
    held_out: Tensor,
    called: str,
) -> dict[str, Any]:
    """Train an architecture, measure it and let it write."""
    sized = sizes.architectures[called]
    is_baseline = called == next(iter(sizes.architectures))
    name = called.replace(" ", "_")
    config = notebook.GPTConfig(
        sized.block_size, len(tokenizer.vocab), sized.n_layer, sized.n_head, sized.n_embd, sizes.dropout, True
    )
    model = made(setting, name, lambda: notebook.GPT(config))
    n_steps = sizes.n_steps if is_baseline else sizes.n_steps_others
    device = setting.workshop.device

    def sample(prompt: Tensor, temperature: float) -> str:
        with drawing(setting, "samples"):  # the same luck for all, so that only model and temperature differ
            row = model.sample(prompt[None].to(device), sizes.n_characters, temperature)[0]
        return f"{tokenizer.decode(row[: len(prompt)])}|{tokenizer.decode(row[len(prompt) :])}"

    def measure() -> dict[str, Any]:
        start = torch.tensor(tokenizer.encode("\n"))
        temperatures = TEMPERATURES if is_baseline else (TEMPERATURE,)
        lines = [f"--- temperature {tau}\n{sample(start, tau)}\n" for tau in temperatures]
        if is_baseline:
            for length in (*PROMPT_LENGTHS, 2 * sized.block_size):
                lines.append(f"--- {length} characters given, temperature {TEMPERATURE}")
                lines.append(f"{sample(held_out[:length], TEMPERATURE)}\n")
        keep_text(setting, name, "\n".join(lines))
        limit = max(2, sizes.n_held_out // sized.block_size)
        losses = {
            called: cost_of(model, *side_by_side(text, sized.block_size, limit), device).in_nats()
            for called, text in (("training", ids), ("held out", held_out))
        }
        return {"sizes": asdict(sized), **losses}

    return trained(
        setting,
        training_on_windows(name, model, ids, sized.block_size, sized.batch_size, n_steps, sized.learning_rate),
        measure,
    )
