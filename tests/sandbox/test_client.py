"""What graders ask of a submission, answered by real workers."""

import os
from collections.abc import Callable

import numpy as np
import pytest
import torch

from sandbox.client import Patience, Submission
from sandbox.confine import Limits
from sandbox.errors import Loss, StudentError, WorkerLost
from sandbox.wire import Opaque

MakeSubmission = Callable[..., Submission]

CODE = """
import random
import numpy as np
import torch
from torch import nn

CONSTANT = 42

def identity(*args, **kwargs): return args, kwargs
def double(x): return 2 * x
def strides(x): return list(x.stride())
def fill(x, rows, y=None):
    x.zero_()
    rows.append(5)
    return rows
def draw(): return [random.random(), float(np.random.rand()), float(torch.rand(()))]
def draw_from(source): return source.random()
def sample(generator): return torch.rand(3, generator=generator)
def fields(config): return [config.n_layers, config.name]
def encoded(encode, text): return encode(text)
def signature(a, b=1, *rest, c, d=2, **more): pass
def large(x=None): return torch.zeros(2 << 20)

class Scale(nn.Module):
    def __init__(self, factor):
        super().__init__()
        self.weight = nn.Parameter(torch.full((2,), float(factor)))
        self.unused = nn.Parameter(torch.zeros(3))
        self.calls = 0
    def forward(self, x):
        self.calls += 1
        return x * self.weight
    def both(self, x): return x, self(x)

class Refuses:
    def __init__(self): raise ValueError("not like this")

def detached(x): return x.detach() * 2
def pair(x, y): return x + y, (x * y).detach()
def half(x, y): return (x.detach() * y,)
def no_tensor(x): return 3
"""


@pytest.fixture
def student(submission: MakeSubmission) -> Submission:
    """A submission with a function for each question."""
    return submission({"student.py": CODE})


def test_arguments_and_values(student: Submission) -> None:
    """Protects calls: positional and keyword arguments of every kind arrive, and so do the values."""
    args = (1, 2.5, "σ", None, True, [1, [2]], (3,), {"a": {1: 2}}, float("inf"), np.arange(3))
    with student.open(seed=1) as worker:
        got, named = worker.resolve("student", "identity")(*args, x=torch.tensor([1.0, float("nan")]))
    assert args[:-1] == got[:-1]
    assert got[-1].tolist() == [0, 1, 2]
    assert str(named["x"].tolist()) == "[1.0, nan]"


def test_strides_are_those_of_the_argument(student: Submission) -> None:
    """Protects checks of memory order: a transposed tensor is transposed in the worker too, and comes back so."""
    x = torch.arange(24).reshape(2, 3, 4).permute(2, 0, 1)
    with student.open(seed=1) as worker:
        assert list(x.stride()) == worker.resolve("student", "strides")(x)
        assert x.stride() == worker.resolve("student", "double")(x).stride()


def test_objects_stay_in_the_worker(student: Submission) -> None:
    """Protects handles: an object keeps its state between calls, methods and attributes are reached through it."""
    with student.open(seed=1) as worker:
        scale = worker.resolve("student", "Scale").construct(3)
        assert scale(torch.tensor([1.0, 2.0])).tolist() == [3.0, 6.0]
        x, y = scale.method("both", torch.ones(2))
        assert (x.tolist(), y.tolist()) == ([1.0, 1.0], [3.0, 3.0])
        assert scale.get("calls") == 2
        scale.do("load_state_dict", {"weight": torch.zeros(2), "unused": torch.zeros(3)})
        assert scale(torch.ones(2)).tolist() == [0.0, 0.0]
        assert isinstance(scale.method("eval"), Opaque)


def test_objects_can_be_arguments(student: Submission) -> None:
    """Protects handles within arguments, at any depth: the worker puts the objects in their place."""
    with student.open(seed=1) as worker:
        double = worker.resolve("student", "double")
        applied = worker.resolve("student", "encoded")
        assert applied(double.handle, 3) == 6
        (found,), _ = worker.resolve("student", "identity")([{"f": (double.handle,)}])
        assert isinstance(found[0]["f"][0], Opaque)


def test_made_arguments(student: Submission) -> None:
    """Protects arguments without a plain form: generators, configuration objects, encoders."""
    with student.open(seed=1) as worker:
        source, generator = worker.make("random", seed=7), worker.make("generator", seed=7)
        config = worker.make("namespace", n_layers=2, name="gpt")
        encode = worker.make("encoder", ids=[["a", 4], ["b", 5]])
        assert worker.resolve("student", "draw_from")(source) == 0.32383276483316237
        expected = torch.rand(3, generator=torch.Generator().manual_seed(7)).tolist()
        assert expected == worker.resolve("student", "sample")(generator).tolist()
        assert worker.resolve("student", "fields")(config) == [2, "gpt"]
        assert worker.resolve("student", "encoded")(encode, "baa") == [5, 4, 4]


