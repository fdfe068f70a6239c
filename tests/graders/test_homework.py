"""A homework's TOML: what is accepted, and what an instructor reads about each mistake."""

import textwrap
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from graders import homework as homework_module
from graders.homework import (
    Config,
    HomeworkError,
    LimitTable,
    available,
    check_ids,
    config_of,
    load,
    read_config,
)

GOOD = """
title = "A homework"
handout_points = 5

[files]
names = ["mask.py"]

[[item]]
number = "1"
title = "Masks"
points = 3.5
kind = "auto"
tasks = ["mask"]
weights = { "mask.any_length" = 2 }
advice = ["mask.is_boolean"]

[[item]]
number = "2"
title = "Why"
points = 1.5
kind = "manual"

[[item]]
number = "3"
title = "More"
points = 2
kind = "pending"
extra_credit = true
"""


def edited(*edits: tuple[str, str]) -> str:
    """The good TOML with some texts replaced, each of them found once."""
    text = GOOD
    for old, new in edits:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


@pytest.fixture
def read(tmp_path: Path) -> Callable[[str], Config]:
    """Read a TOML from text, as the file hw.toml."""

    def read(text: str) -> Config:
        path = tmp_path / "hw.toml"
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return read_config(path)

    return read


def refusal(function: Callable[..., Any], *arguments: Any) -> str:
    """The message of the HomeworkError that a call raises."""
    with pytest.raises(HomeworkError) as caught:
        function(*arguments)
    return str(caught.value)


# ---------------------------------------------------------------------------------------------------- what is accepted


@pytest.mark.torch_free
def test_a_good_file_is_read(read: Callable[[str], Config]) -> None:
    """Protects what an instructor writes: each key arrives, points exact, the rest with its stated default."""
    config = read(GOOD)
    assert ("A homework", Decimal(5), "") == (config.title, config.handout_points, config.handout_note)
    assert (config.files.folder, config.files.names) == ("", ("mask.py",))
    first, second, third = config.items
    assert (Decimal("3.5"), ("mask",)) == (first.points, first.tasks)
    assert (first.weights, first.advice) == ({"mask.any_length": 2.0}, ("mask.is_boolean",))
    assert [item.kind for item in config.items] == ["auto", "manual", "pending"]
    assert [item.visibility for item in config.items] == ["visible"] * 3
    assert [item.extra_credit for item in config.items] == [False, False, True]
    assert (first,) == config.auto_items
    assert second.title == "Why"
    assert third.tasks == ()


@pytest.mark.torch_free
def test_limits_have_defaults(read: Callable[[str], Config]) -> None:
    """Protects the stated defaults: 20 s for an import, 10 s for a call, 90 s for a check, 8 minutes in all, 4 GiB."""
    limits = read(GOOD).limits
    seconds = (limits.seconds_per_import, limits.seconds_per_call, limits.seconds_per_check, limits.seconds_in_all)
    assert (seconds, limits.memory_mib) == ((20, 10, 90, 480), 4096)


@pytest.mark.torch_free
@pytest.mark.parametrize("level", ["full", "hint", "verdict"])
def test_levels_of_feedback(read: Callable[[str], Config], level: str) -> None:
    """Protects the instructor's choice of how much students are told; without it they are told everything."""
    assert read(edited(("handout_points = 5\n", f"handout_points = 5\nfeedback = '{level}'\n"))).feedback == level
    assert read(GOOD).feedback == "full"


WITH_GRADESCOPE = (
    (
        "[files]",
        "[gradescope]\nsubmissions_per_day = 3\nshow_changes = true\nleaderboard = ['seconds', 'points']\n"
        "[[waiver]]\ncheck = 'mask.any_length'\nreason = 'The handout was wrong.'\n[files]",
    ),
    ('kind = "auto"', 'kind = "auto"\nvisibility = "hidden"\nrelease = 2026-12-01\ntags = ["code"]'),
)


