"""submission_metadata.json: whatever stands in it, the grading goes on, and nobody's name is kept."""

import copy
import json
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradescope.metadata import MAX_NOTES, Metadata

pytestmark = pytest.mark.torch_free

# the documented example, its names changed, with what is not documented: dates of single students, `assignment_id`
DOCUMENTED: dict[str, Any] = {
    "id": 123456,
    "created_at": "2018-07-01T14:22:32.365935-07:00",
    "assignment_id": 25828,
    "assignment": {
        "due_date": "2018-07-31T23:00:00.000000-07:00",
        "group_size": 4,
        "group_submission": True,
        "id": 25828,
        "course_id": 1234,
        "late_due_date": None,
        "release_date": "2018-07-02T00:00:00.000000-07:00",
        "title": "Programming Assignment 1",
        "total_points": "20.0",
    },
    "submission_method": "upload",
    "users": [
        {"email": "mail-of-one@example.edu", "id": 1234, "name": "Name of One"},
        {
            "email": "mail-of-two@example.edu",
            "id": 5678,
            "name": "Name of Two",
            "assignment": {
                "release_date": "2018-07-02T00:00:00.000000-07:00",
                "due_date": "2018-08-02T23:00:00.000000-07:00",
                "late_due_date": "2018-08-04T23:00:00.000000-07:00",
            },
        },
    ],
    "previous_submissions": [
        {"submission_time": "2018-06-30T21:15:37.000000-07:00", "score": 0.0, "autograder_error": True},
        {
            "submission_time": "2018-07-01T09:00:00.000000-07:00",
            "score": "12.5",
            "autograder_error": False,
            "results": {"tests": [], "extra_data": {"homework": "core", "finished": True}},
        },
    ],
}
examples = settings(derandomize=True, deadline=None, database=None, max_examples=60)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def changed(**fields: Any) -> Metadata:
    """The documented example with some of its fields replaced."""
    return Metadata.of(DOCUMENTED | fields)


def test_the_documented_example_is_read() -> None:
    """Protects every field: typed, numbers as text read as numbers, times with their offsets, nothing noted."""
    found = Metadata.of(DOCUMENTED)
    assert found.notes == ()
    assert (found.id, found.assignment_id, found.submission_method) == ("123456", "25828", "upload")
    assert found.created_at == at("2018-07-01T14:22:32.365935-07:00")
    assignment = found.assignment
    assert (assignment.id, assignment.course_id, assignment.title) == ("25828", "1234", "Programming Assignment 1")
    assert (assignment.group_size, assignment.group_submission, assignment.total_points) == (4, True, 20.0)
    assert assignment.release_date == at("2018-07-02T00:00:00-07:00")
    assert assignment.late_due_date is None
    assert [user.id for user in found.users] == ["1234", "5678"]
    first, second = found.previous_submissions
    assert (first.score, first.autograder_error, first.results, first.facts) == (0.0, True, None, {})
    assert (second.score, second.facts) == (12.5, {"homework": "core", "finished": True})
    assert found.latest is second


def test_no_name_is_kept(tmp_path: Path) -> None:
    """Protects students: no name and no e-mail address is anywhere in what is read, nor in a note about it."""
    odd = copy.deepcopy(DOCUMENTED)
    odd["users"].append("Name of Three <mail-of-three@example.edu>")
    odd["users"][0]["id"] = ["Name of One"]
    odd["created_at"] = "Name of One"
    odd["Name of Four"] = "mail-of-four@example.edu"
    (tmp_path / "m.json").write_text(json.dumps(odd))
    found = Metadata.read(tmp_path / "m.json")
    assert len(found.notes) == 4
    for text in (repr(found), found.model_dump_json(), "\n".join(found.notes)):
        assert "Name of" not in text
        assert "mail-of" not in text


@pytest.mark.parametrize(
    ("text", "note"),
    [
        (b"", "m.json is no JSON"),
        (b"{", "m.json is no JSON"),
        (b"\xff\xfe\x00", "m.json is no JSON"),
        (b"[" * 100_000, "m.json is no JSON"),
        (b'{"id": ' + b"9" * 5000 + b"}", "m.json is no JSON"),
        (b"[1, 2]", "the file: expected an object, found a list"),
        (b"null", "the file: expected an object, found null"),
        (b'"text"', "the file: expected an object, found a text"),
    ],
    ids=range(8),
)
def test_a_broken_file_says_so(tmp_path: Path, text: bytes, note: str) -> None:
    """Protects the grading: an empty object, with the reason for the staff."""
    (tmp_path / "m.json").write_bytes(text)
    assert Metadata.empty(note) == Metadata.read(tmp_path / "m.json")


