"""Notebooks in real workers: what is defined, what is told when it cannot be, and that nothing else is run."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
import torch

from sandbox.client import Patience, Remote, Submission
from sandbox.errors import Loss, StudentError, WorkerLost

MakeSubmission = Callable[..., Submission]

SHORT = Patience(load=2.0, call=5.0)  # 0.6 s for a statement, 1.5 s for all of them


def notebook(*cells: str) -> str:
    """A notebook as Colab writes it, with Markdown and an output beside each cell."""
    output = {"output_type": "stream", "name": "stdout", "text": ["all tests passed\n"]}
    content = [
        cell
        for source in cells
        for cell in (
            {"cell_type": "markdown", "metadata": {"id": "m"}, "source": ["# def f(): pass\n"]},
            {
                "cell_type": "code",
                "metadata": {"id": "c", "colab": {"base_uri": "https://example.org"}},
                "execution_count": 7,
                "outputs": [output],
                "source": source.splitlines(keepends=True),
            },
        )
    ]
    metadata = {"colab": {"provenance": [], "gpuType": "T4"}, "accelerator": "GPU"}
    return json.dumps({"nbformat": 4, "nbformat_minor": 0, "metadata": metadata, "cells": content})


@pytest.fixture
def define(submission: MakeSubmission) -> Callable[..., Any]:
    """Define names from a notebook's cells in a fresh worker, and look at them there."""

    def define(
        cells: Sequence[str],
        names: Sequence[str] = ("f",),
        constants: Mapping[str, Any] | None = None,
        then: Callable[[dict[str, Remote]], Any] = lambda found: found["f"](),
        files: Mapping[str, str] | None = None,
        patience: Patience = SHORT,
    ) -> Any:
        made = submission({"hw.ipynb": notebook(*cells), **(files or {})}, patience=patience)
        with made.open(seed=1) as worker:
            return then(worker.define(names, constants))

    return define


@pytest.fixture
def failure(define: Callable[..., Any]) -> Callable[..., dict[str, Any]]:
    """The facts that are told when defining, or using what was defined, fails."""

    def failure(*args: Any, **kwargs: Any) -> dict[str, Any]:
        with pytest.raises(StudentError) as caught:
            define(*args, **kwargs)
        return caught.value.facts

    return failure


def of_slice(name: str, cell: int, code: str, reason: str) -> dict[str, Any]:
    return {"kind": "slice", "notebook": "hw.ipynb", "name": name, "cell": cell, "code": code, "reason": reason}


# ---------------------------------------------------------------------------------------------------- a whole homework

