"""CMU's homework: a model without pretraining, one with it, and one with RoPE, as the handout's commands train them.

What comes out is a whole submission: parameters, predictions, `london_baseline_accuracy.txt` and the code, with the sizes that
were trained. What a command does is done by the homework's own functions; only the loop around a step is ours, so that it
can be killed. Padding at the end of all of a batch is cut off: nothing before it sees it, and it has no loss.
"""

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from ..corpora.birth_places import DEV, TEST_INPUTS, TEST_KEY, TRAIN, WIKI, BirthPlaces, make_birth_places
from ..loaders import read_birth_places
from .homework_code import HOMEWORKS, flat_modules
from .results import accuracy
from .setting import Setting
from .stages import trained
from .workshop import Training, epochs_of

SOURCE = HOMEWORKS / "cmu_birthplaces" / "src"
MODULES = ("attention", "models", "utils", "dataset", "trainer", "run", "london_baseline")
SUBMISSION = "submission"
HANDED_IN = ("vanilla.model", "vanilla.finetune", "rope.finetune")
# what a copy of these models is known by, once it lies in the staff's data (docs/trained-models.md)
DIGESTS = "reference_digests.json"
ROWS = {  # of the table: the predictions' name and what the model is
    "vanilla.nopretrain": "without pretraining",
    "vanilla.pretrain": "with pretraining",
    "rope.pretrain": "with pretraining, RoPE",
}


@dataclass(frozen=True)
class Sizes:
    """What is trained; the defaults are the handout's and its starter's.

    Attributes:
        n_people: of generated data: in train, dev and test.
        n_documents: of generated data, about each person.
        warmup_tokens: the learning rate rises for so many.
        decay_epochs: over how many epochs of the pretraining text the learning rate of finetuning is stretched.
    """

    block_size: int = 128
    n_layer: int = 4
    n_head: int = 8
    n_embd: int = 256
    dropout: float = 0.1
    pretrain_epochs: int = 650
    pretrain_batch: int = 128
    pretrain_rate: float = 6e-3
    finetune_epochs_alone: int = 75
    finetune_epochs: int = 10
    finetune_batch: int = 256
    finetune_rate: float = 6e-4
    warmup_tokens: int = 512 * 20
    decay_epochs: int = 200
    n_people: tuple[int, int, int] = (500, 500, 437)
    n_documents: int = 2


PRESETS = {
    "handout": Sizes(),
    # the real data without a GPU: about an hour on two cores, which is too short for the handout's thresholds
    "cpu": Sizes(
        n_layer=2,
        n_embd=96,
        dropout=0.0,
        pretrain_epochs=200,
        pretrain_batch=32,
        pretrain_rate=4e-3,
        finetune_batch=64,
        warmup_tokens=81_920,
    ),
    "tiny": Sizes(
        block_size=64,
        n_layer=2,
        n_embd=96,
        dropout=0.0,
        pretrain_epochs=200,
        pretrain_batch=32,
        pretrain_rate=4e-3,
        finetune_batch=16,
        warmup_tokens=40_960,
        n_people=(90, 100, 40),
        n_documents=4,
    ),
}


def train(setting: Setting, sizes: Sizes | None = None) -> None:
    """Train all models, write the submission, fill the report's table.

    Args:
        setting: where and how.
        sizes: None = those of the preset.
    """
    sizes = sizes or PRESETS[setting.preset]
    if setting.epochs is not None:
        sizes = replace(sizes, pretrain_epochs=setting.epochs)
    recipe = _Recipe(setting, sizes)
    recipe.finetune("vanilla.model", rope=False, pretrained=None)
    recipe.evaluate("vanilla.nopretrain", "vanilla.model", rope=False)
    for variant in ("vanilla", "rope"):
        rope = variant == "rope"
        recipe.pretrain(f"{variant}.pretrain", rope)
        recipe.finetune(f"{variant}.finetune", rope, pretrained=f"{variant}.pretrain")
        recipe.evaluate(f"{variant}.pretrain", f"{variant}.finetune", rope)
    recipe.baseline()
    recipe.hand_in()
    setting.report.rows = [recipe.row(name, model) for name, model in ROWS.items()]
    setting.report.rows.append({"model": "“London” for everybody", "dev": recipe.london()})


