"""The tables of wrong and right submissions of the real homeworks."""

import importlib

from audit.edits import Bug, Variant

SLUGS = ("cmu_birthplaces", "jhu_tinygpt", "mit_dialoguegpt", "transformers_from_scratch", "tugraz_charlm")


def bugs_of(slug: str) -> tuple[Bug, ...]:
    """The wrong submissions of a homework."""
    return tuple(importlib.import_module(f"tests.submissions.{slug}.bugs").BUGS)


def graded_of(slug: str) -> frozenset[str]:
    """The numbers of its items that are graded and have points, as the table of bugs states them."""
    return frozenset(importlib.import_module(f"tests.submissions.{slug}.bugs").GRADED)


def variants_of(slug: str) -> tuple[Variant, ...]:
    """The right submissions of a homework that are written in another way."""
    return tuple(importlib.import_module(f"tests.submissions.{slug}.variants").VARIANTS)