HOMEWORK = [
    "!pip install -q einops wandb\n%load_ext autoreload\n%matplotlib inline",
    "from google.colab import drive, files\ndrive.mount('/content/drive')\nimport wandb",
    "import math, random\nimport torch\nimport torch.nn as nn\nfrom torch.nn import functional as F\n"
    "import matplotlib.pyplot as plt\nfrom dataclasses import dataclass",
    "uploaded = files.upload()\ntext = open('/content/drive/MyDrive/input.txt', encoding='utf-8').read()",
    "chars = sorted(list(set(text)))\nvocab_size = len(chars)\nstoi = {ch: i for i, ch in enumerate(chars)}\n"
    "data = torch.tensor([stoi[c] for c in text])",
    "# Größen — σ\nbatch_size, block_size = 64, 256\nn_embd = 384\nn_head = 6\nn_layer = 6\ndropout = 0.2\n"
    "head_size = n_embd // n_head\ndevice = 'cuda' if torch.cuda.is_available() else 'cpu'",
    "class Head(nn.Module):\n    pass  # TODO",
    "def scale(x):\n    return x * head_size ** -0.5",
    "class Head(nn.Module):\n    def __init__(self, head_size):\n        super().__init__()\n"
    "        self.key = nn.Linear(n_embd, head_size, bias=False)\n"
    "        self.register_buffer('tril', torch.tril(torch.ones(block_size, block_size)))\n"
    "    def forward(self, x):\n        return scale(self.key(x)) + 1\n",
    "Head(4)(torch.zeros(1, 2, 384))  # broken ( on purpose",
    "class Head(Head):\n    def forward(self, x):\n        return scale(self.key(x))",
    "@dataclass\nclass Sizes:\n    width: int = n_embd\n    def double(self): return Sizes(2 * self.width)",
    "class TinyGPT(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
    "        self.tokens = nn.Embedding(vocab_size, Sizes().width)\n"
    "        self.heads = nn.ModuleList([Head(head_size) for _ in range(n_head)])\n"
    "    def forward(self, ids):\n        x = self.tokens(ids)\n"
    "        return torch.cat([head(x) for head in self.heads], dim=-1)",
    "%%time\nmodel = TinyGPT().to(device)\noptimizer = torch.optim.AdamW(model.parameters(), lr=3e-4)\nlosses = []",
    "for step in range(5000):\n    loss = model(data[:8]).sum()\n    loss.backward()\n    optimizer.step()\n"
    "    losses.append(loss.item())",
    "def smooth(): return sum(losses) / len(losses), loss",
    "plt.plot(losses)\nplt.show()\nprint('final loss', loss.item())",
    "def width(self): return self.tokens.weight.shape[1]\nTinyGPT.width = width",
    "%%bash\nls -l\n(unclosed",
    "def oops(:\n    pass",
    "if __name__ == '__main__':\n    temperature = 0.7\n    train()",
    "def pick(logits): return logits / temperature",
    *[f"x_{i} = model(data[{i}:{i + 8}])\nprint(x_{i}.shape)" for i in range(280)],
]
PINNED = {"n_embd": 12, "n_head": 3, "block_size": 8, "vocab_size": 5}


def test_a_real_notebook(define: Callable[..., Any]) -> None:
    """Protects the whole: 300 cells with installs, uploads, redefinitions, training and a broken cell; pins are kept."""

    def use(found: dict[str, Remote]) -> None:
        model = found["TinyGPT"].construct()
        assert model.parameters() == {
            "tokens.weight": (5, 12),
            **{f"heads.{i}.key.weight": (4, 12) for i in range(3)},
        }
        assert model(torch.zeros(2, 4, dtype=torch.int64)).shape == (2, 4, 12)
        assert model.method("width") == 12
        head = found["Head"].construct(4)
        x = torch.arange(36.0).reshape(1, 3, 12)
        head.do("load_state_dict", {"key.weight": torch.eye(4, 12), "tril": torch.zeros(8, 8)})
        assert torch.equal(head(x), x[..., :4] * 4**-0.5)
        assert found["Sizes"].construct().method("double").description
        assert found["pick"](torch.tensor(7.0)).item() == pytest.approx(10.0)

    define(HOMEWORK, ["Head", "TinyGPT", "Sizes", "pick", "absent?"], PINNED, use)


def test_constants_anew(submission: MakeSubmission) -> None:
    """Protects homeworks with global sizes: each call has a module of its own, in the same worker."""
    with submission({"hw.ipynb": notebook(*HOMEWORK)}).open(seed=1) as worker:
        small = worker.define(["TinyGPT"], PINNED)["TinyGPT"]
        large = worker.define(["TinyGPT"], {**PINNED, "n_embd": 24, "n_head": 2})["TinyGPT"]
        assert small.construct().parameters()["heads.0.key.weight"] == (4, 12)
        assert large.construct().parameters()["heads.0.key.weight"] == (12, 24)
        assert small.construct().parameters()["heads.0.key.weight"] == (4, 12)