@pytest.mark.torch_free
def test_what_gradescope_does(read: Callable[[str], Config]) -> None:
    """Protects what an instructor writes about Gradescope, and the defaults: no limit, nothing opted in."""
    config = read(edited(*WITH_GRADESCOPE))
    table = config.gradescope
    assert (table.submissions_per_day, table.show_changes, table.leaderboard) == (3, True, ("seconds", "points"))
    assert config.items[0].tags == ("code",)
    assert (config.waived("mask.any_length"), config.waived("mask.is_boolean")) == ("The handout was wrong.", "")
    plain = read(GOOD).gradescope
    assert (plain.submissions_per_day, plain.show_changes, plain.stdout_visibility) == (None, False, "hidden")
    assert (plain.leaderboard, read(GOOD).waivers, read(GOOD).items[0].release) == ((), (), None)


@pytest.mark.torch_free
@pytest.mark.parametrize(
    ("release", "moment", "expected"),
    [
        ("2026-12-01", "2026-12-01T00:00:00-05:00", True),  # a day begins where the run is
        ("2026-12-01", "2026-11-30T23:59:59-05:00", False),
        ("2026-12-01T18:00:00", "2026-12-01T18:00:00+09:00", True),
        ("2026-12-01T18:00:00", "2026-12-01T17:59:00+09:00", False),
        ("2026-12-01T18:00:00-05:00", "2026-12-01T23:00:00+00:00", True),
        ("2026-12-01T18:00:00-05:00", "2026-12-01T22:59:59+00:00", False),
        ("2026-12-01T18:00:00Z", None, False),
    ],
)
def test_release_by_date(read: Callable[[str], Config], release: str, moment: str | None, expected: bool) -> None:
    """Protects the date: from its first moment on, in the run's own offset unless it has one; never without a time."""
    config = read(
        edited(WITH_GRADESCOPE[0], (WITH_GRADESCOPE[1][0], WITH_GRADESCOPE[1][1].replace("2026-12-01", release)))
    )
    at = datetime.fromisoformat(moment) if moment is not None else None
    assert expected is config.items[0].is_released(at)
    assert read(GOOD).items[0].is_released(at) is False


@pytest.mark.torch_free
def test_extra_credit_is_not_part_of_the_handouts_points(read: Callable[[str], Config]) -> None:
    """Protects the sum: 3.5 + 1.5 is 5, whatever extra credit there is."""
    read(edited(("points = 2\n", "points = 40\n")))


@pytest.mark.torch_free
def test_without_handout_points_nothing_is_summed(read: Callable[[str], Config]) -> None:
    """Protects homeworks whose handout has no total."""
    assert read(edited(("handout_points = 5\n", ""))).handout_points is None


@pytest.mark.torch_free
@pytest.mark.parametrize("points", ["0", "0.01", "99999.99", "1e2"])
def test_points_that_are_allowed(read: Callable[[str], Config], points: str) -> None:
    """Protects cents: points are exact decimals with two places."""
    config = read(edited(("handout_points = 5\n", ""), ("points = 3.5", f"points = {points}")))
    assert Decimal(points) == config.items[0].points


@pytest.mark.torch_free
def test_a_config_cannot_be_changed(read: Callable[[str], Config]) -> None:
    """Protects a run from itself: what was read stays."""
    with pytest.raises(ValueError, match="frozen"):
        read(GOOD).items[0].points = Decimal(1)


# ---------------------------------------------------------------------------------------------------- each mistake

