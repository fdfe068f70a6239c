"""`generate` and `nucleus_sampling_generate` of the notebook: questions 4 and E1.

Open are the names and the order of the arguments, where the temperature and p come from, how the model and the tokenizer
are called, and whether a text or ids come back, or nothing and a text is printed.
"""

import functools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from graders.by_name import Argument, arranged
from graders.compare import describe
from graders.tasks import TextModelSpec
from graders.text_sampling import best_chain, spec_of_a_chain
from graders.verdict import CheckFailed
from sandbox.client import Remote, Worker
from sandbox.errors import StudentError
from sandbox.text_model import END, WORDS, words_in
from sandbox.wire import Handle

_TAU = re.compile(r"temp|^tau$|^t$|^τ$", re.IGNORECASE)
_P = re.compile(r"^p$|top_?p|nucleus|^p_|_p$|threshold|prob", re.IGNORECASE)
_DEVICE = re.compile(r"^dev", re.IGNORECASE)
# names of the notebook's that a function may read in the place of an argument
_GLOBAL_TAU = ("temperature", "TEMPERATURE", "Temperature", "temp", "TEMP", "tau", "TAU")
_GLOBAL_P = ("p", "P", "top_p", "TOP_P", "nucleus_p", "NUCLEUS_P", "p_nucleus")
_GLOBAL_LENGTH = ("context_len", "CONTEXT_LEN", "context_length", "CONTEXT_LENGTH", "block_size", "BLOCK_SIZE",
                  "max_len", "MAX_LEN", "max_length", "MAX_LENGTH", "seq_len", "SEQ_LEN")  # fmt: skip


@dataclass
class NotebookSampling:
    """`generate(model, tokenizer, start_text, max_new_tokens, device)`, with or without further arguments."""

    function: Remote
    tokenizer: Handle
    device: Handle
    notes: list[str] = field(default_factory=list)

    @property
    def takes_tau(self) -> bool:
        return bool(self._argument(_TAU)) or bool(self._globals(_GLOBAL_TAU))

    @property
    def takes_p(self) -> bool:
        return bool(self._argument(_P)) or bool(self._globals(_GLOBAL_P))

    def __call__(
        self, model: TextModelSpec, start: Sequence[int], n_new_tokens: int, tau: float = 1.0, p: float = 0.9
    ) -> list[int]:
        return self._continued(model, start, n_new_tokens, tau, p, self._as_tuple)

    @functools.cached_property
    def _as_tuple(self) -> bool:
        """Whether the model must return a tuple: found on texts whose continuation is certain."""
        start = [0, 3]
        model = spec_of_a_chain(start, 3, 1)
        expected = best_chain(model, start, 3)
        errors: list[StudentError] = []
        running: list[bool] = []
        for as_tuple in (False, True):
            try:
                if self._continued(model, start, 3, 1.0, 0.9, as_tuple) == expected:
                    return as_tuple
                running.append(as_tuple)
            except CheckFailed:
                running.append(as_tuple)
            except StudentError as error:
                errors.append(error)
        if not running:
            raise errors[0]
        return running[0]

    def _continued(
        self, model: TextModelSpec, start: Sequence[int], n_new_tokens: int, tau: float, p: float, as_tuple: bool
    ) -> list[int]:
        worker = self.function.worker
        made = worker.make(
            "text_model", rows=model.rows, seed=model.seed, max_tokens=model.max_tokens, as_tuple=as_tuple
        )
        arguments = [
            Argument("model", made, ("lm", "net", "language_model", "gpt")),
            Argument("tokenizer", self.tokenizer, ("tok", "tokeniser", "enc")),
            Argument(
                "start_text", " ".join(WORDS[i] for i in start), ("prompt", "text", "prefix", "start", "start_string")
            ),
            Argument(
                "max_new_tokens", n_new_tokens, ("max_tokens", "num_tokens", "n_tokens", "n_new_tokens", "max_len")
            ),
        ]
        others = [
            name
            for name, _, has_default in self._parameters
            if not (_TAU.search(name) or _P.search(name) or has_default)
        ]
        if self._argument(_DEVICE) or len(others) > len(arguments):
            arguments.append(Argument(self._argument(_DEVICE) or "device", self.device))
        for pattern, names, value in ((_TAU, _GLOBAL_TAU, tau), (_P, _GLOBAL_P, p)):
            if name := self._argument(pattern):
                arguments.append(Argument(name, value))
            else:
                for known in self._globals(names):
                    self._space.do("update", {known: value})
        if model.max_tokens < TextModelSpec().max_tokens:
            for known in self._globals(_GLOBAL_LENGTH):
                self._space.do("update", {known: model.max_tokens})
        positional, named = arranged(self.function, arguments, "the notebook")
        call = Remote(worker, worker.make("call_and_read"), self.function.name)
        reply = call(self.function.handle, positional, named)
        if not isinstance(reply, tuple) or len(reply) != 2 or type(reply[1]) is not str:
            worker.refuse("a value and what was printed")
        return self._read(*reply, list(start), n_new_tokens)

    def _read(self, value: Any, printed: str, start: list[int], n_new_tokens: int) -> list[int]:
        """The new tokens, of a text or ids with or without the start, or of what was printed."""
        found = [[i for i in ids if i != END] for ids in (*_readings(value), *_readings_of_print(printed))]
        whole = [ids[len(start) :] for ids in found if ids[: len(start)] == start]
        for ids in (*whole, *found):
            if len(ids) == n_new_tokens and all(0 <= i < len(WORDS) for i in ids):
                return ids
        what = describe(value) if not isinstance(value, str) else "a text"
        told = f" It was read as {_text(found[0])}." if found and found[0] else ""
        count = "1 token" if n_new_tokens == 1 else f"{n_new_tokens} tokens"
        raise CheckFailed(
            f"{self.function.name} was to continue {_text(start)} by {count}. Expected: the text or the ids of the start and "
            f"of what is new, or of what is new alone, returned or printed. It returned "
            f"{what}.{told}"
        )

    @functools.cached_property
    def _parameters(self) -> list[list[Any]]:
        found = self.function.describe()["parameters"] or []
        return [parameter for parameter in found if not parameter[1].startswith("VAR_")]

    def _argument(self, pattern: re.Pattern[str]) -> str:
        return next((str(name) for name, *_ in self._parameters if pattern.search(name)), "")

    @functools.cached_property
    def _space(self) -> Remote:
        """The names that the function reads; those of what a decorator has wrapped."""
        for path in ("__wrapped__.__globals__", "__globals__"):
            try:
                found = self.function.part(path)
                found.method("__len__")
                return found
            except StudentError:
                continue
        raise CheckFailed(f"the notebook: {self.function.name} must be a function.")

    def _globals(self, names: Sequence[str]) -> list[str]:
        """Which of these names stand for a number in the notebook."""
        return [name for name in names if name in self._numbers]

    @functools.cached_property
    def _numbers(self) -> frozenset[str]:
        names = (*_GLOBAL_TAU, *_GLOBAL_P, *_GLOBAL_LENGTH)
        values = self._space.call_many([[name] for name in names], "get")
        return frozenset(name for name, value in zip(names, values, strict=True) if type(value) in (int, float))


