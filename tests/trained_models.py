"""A complete submission of cmu_birthplaces with models that are trained on the spot, small and real.

The two models with pretraining learn half of the dev and test answers by heart, which takes seconds where pretraining takes
hours; their predictions are what they answer. So half of each file is right, and everything in it is honest.
"""

import random
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import torch

from graders.homework import HOMEWORKS
from graders.verdict import Outcome, Verdict
from reference.corpora.birth_places import BirthPlaces, make_birth_places
from tests.reference.homeworks.cmu_modules import SRC, cmu

WIDTH, LAYERS, BLOCK = 64, 2, 96
MASK = "⁇"
SLUG = "cmu_birthplaces"
FINETUNE, DEV, TEST = "vanilla.finetune.params", "vanilla.pretrain.dev.predictions", "vanilla.pretrain.test.predictions"


@dataclass(frozen=True)
class Judged:
    """The verdicts of some checks, by name without `trained.`, and the points of the items."""

    verdicts: Mapping[str, Verdict]
    points: Mapping[str, Decimal]

    @property
    def failed(self) -> set[str]:
        """Names of the checks that have failed."""
        return {name for name, verdict in self.verdicts.items() if verdict.outcome is Outcome.FAILED}

    def message(self, name: str) -> str:
        """What the student reads of one."""
        return self.verdicts[name].message


@dataclass(frozen=True)
class HandedIn:
    """Where the submission and the staff's files are.

    Attributes:
        folder: the submission, complete.
        toml: the homework's, in a folder with the staff's data and a binding.
        data: the questions and answers.
    """

    folder: Path
    toml: Path
    data: BirthPlaces


def hand_in(place: Path) -> HandedIn:
    """Train the three models and lay out a submission and the staff's files in a folder."""
    data = make_birth_places(7, n_train=40, n_dev=60, n_test=50)
    toml = staff(place / "staff", data)
    folder = place / "submission"
    shutil.copytree(SRC, folder / "src", ignore=shutil.ignore_patterns("__pycache__"))
    dev = [line.split("\t") for line in data.dev.splitlines()]
    test = [line.split("\t") for line in str(data.test_key).splitlines()]
    train = [line.split("\t") for line in data.train.splitlines()]
    asked = [f"{question}{MASK}" for question, _ in dev], [f"{question}\n{MASK}" for question, _ in test]
    learnt = [(prompt, place) for prompt, (_, place) in zip(asked[0] + asked[1], dev + test, strict=True)][::2]
    with torch.random.fork_rng():
        for parameters, predictions, pairs, rope, steps in (
            ("vanilla.model", "vanilla.nopretrain", [(f"{q}{MASK}", p) for q, p in train], False, 40),
            ("vanilla.finetune", "vanilla.pretrain", learnt, False, 150),
            ("rope.finetune", "rope.pretrain", learnt, True, 150),
        ):
            torch.manual_seed(len(predictions))
            model = trained(data.wiki, pairs, rope, steps)
            torch.save(model.state_dict(), folder / f"{parameters}.params")
            for part, prompts in zip(("dev", "test"), asked, strict=True):
                write(folder / f"{predictions}.{part}.predictions", answers(model, data.wiki, prompts))
    (folder / "london_baseline_accuracy.txt").write_text("Correct: 3.0 out of 60.0: 5.0%\n")
    return HandedIn(folder, toml, data)


def write(path: Path, lines: Sequence[str]) -> None:
    """Write predictions as the homework's evaluation does."""
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def read(path: Path) -> list[str]:
    """Read them back."""
    return path.read_text(encoding="utf-8").split("\n")[:-1]


