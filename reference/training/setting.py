"""What a recipe trains in: preset, data, folders, and which of its stages are already over."""

import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from .results import Report
from .workshop import Workshop


@dataclass(frozen=True)
class Setting:
    """One run of a homework's recipe.

    Attributes:
        preset: `tiny` ends within minutes on two cores, `handout` trains as the handout says.
        data: a file or folder with the real data; None = generated ones are made.
        out: where everything goes.
        workshop: where models are trained.
        report: what has been reached so far.
        epochs: of the longest training; None = the preset's.
        model: a folder with a pretrained language model, for the homeworks that fine-tune one; None leaves that out.
    """

    preset: str
    data: Path | None
    out: Path
    workshop: Workshop
    report: Report
    epochs: int | None = None
    model: Path | None = None

    @property
    def seed(self) -> int:
        """Everything follows from it."""
        return self.workshop.seed

    def stage(self, name: str, run: Callable[[], Mapping[str, Any]]) -> dict[str, Any]:
        """Run a stage, unless an earlier process has finished it.

        Args:
            name: unique within the recipe.
            run: returns its figures, which go into the report. What later stages need of it lies in files.

        Returns:
            The figures.
        """
        if name not in self.report.stages:
            self.report.stages[name] = dict(run())
            self.report.write()
        return self.report.stages[name]

    def save(self, model: nn.Module, name: str) -> None:
        """Write a model's parameters: `NAME.params`, as homeworks' own code does, and `NAME.safetensors`."""
        from safetensors.torch import save_model

        tensors = {key: value.detach().cpu().contiguous() for key, value in model.state_dict().items()}
        self.replace(f"{name}.params", lambda path: torch.save(tensors, path))
        self.replace(f"{name}.safetensors", lambda path: save_model(model, str(path)))

    def load(self, model: nn.Module, name: str) -> None:
        """Put parameters that `save` has written into a model."""
        model.load_state_dict(self.tensors(name))

    def tensors(self, name: str) -> dict[str, Tensor]:
        """Parameters that `save` has written, on the CPU."""
        found: dict[str, Tensor] = torch.load(self.out / f"{name}.params", map_location="cpu", weights_only=True)
        return found

    def replace(self, name: str, write: Callable[[Path], object]) -> Path:
        """Write a file of the run's folder so that it is there whole or not at all."""
        path = self.out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(f"{path.name}.new")
        write(new)
        os.replace(new, path)
        return path

    def replace_folder(self, name: str, write: Callable[[Path], object]) -> Path:
        """Write a folder of the run's folder, in the place of an older one; it is there whole or not at all."""
        path = self.out / name
        new = path.with_name(f"{path.name}.new")
        for old in (new, path):
            shutil.rmtree(old, ignore_errors=True)
        new.mkdir(parents=True)
        write(new)
        os.replace(new, path)
        return path
