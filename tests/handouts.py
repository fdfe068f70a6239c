"""The items of the five handouts with their points, transcribed from the handouts and not from the TOMLs.

A handout without printed points has None. Extra credit lies outside of the total. `cmu_birthplaces` heads question 2(g) with
9 points, but its parts give 2 + 1 + 7 = 10: the parts count, so that question 2 has 36 and the whole 51.
"""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True)
class Handout:
    """One handout.

    Attributes:
        total: points without extra credit; None where the handout prints none.
        items: number → points.
        extra: the items that are extra credit.
    """

    total: Decimal | None
    items: dict[str, Decimal | None]
    extra: frozenset[str] = frozenset()


def _points(**items: str) -> dict[str, Decimal | None]:
    return {number: Decimal(points) for number, points in items.items()}


HANDOUTS = {
    "jhu_tinygpt": Handout(
        None,
        dict.fromkeys(
            [
                *("1.i", "1.ii", "1.iii", "1.iv", "1(a)", "1(b)", "1(c)i", "1(c)ii", "1(c)iii", "1(d)"),
                *("2(a)", "2(b)", "2(c)", "2(d)"),
            ]
        ),
        frozenset(["2(a)", "2(b)", "2(c)", "2(d)"]),
    ),
    "tugraz_charlm": Handout(Decimal(25), _points(a="1", b="8", c="2", d="3", e="2", f="4", g="2", h="3")),
    "mit_dialoguegpt": Handout(
        Decimal(35),
        {
            **{f"1({part})": Decimal(points) for part, points in zip("abcdef", (1, 1, 1, 1, 3, 1), strict=True)},
            **{f"2({part})": Decimal(points) for part, points in zip("abcd", (4, 3, 3, 1), strict=True)},
            **{f"3({part})": Decimal(points) for part, points in zip("abcde", (2, 1, 1, 1, 1), strict=True)},
            **{
                f"4({part})": Decimal(points)
                for part, points in zip("abcdefghi", ("2", "0", "2", "2", "1", "1", "1", "0.5", "0.5"), strict=True)
            },
        },
    ),
    "transformers_from_scratch": Handout(
        Decimal(65),
        _points(
            Q1="20",
            Q2="5",
            Q3="10",
            Q4="6",
            Q5="3",
            Q6="2",
            Q7a="3",
            Q7b="5",
            Q8="3",
            Q9="2",
            Q10a="4",
            Q10b="2",
            E1="8",
        ),
        frozenset(["E1"]),
    ),
    "cmu_birthplaces": Handout(
        Decimal(51),
        {
            number: Decimal(points)
            for number, points in (
                *(("1(a)i", 3), ("1(a)ii", 1), ("1(b)i", 1), ("1(b)ii", 1)),
                *(("2(a)", 0), ("2(b)", 4), ("2(c)", 0), ("2(d)", 4), ("2(e)", 8)),
                *(("2(f)", 10), ("2(g)i", 2), ("2(g)ii", 1), ("2(g)iii", 7)),
                *(("3(a)", 1), ("3(b)", 2), ("3(c)", 2), ("4(a)", 2), ("4(b)", 1), ("4(c)", 1)),
            )
        },
    ),
}
