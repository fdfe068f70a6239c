"""Runs a grading in this process and kills it at one enumerated point, as the platform's timer or the OOM killer would.

python -I tests/killer.py POINT ARGUMENTS-OF-PYTEST…
"""

import functools
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

POINTS = {
    "snapshot taken, nothing written by pytest": 0,
    "first file written": 0,
    "checks collected": 0,
    "before the first check": 0,
    "inside the first check, after a request": 0,
    "inside the third check, before its verdict": 2,
    "third verdict made, file not yet written": 2,
    "third file written beside the old one, not yet renamed": 2,
    "third file renamed": 3,
    "all judged, zygote still alive": 4,
    "zygote closed, final file not yet written": 4,
    "final file written": 4,
    "options read, nothing started": 0,
    "zygote started": 0,
    "self-test running": 0,
    "submission being copied": 0,
    "worker forked for the first check": 0,
    "inside a write to the journal of verdicts": 1,
    "inside the second check, worker being closed": 1,
    "between the second and the third check": 2,
}


def die() -> None:
    """The process is gone at once; nothing is cleaned up."""
    os.kill(os.getpid(), signal.SIGKILL)


def arm(point: str) -> None:
    """Put the kill in its place."""
    import gradescope.results as results
    from graders.judge import Judge
    from graders.plugin import Grading
    from graders.verdict_log import VerdictLog
    from gradescope.plugin import Reporter
    from sandbox import intake
    from sandbox.channel import Channel
    from sandbox.launch import Zygote

    def on_call(owner: Any, name: str, number: int, *, after: bool) -> None:
        original: Callable[..., Any] = getattr(owner, name)
        calls = 0

        @functools.wraps(original)  # pluggy reads the names of the arguments
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            nonlocal calls
            if name == "replace" and Path(args[1]).name != "results.json":
                return original(*args, **kwargs)  # pytest renames files too
            calls += 1
            if calls == number and not after:
                die()
            value = original(*args, **kwargs)
            if calls == number and after:
                die()
            return value

        setattr(owner, name, wrapped)

    number = list(POINTS).index(point)
    plan: list[Callable[[], None]] = [
        lambda: on_call(Reporter, "_write", 1, after=False),
        lambda: on_call(Reporter, "_write", 1, after=True),
        lambda: on_call(Grading, "pytest_collection_modifyitems", 1, after=True),
        lambda: on_call(Judge, "judge", 1, after=False),
        lambda: on_call(Channel, "request", 4, after=True),  # two are the self-test's
        lambda: on_call(Judge, "_run", 3, after=False),
        lambda: on_call(Judge, "judge", 3, after=True),
        lambda: on_call(results.os, "replace", 4, after=False),  # the first one is the file without verdicts
        lambda: on_call(results.os, "replace", 4, after=True),
        lambda: on_call(Grading, "close", 1, after=False),
        lambda: on_call(Zygote, "close", 1, after=True),
        lambda: on_call(Reporter, "pytest_headmaster_end", 1, after=True),
        lambda: on_call(Grading, "__init__", 1, after=False),
        lambda: on_call(Zygote, "_start", 1, after=True),
        lambda: on_call(Channel, "_send", 2, after=True),
        lambda: on_call(intake, "_copy", 1, after=False),
        lambda: on_call(Zygote, "_fork", 2, after=True),  # the first one is for the self-test
        lambda: on_call(VerdictLog, "add", 2, after=False),
        lambda: on_call(Channel, "close", 4, after=False),
        lambda: on_call(Reporter, "pytest_headmaster_judged", 2, after=True),
    ]
    plan[number]()


class Armed:
    """A plugin that arms the kill once our plugins are loaded."""

    def pytest_load_initial_conftests(self) -> None:
        """Runs before anything of the grading does."""
        arm(sys.argv[1])


if __name__ == "__main__":
    import pytest

    sys.exit(pytest.main(sys.argv[2:], plugins=[Armed()]))
