"""The wrong submissions of cmu_birthplaces: each still applies, and is wrong where its table says."""

import ast
import importlib.util
import random
from collections import defaultdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

ROOT = Path(__file__).parents[3]
SRC = ROOT / "reference" / "homeworks" / "cmu_birthplaces" / "src"
SUBMISSIONS = ROOT / "tests" / "submissions" / "cmu_birthplaces"


def load(path: Path) -> Any:
    """Load a module that imports no other module of the homework, under a private name, outside of sys.modules."""
    spec = importlib.util.spec_from_file_location(f"_cmu_bugs_{path.stem}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


table = load(SUBMISSIONS / "bugs.py")
BUGS = [pytest.param(bug, id=bug.name) for bug in table.BUGS]


def test_the_table_is_well_formed() -> None:
    """Protects the table: ten bugs or more, distinct names, a sentence each, something to lose, all questions hit."""
    assert len(table.BUGS) >= 10
    assert len({bug.name for bug in table.BUGS}) == len(table.BUGS)
    assert all(bug.sentence.endswith(".") and bug.loses for bug in table.BUGS)
    assert frozenset().union(*(bug.loses for bug in table.BUGS)) == table.GRADED


@torch.no_grad()
def attention_output(module: Any, rope: bool) -> torch.Tensor:
    """The attention's output for fixed weights and tokens, T at block_size: 3 heads of 4 features."""
    config = SimpleNamespace(n_embd=12, n_head=3, block_size=7, attn_pdrop=0.0, resid_pdrop=0.0, rope=rope)
    generator = torch.Generator().manual_seed(0)
    with torch.random.fork_rng(devices=[]):
        attention = module.CausalSelfAttention(config)
    for parameter in attention.parameters():
        parameter.copy_(0.5 * torch.randn(parameter.shape, generator=generator))
    result: torch.Tensor = attention(torch.randn(2, 7, 12, generator=generator))
    return result


def corruption_is_right(module: Any) -> bool:
    """Tell by the layout and by what occurs in 2,000 corruptions whether a CharCorruptionDataset is right."""
    dataset = module.CharCorruptionDataset("abcdefghijklmnopqrstuvwxyz", 16)
    starts, hidden = set(), defaultdict(set)
    state = random.getstate()
    random.seed(0)
    try:
        for _ in range(2000):
            x, y = dataset[0]
            parts = "".join(dataset.itos[id] for id in [*x.tolist(), int(y[-1])]).rstrip("□").split("⁇")
            if len(parts) != 3:
                return False
            prefix, suffix, content = parts
            starts.add(len(prefix))
            hidden[len(prefix + suffix + content)].add(len(content))
    finally:
        random.setstate(state)
    return set(hidden) == set(range(4, 15)) and len(starts) > 1 and len(hidden[14]) > 1


@pytest.mark.parametrize(
    "bug", [bug for bug in BUGS if bug.values[0].file not in ("src/attention.py", "src/dataset.py")]
)
def test_bug_of_a_command_applies(bug: Any) -> None:
    """Protects the graders' tests from a stale bug of a command: it applies, and is Python. Its checks run the commands."""
    source = (SRC.parent / bug.file).read_text(encoding="utf-8")
    broken = bug.applied_to(source)
    assert ast.dump(ast.parse(broken)) != ast.dump(ast.parse(source))


@pytest.mark.parametrize("bug", [bug for bug in BUGS if bug.values[0].file in ("src/attention.py", "src/dataset.py")])
def test_bug_is_wrong_where_the_table_says(bug: Any, tmp_path: Path) -> None:
    """Protects the graders' tests from a bug that has gone stale: it applies, runs, and changes what it should."""
    copy = tmp_path / Path(bug.file).name
    copy.write_text(bug.applied_to((SRC.parent / bug.file).read_text(encoding="utf-8")), encoding="utf-8")
    broken, reference = load(copy), load(SRC.parent / bug.file)
    lost = set()
    if bug.file.endswith("attention.py"):
        for question, rope in (("2(b)", False), ("2(g)iii", True)):
            actual, expected = (attention_output(module, rope) for module in (broken, reference))
            assert actual.isfinite().all()
            if not torch.allclose(actual, expected, atol=1e-3):
                lost.add(question)
                break  # the RoPE model shares the attention, and a mistake costs once
    else:
        assert corruption_is_right(reference)
        if not corruption_is_right(broken):
            lost.add("2(e)")
    assert lost == bug.loses


def test_a_stale_bug_is_reported() -> None:
    """Protects the message for a bug whose text the reference solution no longer has: name and count."""
    with pytest.raises(ValueError, match=r"no_scaling: the text must occur once in the solution, found 0 times"):
        table.BUGS[0].applied_to("")
