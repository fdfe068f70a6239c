"""The training loop that students get with cmu_birthplaces."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import TensorDataset

from tests.reference.homeworks.cmu_modules import cmu

VOCAB_SIZE, BLOCK_SIZE = 11, 8
TrainerConfig, Trainer = cmu.trainer.TrainerConfig, cmu.trainer.Trainer


@pytest.fixture(autouse=True)
def _seeded_on_one_thread() -> Iterator[None]:
    """Several threads would wait for each other longer than these sizes take to compute."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield
    torch.set_num_threads(threads)


def build_model() -> Any:
    sizes = {"n_layer": 1, "n_head": 2, "n_embd": 8, "embd_pdrop": 0.0, "resid_pdrop": 0.0, "attn_pdrop": 0.0}
    torch.manual_seed(0)
    return cmu.models.GPT(cmu.models.GPTConfig(VOCAB_SIZE, BLOCK_SIZE, **sizes))


def pairs(n: int) -> TensorDataset:
    """Documents that count upwards from different tokens."""
    ids = 1 + (torch.arange(n)[:, None] + torch.arange(BLOCK_SIZE + 1)) % (VOCAB_SIZE - 1)  # (n, BLOCK_SIZE + 1)
    return TensorDataset(ids[:, :-1], ids[:, 1:])


class Log:
    """Takes what tensorboard's writer would."""

    def __init__(self) -> None:
        self.values: dict[str, list[float]] = {}

    def add_scalar(self, name: str, value: float, step: int) -> None:
        values = self.values.setdefault(name, [])
        values.append(value)
        assert step == len(values) or name == "test/loss"


def test_steps_equal_a_loop_written_out() -> None:
    """Protects the recipe: AdamW, betas, decay of linear weights only, clipping to norm 1, the rate before each step."""
    config = TrainerConfig(
        max_epochs=4, batch_size=5, learning_rate=0.1, lr_decay=True, warmup_tokens=60, final_tokens=120
    )
    # in float64, since Adam makes much of gradients that are 0 but for rounding
    model, twin, data = build_model().double(), build_model().double(), pairs(5)
    for parameter, other in zip(model.parameters(), twin.parameters(), strict=True):
        parameter.data.mul_(20)
        other.data.mul_(20)
    Trainer(model, data, None, config).train()

    linear = [name for name, _ in twin.named_parameters() if name.endswith("weight")]
    linear = [name for name in linear if "emb" not in name and "ln" not in name]
    assert len(linear) == 5  # qkv, proj, two of the MLP, head
    named = dict(twin.named_parameters())
    optimizer = torch.optim.AdamW(
        [
            {"params": [named[name] for name in linear], "weight_decay": 0.1},
            {"params": [named[name] for name in named if name not in linear], "weight_decay": 0.0},
        ],
        betas=(0.9, 0.95),
    )
    norms = []
    # 40 tokens a step: still rising, a third of the way down, at the end and past it
    for factor in (40 / 60, (1 + math.cos(math.pi / 3)) / 2, 0.1, 0.1):
        for group in optimizer.param_groups:
            group["lr"] = 0.1 * factor
        optimizer.zero_grad()
        twin(*data.tensors)[1].backward()
        gradients = [parameter.grad for parameter in named.values()]
        norms.append(math.sqrt(sum(float(gradient.square().sum()) for gradient in gradients)))
        for gradient in gradients:
            gradient.mul_(min(1.0, 1 / norms[-1]))
        optimizer.step()
    assert max(norms) > 1
    for (name, actual), expected in zip(model.named_parameters(), named.values(), strict=True):
        torch.testing.assert_close(actual, expected, rtol=0, atol=1e-6, msg=lambda text, name=name: f"{name}: {text}")


@pytest.mark.parametrize(
    "tokens, expected",
    [(0, 0.0), (25, 0.25), (100, 1.0), (200, 0.75), (250, 0.5), (390, 0.1), (400, 0.1), (700, 0.1), (10**9, 0.1)],
)
def test_learning_rate_factor(tokens: int, expected: float) -> None:
    """Protects the schedule: a line up to 100 tokens, half a cosine wave to 400, a tenth from there on, no rise."""
    assert cmu.trainer.learning_rate_factor(tokens, 100, 400) == pytest.approx(expected)


