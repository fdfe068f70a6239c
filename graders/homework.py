"""A homework: what an instructor edits (`homeworks/<slug>.toml`) and its binding (`homeworks/<slug>.py`)."""

import difflib
import importlib
import importlib.util
import sys
import traceback
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from .timing_table import TimingTable
from .trained_data import DataError
from .trained_items import by_people, with_data
from .trained_table import TrainedTable

if TYPE_CHECKING:
    from .student import Binding

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

HOMEWORKS = Path(__file__).parent / "homeworks"
Points = Annotated[Decimal, Field(ge=0, max_digits=7, decimal_places=2)]
Weight = Annotated[float, Field(ge=0, le=1000)]
Level = Literal["full", "hint", "verdict"]
Visibility = Literal["visible", "hidden", "after_due_date", "after_published"]
_LATER = ("visible", "after_due_date", "after_published", "hidden")  # from the earliest to never
Tag = Annotated[str, Field(min_length=1, max_length=50)]


class HomeworkError(Exception):
    """A homework's files cannot be used; the message names file, key, what was found and what is allowed."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _moment(found: object) -> datetime:
    """A time of the TOML; a date is its first moment. Without an offset it is meant where the run is (see `Item`)."""
    if isinstance(found, datetime):
        return found
    if isinstance(found, date):
        return datetime.combine(found, time.min)
    raise ValueError(f"found {found!r}; write a date, 2026-12-01, or a time, 2026-12-01T18:00:00-05:00, without quotes")


class Item(_Strict):
    """One item of the handout.

    `auto` is graded here, `manual` by people, `pending` will be `auto` and counts as manual until then. An item that is
    not `visible` becomes so in runs from `release` on; a time without an offset is in that of the run's `created_at`.
    One that `needs_data` is `auto` where the staff's data is there (`[trained]`), and else becomes `manual`.
    """

    number: str = Field(min_length=1, max_length=20)
    title: str = Field(min_length=1, max_length=120)
    points: Points
    kind: Literal["auto", "manual", "pending"]
    tasks: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    timing: tuple[str, ...] = ()
    needs_data: bool = False
    weights: dict[str, Weight] = {}
    advice: tuple[str, ...] = ()
    visibility: Visibility = "visible"
    release: Annotated[datetime, BeforeValidator(_moment)] | None = None
    tags: tuple[Tag, ...] = ()
    extra_credit: bool = False
    note: str = ""

    @model_validator(mode="after")
    def _tasks_fit_the_kind(self) -> "Item":
        if self.kind == "auto" and not self.tasks and not self.rules and not self.timing:
            raise ValueError("an auto item needs at least one task in `tasks`, or a check in `rules` or `timing`")
        if self.kind != "auto" and (self.tasks or self.rules or self.timing or self.weights or self.advice):
            raise ValueError(f"a {self.kind} item has no `tasks`, `rules`, `timing`, `weights` or `advice`")
        if self.kind != "auto" and (self.release or self.tags):
            raise ValueError(f"a {self.kind} item has no `release` or `tags`: it does not stand in results.json")
        if self.kind != "auto" and self.needs_data:
            raise ValueError(f'a {self.kind} item has no `needs_data`: write kind = "auto"')
        if self.needs_data != any(rule.startswith("trained.") for rule in self.rules):
            raise ValueError(
                "an item whose `rules` name checks of trained models has `needs_data = true`, and no other has"
            )
        if self.release is not None and self.visibility == "visible":
            raise ValueError("`release` is for what is not visible before: set `visibility` to what holds until then")
        return self

    def is_released(self, moment: datetime | None) -> bool:
        """Whether a run of this moment is one in which the item has become visible by its date."""
        if self.release is None or moment is None:
            return False
        release = self.release if self.release.tzinfo else self.release.replace(tzinfo=moment.tzinfo)
        return moment >= release

    @property
    def is_hidden(self) -> bool:
        """Whether its students do not see it at once, or the staff's data is read for it."""
        return self.visibility != "visible" or self.needs_data

    def has(self, name: str) -> bool:
        """Whether a check, named by its id, or a task belongs to it."""
        return name in self.rules or name in self.timing or name.partition(".")[0] in self.tasks


class Files(_Strict):
    """Where the code lies: folder ("" = the submission's root) and names of the files asked for."""

    folder: str = ""
    names: tuple[str, ...] = Field(min_length=1)


