"""CMU's own commands, run as programs on a toy corpus; what they leave is looked at, not what they say of themselves.

`trainer.py`, `models.py` and `utils.sample` are the starter's: ours take their places (`command_parts.py`), so that a training
run of an hour ends after one step of a small model. A command that fails so is run again with the student's own trainer.py and
utils.py, and if it fails again as it was handed in.
"""

import functools
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sandbox import intake, programs, weights
from sandbox.client import Submission
from sandbox.errors import Loss, StudentError, WorkerLost
from sandbox.text import clean

from . import command_parts
from .toy_birth_places import ToyBirthPlaces, make
from .verdict import CheckFailed

SECONDS = 150.0  # as it was handed in, a pretraining run on the toy corpus takes a minute
FOLDER_BYTES = 128 << 20
MAX_EVENTS = 200
_FOLDER = re.compile(r"[^\s\"']*/headmaster-\w+/submission/")  # where commands run: another one each time
_PARTS = "headmaster_parts"
_ABOUT_TRAINING, _ABOUT_MODELS = ("trainer", "utils"), ("models", "attention", "dataset")
_SHIM = """\
import {parts} as _parts
try:
    import {own} as _own
except Exception:
    if {must}:
        raise
    _own = None
globals().update({{name: value for name, value in vars(_own).items() if not name.startswith("__")}} if _own else {{}})
_parts.{call}
"""


@dataclass(frozen=True)
class Ran:
    """What a command has left.

    Attributes:
        command: as a student would type it.
        output: what it printed; untrusted.
        problem: why it did not end by itself; "" otherwise.
        succeeded: whether it says that it has; no evidence, but a reason to run it as it was handed in.
        ours: whether ours were in the places of trainer.py and utils.py.
        files: those that were asked for, by name; what is not there is not in it.
        tensors: (shape, digest) of each tensor, for files of parameters that can be opened, by file and name.
        unreadable: why a file of parameters cannot be opened, by file.
        events: what ours wrote down, told by the student's process: for messages, and for what is not worth a forgery.
        changed: which of the data files it has changed.
    """

    command: str
    output: str
    problem: str
    succeeded: bool
    ours: bool
    files: Mapping[str, bytes]
    tensors: Mapping[str, Mapping[str, tuple[tuple[int, ...], str]]]
    unreadable: Mapping[str, str]
    events: tuple[Mapping[str, Any], ...]
    changed: tuple[str, ...]

    def has(self, names: tuple[str, ...]) -> bool:
        """Whether it has left these files."""
        return all(name in self.files for name in names)

    def of(self, event: str) -> list[Mapping[str, Any]]:
        """The events of a kind."""
        return [each for each in self.events if each.get("event") == event]


