"""Reading code without running it: what a definition uses, and where it differs from a template."""

import json
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from sandbox import scan

pytestmark = pytest.mark.torch_free
SDPA = "torch.nn.functional.scaled_dot_product_attention"


def notebook(*cells: str) -> str:
    """A notebook of code cells."""
    code = [
        {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": textwrap.dedent(cell)}
        for cell in cells
    ]
    return json.dumps({"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": code})


@pytest.fixture
def folder(tmp_path: Path) -> Callable[[Mapping[str, str]], str]:
    """Write files, given as {relative path: text}; returns their folder."""

    def write(files: Mapping[str, str]) -> str:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text if name.endswith(".ipynb") else textwrap.dedent(text), encoding="utf-8")
        return str(tmp_path)

    return write


@pytest.fixture
def uses(folder: Any) -> Callable[..., dict[str, list[Any]]]:
    """What the class `Own` of a file uses: {dotted name: [place, line]}."""

    def used(source: str, **others: str) -> dict[str, list[Any]]:
        files = {"a.py": source} | {f"{name}.py": text for name, text in others.items()}
        found = scan.scan(folder(files), list(files), ["Own"])
        assert found["problems"] == []
        return {name: place for name, *place in found["definitions"]["Own"]["uses"]}

    return used


# ---------------------------------------------------------------------------------------------------- read


def test_a_python_file_is_one_place() -> None:
    """Protects the places in messages: a file's name, and its own lines."""
    source = scan.read("src/a.py", b"x = 1\n\n\ndef f(): pass\nclass C: pass\n")
    assert {name: (place, node.lineno) for name, (place, node) in source.definitions().items()} == {
        "f": ("src/a.py", 4),
        "C": ("src/a.py", 5),
    }


def test_a_notebook_is_read_cell_by_cell() -> None:
    """Protects the places in messages: lines count in their cell; a name defined twice is the later one."""
    source = scan.read("hw.ipynb", notebook("def f(): pass", "%pip install x\n!ls", "\ndef f(): pass").encode())
    [(place, node)] = source.definitions().values()
    assert (place, node.lineno, source.problems) == ("hw.ipynb [cell 3]", 2, [])


def test_cells_that_cannot_be_read_are_problems() -> None:
    """Protects the rest of a notebook: a broken cell is named, the others are read."""
    source = scan.read("hw.ipynb", notebook("def f(:", "class C: pass").encode())
    [(place, line, message)] = source.problems
    assert (place, line) == ("hw.ipynb [cell 1]", 1)
    assert message
    assert list(source.definitions()) == ["C"]


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("hw.ipynb", b"<html>", "it is not JSON (line 1: Expecting value)"),
        ("hw.ipynb", b"", "the file is empty"),
        ("a.py", b"\xff\xfe", "it is not text in UTF-8"),
        ("a.py", b"# only a comment\n", "the file is empty"),
    ],
)
def test_files_that_cannot_be_read_are_problems(name: str, data: bytes, message: str) -> None:
    """Protects the scan from hostile or broken files: they define nothing, and it says why."""
    source = scan.read(name, data)
    assert ([(name, 0, message)], {}) == (source.problems, source.definitions())


@pytest.mark.parametrize(
    "source",
    [
        "if True:\n    class Own: pass",
        "try:\n    import x\nexcept ImportError:\n    class Own: pass",
        "for _ in range(1):\n    class Own: pass",
        "with x:\n    class Own: pass",
    ],
)
def test_definitions_may_be_nested_in_statements(source: str) -> None:
    """Protects the rules from an `if True:` around a class: it is defined all the same; what is inside it is not."""
    source += "\nclass Other:\n    def inner(self): pass\n"
    assert {"Own", "Other"} == set(scan.read("a.py", source.encode()).definitions())


# ---------------------------------------------------------------------------------------------------- scan: what is used

PLAIN = """
    import torch
    import torch.nn.functional as F
    from torch import nn

    class Own(nn.Module):
        def forward(self, q, k, v):
            return F.scaled_dot_product_attention(q, k, v)
"""


