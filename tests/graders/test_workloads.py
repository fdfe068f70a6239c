"""What is timed, asked of right submissions that are written in other ways than the solution."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from graders.compare import CheckFailed
from graders.homework import Config, load
from graders.judge import Judge, reference_of
from graders.strategies import generator
from graders.verdict import Outcome
from graders.workloads import WORKLOADS
from sandbox.launch import Zygote

WHEATS = Path(__file__).parent.parent / "wheats"
# right, with a loop in Python, a table of every case, or a tensor of one more axis
SLOW = {
    *("attention/logsumexp_of_products", "attention/loop_over_queries", "attention/recursion_over_leading_axes"),
    *("layer_norm/token_by_token", "multi_head/loop_over_heads", "multi_head/module_per_head"),
    *("multi_head/one_query_at_a_time", "patch_embedding/double_loop", "patch_embedding/n_patches_as_property"),
    *("samplers/loops_in_python",),
}
TIMED = sorted(
    f"{path.parent.name}/{path.stem}"
    for path in WHEATS.glob("*/*.py")
    if path.parent.name in {workload.task for workload in WORKLOADS.values()}
)


@pytest.mark.slow
@pytest.mark.parametrize("wheat", TIMED)
def test_right_submissions_are_not_called_slow(wheat: str, zygote: Zygote, tmp_path: Path) -> None:
    """Protects other right ways: at the gates as they are, only those with a loop where none must be are ever too slow."""
    task, _, name = wheat.partition("/")
    core, solution = load("core"), reference_of("core")
    assert solution is not None
    names = [f"timing.{check}" for check, workload in WORKLOADS.items() if workload.task == task]
    item = {"number": "1", "title": "Speed", "points": 1, "kind": "auto", "timing": names}
    config = Config.model_validate({"title": "Speed", "files": core.config.files.model_dump(), "item": [item]})
    for path in solution.glob("*.py"):
        shutil.copy(path, tmp_path)
    shutil.copy(WHEATS / task / f"{name}.py", tmp_path / f"{task}.py")
    homework = core.model_copy(update={"config": config})
    with Judge(homework, tmp_path, zygote, seed=1, reference=solution) as judge:
        verdicts = judge.judge_all()
    slow = {check for check, verdict in verdicts.items() if verdict.outcome is Outcome.FAILED}
    assert not slow or wheat in SLOW, [verdicts[check].message for check in slow]
    assert all(verdict.gives_points for check, verdict in verdicts.items() if check not in slow)


def test_the_list_of_slow_ones_names_files() -> None:
    """Protects the list from names of files that are gone."""
    assert set(TIMED) >= SLOW


class Echo:
    """An implementation that answers what it was told to."""

    def __init__(self, answer: Callable[..., object]) -> None:
        self.top_p = self.apply = answer

    def __call__(self, *args: object, **kwargs: object) -> object:
        return self.top_p(*args)


@pytest.mark.parametrize("answer", [None, 1.0, torch.zeros(2, 3), torch.zeros(2, 128), torch.full((2, 128), torch.nan)])
@pytest.mark.parametrize("name", ["samplers_scale_with_vocabulary", "rope_is_fast", "generate_scales_with_new_tokens"])
def test_wrong_answers_of_all_kinds_are_refused(name: str, answer: object) -> None:
    """Protects the judge: whatever comes back is compared, and what is not right is said to be wrong, never raised."""
    workload = WORKLOADS[name]
    run = workload.prepare(Echo(lambda *args: answer), workload.sizes[0], generator(1))
    inputs = run.draw(generator(2))
    with pytest.raises(CheckFailed):
        run.check(run.call(*inputs), inputs)


def test_inputs_follow_from_the_generator() -> None:
    """Protects replay and fairness: the same numbers for the same seed, others for another, shapes alike."""
    for name, workload in WORKLOADS.items():
        if name.startswith(("rope", "samplers")):
            run = workload.prepare(Echo(lambda *args: None), workload.sizes[0], generator(1))
            one, same, other = (run.draw(generator(seed))[0] for seed in (3, 3, 4))
            assert torch.equal(one, same)
            assert not torch.equal(one, other)
            assert one.shape == other.shape