def trained(wiki: str, pairs: Sequence[tuple[str, str]], rope: bool, steps: int) -> torch.nn.Module:
    """Train the homework's own GPT to answer prompts, with batches drawn at random."""
    model = untrained(wiki, rope)
    ids = {character: i for i, character in enumerate(characters(wiki))}
    rows = [[ids[c] for c in f"{prompt}{place}{MASK}"] for prompt, place in pairs]
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    rng = random.Random(0)
    for _ in range(steps):
        batch = rng.sample(range(len(rows)), min(24, len(rows)))
        length = max(len(rows[i]) for i in batch)
        x = torch.tensor([rows[i] + [0] * (length - len(rows[i])) for i in batch])
        y = x[:, 1:].clone()
        for row, i in enumerate(batch):
            y[row, : len(pairs[i][0]) - 1] = 0  # only the answer is to be predicted
        _, loss = model(x[:, :-1], y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model.eval()


def untrained(wiki: str, rope: bool) -> torch.nn.Module:
    """The homework's own GPT, new. Torch's random state is left alone outside of training."""
    sizes = {"n_layer": LAYERS, "n_head": 8, "n_embd": WIDTH, "rope": rope}
    config = cmu.models.GPTConfig(len(characters(wiki)), BLOCK, **sizes, **dict.fromkeys(_DROPOUT, 0.0))
    with torch.random.fork_rng():
        model: torch.nn.Module = cmu.models.GPT(config)
    return model.eval()


_DROPOUT = ("embd_pdrop", "resid_pdrop", "attn_pdrop")


@torch.no_grad()
def answers(model: torch.nn.Module, wiki: str, prompts: Sequence[str]) -> list[str]:
    """What the model says to each prompt, as the homework's evaluation does, for prompts of the same length at once."""
    known = characters(wiki)
    ids = {character: i for i, character in enumerate(known)}
    found = {}
    for length in set(map(len, prompts)):
        alike = [prompt for prompt in prompts if len(prompt) == length]
        x = torch.tensor([[ids[c] for c in prompt] for prompt in alike])
        for _ in range(32):
            x = torch.cat((x, model(x)[0][:, -1].argmax(-1, keepdim=True)), dim=1)
            if (x[:, length:] == 1).any(-1).all():
                break
        for prompt, row in zip(alike, x.tolist(), strict=True):
            found[prompt] = "".join(known[i] for i in row).split(MASK)[1].replace("\n", " ")
    return [found[prompt] for prompt in prompts]


def characters(wiki: str) -> list[str]:
    """The vocabulary."""
    return ["□", MASK, *sorted(set(wiki))]


def staff(folder: Path, data: BirthPlaces) -> Path:
    """The homework's TOML and binding beside a folder with the staff's data; returns the TOML's path."""
    place = folder / f"{SLUG}.data"
    data.write(place)
    data.write_key(place / "birth_test_key.tsv")
    shutil.copy(HOMEWORKS / f"{SLUG}.toml", folder)
    (folder / f"{SLUG}.py").write_text(f"from graders.homeworks.{SLUG} import BINDING\n")
    return folder / f"{SLUG}.toml"


def with_data(complete: HandedIn, folder: Path, old: str = "", new: str = "") -> Path:
    """A copy of the staff's files, with a change in the TOML; its path."""
    shutil.copytree(complete.toml.parent, folder)
    toml = folder / complete.toml.name
    text = toml.read_text()
    assert old in text
    toml.write_text(text.replace(old, new, 1))
    return toml


def state(folder: Path, name: str = FINETUNE) -> dict[str, torch.Tensor]:
    """The parameters of one of the tests' own models."""
    found: dict[str, torch.Tensor] = torch.load(folder / name, weights_only=True)
    return found


def places(text: str | None) -> list[str]:
    """The answers of a file of questions and places."""
    return [line.split("\t")[1] for line in str(text).splitlines()]


def noisy(folder: Path, name: str = FINETUNE) -> None:
    """Put a model in the place of another: what a different run would have given."""
    weights = state(folder, name)
    noise = torch.Generator().manual_seed(1)
    for key, value in weights.items():
        if value.is_floating_point() and value.dim() == 2:
            value += 0.5 * torch.randn(value.shape, generator=noise) * value.std()
            weights[key] = value
    torch.save(weights, folder / name)