def test_uses_have_full_names_and_places(uses: Any) -> None:
    """Protects the message's place: each name once, where it is used first; what is imported and not used is no use."""
    assert uses(PLAIN) == {
        "torch.nn": ["a.py", 6],
        "torch.nn.Module": ["a.py", 6],
        "torch.nn.functional": ["a.py", 8],
        SDPA: ["a.py", 8],
    }


EVASIONS = {
    "module alias": """
        import torch.nn.functional as G
        class Own:
            def forward(self, q): return G.scaled_dot_product_attention(q, q, q)
    """,
    "whole path": """
        import torch
        class Own:
            def forward(self, q): return torch.nn.functional.scaled_dot_product_attention(q, q, q)
    """,
    "from import": """
        from torch.nn.functional import scaled_dot_product_attention
        class Own:
            def forward(self, q): return scaled_dot_product_attention(q, q, q)
    """,
    "from import with another name": """
        from torch.nn.functional import scaled_dot_product_attention as harmless
        class Own:
            def forward(self, q): return harmless(q, q, q)
    """,
    "from import of the module": """
        from torch.nn import functional
        class Own:
            def forward(self, q): return functional.scaled_dot_product_attention(q, q, q)
    """,
    "star import": """
        from torch.nn.functional import *
        class Own:
            def forward(self, q): return scaled_dot_product_attention(q, q, q)
    """,
    "getattr": """
        import torch
        class Own:
            def forward(self, q):
                return getattr(getattr(torch.nn, "functional"), "scaled_dot_product_attention")(q, q, q)
    """,
    "assignment": """
        import torch.nn.functional as F
        harmless = F.scaled_dot_product_attention
        class Own:
            def forward(self, q): return harmless(q, q, q)
    """,
    "assignment of a module, twice": """
        import torch
        nn = torch.nn
        G: object = nn.functional
        class Own:
            def forward(self, q): return G.scaled_dot_product_attention(q, q, q)
    """,
    "assignment expression": """
        import torch
        class Own:
            def forward(self, q): return (f := torch.nn.functional).scaled_dot_product_attention(q), f.x, self.run(q)
            def run(self, q):
                if (g := torch.nn.functional): return g.scaled_dot_product_attention(q, q, q)
    """,
    "assignment in the method": """
        import torch
        class Own:
            def forward(self, q):
                run = torch.nn.functional.scaled_dot_product_attention
                return run(q, q, q)
    """,
    "import in the method": """
        class Own:
            def forward(self, q):
                from torch.nn import functional as G
                return G.scaled_dot_product_attention(q, q, q)
    """,
    "attribute of the class": """
        import torch.nn.functional as F
        class Own:
            run = staticmethod(F.scaled_dot_product_attention)
            def forward(self, q): return self.run(q, q, q)
    """,
    "partial": """
        import functools
        import torch.nn.functional as F
        run = functools.partial(F.scaled_dot_product_attention, is_causal=True)
        class Own:
            def forward(self, q): return run(q, q, q)
    """,
    "lambda": """
        import torch.nn.functional as F
        run = lambda q: F.scaled_dot_product_attention(q, q, q)
        class Own:
            def forward(self, q): return run(q)
    """,
    "table": """
        import torch.nn.functional as F
        RUN = {"fast": F.scaled_dot_product_attention}
        class Own:
            def forward(self, q): return RUN["fast"](q, q, q)
    """,
    "default argument": """
        import torch.nn.functional as F
        class Own:
            def forward(self, q, run=F.scaled_dot_product_attention): return run(q, q, q)
    """,
    "comprehension that reuses the name": """
        import torch.nn.functional as F
        class Own:
            def forward(self, q):
                [F for F in ()]
                return F.scaled_dot_product_attention(q, q, q)
    """,
    "helper function": """
        import torch.nn.functional as F
        def second(q): return F.scaled_dot_product_attention(q, q, q)
        def first(q): return second(q)
        class Own:
            def forward(self, q): return first(q)
    """,
    "helper class": """
        import torch.nn.functional as F
        class Helper:
            def __call__(self, q): return F.scaled_dot_product_attention(q, q, q)
        class Own:
            def __init__(self): self.helper = Helper()
            def forward(self, q): return self.helper(q)
    """,
    "base class": """
        import torch.nn.functional as F
        class Base:
            def forward(self, q): return F.scaled_dot_product_attention(q, q, q)
        class Own(Base): pass
    """,
    "decorator": """
        import torch.nn.functional as F
        def swap(cls):
            cls.forward = lambda self, q: F.scaled_dot_product_attention(q, q, q)
            return cls
        @swap
        class Own: pass
    """,
    "replaced method": """
        import torch.nn.functional as F
        class Own:
            def forward(self, q): return q
        def other(self, q): return F.scaled_dot_product_attention(q, q, q)
        Own.forward = other
    """,
    "assignment of the class": """
        import torch.nn.functional as F
        class Other:
            def forward(self, q): return F.scaled_dot_product_attention(q, q, q)
        Own = Other
    """,
    "class of a branch": """
        import torch.nn.functional as F
        if True:
            class Own:
                def forward(self, q): return F.scaled_dot_product_attention(q, q, q)
    """,
    "import_module": """
        from importlib import import_module as load
        class Own:
            def forward(self, q): return load("torch.nn.functional").scaled_dot_product_attention(q, q, q)
    """,
    "__import__": """
        class Own:
            def forward(self, q):
                return __import__("torch.nn.functional", fromlist=["x"]).scaled_dot_product_attention(q, q, q)
    """,
    "a global of a function": """
        import torch.nn.functional as F
        class Own:
            def forward(self, q):
                global F
                F = F
                return F.scaled_dot_product_attention(q, q, q)
    """,
}


