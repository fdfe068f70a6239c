"""The recipe of `transformers_from_scratch`: one head and several heads, then to Shakespeare and back, and GPT-2."""

from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..corpora.character_text import make_character_text
from ..corpora.dialogues import make_dialogues
from ..loaders import PILE_LOOK, Documents, read_pile
from .costs import IGNORED, cost_of
from .gpt2 import Gpt2Sizes, Logits, fine_tune
from .homework_code import HOMEWORKS, notebook_definitions
from .setting import Setting
from .stages import drawing, keep_text, made, trained
from .texts import find_shakespeare, speeches
from .workshop import Training, cosine, epochs_of

SOURCE = HOMEWORKS / "transformers_from_scratch" / "source" / "hw2_transformers.py"
PILE_NAMES = ("pile", "pile.zip")  # in the folder of the real data
PROMPTS = ("The quick brown fox", "In the beginning", "What is 5 + 5?", "The meaning of life is")
MORE_PROMPTS = ("Good morrow, my lord", "O gentle night,", "What say you to", "The king is dead, and")  # of question 7
N_NEW_TOKENS = 30
ONE_SPEECH_IN = 40  # documents of what stands in for The Pile, which has plays and talk in it too
Windows = tuple[Tensor, Tensor]  # inputs and targets, each (N, context_len)


@dataclass(frozen=True)
class Sizes:
    """What a preset stands for; the notebook's names where it has them."""

    hidden_dim: int
    context_len: int
    num_layers: int
    num_heads: int
    batch_size: int
    epochs: int
    learning_rate: float
    epochs_shakespeare: int
    fine_tuning_epochs: int
    fine_tuning_learning_rate: float
    max_train_documents: int | None  # of each real corpus; None = all
    max_vocabulary: int = 10_000
    n_pile: int = 4000  # generated documents that stand in for The Pile
    n_speeches: int = 200  # generated ones that stand in for Shakespeare
    n_pieces: int = 1000  # windows to measure with, at most
    gpt2: Gpt2Sizes = field(default_factory=Gpt2Sizes)


PRESETS = {
    "tiny": Sizes(64, 32, 2, 4, 32, 5, 3e-3, 12, 6, 2e-3, 2000),
    "handout": Sizes(256, 128, 2, 4, 32, 5, 1e-3, 5, 3, 5e-4, None, n_pile=10_000, gpt2=Gpt2Sizes(n_steps=1500)),
}


@dataclass(frozen=True)
class Corpus:
    """A corpus as windows of ids.

    Attributes:
        training: to train on.
        dev: to measure with.
    """

    training: Windows
    dev: Windows


def train(setting: Setting, sizes: Sizes | None = None) -> None:
    """Train all models of the homework, and fill in the report.

    Raises:
        ValueError: a file of the real data is missing or looks different.
    """
    sizes = sizes or PRESETS[setting.preset]
    pile, shakespeare = _documents(setting, sizes)
    notebook = notebook_definitions(SOURCE.read_text(encoding="utf-8"))
    tokenizer = notebook.WordTokenizer((*pile.train, *shakespeare.train), sizes.max_vocabulary)
    corpora = {
        called: Corpus(
            *(
                notebook.make_windows(list(part), tokenizer, sizes.context_len).tensors
                for part in (found.train, found.dev)
            )
        )
        for called, found in (("pile", pile), ("shakespeare", shakespeare))
    }
    setting.stage("vocabulary", lambda: {"vocabulary": tokenizer.vocabulary})
    for name, kind, called in (
        ("q1_one_head_no_norm", notebook.WithoutLayerNorm, "Q1, one head, no layer norm"),
        ("q2_one_head", notebook.Transformer, "Q2, one head"),
        ("q3_heads", notebook.MultiHeadTransformer, f"Q3, {sizes.num_heads} heads"),
    ):
        model = _language_model(setting, sizes, notebook, tokenizer, kind)
        figures = _trained(setting, sizes, name, model, corpora, "pile", sizes.epochs, sizes.learning_rate)
        _add_row(setting, called, figures)
    _write_texts(setting, sizes, notebook, tokenizer, model, "q3_heads")
    _add_row(setting, "Q5, as it is (Q3's)", figures, "shakespeare")
    scratch = _language_model(setting, sizes, notebook, tokenizer, notebook.MultiHeadTransformer)
    rate = sizes.learning_rate
    figures = _trained(setting, sizes, "q5_scratch", scratch, corpora, "shakespeare", sizes.epochs_shakespeare, rate)
    _add_row(setting, "Q5, from scratch", figures, "shakespeare")
    epochs, rate = sizes.fine_tuning_epochs, sizes.fine_tuning_learning_rate
    figures = _trained(setting, sizes, "q5_fine_tuned", model, corpora, "shakespeare", epochs, rate)  # Q3's goes on
    _add_row(setting, "Q5, Q6, fine-tuned (Q3's)", figures)
    _write_texts(setting, sizes, notebook, tokenizer, model, "q5_fine_tuned")
    fine_tune(
        setting,
        "\n".join(shakespeare.train),
        "\n".join(shakespeare.dev),
        sizes.gpt2,
        (*PROMPTS, *MORE_PROMPTS),
        lambda model, tokenizer, prompt: notebook.generate(
            Logits(model), tokenizer, prompt, N_NEW_TOKENS, setting.workshop.device
        ),
    )


