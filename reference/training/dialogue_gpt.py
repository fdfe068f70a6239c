"""The recipe of `mit_dialoguegpt`: DialogueGPT on speeches, then the vision transformer (`vision.py`)."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from . import vision
from .costs import IGNORED, cost_of
from .homework_code import HOMEWORKS, notebook_definitions
from .setting import Setting
from .stages import keep_text, made, trained
from .texts import SHAKESPEARE_NAMES, find_shakespeare, speeches
from .workshop import Training, cosine, epochs_of

SOURCE = HOMEWORKS / "mit_dialoguegpt" / "source" / "homework3.py"
N_GENERATED_TOKENS = 50  # question 4(g)
NAME = "dialogue_gpt"


@dataclass(frozen=True)
class Sizes:
    """What a preset stands for; the notebook's names where it has them."""

    max_N: int
    dim: int
    attn_dim: int
    mlp_dim: int
    num_heads: int
    num_layers: int
    batch_size: int
    learning_rate: float
    epochs: int
    n_speeches: int = 1500  # generated ones to train on
    n_real: int | None = None  # real ones to train on, at most; None = all
    images: vision.Sizes | None = None  # of the vision transformer; None = those of the preset


PRESETS = {
    "tiny": Sizes(64, 64, 16, 128, 4, 2, 16, 2e-3, 8, n_real=1500),
    "handout": Sizes(256, 256, 64, 512, 4, 4, 32, 3e-4, 20),
}


def train(setting: Setting, sizes: Sizes | None = None) -> None:
    """Train both models of the homework, and fill in the report.

    Raises:
        ValueError: of the real data, neither the speeches nor the images are there, or they look different.
    """
    sizes = sizes or PRESETS[setting.preset]
    text, images = _real(setting)
    notebook = notebook_definitions(SOURCE.read_text(encoding="utf-8"), DEVICE=setting.workshop.device)
    _dialogues(setting, sizes, notebook, text)
    vision.train(setting, notebook, images, sizes.images or vision.PRESETS[setting.preset])


def _real(setting: Setting) -> tuple[Path | None, Path | None]:
    """Find the real speeches and images. Where only one is there, the other is generated, and this is said.

    Raises:
        ValueError: neither is there.
    """
    if setting.data is None:
        return None, None
    text, images = find_shakespeare(setting.data), setting.data / vision.FOLDER
    if text is None and not images.is_dir():
        raise ValueError(
            f"{setting.data}: found neither speeches nor images; expected tiny Shakespeare "
            f"({' or '.join(SHAKESPEARE_NAMES)}), or a folder {vision.FOLDER} with the binary version of CIFAR-10, or both"
        )
    for what, is_there in (("tiny Shakespeare", text is not None), (vision.FOLDER, images.is_dir())):
        if not is_there:
            setting.workshop.console.print(f"{what} is not in {setting.data}: generated data take its place")
    return text, images if images.is_dir() else None


def _dialogues(setting: Setting, sizes: Sizes, notebook: Any, text: Path | None) -> None:
    """Train DialogueGPT, and let it write."""
    found = speeches(setting, sizes.n_speeches, text)
    training = found.training if text is None else found.training[: sizes.n_real]
    tokenizer = notebook.MyTokenizer("\n\n".join((*found.training, *found.held_out)))
    examples, held_out = (
        notebook.DialogueDataset(list(some), tokenizer, sizes.max_N) for some in (training, found.held_out)
    )
    setting.stage(
        "speeches",
        lambda: {
            "about": found.about,
            "speeches to train on": len(examples),
            "speeches held out": len(held_out),
            "nats of a held-out speech at best": found.least_nats,
            "vocabulary": tokenizer.tokens,
        },
    )
    model = made(
        setting,
        NAME,
        lambda: notebook.DialogueGPT(
            len(tokenizer), sizes.max_N, sizes.dim, sizes.attn_dim, sizes.mlp_dim, sizes.num_heads, sizes.num_layers
        ),
    )
    items = epochs_of(len(examples), sizes.batch_size, setting.workshop.derived("order of the speeches"))
    n_steps = sizes.epochs * -(-len(examples) // sizes.batch_size)
    loss = notebook.DialogueLoss()

    def batch(step: int) -> tuple[Tensor, Tensor]:
        made_up = examples.collate([examples[i] for i in items(step)])
        return made_up["input_ids"], made_up["input_mask"]

    def measure() -> dict[str, Any]:
        whole = held_out.collate([held_out[i] for i in range(len(held_out))])
        ids = whole["input_ids"]
        targets = ids.masked_fill(whole["input_mask"] == 0, IGNORED)[:, 1:]
        cost = cost_of(model, ids[:, :-1], targets, setting.workshop.device, sizes.batch_size)
        prompts = [speech.split("\n")[0] for speech in found.held_out[:5]]  # who speaks
        texts = [notebook.continue_text(model, tokenizer, prompt, N_GENERATED_TOKENS) for prompt in prompts]
        keep_text(setting, NAME, "\n\n".join(texts) + "\n")
        return {"held out": cost.in_nats(), "perplexity": cost.as_perplexity()}

    figures = trained(
        setting,
        Training(
            NAME,
            model,
            n_steps,
            batch,
            lambda model, ids, mask: loss(model(ids)[0], ids, mask),
            cosine(sizes.learning_rate, n_steps // 20, n_steps),
        ),
        measure,
    )
    setting.report.rows.append(
        {
            "model": f"DialogueGPT, {found.about}",
            "training loss": figures["last loss"],
            "held-out loss": figures["held out"],
            "held-out perplexity": figures["perplexity"],
        }
    )
    if found.least_nats is not None:
        least = found.least_nats * len(held_out) / figures["held out"]["tokens"]
        setting.report.rows.append(
            {
                "model": f"(at best: {found.about})",
                "held-out loss": round(least, 4),
                "held-out perplexity": round(math.exp(least), 4),
            }
        )