@pytest.mark.parametrize("name", EVASIONS)
def test_roundabout_ways_are_seen(name: str, uses: Any) -> None:
    """Protects the rule from renaming: whichever way the function gets into the class, its full name is found."""
    assert SDPA in uses(EVASIONS[name])


INNOCENT = {
    "comment and string": """
        import torch.nn.functional as F
        class Own:
            '''Does what F.scaled_dot_product_attention does.'''
            def forward(self, q):
                # F.scaled_dot_product_attention(q, q, q)
                assert "F.scaled_dot_product_attention" and hasattr(F, "scaled_dot_product_attention")
                return F.softmax(q, -1)
    """,
    "import that is not used": """
        from torch.nn.functional import scaled_dot_product_attention
        class Own:
            def forward(self, q): return q
    """,
    "code beside the class": """
        import torch.nn.functional as F
        class Own:
            def forward(self, q):
                out = q
                return out
        def compare(q):
            return Own().forward(q) - F.scaled_dot_product_attention(q, q, q)
        out = F.scaled_dot_product_attention(1, 2, 3)
        attention = F.scaled_dot_product_attention
        print(compare(out))
    """,
    "local name of an alias elsewhere": """
        import torch.nn.functional as F
        attention = F.scaled_dot_product_attention
        class Own:
            def forward(self, q):
                attention = F.softmax(q, -1)
                return attention @ q
            def other(self, attention): return attention
    """,
    "own method": """
        from torch.nn.functional import *
        class Own:
            def scaled_dot_product_attention(self, q): return softmax(q, -1)
            def forward(self, q): return self.scaled_dot_product_attention(q)
    """,
    "own function": """
        import torch.nn.functional as F
        from torch.nn.functional import *
        def scaled_dot_product_attention(q): return F.softmax(q, -1)
        class Own:
            def forward(self, q): return scaled_dot_product_attention(q)
    """,
    "own function that replaces an import": """
        from torch.nn.functional import scaled_dot_product_attention
        def scaled_dot_product_attention(q): return q
        class Own:
            def forward(self, q): return scaled_dot_product_attention(q)
    """,
    "another object's method": """
        import torch.nn.functional as F
        class Own:
            def forward(self, F): return F.scaled_dot_product_attention(1)
    """,
}