def test_what_training_makes_is_not_there(failure: Callable[..., dict[str, Any]]) -> None:
    """Protects the message about a function that needs the result of a training cell; the cell is not run."""
    facts = failure(HOMEWORK, ["smooth", "TinyGPT"], PINNED, lambda found: found["smooth"]())
    assert facts["kind"] == "raised"  # losses is empty
    assert (facts["type"], facts["file"], facts["line"]) == ("ZeroDivisionError", "hw.ipynb [cell 16]", 1)
    expected = of_slice("loss", 15, "for step in range(5000):", "is a training cell, and training is not run here")
    assert failure(HOMEWORK, ["loss"], PINNED) == expected


def test_a_missing_file_is_named(failure: Callable[..., dict[str, Any]]) -> None:
    """Protects the message about a vocabulary from a file that is not there: wanted itself, or missed when called."""
    open_file = "text = open('/content/drive/MyDrive/input.txt', encoding='utf-8').read()"
    reason = "reads the file /content/drive/MyDrive/input.txt, which is not there"
    assert failure(HOMEWORK, ["vocab_size"]) == of_slice("vocab_size", 4, open_file, reason)
    pins = {name: value for name, value in PINNED.items() if name != "vocab_size"}
    called = failure(HOMEWORK, ["TinyGPT"], pins, lambda found: found["TinyGPT"].construct().parameters())
    assert called == of_slice("vocab_size", 4, open_file, reason)


# ---------------------------------------------------------------------------------------------------- Python's own ways


def test_what_classes_ask_of_their_module(define: Callable[..., Any]) -> None:
    """Protects super(), dataclasses, annotations, sources and names of modules from living in a slice."""
    cells = [
        "from __future__ import annotations\nimport inspect, sys, typing\nfrom dataclasses import dataclass",
        "class A:\n    def m(self): return 1",
        "class B(A):\n    def m(self): return super().m() + 1",
        "@dataclass\nclass Config:\n    # a comment\n    size: int = 3\n    other: Later = None",
        "class Later: pass",
        "def deep():\n    return inspect.getsource(deep)",
        """
def f():
    return [
        B().m(), Config(5).size, typing.get_type_hints(Config)["other"] is Later,
        inspect.getsource(Config), inspect.getsource(B), deep(),
        sys.modules[B.__module__].B is B, inspect.signature(Config).parameters["size"].default,
    ]""",
    ]
    assert define(cells) == [
        2,
        5,
        True,
        cells[3] + "\n",
        cells[2] + "\n",
        cells[5] + "\n",
        True,
        3,
    ]


def test_python_files_beside_the_notebook(define: Callable[..., Any]) -> None:
    """Protects submissions of both: the notebook imports modules of the submission, flat, relative and all of a one."""
    files = {"part.py": "def g(): return 1\ndef h(): return 2\ndef _k(): return 3", "other.py": "import part\nX = part"}
    cells = [
        "from part import *\nimport part, other\nfrom . import part as relative",
        "def f(): return [g(), h(), part.g(), other.X is part, relative is part]",
    ]
    assert define(cells, files=files) == [1, 2, 1, True, True]


def test_files_lie_beside_the_notebook(submission: MakeSubmission) -> None:
    """Protects notebooks that read a file which was handed in: its path is that from the notebook's folder."""
    files = {
        "hw/task/hw.ipynb": notebook("text = open('data/x.txt').read()\ndef f(): return text"),
        "hw/task/data/x.txt": "here",
    }
    for code in ("", "hw", "hw/task"):
        with submission(files, code=code).open(seed=1) as worker:
            assert worker.define(["f"])["f"]() == "here"


def test_jupyters_own_names(define: Callable[..., Any]) -> None:
    """Protects functions that display something: `display` and `get_ipython` do nothing."""
    cells = ["get_ipython().run_line_magic('matplotlib', 'inline')\nx = get_ipython().getoutput('ls')"]
    assert define([*cells, "def f():\n    display(1)\n    get_ipython().system('ls')\n    return 3"]) == 3


def test_out_of_order(define: Callable[..., Any]) -> None:
    """Protects cells that were run in another order than they stand in: what lacked a later name is tried again."""
    assert (
        define(["class C(B):\n    x = g()", "class B(A): pass", "class A: pass\ndef g(): return 5", "f = lambda: C.x"])
        == 5
    )


