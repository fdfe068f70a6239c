"""The recipe of `core`: the answer key's own GPT on characters."""

import math
from dataclasses import asdict, dataclass
from typing import Any

import torch

from ..generate import generate
from ..gpt import GPT, GPTConfig
from .costs import cost_of
from .setting import Setting
from .stages import keep_text, made, trained
from .texts import tokenized_texts
from .windows import side_by_side, training_on_windows

# how texts are drawn
SAMPLERS: dict[str, dict[str, Any]] = {
    "as the model says": {},
    "temperature 0.5": {"tau": 0.5},
    "top 5": {"k": 5},
    "nucleus 0.9": {"p": 0.9},
    "greedy": {"k": 1},
}


@dataclass(frozen=True)
class Sizes:
    """What a preset stands for; there is no handout, so `handout` has the sizes of the other homeworks on a GPU."""

    block_size: int
    n_layers: int
    n_heads: int
    d_model: int
    dropout: float
    batch_size: int
    learning_rate: float
    n_steps: int
    n_notes: int = 3000  # generated ones to train on
    n_pieces: int = 1000  # of the held-out text, at most
    n_characters: int = 300  # in each sample


PRESETS = {
    "tiny": Sizes(96, 2, 4, 64, 0.0, 24, 4e-3, 1500, n_pieces=300),
    "handout": Sizes(256, 6, 6, 384, 0.2, 64, 1e-3, 5000),
}


def train(setting: Setting, sizes: Sizes | None = None) -> None:
    """Train the model, and fill in the report.

    Raises:
        ValueError: the real text is missing or looks different.
    """
    sizes = sizes or PRESETS[setting.preset]
    texts, tokenizer = tokenized_texts(setting, sizes.n_notes)
    ids, held_out = (torch.tensor(tokenizer.encode(text)) for text in (texts.training, texts.held_out))
    config = GPTConfig(
        len(tokenizer.vocab), sizes.block_size, sizes.n_layers, sizes.n_heads, sizes.d_model, dropout=sizes.dropout
    )
    model = made(setting, "gpt", lambda: GPT(config))
    device = setting.workshop.device

    def measure() -> dict[str, Any]:
        inputs, targets = side_by_side(held_out, sizes.block_size, sizes.n_pieces)
        samples = []
        for called, options in SAMPLERS.items():
            generator = torch.Generator(device).manual_seed(setting.workshop.derived(f"sample, {called}"))
            text = generate(model, inputs[:1].to(device), sizes.n_characters, generator=generator, **options)[0]
            start, rest = tokenizer.decode(text[: sizes.block_size]), tokenizer.decode(text[sizes.block_size :])
            samples.append(f"--- {called}\n{start}|{rest}\n")
        keep_text(setting, "gpt", "\n".join(samples))
        cost = cost_of(model, inputs, targets, device)
        return {"config": asdict(config), "held out": cost.in_nats(), "perplexity": cost.as_perplexity()}

    figures = trained(
        setting,
        training_on_windows("gpt", model, ids, sizes.block_size, sizes.batch_size, sizes.n_steps, sizes.learning_rate),
        measure,
    )
    setting.report.rows.append(
        {
            "model": "GPT",
            "parameters": figures["parameters"],
            "training loss": figures["last loss"],
            "held-out loss": figures["held out"],
            "perplexity": figures["perplexity"],
        }
    )
    if texts.least_nats is not None:
        setting.report.rows.append(
            {
                "model": f"(at best: {texts.about})",
                "held-out loss": texts.least_nats,
                "perplexity": round(math.exp(texts.least_nats), 4),
            }
        )
