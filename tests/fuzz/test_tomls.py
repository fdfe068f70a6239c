"""TOMLs with mistakes of every kind: an instructor reads which file, which key, and what is allowed."""

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graders import homework
from graders.homework import HomeworkError, read_config
from tests.fuzz import tomls

pytestmark = pytest.mark.torch_free

examples = settings(derandomize=True, deadline=None, database=None, max_examples=40)
REAL = [homework.tomllib.loads(text) for text in tomls.real()]


def written(value: Any) -> str:
    """A value as TOML, tables inline."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value).replace("\x7f", "\\u007f")
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {written(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(written, value)) + "]"
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)
    return str(value)


def document(table: dict[str, Any]) -> bytes:
    return "".join(f"{json.dumps(key)} = {written(value)}\n" for key, value in table.items()).encode()


texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=6)
anything = st.recursive(
    st.booleans()
    | st.integers()
    | st.floats()
    | texts
    | st.sampled_from(["auto", "manual", "mask", "rules.packages", "*.py"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=2),
    max_leaves=5,
)
ODD = st.one_of(
    anything, st.sampled_from([10**400, -(10**4000), 1e308, -0.0, math.nan, math.inf, "x" * 500, [], {}, [[]]])
)


def tables_in(value: Any) -> list[Any]:
    """Every table and array in a document, the outermost first."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return [value] * isinstance(value, (dict, list)) + [table for item in inner for table in tables_in(item)]


def change(draw: st.DrawFn, place: Any) -> None:
    """Drop, rename, retype or double one key of a table or one item of an array, in place."""
    keys = list(place) if isinstance(place, dict) else list(range(len(place)))
    if not keys:
        return
    key = draw(st.sampled_from(keys))
    kind = draw(st.integers(0, 3))
    if kind == 0:
        del place[key]
    elif kind == 1 and isinstance(place, dict):
        place[draw(texts | st.sampled_from(["tasks", "points", "item", "kind", f"{key}s"]))] = place.pop(key)
    elif kind == 2 and isinstance(place, list):
        place.append(place[key])
    else:
        place[key] = draw(ODD)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A TOML that ships, cut to a few items, with one to three changes."""
    table = json.loads(json.dumps(draw(st.sampled_from(REAL))))
    first = draw(st.integers(0, len(table["item"]) - 1))
    table["item"] = table["item"][first : first + 3]
    if draw(st.booleans()):
        table.pop("handout_points", None)
    for _ in range(draw(st.integers(0, 3))):
        change(draw, draw(st.sampled_from(tables_in(table))))
    return document(table)


@examples
@given(data=mutated())
def test_a_real_toml_with_keys_changed(data: bytes) -> None:
    """Protects instructors: a key that is missing, misspelt or of a wrong type is an error that they can act on."""
    tomls.target(data)


@settings(examples, max_examples=30)
@given(seed=st.sampled_from(tomls.seeds()), data=st.data())
def test_a_real_toml_cut_and_bent(seed: bytes, data: st.DataObject) -> None:
    """Protects instructors from a slip of the hand anywhere in the file."""
    at = data.draw(st.integers(0, len(seed)))
    tomls.target(seed[:at] + data.draw(st.binary(max_size=3)) + seed[at + data.draw(st.integers(0, 50)) :])


HEAD = b'title = "x"\nfiles = { names = ["x"] }\n'
ITEM = b'[[item]]\nnumber = "1"\ntitle = "x"\nkind = "auto"\ntasks = ["mask"]\n'
HOSTILE = {
    "deep arrays": b"a = " + b"[" * 20_000,
    "deep tables": b"a = " + b"{a=" * 20_000,
    "a deep key": b"a" + b".a" * 500 + b" = 1",
    "a deep header": b"[a" + b".a" * 500 + b"]",
    "5,000 digits": HEAD + b"handout_points = " + b"7" * 5000 + b"\n",
    "5,000 digits of a key that is not known": b"a = " + b"7" * 5000,
    "a hexadecimal number of 5,000 digits": HEAD + b"handout_points = 0x" + b"f" * 5000,
    "the same as a title": b"title = 0x" + b"f" * 5000 + b"\n",
    "the same as a weight": HEAD + ITEM + b'points = 1\nweights = { "mask.x" = 0x' + b"f" * 5000 + b" }\n",
    "the same as a limit": HEAD + b"limits.seconds_in_all = 0x" + b"f" * 5000 + b"\n" + ITEM + b"points = 1\n",
    "points of NaN": HEAD + ITEM + b"points = nan\n",
    "points without end": HEAD + ITEM + b"points = inf\n",
    "points beyond float64": HEAD + ITEM + b"points = 1e400\n",
    "points with a long fraction": HEAD + ITEM + b"points = 0." + b"1" * 5000 + b"\n",
    "a weight of NaN": HEAD + ITEM + b'points = 1\nweights = { "mask.x" = nan }\n',
    "the year 0": b"a = 0000-00-00T00:00:00Z",
    "a date as a title": b"title = 2024-02-30",
    "NUL": b"title = \0",
    "half a character": b'title = "\\ud800"',
    "not UTF-8": b'title = "\xff"',
    "a byte order mark": b"\xef\xbb\xbf" + HEAD,
    "many items": HEAD + b"".join(ITEM.replace(b'"1"', b'"%d"' % i) + b"points = 1\n" for i in range(300)),
    "nothing": b"",
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_tomls(data: bytes) -> None:
    """Protects instructors from tracebacks: numbers beyond all bounds, deep nesting, what is no text."""
    tomls.target(data)


def test_what_ships_passes() -> None:
    """Protects the fuzzer's start, and these tests from refusing everything."""
    for text, table in zip(tomls.real(), REAL, strict=True):
        tomls.target(text.encode())
        assert homework.tomllib.loads(document(table).decode()) == table


def test_a_target_can_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects the fuzzing from finding nothing: a loader that lets an error out is noticed."""
    tomls.target(b"x = 1")
    monkeypatch.setattr(homework.tomllib, "loads", lambda text: {}["no"])
    with pytest.raises(KeyError):
        tomls.target(b"x = 1")
    assert issubclass(HomeworkError, Exception)
    assert read_config is homework.read_config