class RuleTable(_Strict):
    """What the handout demands of the files themselves; see `graders/test_rules.py`. Patterns are those of a shell.

    Attributes:
        required: each entry lists the names of which one must be there, in any folder.
        exactly: how many files are handed in, no more and no fewer.
        suffixes: folder → the endings of the files that may lie in it.
        pdf: whether a PDF must be among the files.
        classes: the definitions that the rules below are about.
        forbidden: dotted names that these definitions, and what they use, must not use.
        packages: the packages that the handout lists.
        text: pattern of a text file of the student's own choice, and the numbers of characters that it may have.
        same: (file, definitions): the file and the notebook must define these alike.
        template: the course's own template, a path beside the TOML; without it ours is taken, which says nothing about
            submissions that started from another one.
    """

    required: tuple[tuple[str, ...], ...] = ()
    exactly: int | None = Field(default=None, ge=1)
    suffixes: dict[str, tuple[str, ...]] = {}
    pdf: bool = False
    classes: tuple[str, ...] = ()
    forbidden: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    text: tuple[str, int, int] | None = None
    same: tuple[str, tuple[str, ...]] | None = None
    template: str | None = None


# what a rule says stands in this key of the table
_KEYS_OF_RULES = {
    "rules.files_are_there": "required",
    "rules.no_forbidden_function": "forbidden",
    "rules.text_of_ones_own": "text",
    "rules.listed_packages_only": "packages",
    "rules.file_equals_notebook": "same",
    "rules.signatures_are_unchanged": "classes",
    "rules.code_only_in_todo_sections": "classes",
}


class LimitTable(_Strict):
    """Seconds and bytes that the student's code may use."""

    seconds_per_import: float = Field(default=20, gt=0, le=600)
    seconds_per_call: float = Field(default=10, gt=0, le=600)
    seconds_per_check: float = Field(default=90, gt=0, le=2400)
    seconds_in_all: float = Field(default=480, gt=0, le=2400)
    memory_mib: int = Field(default=4096, ge=1024, le=65536)


class GradescopeTable(_Strict):
    """What Gradescope does with the results; see docs/gradescope.md.

    Attributes:
        submissions_per_day: how many submissions of a day are graded; without it, all.
        show_changes: whether students read what has changed since their last submission.
        stdout_visibility: who may see what `run_autograder` prints, a line per check.
        leaderboard: what the leaderboard ranks, in this order.
    """

    submissions_per_day: int | None = Field(default=None, ge=1, le=1000, strict=True)
    show_changes: bool = False
    stdout_visibility: Visibility = "hidden"
    leaderboard: tuple[Literal["points", "seconds"], ...] = ()


class Waiver(_Strict):
    """A check that is void: it is not run and counts as passed for everybody, and students read the reason."""

    check: str = Field(min_length=1)
    reason: str = Field(min_length=1, max_length=500)


class Config(_Strict):
    """A homework's TOML. `feedback` is how much of a failed check its students are told; see `telling.py`."""

    title: str = Field(min_length=1, max_length=120)
    feedback: Level = "full"
    handout_points: Points | None = None
    handout_note: str = ""
    files: Files
    limits: LimitTable = LimitTable()
    rules: RuleTable = RuleTable()
    trained: TrainedTable | None = None
    timing: TimingTable = TimingTable()
    gradescope: GradescopeTable = GradescopeTable()
    waivers: tuple[Waiver, ...] = Field(alias="waiver", default=())
    items: tuple[Item, ...] = Field(alias="item", min_length=1)

    @model_validator(mode="after")
    def _items_fit_together(self) -> "Config":
        numbers = [item.number for item in self.items]
        for number in numbers:
            if numbers.count(number) > 1:
                raise ValueError(f"item number {number!r} occurs twice")
        _require_once("task", "a task", [task for item in self.items for task in item.tasks])
        rules = [rule for item in self.items for rule in item.rules]
        _require_once("rule", "a check", rules)
        for rule in rules:
            key = _KEYS_OF_RULES.get(rule)
            if key is not None and not getattr(self.rules, key):
                raise ValueError(f"rule {rule!r} needs the key {key!r} in the table [rules]")
            if rule.startswith("trained.") and (lacking := "trained" if not self.trained else self.trained.lacks(rule)):
                raise ValueError(f"rule {rule!r} needs the table [{lacking}]")
        timed = [check for item in self.items for check in item.timing]
        _require_once("timing check", "a check", timed)
        self.timing.require_listed(timed)
        total = sum((item.points for item in self.items if not item.extra_credit), Decimal(0))
        if self.handout_points is not None and total != self.handout_points:
            raise ValueError(f"the items have {total} points together, handout_points says {self.handout_points}")
        return self

    @model_validator(mode="after")
    def _gradescope_fits_the_items(self) -> "Config":
        ranked = self.gradescope.leaderboard
        if len(set(ranked)) < len(ranked):
            raise ValueError(f"`leaderboard` names something twice: {', '.join(ranked)}")
        waived = [waiver.check for waiver in self.waivers]
        for check in waived:
            if waived.count(check) > 1:
                raise ValueError(f"check {check!r} is waived twice; write one [[waiver]] for it")
        shown = self.gradescope.stdout_visibility
        for item in self.auto_items:
            if _LATER.index(item.visibility) > _LATER.index(shown):
                raise ValueError(
                    f"stdout_visibility is {shown!r}, but item {item.number} is {item.visibility!r}, and what is printed "
                    f"tells of all items: allow stdout_visibility = {item.visibility!r} at the earliest"
                )
        return self

    def waived(self, check: str) -> str:
        """Why a check, named by its id, is waived; empty if it is not."""
        return next((waiver.reason for waiver in self.waivers if waiver.check == check), "")

    @property
    def without_data(self) -> tuple[Item, ...]:
        """The items that people grade because the staff's data is not there."""
        return tuple(item for item in self.items if item.needs_data and item.kind != "auto")

    def without_timing(self) -> "Config":
        """The same without checks of time."""
        items = [item.model_copy(update={"timing": ()}) for item in self.items]
        kept = tuple(item for item in items if item.kind != "auto" or item.tasks or item.rules)
        return self.model_copy(update={"items": kept, "timing": TimingTable()})

    @property
    def auto_items(self) -> tuple[Item, ...]:
        """The items that are graded here, in the handout's order."""
        return tuple(item for item in self.items if item.kind == "auto")