def test_filled_and_changed(define: Callable[..., Any]) -> None:
    """Protects vocabularies that loops fill, lists that are appended to, and sums that are added to."""
    cells = [
        "words = ['b', 'a']\nwords.append('<pad>')\nwords.sort()\nids = {}\nfor i, w in enumerate(words): ids[w] = i",
        "n = 1\nn += len(words)\nids['x'] = n",
        "def f(): return ids, words, n",
    ]
    assert define(cells) == ({"<pad>": 0, "a": 1, "b": 2, "x": 4}, ["<pad>", "a", "b"], 4)


def test_pinned_names_cannot_be_rebound(define: Callable[..., Any]) -> None:
    """Protects the judge's values from statements that bind several names, and from star imports."""
    cells = ["from sizes import *", "a, b = 1, 2", "c = a + b", "a += 100\ndef f(): return a, b, c, d"]
    assert define(cells, constants={"a": 10}, files={"sizes.py": "a = 7\nd = 8"}) == (10, 2, 12, 8)
    assert define(cells, names=["a"], constants={"a": 3}, then=lambda found: found["a"].method("__int__")) == 3


# ---------------------------------------------------------------------------------------------------- what fails


def test_needless_failures_harm_nobody(define: Callable[..., Any]) -> None:
    """Protects from punishing what grading does not need: imports, files and divisions fail beside the wanted name."""
    cells = [
        "import einsteinium\nfrom google.colab import drive, auth as a\nimport torch.einsteinium\nfrom math import nothing, pi",
        "class Logger(einsteinium.Base): pass\nx = 1 / 0\ny = open('nowhere').read()\nimport sys\nz = sys.exit(3)",
        "import torch\ndef f(debug=False):\n    if debug: return x, y, z, Logger, drive.mount(), nothing\n"
        "    return pi > 3, torch.ones(1)",
    ]
    value, one = define(cells)
    assert value is True
    assert one.item() == 1.0


@pytest.mark.parametrize("use", ["drive.mount('/x')", "drive()", "drive[0]", "drive.x", "[*drive]", "drive.x = 3"])
def test_a_failed_import_is_told_when_it_is_used(use: str, failure: Callable[..., dict[str, Any]]) -> None:
    """Protects the message about a package that is not here: it comes where the package is used."""
    facts = failure(["from google.colab import drive", f"def f():\n    {use}"])
    assert (facts["kind"], facts["type"], facts["missing"]) == ("raised", "ModuleNotFoundError", "google")
    assert (facts["file"], facts["line"], facts["code"]) == ("hw.ipynb [cell 2]", 2, use)


