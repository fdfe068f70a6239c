"""Naming what a student got wrong, by asking the implementation again.

A bank holds, for one task, *probes*: questions on fresh cases, with the answer that each known wrong variant would give.
A misconception is named only if the student's answers equal those of exactly one variant on several cases on which that
variant is wrong, and nowhere differ from it: a wrong name is worse than none.
"""

import importlib
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sandbox.errors import StudentError, WorkerLost

from ..check import derive
from ..student import Student
from ..verdict import CannotJudge, CheckFailed, Misconception

CASES = 6  # fresh cases of each probe
EVIDENCE = 4  # of them, the variant must be wrong on so many
TOLERANCE = 1e-4  # absolute and relative, for floats; float32 against float64
CLEARLY = 1e-3  # so far off, answers are different; what lies between is no evidence


@dataclass(frozen=True)
class Asked:
    """What a student's implementation answered.

    Attributes:
        got: the answer, untrusted: tensors, numbers, texts, lists of them.
        right: every answer that counts as right, the likely one first.
        facts: what the variants need to know to answer: the case, and for a module the weights that have arrived.
    """

    got: Any
    right: Sequence[Any]
    facts: Any


@dataclass(frozen=True)
class Probe:
    """One question of a bank.

    Attributes:
        ask: put a fresh case, drawn from the random state, to the task's canonical form.
        variants: each misconception, and the answer that it gives from `Asked.facts`. A variant that cannot answer a case
            raises `NoAnswer`.
        requires: capabilities that the homework's binding must list.
        lacks: capabilities that it must not list.
        cases: number of fresh cases.
    """

    ask: Callable[[Any, random.Random], Asked]
    variants: Mapping[Misconception, Callable[[Any], Any]]
    requires: frozenset[str] = frozenset()
    lacks: frozenset[str] = frozenset()
    cases: int = CASES

    def fits(self, capabilities: frozenset[str]) -> bool:
        """Whether a homework with these capabilities can be asked."""
        return self.requires <= capabilities and not self.lacks & capabilities


class NoAnswer(Exception):
    """A variant has no answer to a case: it does not explain a wrong answer there, and a right one is nothing against it."""


@dataclass(frozen=True)
class Bank:
    """The misconceptions of one task."""

    task: str
    probes: tuple[Probe, ...]

    @property
    def misconceptions(self) -> tuple[Misconception, ...]:
        """All of them, each once, in order."""
        return tuple(dict.fromkeys(each for probe in self.probes for each in probe.variants))


@cache
def banks() -> dict[str, Bank]:
    """Every bank, by task: a module of this package for each."""
    found = {}
    for path in sorted(Path(__file__).parent.glob("*.py")):
        module = importlib.import_module(f"{__package__}.{path.stem}")
        if isinstance(bank := getattr(module, "BANK", None), Bank):
            found[bank.task] = bank
    return found


def named(student: Student, task: str, seed: int) -> Misconception | None:
    """The one misconception that explains what the student's implementation of a task gives; None if none does.

    Args:
        student: the submission behind the homework's binding.
        task: the task.
        seed: the fresh cases follow from it.
    """
    bank = banks().get(task)
    if bank is None:
        return None
    for number, probe in enumerate(bank.probes):
        if not probe.fits(student.binding[task].capabilities):
            continue
        try:
            with student.open(derive(seed, f"worker of probe {number}")) as worker:
                implementation = student.implementation(task, worker)
                found = _only_match(probe, implementation, random.Random(derive(seed, f"probe {number}")))
        except (StudentError, WorkerLost, CheckFailed, CannotJudge):
            continue  # it does not answer at all: the checks say why
        if found is not None:
            return found
    return None


def _only_match(probe: Probe, implementation: Any, rng: random.Random) -> Misconception | None:
    """The one variant whose answers the student's equal; asking stops when none is left."""
    evidence = dict.fromkeys(probe.variants, 0)
    for _ in range(probe.cases):
        asked = probe.ask(implementation, rng)
        if any(same(asked.got, right) for right in asked.right):
            # only a variant that would be right here too survives a right answer
            evidence = {each: n for each, n in evidence.items() if not _is_wrong(probe.variants[each], asked)}
        else:
            evidence = {each: n + 1 for each, n in evidence.items() if _gives(probe.variants[each], asked)}
        if not evidence:
            return None
    alive = list(evidence)
    return alive[0] if len(alive) == 1 and evidence[alive[0]] >= min(EVIDENCE, probe.cases) else None


def _gives(answer: Callable[[Any], Any], asked: Asked) -> bool:
    try:
        return same(asked.got, answer(asked.facts))
    except NoAnswer:
        return False


def _is_wrong(answer: Callable[[Any], Any], asked: Asked) -> bool:
    try:
        given = answer(asked.facts)
    except NoAnswer:
        return False
    return all(differ(given, right) for right in asked.right)


def same(got: Any, answer: Any, tolerance: float = TOLERANCE) -> bool:
    """Whether two answers are equal: floats within a tolerance, infinities and NaN in the same places, all else exactly."""
    if isinstance(answer, Tensor):
        if not isinstance(got, Tensor) or got.shape != answer.shape:
            return False
        if got.is_floating_point() != answer.is_floating_point():
            return False
        return torch.allclose(got.double(), answer.double(), rtol=tolerance, atol=tolerance, equal_nan=True)
    if isinstance(answer, (list, tuple)):
        if not isinstance(got, (list, tuple)) or len(got) != len(answer):
            return False
        return all(same(one, other, tolerance) for one, other in zip(got, answer, strict=True))
    if isinstance(answer, float):
        # a scalar may arrive as a number or as a tensor without axes
        if isinstance(got, Tensor) and got.numel() == 1:
            got = got.item()
        if not isinstance(got, (int, float)) or isinstance(got, bool):
            return False
        return same(torch.tensor(float(got)), torch.tensor(answer), tolerance)
    return type(got) is type(answer) and bool(got == answer)


def differ(one: Any, other: Any) -> bool:
    """Whether two answers are clearly different."""
    return not same(one, other, CLEARLY)


def all_differ(answers: Iterable[Any]) -> bool:
    """Whether no two of several answers are alike."""
    seen = list(answers)
    return all(differ(one, other) for i, one in enumerate(seen) for other in seen[:i])
