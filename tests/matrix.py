"""Grading single-file submissions of `core` through the real path: sandbox, binding, checks."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from audit.specimens import HEADER, file_of
from graders.homework import load
from graders.judge import Judge
from sandbox.launch import Zygote

HERE = Path(__file__).parent
TASKS = (
    *("attention", "mask", "multi_head", "layer_norm", "mlp", "block", "gpt", "loss", "perplexity"),
    *("samplers", "generate", "rope", "span_corruption", "tokenizer", "patch_embedding"),
)
# whether a chaff is rejected is decided before its failing case is made smaller, which takes most of the time
FEW_CALLS = 5


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
            header = HEADER.match(path.read_text(encoding="utf-8"))
            if header is None:
                raise ValueError(f"{path}: the docstring must be a sentence, an empty line, and `rejected by: CHECK`")
            found.append(Chaff(path, header["sentence"], header["check"]))
    return found


@contextmanager
def judging(path: Path, zygote: Zygote, seed: int | None = None) -> Iterator[Judge]:
    """A judge for a submission that holds one file, under the name of its task."""
    with tempfile.TemporaryDirectory() as folder:
        homework = load("core")
        shutil.copy(path, Path(folder) / file_of(path.parent.name, homework))
        with Judge(homework, Path(folder), zygote, seed=seed, shrink_calls=FEW_CALLS) as judge:
            yield judge