def test_errors_of_deferred_requests_come_with_the_next(student: Submission) -> None:
    """Protects what an object's constructor raises: it is told by the next request, as the student's error."""
    with student.open(seed=1) as worker:
        refuses = worker.resolve("student", "Refuses").construct()
        with pytest.raises(StudentError) as caught:
            refuses.get("anything")
        assert worker.resolve("student", "CONSTANT").method("__int__") == 42
    assert (caught.value.facts["type"], caught.value.facts["message"]) == ("ValueError", "not like this")


def test_call_many(student: Submission) -> None:
    """Protects many calls in one exchange: in order, one value for each, none for none."""
    with student.open(seed=1) as worker:
        double = worker.resolve("student", "double")
        assert double.call_many([[0], [1], [2]]) == [0, 2, 4]
        assert double.call_many([]) == []
        scale = worker.resolve("student", "Scale").construct(2)
        assert [y.tolist() for _, y in scale.call_many([[torch.ones(2)]], "both")] == [[2.0, 2.0]]


def test_inputs_after(student: Submission) -> None:
    """Protects checks for mutation: the arguments come back as they are after the call, the judge's own stay."""
    x, rows = torch.ones(2), [1]
    with student.open(seed=1) as worker:
        value, after = worker.resolve("student", "fill").inputs_after(x, rows, y=3)
    assert [1, 5] == value == after[1]
    assert (after[0].tolist(), x.tolist(), rows) == ([0.0, 0.0], [1.0, 1.0], [1])


def test_gradients_of_arguments(student: Submission) -> None:
    """Protects gradients: Σ output · grad_output with respect to the arguments asked for, in their order."""
    x, y, weights = torch.tensor([1.0, 2.0]), torch.tensor([3.0, 5.0]), torch.tensor([10.0, 100.0])
    with student.open(seed=1) as worker:
        pair = worker.resolve("student", "pair")
        got, named = pair.gradients([x, y], [1, 0], weights, output=0)
        assert ([g.tolist() for g in got], named) == ([[10.0, 100.0]] * 2, {})
        assert pair.gradients([x, y], [0, 1], weights, output=1) == ([None, None], {})
        [no, yes], _ = worker.resolve("student", "half").gradients([x, y], [0, 1], weights, output=0)
        assert (no, yes.tolist()) == (None, [10.0, 200.0])
        assert worker.resolve("student", "detached").gradients([x], [0], weights) == ([None], {})
        assert worker.resolve("student", "no_tensor").gradients([x], [0], weights) == ([None], {})


def test_gradients_of_parameters(student: Submission) -> None:
    """Protects gradients of parameters, by name, with None for what the output does not depend on."""
    x, weights = torch.tensor([1.0, 2.0]), torch.tensor([10.0, 100.0])
    with student.open(seed=1) as worker:
        scale = worker.resolve("student", "Scale").construct(3)
        [grad_x], named = scale.gradients([x], [0], weights, parameters=True)
    assert grad_x.tolist() == [30.0, 300.0]
    assert (list(named), named["weight"].tolist(), named["unused"]) == (["weight", "unused"], [10.0, 200.0], None)


def test_parameters(student: Submission) -> None:
    """Protects names and shapes of parameters, in order."""
    with student.open(seed=1) as worker:
        found = worker.resolve("student", "Scale").construct(3).parameters()
    assert list(found.items()) == [("weight", (2,)), ("unused", (3,))]


def test_describe(student: Submission) -> None:
    """Protects what checks of an interface rely on: kind of object, parameters, defaults."""
    with student.open(seed=1) as worker:
        function = worker.resolve("student", "signature").describe()
        constant = worker.resolve("student", "CONSTANT").describe()
        scale = worker.resolve("student", "Scale").describe()
    parameters = [
        ["a", "POSITIONAL_OR_KEYWORD", False],
        ["b", "POSITIONAL_OR_KEYWORD", True],
        ["rest", "VAR_POSITIONAL", False],
        ["c", "KEYWORD_ONLY", False],
        ["d", "KEYWORD_ONLY", True],
        ["more", "VAR_KEYWORD", False],
    ]
    assert {"callable": True, "class": False, "parameters": parameters} == function
    assert constant == {"callable": False, "class": False, "parameters": None}
    assert scale == {"callable": True, "class": True, "parameters": [["factor", "POSITIONAL_OR_KEYWORD", False]]}


def test_equal_seeds_draw_equal_numbers(student: Submission) -> None:
    """Protects determinism: a worker's random states follow from its seed, at the start and whenever set again."""

    def drawn(seed: int) -> list[float]:
        with student.open(seed) as worker:
            draw = worker.resolve("student", "draw")
            first = draw()
            worker.seed(seed)
            assert first == draw() != draw()
        return first

    assert drawn(5) == drawn(5) != drawn(6)
    assert drawn(2**63 - 1) == drawn(2**63 - 1)


def test_the_reply_may_be_as_large_as_the_arguments_allow(student: Submission) -> None:
    """Protects honest large replies: the cap follows the arguments, by position, by keyword or of many calls."""
    x = torch.zeros(1 << 18)  # 1 MiB, so that 16 MiB may come back
    with student.open(seed=1) as worker:
        large = worker.resolve("student", "large")
        assert [len(large(x)), len(large(x=x)), len(large.inputs_after(x)[0]), len(large.call_many([[x]])[0])] == [
            2 << 20
        ] * 4
        with pytest.raises(WorkerLost, match="bytes of tensors"):
            large()


