"""Grading single-file submissions of `core` through the real path: sandbox, binding, checks."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from audit.specimens import file_of, specimens
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
    return [each.path for each in specimens(load("core"), HERE) if each.right]


def chaffs() -> list[Chaff]:
    """Every wrong implementation; a header that does not follow the form is an error."""
    return [
        Chaff(each.path, each.sentence, each.rejected_by) for each in specimens(load("core"), HERE) if not each.right
    ]


@contextmanager
def judging(path: Path, zygote: Zygote, seed: int | None = None) -> Iterator[Judge]:
    """A judge for a submission that holds one file, under the name of its task."""
    with tempfile.TemporaryDirectory() as folder:
        homework = load("core")
        shutil.copy(path, Path(folder) / file_of(path.parent.name, homework))
        with Judge(homework, Path(folder), zygote, seed=seed, shrink_calls=FEW_CALLS) as judge:
            yield judge