@pytest.mark.parametrize(
    ("cell", "code", "reason"),
    [
        ("f = open('a.txt')", "f = open('a.txt')", "reads the file a.txt, which is not there"),
        ("@print\ndef f(): pass", "def f(): pass", None),
        ("class f(Missing): pass", "class f(Missing): pass", "raised NameError: name 'Missing' is not defined"),
        ("f = 1 / 0", "f = 1 / 0", "raised ZeroDivisionError: division by zero"),
        ("import sys\nf = sys.exit('x')", "f = sys.exit('x')", "raised SystemExit: x"),
        ("g = 1\nif g: g = f = 2 / 0\nf = f, g", "if g: g = f = 2 / 0", "raised ZeroDivisionError: division by zero"),
        ("f = (\n  [1][2])", "f = (", "raised IndexError: list index out of range"),
        ("x = 1 / 0\ny = x\nf = y", "x = 1 / 0", "raised ZeroDivisionError: division by zero"),
        ("f = 1\nf = 1 / 0", "f = 1 / 0", "raised ZeroDivisionError: division by zero"),
        ("with open('a') as f: pass", "with open('a') as f: pass", "reads the file a, which is not there"),
        (
            "from nowhere import f",
            "from nowhere import f",
            "needs nowhere, which is neither in the submission nor installed here",
        ),
        ("import a.b.f as f", "import a.b.f as f", "needs a, which is neither in the submission nor installed here"),
        ("from math import f", "from math import f", "raised ImportError: cannot import name 'f' from 'math'"),
        ("from bad import f", "from bad import f", "raised SyntaxError: '(' was never closed (bad.py, line 1)"),
        ("f = await g()", "f = await g()", "raised SyntaxError: 'await' outside function"),
        (
            "import urllib.error\ndef load(): raise urllib.error.URLError('no route')\nf = load()",
            "f = load()",
            "needs the network, which is not there (URLError: <urlopen error no route>)",
        ),
        ("while True: f = 1", "while True: f = 1", "did not end within 0.6 seconds"),
        ("import time\nf = time.sleep(60)", "f = time.sleep(60)", "did not end within 0.6 seconds"),
        ("x = 0\nwhile True: x += 1\nf = x", "while True: x += 1", "did not end within 0.6 seconds"),
        ("x = [1 for _ in iter(int, 1)]\nf = x", "x = [1 for _ in iter(int, 1)]", "did not end within 0.6 seconds"),
        ("while True:\n    try: f = 1\n    except ValueError: pass", "while True:", "did not end within 0.6 seconds"),
        (
            "for f in range(9):\n    loss.backward()",
            "for f in range(9):",
            "is a training cell, and training is not run here",
        ),
        ("def f(:\n    pass", "def f(:", "is not valid Python (line 1: invalid syntax)"),
        ("x = 1\nclass f: pass\ny = (1", "y = (1", "is not valid Python (line 3: '(' was never closed)"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_reasons(
    cell: str, code: str | None, reason: str | None, failure: Callable[..., dict[str, Any]], define: Callable[..., Any]
) -> None:
    """Protects what a student reads when a needed statement has not run: the cell, the line, and the plain reason."""
    cells = ["ready = 1", "also = 2", cell]
    files = {"bad.py": "x = ("}
    if reason is None:
        assert define(cells, files=files, then=list) == ["f"]
        return
    facts = failure(cells, files=files)
    assert facts.pop("reason").startswith(reason)
    assert facts == {"kind": "slice", "notebook": "hw.ipynb", "name": "f", "cell": 3, "code": code}


def test_all_statements_together(failure: Callable[..., dict[str, Any]]) -> None:
    """Protects the time of a check: slow statements get their share each, and then none is left."""
    cells = [*[f"import time\nx{i} = time.sleep(9)" for i in range(3)], "f = [x0, x1, x2]"]
    assert failure(cells)["reason"].startswith("did not end within 0.6")
    many = [*[f"import time\nx{i} = time.sleep(0.5)" for i in range(5)], "f = [x0, x1, x2, x3, x4]"]
    expected = of_slice("f", 4, "x3 = time.sleep(0.5)", "was not run, since the cells before it took too long")
    facts = failure(many)
    assert facts["cell"] in (3, 4, 5)
    assert facts["reason"] == expected["reason"] or facts["reason"].startswith("did not end")


def test_a_slow_statement_is_tried_once(submission: MakeSubmission) -> None:
    """Protects the time of a check: what did not end once in a worker is not run there again."""
    cells = ["runs = []", "while True:\n    runs.append(1)\n    x = 3", "def f(): return 1\ndef g(): return x"]
    with submission({"hw.ipynb": notebook(*cells)}, patience=Patience(load=2.0, total=2.5)).open(seed=1) as worker:
        for i in range(50):
            assert worker.define(["f", "g"], {"i": i})["f"]() == 1


def test_a_loop_that_swallows_the_alarm(submission: MakeSubmission, impatient: Patience) -> None:
    """Protects the judge from a cell that catches everything: the worker is ended when the time of the import is over."""
    cell = "import time\nwhile True:\n    try: time.sleep(9)\n    except: f = 1"
    made = submission({"hw.ipynb": notebook(cell)}, patience=impatient)
    with made.open(seed=1) as worker, pytest.raises(WorkerLost) as caught:
        worker.define(["f"])
    assert (caught.value.loss, caught.value.detail, caught.value.during) == (Loss.TIMEOUT, "1", "import")


def test_a_cell_that_crashes_python(submission: MakeSubmission) -> None:
    """Protects the judge from cells that end the process: the worker is lost, and the next one is as good as ever."""
    made = submission({"hw.ipynb": notebook("import ctypes\nf = ctypes.string_at(0)", "def g(): return 1")})
    with made.open(seed=1) as worker, pytest.raises(WorkerLost):
        worker.define(["f"])
    with made.open(seed=1) as worker:
        assert worker.define(["g"])["g"]() == 1


@pytest.mark.parametrize(
    "deep", ["-" * 200_000 + "1", "(" * 90 + ")" * 90, "x" + ".x" * 100_000, "[" * 5000, "a = " * 20_000 + "1"]
)
def test_deep_nesting(deep: str, submission: MakeSubmission) -> None:
    """Protects the judge from code that is too deep for the parser: at worst the worker is lost."""
    with submission({"hw.ipynb": notebook(deep, "def f(): return 1")}, patience=SHORT).open(seed=1) as worker:
        try:
            ended = worker.define(["f"])["f"]()
        except WorkerLost as lost:
            ended = lost.loss
    assert ended in (1, Loss.SIGNAL)


def test_a_large_notebook(submission: MakeSubmission) -> None:
    """Protects notebooks with 50 MB of saved plots: they are read within the time of an import."""
    content = json.loads(notebook("def f(): return 1"))
    content["cells"][1]["outputs"] = [{"data": {"image/png": "A" * (50 << 20)}, "output_type": "display_data"}]
    with submission({"hw.ipynb": json.dumps(content)}).open(seed=1) as worker:
        assert worker.define(["f"])["f"]() == 1


# ---------------------------------------------------------------------------------------------------- names and files


def test_missing_names(failure: Callable[..., dict[str, Any]], define: Callable[..., Any]) -> None:
    """Protects the message about a misspelt class, and homeworks that leave a name open."""
    cells = ["class TinyGpt: pass\nclass _TinyGPT: pass\nx = 1", "from math import *"]
    facts = failure(cells, ["TinyGPT"])
    assert facts == {"kind": "missing_name", "notebook": "hw.ipynb", "name": "TinyGPT", "nearest": "TinyGpt"}
    assert failure(cells, ["generate"])["nearest"] is None
    assert define(cells, ["TinyGpt", "TinyGPT?", "sin"], then=list) == ["TinyGpt", "sin"]
    assert define(["f = open('x')", "def g(): pass"], ["f?", "g?"], then=list) == ["g"]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, {"kind": "missing_notebook"}),
        ({"hw.pdf": "x", "model.py": "def other(): pass"}, {"kind": "missing_notebook"}),
        ({"a/hw.ipynb": ""}, {"kind": "notebook", "file": "a/hw.ipynb", "message": "the file is empty"}),
        (
            {"a.ipynb": "[]", "b.ipynb": ""},
            {"kind": "notebook", "file": "a.ipynb", "message": "it is JSON, but not a notebook"},
        ),
        (
            {"a.ipynb": "", "b.ipynb": notebook("x = 1")},
            {"kind": "missing_name", "notebook": "b.ipynb", "name": "f", "nearest": None},
        ),
    ],
    ids=lambda value: " ".join(value),
)
def test_no_usable_notebook(files: dict[str, str], expected: dict[str, Any], submission: MakeSubmission) -> None:
    """Protects the messages about what was handed in instead of a notebook."""
    with submission(files).open(seed=1) as worker:
        with pytest.raises(StudentError) as caught:
            worker.define(["f"])
        assert worker.layers()
    assert expected == caught.value.facts


