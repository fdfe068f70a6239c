"""What takes the places of files that CMU's starter gives, while a student's commands are run as programs.

This text is put beside the student's files and runs there, in the student's process: it knows no answer, and what it writes
down is told by that process. The judge imports it for its text alone, and for `answer_of`, which both sides compute.

The model is small, training stops after one step, answers come without a model's computing, and parts that are graded in
another question and do not run are replaced: a mistake costs once.
"""

import hashlib
import json
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

EVENTS = "what_was_run.jsonl"
LONDON = "London"
_N_EXAMPLES = 2
_SMALLER = {"n_layer": 1, "n_embd": 64}
_LETTERS = "abcdefghijklmnop"  # one for each hexadecimal digit


def answer_of(digest: str, ids: list[int]) -> str:
    """What a model answers: London, or a word that only these parameters give to this question.

    Args:
        digest: SHA-256 of the bytes of one of the model's tensors.
        ids: of the question. Padding, ⁇ and newlines (0, 1 and 2) do not count.
    """
    told = hashlib.sha256(f"{digest} {[id for id in ids if id > 2]}".encode()).hexdigest()
    return LONDON if told[0] in "01234567" else "".join(_LETTERS[int(digit, 16)] for digit in told[:8])


def digest_of(model: nn.Module) -> str:
    """The SHA-256 of the bytes of a model's largest parameter; of several the first."""
    parameter = max(model.parameters(), key=lambda p: p.numel())
    return hashlib.sha256(
        parameter.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes()
    ).hexdigest()


def note(**facts: Any) -> None:
    """Write down what happens."""
    with open(EVENTS, "a", encoding="utf-8") as file:
        file.write(json.dumps(facts) + "\n")


def trainer(names: dict[str, Any], moves: bool) -> None:
    """Take the place of trainer.py: its Trainer takes one step on a few examples, and notes how it was to be done.

    Args:
        names: the module's.
        moves: whether the step changes the parameters.
    """

    class TrainerConfig:
        """Takes what the starter's takes, and anything else."""

        def __init__(self, **given: Any) -> None:
            self.max_epochs, self.batch_size, self.learning_rate = 10, 64, 3e-4
            self.betas, self.grad_norm_clip, self.weight_decay = (0.9, 0.95), 1.0, 0.1
            self.lr_decay, self.warmup_tokens, self.final_tokens = False, 375e6, 260e9
            self.ckpt_path, self.num_workers, self.writer = None, 0, None
            self.__dict__.update(given)

    class Trainer:
        """A step of the learning rate's size along the signs of the gradient, as Adam's first is."""

        def __init__(self, model: Any, train_dataset: Any, test_dataset: Any = None, config: Any = None) -> None:
            self.model, self.train_dataset, self.test_dataset, self.config = model, train_dataset, test_dataset, config
            self.device, self.tokens = "cpu", 0
            note(event="made")

        def train(self, *args: Any, **kwargs: Any) -> None:
            config = vars(self.config) if self.config is not None else {}
            plain = {name: value for name, value in config.items() if type(value) in (int, float, bool)}
            note(event="trained", config=plain, data=type(self.train_dataset).__name__, n=len(self.train_dataset))
            self.model.train()
            pairs = [self.train_dataset[i] for i in range(min(_N_EXAMPLES, len(self.train_dataset)))]
            x, y = (torch.stack([pair[i] for pair in pairs]) for i in (0, 1))
            loss = self.model(x, y)[1].mean()
            loss.backward()
            for parameter in self.model.parameters():
                if moves and parameter.grad is not None:
                    # large enough to be seen, whatever the schedule
                    parameter.data.sub_(1e-3 * parameter.grad.sign())
                parameter.grad = None
            self.save_checkpoint()

        def save_checkpoint(self, *args: Any, **kwargs: Any) -> None:
            if getattr(self.config, "ckpt_path", None) is not None:
                torch.save(self.model.state_dict(), self.config.ckpt_path)

    names.update(Trainer=Trainer, TrainerConfig=TrainerConfig)


