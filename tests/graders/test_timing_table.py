"""The table `[timing]`, and items that list checks of time."""

from pathlib import Path

import pytest

from graders.homework import HomeworkError, check_ids, load, read_config
from graders.timing_table import TimingTable

TOML = """
title = "Speed"

[files]
names = ["attention.py"]

[timing]
no_cuda = "no points"
gates = { "timing.attention_is_fast" = 4 }
sizes = { "timing.attention_is_fast" = [64] }

[[timing.recorded]]
check = "timing.attention_is_fast"
figure = "2.1 ms of processor time"
device = "2 virtual CPUs"
date = "2026-11-26"
command = "make timing"

[[item]]
number = "1"
title = "Attention"
points = 10
kind = "auto"
tasks = ["attention"]

[[item]]
number = "2"
title = "Speed"
points = 5
kind = "auto"
timing = ["timing.attention_is_fast"]
"""
MISTAKES = [
    (
        '"timing.attention_is_fast" = 4',
        '"timing.attention_is_fast" = 1.9',
        "timing.gates.timing.attention_is_fast: found 1.9; input should be greater than or equal to 2",
    ),
    (
        "[64]",
        "[]",
        "timing.sizes.timing.attention_is_fast: found []; tuple should have at least 1 item after validation, not 0",
    ),
    (
        "[64]",
        "[64, 32]",
        "timing: sizes of 'timing.attention_is_fast' must grow, found [64, 32]",
    ),
    (
        '"no points"',
        '"half"',
        "timing.no_cuda: found 'half'; input should be 'full points' or 'no points'",
    ),
    (
        'timing = ["timing.attention_is_fast"]',
        'timing = ["timing.attention_is_fast", "timing.attention_is_fast"]',
        "the file: timing check 'timing.attention_is_fast' belongs to two items; a check counts once",
    ),
    (
        'timing = ["timing.attention_is_fast"]',
        'timing = ["timing.rope_is_fast"]',
        "the file: timing.gates names 'timing.attention_is_fast', which no item lists in `timing`",
    ),
    (
        'kind = "auto"\ntiming',
        'kind = "manual"\ntiming',
        "item.2: a manual item has no `tasks`, `rules`, `timing`, `weights` or `advice`",
    ),
]


def written(place: Path, text: str = TOML) -> Path:
    """The TOML of an instructor's own homework, with a binding of one task beside it."""
    (place / "speed.py").write_text(
        "from graders.homeworks.core.attention import open_attention\nfrom graders.student import Offer\n"
        "BINDING = {'attention': Offer(open_attention)}\n",
        encoding="utf-8",
    )
    (place / "speed.toml").write_text(text, encoding="utf-8")
    return place / "speed.toml"


@pytest.mark.torch_free
def test_what_an_instructor_sets_is_read(tmp_path: Path) -> None:
    """Protects the settings: gates, sizes, what no GPU is worth, and figures for people."""
    timing = read_config(written(tmp_path)).timing
    assert timing.gates == {"timing.attention_is_fast": 4}
    assert timing.sizes == {"timing.attention_is_fast": (64,)}
    assert timing.no_cuda == "no points"
    assert timing.recorded[0].device == "2 virtual CPUs"


@pytest.mark.torch_free
@pytest.mark.parametrize(("old", "new", "message"), MISTAKES)
def test_mistakes_are_told(old: str, new: str, message: str, tmp_path: Path) -> None:
    """Protects instructors and students: no gate below 2, no name twice, no setting without effect."""
    assert old in TOML
    with pytest.raises(HomeworkError) as caught:
        read_config(written(tmp_path, TOML.replace(old, new)))
    assert str(caught.value) == f"speed.toml: {message}"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "timing.attention_is_fst",
            "which is no check of timing.attention_is_fst; did you mean 'timing.attention_is_fast'?",
        ),
        (
            "timing.rope_is_fast",
            "which is about none of the tasks that the binding speed.py offers: attention",
        ),
    ],
)
def test_checks_that_cannot_be_are_told(name: str, message: str, tmp_path: Path) -> None:
    """Protects from a check that is listed and never run: unknown, or about a task that the homework has not."""
    text = TOML.replace('timing = ["timing.attention_is_fast"]', f'timing = ["{name}"]')
    text = "\n".join(line for line in text.splitlines() if not line.startswith(("gates", "sizes")))
    homework = load(str(written(tmp_path, text)))
    known = ["attention.shapes", "timing.attention_is_fast", "timing.rope_is_fast"]
    with pytest.raises(HomeworkError) as caught:
        check_ids(homework, known)
    assert str(caught.value) == f"speed.toml: item 2: `timing` names {name!r}, {message}"


def test_without_timing(tmp_path: Path) -> None:
    """Protects kits and audits: items with nothing else are gone, others stay without it, and so do the settings."""
    both = TOML.replace(
        'tasks = ["attention"]', 'tasks = ["attention"]\ntiming = ["timing.attention_scales_with_batch"]'
    )
    homework = load(str(written(tmp_path, both))).without_timing()
    assert [(item.number, item.tasks, item.timing) for item in homework.config.items] == [("1", ("attention",), ())]
    assert homework.config.timing.gates == {}
    assert homework.item_of("timing.attention_is_fast") is None


def test_points_for_speed_are_an_items_own(tmp_path: Path) -> None:
    """Protects scoring: a check of time earns without an agreement check beside it, since it asks for right answers itself."""
    from graders.catalogue import checks_of
    from graders.scoring import score
    from graders.verdict import Outcome, Reason, Verdict

    homework = load(str(written(tmp_path)))
    speed = homework.config.items[1]
    checks = [check for check in checks_of(homework) if speed.has(check.id)]
    for verdict, earned in (
        (Verdict(Outcome.PASSED), 5),
        (Verdict.not_judged(Reason.INCONCLUSIVE), 5),
        (Verdict.not_judged(Reason.NOT_RIGHT), 0),
        (Verdict(Outcome.FAILED), 0),
    ):
        assert score(speed, checks, {"timing.attention_is_fast": verdict}).earned == earned


def test_growth_needs_two_sizes() -> None:
    """Protects students from a fault of the grader's, which would give the points to everybody: no curve has one point."""
    with pytest.raises(ValueError, match="must be two or more, found"):
        TimingTable(sizes={"timing.attention_scales_with_tokens": (64,)})
    assert TimingTable(sizes={"timing.attention_scales_with_tokens": (8, 64)}).sizes
