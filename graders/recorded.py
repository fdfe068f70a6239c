"""Recorded cases and expected values: the oracle of the students' kit, which has no answer key.

When a kit is made (`gradescope/kit.py`), each check runs on the solution; its cases are kept, and each question that an
oracle is asked, with the answer. In the kit the same cases are tried, and the modules of `oracles` look the answers up. A
question is found again by everything in it but the last digits of floating-point numbers, which differ between machines. To
a question that was never asked there is no answer: then the check is not judged, and never wrongly.
"""

import dataclasses
import functools
import hashlib
import inspect
import json
import math
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import numpy as np
import torch
from torch import Tensor

from .packing import Packer, PackingError, Unpacker
from .verdict import CannotJudge, Reason

if TYPE_CHECKING:
    from .check import Check

FOLDER = Path(__file__).parent / "record"
NEAR = 1e-5  # questions whose numbers are so near, relative to their norm, are the same question
P = ParamSpec("P")
R = TypeVar("R")
Question = dict[str, Any]  # an oracle's arguments by name


def _no_others(question: Question) -> Iterable[Question]:
    return ()


def oracle(
    *, also: Callable[[Question], Iterable[Question]] = _no_others
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Mark a function that says what is right, so that its answers can be recorded.

    Args:
        also: what other right submissions would ask in the place of a question: their answers are recorded, too.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        name = f"{function.__module__.rpartition('.')[2]}.{function.__name__}"
        signature = inspect.signature(function)

        @functools.wraps(function)
        def asked(*args: P.args, **kwargs: P.kwargs) -> R:
            recorder = _recorder
            if recorder is None or not recorder.listening:
                return function(*args, **kwargs)
            bound = signature.bind(*args, **kwargs)
            bound.apply_defaults()
            recorder.listening = False  # one oracle may ask another
            try:
                answer = function(*args, **kwargs)
                recorder.keep(name, bound.arguments, answer)
                for other in also(dict(bound.arguments)) if recorder.others else ():
                    recorder.keep(name, other, function(**other))  # type: ignore[call-arg]
            finally:
                recorder.listening = True
            return answer

        return asked

    return decorate


_recorder: "Recorder | None" = None


@dataclass(frozen=True)
class Fingerprint:
    """What a question is known by.

    Attributes:
        exact: a digest of the oracle's name and of all that is no floating-point number.
        numbers: the Python floats in it, then the norm of its tensors and two projections of them.
    """

    exact: str
    numbers: tuple[float, ...]

    @classmethod
    def of(cls, name: str, question: Mapping[str, Any]) -> "Fingerprint":
        """The fingerprint of a question.

        Raises:
            TypeError: an oracle has an argument of a type that is not known here.
        """
        words = [name]
        numbers: list[float] = []
        tensors: list[Tensor] = []
        for key, value in sorted(question.items()):
            words.append(key)
            _spell(value, words, numbers, tensors)
        flat = torch.cat([torch.zeros(1, dtype=torch.float64), *tensors])
        flat = torch.nan_to_num(flat, nan=3.0, posinf=5.0, neginf=-7.0)
        place = torch.arange(len(flat), dtype=torch.float64)
        numbers += [
            float(flat.norm()),
            float(flat @ torch.cos(0.37 * place)),
            float(flat @ torch.sin(0.73 * place + 1)),
        ]
        return cls(hashlib.sha256("\x1f".join(words).encode()).hexdigest()[:20], tuple(numbers))

    def is_near(self, numbers: Iterable[float]) -> bool:
        """Whether recorded numbers are the same but for their last digits."""
        *scalars, norm, first, second = zip(self.numbers, numbers, strict=True)
        room = NEAR * (1 + self.numbers[-3])
        return all(one == other or abs(one - other) <= NEAR * abs(one) for one, other in scalars) and all(
            abs(one - other) <= room for one, other in (norm, first, second)
        )


def _spell(value: Any, words: list[str], numbers: list[float], tensors: list[Tensor]) -> None:
    if value is None or isinstance(value, (bool, int, str)):
        words.append(f"{type(value).__name__} {value}")
    elif isinstance(value, float):
        words.append("float" if math.isfinite(value) else str(value))
        numbers += [value] if math.isfinite(value) else []
    elif isinstance(value, Tensor):
        words.append(f"{value.dtype} {tuple(value.shape)}")
        if value.is_floating_point():
            tensors.append(value.detach().double().flatten())
        else:
            words.append(hashlib.sha256(value.detach().contiguous().numpy().tobytes()).hexdigest())
    elif isinstance(value, Mapping):
        words.append(f"dict {len(value)}")
        for key in sorted(value):
            words.append(str(key))
            _spell(value[key], words, numbers, tensors)
    elif isinstance(value, (list, tuple)):
        words.append(f"list {len(value)}")
        for item in value:
            _spell(item, words, numbers, tensors)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        words.append(type(value).__name__)
        for each in dataclasses.fields(value):
            _spell(getattr(value, each.name), words, numbers, tensors)
    else:
        raise TypeError(
            f"an oracle was asked with a {type(value).__name__}: graders/recorded.py cannot tell it from others"
        )


@dataclass
class Recorder:
    """Keeps what happens while checks judge a solution.

    Attributes:
        others: whether what other right submissions would ask is kept, too.
        listening: whether questions are kept just now; while Hypothesis draws they are not.
        problem: what could not be kept; empty = all was.
    """

    others: bool = True
    listening: bool = False
    problem: str = ""
    _packer: Packer = field(default_factory=Packer, repr=False)
    _cases: dict[str, list[dict[str, Any]]] = field(default_factory=dict, repr=False)
    _answers: dict[str, list[list[Any]]] = field(default_factory=dict, repr=False)

    def keep(self, name: str, question: Mapping[str, Any], answer: Any) -> None:
        """Keep the answer to a question, if it is a new one."""
        mark = Fingerprint.of(name, question)
        known = self._answers.setdefault(mark.exact, [])
        if not any(mark.is_near(numbers) for numbers, _ in known):
            known.append([list(mark.numbers), self._packed(answer)])

    @contextmanager
    def of(self, check: "Check") -> Iterator[None]:
        """While this lasts, keep the cases of a check and the questions that it and the binding ask."""
        global _recorder
        inner = getattr(check.function, "hypothesis", None) and check.function.hypothesis.inner_test  # type: ignore[attr-defined]
        _recorder, self.listening = self, True
        if inner is not None:
            check.function.hypothesis.inner_test = self._keeping(check.id, inner)  # type: ignore[attr-defined]
        try:
            yield
        finally:
            _recorder, self.listening = None, False
            if inner is not None:
                check.function.hypothesis.inner_test = inner  # type: ignore[attr-defined]

    def _keeping(self, check: str, inner: Callable[..., None]) -> Callable[..., None]:
        known = check in self._cases  # from another submission: the cases are the same
        cases = self._cases.setdefault(check, [])

        @functools.wraps(inner)
        def kept(implementation: Any, **case: Any) -> None:
            if not known:
                cases.append({name: self._packed(value) for name, value in case.items()})
            self.listening = True
            try:
                inner(implementation, **case)
            finally:
                self.listening = False  # what follows is Hypothesis, drawing the next case

        return kept

    def _packed(self, value: Any) -> Any:
        try:
            return self._packer.packed(value)
        except PackingError as error:
            self.problem = str(error)
            raise

    def write(self, folder: Path, **facts: Any) -> None:
        """Write the record: facts, cases and answers as JSON, the tensors beside it."""
        folder.mkdir(parents=True)
        record = {**facts, "cases": self._cases, "answers": self._answers}
        (folder / "record.json").write_text(json.dumps(record, separators=(",", ":"), sort_keys=True), encoding="utf-8")
        arrays: dict[str, Any] = self._packer.arrays()
        np.savez_compressed(folder / "tensors.npz", **arrays)


class RecordError(Exception):
    """The record cannot be read; the message says what to do."""


class Record:
    """A record, read.

    Args:
        folder: as `Recorder.write` wrote it.

    Attributes:
        seed: what the cases and the workers' random states follow from.
        homework: the slug.
        versions: of the packages that it was made with.
        own: the names at the top of the kit that no student hands in.

    Raises:
        RecordError: a file is missing or is not what it was.
    """

    def __init__(self, folder: Path) -> None:
        try:
            record = json.loads((folder / "record.json").read_text(encoding="utf-8"))
            with np.load(folder / "tensors.npz", allow_pickle=False) as arrays:
                self._unpacker = Unpacker({name: arrays[name] for name in arrays.files})
            self.seed: int = record["seed"]
            self.homework: str = record["homework"]
            self.versions: dict[str, str] = record["versions"]
            self.own: frozenset[str] = frozenset(record["own"])
            self._cases: dict[str, list[dict[str, Any]]] = record["cases"]
            self._answers: dict[str, list[list[Any]]] = record["answers"]
        except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
            raise RecordError(
                f"the recorded cases in {folder} cannot be read ({type(error).__name__}: {error}): unpack the kit again"
            ) from error

    def cases_of(self, check: str) -> Iterator[dict[str, Any]]:
        """The cases of a check, by argument, in the order in which they were drawn.

        Raises:
            CannotJudge: there are none.
        """
        if check not in self._cases:
            raise CannotJudge(Reason.NO_RECORD)
        for case in self._cases[check]:
            yield {name: self._unpacker.value(packed) for name, packed in case.items()}

    def answer(self, name: str, question: Mapping[str, Any]) -> Any:
        """The answer of an oracle.

        Raises:
            CannotJudge: nobody asked this when the kit was made.
        """
        mark = Fingerprint.of(name, question)
        for numbers, packed in self._answers.get(mark.exact, []):
            if mark.is_near(numbers):
                return self._unpacker.value(packed)
        raise CannotJudge(Reason.NO_RECORD)

    def other_versions(self, found: Mapping[str, str]) -> str:
        """A sentence if the record was made with other versions than are found here; else empty."""
        other = [name for name, version in self.versions.items() if found.get(name) != version]
        if not other:
            return ""
        made = ", ".join(f"{name} {self.versions[name]}" for name in other)
        here = ", ".join(f"{name} {found.get(name, 'none')}" for name in other)
        wanted = " ".join(f"{name}=={self.versions[name]}" for name in other)
        return f"made with {made}, found {here}: where checks are not judged, run pip install {wanted}"


@functools.cache
def record_here() -> Record | None:
    """The record of this kit; None where the answer key is at hand and nothing is looked up.

    Raises:
        RecordError: it cannot be read.
    """
    return Record(FOLDER) if FOLDER.is_dir() else None


def look_up(name: str, question: Mapping[str, Any]) -> Any:
    """What the modules of `oracles` do in a kit.

    Raises:
        CannotJudge: nobody asked this when the kit was made.
    """
    record = record_here()
    if record is None:
        raise CannotJudge(Reason.NO_RECORD)
    return record.answer(name, question)