def utils(names: dict[str, Any], vocabulary: str) -> None:
    """Take the place of `sample` in utils.py: it notes the prompts, and answers what `answer_of` says.

    Args:
        names: the module's.
        vocabulary: all characters, each at the place of its id.
    """

    def sample(model: Any, x: Tensor, steps: int, *args: Any, **kwargs: Any) -> Tensor:
        model.eval()
        digest = digest_of(model)
        rows = []
        for row in x:
            ids = row.tolist()
            note(event="asked", ids=ids)
            answer = [vocabulary.index(letter) for letter in answer_of(digest, ids)] + [1]
            rows.append(ids + (answer + [0] * steps)[:steps])
        return torch.tensor(rows, dtype=torch.long, device=x.device)

    names["sample"] = sample


def models(names: dict[str, Any]) -> None:
    """Take the place of GPTConfig in models.py: it notes the sizes that it is given, and asks for smaller ones."""
    own: Any = names["GPTConfig"]

    class GPTConfig(own):  # type: ignore[misc]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            note(
                event="sized",
                **{name: getattr(self, name, None) for name in ("n_layer", "n_head", "n_embd", "block_size")},
            )
            for name, size in _SMALLER.items():
                if getattr(self, name, 0) > size:
                    setattr(self, name, size)

    names["GPTConfig"] = GPTConfig


def attention(names: dict[str, Any]) -> None:
    """Keep attention.py's class where it runs, and put another in its place where it does not: one for each variant."""
    own = names.get("CausalSelfAttention")

    def fitting(config: Any) -> nn.Module:
        made: nn.Module = _sound(own, bool(getattr(config, "rope", False)))(config)
        return made

    names["CausalSelfAttention"] = fitting


def _sound(own: Any, rope: bool) -> Any:
    """A class of attention that runs: the student's own, its output alone if it returns more, or another."""
    sizes = {"n_embd": 16, "n_head": 2, "block_size": 8, "attn_pdrop": 0.0, "resid_pdrop": 0.0, "embd_pdrop": 0.0}
    config = SimpleNamespace(**sizes, rope=rope, vocab_size=20, n_layer=1, bottleneck_dim=None)
    state = torch.get_rng_state()
    try:
        value = own(config)(torch.randn(2, 5, 16))
        output = value[0] if isinstance(value, tuple) else value
        if tuple(output.shape) == (2, 5, 16) and bool(output.isfinite().all()):
            return _first_output(own) if isinstance(value, tuple) else own
    except Exception:  # whatever it is, its own question says so
        pass
    finally:
        torch.set_rng_state(state)
    return _Averages


def _first_output(own: Any) -> Any:
    class FirstOutput(own):  # type: ignore[misc]
        def forward(self, *args: Any, **kwargs: Any) -> Any:
            return super().forward(*args, **kwargs)[0]

    return FirstOutput


class _Averages(nn.Module):
    """In the place of attention: each token gets the mean of what those before it give."""

    def __init__(self, config: Any) -> None:
        super().__init__()
        self.qkv = nn.Linear(config.n_embd, 3 * config.n_embd)
        self.proj = nn.Linear(config.n_embd, config.n_embd)
        if getattr(config, "rope", False):
            self.register_buffer("rope_cache", torch.zeros(config.block_size, 1, 2))

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, T, n_embd) to the same shape."""
        values = self.qkv(x)[..., : x.shape[-1]].cumsum(1) / torch.arange(1, x.shape[1] + 1)[:, None]
        mapped: Tensor = self.proj(values)
        return mapped


def dataset(names: dict[str, Any]) -> None:
    """Keep what dataset.py's CharCorruptionDataset gives, and give something else where it gives no pair of ids."""
    own: Any = names["CharCorruptionDataset"]

    class CharCorruptionDataset(own):  # type: ignore[misc]
        def __getitem__(self, idx: int) -> Any:
            try:
                x, y = super().__getitem__(idx)
                ok = all(v.dtype is torch.int64 and v.dim() == 1 and 0 < len(v) <= self.block_size for v in (x, y))
                if ok and len(x) == len(y):
                    length = self.block_size
                    return tuple(torch.cat((v, v.new_zeros(length - len(v)))) for v in (x, y))
            except Exception:  # its own question says so
                pass
            ids = [self.stoi[letter] for letter in self.data[idx]][: self.block_size + 1]
            ids += [0] * (self.block_size + 1 - len(ids))
            return torch.tensor(ids[:-1]), torch.tensor(ids[1:])

    names["CharCorruptionDataset"] = CharCorruptionDataset
