"""The file of a run that has judged nothing."""

import subprocess
import sys
from pathlib import Path

import pytest

from graders.homework import HomeworkError, available, config_of
from gradescope.blank import blank
from gradescope.results import read, write

pytestmark = pytest.mark.torch_free

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.mark.parametrize("slug", available())
def test_every_graded_item_counts_0_and_says_so(slug: str) -> None:
    """One entry per graded item, in the handout's order, with its points at stake and none earned."""
    results = blank(slug, "The grading has begun.")
    items = config_of(slug).auto_items
    assert [(item.number, item.title, float(item.points)) for item in items] == [
        (test.number, test.name, test.max_score) for test in results.tests
    ]
    assert {(0.0, "failed", "Not judged yet: it counts 0 until it is.")} == {
        (test.score, test.status, test.output) for test in results.tests
    }
    assert (results.output, results.score) == ("The grading has begun.", 0.0)
    assert results.extra_data == {"homework": slug, "finished": False}


def test_round_trip(tmp_path: Path) -> None:
    """It is a valid file."""
    write(blank("core", "Begun."), tmp_path / "results.json")
    assert blank("core", "Begun.") == read(tmp_path / "results.json")


def test_unknown_homework() -> None:
    """An unknown homework is named with the nearest one."""
    with pytest.raises(HomeworkError, match=r"there is no homework 'cores'; .*Did you mean 'core'\?"):
        blank("cores", "")


def test_needs_no_torch() -> None:
    """It is written before torch is loaded, so that a results.json exists within a moment."""
    code = "import sys; from gradescope.blank import blank; blank('core', ''); print('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "False\n"
