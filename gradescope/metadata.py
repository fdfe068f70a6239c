"""submission_metadata.json: what Gradescope says about a submission. Nothing that stands in it can stop a grading.

Source: the autograder specification at gradescope-autograders.readthedocs.io, and dates of single students, which are not
documented. What is missing, null or of another kind than documented is None here, with a note for the staff; what is not
known is left out. Names and e-mail addresses are dropped while it is read, and no note repeats a value.
"""

import json
from collections.abc import Iterable
from datetime import datetime, timezone
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

MAX_BYTES = 64 << 20  # the latest submission's results stand in it
MAX_NOTES = 20
_KINDS = (
    (bool, "true or false"),
    ((int, float), "a number"),
    (str, "a text"),
    (list, "a list"),
    (dict, "an object"),
)


def _kind_of(value: object) -> str:
    return next((name for types, name in _KINDS if isinstance(value, types)), "null")


def _note(info: ValidationInfo, field: str | None, found: object, expected: str) -> None:
    notes: list[str] = (info.context or {}).get("notes", [])
    text = f"{field}: expected {expected}, found {_kind_of(found)}"
    if text not in notes and len(notes) < MAX_NOTES:
        notes.append(text)


def _or(default: Any, expected: str) -> WrapValidator:
    """Take the default for what is null or does not fit, and note the latter."""

    def tolerate(value: object, handler: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
        if value is None:
            return default
        try:
            return handler(value)
        except (ValueError, OverflowError):  # a ValidationError is a ValueError
            _note(info, info.field_name, value, expected)
            return default

    return WrapValidator(tolerate)


def _no_truth(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("true and false are no numbers")
    return value


def _as_text(value: object) -> object:
    if isinstance(value, str):
        value.encode()  # half a character could not be written into results.json; its error is a ValueError
    return str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value


def _in_a_zone(value: datetime, info: ValidationInfo) -> datetime:
    """A time without an offset is in that of `created_at`; one that is far off is a mistake, and hard to count with."""
    if not 2000 <= value.year <= 2100:
        raise ValueError("not of this century")
    return value if value.tzinfo else value.replace(tzinfo=(info.context or {}).get("zone", timezone.utc))


def _objects(value: object, handler: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
    """Keep the objects of a list; note what else stands there."""
    if not isinstance(value, list):
        if value is not None:
            _note(info, info.field_name, value, "a list")
        return ()
    for entry in value:
        if not isinstance(entry, dict):
            _note(info, info.field_name, entry, "an object")
    return handler([entry for entry in value if isinstance(entry, dict)])


Text = Annotated[str | None, BeforeValidator(_as_text), _or(None, "a text")]
Number = Annotated[float | None, Field(allow_inf_nan=False), BeforeValidator(_no_truth), _or(None, "a number")]
Count = Annotated[int | None, BeforeValidator(_no_truth), _or(None, "a whole number")]
Moment = Annotated[
    Annotated[datetime, AfterValidator(_in_a_zone)] | None, BeforeValidator(_no_truth), _or(None, "a time")
]
_MOMENT: TypeAdapter[datetime] = TypeAdapter(Annotated[datetime, AfterValidator(_in_a_zone)])


class _Tolerant(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Dates(_Tolerant):
    """When an assignment opens and is due, for everybody or, by an extension, for one student."""

    release_date: Moment = None
    due_date: Moment = None
    late_due_date: Moment = None


class Assignment(Dates):
    """The assignment."""

    id: Text = None
    course_id: Text = None
    title: Text = None
    group_size: Count = None
    group_submission: Annotated[bool | None, _or(None, "true or false")] = None
    total_points: Number = None


class User(_Tolerant):
    """One of those who hand in together. Name and e-mail address are not kept."""

    id: Text = None
    assignment: Annotated[Dates, _or(Dates(), "an object")] = Dates()


class Previous(_Tolerant):
    """An earlier submission. Only of the latest one the results are there."""

    submission_time: Moment = None
    score: Number = None
    autograder_error: Annotated[bool, _or(False, "true or false")] = False
    results: Annotated[dict[str, Any] | None, _or(None, "an object")] = None

    @property
    def facts(self) -> dict[str, Any]:
        """Our own `extra_data` of that run; empty where there is none."""
        facts = (self.results or {}).get("extra_data")
        return facts if isinstance(facts, dict) else {}


class Metadata(_Tolerant):
    """The whole file. `notes` is what the staff should know about it."""

    id: Text = None
    created_at: Moment = None
    assignment_id: Text = None
    assignment: Annotated[Assignment, _or(Assignment(), "an object")] = Assignment()
    submission_method: Text = None
    users: Annotated[tuple[User, ...], WrapValidator(_objects)] = ()
    previous_submissions: Annotated[tuple[Previous, ...], WrapValidator(_objects)] = ()
    notes: tuple[str, ...] = ()

    @classmethod
    def read(cls, path: Path) -> "Metadata":
        """Read the file; what cannot be read at all gives an empty object with a note."""
        try:
            if path.stat().st_size > MAX_BYTES:
                return cls.empty(f"{path.name} is larger than {MAX_BYTES >> 20} MiB and was not read")
            data = json.loads(path.read_bytes())
        except OSError as error:
            return cls.empty(f"{path.name} cannot be read: {error.strerror}")
        except (ValueError, RecursionError):
            return cls.empty(f"{path.name} is no JSON")
        return cls.of(data)

    @classmethod
    def of(cls, data: object) -> "Metadata":
        """Take what is known of parsed JSON."""
        if not isinstance(data, dict):
            return cls.empty(f"the file: expected an object, found {_kind_of(data)}")
        notes: list[str] = []
        context = {"notes": notes, "zone": _zone_of(data.get("created_at"))}
        known = {name: value for name, value in data.items() if name != "notes"}
        found = cls.model_validate(known, context=context)
        if found.created_at is None:
            notes.append("created_at is not known: no limit of submissions, no release by date")
        return found.model_copy(update={"notes": tuple(notes)})

    @classmethod
    def empty(cls, note: str) -> "Metadata":
        """Nothing is known, for the reason given."""
        return cls().model_copy(update={"notes": (note,)})

    @property
    def due_date(self) -> datetime | None:
        """When the submission is due: the latest of its students' dates, each the assignment's without an extension."""
        return _latest(user.assignment.due_date or self.assignment.due_date for user in self._students)

    @property
    def late_due_date(self) -> datetime | None:
        """Until when it may be late, likewise; None where nothing is known of that."""
        return _latest(user.assignment.late_due_date or self.assignment.late_due_date for user in self._students)

    @property
    def is_late(self) -> bool | None:
        """Whether it was handed in after the due date; None where either is not known."""
        if self.created_at is None or self.due_date is None:
            return None
        return self.created_at > self.due_date

    @property
    def _students(self) -> tuple[User, ...]:
        return self.users or (User(),)

    @cached_property
    def earlier(self) -> tuple[tuple[datetime, Previous], ...]:
        """The submissions before this one with their times, the latest last; those without a time are left out."""
        timed = [(each.submission_time, each) for each in self.previous_submissions if each.submission_time is not None]
        now = self.created_at
        return tuple(sorted((pair for pair in timed if now is None or pair[0] < now), key=lambda pair: pair[0]))

    @property
    def latest(self) -> Previous | None:
        """The submission before this one; None if this is the first."""
        return self.earlier[-1][1] if self.earlier else None


def _latest(dates: Iterable[datetime | None]) -> datetime | None:
    return max((date for date in dates if date is not None), default=None)


def _zone_of(created_at: object) -> Any:
    try:
        return _MOMENT.validate_python(_no_truth(created_at)).tzinfo
    except (ValidationError, ValueError, OverflowError):
        return timezone.utc
