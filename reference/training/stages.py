"""Stages that most recipes have: train a model, measure it, keep it; let it write with random states of its own."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from torch import nn

from .setting import Setting
from .workshop import Training, seed_all

M = TypeVar("M")


def trained(setting: Setting, training: Training, measure: Callable[[], Mapping[str, Any]]) -> dict[str, Any]:
    """Train, save and measure a model, in a stage that is called as the training is.

    Where an earlier process has finished the stage, the model gets the parameters that were saved. Either way it is
    trained afterwards, in eval mode and on the workshop's device.

    Args:
        setting: the run.
        training: of the model; its name becomes the stage's and the files'.
        measure: what the trained model reaches; these figures go into the report beside the loss curve.

    Returns:
        The figures.
    """

    def run() -> dict[str, Any]:
        curve = setting.workshop.train(training)
        training.model.eval()
        setting.save(training.model, training.name)
        return {**curve.figures(), "parameters": count_parameters(training.model), **measure()}

    if training.name in setting.report.stages:
        training.model.to(setting.workshop.device)
        setting.load(training.model, training.name)
    figures = setting.stage(training.name, run)
    setting.workshop.forget([training.name])
    training.model.eval()
    return figures


def made(setting: Setting, name: str, make: Callable[[], M]) -> M:
    """Make a model whose first parameters follow from the seed and its name."""
    seed_all(setting.workshop.derived(f"{name}, parameters"))
    return make()


def count_parameters(model: nn.Module) -> int:
    """Count the numbers that are trained; shared ones count once."""
    return sum(parameter.numel() for parameter in model.parameters())


@contextmanager
def drawing(setting: Setting, purpose: str) -> Iterator[None]:
    """Give code that draws from torch's global random state one that follows from the seed and a purpose."""
    with torch.random.fork_rng():
        torch.manual_seed(setting.workshop.derived(purpose))
        yield


def keep_text(setting: Setting, name: str, text: str) -> None:
    """Write a text of a model into the run's folder, under `samples`."""
    setting.replace(f"samples/{name}.txt", lambda path: path.write_text(text, encoding="utf-8"))
