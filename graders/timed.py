"""The canonical form of the task `timing`: a submission, and the solution that its time is compared with."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sandbox.client import Submission, Worker

from .timing_table import TimingTable

if TYPE_CHECKING:
    from .student import Binding, Student


@dataclass(frozen=True)
class Timed:
    """What a check of `graders/test_timing.py` is given.

    Attributes:
        worker: with the submission in it; none of it is imported yet.
        submission: opens further workers.
        binding: the homework's.
        table: gates, sizes, and what is done without CUDA.
        notes: remarks for the student.
        solution: lays out the solution as a submission for as long as its context lasts; None where there is none.
    """

    worker: Worker
    submission: Submission
    binding: "Binding"
    table: TimingTable
    solution: "Callable[[], AbstractContextManager[Student]] | None"
    notes: list[str] = field(default_factory=list)