MISTAKES = [
    pytest.param(
        [("title = \"A homework\"", "titel = \"A homework\"")],
        ["title: Field required", "titel: found a key that is not known here; remove it or correct its spelling"],
        id="misspelt key",
    ),
    pytest.param(
        [("kind = \"manual\"", "kind = \"manual\"\npoint = 3")],
        ["item.2.point: found a key that is not known here; remove it or correct its spelling"],
        id="unknown key in an item",
    ),
    pytest.param(
        [("kind = \"manual\"", "kind = \"manual\"\nfeedback = \"hint\"")],
        ["item.2.feedback: found a key that is not known here; remove it or correct its spelling; it must stand above the "
         "first [table]"],
        id="a key in the wrong place",
    ),
    pytest.param(
        [("[files]", "[limits]\nseconds = 3\n[files]")],
        ["limits.seconds: found a key that is not known here; remove it or correct its spelling"],
        id="unknown limit",
    ),
    pytest.param(
        [("points = 3.5", "points = -3.5")],
        ["item.1.points: found -3.5; input should be greater than or equal to 0"],
        id="negative points",
    ),
    pytest.param(
        [("points = 3.5", "points = 3.505")],
        ["item.1.points: found 3.505; decimal input should have no more than 2 decimal places"],
        id="half a cent",
    ),
    pytest.param(
        [("points = 3.5", "points = nan")],
        ["item.1.points: found nan; input should be a finite number"],
        id="points that are no number",
    ),
    pytest.param(
        [("points = 3.5", "points = \"many\"")],
        ["item.1.points: found 'many'; input should be a valid decimal"],
        id="points in words",
    ),
    pytest.param([("points = 3.5\n", "")], ["item.1.points: Field required"], id="no points"),
    pytest.param(
        [("handout_points = 5\n", "handout_points = 5\nfeedback = \"all\"\n")],
        ["feedback: found 'all'; input should be 'full', 'hint' or 'verdict'"],
        id="unknown level of feedback",
    ),
    pytest.param(
        [("kind = \"auto\"", "kind = \"automatic\"")],
        ["item.1.kind: found 'automatic'; input should be 'auto', 'manual' or 'pending'"],
        id="unknown kind",
    ),
    pytest.param(
        [("tasks = [\"mask\"]\n", "")],
        ["item.1: an auto item needs at least one task in `tasks`, or a check in `rules` or `timing`"],
        id="auto without tasks",
    ),
    pytest.param(
        [("tasks = [\"mask\"]\n", "tasks = [\"mask\"]\nrules = [\"rules.text_of_ones_own\"]\n")],
        ["the file: rule 'rules.text_of_ones_own' needs the key 'text' in the table [rules]"],
        id="rule without its key",
    ),
    pytest.param(
        [("kind = \"manual\"", "kind = \"auto\"\nrules = [\"rules.pdf_is_there\"]"),
         ("tasks = [\"mask\"]\n", "tasks = [\"mask\"]\nrules = [\"rules.pdf_is_there\"]\n")],
        ["the file: rule 'rules.pdf_is_there' belongs to two items; a check counts once"],
        id="rule in two items",
    ),
    pytest.param(
        [("kind = \"manual\"", "kind = \"manual\"\ntasks = [\"rope\"]")],
        ["item.2: a manual item has no `tasks`, `rules`, `timing`, `weights` or `advice`"],
        id="manual with tasks",
    ),
    pytest.param(
        [("kind = \"pending\"", "kind = \"pending\"\nadvice = [\"rope.shapes\"]")],
        ["item.3: a pending item has no `tasks`, `rules`, `timing`, `weights` or `advice`"],
        id="pending with advice",
    ),
    pytest.param(
        [("number = \"2\"", "number = \"1\"")], ["the file: item number '1' occurs twice"], id="duplicate number"
    ),
    pytest.param(
        [("kind = \"manual\"", "kind = \"auto\"\ntasks = [\"rope\", \"mask\"]")],
        ["the file: task 'mask' belongs to two items; a task counts once"],
        id="duplicate task",
    ),
    pytest.param(
        [("handout_points = 5", "handout_points = 6")],
        ["the file: the items have 5.0 points together, handout_points says 6"],
        id="sum",
    ),
    pytest.param(
        [("\"mask.any_length\" = 2", "\"mask.any_length\" = -1")],
        ["item.1.weights.mask.any_length: found -1; input should be greater than or equal to 0"],
        id="negative weight",
    ),
    pytest.param(
        [("\"mask.any_length\" = 2", "\"mask.any_length\" = nan")],
        ["item.1.weights.mask.any_length: found nan; input should be less than or equal to 1000"],
        id="weight that is no number",
    ),
    pytest.param(
        [("names = [\"mask.py\"]", "names = []")],
        ["files.names: found []; tuple should have at least 1 item after validation, not 0"],
        id="no files",
    ),
    pytest.param(
        [("[files]", "[limits]\nseconds_per_call = 0\nmemory_mib = 512\n[files]")],
        [
            "limits.seconds_per_call: found 0; input should be greater than 0",
            "limits.memory_mib: found 512; input should be greater than or equal to 1024",
        ],
        id="limits",
    ),
    pytest.param(
        [("[files]", "[limits]\nseconds_in_all = 3600\n[files]")],
        ["limits.seconds_in_all: found 3600; input should be less than or equal to 2400"],
        id="longer than Gradescope allows",
    ),
    pytest.param(
        [("kind = \"manual\"", "kind = \"manual\"\nvisibility = \"secret\"")],
        ["item.2.visibility: found 'secret'; input should be 'visible', 'hidden', 'after_due_date' or 'after_published'"],
        id="visibility",
    ),
    pytest.param(
        [("kind = \"auto\"", "kind = \"auto\"\nrelease = 2026-12-01")],
        ["item.1: `release` is for what is not visible before: set `visibility` to what holds until then"],
        id="release of what is visible",
    ),
    pytest.param(
        [("kind = \"auto\"", "kind = \"auto\"\nrelease = \"2026-12-01\"")],
        [
            "item.1.release: found '2026-12-01'; write a date, 2026-12-01, or a time, 2026-12-01T18:00:00-05:00, "
            "without quotes"
        ],
        id="release in quotes",
    ),
    pytest.param(
        [("kind = \"auto\"", "kind = \"auto\"\nrelease = 20261201")],
        [
            "item.1.release: found 20261201; write a date, 2026-12-01, or a time, 2026-12-01T18:00:00-05:00, "
            "without quotes"
        ],
        id="release that is a number",
    ),
    pytest.param(
        [("kind = \"manual\"", "kind = \"manual\"\ntags = [\"theory\"]")],
        ["item.2: a manual item has no `release` or `tags`: it does not stand in results.json"],
        id="tags of what people grade",
    ),
    pytest.param(
        [("[files]", "[gradescope]\nsubmissions_per_day = 0\nleaderboard = [\"rank\"]\n[files]")],
        [
            "gradescope.submissions_per_day: found 0; input should be greater than or equal to 1",
            "gradescope.leaderboard.1: found 'rank'; input should be 'points' or 'seconds'",
        ],
        id="gradescope",
    ),
    pytest.param(
        [("[files]", "[gradescope]\nsubmissions_per_day = true\n[files]")],
        ["gradescope.submissions_per_day: found True; input should be a valid integer"],
        id="a limit that is no number",
    ),
    pytest.param(
        [("[files]", "[gradescope]\nleaderboard = [\"points\", \"points\"]\n[files]")],
        ["the file: `leaderboard` names something twice: points, points"],
        id="leaderboard twice",
    ),
    pytest.param(
        [
            ("[files]", "[gradescope]\nstdout_visibility = \"after_due_date\"\n[files]"),
            ("kind = \"auto\"", "kind = \"auto\"\nvisibility = \"after_published\""),
        ],
        [
            "the file: stdout_visibility is 'after_due_date', but item 1 is 'after_published', and what is printed tells "
            "of all items: allow stdout_visibility = 'after_published' at the earliest"
        ],
        id="printed lines that tell of hidden items",
    ),
    pytest.param(
        [("[files]", "[[waiver]]\ncheck = \"mask.any_length\"\n[files]")],
        ["waiver.1.reason: Field required"],
        id="waiver without a reason",
    ),
    pytest.param(
        [("[files]", 2 * "[[waiver]]\ncheck = \"mask.any_length\"\nreason = \"wrong\"\n" + "[files]")],
        ["the file: check 'mask.any_length' is waived twice; write one [[waiver]] for it"],
        id="waived twice",
    ),
    pytest.param(
        [("title = \"Why\"", "title = \"\"")],
        ["item.2.title: found ''; string should have at least 1 character"],
        id="empty title",
    ),
]  # fmt: skip