def test_rate_is_constant_unless_asked() -> None:
    """Protects `lr_decay`: without it the learning rate neither rises nor falls."""
    log = Log()
    Trainer(build_model(), pairs(5), None, TrainerConfig(max_epochs=3, learning_rate=0.01, writer=log)).train()
    assert log.values["train/lr"] == [0.01] * 3


def test_a_fall_that_ends_before_it_begins_is_refused() -> None:
    """Protects against a forgotten `final_tokens`, which would train at a tenth of the rate."""
    with pytest.raises(ValueError, match="final_tokens must be greater than warmup_tokens, got 0 and 100"):
        Trainer(build_model(), pairs(5), None, TrainerConfig(lr_decay=True, warmup_tokens=100))


def test_training_learns_and_counts() -> None:
    """Protects the loop: all batches, the last one smaller, in train mode; tokens and steps counted; the loss falls."""
    log = Log()
    config = TrainerConfig(max_epochs=30, batch_size=4, learning_rate=0.02, writer=log)
    trainer = Trainer(build_model().eval(), pairs(10), None, config)
    trainer.train()
    assert (trainer.steps, trainer.tokens) == (30 * 3, 30 * 10 * BLOCK_SIZE)
    losses = log.values["train/loss"]
    assert len(losses) == 90
    assert losses[0] == pytest.approx(math.log(VOCAB_SIZE), abs=0.3)
    assert max(losses[-3:]) < 0.5
    assert trainer.model.training


def test_each_epoch_takes_everything_once_in_a_new_order() -> None:
    """Protects the order of the data: with 20 documents two equal orders have a chance below 1e-18."""
    taken: list[int] = []

    class Noted(TensorDataset):
        def __getitem__(self, index: int) -> Any:
            taken.append(index)
            return super().__getitem__(index)

    Trainer(build_model(), Noted(*pairs(20).tensors), None, TrainerConfig(max_epochs=2, batch_size=8)).train()
    first, second = taken[:20], taken[20:]
    assert sorted(first) == sorted(second) == list(range(20))
    assert first != second
    assert first != sorted(first)


def test_nothing_is_saved_unless_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects the student's folder: training leaves no file behind."""
    monkeypatch.chdir(tmp_path)
    Trainer(build_model(), pairs(5), None, TrainerConfig(max_epochs=2)).train()
    assert not list(tmp_path.iterdir())


def test_checkpoint_without_test_set_is_the_last_epoch(tmp_path: Path) -> None:
    """Protects `ckpt_path`: the parameters as they are after the last epoch."""
    model, path = build_model(), tmp_path / "p"
    Trainer(model, pairs(5), None, TrainerConfig(max_epochs=2, ckpt_path=str(path))).train()
    saved = torch.load(path, weights_only=True)
    assert all(torch.equal(saved[key], value) for key, value in model.state_dict().items())


def test_checkpoint_with_test_set_is_the_best_epoch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Protects early stopping: only an epoch that lowers the test loss is saved; each one's loss is printed."""
    losses = iter([3.0, 1.0, 2.0])
    monkeypatch.setattr(Trainer, "test_loss", lambda self: next(losses))
    saved = []
    monkeypatch.setattr(Trainer, "save_checkpoint", lambda self: saved.append(self.steps))
    Trainer(build_model(), pairs(5), pairs(3), TrainerConfig(max_epochs=3, ckpt_path=str(tmp_path / "p"))).train()
    assert saved == [1, 2]
    assert capsys.readouterr().out.splitlines() == [
        f"epoch {i}: test loss {loss:.5f}" for i, loss in enumerate((3.0, 1.0, 2.0), start=1)
    ]


def test_test_loss_is_the_mean_in_eval_mode() -> None:
    """Protects the test loss: the model's own loss, without dropout and without training on the test set."""

    class Constant(nn.Module):
        """Its loss is the first target, while it is in eval mode."""

        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.ones(1))

        def forward(self, idx: Tensor, targets: Tensor) -> tuple[None, Tensor]:
            assert not self.training
            return None, targets[0, 0] * self.weight.sum()

    trainer = Trainer(Constant(), pairs(1), pairs(4), TrainerConfig(batch_size=2))
    assert trainer.test_loss() == pytest.approx((2 + 4) / 2)
    assert trainer.model.weight.grad is None
