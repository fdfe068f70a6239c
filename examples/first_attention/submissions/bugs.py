"""Wrong submissions, each one replacement away from the solution."""

from audit.edits import Bug

ATTEND = frozenset({"1"})

BUGS = (
    Bug(
        name="no_scaling",
        sentence="The scores are not divided by √d.",
        old=" / math.sqrt(q.shape[-1])",
        new="",
        loses=ATTEND,
        misconception="unscaled",
    ),
    Bug(
        name="first_mask_for_all",
        sentence="The mask of the first sequence is used for the whole batch.",
        old="~visible",
        new="~visible[:1]",
        loses=ATTEND,
    ),
)