@pytest.mark.torch_free
@pytest.mark.parametrize(("edits", "lines"), MISTAKES)
def test_each_mistake_is_told(read: Callable[[str], Config], edits: list[tuple[str, str]], lines: list[str]) -> None:
    """Protects the instructor: file, key, what was found and what is allowed, one line for each mistake."""
    assert [f"hw.toml: {line}" for line in lines] == refusal(read, edited(*edits)).splitlines()


@pytest.mark.torch_free
def test_broken_toml_is_told(read: Callable[[str], Config]) -> None:
    """Protects the instructor: the parser's own place in the file is shown."""
    message = refusal(read, 'title = "A homework\n')
    assert message.startswith("hw.toml: cannot be read as TOML: ")
    assert "line 1, column 20" in message


@pytest.mark.torch_free
@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("title = " + "7" * 5000, "cannot be read as TOML: Exceeds the limit"),
        ("title = " + "[" * 5000, "cannot be read as TOML: it is nested too deeply"),
        ("title = 0x" + "f" * 5000, "title: found a number of thousands of digits"),
    ],
)
def test_what_the_parser_gives_up_on_is_told(read: Callable[[str], Config], text: str, says: str) -> None:
    """Protects the instructor from a traceback: numbers without end, brackets without end."""
    assert refusal(read, text).startswith(f"hw.toml: {says}")


