"""Reading earlier results: both layouts, and what cannot be used is named."""

import json
from pathlib import Path
from typing import Any

import pytest

from gradescope.blank import blank
from gradescope.earlier import EarlierError, find, homework_of, read_earlier
from gradescope.results import write

GOOD: dict[str, Any] = {
    "score": None,
    "output": "Fine.",
    "tests": [{"number": "1", "score": 2, "max_score": 3, "name": "A", "a new field": [1]}],
    "extra_data": {
        "homework": "core",
        "digest": "abc",
        "checks": {"mask.shapes": {"outcome": "passed", "staff": "x"}, "mask.late": {"outcome": "not run"}},
        "record": {
            "derivation": "",
            "seeds": {"mask.shapes": "9223372036854775807"},
            "versions": {},
            "platform": {},
            "device": "cpu",
        },
    },
}


def changed(**data: Any) -> dict[str, Any]:
    """Good results with something else in extra_data."""
    return GOOD | {"extra_data": GOOD["extra_data"] | data}


def test_what_is_read(tmp_path: Path) -> None:
    """Fields that are not needed do no harm; seeds are exact; what was not run is not judged."""
    path = tmp_path / "results.json"
    path.write_text(json.dumps(GOOD), encoding="utf-8")
    earlier = read_earlier(path)
    assert earlier.extra_data.record.seed_numbers() == {"mask.shapes": 2**63 - 1}
    assert list(earlier.judged) == ["mask.shapes"]
    assert [(test.number, test.score) for test in earlier.tests] == [("1", 2.0)]
    assert homework_of(earlier, None).slug == homework_of(earlier, "core").slug == "core"


BAD = {
    "no JSON": ("{", "is no JSON: pass a results.json of run_autograder"),
    "no extra_data": ('{"tests": []}', "has no extra_data: the run had judged nothing, or was an older Headmaster's"),
    "no record": (
        json.dumps(GOOD | {"extra_data": {"homework": "core", "digest": "", "checks": {}}}),
        "has no extra_data.record: the run had judged nothing, or was an older Headmaster's",
    ),
    "a list": ("[]", "the file: found '[]'; "),
    "another type": (json.dumps(changed(checks=3)), "extra_data.checks: found '3'; "),
    "a seed of letters": (
        json.dumps(changed(record=GOOD["extra_data"]["record"] | {"seeds": {"a.b": "x"}})),
        "extra_data.record.seeds.a.b: found 'x'; ",
    ),
}


@pytest.mark.parametrize(("text", "says"), BAD.values(), ids=BAD)
def test_what_cannot_be_used(text: str, says: str, tmp_path: Path) -> None:
    """The message says what was found, what is missing and what to pass."""
    path = tmp_path / "results.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(EarlierError) as caught:
        read_earlier(path)
    assert str(caught.value).startswith(f"{path}")
    assert says in str(caught.value)


def test_a_run_that_judged_nothing(tmp_path: Path) -> None:
    """The blank file is no run to repeat."""
    write(blank("core", "The grading has begun."), tmp_path / "results.json")
    with pytest.raises(EarlierError, match="the run had judged nothing"):
        read_earlier(tmp_path / "results.json")
    with pytest.raises(EarlierError, match="cannot be read: No such file"):
        read_earlier(tmp_path / "nowhere.json")


def test_our_layout(tmp_path: Path) -> None:
    """NAME/results.json with NAME/submission beside it, or with NAME in a folder of submissions; other files are left alone."""
    for name in ("b", "a"):
        (tmp_path / "results" / name).mkdir(parents=True)
        (tmp_path / "results" / name / "results.json").write_text(json.dumps(GOOD), encoding="utf-8")
    (tmp_path / "results" / "notes.txt").write_text("")
    (tmp_path / "results" / "empty").mkdir()
    (tmp_path / "handed_in").mkdir()
    places = find(tmp_path / "results", None)
    assert [(place.name, place.submission) for place in places] == [
        ("a", tmp_path / "results" / "a" / "submission"),
        ("b", tmp_path / "results" / "b" / "submission"),
    ]
    assert places[0].read().extra_data.digest == "abc"
    places = find(tmp_path / "results", tmp_path / "handed_in")
    assert [place.submission for place in places] == [tmp_path / "handed_in" / "a", tmp_path / "handed_in" / "b"]


EXPORT = """---
submission_11:
  :submitters:
  - :name: A Name
    :email: a@example.edu
  :created_at: 2026-11-20 10:00:00.000000000 Z
  :score: 2.0
  :results: RESULTS
  :history: !ruby/object:Something
    id: 1
submission_12:
  :submitters: []
  :status: unprocessed
"""


def test_gradescopes_export(tmp_path: Path) -> None:
    """The export's YAML is read without its names; a submission without results is named, and the others are not lost."""
    text = EXPORT.replace("RESULTS", json.dumps(GOOD))
    (tmp_path / "submission_metadata.yml").write_text(text, encoding="utf-8")
    first, second = find(tmp_path, None)
    assert (first.name, first.submission) == ("submission_11", tmp_path / "submission_11")
    assert first.read().extra_data.record.seeds == {"mask.shapes": "9223372036854775807"}
    assert "example.edu" not in repr(first)
    with pytest.raises(EarlierError, match="submission_12: the file: found 'None'"):
        second.read()


def test_rubys_tags_make_no_objects(tmp_path: Path) -> None:
    """Protects from YAML that runs code: Ruby's tags become plain tables or nothing, Python's are refused."""
    path = tmp_path / "submission_metadata.yml"
    path.write_text("s: !ruby/hash:X\n  :results: !ruby/object:Y {tests: 3}\n  :n: !ruby/sym z\n", encoding="utf-8")
    [place] = find(tmp_path, None)
    assert place.table == {"tests": 3}
    path.write_text("s: !!python/object/apply:os.getcwd []\n", encoding="utf-8")
    with pytest.raises(EarlierError, match="cannot be read as YAML"):
        find(tmp_path, None)


@pytest.mark.parametrize(
    ("text", "says"),
    [("- 1", "expected a key for each submission, found a list"), ("../x: {}", "cannot be the name of a submission")],
)
def test_an_export_that_is_none(text: str, says: str, tmp_path: Path) -> None:
    """A YAML of another kind is named, and no key leads out of the folder."""
    (tmp_path / "submission_metadata.yml").write_text(text, encoding="utf-8")
    with pytest.raises(EarlierError, match=says):
        find(tmp_path, None)


def test_nothing_to_find(tmp_path: Path) -> None:
    """A folder that is not there, or holds no results, is named with what is expected."""
    with pytest.raises(EarlierError, match="there is no folder .*nowhere"):
        find(tmp_path / "nowhere", None)
    with pytest.raises(EarlierError, match="there is no folder .*nowhere"):
        find(tmp_path, tmp_path / "nowhere")
    with pytest.raises(EarlierError, match="holds neither NAME/results.json nor submission_metadata.yml"):
        find(tmp_path, None)