@pytest.mark.parametrize("name", INNOCENT)
def test_what_is_not_used_does_not_count(name: str, uses: Any) -> None:
    """Protects honest work: comments, strings, comparisons beside the class, and names of one's own are no use."""
    assert [found for found in uses(INNOCENT[name]) if found.endswith("scaled_dot_product_attention")] == []


def test_other_files_are_followed(uses: Any) -> None:
    """Protects the rule from a second file: what is imported from it belongs to the class, at its own place."""
    two = "import torch.nn.functional as F\n\ndef run(q): return F.scaled_dot_product_attention(q, q, q)\n"
    for source in (
        "from two import run\nclass Own:\n    def forward(self, q): return run(q)\n",
        "import two as other\nclass Own:\n    def forward(self, q): return other.run(q)\n",
        "from .two import *\nclass Own:\n    def forward(self, q): return run(q)\n",
    ):
        assert uses(source, two=two)[SDPA] == ["two.py", 3]
    clean = "def helper(q): return q\n" + two
    assert SDPA not in uses("from two import helper\nclass Own:\n    def f(self, q): return helper(q)\n", two=clean)


def test_a_file_that_has_the_name_of_a_part_of_a_package(uses: Any) -> None:
    """Protects a submission with a `utils.py`: the `utils` of `torch.utils.data` is another one."""
    source = "import torch\nclass Own:\n    def f(self): return torch.utils.data.DataLoader, torch.nn.functional.relu\n"
    found = uses(source, utils="x = 1\n", data="x = 1\n", nn="x = 1\n")
    assert {"torch.utils.data.DataLoader", "torch.nn.functional.relu"} < set(found)


def test_a_file_that_hands_on_what_others_define(uses: Any) -> None:
    """Protects the rule from a star import in between: what a file hands on without binding it is found where it is defined."""
    two = "from three import *\n"
    three = "import torch\ndef run(q): return torch.softmax(q, -1)\n"
    found = uses("from two import run\nclass Own:\n    def f(self, q): return run(q)\n", two=two, three=three)
    assert found["torch.softmax"] == ["three.py", 2]
    assert "two.absent" in uses("import two\nclass Own:\n    def f(self): return two.absent\n", two="x = 1\n")


def test_a_class_that_comes_from_another_file(uses: Any, folder: Any) -> None:
    """Protects from a class that is only imported: what it uses, and where it is defined, is found in its own file."""
    two = "from torch import nn\nclass Own(nn.MultiheadAttention): pass\n"
    assert uses("from two import Own\n", two=two)["torch.nn.MultiheadAttention"] == ["two.py", 2]
    found = scan.scan(folder({}), ["a.py", "two.py"], ["Own"])["definitions"]["Own"]
    assert (found["place"], found["line"], found["bases"]) == ("two.py", 2, ["torch.nn.MultiheadAttention"])
    assert uses("from torch.nn import MultiheadAttention as Own\n")["torch.nn.MultiheadAttention"] == ["a.py", 1]


def test_files_that_import_each_other_come_to_an_end(uses: Any) -> None:
    """Protects from endless following."""
    b = "import a, math\ndef run(): a.Own(), math.pi\n"
    assert uses("import b\nclass Own:\n    def f(self): b.run()\n", b=b)["math.pi"] == ["b.py", 2]


def test_names_of_ones_own_files_are_not_listed(uses: Any) -> None:
    """Protects a helper that bears a function's name: it is followed, and counts for what it does itself."""
    name = "scaled_dot_product_attention"
    source = f"from two import {name}\nclass Own:\n    def forward(self, q): return {name}(q)\n"
    found = uses(source, two=f"import torch\ndef {name}(q): return torch.softmax(q, -1)\n")
    assert sorted(found) == ["torch", "torch.softmax"]
    # but a module that is handed on keeps its function's name, and no file of the student's is torch
    found = uses(f"import two\nclass Own:\n    def f(self, q): return two.F.{name}(q)\n", two="import torch.nn as F\n")
    assert f"two.F.{name}" in found
    found = uses(f"import torch\nclass Own:\n    def f(self, q): return torch.{name}(q)\n", torch=f"def {name}(): 1\n")
    assert f"torch.{name}" in found