@pytest.mark.torch_free
def test_a_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    """Protects the instructor from a traceback: wrong encoding, no file."""
    (tmp_path / "hw.toml").write_bytes(b"title = '\xff'")
    assert refusal(read_config, tmp_path / "hw.toml").startswith("hw.toml: cannot be read as TOML: 'utf-8' codec")
    assert refusal(read_config, tmp_path / "no.toml").startswith("no.toml: cannot be read as TOML: [Errno 2]")


@pytest.mark.torch_free
@pytest.mark.parametrize(
    ("slug", "hint"),
    [
        ("cmu_birthplace", " Did you mean 'cmu_birthplaces'?"),
        ("cor", " Did you mean 'core'?"),
        *(
            (slug, " One of your own is named by the path of its TOML.")
            for slug in ("linguistics", "../homeworks/core", "")
        ),
    ],
)
def test_an_unknown_slug_is_told(slug: str, hint: str) -> None:
    """Protects who mistypes the homework: all are listed, the nearest is proposed, no path is followed."""
    expected = f"there is no homework {slug!r}; there are: {', '.join(available())}.{hint}"
    assert [expected] * 2 == [refusal(config_of, slug), refusal(load, slug)]


# ---------------------------------------------------------------------------------------------------- against the binding


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Put a TOML in the place of core's, beside core's binding."""

    def install(text: str) -> None:
        (tmp_path / "core.toml").write_text(text, encoding="utf-8")
        monkeypatch.setattr(homework_module, "HOMEWORKS", tmp_path)

    return install


def test_an_unknown_task_is_told(install: Callable[[str], None]) -> None:
    """Protects the instructor: the tasks that the binding offers are listed."""
    install(edited(('tasks = ["mask"]', 'tasks = ["mask", "masks"]')))
    assert refusal(load, "core") == (
        "core.toml: item 1: found task 'masks' in `tasks`; the binding core.py offers attention, block, generate, gpt, "
        "layer_norm, loss, mask, mlp, multi_head, patch_embedding, perplexity, rope, samplers, span_corruption, tokenizer, "
        "training"
    )


KNOWN = ["mask.any_length", "mask.is_boolean", "rope.linear"]


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (
            ('"mask.any_length" = 2', '"mask.any_lenght" = 2'),
            "core.toml: item 1: `weights` names 'mask.any_lenght', which is no check of mask; did you mean "
            "'mask.any_length'?",
        ),
        (
            ('advice = ["mask.is_boolean"]', 'advice = ["mask.boolean"]'),
            "core.toml: item 1: `advice` names 'mask.boolean', which is no check of mask; did you mean 'mask.is_boolean'?",
        ),
        (
            ('advice = ["mask.is_boolean"]', 'advice = ["zzzz"]'),
            "core.toml: item 1: `advice` names 'zzzz', which is no check of mask",
        ),
        (
            ('"mask.any_length" = 2', '"rope.linear" = 2'),
            "core.toml: item 1: `weights` names 'rope.linear', which is no check of mask; did you mean 'rope.linear'?",
        ),
    ],
    ids=["weights", "advice", "nothing near", "another task"],
)
def test_an_unknown_check_is_told(install: Callable[[str], None], edit: tuple[str, str], message: str) -> None:
    """Protects the instructor from a weight without effect: unknown ids are errors, the nearest is proposed."""
    install(edited(edit))
    assert message == refusal(check_ids, load("core"), KNOWN)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("mask.any_lenght", "; did you mean 'mask.any_length'?"),
        ("rope.linear", ""),  # it exists, but no item of this homework grades it
        ("zzzz", ""),
    ],
)
def test_an_unknown_waived_check_is_told(install: Callable[[str], None], name: str, hint: str) -> None:
    """Protects the instructor from a waiver without effect."""
    install(edited(("[files]", f"[[waiver]]\ncheck = '{name}'\nreason = 'wrong'\n[files]")))
    assert refusal(check_ids, load("core"), KNOWN) == (
        f"core.toml: [[waiver]]: `check` names {name!r}, which is no check of a graded item{hint}"
    )


def test_known_checks_are_accepted(install: Callable[[str], None]) -> None:
    """Protects a TOML that is right."""
    install(edited(*WITH_GRADESCOPE))
    check_ids(load("core"), KNOWN)


# ---------------------------------------------------------------------------------------------------- what ships


@pytest.mark.torch_free
def test_what_ships() -> None:
    """Protects the list of homeworks: those whose TOML lies in graders/homeworks."""
    assert available() == [
        *("cmu_birthplaces", "core", "jhu_tinygpt", "mit_dialoguegpt"),
        *("transformers_from_scratch", "tugraz_charlm"),
    ]


@pytest.mark.parametrize("slug", ["cmu_birthplaces", "core"])
def test_what_ships_can_be_loaded(slug: str) -> None:
    """Protects every run: the TOML is valid, its tasks are bound, its weights and advice name checks that exist."""
    from graders.catalogue import all_checks

    homework = load(slug)
    check_ids(homework, [check.id for check in all_checks()])
    assert slug == homework.slug
    for item in homework.config.auto_items:
        for task in item.tasks:
            assert item == homework.item_of(task)
    assert homework.item_of("no_such_task") is None


@pytest.mark.torch_free
def test_cmu_has_the_handouts_points() -> None:
    """Protects the handout's numbers: 51 in all, question 2's items 36, of which 21 are graded here."""
    config = config_of("cmu_birthplaces")
    assert 51 == config.handout_points == sum(item.points for item in config.items)
    assert sum(item.points for item in config.items if item.number.startswith("2(")) == 36
    graded = {item.number: item.points for item in config.auto_items if item.points and not item.needs_data}
    assert graded == {"2(b)": 4, "2(d)": 2, "2(e)": 7, "2(f)": 4, "2(g)iii": 4}
    assert sum(graded.values()) == 21
    by_question = [sum(item.points for item in config.items if item.number.startswith(n)) for n in "1234"]
    assert by_question == [6, 36, 5, 4]  # the files of the hand-in carry no points
    needy = {item.number: item.points for item in config.items if item.needs_data}
    assert needy == {"2(d) predictions": 2, "2(f) accuracy": 6, "2(g)iii accuracy": 3}


@pytest.mark.torch_free
def test_core_has_points_for_each_task() -> None:
    """Protects core's own scale: 250 points for 15 tasks, all of them graded here; speed and training are advice."""
    config = config_of("core")
    assert [item.points for item in config.items] == [20, 10, 30, 20, 20, 10, 10, 20, 30, 10, 10, 20, 20, 10, 10, 0, 0]
    assert [item.number for item in config.items if not item.tasks] == ["speed", "training"]
    assert config.items == config.auto_items