def _require_once(what: str, each: str, names: list[str]) -> None:
    """Raise ValueError if a name that items list occurs twice."""
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{what} {name!r} belongs to two items; {each} counts once")


class Homework(BaseModel):
    """A homework, ready to grade."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    slug: str
    config: Config
    binding: Any  # a Binding; pydantic would copy a Mapping
    folder: Path = HOMEWORKS  # of the TOML

    def without_timing(self) -> "Homework":
        """The same without checks of time."""
        return self.model_copy(update={"config": self.config.without_timing()})

    def without_trained(self) -> "Homework":
        """The same for submissions without trained models, such as the solution: what needs data is for people."""
        return self.model_copy(update={"config": by_people(self.config)})

    def of_code_alone(self) -> "Homework":
        """The same for whoever asks whether code is right, and needs the same answer each time."""
        return self.without_trained().without_timing()

    def item_of(self, name: str) -> Item | None:
        """The graded item that a check, named by its id, or a task belongs to."""
        return next((item for item in self.config.auto_items if item.has(name)), None)


def available() -> list[str]:
    """The slugs of the homeworks that ship."""
    return sorted(path.stem for path in HOMEWORKS.glob("*.toml"))


def load(name: str) -> Homework:
    """Read and check a homework.

    Args:
        name: a slug, or the path of a TOML of an instructor's own, with its binding beside it.

    Raises:
        HomeworkError: unknown slug, or a file that cannot be used.
    """
    config, path = config_of(name), toml_of(name)
    slug, binding = path.stem, _binding_of(path)
    for item in config.auto_items:
        for task in item.tasks:
            if task not in binding:
                raise HomeworkError(
                    f"{slug}.toml: item {item.number}: found task {task!r} in `tasks`; "
                    f"the binding {slug}.py offers {', '.join(sorted(binding))}"
                )
    return Homework(slug=slug, config=config, binding=binding, folder=path.parent)


def _binding_of(path: Path) -> "Binding":
    """Import the binding beside a TOML. It is the staff's own code, run where the judge is."""
    slug = path.stem
    module = f"graders.homeworks.{slug}"
    file = path.with_suffix(".py")
    try:
        if path.parent == HOMEWORKS:
            loaded = importlib.import_module(module)
        else:
            spec = importlib.util.spec_from_file_location(f"headmaster_homework_{slug}", file)
            assert spec is not None
            assert spec.loader is not None
            loaded = importlib.util.module_from_spec(spec)
            sys.modules[spec.name] = loaded  # dataclasses look themselves up there
            spec.loader.exec_module(loaded)
    except Exception as error:
        if isinstance(error, FileNotFoundError) or (isinstance(error, ModuleNotFoundError) and error.name == module):
            raise HomeworkError(
                f"{slug}.toml has no binding beside it: write {slug}.py, as docs/adding-a-homework.md says"
            ) from None
        raise HomeworkError(f"{slug}.py cannot be imported: {_in_one_line(error, file)}") from error
    try:
        binding: Binding = loaded.BINDING
    except AttributeError:
        raise HomeworkError(f"{slug}.py defines no BINDING: write BINDING = {{task: Offer(open), …}}") from None
    return binding