def test_a_file_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects the grading: no file, a folder, a file that is too large."""
    assert Metadata.read(tmp_path / "m.json").notes == ("m.json cannot be read: No such file or directory",)
    assert Metadata.read(tmp_path).notes == (f"{tmp_path.name} cannot be read: Is a directory",)
    monkeypatch.setattr("gradescope.metadata.MAX_BYTES", 1 << 20)
    (tmp_path / "m.json").write_bytes(b" " * ((1 << 20) + 1))
    assert Metadata.read(tmp_path / "m.json").notes == ("m.json is larger than 1 MiB and was not read",)


@pytest.mark.parametrize(
    ("field", "value", "expected", "note"),
    [
        ("created_at", "2018-07-01T21:22:32Z", at("2018-07-01T21:22:32+00:00"), None),
        ("created_at", "2018-07-01T21:22:32", at("2018-07-01T21:22:32+00:00"), None),
        ("created_at", "2018-07-01T21:22:32+0530", at("2018-07-01T21:22:32+05:30"), None),
        ("created_at", "yesterday", None, "created_at: expected a time, found a text"),
        ("created_at", "9999-12-31T23:59:59Z", None, "created_at: expected a time, found a text"),
        ("created_at", True, None, "created_at: expected a time, found true or false"),
        ("id", None, None, None),
        ("id", {"a": 1}, None, "id: expected a text, found an object"),
        ("id", "\ud800", None, "id: expected a text, found a text"),
        ("submission_method", 3, "3", None),
        ("users", None, (), None),
        ("users", {"id": 1}, (), "users: expected a list, found an object"),
        ("previous_submissions", 3, (), "previous_submissions: expected a list, found a number"),
    ],
)
def test_what_a_field_may_be(field: str, value: object, expected: object, note: str | None) -> None:
    """Protects the types: what reads as the kind that is documented is taken, anything else is None and noted."""
    found = changed(**{field: value})
    assert getattr(found, field) == expected
    assert found.notes[:1] == (() if note is None else (note,))


@pytest.mark.parametrize(
    ("value", "expected"),
    [("20.0", 20.0), (7, 7.0), (None, None), ("many", None), (True, None), (float("nan"), None), ("inf", None)],
    ids=str,
)
def test_numbers(value: object, expected: float | None) -> None:
    """Protects scores: numbers may be text; no number is made of truth values or of what is not finite."""
    found = changed(assignment={"total_points": value}, previous_submissions=[{"score": value}])
    assert (found.assignment.total_points, found.previous_submissions[0].score) == (expected, expected)


def test_a_time_without_an_offset_is_in_that_of_the_submission() -> None:
    """Protects due dates: what Gradescope leaves out is taken from `created_at`; without that it is UTC."""
    naive = {"due_date": "2018-07-31T23:00:00"}
    assert changed(assignment=naive, users=[]).due_date == at("2018-07-31T23:00:00-07:00")
    assert changed(assignment=naive, users=[], created_at=None).due_date == at("2018-07-31T23:00:00+00:00")


def test_notes_are_few() -> None:
    """Protects the results from a file of mistakes: each note once, and not more than stated."""
    assert changed(users=[1, 2, 3]).notes == ("users: expected an object, found a number",)
    assignment: dict[str, Any] = {name: [] for name in DOCUMENTED["assignment"]}
    odd = Metadata.of({name: [] for name in DOCUMENTED} | {"assignment": assignment})
    assert 8 < len(odd.notes) <= MAX_NOTES + 1


# ---------------------------------------------------------------------------------------------------- what it tells


def test_due_dates_are_the_latest_of_the_group() -> None:
    """Protects extensions: one student's counts for the group; who has none has the assignment's date."""
    found = Metadata.of(DOCUMENTED)
    assert (found.due_date, found.late_due_date) == (at("2018-08-02T23:00:00-07:00"), at("2018-08-04T23:00:00-07:00"))
    earlier = {"id": 1, "assignment": {"due_date": "2018-07-30T23:00:00-07:00"}}
    assert changed(users=[earlier, {"id": 2}]).due_date == at("2018-07-31T23:00:00-07:00")
    assert changed(users=[earlier]).due_date == at("2018-07-30T23:00:00-07:00")
    assert changed(users=[]).due_date == at("2018-07-31T23:00:00-07:00")
    assert changed(users=[], assignment=None).due_date is None


def test_lateness() -> None:
    """Protects the staff's view: late is after the due date that holds for this group; unknown is neither."""
    assert Metadata.of(DOCUMENTED).is_late is False
    assert changed(created_at="2018-08-02T23:00:00-07:00").is_late is False
    assert changed(created_at="2018-08-02T23:00:01-07:00").is_late is True
    assert changed(created_at=None).is_late is None
    assert changed(assignment=None, users=None).is_late is None