@pytest.mark.torch_free
@pytest.mark.parametrize("slug", ["cmu_birthplaces", "core"])
def test_a_run_ends_before_gradescopes_own_limit(slug: str) -> None:
    """Protects results.json: all checks together end well before the container's ten minutes."""
    assert config_of(slug).limits.seconds_in_all <= 480


@pytest.mark.torch_free
@pytest.mark.parametrize("slug", ["cmu_birthplaces", "core"])
def test_the_files_asked_for_are_those_of_the_template(slug: str) -> None:
    """Protects find_code: each file of the template is one that is looked for, in the folder where it is looked for."""
    files = config_of(slug).files
    template = Path(__file__).parents[2] / "student_template" / slug / files.folder
    assert {path.name for path in template.glob("*.py")} <= set(files.names)


@pytest.mark.torch_free
def test_a_limit_is_checked_where_it_is_written_in_python_too() -> None:
    """Protects tests and tools that make limits themselves."""
    with pytest.raises(ValueError, match="greater than 0"):
        LimitTable(seconds_per_call=0)


def test_a_homework_without_a_binding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects an instructor who has written the TOML first: the message says which file is missing."""
    (tmp_path / "mine.toml").write_text(
        (homework_module.HOMEWORKS / "core.toml").read_text(encoding="utf-8"), encoding="utf-8"
    )
    monkeypatch.setattr("graders.homework.HOMEWORKS", tmp_path)
    with pytest.raises(
        HomeworkError,
        match=r"^mine\.toml has no binding beside it: write mine\.py, as docs/adding-a-homework\.md says$",
    ):
        load("mine")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("x = {\n", "mine.py cannot be imported: SyntaxError in line 1: '{' was never closed"),
        ("import nothing_of_this_name\n", "ModuleNotFoundError in line 1: No module named 'nothing_of_this_name'"),
        ("a = 1\nb = c\n", "mine.py cannot be imported: NameError in line 2: name 'c' is not defined"),
        ("x = 1\n", "mine.py defines no BINDING"),
    ],
)
def test_a_binding_that_cannot_be_imported(text: str, says: str, tmp_path: Path) -> None:
    """Protects an instructor from a traceback of ours: what is wrong with the binding is said with its line."""
    (tmp_path / "mine.toml").write_bytes((homework_module.HOMEWORKS / "core.toml").read_bytes())
    (tmp_path / "mine.py").write_text(text)
    with pytest.raises(HomeworkError) as caught:
        load(str(tmp_path / "mine.toml"))
    assert says in str(caught.value)


@pytest.mark.torch_free
@pytest.mark.parametrize("slug", available())
def test_nothing_is_pending(slug: str) -> None:
    """Protects from an item that waits for ever: each is graded here or by people."""
    assert [item.number for item in config_of(slug).items if item.kind == "pending"] == []
