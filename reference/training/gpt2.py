"""GPT-2, or another causal language model of transformers, from a local folder: measured, fine-tuned, measured again."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .costs import cost_of
from .setting import Setting
from .stages import count_parameters, drawing, keep_text
from .windows import random_windows, side_by_side
from .workshop import Training, cosine

STAGE = "gpt2_fine_tuned"
LEAST_CONTEXT = 256  # tokens: room for a phrase and what the homeworks' code writes after it
LOOK = (
    "what `save_pretrained` of a causal language model and of its tokenizer writes: config.json, model.safetensors, "
    "tokenizer.json"
)


@dataclass(frozen=True)
class Gpt2Sizes:
    """How a pretrained model is fine-tuned; the values are those of the homeworks' notebooks."""

    n_steps: int = 60
    batch_size: int = 4
    block_size: int = 128  # tokens of a piece, at most
    learning_rate: float = 5e-5
    n_pieces: int = 200  # of the held-out text, at most


class Logits(nn.Module):
    """A model of transformers that is called like ours: from ids (B, T) to logits (B, T, V)."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model
        self.context_len = _context_of(model)  # the homework's `generate` looks for it here

    def forward(self, ids: Tensor) -> Tensor:
        """Compute the logits of each position's next token."""
        logits: Tensor = self.model(input_ids=ids, use_cache=False).logits
        return logits


def load(folder: Path) -> tuple[Any, Any]:
    """Load a model and its tokenizer; nothing is downloaded, and no code of the folder's runs.

    Raises:
        ValueError: transformers is not installed, or cannot load what is there.
    """
    try:
        from transformers import AutoModelForCausalLM, AutoTokenizer
    except ModuleNotFoundError:
        raise ValueError("--model needs transformers: pip install transformers") from None
    if not (folder / "config.json").is_file():
        raise ValueError(f"{folder}: found no config.json; expected {LOOK}")
    try:
        model = AutoModelForCausalLM.from_pretrained(str(folder), local_files_only=True)
        tokenizer = AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
    except Exception as error:  # transformers raises many kinds on files of another kind
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ValueError(f"{folder}: found a model that cannot be loaded ({first}); expected {LOOK}") from None
    if _context_of(model) < LEAST_CONTEXT:
        raise ValueError(
            f"{folder}: found a model that takes {_context_of(model)} tokens; expected one that takes {LEAST_CONTEXT} or more"
        )
    return model, tokenizer


def _context_of(model: Any) -> int:
    """How many tokens a model takes; one that does not say takes as many as GPT-2."""
    return getattr(model.config, "max_position_embeddings", None) or 1024


def fine_tune(
    setting: Setting,
    training_text: str,
    held_out_text: str,
    sizes: Gpt2Sizes,
    phrases: Sequence[str],
    write: Callable[[Any, Any, str], str],
) -> None:
    """Fine-tune the model of `setting.model` on a text, and add its rows to the report; without one, say so.

    Args:
        setting: the run.
        training_text, held_out_text: to train on and to measure with.
        sizes: how.
        phrases: what it continues, before and after.
        write: the homework's code: from model, tokenizer and phrase to the continued phrase.

    Raises:
        ValueError: the model cannot be loaded, or a text is too short.
    """
    folder = setting.model
    if folder is None:
        setting.workshop.console.print("GPT-2 is left out: give a folder with a Hugging Face model with --model")
        return

    def run() -> dict[str, Any]:
        device = setting.workshop.device
        model, tokenizer = load(folder)
        model.to(device).eval()
        training, held_out = (
            torch.tensor(tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])
            for text in (training_text, held_out_text)
        )
        logits = Logits(model)
        length = max(1, min(sizes.block_size, logits.context_len, len(training) - 1, (len(held_out) - 1) // 2))
        inputs, targets = side_by_side(held_out, length, sizes.n_pieces)

        def measure(when: str) -> dict[str, Any]:
            with drawing(setting, "GPT-2's texts"):  # before and after alike
                texts = [write(model, tokenizer, phrase) for phrase in phrases]
            keep_text(setting, f"gpt2_{when}", "\n\n------\n\n".join(texts) + "\n")
            return cost_of(logits, inputs, targets, device).as_perplexity()

        before = measure("as_it_is")
        rate = cosine(sizes.learning_rate, sizes.n_steps // 20, sizes.n_steps)
        batch = random_windows(training, length, sizes.batch_size)
        curve = setting.workshop.train(Training(STAGE, logits, sizes.n_steps, batch, _loss, rate))
        model.eval()
        setting.replace_folder(STAGE, lambda path: (model.save_pretrained(path), tokenizer.save_pretrained(path)))
        return {
            **curve.figures(),
            "parameters": count_parameters(model),
            "before": before,
            "after": measure("fine_tuned"),
        }

    figures = setting.stage(STAGE, run)
    setting.workshop.forget([STAGE])
    for name, when in (("GPT-2 as it is", "before"), ("GPT-2, fine-tuned", "after")):
        setting.report.rows.append({"model": f"{name}, its own tokens", "perplexity": figures[when]})


def _loss(model: Any, inputs: Tensor, targets: Tensor) -> Tensor:
    return F.cross_entropy(model(inputs).float().flatten(0, 1), targets.flatten())
