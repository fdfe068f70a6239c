"""The training loop of the worker: Adam as torch's, what it tells of gradients, and losses that are none."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sandbox.training import step_of, train

V, D = 7, 6


@pytest.fixture(autouse=True)
def _random_state_is_kept() -> Iterator[None]:
    """Models draw their weights from the global generator."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def ids(n: int, seed: int = 0) -> Tensor:
    return torch.randint(V, (n, 5), generator=torch.Generator().manual_seed(seed))


class Bigrams(nn.Module):
    """Predicts a token from the one before it."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.head = nn.Embedding(V, D), nn.Linear(D, V)
        self.idle, self.dead = nn.Linear(D, D), nn.Parameter(torch.ones(D, 1))

    def forward(self, x: Tensor, targets: Tensor | None = None) -> Any:
        logits = self.head(self.table(x) + 0 * self.dead[:, 0])
        return logits if targets is None else (logits, F.cross_entropy(logits.flatten(0, 1), targets.flatten()))


def test_adam_is_torchs() -> None:
    """Protects what a training run means: the steps are those of torch.optim.Adam with clipped gradients."""
    ours, twin = Bigrams(), Bigrams()
    twin.load_state_dict(ours.state_dict())
    batches = torch.stack([ids(4, 1), ids(4, 2)])
    reply = train(ours, step_of(ours, None, None, True, ""), batches, 5, 0.05, [ids(3)])
    optimizer = torch.optim.Adam(twin.parameters(), lr=0.05, betas=(0.9, 0.99))
    for i in range(5):
        optimizer.zero_grad()
        batch = batches[i % 2]
        loss = twin(batch[:, :-1], batch[:, 1:])[1]
        loss.backward()
        torch.testing.assert_close(loss.double(), reply["losses"][i], atol=1e-5, rtol=0, check_dtype=False)
        nn.utils.clip_grad_norm_(twin.parameters(), 1.0)
        optimizer.step()
    torch.testing.assert_close(reply["after"][0], twin(ids(3)[:, :-1]), atol=1e-4, rtol=0)


def test_it_tells_where_no_gradient_comes() -> None:
    """Protects the check of gradients: unused parameters are told from those whose gradients are 0."""
    model = Bigrams()
    reply = train(model, step_of(model, None, None, True, ""), ids(4)[None], 2, 0.01, [ids(3)])
    assert (reply["none"], reply["zero"]) == (["idle.weight"], ["dead"])
    assert not torch.equal(reply["before"], reply["after"][0])


def test_each_way_to_a_loss() -> None:
    """Protects the homeworks: a loss of its own with a mask, or logits through the embedding, give the same loss."""
    model = Bigrams()
    batch = ids(4)

    def masked(logits: Tensor, given: Tensor, mask: Tensor) -> Tensor:
        assert (mask.dtype, mask.shape) == (torch.bool, given.shape) and bool(mask.all())
        return F.cross_entropy(logits[:, :-1].flatten(0, 1), given[:, 1:].flatten())

    logits, own = step_of(model, None, None, True, "")(batch)
    all_logits, other = step_of(model, masked, torch.ones(1, 1, dtype=torch.bool), False, "")(batch)
    assert tuple(all_logits.shape) == (4, 5, V) and tuple(logits.shape) == (4, 4, V)
    torch.testing.assert_close(own, other)
    plain = nn.Embedding(V, D)
    through, _ = step_of(plain, None, None, False, "weight")(batch)
    torch.testing.assert_close(through, plain(batch[:, :-1]) @ plain.weight.T)


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        (None, "the loss is a NoneType, expected a tensor of one number"),
        (torch.zeros(3, requires_grad=True), "the loss has the shape (3,) and a gradient: expected one number"),
        (torch.zeros(()), "the loss has the shape () and no gradient"),
    ],
)
def test_what_is_no_loss(loss: Any, message: str) -> None:
    """Protects the student: what is wrong with a loss is said in words, not by a line of ours."""
    model = Bigrams()
    with pytest.raises(TypeError, match=re.escape(message)):
        train(model, lambda batch: (model(batch), loss), ids(4)[None], 1, 0.01, [ids(3)])


def test_a_model_without_parameters() -> None:
    """Protects from a division of nothing: layers in a plain list are no part of a model."""
    with pytest.raises(TypeError, match="the model has no parameters"):
        train(nn.Identity(), lambda batch: (batch, None), ids(4)[None], 1, 0.01, [ids(3)])
