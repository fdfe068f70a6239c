"""The results.json of a run that has judged nothing. It needs no torch, so that it is written within a moment."""

from graders.homework import config_of, toml_of

from .results import NOT_YET, Results, TestEntry


def blank(slug: str, note: str) -> Results:
    """A complete file in which every item counts 0.

    Args:
        slug: the homework, or the path of its TOML.
        note: what the student reads.

    Raises:
        HomeworkError: unknown slug, or a TOML that cannot be used.
    """
    entries = [
        TestEntry(
            name=item.title,
            number=item.number,
            score=0,
            max_score=float(item.points),
            status="failed",
            output=NOT_YET,
            visibility=item.visibility,
        )
        for item in config_of(slug).auto_items
    ]
    return Results(output=note, tests=entries, extra_data={"homework": toml_of(slug).stem, "finished": False})
