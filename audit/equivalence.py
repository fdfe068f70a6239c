"""Whether a mutant does anything else than its original, by a differential oracle that shares nothing with the checks.

`audit/differential/` has one driver for each task of `core`. It runs original and mutant on the same random inputs, each
in a process of its own, and compares all that docs/core.md promises. A mutant that is the same there is taken for
equivalent: no check can be blamed for accepting it.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
TASKS = (
    "attention", "mask", "multi_head", "layer_norm", "mlp", "block", "gpt", "loss", "perplexity", "samplers", "generate",
    "rope", "span_corruption", "tokenizer", "patch_embedding",
)  # fmt: skip
SEEDS = 12
TIMEOUT = 20.0  # seconds of processor time for all seeds of a mutant
MEMORY = 2 << 30  # bytes that a mutant may take beyond what the interpreter with torch has


@dataclass(frozen=True)
class Comparison:
    """What the oracle says of a mutant.

    Attributes:
        difference: the first difference in a sentence: which call, and what; None if there is none.
    """

    difference: str | None

    @property
    def same(self) -> bool:
        """Whether the mutant is taken for equivalent."""
        return self.difference is None


class NotObservableError(Exception):
    """The original itself cannot be observed: it raises where it must not, or gives other results the second time."""


def file_of(task: str) -> str:
    """The file of `core` that a task's interface is in."""
    return "loss.py" if task == "perplexity" else f"{task}.py"


def compare(
    task: str, files: Mapping[str, str], mutant_files: Mapping[str, str], seeds: int = SEEDS, timeout: float = TIMEOUT
) -> Comparison:
    """Compare one mutant with its original, in an interpreter for it alone; see `Oracle.compare`."""
    return dict(compare_all(task, files, {"mutant": mutant_files}, seeds, timeout))["mutant"]


def compare_all(
    task: str,
    files: Mapping[str, str],
    mutants: Mapping[str, Mapping[str, str]],
    seeds: int = SEEDS,
    timeout: float = TIMEOUT,
) -> Iterator[tuple[str, Comparison]]:
    """Compare many mutants with one original, in an interpreter for them alone; see `Oracle.compare`."""
    with Oracle() as oracle:
        yield from oracle.compare(task, files, mutants, seeds, timeout)


class Oracle(AbstractContextManager["Oracle"]):
    """An interpreter with torch that compares mutants with their originals, for one task after the other."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def compare(
        self,
        task: str,
        files: Mapping[str, str],
        mutants: Mapping[str, Mapping[str, str]],
        seeds: int = SEEDS,
        timeout: float = TIMEOUT,
    ) -> Iterator[tuple[str, Comparison]]:
        """Compare many mutants with one original, in the order given; each result comes as soon as it is known.

        Args:
            task: one of `TASKS`; only this task's interface is called.
            files: the files of `core` by name, such as `attention.py`; they import each other relatively.
            mutants: for each name the files that differ, or all of them.
            seeds: number of runs, each on other inputs.
            timeout: seconds of processor time for all runs of one mutant; one that takes longer is different.

        Raises:
            ValueError: there is no such task.
            NotObservableError: the original cannot be observed.
            RuntimeError: the oracle's own process failed.
        """
        if task not in TASKS:
            raise ValueError(f"task must be one of {', '.join(TASKS)}, got {task!r}")
        request = {
            "task": task,
            "files": dict(files),
            "mutants": [(name, dict(changed)) for name, changed in mutants.items()],
            "seeds": seeds,
            "timeout": timeout,
            "memory": MEMORY,
        }
        done, fault = False, ""
        try:
            for reply in self._replies(json.dumps(request)):
                done = "done" in reply
                fault = reply.get("fault", fault)
                if "name" in reply:
                    yield reply["name"], Comparison(reply["difference"])
        finally:
            if not done:
                self.close()  # what is still under way is not wanted
        if fault:
            raise NotObservableError(f"the original of {task} cannot be observed: {fault}")
        if not done:
            raise RuntimeError(f"the oracle's process ended while it compared mutants of {task}")

    def _replies(self, request: str) -> Iterator[dict[str, Any]]:
        if self._process is None:
            self._process = _start()
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with suppress(BrokenPipeError):  # the missing replies say it
            self._process.stdin.write(request + "\n")
            self._process.stdin.flush()
        for line in self._process.stdout:
            reply: dict[str, Any] = json.loads(line)
            yield reply
            if "done" in reply:
                return

    def close(self) -> None:
        """End the interpreter; the next comparison starts another."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def __exit__(self, *_: object) -> None:
        self.close()


def _start() -> "subprocess.Popen[str]":
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "audit.differential"],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        encoding="utf-8",
    )
