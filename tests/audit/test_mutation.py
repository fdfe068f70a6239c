"""Mutants are all that each rule says, and nothing else; what must stay as it is stays."""

import ast
from pathlib import Path

import pytest

from audit.equivalence import TASKS, file_of
from audit.mutation import mutants

pytestmark = pytest.mark.torch_free

REFERENCE = Path(__file__).resolve().parent.parent.parent / "reference"


def texts(source: str) -> set[str]:
    """The texts of all mutants."""
    return {normal(mutant.source) for mutant in mutants(source)}


def normal(source: str) -> str:
    """A text as this Python's own `ast.unparse` writes it."""
    return ast.unparse(ast.parse(source))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("x = a + b", {"x = a - b", "x = a", "x = b"}),
        ("x = a / b", {"x = a * b", "x = a // b", "x = a", "x = b"}),
        ("x = a // b", {"x = a / b", "x = a * b", "x = a", "x = b"}),
        ("x = a @ b", {"x = b @ a", "x = a", "x = b"}),
        ("x = a ** b", {"x = a * b", "x = a ** (-b)", "x = a", "x = b"}),
        ("x = a & b", {"x = a | b", "x = a", "x = b"}),
        ("x = a and b", {"x = a or b", "x = a", "x = b"}),
        ("x = a < b", {"x = a <= b", "x = a > b"}),
        ("x = a >= b", {"x = a > b", "x = a <= b"}),
        ("x = a == b", {"x = a != b"}),
        ("x = a is None", {"x = a is not None"}),
        ("x = a < p <= b", {"x = a <= p <= b", "x = a > p <= b", "x = a < p < b", "x = a < p >= b"}),
        ("x = a in ('p', 'q')", {"x = a not in ('p', 'q')", "x = a in ('q',)", "x = a in ('p',)", "x = a in ('q', 'p')"}),
        ("x = -a", {"x = a"}),
        ("x = ~a", {"x = a"}),
        ("x = not a", {"x = a"}),
        ("x = 3", {"x = 4", "x = 2"}),
        ("x = -1", {"x = 0", "x = -2", "x = 1"}),
        ("x = 0.5", {"x = 1.0", "x = 0.0"}),
        ("x = 0.0", {"x = 1.0"}),
        ("x = True", {"x = False"}),
        ("x = None", set()),
        ("x = 'text'", set()),
        ("x = b if a else c", {"x = b", "x = c", "x = b if True else c", "x = b if False else c", "x = b if not a else c"}),
        ("x = (a, b, c)", {"x = (b, a, c)", "x = (a, c, b)"}),
        ("x = a[b:]", {"x = a", "x = a[b + 1:]", "x = a[b - 1:]", "x = a[b:-1]"}),
        ("x = a[:-1]", {"x = a", "x = a[1:-1]", "x = a[:0]", "x = a[:-2]", "x = a[:1]"}),
        ("x = a[:, None]", {"x = a", "x = a[None, :]"}),
        ("a, b = c", {"b, a = c"}),
        ("x = f(a, b)", {"x = f(b, a)", "x = a"}),
        ("x = f(a, key=b)", {"x = f(a)", "x = a"}),
        ("x = a.t(b)", {"x = a"}),
        ("x = a.norm(dim=-1)", {"x = a", "x = a.norm()", *(f"x = a.norm(dim={dim})" for dim in (0, -2, 1))}),
        ("x = a.norm(axis=2)", {"x = a", "x = a.norm()", "x = a.norm(axis=1)", "x = a.norm(axis=3)"}),
        ("x = a.t(b, -1)", {"x = a", "x = a.t(-1, b)", *(f"x = a.t(b, {dim})" for dim in (0, -2, 1))}),
        ("x = a.sum()", {"x = a.mean()", "x = a"}),
        ("x = max(a, b)", {"x = min(a, b)", "x = max(b, a)", "x = a"}),
        ("x = all(a)", {"x = any(a)", "x = a"}),
        ("x = a.masked_fill(b, c)", {"x = a.masked_fill(~b, c)", "x = a.masked_fill(c, b)", "x = a"}),
        ("x = [a for b in c if d]", {f"x = [a for b in c if {d}]" for d in ("True", "False", "not d")}),
    ],
)  # fmt: skip
def test_expressions(source: str, expected: set[str]) -> None:
    """Operators, comparisons, constants, axes, slices, arguments: the listed changes and no others."""
    assert texts(source) == set(map(normal, expected))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import torch\nx = torch.zeros(a)", {"x = torch.ones(a)", "x = a"}),
        ("import torch\nx = torch.tril(a)", {"x = torch.triu(a)", "x = a"}),
        ("import torch\nx = torch.argmax(a)", {"x = torch.argmin(a)", "x = a"}),
        ("import torch\nx = torch.exp(a)", {"x = torch.exp(-a)", "x = a"}),
    ],
)
def test_functions_of_modules(source: str, expected: set[str]) -> None:
    """A module is no object of a chain: `torch` never stands for a call of one of its functions."""
    assert texts(source) == {normal(f"import torch\n{text}") for text in expected}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("f(a)\nreturn a", {"pass\nreturn a", "a\nreturn a", "f(b)\nreturn a", "f(a)\nreturn -a", "f(a)\nreturn b"}),
        ("a += b\nreturn 'x'", {"pass\nreturn 'x'", "a -= b\nreturn 'x'", "a += a\nreturn 'x'"}),
        ("a = 'y'\nc = 'z'", {"pass\nc = 'z'"}),
        ("a, c = 'yz'", {"c, a = 'yz'"}),
        ("a.b.c = 'y'", {"pass", "b.b.c = 'y'"}),
        ("a[b] = 'y'", {"pass", "b[b] = 'y'", "a[a] = 'y'"}),
        ("for c in 'ab':\n    pass", {"pass"}),
    ],
)
def test_statements(body: str, expected: set[str]) -> None:
    """Statements are dropped where what they name has a value all the same; parameters are taken for each other."""

    def function(lines: str) -> str:
        return "def g(a, b):\n" + "\n".join(f"    {line}" for line in lines.split("\n"))

    assert texts(function(body)) == {normal(function(lines)) for lines in expected}


