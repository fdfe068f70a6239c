"""One homework's solution judged in one fresh interpreter, without isolation: torch is imported once, and that is all.

    python -m benchmarks.floor HOMEWORK

It prints the seconds of each check as JSON. What judges processes is left out.
"""

import json
import sys

import torch

from benchmarks.in_process import InProcess, require_no_failure
from graders.homework import load
from graders.judge import reference_of


def floor(slug: str, seed: int = 1) -> dict[str, float]:
    """The seconds that each check takes in this process.

    Raises:
        RuntimeError: a check does not pass.
    """
    torch.set_num_threads(1)
    solution = reference_of(slug)
    assert solution is not None
    with InProcess(load(slug), solution, seed=seed) as judge:
        for name, verdict in judge.judge_all().items():
            require_no_failure(name, verdict)
        return judge.seconds


if __name__ == "__main__":
    print(json.dumps(floor(sys.argv[1])))
