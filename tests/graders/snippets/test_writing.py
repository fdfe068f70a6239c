"""Snippets: what they say, and that they do what they say, run beside the student's file with torch alone."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given

from audit.specimens import file_of
from graders.check import Check, check
from graders.compare import assert_agrees, assert_equal, assert_true
from graders.homework import load
from graders.snippets.writing import MAX_LENGTH, snippet_of
from graders.student import Offer, Student
from graders.verdict import CheckFailed, Outcome, Verdict
from sandbox.client import Remote, Worker
from sandbox.launch import Zygote
from tests.matrix import HERE, Chaff, chaffs, judging

REFERENCE = Path(__file__).parents[3] / "reference"
# repeats each folder's again.py in a process of its own; torch is imported once
RUNNER = """
import os, runpy, sys, traceback
import torch
torch.set_num_threads(1)
for line in sys.stdin:
    folder = line.rstrip("\\n")
    child = os.fork()
    if child == 0:
        os.chdir(folder)
        sys.path.insert(0, folder)
        sys.dont_write_bytecode = True
        out = os.open("out.txt", os.O_WRONLY | os.O_CREAT)
        os.dup2(out, 1)
        os.dup2(out, 2)
        status = 0
        try:
            runpy.run_path("again.py", run_name="__main__")
        except BaseException:
            traceback.print_exc()
            status = 1
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
Again = Callable[[str, Path], tuple[int, str]]


