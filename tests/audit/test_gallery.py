"""The gallery shows every misconception of `core`, as it is told now."""

import re
from pathlib import Path

import pytest

from audit.gallery import entry, examples
from audit.specimens import Specimen
from graders.homework import load
from graders.misconceptions import banks
from sandbox.launch import Zygote

GALLERY = (Path(__file__).parents[2] / "docs" / "feedback-gallery.md").read_text(encoding="utf-8")
CORE = load("core")
TASKS = [task for item in CORE.config.auto_items for task in item.tasks]


def test_it_is_complete() -> None:
    """Protects the page from staying behind: each misconception has its heading, in its task's chapter."""
    chapters = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", GALLERY, re.MULTILINE | re.DOTALL))
    shown = {task: re.findall(r"^### (\w+)$", text, re.MULTILINE) for task, text in chapters.items()}
    assert shown == {task: [each.name for each in banks()[task].misconceptions] for task in sorted(TASKS)}


@pytest.mark.parametrize("task", TASKS)
def test_texts_are_those_of_the_bank(task: str) -> None:
    """Protects readers: explanations and hints on the page are the ones that students get."""
    for each in banks()[task].misconceptions:
        assert f"    This looks like a known mistake: {each.explanation}\n    Hint: {each.hint}\n" in GALLERY, each.name


def test_an_entry(zygote: Zygote) -> None:
    """Protects what the page is made of: the sentence, what is wrong, the name, the case and code that repeats it."""
    [specimen] = [each for _, each in examples(CORE) if each.name == "attention/divides_by_d_k"]
    assert isinstance(specimen, Specimen)
    text = entry(specimen, CORE, zygote)
    assert text.startswith("**Attention weights and output equal softmax(QKᵀ/√d)V.**\n\n    ")
    assert (
        "\n    This looks like a known mistake: Your scores are divided by d_k; the formula divides by √d_k.\n" in text
    )
    assert "\n    The smallest case found:\n" in text
    assert "\n    from attention import attention\n" in text
