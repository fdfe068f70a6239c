"""The training loop: AdamW with clipped gradients, and a learning rate that follows the number of tokens seen.

Source of the recipe: Brown et al. 2020, "Language Models are Few-Shot Learners" (GPT-3), appendix B.

Letters: B sequences in a batch, T tokens in each.
"""

import math
from dataclasses import dataclass
from typing import Any

import torch
from models import GPT
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm


@dataclass
class TrainerConfig:
    """What a training run may choose.

    Attributes:
        max_epochs: how often to go through the data.
        batch_size: B; the last batch of an epoch may be smaller.
        learning_rate: the highest one, of AdamW.
        betas: of AdamW.
        grad_norm_clip: the longest gradient, all parameters taken together; a longer one is shortened to this.
        weight_decay: of AdamW, for the weights of linear layers.
        lr_decay: let the learning rate rise and fall (see `learning_rate_factor`); otherwise it is constant.
        warmup_tokens: number of tokens after which the learning rate has risen to its height.
        final_tokens: number of tokens after which it stays at its lowest. Tokens are counted with their padding.
        ckpt_path: where to save the parameters after each epoch; with a test set, after each one that lowers its loss.
            None saves nothing.
        num_workers: processes that prepare batches; 0 prepares them in this one.
        writer: takes the loss and the learning rate of each step by `add_scalar(name, value, step)`, as tensorboard's
            SummaryWriter does.
    """

    max_epochs: int = 10
    batch_size: int = 64
    learning_rate: float = 3e-4
    betas: tuple[float, float] = (0.9, 0.95)
    grad_norm_clip: float = 1.0
    weight_decay: float = 0.1
    lr_decay: bool = False
    warmup_tokens: int = 0
    final_tokens: int = 0
    ckpt_path: str | None = None
    num_workers: int = 0
    writer: Any = None


def learning_rate_factor(tokens: int, warmup_tokens: int, final_tokens: int) -> float:
    """Say what share of the highest learning rate applies after so many tokens.

    It rises from 0 in a straight line to 1 at `warmup_tokens`, falls along half a cosine wave that would reach 0 at
    `final_tokens`, and never falls below a tenth.
    """
    if tokens < warmup_tokens:
        return tokens / warmup_tokens
    progress = (tokens - warmup_tokens) / max(1, final_tokens - warmup_tokens)
    return max(0.1, 0.5 * (1 + math.cos(math.pi * min(1.0, progress))))


def decay_groups(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Sort parameters for AdamW: weights of linear layers decay; biases, embeddings and LayerNorm's gains do not."""
    decayed = {id(module.weight) for module in model.modules() if isinstance(module, nn.Linear)}
    parameters = list(model.parameters())
    return [
        {"params": [p for p in parameters if id(p) in decayed], "weight_decay": weight_decay},
        {"params": [p for p in parameters if id(p) not in decayed], "weight_decay": 0.0},
    ]


class Trainer:
    """Trains a model on its own device.

    Args:
        model: takes (B, T) ids and (B, T) targets, and returns logits and the mean loss.
        train_dataset: pairs x, y, int64 of shape (T,).
        test_dataset: likewise, to measure the loss after each epoch; or None.
        config: see `TrainerConfig`.

    Attributes:
        tokens: number of tokens seen.
        steps: number of batches seen.

    Raises:
        ValueError: the learning rate is to fall, but `final_tokens` is not after `warmup_tokens`.
    """

    def __init__(
        self,
        model: GPT,
        train_dataset: Dataset[tuple[Tensor, Tensor]],
        test_dataset: Dataset[tuple[Tensor, Tensor]] | None,
        config: TrainerConfig,
    ) -> None:
        if config.lr_decay and config.final_tokens <= config.warmup_tokens:
            raise ValueError(
                f"final_tokens must be greater than warmup_tokens, got {config.final_tokens} and {config.warmup_tokens}"
            )
        self.model = model
        self.train_dataset = train_dataset
        self.test_dataset = test_dataset
        self.config = config
        self.device = next(model.parameters()).device
        groups = decay_groups(model, config.weight_decay)
        self.optimizer = torch.optim.AdamW(groups, lr=config.learning_rate, betas=config.betas)
        self.tokens = 0
        self.steps = 0

    def train(self) -> None:
        """Go through the training data `max_epochs` times, in a new order each time."""
        best = math.inf
        for epoch in range(1, self.config.max_epochs + 1):
            self._train_epoch(epoch)
            test_loss = None if self.test_dataset is None else self.test_loss()
            if test_loss is not None:
                self._log("test/loss", test_loss)
                print(f"epoch {epoch}: test loss {test_loss:.5f}")
            if test_loss is None or test_loss < best:
                best = math.inf if test_loss is None else test_loss
                self.save_checkpoint()

    def save_checkpoint(self) -> None:
        """Save the parameters to `ckpt_path`, if there is one."""
        if self.config.ckpt_path is not None:
            torch.save(self.model.state_dict(), self.config.ckpt_path)

    @torch.no_grad()
    def test_loss(self) -> float:
        """Measure the mean loss of the test set's batches, in nats. The model is put in eval mode."""
        assert self.test_dataset is not None
        self.model.eval()
        losses = [self._loss(x, y).item() for x, y in self._loader(self.test_dataset, shuffle=False)]
        return sum(losses) / len(losses)

    def _train_epoch(self, epoch: int) -> None:
        self.model.train()
        bar = tqdm(self._loader(self.train_dataset, shuffle=True), desc=f"epoch {epoch} of {self.config.max_epochs}")
        for x, y in bar:
            loss = self._loss(x, y)
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(self.model.parameters(), self.config.grad_norm_clip)
            self.tokens += y.numel()
            self.steps += 1
            lr = self._set_learning_rate()
            self.optimizer.step()
            nats = loss.item()
            self._log("train/loss", nats)
            self._log("train/lr", lr)
            bar.set_postfix(loss=f"{nats:.5f}", lr=f"{lr:.2e}")

    def _loader(self, dataset: Dataset[tuple[Tensor, Tensor]], shuffle: bool) -> DataLoader[tuple[Tensor, Tensor]]:
        return DataLoader(
            dataset,
            batch_size=self.config.batch_size,
            shuffle=shuffle,
            num_workers=self.config.num_workers,
            pin_memory=self.device.type == "cuda",
        )

    def _loss(self, x: Tensor, y: Tensor) -> Tensor:
        _, loss = self.model(x.to(self.device), y.to(self.device))  # x, y: (B, T)
        return loss

    def _set_learning_rate(self) -> float:
        lr = self.config.learning_rate
        if self.config.lr_decay:
            lr *= learning_rate_factor(self.tokens, self.config.warmup_tokens, self.config.final_tokens)
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        return lr

    def _log(self, name: str, value: float) -> None:
        if self.config.writer is not None:
            self.config.writer.add_scalar(name, value, self.steps)
