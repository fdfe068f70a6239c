"""The differential oracle sees a planted difference in every task, and none where there is none."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from audit.equivalence import TASKS, Comparison, NotObservableError, Oracle, compare, file_of

REFERENCE = Path(__file__).resolve().parent.parent.parent / "reference"
FILES = {name: (REFERENCE / name).read_text(encoding="utf-8") for name in sorted({"__init__.py", *map(file_of, TASKS)})}

# for each task a text of its file, what it becomes, and what the sentence must speak of
PLANTED = {
    "attention": ("math.sqrt(d)", "d", "mask None"),
    "mask": ("[:, None] >=", "[:, None] >", "causal_mask(1)"),
    "multi_head": ("self.weight_dropout(weights)", "weights", "dropout 0.25"),
    "layer_norm": ("eps: float = 1e-5", "eps: float = 1e-6", "standard deviation"),
    "mlp": ("F.gelu(self.up(x))", 'F.gelu(self.up(x), approximate="tanh")', "elements differ"),
    "block": ("self.norm2 = nn.LayerNorm(d_model, eps=1e-5)", "self.norm2 = nn.LayerNorm(d_model, eps=1e-4)", "tokens"),
    "gpt": ("self.head.weight = self.token_embedding.weight", "pass", "one weight for two"),
    "loss": ("mask[:, 1:]  #", "mask[:, :-1]  #", "mask True"),
    "perplexity": ("logits.detach().double()", "logits.detach().float()", "float64"),
    "samplers": ("mass_before >= p", "mass_before > p", "equal logits"),
    "generate": ("text[:, -block_size:]", "text[:, -block_size - 1:]", "block size 1"),
    "rope": ("even * sin + odd * cos", "even * sin - odd * cos", "width 2"),
    "span_corruption": ("int(block_size * 7 / 8)", "int(block_size * 7 / 8) - 1", "lengths"),
    "tokenizer": ("if not 0 <= number", "if not -1 <= number", "decode [-1]"),
    "patch_embedding": ("grid.permute(0, 2, 4, 1, 3, 5)", "grid.permute(0, 2, 4, 3, 5, 1)", "channels"),
}


@pytest.fixture(scope="module")
def oracle() -> Iterator[Oracle]:
    """One interpreter for all tasks: starting torch takes longer than most comparisons."""
    with Oracle() as oracle:
        yield oracle


def results(
    oracle: Oracle, task: str, texts: Mapping[str, str], seeds: int = 1, timeout: float = 60.0
) -> dict[str, Comparison]:
    """Compare variants of a task's own file."""
    return dict(
        oracle.compare(task, FILES, {name: {file_of(task): text} for name, text in texts.items()}, seeds, timeout)
    )


def test_every_task_has_a_driver() -> None:
    """The tasks named are those that have a driver, and each has a planted difference here."""
    drivers = (REFERENCE.parent / "audit" / "differential").glob("*.py")
    assert set(TASKS) <= {path.stem for path in drivers}
    assert set(PLANTED) == set(TASKS)


@pytest.mark.parametrize("task", TASKS)
def test_planted_differences_are_seen(oracle: Oracle, task: str) -> None:
    """A reformatted answer key is the same; one with a mistake is different, and the sentence says where."""
    old, new, where = PLANTED[task]
    source = FILES[file_of(task)]
    assert source.count(old) == 1
    reformatted = ast.unparse(ast.parse(source))
    found = results(oracle, task, {"reformatted": reformatted, "planted": source.replace(old, new)})
    assert found["reformatted"] == Comparison(None)
    assert not found["planted"].same
    assert where in str(found["planted"].difference)


def test_random_functions_may_draw_otherwise(oracle: Oracle) -> None:
    """Another way to use the randomness is not another distribution."""
    source = FILES["samplers.py"]
    gumbel = source.replace(
        "torch.multinomial(probabilities, num_samples=1, generator=generator).squeeze(-1)",
        "(probabilities / torch.rand((3, *probabilities.shape), generator=generator)[1].log().neg()).argmax(-1)",
    )
    assert gumbel != source
    assert results(oracle, "samplers", {"gumbel": gumbel})["gumbel"].same
    source = FILES["span_corruption.py"]
    more = source.replace("    text = document[", "    rng.random()\n    text = document[")
    assert more != source
    assert results(oracle, "span_corruption", {"more": more})["more"].same


def test_mutants_that_hang_or_crash_are_different(oracle: Oracle) -> None:
    """A loop without end, too much memory, a dead process, an error at import: each is one mutant's difference."""
    source = FILES["mask.py"]
    start = "    position = torch.arange(n_tokens)\n"
    texts = {
        "hangs": source.replace(start, f"    while True: pass\n{start}"),
        "eats memory": source.replace(start, f"    bytearray(1 << 40)\n{start}"),
        "dies": source.replace(start, f"    import os; os.kill(os.getpid(), 9)\n{start}"),
        "prints": source.replace(start, f"    print('noise')\n{start}"),
        "does not load": source + "\nno_such_name\n",
        "is no Python": source + "\n)\n",
    }
    found = {name: comparison.difference for name, comparison in results(oracle, "mask", texts, timeout=1.0).items()}
    assert found.pop("prints") is None
    expected = {
        "hangs": "its run takes more than 1 s",
        "eats memory": "MemoryError",
        "dies": "its run dies of signal 9",
        "does not load": "NameError",
        "is no Python": "SyntaxError",
    }
    assert {name for name, text in expected.items() if text in str(found[name])} == set(expected)


def test_an_original_that_cannot_be_observed(oracle: Oracle) -> None:
    """A faulty original, or one that differs from itself, is no measure for mutants; the oracle goes on with the next."""
    faulty = {**FILES, "mask.py": FILES["mask.py"].replace("torch.arange(n_tokens)", "torch.arrange(n_tokens)")}
    with pytest.raises(NotObservableError, match=r"causal_mask\(1\) raises AttributeError"):
        list(oracle.compare("mask", faulty, {}, 1))
    fickle = {
        **FILES,
        "mask.py": FILES["mask.py"].replace("[:, None] >=", "[:, None] + __import__('os').urandom(1)[0] % 2 >="),
    }
    with pytest.raises(NotObservableError, match="its second run differs"):
        list(oracle.compare("mask", fickle, {}, 1))
    undefined = {**FILES, "layer_norm.py": FILES["layer_norm.py"].replace("+ eps)", "- eps)")}
    with pytest.raises(NotObservableError, match="the result is NaN"):
        list(oracle.compare("layer_norm", undefined, {}, 1))
    assert list(oracle.compare("mask", FILES, {"itself": {}}, 1)) == [("itself", Comparison(None))]
    with pytest.raises(ValueError, match="task must be one of"):
        list(oracle.compare("masks", FILES, {}, 1))


def test_a_part_of_another_file_counts() -> None:
    """`compare` alone, and a mutant in a file that the task's own file imports."""
    wrong = {"attention.py": FILES["attention.py"].replace("math.sqrt(d)", "d")}
    assert not compare("multi_head", FILES, wrong, seeds=1, timeout=60.0).same