def test_facts_of_a_definition(folder: Any) -> None:
    """Protects what rules about classes need: place, bases by their full names, methods with their parameters."""
    cells = (
        "from torch import nn\nclass Base: pass",
        "class Own(nn.Module, Base, metaclass=type):\n"
        "    width = 3\n"
        "    def __init__(self, a, /, b, *rest, c=1, **more): pass\n"
        "    async def go(self): pass\n",
        "def run(x): pass",
    )
    found = scan.scan(folder({"hw.ipynb": notebook(*cells)}), ["hw.ipynb"], ["Own", "run", "absent"])["definitions"]
    own = found["Own"]
    assert list(found) == ["Own", "run"]
    assert (own["place"], own["line"], own["bases"]) == ("hw.ipynb [cell 2]", 1, ["torch.nn.Module", "Base"])
    assert own["methods"] == {"__init__": ["self", "a", "b", "*rest", "c", "**more"], "go": ["self"]}
    assert tuple(found["run"][key] for key in ("place", "line", "bases", "methods")) == ("hw.ipynb [cell 3]", 1, [], {})


def test_imports_and_problems(folder: Any) -> None:
    """Protects the list of packages: each once, at its first place, also within functions; relative ones are one's own."""
    files = {
        "hw.ipynb": notebook("import numpy.linalg as la, torch", "def f():\n    from pandas import x", "def f(:"),
        "two.py": "import torch.nn\nfrom . import other\nfrom .near import thing\nimport two.more\n",
    }
    found = scan.scan(folder(files), list(files), [])
    assert found["imports"] == [
        ["numpy", "hw.ipynb [cell 1]", 1],
        ["torch", "hw.ipynb [cell 1]", 1],
        ["pandas", "hw.ipynb [cell 2]", 2],
        ["two", "two.py", 4],
    ]
    assert found["problems"][0][:2] == ["hw.ipynb [cell 3]", 1]
    assert found["definitions"] == {}


@pytest.mark.parametrize(
    "deep", ["x = a" + ".b" * 450, "if a: pass\n" + "elif a: x = 1\n" * 450], ids=["chain", "elif"]
)
def test_deep_statements_are_read(deep: str, folder: Any) -> None:
    """Protects a submission in which something is nested deeper than Python's stack: the rules can still be judged."""
    source = f"{deep}\nclass Own:\n    def f(self): return x\n"
    root = folder({"a.py": source, "b.py": source.replace("return x", "return y")})
    assert scan.scan(root, ["a.py"], ["Own"])["problems"] == []
    assert scan.same(root, "a.py", "b.py", ["Own"]) == ["Own"]
    inside = "class Own:\n    def f(self):\n" + "".join(f"        {line}\n" for line in deep.split("\n"))
    found = scan.compare(folder({"c.py": inside}), ["c.py"], inside, "template.py", ["Own"])
    assert found == {"started": True, "signatures": [], "outside": []}


def test_replies_stay_small(folder: Any) -> None:
    """Protects the wire: no file makes the reply longer than it may be; each name is cut."""
    calls = "\n".join(f"        torch.f{i}.{'x' * 300}()" for i in range(800))
    found = scan.scan(folder({"a.py": f"import torch\nclass Own:\n    def f(self):\n{calls}\n"}), ["a.py"], ["Own"])
    uses = found["definitions"]["Own"]["uses"]
    assert (len(uses), max(len(name) for name, _, _ in uses)) == (500, 200)
    assert len(json.dumps(found)) < 256 * 1024


# ---------------------------------------------------------------------------------------------------- same