@pytest.fixture(scope="module")
def runner() -> Iterator[subprocess.Popen[str]]:
    """The process that repeats snippets: isolated, so that nothing of ours can be imported there."""
    with subprocess.Popen(
        [sys.executable, "-I", "-c", RUNNER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()


@pytest.fixture
def again(runner: subprocess.Popen[str], tmp_path: Path) -> Again:
    """Run a snippet in a folder with files; gives the exit status and what was printed."""

    def run(snippet: str, folder: Path) -> tuple[int, str]:
        (folder / "again.py").write_text(snippet, encoding="utf-8")
        (folder / "out.txt").unlink(missing_ok=True)
        assert runner.stdin is not None
        assert runner.stdout is not None
        runner.stdin.write(f"{folder}\n")
        runner.stdin.flush()
        return int(runner.stdout.readline()), (folder / "out.txt").read_text()

    return run


def beside(folder: Path, files: dict[str, str]) -> Path:
    """A folder with files."""
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def sides(printed: str) -> tuple[str, str] | None:
    """What is printed as got and as expected; None without them."""
    _, _, rest = printed.partition("got:\n")
    got, found, expected = rest.partition("expected:\n")
    return (got, expected) if found else None


# ---------------------------------------------------------------------------------------------------- one task each

SPECIMENS = {
    "attention/scales_by_sqrt_n_queries": True,
    "mask/pads_queries": True,
    "multi_head/no_scaling": True,
    "layer_norm/eps_as_lower_bound": True,
    "mlp/adds_the_residual": True,
    "block/post_norm": True,
    "gpt/gelu_by_tanh": True,
    "loss/overwrites_ids": True,
    "perplexity/padding_scored_as_token_0": False,
    "samplers/filters_in_place": True,
    "generate/crops_to_the_beginning": False,
    "rope/half_split_pairs": True,
    "span_corruption/no_shift": False,
    "tokenizer/alphabetical": False,
    "patch_embedding/column_major_patches": False,
}  # a chaff of each task, and whether its snippet prints what was expected


# the order of a set of strings differs from process to process, and may be right by chance
BY_CHANCE = {"characters_of_a_set", "vocabulary_of_a_set"}


def verdict_on(chaff: Chaff, zygote: Zygote) -> Verdict:
    """The verdict of the check that must reject a chaff."""
    with judging(chaff.path, zygote, seed=1) as judge:
        one = next(each for each in judge.checks if each.id == chaff.check)
        return one.run(judge.student, judge.seed_of(one), shrink_calls=60)


def repeat(chaff: Chaff, snippet: str, again: Again, tmp_path: Path) -> None:
    """Run a chaff's snippet beside the chaff, where it must show the mistake, and beside the solution."""
    name = file_of(chaff.task, load("core"))
    status, wrong = again(snippet, beside(tmp_path / "chaff", {name: chaff.path.read_text(encoding="utf-8")}))
    solution = {
        path.name: path.read_text(encoding="utf-8").replace("from .", "from ")
        for path in REFERENCE.glob("*.py")
        if path.name != "__init__.py"
    }
    right_status, right = again(snippet, beside(tmp_path / "solution", solution))
    assert (status, wrong) != (right_status, right), "chaff and solution print the same"
    if (shown := sides(wrong)) is not None:
        assert (status, right_status) == (0, 0), wrong + right
        assert shown[0] != shown[1]
        repeated = sides(right)
        assert repeated is not None
        assert almost_equal(*repeated), right


def almost_equal(one: str, other: str) -> bool:
    """Whether two printed values are the same but for rounding and the width of columns."""
    space = {"tensor": lambda values, **_: values, "torch": torch, "inf": float("inf"), "nan": float("nan")}
    space |= {"grad_fn": None}
    try:
        first, second = (torch.tensor(eval(text, dict(space))).double() for text in (one, other))
    except (SyntaxError, TypeError, ValueError):
        return one == other
    return first.shape == second.shape and torch.allclose(first, second, rtol=1e-3, atol=2e-4, equal_nan=True)


@pytest.mark.parametrize("name", SPECIMENS)
def test_the_snippet_repeats_the_mistake(name: str, zygote: Zygote, again: Again, tmp_path: Path) -> None:
    """Protects the promise: beside the wrong file it shows what is wrong, beside the solution both sides are alike."""
    chaff = next(each for each in chaffs() if each.path == HERE / "chaffs" / f"{name}.py")
    verdict = verdict_on(chaff, zygote)
    assert (verdict.outcome, verdict.staff) == (Outcome.FAILED, "")
    assert verdict.snippet
    assert ("expected" in verdict.snippet) == SPECIMENS[name]
    repeat(chaff, verdict.snippet, again, tmp_path)


def test_every_task_has_its_specimen() -> None:
    """Protects the table above from a forgotten task."""
    assert {name.partition("/")[0] for name in SPECIMENS} == {chaff.task for chaff in chaffs()}


@pytest.mark.slow
@pytest.mark.parametrize("chaff", chaffs(), ids=lambda chaff: f"{chaff.task}-{chaff.path.stem}")
def test_every_snippet_repeats_its_mistake(chaff: Chaff, zygote: Zygote, again: Again, tmp_path: Path) -> None:
    """Protects every check: a chaff's snippet, if there is one, shows its mistake and none of the solution's."""
    verdict = verdict_on(chaff, zygote)
    assert (verdict.outcome, verdict.staff) == (Outcome.FAILED, "")
    if verdict.snippet and chaff.path.stem not in BY_CHANCE:
        repeat(chaff, verdict.snippet, again, tmp_path)


def test_a_snippet_runs_as_a_plain_script(zygote: Zygote, tmp_path: Path) -> None:
    """Protects what a student types: `python again.py`, beside the own file, and nothing else."""
    chaff = next(each for each in chaffs() if each.path.stem == "scales_by_sqrt_n_queries")
    folder = beside(tmp_path / "mine", {"attention.py": chaff.path.read_text(encoding="utf-8")})
    (folder / "again.py").write_text(verdict_on(chaff, zygote).snippet, encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    run = subprocess.run(
        [sys.executable, "again.py"], cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    shown = sides(run.stdout)
    assert shown is not None
    assert shown[0] != shown[1]
    shutil.rmtree(folder)


# ---------------------------------------------------------------------------------------------------- each operation

CODE = """
import random
import torch
from torch import nn

calls = []

def double(x): return 2 * x
def pair(x, y): return x + y, x * y
def spoil(x): x.zero_(); return 1
def fails(x): raise ValueError("not like this")
def draw(generator): return torch.rand(2, generator=generator)
def draw_globally(): return random.random(), torch.rand(2)
def draw_from(rng): return rng.random()
def encoded(encode, text): return encode(text)
def tell(x): return [float(x.sum()), "text"]

class Scale(nn.Module):
    last = None
    def __init__(self, factor):
        super().__init__()
        self.weight = nn.Parameter(torch.full((2,), float(factor)))
        self.inner = nn.Linear(2, 2)
        Scale.last = self
    def forward(self, x): return x * self.weight
    def latest(self, x): return x * Scale.last.weight

class Outer(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = Scale(3)
"""


def judged(student: Callable[..., Student], function: Callable[..., None], code: str = CODE) -> Verdict:
    """The verdict of a check whose body is `function(worker)`, on the code above."""

    def test_it(worker: Any, *_: Any) -> None:
        """It is as it should be."""
        function(worker)

    someone = student({"mine.py": code})
    binding = {"toy": Offer(lambda worker: worker)}
    one = check(task="toy", group="property")(test_it)
    return one.run(Student(someone.submission, binding), 1)


@pytest.fixture
def repeated(student: Callable[..., Student], again: Again, tmp_path: Path) -> Callable[..., tuple[str, str]]:
    """The snippet of a failing check, and what it prints beside the code; "" and "" if there is none."""

    def run(function: Callable[[Worker], None], status: int = 0) -> tuple[str, str]:
        verdict = judged(student, function)
        assert (verdict.outcome, verdict.staff) == (Outcome.FAILED, "")
        if not verdict.snippet:
            return "", ""
        shutil.rmtree(tmp_path / "mine", ignore_errors=True)
        found, printed = again(verdict.snippet, beside(tmp_path / "mine", {"mine.py": CODE}))
        assert found == status, printed
        return verdict.snippet, printed

    return run


X = torch.tensor([1.0, 2.0])


def test_a_call(repeated: Any) -> None:
    """Protects the whole text of the simplest snippet."""
    snippet, printed = repeated(lambda worker: assert_agrees(worker.resolve("mine", "double")(X), 3 * X.double() + 0.1))
    assert snippet == (
        "import torch\n"
        "from mine import double\n"
        "\n"
        "x1 = torch.tensor([1., 2.])\n"
        "got = double(x1)\n"
        "expected = torch.tensor([3.1, 6.1])\n"
        'print("got:", got, sep="\\n")\n'
        'print("expected:", expected, sep="\\n")\n'
    )
    assert printed == "got:\ntensor([2., 4.])\nexpected:\ntensor([3.1000, 6.1000])\n"


def test_a_part_of_what_is_returned(repeated: Any) -> None:
    """Protects tuples: the value that was compared is taken out of them."""
    snippet, printed = repeated(lambda worker: assert_equal(worker.resolve("mine", "pair")(X, X)[1], X + 1))
    assert "got = pair(x1.clone(), x1.clone())[1]\n" in snippet
    assert printed.startswith("got:\ntensor([1., 4.])\nexpected:\ntensor([2., 3.])")


def test_a_small_difference_is_printed_with_more_digits(repeated: Any) -> None:
    """Protects from two sides that look the same."""
    small = X / 4
    _, printed = repeated(
        lambda worker: assert_agrees(worker.resolve("mine", "double")(small), 2 * small.double() + 3e-5)
    )
    shown = sides(printed)
    assert shown is not None
    assert shown[0] != shown[1]


def test_an_argument_after_the_call(repeated: Any) -> None:
    """Protects checks of what is modified: the argument is shown as it is afterwards, beside the one that was passed."""
    snippet, printed = repeated(
        lambda worker: assert_equal(worker.resolve("mine", "spoil").inputs_after(X)[1][0], X, "x after the call")
    )
    assert "x1_after = x1.clone()\nresult = spoil(x1_after)\ngot = x1_after\nexpected = x1\n" in snippet
    assert printed == "got:\ntensor([0., 0.])\nexpected:\ntensor([1., 2.])\n"


def test_a_module(repeated: Any) -> None:
    """Protects modules: they are constructed, loaded and switched to a mode before they are called."""

    def function(worker: Worker) -> None:
        scale = worker.resolve("mine", "Scale").construct(3)
        weights = {"weight": X, "inner.weight": torch.eye(2), "inner.bias": torch.zeros(2)}
        scale.do("load_state_dict", weights)
        scale.do("train", False)
        assert_agrees(scale(X), torch.tensor([1.5, 1.7]).double())

    snippet, printed = repeated(function)
    lines = snippet.splitlines()
    assert lines[3].startswith("torch.manual_seed(")
    assert lines[4:13] == [
        "scale = Scale(3)",
        "weight = torch.tensor([1., 2.])",
        "scale.load_state_dict({",
        '    "weight": weight,',
        '    "inner.weight": torch.tensor([[1., 0.], [0., 1.]]),',
        '    "inner.bias": torch.tensor([0., 0.]),',
        "})",
        "scale.train(False)",
        "got = scale(weight.clone()).detach()",
    ]
    assert printed.startswith("got:\ntensor([1., 4.])\n")


def test_an_object_that_changes_another(repeated: Any) -> None:
    """Protects from leaving out too much: what was constructed in between stays, whether it is called or not."""

    def function(worker: Worker) -> None:
        first = worker.resolve("mine", "Scale").construct(3)
        worker.resolve("mine", "Scale").construct(5)
        assert_agrees(first.method("latest", X), 3 * X.double())

    _, printed = repeated(function)
    assert printed.startswith("got:\ntensor([ 5., 10.])\nexpected:\ntensor([3., 6.])")


def test_gradients(repeated: Any) -> None:
    """Protects gradients of arguments and of parameters, by .backward()."""

    def of_argument(worker: Worker) -> None:
        [gradient], _ = worker.resolve("mine", "double").gradients([X], [0], torch.ones(2))
        assert_agrees(gradient, torch.tensor([7.0, 7.5]).double())

    snippet, printed = repeated(of_argument)
    assert "x1.requires_grad_()\noutput = double(x1)\n" in snippet
    assert ".sum().backward()\ngot = x1.grad\n" in snippet
    assert printed.startswith("got:\ntensor([2., 2.])\n")


def test_gradients_of_parameters(repeated: Any) -> None:
    """Protects gradients by name, of the second of two calls too."""

    def function(worker: Worker) -> None:
        scale = worker.resolve("mine", "Scale").construct(3)
        scale.gradients([X], [], torch.ones(2), parameters=True)
        gradients = scale.gradients([X + 1], [], torch.ones(2), parameters=True)[1]
        assert_equal(gradients["weight"], X)

    snippet, printed = repeated(function)
    assert "scale.zero_grad()" in snippet
    assert printed.startswith("got:\ntensor([2., 3.])\n")


def test_a_missing_gradient(repeated: Any) -> None:
    """Protects detached values, of which .backward() would raise: that none can be computed is printed."""

    def function(worker: Worker) -> None:
        [gradient], _ = worker.resolve("mine", "tell").gradients([X], [0], torch.ones(()), output=0)
        assert_true(gradient is not None, "No gradient.")

    verdict_code, printed = repeated(function, status=1)  # a float has no requires_grad: Python's own words
    assert "a gradient can be computed:" in verdict_code
    assert "AttributeError" in printed


def test_many_calls_and_random_states(repeated: Any) -> None:
    """Protects draws: generators are made with the same seed and handed on, equal calls become a loop."""

    def function(worker: Worker) -> None:
        generator = worker.make("generator", seed=5)
        drawn = worker.resolve("mine", "draw").call_many([[generator]] * 4)
        assert_agrees(drawn[3], torch.full((2,), 0.1, dtype=torch.float64))

    snippet, printed = repeated(function)
    assert "generator = torch.Generator().manual_seed(5)\ngot = [draw(generator) for _ in range(4)][3]\n" in snippet
    drawn = torch.rand(4, 2, generator=torch.Generator().manual_seed(5))
    assert printed.startswith(f"got:\n{drawn[3]}\n")


def test_global_seeds(repeated: Any) -> None:
    """Protects code that draws from the global states: they are set as they were."""

    def function(worker: Worker) -> None:
        worker.seed(7)
        assert_true(worker.resolve("mine", "draw_globally")() is None, "It draws.")

    _, printed = repeated(function)
    torch_state = torch.rand(2, generator=torch.Generator().manual_seed(7))
    assert printed == f"(0.32383276483316237, {torch_state!r})\n"


def test_random_and_encoder(repeated: Any) -> None:
    """Protects span corruption's arguments."""

    def function(worker: Worker) -> None:
        assert_true(worker.resolve("mine", "draw_from")(worker.make("random", seed=7)) == 0, "It draws.")

    assert repeated(function)[1] == "0.32383276483316237\n"


def test_an_encoder(repeated: Any) -> None:
    """Protects functions that are passed."""

    def function(worker: Worker) -> None:
        encode = worker.make("encoder", ids={"a": 3, "⁇": 1})
        assert_true(worker.resolve("mine", "encoded")(encode, "a⁇") == 0, "It encodes.")

    assert repeated(function)[1] == "[3, 1]\n"


def test_code_that_raises(repeated: Any) -> None:
    """Protects errors: the snippet ends with the call that raises, and shows Python's own traceback."""
    snippet, printed = repeated(lambda worker: worker.resolve("mine", "fails")(X), status=1)
    assert snippet.endswith("\nfails(x1)\n")
    assert "ValueError: not like this" in printed


def test_an_error_that_is_expected(repeated: Any) -> None:
    """Protects checks that go on after an error: it is caught, and told."""

    def function(worker: Worker) -> None:
        try:
            worker.resolve("mine", "fails")(X)
        except Exception:
            assert_agrees(worker.resolve("mine", "double")(X), X.double())

    _, printed = repeated(function)
    assert printed.startswith("raised: ValueError('not like this')\ngot:\ntensor([2., 4.])\n")


def test_what_was_compared_may_be_another_result(repeated: Any) -> None:
    """Protects checks of two calls against each other: expected is what the other call gives, not a number from before."""

    def function(worker: Worker) -> None:
        draw = worker.resolve("mine", "draw_globally")
        first = draw()[1]
        assert_agrees(draw()[1], first.double(), "the second call")

    snippet, _ = repeated(function)
    assert "expected = draw_globally()[1]\ngot = draw_globally()[1]\n" in snippet


def test_what_is_made_of_results_is_not_shown_as_expected(repeated: Any) -> None:
    """Protects from a wrong number: a part of another result is wrong itself if the code is; both results are printed."""

    def function(worker: Worker) -> None:
        double = worker.resolve("mine", "double")
        whole = double(torch.tensor([1.0, 2.0, 3.0, 4.0]))
        assert_agrees(double(X + 1), whole[:2].double())

    snippet, printed = repeated(function)
    assert "expected" not in snippet
    assert printed == "tensor([2., 4., 6., 8.])\ntensor([4., 6.])\n"


def test_a_failure_that_names_the_mistake_keeps_its_sides(repeated: Any) -> None:
    """Protects diagnoses: a failure that is raised in the place of another has the same snippet."""

    def function(worker: Worker) -> None:
        try:
            assert_agrees(worker.resolve("mine", "double")(X), X.double())
        except CheckFailed as failed:
            raise CheckFailed(f"{failed}\n  It is doubled.") from None

    assert sides(repeated(function)[1]) is not None


def test_what_is_computed_from_results_is_not_shown_as_expected(repeated: Any) -> None:
    """Protects from a wrong number, of one call too: it is put together from the result itself."""

    def of_two(worker: Worker) -> None:
        double = worker.resolve("mine", "double")
        assert_agrees(double(X), double(X).double() / 3 + 1)

    def of_one(worker: Worker) -> None:
        got = worker.resolve("mine", "double")(X)
        assert_agrees(got, got.flip(0).double())

    for function, count in ((of_two, 2), (of_one, 1)):
        snippet, printed = repeated(function)
        assert "expected" not in snippet
        assert printed.count("tensor([2., 4.])") == count


def test_parameters_that_were_asked_for_last(repeated: Any) -> None:
    """Protects checks of a module's parameters: their names and shapes are printed."""

    def function(worker: Worker) -> None:
        assert_true(not worker.resolve("mine", "Scale").construct(3).parameters(), "It has parameters.")

    assert repeated(function)[1] == "{'weight': (2,), 'inner.weight': (2, 2), 'inner.bias': (2,)}\n"


@pytest.mark.parametrize("kind", ["part", "text_tokenizer"])
def test_stand_ins_give_no_snippet(repeated: Any, kind: str) -> None:
    """Protects from code that cannot run elsewhere: with a stand-in in it there is none."""

    def function(worker: Worker) -> None:
        arguments = (
            {"into": 2, "out": 2, "parameter": "p", "residual": False, "as_pair": False} if kind == "part" else {}
        )
        assert_true(worker.resolve("mine", "double")([worker.make(kind, **arguments)]) is None, "It is doubled.")

    assert repeated(function) == ("", "")


@pytest.mark.parametrize("how", ["set", "instances", "call_watched", "dunder"])
def test_what_cannot_be_repeated_gives_no_snippet(repeated: Any, how: str) -> None:
    """Protects from snippets that leave something out: attributes set past the object, watched calls, found submodules."""

    def function(worker: Worker) -> None:
        constructor = worker.resolve("mine", "Scale")
        scale: Remote = constructor.construct(3)
        if how == "set":
            scale.set("mark", 5)
        elif how == "instances":
            [scale] = worker.resolve("mine", "Outer").construct().instances(constructor)
        elif how == "call_watched":
            scale.call_watched(X)
        else:
            scale.part("forward.__func__")(scale.handle, X)
        assert_agrees(scale(X), X.double())

    assert repeated(function) == ("", "")


def test_too_long(repeated: Any) -> None:
    """Protects the page: a case that nobody could read gives none."""
    many = torch.rand(40, 40, generator=torch.Generator().manual_seed(0))
    assert repeated(lambda worker: assert_equal(worker.resolve("mine", "double")(many), many)) == ("", "")
    assert MAX_LENGTH == 6000


def test_arguments_that_have_changed_give_no_snippet(repeated: Any) -> None:
    """Protects from a wrong number: if the check has changed a tensor after the call, what was sent is gone."""

    def function(worker: Worker) -> None:
        x = torch.ones(2)
        got = worker.resolve("mine", "double")(x)
        x.add_(5)
        assert_agrees(got, x.double())

    assert repeated(function) == ("", "")


def test_before_anything_is_asked_there_is_no_snippet() -> None:
    """Protects missing files and wrong signatures: nothing was called yet."""
    assert snippet_of([], 0, {}, CheckFailed("no such name")) == ""


def test_fields_of_the_case_lend_their_names(student: Callable[..., Student]) -> None:
    """Protects the reader: what the message calls `length` is called so in the code."""

    @check(task="toy", group="property")
    @given(length=st.builds(lambda: torch.tensor([2.0, 5.0])))
    def test_it(worker: Any, length: torch.Tensor) -> None:
        """It is as it should be."""
        assert_equal(worker.resolve("mine", "double")(length), length)

    one: Check = test_it
    someone = student({"mine.py": CODE})
    verdict = one.run(Student(someone.submission, {"toy": Offer(lambda worker: worker)}), 1)
    assert "length = torch.tensor([2., 5.])\ngot = double(length.clone())\nexpected = length\n" in verdict.snippet


def test_notebooks(student: Callable[..., Student]) -> None:
    """Protects notebooks: nothing is imported; what must be set there is said."""
    cells = [{"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": "n = 3\n"},
             {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None,
              "source": "def times(x):\n    return x * n\n"}]  # fmt: skip
    notebook = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}

    def verdict(constants: dict[str, Any]) -> Verdict:
        def test_it(worker: Any, *_: Any) -> None:
            """It is as it should be."""
            assert_agrees(worker.define(["times"], constants)["times"](X), X.double())

        someone = student({"mine.ipynb": json.dumps(notebook)})
        one = check(task="toy", group="property")(test_it)
        return one.run(Student(someone.submission, {"toy": Offer(lambda worker: worker)}), 1)

    assert verdict({}).snippet.splitlines()[:2] == [
        "import torch",
        "# run this in your notebook, below your own cells",
    ]
    assert verdict({"n": 12}).snippet.splitlines()[1] == (
        "# set n = 12 in your notebook, run its cells again, then run this below them"
    )