def which(files: Mapping[str, str], made: MakeSubmission, among: Sequence[str] = (), code: str = "") -> Any:
    with made(files, code=code).open(seed=1) as worker:
        return worker.define(["f"], among=among)["f"]()


def test_the_right_one_of_several_notebooks(submission: MakeSubmission) -> None:
    """Protects submissions with a second notebook: the one that defines most counts, then that in the code's folder."""
    one, two = notebook("def f(): return 1\nx = 1"), notebook("def f(): return 2\ny = z = 1")
    draft = notebook("f = lambda: 3", *["# nothing"] * 50)
    assert which({"a.ipynb": one, "b.ipynb": two}, submission, ["x"]) == 1
    assert which({"a.ipynb": one, "b.ipynb": two}, submission, ["y"]) == 2
    assert which({"a.ipynb": one, "b.ipynb": two}, submission, ["y", "z", "x"]) == 2
    assert which({"a.ipynb": one, "b.ipynb": draft}, submission) == 3
    assert which({"a.ipynb": one, "notes.ipynb": notebook("print('f')")}, submission) == 1
    assert which({"src/a.py": "", "A.IPYNB": one}, submission, code="src") == 1


def test_an_export_instead(submission: MakeSubmission) -> None:
    """Protects who hands in the notebook's export: the script with marks, or else any Python file with the names."""
    export = "# In[1]:\n\nget_ipython().system('ls')\nn = 5\n\n# In[2]:\n\n1 / 0\ndef f(): return n\n"
    plain = "import nowhere\nn = 6\nprint(1 / 0)\ndef f(): return n\n"
    assert which({"hw.py": export, "model.py": plain + "x = 1"}, submission, ["x"]) == 5
    assert which({"hw.py": "x = 1", "model.py": plain}, submission, ["x"]) == 6
    assert which({"hw.py": export, "x.ipynb": notebook("def f(): return 7")}, submission) == 7
    colab = '# -*- coding: utf-8 -*-\n"""hw.ipynb\n\nAutomatically generated by Colab.\n"""\n\n!pip install x\nf = lambda: 8\n'
    assert which({"colab.py": colab}, submission) == 8