def test_same_looks_at_code_only(folder: Any) -> None:
    """Protects who tidies up: comments, docstrings, blank lines and quotes do not count; a changed number does."""
    files = {
        "a.py": "class A:\n    'One.'\n    def f(self):\n        return 'x'  # here\n\nclass B: x = 1\nclass C: x = 1\n",
        "hw.ipynb": notebook('class A:\n    def f(self): return "x"', "class B: x = 2", "class C:\n    x = 1"),
    }
    assert scan.same(folder(files), "a.py", "hw.ipynb", ["A", "B", "C"]) == ["B"]


def test_same_asks_for_what_the_second_file_has(folder: Any) -> None:
    """Protects from a copy that was forgotten; a notebook that imports the class from the file has no second copy."""
    files = {"a.py": "class A: pass\n", "hw.ipynb": notebook("from a import A", "class B: pass")}
    assert scan.same(folder(files), "a.py", "hw.ipynb", ["A", "B", "C"]) == ["B"]


# ---------------------------------------------------------------------------------------------------- compare

TEMPLATE = '''
import torch
from torch import nn


class Given(nn.Module):
    """Complete."""

    def forward(self, x):
        return x + 1


class Own(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.width = config.width
        # TODO
        raise NotImplementedError("make the layers")

    def forward(self, x, mask=None):
        """What to do."""
        B, T, _ = x.shape
        y = ...
        if mask is None:
            raise NotImplementedError("causal")
        else:
            y = 2
        ...
        return self.drop(y)

    def width_of(self):
        return self.width


def sample(model, n):
    raise NotImplementedError
'''

SOLUTION = '''
import math
import torch
from torch import nn

class Given(nn.Module):
    def forward(self, x):
        return x + 1  # the same

class Own(nn.Module):
    """My own words."""
    def __init__(self, config):
        super().__init__()
        self.width = config.width
        self.qkv = nn.Linear(3, 9)
        self.drop = nn.Dropout()

    def forward(self, x, mask=None):
        """Mine."""
        B, T, _ = x.shape
        y = ...
        if mask is None:
            mask = 1
            y = x
        else:
            y = 2
        z = y
        for _ in range(3):
            z = z + 1
        return self.drop(y)

    def width_of(self):
        """Mine."""
        return self.width

def sample(model, n):
    while n:
        n -= 1
    return n
'''


def compared(folder: Any, theirs: str, template: str = TEMPLATE) -> dict[str, Any]:
    return scan.compare(folder({"a.py": theirs}), ["a.py"], template, "template.py", ["Own", "sample", "absent"])


def test_what_stands_in_todo_sections_is_free(folder: Any) -> None:
    """Protects a solution: any statements may stand for a `raise NotImplementedError` or `...`; so may docstrings."""
    assert compared(folder, SOLUTION) == {"started": True, "signatures": [], "outside": []}
    assert compared(folder, TEMPLATE) == {"started": True, "signatures": [], "outside": []}


@pytest.mark.parametrize(
    ("old", "new", "marked"),
    [
        ("        super().__init__()\n", "        nn.Module.__init__(self)\n", "nn.Module.__init__"),
        ("self.width = config.width", "self.width = 7", "self.width = 7"),
        ("        return self.drop(y)", "        return y", "return y"),
        ("        return self.drop(y)\n", "", "for _ in range(3):"),
        ("            y = 2\n", "            y = 3\n", "y = 3"),
        ("if mask is None:", "if mask is not None:", "if mask is not None:"),
        ("        return self.width\n", "        return self.width + 1\n", "return self.width + 1"),
        # a method more, before and after a changed one
        ("    def width_of(self):\n", "    def more(self): pass\n\n    def width_of(self):\n", "def more"),
        ("class Own(nn.Module):", "class Own(Given):", "class Own(Given)"),
        ("class Own(nn.Module):", "@torch.compile\nclass Own(nn.Module):", "class Own"),
        ("    while n:\n        n -= 1\n    return n\n", "    return n\n", None),
        ("(self, x, mask=None)", "(self, x, mask=1)", "def forward(self, x, mask=1)"),
    ],
)
def test_the_first_change_outside_is_named(folder: Any, old: str, new: str, marked: str | None) -> None:
    """Protects the message: what is changed beside the sections to be written is found, and its line is the first one."""
    assert 1 <= SOLUTION.count(old) <= 2
    head, _, tail = SOLUTION.rpartition(old)
    theirs = head + new + tail
    lines = theirs.split("\n")
    expected = [["Own", "a.py", next(i for i, line in enumerate(lines, 1) if marked in line)]] if marked else []
    assert expected == compared(folder, theirs)["outside"]


