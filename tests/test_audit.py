"""The audit of everything that ships: no wheat is refused, no chaff survives, no misconception gets a wrong name."""

import pytest

from audit.command import jobs_of
from audit.matrix import run
from tests.matrix import TASKS
from tests.submissions.tables import SLUGS

SEEDS = (2,)  # `make strength` takes five


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("homework", "task"), [*((slug, "") for slug in SLUGS), *(("core", task) for task in TASKS)])
def test_no_check_is_deaf_or_unfair(homework: str, task: str, seed: int) -> None:
    """Every chaff is rejected by its check and named right, every wheat accepted, every bug costs exactly its items."""
    rows = run(jobs_of(homework, task, None, seed, 1), n_processes=1)
    faults = [f"{row.specimen.name}: {fault}" for _, row in rows for fault in row.faults]
    assert faults == []
    assert len(rows) >= 17