def _in_one_line(error: Exception, file: Path) -> str:
    """What kind of error, its text, and the line of a file that it came from."""
    if isinstance(error, SyntaxError):
        return f"SyntaxError in line {error.lineno}: {error.msg}"
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(file)]
    return f"{type(error).__name__}{f' in line {lines[-1]}' if lines else ''}: {error}"


def toml_of(name: str) -> Path:
    """The TOML of a homework that ships, by its slug, or of an instructor's own, by its path.

    Raises:
        HomeworkError: there is none.
    """
    if name.endswith(".toml"):
        path = Path(name).resolve()
        if not path.is_file():
            raise HomeworkError(f"there is no file {name}: pass the path of a homework's TOML, or one of: {_slugs()}")
        return path
    if name not in available():
        near = difflib.get_close_matches(name, available(), n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        own = " One of your own is named by the path of its TOML." if not hint else ""
        raise HomeworkError(f"there is no homework {name!r}; there are: {_slugs()}.{hint}{own}")
    return HOMEWORKS / f"{name}.toml"


def _slugs() -> str:
    return ", ".join(available())


def config_of(name: str) -> Config:
    """Read and check the TOML of a homework, by slug or path; needs no torch.

    Raises:
        HomeworkError: unknown slug, or a file that cannot be used.
    """
    return read_config(toml_of(name))


def read_config(path: Path) -> Config:
    """Read and check a homework's TOML.

    Raises:
        HomeworkError: names the file, and for each mistake the key, what was found and what is allowed.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:  # not UTF-8, not TOML, or a number of more digits than Python reads
        raise HomeworkError(f"{path.name}: cannot be read as TOML: {error}") from error
    except RecursionError:
        raise HomeworkError(f"{path.name}: cannot be read as TOML: it is nested too deeply") from None
    try:
        return with_data(Config.model_validate(table), path)
    except DataError as error:
        raise HomeworkError(f"{path.name}: [trained]: {error}") from None
    except ValidationError as error:
        lines = [f"{path.name}: {_explain(mistake)}" for mistake in error.errors()]
        raise HomeworkError("\n".join(lines)) from None


def check_ids(homework: Homework, known: list[str]) -> None:
    """Check that the TOML names only checks that exist for its tasks.

    Raises:
        HomeworkError: an unknown id in `rules`, `timing`, `weights`, `advice` or a waiver, with the nearest known one.
    """
    for waiver in homework.config.waivers:
        if waiver.check not in known or homework.item_of(waiver.check) is None:
            near = difflib.get_close_matches(waiver.check, [name for name in known if homework.item_of(name)], n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise HomeworkError(
                f"{homework.slug}.toml: [[waiver]]: `check` names {waiver.check!r}, which is no check of a graded item{hint}"
            )
    for item in homework.config.auto_items:
        for found in item.timing:
            if found in known and not any(found.startswith(f"timing.{task}_") for task in homework.binding):
                raise HomeworkError(
                    f"{homework.slug}.toml: item {item.number}: `timing` names {found!r}, which is about none of the tasks "
                    f"that the binding {homework.slug}.py offers: {', '.join(sorted(homework.binding))}"
                )
        for key, ids in (
            ("rules", item.rules),
            ("timing", item.timing),
            ("weights", tuple(item.weights)),
            ("advice", item.advice),
        ):
            for found in ids:
                if found not in known or not item.has(found):
                    near = difflib.get_close_matches(found, known, n=1)
                    hint = f"; did you mean {near[0]!r}?" if near else ""
                    raise HomeworkError(
                        f"{homework.slug}.toml: item {item.number}: `{key}` names {found!r}, which is no check of "
                        f"{', '.join([*item.tasks, *item.rules, *item.timing])}{hint}"
                    )


def _explain(mistake: Any) -> str:
    place = ".".join(str(part + 1) if isinstance(part, int) else str(part) for part in mistake["loc"]) or "the file"
    if mistake["type"] == "extra_forbidden":
        above = "; it must stand above the first [table]" if mistake["loc"][-1] in Config.model_fields else ""
        return f"{place}: found a key that is not known here; remove it or correct its spelling{above}"
    message = mistake["msg"].removeprefix("Value error, ")
    if mistake["type"] in ("missing", "value_error"):
        return f"{place}: {message}"
    return f"{place}: found {_shown(mistake['input'])}; {message[0].lower()}{message[1:]}"


def _shown(found: Any) -> str:
    try:
        return repr(found)
    except ValueError:  # hexadecimal, so read, but of more digits than Python writes
        return "a number of thousands of digits, or something with one"