@dataclass
class Commands:
    """The canonical form of the task `commands`.

    Attributes:
        submission: what was handed in.
        memory: what the commands of this submission have left so far; the checks of one run share it.
        notes: remarks for the student.
    """

    submission: Submission
    memory: dict[Any, Any]
    notes: list[str] = field(default_factory=list)

    @functools.cached_property
    def data(self) -> ToyBirthPlaces:
        """The toy corpus: another one for each submission."""
        return make(self.submission.snapshot.digest)

    @property
    def _folder(self) -> str:
        """Of the code, with a stroke behind it; "" = the top."""
        return f"{self.submission.code}/" if self.submission.code else ""

    def has(self, file: str) -> bool:
        """Whether a file lies beside the code."""
        return (self.submission.snapshot.root / self.submission.code / file).is_file()

    def run(
        self,
        *words: str,
        wanted: tuple[str, ...] = (),
        given: Mapping[str, bytes] | None = None,
        code: Mapping[str, bytes] | None = None,
        moves: bool = True,
        plain: bool = False,
    ) -> Ran:
        """Run a command; the same command again is not run twice.

        Args:
            words: the name of a Python file in the folder of the code, and its arguments.
            wanted: files that it must write.
            given, code: further files, by name: beside the data, and beside the code.
            moves: whether training changes parameters.
            plain: run it as it was handed in at once.

        Raises:
            WorkerLost: the run itself ends.
        """
        beside = {**(given or {}), **{f"{self._folder}{name}": text for name, text in (code or {}).items()}}
        key = (words, wanted, tuple(sorted((name, hash(text)) for name, text in beside.items())), moves, plain)
        if key not in self.memory:
            self.memory[key] = self._first_that_works(words, wanted, beside, moves, plain)
        found: Ran = self.memory[key]
        return found

    def written(self, ran: Ran, name: str) -> bytes:
        """A file that a command must have written.

        Raises:
            CheckFailed: it has not.
        """
        if name in ran.files:
            return ran.files[name]
        said = [line for line in ran.output.splitlines() if line.strip()][-6:]
        why = f" {ran.problem[0].upper()}{ran.problem[1:]}." if ran.problem else ""
        told = (
            " It printed nothing."
            if not said
            else " The last that it printed:\n" + "\n".join(f"    {line}" for line in said)
        )
        raise CheckFailed(f"On a corpus of a few lines, {ran.command} has not written {name}.{why}{told[:900]}")

    def parameters(self, ran: Ran, name: str) -> Mapping[str, tuple[tuple[int, ...], str]]:
        """Shape and digest of each tensor in a file of parameters that a command must have written.

        Raises:
            CheckFailed: it has not, or they cannot be opened.
        """
        self.written(ran, name)
        if name in ran.unreadable:
            raise CheckFailed(f"What {ran.command} has written cannot be opened: {ran.unreadable[name]}")
        return ran.tensors[name]

    def note(self, text: str) -> None:
        """A remark for the student, once."""
        if text not in self.notes:
            self.notes.append(text)

    def _first_that_works(
        self, words: tuple[str, ...], wanted: tuple[str, ...], given: Mapping[str, bytes], moves: bool, plain: bool
    ) -> Ran:
        """Run a command with ours, with some of ours, and with none, until it has left what it must."""
        best: Ran | None = None
        for parts in [()] if plain else [(*_ABOUT_TRAINING, *_ABOUT_MODELS), _ABOUT_MODELS, ()]:
            ran = self._run(words, wanted, given, self._parts(parts, moves), _ABOUT_TRAINING[0] in parts)
            if best is None or not best.has(wanted) or ran.succeeded:
                best = ran
            if ran.problem or (ran.succeeded and ran.has(wanted)):
                break
        assert best is not None
        return best

    def _run(
        self,
        words: tuple[str, ...],
        wanted: tuple[str, ...],
        given: Mapping[str, bytes],
        parts: Mapping[str, bytes],
        ours: bool,
    ) -> Ran:
        submission = self.submission
        command = [self._folder + words[0], *words[1:]]
        remaining = submission.patience.until - time.monotonic()
        if remaining <= 0:
            raise WorkerLost(Loss.TIMEOUT, "0", during="run")
        data = self.data.files()
        with programs.run(
            submission.zygote,
            submission.snapshot,
            command,
            seconds=min(SECONDS, remaining),
            limits=submission.limits,
            folder_bytes=FOLDER_BYTES,
            also={**data, **given, **parts},
            only="*.py",  # no predictions or parameters of theirs, which could be taken for those of the command
        ) as ended:
            if ended.files is None and submission.patience.until - time.monotonic() <= 0:
                raise WorkerLost(Loss.TIMEOUT, f"{remaining:g}", during="run")
            output = _FOLDER.sub("", ended.output)
            shown = f"`python {clean(' '.join(command), 300)}`"
            if ended.files is None:
                return Ran(shown, output, ended.problem, False, ours, {}, {}, {}, (), ())
            left = ended.files
            files = {name: (left.root / name).read_bytes() for name in wanted if name in left.files}
            tensors, unreadable = {}, {}
            for name in files:
                if name.endswith(".params"):
                    try:
                        tensors[name] = self._opened(left, name)
                    except StudentError as error:
                        unreadable[name] = clean(str(error.facts.get("message", error.kind)), 500)
            changed = tuple(name for name, text in data.items() if _bytes_of(left, name) != text)
            return Ran(shown, output, "", ended.status == 0, ours, files, tensors, unreadable, _events(left), changed)

    def _opened(self, left: intake.Snapshot, name: str) -> dict[str, tuple[tuple[int, ...], str]]:
        """Shape and digest of each tensor, told by a worker that runs nothing of the submission."""
        with replace(self.submission, snapshot=left, code="").open(0) as worker:
            found = weights.describe(worker, name)
        return {tensor: (shape, found.digests[tensor]) for tensor, (_, shape) in found.tensors.items()}

    def _parts(self, names: tuple[str, ...], moves: bool) -> dict[str, bytes]:
        """The files that take the places of the starter's, and those beside which they lie."""
        calls = {
            "trainer": f"trainer(globals(), {moves})",
            "utils": f"utils(globals(), {self.data.vocabulary!r})",
            "attention": "attention(globals())",
            "dataset": "dataset(globals())",
            "models": "models(globals())",
        }
        folder = self._folder
        files = {f"{folder}{_PARTS}.py": Path(command_parts.__file__).read_bytes()} if names else {}
        for name in names:
            own = self.submission.snapshot.root / folder / f"{name}.py"
            if not own.is_file():
                continue
            renamed = f"{name}_as_handed_in"
            files[f"{folder}{renamed}.py"] = own.read_bytes()
            text = _SHIM.format(parts=_PARTS, own=renamed, must=name != "attention", call=calls[name])
            files[f"{folder}{name}.py"] = text.encode()
        return files


def _bytes_of(left: intake.Snapshot, name: str) -> bytes:
    return (left.root / name).read_bytes() if name in left.files else b""


def _events(left: intake.Snapshot) -> tuple[Mapping[str, Any], ...]:
    """What ours wrote down; whatever is no JSON object is passed over."""
    found = []
    for line in _bytes_of(left, command_parts.EVENTS)[: 1 << 20].splitlines()[:MAX_EVENTS]:
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if type(event) is dict:
            found.append(event)
    return tuple(found)
