"""The recipe of `jhu_tinygpt`: TinyGPT without the causal mask, with it, and GPT-2 fine-tuned on a text of one's own.

Without the mask each position sees the character that it has to tell ahead, so that the loss falls below what is possible
and says nothing about how the model writes. Two figures do: what the next character costs when nothing behind it is there
to be seen, and what the model's own text costs a reader who has read the same corpus.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..tokenizer import CharTokenizer
from .costs import Cost, cost_of
from .gpt2 import Gpt2Sizes, fine_tune
from .homework_code import HOMEWORKS, notebook_definitions
from .reader import Reader
from .setting import Setting
from .stages import drawing, keep_text, made, trained
from .texts import Texts, tokenized_texts
from .windows import next_tokens, side_by_side, training_on_windows

SOURCE = HOMEWORKS / "jhu_tinygpt" / "source" / "Homework7.py"
MODELS = {"without_mask": "without the mask", "with_mask": "with the mask"}
N_READ = 400_000  # characters of the corpus that the reader counts
OWN_TEXT = "my_text.txt"  # of the bonus, in the folder of the real data
N_FINE_TUNING = 10_000  # characters of the corpus that stand in for it


@dataclass(frozen=True)
class Sizes:
    """What a preset stands for; the notebook's names where it has them."""

    n_embd: int
    n_head: int
    n_layer: int
    block_size: int
    dropout: float
    batch_size: int
    learning_rate: float
    n_steps: int
    n_notes: int = 3000  # generated ones to train on
    n_pieces: int = 1000  # of the held-out text, at most
    n_texts: int = 16  # that each model writes
    n_characters: int = 500  # in each of them, as the handout asks
    gpt2: Gpt2Sizes = field(default_factory=Gpt2Sizes)


PRESETS = {
    "tiny": Sizes(64, 4, 2, 64, 0.0, 32, 4e-3, 1000, n_pieces=800, n_texts=12, n_characters=300),
    "handout": Sizes(384, 6, 6, 256, 0.2, 64, 3e-4, 5000),
}


def train(setting: Setting, sizes: Sizes | None = None) -> None:
    """Train all models of the homework, and fill in the report.

    Raises:
        ValueError: a file of the real data is missing or looks different.
    """
    sizes = sizes or PRESETS[setting.preset]
    texts, tokenizer = tokenized_texts(setting, sizes.n_notes)
    notebook = notebook_definitions(
        SOURCE.read_text(encoding="utf-8"),
        device=setting.workshop.device,
        vocab_size=len(tokenizer.vocab),
        **{name: getattr(sizes, name) for name in ("n_embd", "n_head", "n_layer", "block_size", "dropout")},
    )
    reader = Reader(texts.training[:N_READ], texts.held_out)
    for name, called in MODELS.items():
        figures = _one_model(setting, sizes, notebook, tokenizer, texts, reader, name)
        setting.report.rows.append(
            {
                "TinyGPT": called,
                "training loss": figures["last loss"],
                "loss, whole pieces": figures["held out, whole pieces"],
                "loss, next character alone": figures["held out, next character alone"],
                "its text to a reader": figures["its text to a reader"],
            }
        )
    setting.report.rows.append(_of_the_text(setting, sizes, tokenizer, texts, reader))
    own, held_back = _own_text(setting, texts)
    fine_tune(setting, own, held_back, sizes.gpt2, [" ".join(own.split()[:8])], notebook.continue_phrase)


def _one_model(
    setting: Setting, sizes: Sizes, notebook: Any, tokenizer: CharTokenizer, texts: Texts, reader: Reader, name: str
) -> dict[str, Any]:
    """Train a TinyGPT and let it write."""
    ids, held_out = (torch.tensor(tokenizer.encode(text)) for text in (texts.training, texts.held_out))
    model = made(setting, "TinyGPT", notebook.TinyGPT)  # both begin with the same parameters
    if name == "without_mask":
        for module in model.modules():
            if isinstance(module, notebook.Head):
                module.tril.fill_(1)  # so that a mask made from it rules out nothing, as in the notebook
    inputs, targets = side_by_side(held_out, sizes.block_size, sizes.n_pieces)
    contexts, alone = next_tokens(held_out, sizes.block_size, max(1, sizes.block_size // 4), 4 * sizes.n_pieces)

    def measure() -> dict[str, Any]:
        device = setting.workshop.device
        start = inputs[: sizes.n_texts].to(device)  # (n_texts, block_size)
        with drawing(setting, "texts"):
            written: Tensor = model.generate(start, sizes.n_characters)
        own = [tokenizer.decode(row) for row in written]
        keep_text(setting, name, "\n\n------\n\n".join(own) + "\n")
        return {
            "sees the future": notebook.sees_the_future(model),
            "held out, whole pieces": cost_of(model, inputs, targets, device).in_nats(),
            "held out, next character alone": cost_of(model, contexts, alone, device).in_nats(),
            "its text to a reader": _read(reader, own, sizes.block_size).in_nats(),
        }

    return trained(
        setting,
        training_on_windows(name, model, ids, sizes.block_size, sizes.batch_size, sizes.n_steps, sizes.learning_rate),
        measure,
    )


def _of_the_text(
    setting: Setting, sizes: Sizes, tokenizer: CharTokenizer, texts: Texts, reader: Reader
) -> dict[str, Any]:
    """The row that the models are compared with: the held-out text itself."""
    row: dict[str, Any] = {"TinyGPT": f"(the text itself: {texts.about})"}
    if texts.least_nats is not None:
        row |= {"loss, whole pieces": f"{texts.least_nats:.3f} at best"}
    length = sizes.block_size + sizes.n_characters
    pieces = [texts.held_out[i : i + length] for i in range(0, len(texts.held_out) - length + 1, length)]
    figures = setting.stage(
        "reader", lambda: {"the text itself": _read(reader, pieces[: sizes.n_pieces], sizes.block_size).in_nats()}
    )
    return {**row, "its text to a reader": figures["the text itself"]}


def _read(reader: Reader, texts: list[str], start: int) -> Cost:
    """What texts cost the reader, from a place on."""
    return Cost(tuple(reader.nats(text, start) for text in texts), tuple(len(text) - start for text in texts))


def _own_text(setting: Setting, texts: Texts) -> tuple[str, str]:
    """The text of the bonus: an instructor's own, of which the last tenth is held back, or a part of the corpus."""
    path = None if setting.data is None else Path(setting.data) / OWN_TEXT
    if path is None or not path.is_file():
        return texts.training[:N_FINE_TUNING], texts.held_out[: N_FINE_TUNING // 2]
    notebook = notebook_definitions(SOURCE.read_text(encoding="utf-8"))
    text: str = notebook.read_my_text(path)
    return text[: len(text) * 9 // 10], text[len(text) * 9 // 10 :]
