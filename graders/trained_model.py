"""A student's model with the student's parameters, in a worker: what it answers when the judge asks it."""

import math
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from sandbox.client import Remote, Worker
from sandbox.errors import StudentError
from sandbox.text import clean
from sandbox.weights import Weights, load

from .compare import describe
from .trained_table import BirthPlacesTable, ModelTable
from .verdict import CheckFailed

MASK, MASK_ID = "⁇", 1
PAD = "□"
STEPS = 32  # of greedy decoding, as the handout's evaluation takes
_REPLY = 2 << 20  # bytes of float32 logits in one reply; a frame without large arguments holds 4 MiB
_BLOCK = re.compile(r"blocks\.(\d{1,3})\.")


@dataclass
class Answering:
    """A model of birth places that is asked by the judge.

    Attributes:
        module: in eval mode, with the parameters loaded.
        characters: by id: padding, ⁇, then those of the pretraining text.
        block_size: of the model.
    """

    module: Remote
    characters: tuple[str, ...]
    block_size: int
    _numbers: list[int] = field(init=False, repr=False)  # by place in `characters`: the id that the model knows it by
    _own: dict[str, Tensor] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self.restore()

    def restore(self) -> None:
        """Give the characters the numbers that they have in the homework."""
        if self._own:
            self.module.do("load_state_dict", self._own, strict=False)
        self._number(list(range(len(self.characters))))

    def relabel(self, rng: random.Random) -> bool:
        """Give the characters other numbers, in the model's embedding and head (with its bias) as in what it is asked.

        What is computed from the parameters stays what it was. Code that looks its answers up does not know the questions
        any more. Padding and ⁇ keep their numbers, which a model may treat on their own.

        Returns:
            Whether it was done; not where the model has no embedding and head under the usual names, or does not load them
            alone.
        """
        width = len(self.characters)
        try:
            self._own = self._own or self._numbered()
        except StudentError:
            return False
        numbers = list(range(2, width))
        rng.shuffle(numbers)
        self._number([0, MASK_ID, *numbers])
        moved = {name: torch.empty_like(weight) for name, weight in self._own.items()}
        for name, weight in self._own.items():
            moved[name][self._numbers] = weight
        try:
            self.module.do("load_state_dict", moved, strict=False)
            self.module.describe()  # what loading raises is raised now
        except StudentError:  # a load_state_dict of its own that wants everything
            self._own = {}
            self._number(list(range(width)))
            return False
        return True

    def _numbered(self) -> dict[str, Tensor]:
        """The parameters that have a row for each character."""
        width, found = len(self.characters), {}
        for name in ("tok_emb", "head"):
            value = self.module.part(name).get("weight")
            wide = value.shape[1:] if isinstance(value, Tensor) and value.dim() == 2 else (1,)
            what = f"{name}.weight of {self.module.name}"
            found[f"{name}.weight"] = require_numbers(value, what, (width, *wide))
        bias = self.module.part("head").get("bias")
        if bias is not None:
            found["head.bias"] = require_numbers(bias, f"head.bias of {self.module.name}", (width,))
        return found

    def _number(self, numbers: list[int]) -> None:
        self._numbers = numbers
        self._ids = dict(zip(self.characters, numbers, strict=True))
        self._by_number = {number: character for character, number in self._ids.items()}

    def knows(self, prompt: str) -> bool:
        """Whether a prompt can be put to it: a pretraining text of one line has no line break."""
        return all(character in self._ids for character in prompt)

    def answers(self, prompts: Sequence[str], supposed: Sequence[str] | None = None, longest: int = STEPS) -> list[str]:
        """What it puts between the first two ⁇ of its greedy continuation, for prompts that end with the first one.

        Args:
            prompts: what it is asked.
            supposed: what the student says that it answers. An answer that has come to differ is not continued.
            longest: number of characters after which an answer is cut off.

        Raises:
            CheckFailed: its outputs are no logits.
            StudentError, WorkerLost: as of any call.
        """
        found = [""] * len(prompts)
        lengths: dict[int, list[int]] = {}
        for number, prompt in enumerate(prompts):
            lengths.setdefault(len(prompt), []).append(number)
        for length, numbers in sorted(lengths.items()):
            rows = max(1, _REPLY // (4 * len(self.characters) * min(self.block_size, length + STEPS)))
            for start in range(0, len(numbers), rows):
                batch = numbers[start : start + rows]
                lines = None if supposed is None else [supposed[n] for n in batch]
                answers = self._continued([prompts[n] for n in batch], lines, min(longest, STEPS))
                for number, answer in zip(batch, answers, strict=True):
                    found[number] = answer
        return found

    def _continued(self, prompts: Sequence[str], supposed: Sequence[str] | None, steps: int) -> list[str]:
        ids = torch.tensor([[self._ids[character] for character in prompt] for prompt in prompts])  # (B, T)
        answers = [""] * len(prompts)
        going = list(range(len(prompts)))  # by row of `ids`: whose answer it is
        for _ in range(steps):
            following = self._next(ids[:, -self.block_size :]).tolist()
            kept = []
            for row, token in enumerate(following):
                if token == MASK_ID:
                    continue
                answers[going[row]] += self._by_number[token]
                if supposed is None or begins(supposed[going[row]], answers[going[row]]):
                    kept.append(row)
            if not kept:
                break
            tokens = torch.tensor([[following[row]] for row in kept])
            ids, going = torch.cat((ids[kept], tokens), dim=1), [going[row] for row in kept]
        return answers

    def _next(self, ids: Tensor) -> Tensor:
        """The most likely token behind each row."""
        value = self.module(ids)
        logits = value[0] if isinstance(value, (tuple, list)) and value else value
        last_only = isinstance(logits, Tensor) and logits.dim() == 3 and logits.shape[1] == 1
        shape = (len(ids), 1 if last_only else ids.shape[1], len(self.characters))
        return require_numbers(logits, f"The logits of {self.module.name}", shape)[:, -1].argmax(dim=-1)


def same(line: str, answer: str) -> bool:
    """Whether a line of a file is an answer; a line break within it may have become a space."""
    return _in_one_line(answer).rstrip() == line.rstrip()


def begins(line: str, answer: str) -> bool:
    """Whether an answer that is not ended may become a line of a file."""
    return line.rstrip().startswith(_in_one_line(answer)) or same(line, answer)


def _in_one_line(answer: str) -> str:
    return answer.replace("\n", " ").replace("\r", " ")


def require_numbers(value: Any, what: str, shape: tuple[int, ...]) -> Tensor:
    """Require a tensor of a shape that holds floating-point numbers, and return it as float32.

    Raises:
        CheckFailed: it is none, or holds NaN; -inf may occur.
    """
    if not isinstance(value, Tensor) or tuple(value.shape) != shape or not value.is_floating_point():
        raise CheckFailed(
            f"{what}: expected a tensor of floating-point numbers of shape {shape}, got {describe(value)}."
        )
    numbers = value.float()
    if bool(numbers.isnan().any()) or bool((numbers == math.inf).any()):
        raise CheckFailed(f"{what}, with these parameters, hold NaN or infinite values.")
    return numbers


def open_answering(
    worker: Worker, table: BirthPlacesTable, model: ModelTable, path: str, looked: Weights, characters: tuple[str, ...]
) -> Answering:
    """Make the student's GPT, of the sizes that the parameters have, and load them into it.

    Args:
        worker: with the submission opened in it.
        table, model: what the TOML says.
        path: of the parameters.
        looked: what a worker told of them before anything of the submission was imported.
        characters: of the pretraining text.

    Raises:
        CheckFailed: the parameters do not fit the code, or the vocabulary.
        StudentError, WorkerLost: as of any call.
    """
    vocabulary = (PAD, MASK, *characters)
    shapes = {name: shape for name, (_, shape) in looked.tensors.items()}
    embedding = shapes.get("tok_emb.weight", ())
    if len(embedding) == 2 and embedding[0] != len(vocabulary):
        raise CheckFailed(
            f"{model.parameters} knows {embedding[0]} characters (tok_emb.weight is {'×'.join(map(str, embedding))}), "
            f"wiki.txt gives {len(vocabulary)}, with {PAD} and {MASK}. Was it trained with another pretraining text?"
        )
    sizes = _sizes(looked, table)
    block_size = sizes.pop("block_size")
    config = worker.resolve("models", "GPTConfig").construct(
        len(vocabulary), block_size, **sizes, **({"rope": True} if model.rope else {})
    )
    module = worker.resolve("models", "GPT").construct(config.handle)
    load_into(module, path)
    return Answering(module, vocabulary, block_size)


def load_into(module: Remote, path: str) -> list[str]:
    """Load a checkpoint into a module and put it in eval mode; returns notes about the file.

    Raises:
        CheckFailed: it does not fit.
        StudentError, WorkerLost: as of any call.
    """
    loaded = load(module, path)
    if loaded.problems:
        told = " ".join(clean(problem, 400) for problem in loaded.problems[:4])
        raise CheckFailed(f"The parameters do not fit {module.name} in your code: {told}")
    module.do("requires_grad_", False)
    module.do("train", False)
    return list(loaded.notes)


def _rotations(looked: Weights) -> tuple[int, int]:
    """Positions and pairs of features of RoPE's cache, whose axes of length 1 and dtype are open; (0, 0) if it tells none."""
    dtype, shape = looked.tensors.get("blocks.0.attn.rope_cache", ("", ()))
    long = [n for n in shape if n != 1] + ([2] if dtype.startswith("complex") else [])
    return (long[0], long[1]) if len(long) == 3 and long[2] == 2 else (0, 0)


def _sizes(looked: Weights, table: BirthPlacesTable) -> dict[str, int]:
    """The arguments of GPTConfig; what the parameters do not tell is the handout's."""
    shapes = {name: shape for name, (_, shape) in looked.tensors.items()}
    layers = {int(found[1]) for name in shapes if (found := _BLOCK.match(name))}
    embedding, positions = shapes.get("tok_emb.weight", ()), shapes.get("pos_emb", ())
    n_rotated, pairs = _rotations(looked)
    width = embedding[1] if len(embedding) == 2 and embedding[1] else 256
    by_position = positions[1] if len(positions) == 3 else 0
    return {
        "block_size": by_position or n_rotated or table.block_size,
        "n_layer": max(layers) + 1 if layers else 4,
        "n_head": width // (2 * pairs) if pairs and width % (2 * pairs) == 0 else table.n_head,
        "n_embd": width,
    }


def construct(worker: Worker, name: str, modules: Sequence[str], arguments: dict[str, int]) -> Remote:
    """Make a model of a class of the student's, from one of some files, or else from the notebook."""
    return _class_of(worker, name, modules).construct(**arguments)


def _class_of(worker: Worker, name: str, modules: Sequence[str]) -> Remote:
    for module in modules:
        try:
            return worker.resolve(module, name)
        except StudentError as error:
            if error.kind != "missing_module":
                raise
    return worker.define([name])[name]
