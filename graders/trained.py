"""A submission's trained models as the checks of `test_thresholds.py` see them: files, and code that runs in a worker."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath

from sandbox.client import Submission, Worker
from sandbox.errors import StudentError, WorkerLost
from sandbox.weights import Weights, describe

from .proportions import at_least
from .trained_data import DEV, TEST, BirthPlaces, read_birth_places
from .trained_files import Predictions, Questions, read_predictions, right_lines
from .trained_model import MASK, Answering, open_answering, same
from .trained_table import BirthPlacesTable, ModelTable, TrainedTable
from .verdict import CheckFailed

HONEST = 0.05  # share of answers that another device's arithmetic may change, generously
ALPHA = 5e-4  # each of two counts is doubted below this probability: an honest file 1 time in 1000 at most
PARTS = ("dev", "test")
COUNTING = (100, 250)  # questions after which it is looked whether an accuracy is clear


@dataclass(frozen=True)
class Asked:
    """Questions of one file that were put to a model again.

    Attributes:
        file: with the predictions.
        n, agree: how many were asked, and to how many the model answers as the file does.
        n_right, agree_right: the same among those to which the file's answer is right.
    """

    file: str
    n: int
    agree: int
    n_right: int = 0
    agree_right: int = 0


@dataclass(frozen=True)
class Again:
    """What came of asking a model again.

    Attributes:
        asked: by file.
        doubted: the probability of it for an honest file, where that is small; None = no doubt.
        looks_up: whether the model answers as the file does under the usual numbers of characters, and only there.
        relabelled: whether the characters had other numbers.
    """

    asked: tuple[Asked, ...]
    doubted: float | None
    looks_up: bool
    relabelled: bool


@dataclass
class Trained:
    """The canonical form of the task `trained`.

    Attributes:
        submission: its snapshot is what was handed in.
        worker: opens checkpoints, and then runs the student's code.
        table: what the TOML says.
        folder: of the TOML.
        notes: for the student, with a check that has passed.
        staff: figures for the staff alone.
    """

    submission: Submission
    worker: Worker
    table: TrainedTable
    folder: Path
    notes: list[str] = field(default_factory=list)
    staff: list[str] = field(default_factory=list)
    _looked: dict[str, Weights] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self.worker.journal = None  # what is asked of a model is long, and its answers are no case to repeat

    # ------------------------------------------------------------------------------------------ data and files

    @property
    def data(self) -> Path:
        """The staff's folder."""
        return self.folder / self.table.data

    @cached_property
    def birth_places(self) -> BirthPlaces:
        """The staff's questions and answers."""
        return read_birth_places(self.data)

    @property
    def places_table(self) -> BirthPlacesTable:
        """What the TOML says of models of birth places."""
        assert self.table.birth_places is not None
        return self.table.birth_places

    def model(self, name: str) -> ModelTable:
        """What the TOML says of one of these models."""
        return self.places_table.models[name]

    def questions(self, part: str) -> Questions:
        """The questions of `dev` or `test`."""
        data = self.birth_places
        if part == "dev":
            return Questions(DEV, data.dev, data.dev_places)
        return Questions(TEST, data.test, data.test_places)

    def find(self, name: str) -> str | None:
        """The path of a file in the submission, by its name; the one that lies highest. Case does not count."""
        found = [file for file in self.submission.snapshot.files if PurePosixPath(file).name.lower() == name.lower()]
        return min(found, key=lambda file: (file.count("/"), file), default=None)

    def path_of(self, name: str) -> str:
        """The same for a file that must be there.

        Raises:
            CheckFailed: it is not.
        """
        path = self.find(name)
        if path is None:
            raise CheckFailed(f"There is no file {name} in the submission. Add it, with this name.")
        return path

    def bytes_of(self, name: str) -> bytes:
        """The contents of a file that must be there."""
        return (self.submission.snapshot.root / self.path_of(name)).read_bytes()

    def predictions(self, model: ModelTable, part: str) -> Predictions:
        """The predictions of a model for `dev` or `test`.

        Raises:
            CheckFailed: there is no such file, or it is no text.
        """
        name = model.predictions(part)
        other = "test" if part == "dev" else "dev"
        return read_predictions(name, self.bytes_of(name), self.questions(part), self.questions(other))

    # ------------------------------------------------------------------------------------------ parameters

    def look_at(self, name: str) -> Weights:
        """What is in a checkpoint. To be asked before anything of the submission is imported.

        Raises:
            CheckFailed: there is no such file.
            StudentError, WorkerLost: it cannot be opened.
        """
        if name not in self._looked:
            self._looked[name] = describe(self.worker, self.path_of(name))
        return self._looked[name]

    def opened(self, model: ModelTable) -> Answering:
        """The model, made by the student's code and filled with the parameters that were handed in.

        Raises:
            CheckFailed: there are none, or they do not fit.
            StudentError, WorkerLost: as of any call.
        """
        path, looked = self.path_of(model.parameters), self.look_at(model.parameters)
        return open_answering(self.worker, self.places_table, model, path, looked, self.birth_places.characters)

    # ------------------------------------------------------------------------------------------ asking again

    def put_again(
        self,
        answering: Answering,
        handed_in: Mapping[str, Predictions],
        counts: Mapping[str, int],
        rng: random.Random,
        of_right: float = 0.5,
    ) -> "Again":
        """Put questions of some files to a model again, under other numbers for its characters where that can be done.

        Where that contradicts the files, the same questions are put under the usual numbers. The model ends with others.

        Args:
            answering: the model.
            handed_in: the files, by part.
            counts: how many questions of each part.
            rng: draws them.
            of_right: of dev, the share that is drawn from lines that are right, if there are enough. Of test all are drawn
                alike: the worker sees which, and could tell the student whose lines are right.
        """
        state, other_numbers = rng.getstate(), random.Random(rng.random())
        relabelled = answering.relabel(other_numbers)

        def ask() -> list[Asked]:
            rng.setstate(state)
            return [
                self.ask_again(answering, found, part, rng, counts[part], of_right) for part, found in handed_in.items()
            ]

        asked = ask()
        doubted = doubt(asked)
        looks_up = False
        if doubted is not None and relabelled:
            answering.restore()
            looks_up = doubt(ask()) is None
            answering.relabel(other_numbers)
        return Again(tuple(asked), doubted, looks_up, relabelled)

    def ask_again(
        self,
        answering: Answering,
        handed_in: Predictions,
        part: str,
        rng: random.Random,
        count: int,
        of_right: float,
    ) -> Asked:
        """Put some questions of one file to a model again; see `put_again`."""
        asked = self.questions(part)
        right = set(right_lines(handed_in.lines, asked.places)) if asked.places is not None else set()
        chosen = _drawn(rng, range(len(asked.questions)), right if part == "dev" else set(), count, of_right)
        chosen = [i for i in chosen if i < len(handed_in.lines)]
        best: list[bool] = []
        for form in _forms(part):
            known = [i for i in chosen if answering.knows(form.format(asked.questions[i]))]
            if not known:
                continue
            supposed = [handed_in.lines[i] for i in known]
            answers = answering.answers([form.format(asked.questions[i]) for i in known], supposed)
            equal = [same(line, answer) for line, answer in zip(supposed, answers, strict=True)]
            if not best or sum(equal) > sum(best):
                best, chosen_known = equal, known
            if sum(best) >= len(best) - 1:
                break
        if not best:
            return Asked(handed_in.name, 0, 0)
        among = [agrees for i, agrees in zip(chosen_known, best, strict=True) if i in right]
        return Asked(handed_in.name, len(best), sum(best), len(among), sum(among))

    def right_again(
        self, answering: Answering, part: str, rng: random.Random, is_clear: Callable[[int, int], bool]
    ) -> tuple[int, int]:
        """Of some questions, drawn from all, how many the model itself answers rightly; and how many were asked.

        Args:
            answering: the model.
            part: of the questions.
            rng: draws them.
            is_clear: whether so many right answers of so many are enough to know; otherwise more are asked, up to all.
        """
        asked = self.questions(part)
        assert asked.places is not None
        chosen = rng.sample(range(len(asked.questions)), len(asked.questions))
        # all answers are cut at the same length: what a worker sees must not depend on what is right
        longest = max(map(len, asked.places)) + 1
        right, n = dict.fromkeys(_forms(part), 0), 0
        for until in (*COUNTING, len(chosen)):
            batch = chosen[n:until]
            for form in right:
                known = [i for i in batch if answering.knows(form.format(asked.questions[i]))]
                answers = answering.answers([form.format(asked.questions[i]) for i in known], longest=longest)
                right[form] += sum(same(asked.places[i], a) for i, a in zip(known, answers, strict=True))
            n += len(batch)
            if is_clear(max(right.values()), n):
                break
        return max(right.values()), n


