"""Trainings that are killed: they go on, and come to the same result."""

import math
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from reference.training.workshop import Curve, Training, Workshop, cosine, epochs_of

CPU = torch.device("cpu")


class KilledError(Exception):
    """Stands for a kill: nothing of the workshop handles it."""


def workshop(folder: Path, seed: int = 0) -> Workshop:
    return Workshop(folder, CPU, seed, seconds_between_saves=0.0)  # saves after every step


def training(n_steps: int = 12, killed_at: int | None = None) -> Training:
    """A small network with dropout, on batches that draw from the global random states."""
    torch.manual_seed(5)
    model = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Dropout(0.5), nn.Linear(8, 2))

    def batch(step: int) -> tuple[Tensor, Tensor]:
        if step == killed_at:
            raise KilledError
        x = torch.randn(6, 3)
        return x, (x.sum(dim=1) > 0).long()

    return Training(
        "small",
        model,
        n_steps,
        batch,
        loss=lambda model, x, y: F.cross_entropy(model(x), y),
        learning_rate=cosine(0.1, 3, n_steps),
    )


def result(folder: Path, kills: tuple[int, ...] = (), seed: int = 0) -> tuple[Curve, dict[str, Tensor]]:
    for killed_at in kills:
        with pytest.raises(KilledError):
            workshop(folder, seed).train(training(killed_at=killed_at))
    torch.manual_seed(len(kills))  # the process that goes on has other random states
    last = training()
    return workshop(folder, seed).train(last), last.model.state_dict()


@pytest.fixture
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Curve, dict[str, Tensor]]:
    return result(tmp_path_factory.mktemp("whole"))


@pytest.mark.parametrize("kills", [(0,), (1,), (7,), (11,), (4, 5, 9)])
def test_killed_and_resumed_is_the_same(
    kills: tuple[int, ...], whole: tuple[Curve, dict[str, Tensor]], tmp_path: Path
) -> None:
    """Protects the promise of `headmaster checkpoints`: wherever it is killed, losses and parameters are the same bits."""
    curve, parameters = result(tmp_path, kills)
    assert curve.losses == whole[0].losses
    assert all(torch.equal(value, whole[1][name]) for name, value in parameters.items())


def test_another_seed_is_another_training(whole: tuple[Curve, dict[str, Tensor]], tmp_path: Path) -> None:
    """Protects the test above from trainings that have no randomness at all."""
    assert result(tmp_path, seed=1)[0].losses != whole[0].losses


def test_a_finished_training_is_not_repeated(tmp_path: Path) -> None:
    """Protects time: all that is left to do is to load."""
    curve, parameters = result(tmp_path)
    again, same = result(tmp_path, kills=())
    assert again.losses == curve.losses
    assert all(torch.equal(value, same[name]) for name, value in parameters.items())


def test_training_learns(tmp_path: Path) -> None:
    """Protects the optimiser's step: the loss falls well below a coin's."""
    last = training(n_steps=300)
    curve = workshop(tmp_path).train(last)
    assert sum(curve.losses[-20:]) / 20 < 0.6 * math.log(2)


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04 cut off"])
def test_a_spoilt_state_is_named(content: bytes, tmp_path: Path) -> None:
    """Protects whoever has a broken disk: the file is named, with what to do."""
    (tmp_path / "small.state").write_bytes(content)
    with pytest.raises(ValueError, match=r"small\.state is damaged; remove it"):
        workshop(tmp_path).train(training())


def test_a_state_of_another_training_is_refused(tmp_path: Path) -> None:
    """Protects from going on with other hyperparameters as if nothing had changed."""
    result(tmp_path)
    with pytest.raises(ValueError, match="training of 12 steps, this one has 20; remove it"):
        workshop(tmp_path).train(training(n_steps=20))


def test_a_loss_that_is_not_finite_ends_it(tmp_path: Path) -> None:
    """Protects hours: a diverged training says so at once, with the step."""
    diverging = training()
    broken = Training(**{**vars(diverging), "loss": lambda model, x, y: model(x).sum() * math.nan})
    with pytest.raises(FloatingPointError, match="small: the loss of step 0 is nan"):
        workshop(tmp_path).train(broken)


def test_forget_removes_states(tmp_path: Path) -> None:
    """Protects the disk: states are three times as large as the parameters."""
    result(tmp_path)
    workshop(tmp_path).forget(["small", "never there"])
    assert list(tmp_path.iterdir()) == []


def test_epochs_go_through_all_items() -> None:
    """Protects the data: each epoch has each item once, in an order of its own, the last batch being smaller."""
    items = epochs_of(10, 4, seed=3)
    epochs = [[items(3 * epoch + i) for i in range(3)] for epoch in range(2)]
    assert [[len(batch) for batch in epoch] for epoch in epochs] == [[4, 4, 2]] * 2
    orders = [[i for batch in epoch for i in batch] for epoch in epochs]
    assert [sorted(order) for order in orders] == [list(range(10))] * 2
    assert orders[0] != orders[1]
    assert items(0) == epochs[0][0]  # an earlier step may come again


def steps(rate: object, n: int) -> Iterator[float]:
    yield from (rate(step) for step in range(n))  # type: ignore[operator]


def test_cosine_rises_and_falls() -> None:
    """Protects the schedule: a straight line up, half a wave down, never below a tenth."""
    rates = list(steps(cosine(2.0, 4, 14), 20))
    assert rates[:4] == [0.5, 1.0, 1.5, 2.0]
    assert rates[4] == 2.0
    assert rates[9] == pytest.approx(2.0 * 0.55)
    assert rates[14:] == pytest.approx([0.2] * 6)
    assert rates[4:15] == sorted(rates[4:15], reverse=True)


def test_figures_are_short() -> None:
    """Protects the report: a long curve is told in few points, whose steps and means are right."""
    figures = Curve(tuple(float(i) for i in range(1000)), 12.34).figures()
    assert len(figures["curve"]) <= 400
    assert figures["curve"][0] == [3, 1.0]
    assert figures["curve"][-1] == [1000, 999.0]
    assert (figures["steps"], figures["seconds"], figures["first loss"], figures["last loss"]) == (
        1000,
        12.3,
        0.0,
        974.5,
    )