def test_earlier_submissions_are_those_before_this_one() -> None:
    """Protects re-runs: in order of time, whatever the file's order and offsets; none that came later, none untimed."""
    times = [
        "2018-07-01T21:00:00Z",
        "2018-07-01T10:00:00-07:00",
        None,
        "2018-07-02T00:00:00Z",
        "2018-07-01T14:22:32.365935-07:00",
    ]
    found = changed(previous_submissions=[{"submission_time": time} for time in times])
    expected = [at("2018-07-01T10:00:00-07:00"), at("2018-07-01T21:00:00+00:00")]
    assert [moment for moment, _ in found.earlier] == expected
    assert found.latest is found.earlier[1][1]
    assert changed(previous_submissions=[]).latest is None


def test_without_a_time_of_its_own() -> None:
    """Protects students: the staff reads that limits and releases do not work."""
    found = changed(created_at=None)
    assert found.notes == ("created_at is not known: no limit of submissions, no release by date",)
    assert len(found.earlier) == 2


# ---------------------------------------------------------------------------------------------------- whatever it is

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30) | st.just("2018-07-01T00:00:00"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=6,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of everything in a JSON value."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in entries:
        yield (*path, key)
        yield from places(inner, (*path, key))


def use(found: Metadata) -> None:
    """Ask for everything that is made of it."""
    assert found.due_date is None or found.due_date.tzinfo is not None
    assert found.late_due_date is None or found.late_due_date.tzinfo is not None
    assert found.is_late in (True, False, None)
    assert all(moment.astimezone(timezone.utc).year >= 1999 for moment, _ in found.earlier)
    assert found.latest is None or isinstance(found.latest.facts, dict)
    found.model_dump()
    assert all(isinstance(note, str) for note in found.notes)


@pytest.mark.parametrize("path", list(places(DOCUMENTED)), ids=lambda path: ".".join(map(str, path)))
def test_each_field_may_be_missing_or_null(path: tuple[Any, ...]) -> None:
    """Protects the grading from a change of the platform: no field is needed."""
    for missing in (True, False):
        data = copy.deepcopy(DOCUMENTED)
        parent: Any = data
        for key in path[:-1]:
            parent = parent[key]
        if missing:
            del parent[path[-1]]
        else:
            parent[path[-1]] = None
        use(Metadata.of(data))


@examples
@given(data=st.data())
def test_each_field_may_be_of_any_type(data: st.DataObject) -> None:
    """Protects the grading: whatever replaces whichever fields, reading it raises nothing."""
    document = copy.deepcopy(DOCUMENTED)
    for path in data.draw(st.lists(st.sampled_from(list(places(DOCUMENTED))), min_size=1, max_size=3)):
        parent: Any = document
        try:
            for key in path[:-1]:
                parent = parent[key]
            parent[path[-1]] = data.draw(json_values)
        except (TypeError, KeyError, IndexError):
            continue  # an earlier edit has removed the place
    use(Metadata.of(document))


@examples
@given(value=json_values, raw=st.binary(max_size=40))
def test_anything_may_be_the_file(tmp_path_factory: pytest.TempPathFactory, value: Any, raw: bytes) -> None:
    """Protects the grading: any JSON, any bytes."""
    path = tmp_path_factory.getbasetemp() / "metadata.json"
    for text in (json.dumps(value).encode(), raw):
        path.write_bytes(text)
        use(Metadata.read(path))
