"""The kit's pages: they say what is in it, and can be read by those who read them."""

from pathlib import Path

import pytest

from graders.homework import available, config_of, read_config
from gradescope.kit_pages import constraints, hidden, pyproject, toml_of_kit, visible

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("slug", available())
def test_the_toml_is_read_as_it_was_written(slug: str, tmp_path: Path) -> None:
    """Protects the kit's run: what it says of the visible items is what ours says; the staff's remarks are gone."""
    config = visible(config_of(slug))
    (tmp_path / f"{slug}.toml").write_text(toml_of_kit(config), encoding="utf-8")
    assert read_config(tmp_path / f"{slug}.toml") == config
    assert "#" not in "".join(line for line in toml_of_kit(config).splitlines() if '"' not in line)
    assert config.items == config_of(slug).without_timing().auto_items
    assert hidden(config_of(slug)) == []


@pytest.mark.parametrize("when", ["hidden", "after_due_date", "after_published"])
def test_only_what_is_visible_at_once_is_shown(when: str) -> None:
    """Protects hidden items, also those that are shown later."""
    config = config_of("core")
    items = tuple(item.model_copy(update={"visibility": when}) if item.number == "2" else item for item in config.items)
    changed = config.model_copy(update={"items": items})
    assert [item.number for item in hidden(changed)] == ["2"]
    assert "mask" not in [task for item in visible(changed).items for task in item.tasks]


def test_what_is_installed_is_pinned() -> None:
    """Protects reproducible runs: every dependency of the kit has its version, and what only the staff needs is not there."""
    text = constraints(ROOT / "constraints.txt", pyproject(ROOT / "pyproject.toml"))
    names = {line.partition("==")[0] for line in text.splitlines() if "==" in line}
    assert {"torch", "numpy", "pytest", "hypothesis", "pytest-timeout", "pydantic", "pydantic_core", "sympy"} <= names
    assert not names & {"ruff", "mypy", "transformers", "jupytext", "matplotlib"}


def test_what_needs_data_is_not_in_the_kit(tmp_path: Path) -> None:
    """Protects the answers: a kit has neither the staff's data nor the checks that need it, and is whole without them."""
    (tmp_path / "own.data").mkdir()
    (tmp_path / "own.data" / "heldout.ids").write_text("1 2 3")
    (tmp_path / "own.toml").write_text(OWN)
    config = read_config(tmp_path / "own.toml")
    assert [item.number for item in config.auto_items] == ["1", "2"]
    assert [item.number for item in visible(config).items] == ["1"]
    assert [item.number for item in hidden(config)] == ["2"]
    (tmp_path / "kit.toml").write_text(toml_of_kit(visible(config)))
    assert read_config(tmp_path / "kit.toml") == visible(config)


OWN = """
title = "T"
[files]
names = ["a.py"]
[trained]
data = "own.data"
[trained.text]
parameters = "a.pt"
model = "A"
at_most = 9
context = 2
[[item]]
number = "1"
title = "M"
points = 1
kind = "auto"
tasks = ["mask"]
[[item]]
number = "2"
title = "P"
points = 1
kind = "auto"
needs_data = true
rules = ["trained.perplexity"]
"""