def test_patience_is_kept_by_kind(submission: MakeSubmission) -> None:
    """Protects slow imports: they have their own limit, and a call has its own."""
    code = "import time\ntime.sleep(0.6)\ndef f(): time.sleep(60)"
    with submission({"student.py": code}, patience=Patience(load=20.0, call=0.5)).open(seed=1) as worker:
        f = worker.resolve("student", "f")
        with pytest.raises(WorkerLost) as caught:
            f()
    assert (caught.value.loss, caught.value.detail) == (Loss.TIMEOUT, "0.5")


def test_layers_are_reported(student: Submission) -> None:
    """Protects the report of what confines a worker."""
    with student.open(seed=1) as worker:
        assert {"session", "oom_first", "dies_with_parent", "rlimits", "no_new_privs"} <= set(worker.layers())


def test_limits_reach_the_worker(submission: MakeSubmission) -> None:
    """Protects a homework's own limits: the worker is put under them."""
    code = "import resource\ndef f(): return resource.getrlimit(resource.RLIMIT_AS)[0]"
    with submission({"student.py": code}, limits=Limits(memory_bytes=3 << 30)).open(seed=1) as worker:
        assert worker.resolve("student", "f")() == 3 << 30


def test_the_code_may_lie_in_a_folder(submission: MakeSubmission) -> None:
    """Protects submissions in folders: imports through the folder's name work, files are found from the folder above."""
    files = {
        "hw/src/a.py": "import src.b\nfrom src import b\nf = src.b.f",
        "hw/src/b.py": "def f(): return open('x').read()",
    }
    with submission({**files, "hw/x": "text"}, code="hw/src").open(seed=1) as worker:
        assert worker.resolve("a", "f")() == "text"


def test_workers_know_nothing_of_each_other(submission: MakeSubmission) -> None:
    """Protects one check from another: what a submission leaves in its worker is not in the next."""
    made = submission(
        {
            "student.py": """
                import torch
                def f():
                    torch.left = 1 + getattr(torch, 'left', 0)
                    return torch.left
            """
        }
    )
    with made.open(seed=1) as first, made.open(seed=1) as second:
        one, two = first.resolve("student", "f"), second.resolve("student", "f")
        assert [one(), one(), two(), one()] == [1, 2, 1, 3]


def test_a_worker_leaves_no_descriptor_open(student: Submission) -> None:
    """Protects long runs: a worker that was closed, or lost, leaves no descriptor of the judge's behind."""
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        with student.open(seed=1) as worker, pytest.raises(WorkerLost):
            worker.resolve("student", "large")()
    assert before == len(os.listdir("/proc/self/fd"))


# ---------------------------------------------------------------------------------------------------- the journal


def test_no_journal_is_kept_unless_it_is_asked_for(student: Submission) -> None:
    """Protects the time of thousands of calls: nothing is noted by default."""
    with student.open(seed=1) as worker:
        assert worker.resolve("student", "double")(3) == 6
        assert worker.journal is None


def test_the_journal_holds_every_request_in_order(student: Submission) -> None:
    """Protects the snippet: deferred requests stand where they were sent, each reply belongs to its own request."""
    with student.open(seed=1) as worker:
        worker.journal = []
        scale = worker.resolve("student", "Scale").construct(3)
        scale.do("train", False)
        x = torch.ones(2)
        got = scale(x)
        scale.get("calls")
        assert [entry.operation for entry in worker.journal] == [
            "seed",
            "open",
            "resolve",
            "call",
            "call",
            "call",
            "get",
        ]
        construct, train, called, calls = worker.journal[3:]
        assert (construct.arguments["args"], construct.reply) == ([3], None)
        assert (train.arguments["attribute"], train.arguments["args"], train.reply) == ("train", [False], None)
        assert called.arguments["args"][0] is x
        assert called.reply is got
        assert (calls.arguments["attribute"], calls.reply) == ("calls", 1)


def test_errors_are_noted_in_the_journal(student: Submission) -> None:
    """Protects the snippet of code that raises or dies: the error stands in the place of the reply."""
    with student.open(seed=1) as worker:
        worker.journal = []
        worker.resolve("student", "Refuses").construct()
        with pytest.raises(StudentError) as caught:
            worker.resolve("student", "double")
        assert [entry.reply for entry in worker.journal[-2:]] == [None, caught.value]
        double = worker.resolve("student", "double")
        with pytest.raises(WorkerLost) as lost:
            worker.request("get", seconds=1e-9, target=double.handle, attribute="__name__")
        assert worker.journal[-1].reply is lost.value


def test_arguments_that_change_later_are_noticed(student: Submission) -> None:
    """Protects from a wrong snippet: the journal tells that a tensor no longer holds what was sent."""
    with student.open(seed=1) as worker:
        worker.journal = []
        x = torch.zeros(4)
        worker.resolve("student", "double")({"x": [x]}["x"])
        assert worker.journal[-1].is_unchanged
        x[1:].add_(1)
        assert not worker.journal[-1].is_unchanged
