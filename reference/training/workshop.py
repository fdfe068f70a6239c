"""Training that can be killed at any moment: it goes on from where it was, and the result is the same.

What a step does follows from the seed, the training's name and the step's number alone: its batch, and the random states
that dropout draws from. So nothing but the parameters, the optimizer's state and the losses so far has to be kept.
"""

import hashlib
import os
import random
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor, nn

SECONDS_BETWEEN_SAVES = 15.0
N_SHOWN_LOSSES = 400  # points of a curve in the report


def derive(origin: int, purpose: str) -> int:
    """An independent seed of 31 bits, from a seed and a purpose."""
    return int.from_bytes(hashlib.sha256(f"{origin}:{purpose}".encode()).digest()[:4], "big") >> 1


def seed_all(seed: int) -> None:
    """Set every random state that a homework's code draws from."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


@dataclass(frozen=True)
class Training:
    """One training run.

    Attributes:
        name: unique within a homework; a file's name.
        model: trained in place.
        n_steps: number of batches.
        batch: makes the tensors of a step, by its number. It may draw from the global random states.
        loss: of the model on a batch: a mean in nats, ().
        learning_rate: of a step.
        groups: parameter groups of AdamW; None = all parameters alike.
        weight_decay: of AdamW, for groups that do not have their own.
        betas: of AdamW.
        clip: the longest gradient, all parameters taken together; None does not shorten it.
    """

    name: str
    model: nn.Module
    n_steps: int
    batch: Callable[[int], Sequence[Tensor]]
    loss: Callable[..., Tensor]
    learning_rate: Callable[[int], float]
    groups: list[dict[str, Any]] | None = None
    weight_decay: float = 0.0
    betas: tuple[float, float] = (0.9, 0.95)
    clip: float | None = 1.0


@dataclass(frozen=True)
class Curve:
    """What a training has come to.

    Attributes:
        losses: of every step, in nats.
        seconds: time spent on the steps, all processes together.
    """

    losses: tuple[float, ...]
    seconds: float

    def figures(self) -> dict[str, Any]:
        """The curve for a report: at most `N_SHOWN_LOSSES` means of neighbouring steps, each with its last step's number."""
        stride = max(1, -(-len(self.losses) // N_SHOWN_LOSSES))
        points = []
        for start in range(0, len(self.losses), stride):
            part = self.losses[start : start + stride]
            points.append([start + len(part), round(sum(part) / len(part), 5)])
        last = self.losses[-max(1, len(self.losses) // 20) :]
        return {
            "steps": len(self.losses),
            "seconds": round(self.seconds, 1),
            "first loss": round(self.losses[0], 4) if self.losses else None,
            "last loss": round(sum(last) / len(last), 4) if last else None,
            "curve": points,
        }


@dataclass
class Workshop:
    """Where models are trained: a device, a seed, and a folder for what is half done.

    Attributes:
        folder: of the saved states; made if it is not there.
        device: where models live.
        seed: everything follows from it.
        console: where the bars are drawn.
        seconds_between_saves: a killed training loses this much at most.
    """

    folder: Path
    device: torch.device
    seed: int
    console: Console = field(default_factory=Console)
    seconds_between_saves: float = SECONDS_BETWEEN_SAVES

    def derived(self, purpose: str) -> int:
        """A seed for a purpose."""
        return derive(self.seed, purpose)

    def precision(self) -> AbstractContextManager[Any]:
        """The context of a forward pass: bfloat16 where a GPU has it, as it is elsewhere."""
        if self.device.type == "cuda" and torch.cuda.is_bf16_supported():
            return torch.autocast("cuda", dtype=torch.bfloat16)
        return nullcontext()

    def train(self, training: Training) -> Curve:
        """Train a model to the end, from the last saved state if there is one.

        Raises:
            ValueError: the saved state does not fit; the message names the file.
            FloatingPointError: a loss is not finite.
        """
        model = training.model.to(self.device)
        optimizer = torch.optim.AdamW(
            training.groups or [{"params": list(model.parameters())}],
            lr=training.learning_rate(0),
            betas=training.betas,
            weight_decay=training.weight_decay,
            fused=self.device.type == "cuda",
        )
        path = self.folder / f"{training.name}.state"
        losses, seconds = self._resume(path, training, optimizer)
        run = torch.compile(model) if self.device.type == "cuda" and os.name == "posix" else model
        started = saved = time.monotonic()
        with self._bar() as bar:
            task = bar.add_task(training.name, total=training.n_steps, completed=len(losses), loss="", rate="")
            for step in range(len(losses), training.n_steps):
                losses.append(self._step(training, run, optimizer, step))
                now = time.monotonic()
                rate = f"{bar.tasks[task].speed or 0.0:.1f} steps/s"
                bar.update(task, completed=len(losses), loss=f"loss {losses[-1]:.3f}", rate=rate)
                if now - saved > self.seconds_between_saves and len(losses) < training.n_steps:
                    self._save(path, training, optimizer, losses, seconds + now - started)
                    saved = time.monotonic()
        seconds += time.monotonic() - started
        self._save(path, training, optimizer, losses, seconds)
        return Curve(tuple(losses), seconds)

    def forget(self, names: Sequence[str]) -> None:
        """Remove the saved states of trainings that are over."""
        for name in names:
            (self.folder / f"{name}.state").unlink(missing_ok=True)

    def _step(self, training: Training, model: Any, optimizer: torch.optim.Optimizer, step: int) -> float:
        seed_all(self.derived(f"{training.name}, step {step}"))
        batch = [tensor.to(self.device, non_blocking=True) for tensor in training.batch(step)]
        for group in optimizer.param_groups:
            group["lr"] = training.learning_rate(step)
        model.train()
        with self.precision():
            loss = training.loss(model, *batch)
        nats = float(loss.detach())
        if not np.isfinite(nats):
            raise FloatingPointError(
                f"{training.name}: the loss of step {step} is {nats}; a lower learning rate may help"
            )
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        if training.clip is not None:
            nn.utils.clip_grad_norm_(training.model.parameters(), training.clip)
        optimizer.step()
        return nats

    def _resume(self, path: Path, training: Training, optimizer: torch.optim.Optimizer) -> tuple[list[float], float]:
        """Put a saved state in place; without one, nothing is changed. Returns the losses so far and the seconds spent."""
        if not path.exists():
            return [], 0.0
        try:
            state: Mapping[str, Any] = torch.load(path, map_location=self.device, weights_only=True)
            n_steps = state["n_steps"]
        except Exception:  # whatever torch raises on a file of another kind
            raise ValueError(f"{path} is damaged; remove it to start this training again") from None
        if n_steps != training.n_steps:
            raise ValueError(
                f"{path} is of a training of {n_steps} steps, this one has {training.n_steps}; remove it to start again"
            )
        try:
            training.model.load_state_dict(state["model"])
            optimizer.load_state_dict(state["optimizer"])
        except Exception as error:  # whatever torch raises on a file of another kind
            raise ValueError(
                f"{path} cannot be continued from ({error}); remove it to start this training again"
            ) from None
        return list(state["losses"]), float(state["seconds"])

    def _save(
        self, path: Path, training: Training, optimizer: torch.optim.Optimizer, losses: list[float], seconds: float
    ) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        state = {
            "n_steps": training.n_steps,
            "model": training.model.state_dict(),
            "optimizer": optimizer.state_dict(),
            "losses": losses,
            "seconds": seconds,
        }
        new = path.with_name(f"{path.name}.new")
        with open(new, "wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, path)

    def _bar(self) -> Progress:
        return Progress(
            TextColumn("{task.description:<28}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TextColumn("{task.fields[loss]}"),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(compact=True),
            console=self.console,
            refresh_per_second=4,
        )


def epochs_of(n_items: int, batch_size: int, seed: int) -> Callable[[int], list[int]]:
    """Deal out items, batch after batch: each epoch goes through all of them in a new random order.

    Args:
        n_items: number of items.
        batch_size: items in a batch; the last batch of an epoch may be smaller.
        seed: of the orders.

    Returns:
        A function of a step's number: the items' numbers.
    """
    n_batches = -(-n_items // batch_size)

    @lru_cache(maxsize=1)
    def order_of(epoch: int) -> list[int]:
        order = list(range(n_items))
        random.Random(f"{seed}, epoch {epoch}").shuffle(order)
        return order

    def items(step: int) -> list[int]:
        epoch, place = divmod(step, n_batches)
        return order_of(epoch)[place * batch_size : (place + 1) * batch_size]

    return items


def cosine(highest: float, warmup: int, n_steps: int, lowest: float = 0.1) -> Callable[[int], float]:
    """A learning rate that rises for `warmup` steps and falls along half a cosine wave, to `lowest` of the highest."""

    def rate(step: int) -> float:
        if step < warmup:
            return highest * (step + 1) / warmup
        progress = min(1.0, (step - warmup) / max(1, n_steps - warmup))
        return highest * (lowest + (1 - lowest) * 0.5 * (1 + float(np.cos(np.pi * progress))))

    return rate
