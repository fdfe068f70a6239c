"""Grading single-file submissions of `core` through the real path: sandbox, binding, checks."""

import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from graders.homework import load
from graders.judge import Judge
from sandbox.launch import Zygote

HERE = Path(__file__).parent
TASKS = (
    *("attention", "mask", "multi_head", "layer_norm", "mlp", "block", "gpt", "loss", "perplexity"),
    *("samplers", "generate", "rope", "span_corruption", "tokenizer", "patch_embedding"),
)
FILES = {"perplexity": "loss"}  # a task's file in `core`, where it has another name
_HEADER = re.compile(r'\A"""(?P<sentence>[^\n]+)\n\nrejected by: (?P<check>[a-z_.0-9]+)\n')


@dataclass(frozen=True)
class Chaff:
    """A wrong implementation, as its header describes it."""

    path: Path
    sentence: str
    check: str

    @property
    def task(self) -> str:
        """The task that it gets wrong."""
        return self.path.parent.name


def wheats() -> list[Path]:
    """Every right implementation."""
    return [path for task in TASKS for path in sorted((HERE / "wheats" / task).glob("*.py"))]


def chaffs() -> list[Chaff]:
    """Every wrong implementation; a header that does not follow the form is an error."""
    found = []
    for task in TASKS:
        for path in sorted((HERE / "chaffs" / task).glob("*.py")):
            header = _HEADER.match(path.read_text(encoding="utf-8"))
            if header is None:
                raise ValueError(f"{path}: the docstring must be a sentence, an empty line, and `rejected by: CHECK`")
            found.append(Chaff(path, header["sentence"], header["check"]))
    return found


@contextmanager
def judging(path: Path, zygote: Zygote, seed: int | None = None) -> Iterator[Judge]:
    """A judge for a submission that holds one file, under the name of its task."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(path, Path(folder) / f"{FILES.get(path.parent.name, path.parent.name)}.py")
        with Judge(load("core"), Path(folder), zygote, seed=seed) as judge:
            yield judge