def _readings(value: Any) -> Iterator[list[int]]:
    """The ids that a returned value can stand for."""
    if isinstance(value, str):
        yield words_in(value)
    elif (
        isinstance(value, Tensor)
        and not value.is_floating_point()
        and not value.is_complex()
        and value.numel() < 10_000
    ):
        if value.dim() == 1 or (value.dim() == 2 and value.shape[0] == 1):
            yield [int(i) for i in value.flatten().tolist()]
    elif isinstance(value, (list, tuple)):
        if value and all(type(item) is int for item in value):
            yield list(value)
        elif value and all(isinstance(item, str) for item in value):
            yield words_in(" ".join(value))
        if len(value) <= 4:
            for item in value:
                if isinstance(item, (str, Tensor, list)):
                    yield from _readings(item)


def _readings_of_print(printed: str) -> Iterator[list[int]]:
    """The ids that a printed text can stand for: its last line that holds any, or the whole."""
    lines = [ids for ids in map(words_in, printed.split("\n")) if ids]
    yield from reversed(lines[-3:])
    if lines:
        yield [i for ids in lines for i in ids]


def _text(ids: Sequence[int]) -> str:
    words = [WORDS[i] if 0 <= i < len(WORDS) else str(i) for i in ids]
    return "“" + " ".join(words[:12]) + (" …" if len(words) > 12 else "") + "”"


def open_generate(worker: Worker) -> NotebookSampling:
    """`generate`, for question 4."""
    return _opened(worker, "generate")


def open_nucleus(worker: Worker) -> NotebookSampling:
    """`nucleus_sampling_generate`, for question E1."""
    return _opened(worker, "nucleus_sampling_generate")


def _opened(worker: Worker, name: str) -> NotebookSampling:
    tokenizer, device = worker.make("text_tokenizer"), worker.make("device")
    given = {"tokenizer": tokenizer, "device": device, "DEVICE": device}
    function = worker.define([name], constants=given, among=["generate", "Transformer"])[name]
    if function.describe()["callable"] is not True:
        raise CheckFailed(f"the notebook: {name} must be a function.")
    return NotebookSampling(function, tokenizer, device)
