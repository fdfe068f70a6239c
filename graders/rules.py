"""A submission's files as the rules of a handout see them: names and bytes, and code that is read but not run."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import torch

from sandbox.client import Submission, Worker
from sandbox.text import clean

from .homework import HOMEWORKS, RuleTable
from .tasks import HeadSizes

if TYPE_CHECKING:
    from .student import Binding

CODE = ("*.ipynb", "*.py")


@dataclass(frozen=True)
class Use:
    """A name that the code uses, and where."""

    name: str
    place: str
    line: int

    def __str__(self) -> str:
        return f"{self.name} ({self.place}, line {self.line})"


@dataclass(frozen=True)
class Rules:
    """The canonical form of the task `rules`.

    Attributes:
        submission: its snapshot is what was handed in.
        worker: reads code; nothing of the submission has been imported in it.
        table: what the handout demands.
        binding: the homework's, to run what a rule is about.
        slug: the homework's.
        folder: of the homework's TOML.
    """

    submission: Submission
    worker: Worker
    table: RuleTable
    binding: "Binding"
    slug: str
    folder: Path

    @property
    def files(self) -> tuple[str, ...]:
        """Relative paths of what was handed in."""
        return self.submission.snapshot.files

    @property
    def code(self) -> list[str]:
        """The files with code: notebooks, and Python files."""
        return [file for pattern in CODE for file in self.matching(pattern)]

    def matching(self, pattern: str) -> list[str]:
        """The files whose name, wherever they lie, fits a pattern."""
        return [file for file in self.files if fnmatch(PurePosixPath(file).name, pattern)]

    def bytes_of(self, file: str) -> bytes:
        """The contents of a file."""
        return (self.submission.snapshot.root / file).read_bytes()

    def scanned(self) -> dict[str, Any]:
        """What the definitions that the rules are about use; see `sandbox/scan.py`."""
        reply = self.worker.read_only("scan", paths=self.code, wanted=list(self.table.classes))
        if type(reply) is not dict or not all(key in reply for key in ("definitions", "imports", "problems")):
            self.worker.refuse("what was read")
        return reply

    def uses(self) -> Iterator[Use]:
        """What these definitions use of other packages, by full name."""
        for facts in self.scanned()["definitions"].values():
            for name, place, line in facts["uses"]:
                yield Use(clean(name, 200), clean(place, 200), line)

    def imports(self) -> Iterator[Use]:
        """The packages that the code imports."""
        for name, place, line in self.scanned()["imports"]:
            yield Use(clean(name, 100), clean(place, 200), line)

    def ran(self) -> Sequence[str]:
        """The torch functions that a forward pass of the attention module runs; empty if it cannot be built.

        Only a second witness: it is told by a worker that runs the student's code.
        """
        offer = self.binding.get("multi_head")
        if offer is None:
            return []
        module = offer.open(self.worker).build(HeadSizes(12, 3, max_tokens=8))
        watched = getattr(module, "watched", None)  # not part of the task's own form
        return [] if watched is None else [clean(name, 200) for name in watched(torch.zeros(2, 5, 12))]

    def compared(self) -> dict[str, Any] | None:
        """How the code differs from the course's template; None if no template is known."""
        found = self._template()
        if found is None:
            return None
        reply = self.worker.read_only(
            "compare",
            paths=self.code,
            template=found.read_text(encoding="utf-8"),
            template_name=found.name,
            wanted=list(self.table.classes),
        )
        if type(reply) is not dict or not all(key in reply for key in ("started", "signatures", "outside")):
            self.worker.refuse("what was compared")
        return reply

    def differing(self, file: str, names: Sequence[str]) -> list[str]:
        """Which of the definitions a file and the notebook do not define alike; without a notebook none."""
        notebooks = self.matching("*.ipynb")
        if not notebooks:
            return []
        reply = self.worker.read_only("same", first=file, second=notebooks[0], wanted=list(names))
        if type(reply) is not list:
            self.worker.refuse("what was compared")
        return [clean(str(name), 100) for name in reply]

    @property
    def has_own_template(self) -> bool:
        """Whether the instructor has supplied the course's own template."""
        return self.table.template is not None and (self.folder / self.table.template).is_file()

    def _template(self) -> Path | None:
        return self.folder / str(self.table.template) if self.has_own_template else self._ours()

    def _ours(self) -> Path | None:
        folder = HOMEWORKS.parent.parent / "student_template" / self.slug
        if self.folder != HOMEWORKS:
            folder = self.folder / "template"
        found = sorted(folder.glob("*.ipynb")) + sorted(folder.glob("*.py"))
        return found[0] if found else None