class _Recipe:
    """The commands, each as a stage.

    Args:
        setting: where and how.
        sizes: what is trained.
    """

    def __init__(self, setting: Setting, sizes: Sizes) -> None:
        self.setting, self.sizes = setting, sizes
        self.code = flat_modules(SOURCE, MODULES)
        self.data = self._data()
        self.data.write(setting.out / "data")
        if self.data.test_key is not None:
            self.data.write_key(setting.out / "data" / TEST_KEY)
        self.corruption = self.code.dataset.CharCorruptionDataset(self.data.wiki, sizes.block_size)
        self.names = self.code.dataset.NameDataset(self.corruption, self.data.train)
        self._refuse_unknown_characters()

    def _data(self) -> BirthPlaces:
        folder = self.setting.data
        if folder is None:
            return make_birth_places(self.setting.seed, *self.sizes.n_people, n_documents=self.sizes.n_documents)
        key = folder / TEST_KEY
        return read_birth_places(folder, key if key.exists() else None)

    def _refuse_unknown_characters(self) -> None:
        """Raise ValueError where the questions have characters that the pretraining text lacks."""
        texts = {TRAIN: "\n".join(self.names.data), DEV: self.data.dev, TEST_INPUTS: self.data.test_inputs}
        for name, text in texts.items():
            asked = text if name == TRAIN else "".join(line.partition("\t")[0] for line in text.splitlines())
            unknown = sorted(set(asked) - set(self.corruption.stoi) - {"\t", "\n"})
            if unknown:
                shown = ", ".join(map(repr, unknown[:5]))
                raise ValueError(f"{name} has characters that {WIKI} lacks: {shown}; no model can read them")

    def model(self, name: str, rope: bool) -> nn.Module:
        """A new model; its values follow from the seed and the name."""
        sizes = self.sizes
        torch.manual_seed(self.setting.workshop.derived(f"{name}, initialisation"))
        config = self.code.models.GPTConfig(
            self.corruption.vocab_size,
            sizes.block_size,
            n_layer=sizes.n_layer,
            n_head=sizes.n_head,
            n_embd=sizes.n_embd,
            rope=rope,
            embd_pdrop=sizes.dropout,
            resid_pdrop=sizes.dropout,
            attn_pdrop=sizes.dropout,
        )
        model: nn.Module = self.code.models.GPT(config)
        return model

    def pretrain(self, name: str, rope: bool) -> None:
        """`run.py pretrain`: span corruption of the pretraining text."""
        sizes, model = self.sizes, self.model(name, rope)
        final = sizes.pretrain_epochs * len(self.corruption) * sizes.block_size
        self._train(
            name, model, self.corruption, sizes.pretrain_epochs, sizes.pretrain_batch, sizes.pretrain_rate, final
        )

    def finetune(self, name: str, rope: bool, pretrained: str | None) -> None:
        """`run.py finetune`: questions and places, from new or from pretrained parameters."""
        sizes, model = self.sizes, self.model(name, rope)
        if pretrained is not None:
            self.setting.load(model, pretrained)
        epochs = sizes.finetune_epochs_alone if pretrained is None else sizes.finetune_epochs
        final = sizes.decay_epochs * len(self.corruption) * sizes.block_size
        self._train(name, model, self.names, epochs, sizes.finetune_batch, sizes.finetune_rate, final)

    def _train(
        self, name: str, model: nn.Module, dataset: Any, epochs: int, batch_size: int, rate: float, final_tokens: int
    ) -> None:
        items = epochs_of(len(dataset), batch_size, self.setting.workshop.derived(f"{name}, order"))
        n_batches = -(-len(dataset) // batch_size)
        n_tokens = len(dataset[0][1])  # of a sequence, with its padding

        def learning_rate(step: int) -> float:
            epoch, place = divmod(step + 1, n_batches)
            tokens = n_tokens * (epoch * len(dataset) + place * batch_size)
            return rate * float(self.code.trainer.learning_rate_factor(tokens, self.sizes.warmup_tokens, final_tokens))

        training = Training(
            name,
            model,
            epochs * n_batches,
            batch=lambda step: _batch([dataset[i] for i in items(step)]),
            loss=lambda model, x, y: model(x, y)[1],
            learning_rate=learning_rate,
            groups=self.code.trainer.decay_groups(model, 0.1),
        )
        trained(self.setting, training, lambda: {"epochs": epochs})

    def evaluate(self, name: str, parameters: str, rope: bool) -> None:
        """`run.py evaluate` on dev and test: writes the predictions and counts those that are right."""

        def run() -> dict[str, Any]:
            model = self.model(parameters, rope)
            self.setting.load(model, parameters)
            model.to(self.setting.workshop.device).eval()
            figures = {}
            # of a line without a place the newline is part of the question, as in run.py
            for part, text, key in (
                ("dev", self.data.dev, self.data.dev),
                ("test", self.data.test_inputs, self.data.test_key),
            ):
                lines = [line for line in text.splitlines(keepends=True) if line.strip()]
                predictions = self._predict(model, [line.split("\t")[0] for line in lines])
                path = f"{SUBMISSION}/{name}.{part}.predictions"
                content = "".join(f"{prediction.replace(chr(10), ' ')}\n" for prediction in predictions)
                self.setting.replace(path, lambda path, content=content: path.write_bytes(content.encode()))  # type: ignore[misc]
                if key is not None:
                    places = [line.split("\t")[1] for line in key.splitlines() if line.strip()]
                    right = sum(place == found for place, found in zip(places, predictions, strict=True))
                    figures[part] = accuracy(right, len(places))
            return figures

        self.setting.stage(f"evaluate {name}", run)

    @torch.no_grad()
    def _predict(self, model: nn.Module, questions: Sequence[str]) -> list[str]:
        """What a model puts between the first two ⁇ of its greedy continuations, all questions of a length at once."""
        stoi, itos, mask = self.corruption.stoi, self.corruption.itos, self.code.dataset.MASK_CHAR
        predictions = [""] * len(questions)
        by_length: dict[int, list[int]] = {}
        for i, question in enumerate(questions):
            by_length.setdefault(len(question), []).append(i)
        for length, group in by_length.items():
            ids = torch.tensor([[stoi[char] for char in questions[i] + mask] for i in group])  # (B, T)
            ids = ids.to(self.setting.workshop.device)
            for _ in range(self.code.run.ANSWER_STEPS):
                logits, _ = model(ids[:, -self.sizes.block_size :])  # (B, at most block_size, V)
                ids = torch.cat((ids, logits[:, -1].argmax(-1, keepdim=True)), dim=1)  # one token longer
                if bool((ids[:, length + 1 :] == stoi[mask]).any(dim=1).all()):
                    break
            for i, row in zip(group, ids.tolist(), strict=True):
                predictions[i] = "".join(itos[id] for id in row[length + 1 :]).split(mask)[0]
        return predictions

    def london(self) -> dict[str, Any]:
        """What “London” for everybody scores on dev."""
        places = [line.split("\t")[1] for line in self.data.dev.splitlines() if line.strip()]
        return accuracy(places.count("London"), len(places))

    def baseline(self) -> None:
        """`london_baseline.py`: its output is handed in."""
        percent = self.code.london_baseline.main(str(self.setting.out / "data" / DEV))
        content = f"{percent}\n".encode()
        self.setting.replace(f"{SUBMISSION}/london_baseline_accuracy.txt", lambda path: path.write_bytes(content))

    def hand_in(self) -> None:
        """Put code and parameters into the submission; the code says the sizes that were trained."""
        out = self.setting.out
        source = out / SUBMISSION / "src"
        source.mkdir(parents=True, exist_ok=True)
        for path in sorted(SOURCE.glob("*.py")):
            (source / path.name).write_text(self._sized(path.name, path.read_text(encoding="utf-8")), encoding="utf-8")
        digests: dict[str, list[str]] = {}
        for name in HANDED_IN:
            shutil.copyfile(out / f"{name}.params", out / SUBMISSION / f"{name}.params")
            for tensor, value in self.setting.tensors(name).items():
                data = value.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
                digests.setdefault(tensor, []).append(hashlib.sha256(data).hexdigest())
        text = json.dumps(digests, indent=1) + "\n"
        self.setting.replace(DIGESTS, lambda path: path.write_text(text, encoding="utf-8"))

    def _sized(self, name: str, text: str) -> str:
        """The code with the sizes that were trained in the place of the handout's."""
        sizes, own = self.sizes, Sizes()
        changes = {
            "run.py": {
                "BLOCK_SIZE = 128": f"BLOCK_SIZE = {sizes.block_size}",
                'MODEL_SIZE = {"n_layer": 4, "n_head": 8, "n_embd": 256}': (
                    f'MODEL_SIZE = {{"n_layer": {sizes.n_layer}, "n_head": {sizes.n_head}, "n_embd": {sizes.n_embd}}}'
                ),
                "PRETRAIN_EPOCHS = 650": f"PRETRAIN_EPOCHS = {sizes.pretrain_epochs}",
                "PRETRAIN_BATCH_SIZE = 128": f"PRETRAIN_BATCH_SIZE = {sizes.pretrain_batch}",
                "FINETUNE_EPOCHS_FROM_SCRATCH = 75": f"FINETUNE_EPOCHS_FROM_SCRATCH = {sizes.finetune_epochs_alone}",
                "FINETUNE_EPOCHS_PRETRAINED = 10": f"FINETUNE_EPOCHS_PRETRAINED = {sizes.finetune_epochs}",
                "FINETUNE_BATCH_SIZE = 256": f"FINETUNE_BATCH_SIZE = {sizes.finetune_batch}",
                "WARMUP_TOKENS = 512 * 20": f"WARMUP_TOKENS = {sizes.warmup_tokens}",
                "FINETUNE_DECAY_EPOCHS = 200": f"FINETUNE_DECAY_EPOCHS = {sizes.decay_epochs}",
                "default=6e-3": f"default={sizes.pretrain_rate:g}",
                "default=6e-4": f"default={sizes.finetune_rate:g}",
            },
            "models.py": {
                f"{place}_pdrop: float = 0.1": f"{place}_pdrop: float = {sizes.dropout:g}"
                for place in ("embd", "resid", "attn")
            },
        }
        if sizes == own:
            return text
        for old, new in changes.get(name, {}).items():
            if text.count(old) != 1:
                raise RuntimeError(f"{name} of the solution must say {old!r} once")
            text = text.replace(old, new)
        return text

    def row(self, name: str, model: str) -> dict[str, Any]:
        """A line of the table."""
        figures = self.setting.report.stages[f"evaluate {name}"]
        return {"model": model, "dev": figures["dev"], **({"test": figures["test"]} if "test" in figures else {})}


def _batch(items: Sequence[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    """Put sequences together, without the padding that ends all of them: x and y, (B, at most T)."""
    x, y = (torch.stack(part) for part in zip(*items, strict=True))  # (B, T)
    end = int((x != 0).any(dim=0).nonzero().max()) + 1
    return x[:, :end], y[:, :end]
