"""Nothing of a handout is missing: its TOML lists every item with the handout's points."""

from decimal import Decimal

import pytest

from graders.homework import Item, config_of
from tests.handouts import HANDOUTS

pytestmark = pytest.mark.torch_free


def shares(slug: str, number: str) -> list[Item]:
    """The items of the TOML that an item of the handout is split in: `2(e)` and `2(e) screenshot`."""
    return [item for item in config_of(slug).items if item.number == number or item.number.startswith(f"{number} ")]


@pytest.mark.parametrize(("slug", "number"), [(slug, number) for slug in HANDOUTS for number in HANDOUTS[slug].items])
def test_every_item_is_there_with_its_points(slug: str, number: str) -> None:
    """Protects the question that nobody grades: each is auto, manual or pending, and its shares sum to its points."""
    found, points = shares(slug, number), HANDOUTS[slug].items[number]
    assert found
    if points is not None:
        assert points == sum((item.points for item in found), Decimal(0))
    assert all(item.extra_credit == (number in HANDOUTS[slug].extra) for item in found)
    assert len(found) == 1 or all(item.note or item.kind != "auto" for item in found), "say how a split item is shared"


@pytest.mark.parametrize("slug", HANDOUTS)
def test_nothing_is_invented(slug: str) -> None:
    """Protects students: what a TOML has beyond the handout carries no points."""
    of_the_handout = {item.number for number in HANDOUTS[slug].items for item in shares(slug, number)}
    invented = [item for item in config_of(slug).items if item.number not in of_the_handout]
    assert [item.number for item in invented if item.points] == []


@pytest.mark.parametrize("slug", HANDOUTS)
def test_the_total_is_the_handouts(slug: str) -> None:
    """Protects the sum: all of the handout's points and no more, extra credit outside of it."""
    config, handout = config_of(slug), HANDOUTS[slug]
    counting = [item for item in config.items if not item.extra_credit]
    assert {None, handout.total} >= {config.handout_points}
    if handout.total is not None:
        assert (handout.total, handout.total) == (sum(item.points for item in counting), config.handout_points)
