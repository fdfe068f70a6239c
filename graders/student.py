"""A submission behind a homework's binding: what checks are run against."""

import fnmatch
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from sandbox.client import Submission, Worker

from .commands import Commands
from .homework import HOMEWORKS, RuleTable
from .rules import Rules
from .timed import Timed
from .timing_table import TimingTable
from .trained import Trained
from .trained_table import TrainedTable


@dataclass(frozen=True)
class Offer:
    """How a homework offers one task.

    Attributes:
        open: makes the task's canonical form (see `tasks`) from a worker; raises StudentError where the submission lacks
            a name, CheckFailed where its interface is wrong.
        capabilities: what the homework's own interface can do beyond the least that the task asks for.
    """

    open: Callable[[Worker], Any]
    capabilities: frozenset[str] = frozenset()


Binding = Mapping[str, Offer]  # task -> offer


@dataclass(frozen=True)
class Student:
    """One submission as checks see it.

    Attributes:
        submission: its files, and the means to run them.
        binding, rules, trained, timing, slug, folder: of the homework.
        solution: lays out the homework's solution for as long as its context lasts; None where there is none.
        memory: what the submission's commands have left; see `Commands`.
    """

    submission: Submission
    binding: Binding
    rules: RuleTable = field(default_factory=RuleTable)
    slug: str = ""
    folder: Path = HOMEWORKS
    trained: TrainedTable | None = None
    timing: TimingTable = field(default_factory=TimingTable)
    solution: "Callable[[], AbstractContextManager[Student]] | None" = None
    memory: dict[Any, Any] = field(default_factory=dict, repr=False, compare=False)

    def open(self, seed: int) -> AbstractContextManager[Worker]:
        """Start a fresh worker with the submission in it."""
        return self.submission.open(seed)

    def implementation(self, task: str, worker: Worker) -> Any:
        """The student's implementation of a task in its canonical form, living in a worker."""
        if task == "rules":
            return Rules(self.submission, worker, self.rules, self.binding, self.slug, self.folder)
        if task == "trained" and self.trained is not None:
            return Trained(self.submission, worker, self.trained, self.folder)
        if task == "timing":
            return Timed(worker, self.submission, self.binding, self.timing, self.solution)
        if task == "commands":
            return Commands(self.submission, self.memory)
        return self.binding[task].open(worker)


def find_code(files: tuple[str, ...], wanted: tuple[str, ...], folder: str) -> str:
    """Find the folder of the code in a submission.

    Students zip the wrong folder all the time: the code may lie in `folder`, in the root, or in either of them one or
    two levels down.

    Args:
        files: relative paths of the submission.
        wanted: names of the files that the homework asks for, or patterns such as `*.ipynb`.
        folder: where the homework says they lie; "" = the root.

    Returns:
        The folder that holds most of the wanted names; `folder` itself when two hold as many, or when none does.
    """
    found: dict[str, set[str]] = {folder: set()}
    for file in files:
        path = PurePosixPath(file)
        parent = "" if str(path.parent) == "." else str(path.parent)
        if len(path.parts) <= 4 and (names := {name for name in wanted if fnmatch.fnmatchcase(path.name, name)}):
            found.setdefault(parent, set()).update(names)
    counts = {parent: len(names) for parent, names in found.items()}
    best = max(counts.values())
    if counts[folder] == best:
        return folder
    return min((name for name, count in counts.items() if count == best), key=lambda name: (name.count("/"), name))