def test_errors_name_cell_and_line(failure: Callable[..., dict[str, Any]]) -> None:
    """Protects the place of an exception: notebook, cell and line of the cell, magics counted."""
    facts = failure(
        ["x = 1", "%matplotlib inline\n!ls\n\ndef f():\n    return g()\n\ndef g():\n    raise ValueError('no')"]
    )
    found = tuple(facts[key] for key in ("kind", "type", "file", "line", "code"))
    assert found == ("raised", "ValueError", "hw.ipynb [cell 2]", 8, "raise ValueError('no')")


def test_unbound_names_that_are_nobodys_fault(failure: Callable[..., dict[str, Any]]) -> None:
    """Protects the plain NameError: a name that no cell binds, or a local one, is the function's own mistake."""
    assert failure(["def f(): return nowhere"])["type"] == "NameError"
    local = failure(["x = open('nowhere')", "def f():\n    x += 1"])
    assert local["type"] == "UnboundLocalError"


@pytest.mark.parametrize(
    "reply", ["None", "[]", "[1, True]", "[True]", "[False, True]", "{'f': True}", "[True, True, True]"]
)
def test_forged_replies(reply: str, submission: MakeSubmission) -> None:
    """Protects the judge from a worker whose own operation has been replaced: the reply has the agreed form, or it is lost."""
    evil = f"""
import gc
for thing in gc.get_objects():
    if type(thing) is dict and "call_many" in thing and "define" in thing and callable(thing["define"]):
        thing["define"] = lambda **kwargs: {reply}
f = 1
g = 2
"""
    made = submission({"hw.ipynb": notebook("def f(): return 1\ndef g(): return 2"), "evil.py": evil})
    with made.open(seed=1) as worker:
        worker.resolve("evil", "f")
        with pytest.raises(WorkerLost) as caught:
            worker.define(["f", "g?"])
        assert caught.value.loss is Loss.PROTOCOL