def doubt(asked: Sequence[Asked]) -> float | None:
    """The probability of so many differences in an honest file, if it is below `ALPHA`; None if there is no doubt.

    All questions count, and those with right answers on their own: there a file that was improved by hand shows.
    """
    n, differ = sum(a.n for a in asked), sum(a.n - a.agree for a in asked)
    n_right, differ_right = sum(a.n_right for a in asked), sum(a.n_right - a.agree_right for a in asked)
    least = min(at_least(differ, n, HONEST), at_least(differ_right, n_right, HONEST))
    return least if least < ALPHA else None


def figures(asked: Sequence[Asked]) -> str:
    """What was asked and found, for the staff."""
    return "; ".join(
        f"{a.file}: {a.agree} of {a.n} agree, {a.agree_right} of {a.n_right} where the file is right" for a in asked
    )


def try_to_look(trained: Trained, name: str) -> Weights | None:
    """What is in a checkpoint, or None where it is not there or cannot be opened: another check says so.

    It is opened in a worker of its own, which it may end.
    """
    path = trained.find(name)
    if path is None:
        return None
    try:
        with trained.submission.open(0) as worker:
            return describe(worker, path)
    except (StudentError, WorkerLost) as error:
        if isinstance(error, WorkerLost) and error.during == "run":
            raise
        return None


def _forms(part: str) -> tuple[str, ...]:
    """How a question is put: lines of the test file keep their line break in the starter's evaluation."""
    return ("{}\n" + MASK, "{}" + MASK) if part == "test" else ("{}" + MASK,)


def _drawn(rng: random.Random, numbers: Sequence[int], right: set[int], count: int, of_right: float) -> list[int]:
    """So many numbers, a share of them from `right` if there are enough, in random order."""
    first, second = [i for i in numbers if i in right], [i for i in numbers if i not in right]
    n_first = min(len(first), max(round(count * of_right), count - len(second)))
    chosen = rng.sample(first, n_first) + rng.sample(second, min(len(second), count - n_first))
    rng.shuffle(chosen)
    return chosen