def test_the_first_of_two_changes_is_named(folder: Any) -> None:
    """Protects the message where statements were added: it names the first difference, not one that happens to align."""
    template = "class Own:\n    def f(self): return 1\n    def g(self): return 2\n    x = 1\n"
    theirs = "class Own:\n    def f(self): return 9\n    def g(self): return 2\n    x = 1\n    y = 1\n"
    assert compared(folder, theirs, template)["outside"] == [["Own", "a.py", 2]]
    theirs = "class Own:\n    z = 1\n    def f(self): return 1\n    def g(self): return 2\n    x = 1\n"
    assert compared(folder, theirs, template)["outside"] == [["Own", "a.py", 2]]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("(self, x, mask=None)", "(self, x)", ["Own.forward", ["self", "x", "mask"], ["self", "x"]]),
        ("(self, config)", "(self, cfg)", ["Own.__init__", ["self", "config"], ["self", "cfg"]]),
        ("(self, config)", "(self, *config)", ["Own.__init__", ["self", "config"], ["self", "*config"]]),
        ("sample(model, n)", "sample(model, n, k=3)", ["sample", ["model", "n"], ["model", "n", "k"]]),
        ("def sample(model, n):", "class sample:", ["sample", ["(a function)"], ["(a class)"]]),
    ],
)
def test_signatures(folder: Any, old: str, new: str, expected: list[Any]) -> None:
    """Protects the interface: methods and functions that take other parameters are named with both lists."""
    assert [expected] == compared(folder, SOLUTION.replace(old, new))["signatures"]


def test_defaults_and_annotations_are_no_signature(folder: Any) -> None:
    """Protects type hints: they leave the parameters as they are."""
    theirs = SOLUTION.replace("(self, x, mask=None)", "(self, x: int, mask: bool = None) -> float")
    assert compared(folder, theirs)["signatures"] == []


def test_a_class_in_place_of_a_function(folder: Any) -> None:
    """Protects from a function where a class was given."""
    theirs = "def Own(config): pass\n"
    assert compared(folder, theirs)["signatures"] == [["Own", ["(a class)"], ["(a function)"]]]


@pytest.mark.parametrize(
    ("theirs", "started"),
    [
        (SOLUTION, True),
        (SOLUTION.replace("x + 1  #", "1 + x  #"), False),
        ("class Own: pass\n", False),
        ("def f(:\n", False),
    ],
)
def test_who_started_from_the_template(folder: Any, theirs: str, started: bool) -> None:
    """Protects from judging by a template that a submission never saw: what was given complete must still be there."""
    assert started is compared(folder, theirs)["started"]


def test_a_template_without_given_code_is_nobodys(folder: Any) -> None:
    """Protects the same where nothing was given complete: there is nothing to tell it by."""
    template = "def sample(model, n):\n    raise NotImplementedError\n"
    assert compared(folder, template, template)["started"] is False


def test_templates_and_submissions_may_be_notebooks(folder: Any) -> None:
    """Protects notebook homeworks: cells may be split and joined."""
    cells = ("import torch\nfrom torch import nn", *SOLUTION.split("\n\n\n"))
    root = folder({"hw.ipynb": notebook(*cells)})
    found = scan.compare(root, ["hw.ipynb"], notebook(TEMPLATE), "template.ipynb", ["Own", "sample"])
    assert found == {"started": True, "signatures": [], "outside": []}