def _documents(setting: Setting, sizes: Sizes) -> tuple[Documents, Documents]:
    """The two corpora: what stands in for The Pile, or The Pile, and speeches on one line each.

    Raises:
        ValueError: a file of the real data is missing or looks different.
    """
    found = speeches(setting, sizes.n_speeches, setting.data)
    n = sizes.max_train_documents if setting.data is not None else None
    training, held_out = ([" ".join(speech.split()) for speech in some] for some in (found.training, found.held_out))
    shakespeare = Documents(tuple(training[:n]), tuple(held_out), tuple(held_out))
    path = None
    if setting.data is not None:
        folder = setting.data if setting.data.is_dir() else setting.data.parent
        path = next((folder / name for name in PILE_NAMES if (folder / name).exists()), None)
        if path is None:
            setting.workshop.console.print(
                f"The Pile is not in {folder} (expected {PILE_LOOK}, called {' or '.join(PILE_NAMES)}): "
                "generated documents take its place",
                highlight=False,
            )
    if path is None:
        pile = Documents(
            *(
                _stand_in(setting, part, n_documents)
                for part, n_documents in (("train", sizes.n_pile), ("dev", max(10, sizes.n_pile // 5)), ("test", 10))
            )
        )
    else:
        real = read_pile(path)
        pile = Documents(real.train[:n], real.dev, real.test)
    setting.stage(
        "documents",
        lambda: {
            "pile": f"generated notes, one in {ONE_SPEECH_IN} a speech" if path is None else str(path),
            "shakespeare": found.about if setting.data is None else str(find_shakespeare(setting.data)),
            "documents to train on": {"pile": len(pile.train), "shakespeare": len(shakespeare.train)},
            "documents to measure with": {"pile": len(pile.dev), "shakespeare": len(shakespeare.dev)},
        },
    )
    return pile, shakespeare


def _stand_in(setting: Setting, part: str, n_documents: int) -> tuple[str, ...]:
    """Generate documents in the place of The Pile: notes, and here and there a speech.

    What a model learns from the few speeches is what makes fine-tuning worth while. With nothing in common between the two
    corpora there would be nothing to carry over.
    """
    derived = setting.workshop.derived
    notes = make_character_text(derived(f"notes, {part}"), n_documents).text.splitlines()
    speeches = make_dialogues(derived(f"speeches among the notes, {part}"), -(-n_documents // ONE_SPEECH_IN)).documents
    notes[::ONE_SPEECH_IN] = speeches
    return tuple(notes)


def _language_model(setting: Setting, sizes: Sizes, notebook: Any, tokenizer: Any, kind: Any) -> nn.Module:
    """Make a language model; all begin with the same parameters."""
    heads = {"num_heads": sizes.num_heads} if kind is notebook.MultiHeadTransformer else {}

    def make() -> nn.Module:
        inner = kind(len(tokenizer), sizes.hidden_dim, sizes.context_len, num_layers=sizes.num_layers, **heads)
        model: nn.Module = notebook.TransformerLM(inner)
        return model

    return made(setting, "language model", make)


def _trained(
    setting: Setting,
    sizes: Sizes,
    name: str,
    model: nn.Module,
    corpora: dict[str, Corpus],
    trained_on: str,
    epochs: int,
    learning_rate: float,
) -> dict[str, Any]:
    """Train a model on one corpus, and measure it on both."""
    inputs, targets = corpora[trained_on].training
    items = epochs_of(len(inputs), sizes.batch_size, setting.workshop.derived(f"{trained_on}, order"))
    n_steps = epochs * -(-len(inputs) // sizes.batch_size)

    def batch(step: int) -> tuple[Tensor, Tensor]:
        chosen = torch.tensor(items(step))
        return inputs[chosen], targets[chosen]

    def measure() -> dict[str, Any]:
        perplexities = {}
        for called, corpus in corpora.items():
            some, wanted = (tensor[: sizes.n_pieces] for tensor in corpus.dev)
            perplexities[called] = cost_of(model, some, wanted, setting.workshop.device).as_perplexity()
        return {"dev perplexity": perplexities}

    return trained(
        setting,
        Training(name, model, n_steps, batch, _loss, cosine(learning_rate, n_steps // 20, n_steps)),
        measure,
    )


def _loss(model: Any, inputs: Tensor, targets: Tensor) -> Tensor:
    return F.cross_entropy(model(inputs).flatten(0, 1), targets.flatten(), ignore_index=IGNORED)


def _add_row(setting: Setting, called: str, figures: dict[str, Any], only: str | None = None) -> None:
    """Add a row of the table, with the perplexities on both corpora or on one."""
    shown = {
        f"dev perplexity, {corpus}": perplexity
        for corpus, perplexity in figures["dev perplexity"].items()
        if only in (None, corpus)
    }
    setting.report.rows.append({"model": called, **shown})


def _write_texts(setting: Setting, sizes: Sizes, notebook: Any, tokenizer: Any, model: nn.Module, name: str) -> None:
    """Let a model continue the handout's beginnings, with a temperature and from the nucleus."""

    def run() -> dict[str, Any]:
        lines = []
        for how, generate in (
            ("temperature 1", notebook.generate),
            ("nucleus 0.9", notebook.nucleus_sampling_generate),
        ):
            with drawing(setting, f"texts, {how}"):
                for prompt in (*PROMPTS, *MORE_PROMPTS):
                    text = generate(model, tokenizer, prompt, N_NEW_TOKENS, setting.workshop.device)
                    lines.append(f"--- {how}: {text}")
        keep_text(setting, name, "\n".join(lines) + "\n")
        return {}

    setting.stage(f"{name}_texts", run)