def test_conditions() -> None:
    """An if is forced both ways, turned round, and left out."""
    found = texts("if a:\n    x = 'y'\nelse:\n    x = 'z'")
    forced = {f"if {test}:\n    x = 'y'\nelse:\n    x = 'z'" for test in ("True", "False", "not a")}
    assert found == {*forced, "if a:\n    x = 'y'\nelse:\n    pass"}
    assert texts("if a:\n    x = 'y'") == {"pass", "if True:\n    x = 'y'", "if not a:\n    x = 'y'"}
    assert texts("while a:\n    f()") == {
        "pass",
        *(f"while {t}:\n    f()" for t in ("True", "not a")),
        "while a:\n    pass",
    }


def test_returned_pairs_and_signs() -> None:
    """`return a, b` is swapped, and a returned result gets another sign."""
    assert texts("def f(x):\n    return (x.a, x.b)") == {normal("def f(x):\n    return (x.b, x.a)")}
    assert "def f(x):\n    return -x.a()" in texts("def f(x):\n    return x.a()")


def test_attributes_of_self_and_decorators() -> None:
    """One layer is taken for the next, and a decorator forgotten."""
    source = """class C:

    def __init__(self):
        self.a = f
        self.b = f

    @p
    def g(self):
        return self.a.c"""
    assert texts(source) == {
        normal(source.replace("    @p\n", "")),
        normal(source.replace("return self.a.c", "return self.b.c")),
    }


def test_what_is_left_alone() -> None:
    """Docstrings, annotations, imports, messages of errors, and what is for type checkers or scripts."""
    source = '''"""Docstring 1."""
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    x = 1

def f(a: "list[1]", *, b: dict[int, 2]=None) -> tuple[int, 3]:
    """Docstring 2."""
    c: list[4]
    raise ValueError(f'a must be 5, got {a + 6}')
if __name__ == '__main__':
    print(1 + 2)'''
    assert texts(source) == set()


def test_names_lines_and_sentences() -> None:
    """A mutant says where it is and what changed; names are unique, and the order is that of the lines."""
    source = "import torch\n\n\ndef f(scores):\n    return torch.softmax(scores, dim=-1)\n"
    found = mutants(source)
    axis = found[[mutant.name for mutant in found].index("L5-dim-1")]
    assert axis.line == 5
    assert axis.change == "line 5: `-1` became `0` in `torch.softmax(scores, dim=-1)`"
    assert axis.source == "import torch\n\ndef f(scores):\n    return torch.softmax(scores, dim=0)\n"
    dropped = found[[mutant.name for mutant in found].index("L5-keyword-1")]
    assert dropped.change == "line 5: `dim=-1` was dropped in `torch.softmax(scores, dim=-1)`"


@pytest.mark.parametrize("name", sorted(set(map(file_of, TASKS))))
def test_the_answer_key(name: str) -> None:
    """Every mutant is Python, differs from the original and from every other, and comes in the same order again."""
    source = (REFERENCE / name).read_text(encoding="utf-8")
    found = mutants(source)
    sources = [mutant.source for mutant in found]
    assert len(found) > 20
    assert len(set(sources)) == len(sources)
    assert len({mutant.name for mutant in found}) == len(found)
    assert ast.unparse(ast.parse(source)) + "\n" not in sources
    assert [mutant.line for mutant in found] == sorted(mutant.line for mutant in found)
    assert mutants(source) == found
