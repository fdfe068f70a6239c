"""docs/coverage.md says what is graded; nothing is missing in it."""

from pathlib import Path

import pytest

from graders.homework import load
from tests.coverage import mistake_for, page
from tests.submissions.tables import SLUGS

PAGE = Path(__file__).parent.parent / "docs" / "coverage.md"


def test_the_page_is_up_to_date() -> None:
    """Protects readers: the page is what `make coverage` writes."""
    assert page() == PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("slug", ["core", *SLUGS])
def test_each_graded_item_has_a_mistake_that_costs_it_alone(slug: str) -> None:
    """Protects from a question whose points nothing can lose, or that always loses another's with its own."""
    items = [item for item in load(slug).config.auto_items if item.points and not item.needs_data]
    assert [item.number for item in items if not mistake_for(slug, item)] == []
