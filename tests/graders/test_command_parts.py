"""What takes the places of the starter's files: what it does to a model, what it notes, and where it steps in."""

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from graders import command_parts
from graders.command_parts import EVENTS, LONDON, answer_of, digest_of


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Events are written to the working directory; weights come from the global generator."""
    monkeypatch.chdir(tmp_path)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def events() -> list[dict[str, Any]]:
    """What has been noted."""
    path = Path(EVENTS)
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


class Model(nn.Module):
    """As small as a model can be."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.head = nn.Embedding(5, 4), nn.Linear(4, 5, bias=False)

    def forward(self, x: Tensor, targets: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        logits = self.head(self.table(x))
        return logits, None if targets is None else nn.functional.cross_entropy(logits.mT, targets)


DATA = [(torch.tensor([1, 2, 3]), torch.tensor([2, 3, 4]))] * 3


@pytest.mark.parametrize("moves", [True, False])
def test_the_trainer_takes_one_step(moves: bool) -> None:
    """Protects what commands are told by: parameters change only where they are to, and plain settings are noted."""
    names: dict[str, Any] = {}
    command_parts.trainer(names, moves)
    model = Model()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    config = names["TrainerConfig"](
        max_epochs=75, lr_decay=True, writer=object(), ckpt_path="kept.params", unheard_of=3
    )
    names["Trainer"](model, DATA, None, config).train()
    after = model.state_dict()
    assert all(torch.equal(before[name], after[name]) != moves for name in before)
    assert torch.equal(torch.load("kept.params", weights_only=True)["head.weight"], after["head.weight"])
    made, trained = events()
    assert made == {"event": "made"}
    assert (trained["data"], trained["n"]) == ("list", 3)
    assert trained["config"].items() >= {"max_epochs": 75, "lr_decay": True, "batch_size": 64, "unheard_of": 3}.items()
    assert "writer" not in trained["config"]


def test_answers_follow_from_parameters_and_question() -> None:
    """Protects the check of evaluate: judge and worker compute the same, other parameters give other words."""
    vocabulary = "□⁇\n" + "".join(sorted(set(LONDON + "abcdefghijklmnop")))
    names: dict[str, Any] = {}
    command_parts.utils(names, vocabulary)
    model, x = Model(), torch.tensor([[5, 4, 3, 1], [3, 3, 2, 1]])
    out = names["sample"](model, x, 32, temperature=1.0, sample=False)
    assert (tuple(out.shape), out.dtype) == ((2, 36), torch.int64)
    words = ["".join(vocabulary[id] for id in row).split("⁇")[1] for row in out.tolist()]
    assert words == [answer_of(digest_of(model), ids) for ids in ([5, 4, 3], [3, 3])]
    assert [event["ids"] for event in events()] == x.tolist()
    other = Model()
    ids = [[i, j] for i in range(3, 9) for j in range(3, 9)]
    ours, theirs = ([answer_of(digest_of(each), question) for question in ids] for each in (model, other))
    assert ours != theirs
    assert LONDON in ours and len(set(ours)) > len(ids) / 3


def test_a_smaller_model_is_made() -> None:
    """Protects the time of a grading: what the student asks for is noted, what is made is small; all else stays."""

    class GPTConfig:
        rope = False

        def __init__(self, vocab_size: int, block_size: int, **given: Any) -> None:
            self.vocab_size, self.block_size = vocab_size, block_size
            self.__dict__.update(given)

    names: dict[str, Any] = {"GPTConfig": GPTConfig}
    command_parts.models(names)
    config = names["GPTConfig"](9, 128, n_layer=4, n_head=8, n_embd=256, rope=True)
    assert isinstance(config, GPTConfig)
    assert vars(config) == {"vocab_size": 9, "block_size": 128, "n_layer": 1, "n_head": 8, "n_embd": 64, "rope": True}
    assert events() == [{"event": "sized", "n_layer": 4, "n_head": 8, "n_embd": 256, "block_size": 128}]


class Config(SimpleNamespace):
    """Of attention."""


def attention(forward: Any, rope: bool = False) -> nn.Module:
    """What stands in the place of an attention with this forward pass."""

    class CausalSelfAttention(nn.Module):
        def __init__(self, config: Any) -> None:
            super().__init__()
            self.own = nn.Linear(config.n_embd, config.n_embd)

    CausalSelfAttention.forward = forward  # type: ignore[method-assign, assignment]
    names: dict[str, Any] = {"CausalSelfAttention": CausalSelfAttention}
    command_parts.attention(names)
    made: nn.Module = names["CausalSelfAttention"](Config(n_embd=12, n_head=3, block_size=8, rope=rope))
    return made


def test_attention_that_runs_is_kept() -> None:
    """Protects the student's own: right or wrong, what runs is used; of a pair the output."""
    x = torch.randn(2, 5, 12)
    kept = attention(lambda self, x: self.own(x))
    assert "own.weight" in kept.state_dict() and torch.equal(kept(x), kept.own(x))  # type: ignore[operator]
    pair = attention(lambda self, x: (self.own(x), None))
    assert torch.equal(pair(x), pair.own(x))  # type: ignore[operator]


def fails(self: Any, x: Tensor) -> Tensor:
    """Not written."""
    raise NotImplementedError


@pytest.mark.parametrize(
    "forward", [fails, lambda self, x: x[:, :2], lambda self, x: x / 0], ids=["raises", "shape", "inf"]
)
@pytest.mark.parametrize("rope", [True, False])
def test_attention_that_does_not_run_is_replaced(forward: Any, rope: bool) -> None:
    """Protects from a mistake that costs twice: the commands run without it, and the other is causal."""
    put = attention(forward, rope)
    x = torch.randn(2, 5, 12)
    changed = x.clone()
    changed[:, 3:] += 1
    assert "own.weight" not in put.state_dict()
    assert ("rope_cache" in put.state_dict()) == rope
    assert put(x).shape == x.shape
    torch.testing.assert_close(put(changed)[:, :3], put(x)[:, :3])


@pytest.mark.parametrize("broken", [True, False])
def test_pairs_of_a_dataset(broken: bool) -> None:
    """Protects from a mistake that costs twice: pairs of ids are kept, also one shorter; what is none is replaced."""

    class CharCorruptionDataset:
        data, stoi, block_size = ["abc", "ba"], {"a": 2, "b": 3, "c": 4}, 6

        def __getitem__(self, idx: int) -> Any:
            if broken:
                raise NotImplementedError
            return torch.tensor([4, 4, 4, 4, 4]), torch.tensor([3, 3, 3, 3, 3])

    names: dict[str, Any] = {"CharCorruptionDataset": CharCorruptionDataset}
    command_parts.dataset(names)
    x, y = names["CharCorruptionDataset"]()[0]
    expected = ([2, 3, 4, 0, 0, 0], [3, 4, 0, 0, 0, 0]) if broken else ([4, 4, 4, 4, 4, 0], [3, 3, 3, 3, 3, 0])
    assert (x.tolist(), y.tolist()) == expected
