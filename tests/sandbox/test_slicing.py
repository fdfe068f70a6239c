"""Which statements of a notebook a name needs. The expected slices are what a person would copy into a new file."""

import ast
import sys
import textwrap
import time
from collections.abc import Collection

import pytest

from sandbox.notebook import Cell
from sandbox.slicing import Program

pytestmark = pytest.mark.torch_free


def program(*sources: str) -> Program:
    cells = []
    for i, source in enumerate(sources, 1):
        text = textwrap.dedent(source).strip("\n")
        try:
            cells.append(Cell(i, text, ast.parse(text)))
        except SyntaxError as error:
            cells.append(Cell(i, text, None, (error.lineno or 1, str(error.msg))))
    return Program(cells)


def slice_of(source: str, *names: str, constants: Collection[str] = ()) -> list[str]:
    """The first lines of the chosen statements of a notebook of one cell."""
    whole = program(source)
    return [whole.statements[i].code for i in whole.select(names or ("f",), constants)]


# ---------------------------------------------------------------------------------------------------- dependencies


def test_only_what_is_needed() -> None:
    """Protects from training and data: neither runs unless a wanted name needs it, prints and shows never do."""
    source = """
        import torch
        import matplotlib.pyplot as plt
        text = open("input.txt").read()
        WIDTH = 3
        class Net:
            def forward(self): return torch.zeros(WIDTH)
        def f(): return Net()
        model = f()
        for step in range(1000): loss = model(step)
        print(loss)
        plt.plot(loss)
        f()
    """
    wanted = ["import torch", "WIDTH = 3", "class Net:", "def f(): return Net()"]
    assert slice_of(source) == wanted
    assert slice_of(source, "Net") == wanted[:3]
    assert slice_of(source, "f", "text") == ["import torch", 'text = open("input.txt").read()', *wanted[1:]]
    assert slice_of(source, "nothing") == []


@pytest.mark.parametrize(
    "definition",
    [
        "def f(x=g): pass",
        "def f(*, x=g): pass",
        "def f(x: g): pass",
        "def f() -> g: pass",
        "@g\ndef f(): pass",
        "async def f(): await g()",
        "f = lambda: g",
        "f = lambda x=g: x",
        "f = [g for _ in range(3)]",
        "f = {x: 1 for x in range(3) if g}",
        "f = list(x for x in g)",
        "class f(g): pass",
        "class f(metaclass=g): pass",
        "class f:\n    x = g",
        "class f:\n    g = g",
        "class f:\n    def m(self): return g",
        "class f:\n    class Inner:\n        def m(self, x=g): pass",
        "class f:\n    def m(self): return [lambda: g for _ in range(3)]",
        "def f():\n    def inner():\n        def innermost(): return g\n    return inner",
        "def f():\n    global g\n    g = 1",
        "def f():\n    global g\n    g += 1",
        "def f(): g.x = 1",
        "def f(): import x; return g",
        "f = f'{g}'",
        "f: int = g",
        "f = g = g",
        "(f := g)",
        "with g as f: pass",
        "for f in g: pass",
        "while g: f = 1",
        "if g: f = 1",
        "try:\n    f = g\nexcept ValueError:\n    f = 1",
        "try:\n    f = 1\nexcept g:\n    f = 2",
        "match g:\n    case {'a': f}: pass",
        "match 1:\n    case [*f]: print(g)",
        "match 1:\n    case {**f}: print(g)",
        "assert g; f = 1; f += g",
    ],
)
def test_every_place_where_a_name_can_be_loaded(definition: str) -> None:
    """Protects the slice from holes: wherever the grammar lets a global name stand, its binding comes along."""
    assert slice_of(f"other = 1\ng = 2\n{definition}")[0] == "g = 2"


@pytest.mark.parametrize(
    "definition",
    [
        "def f(g): return g",
        "def f():\n    g = 1\n    return g",
        "def f(): return [g for g in range(3)]",
        "f = [g for g in range(3)]",
        "f = {g: x for g, x in []}",
        "f = lambda g: g",
        "class f:\n    def g(self): return self.g",
        "def f():\n    def g(): pass\n    return g",
        "def f():\n    import g\n    return g",
        "def f(): return x.g, x['g'], dict(g=1), 'g'",
        "def f():\n    for g in []: pass\n    return g",
        "def f():\n    try: pass\n    except E as g: return g",
    ],
)
def test_names_that_are_not_global(definition: str) -> None:
    """Protects from running what only shares its name with a local variable, an attribute or a string."""
    assert "g = 2" not in slice_of(f"g = 2\n{definition}")


@pytest.mark.parametrize(
    "binding",
    [
        "g = 1",
        "g: int = 1",
        "x = g = 1",
        "x, (g, *y) = 1, (2, 3)",
        "[*g] = []",
        "import g",
        "import g.part",
        "import part as g",
        "from part import g",
        "from part import x as g",
        "def g(): pass",
        "async def g(): pass",
        "class g: pass",
        "with x as g: pass",
        "with x as (y, g): pass",
        "for g in []: pass",
        "for y, g in []: pass",
        "if True:\n    g = 1",
        "try:\n    import g\nexcept ImportError:\n    g = None",
        "print(g := 1)",
        "x = [g := y for y in []]",
        "match x:\n    case g: pass",
        "match x:\n    case {'a': 1, **g}: pass",
    ],
)
def test_every_way_to_bind_a_name(binding: str) -> None:
    """Protects the slice from holes: whatever statement binds a name is found."""
    assert slice_of(f"{binding}\ndef f(): return g")[-2:] == [binding.split("\n")[0], "def f(): return g"]


@pytest.mark.parametrize(
    "source", ["g: int", "x.g = 1", "x['g'] = 1", "[g for g in []]", "class X:\n    g = 1", "del g"]
)
def test_what_binds_no_global_name(source: str) -> None:
    """Protects from taking declarations, attributes, comprehensions and class variables for bindings."""
    assert "g" not in program(source).bindings


@pytest.mark.parametrize(
    "loop",
    [
        "for i in b: d[i] = 1",
        "for j in b:\n    i = j\n    d[i] = 1",
        "with b as i: d[i] = 1",
        "while b:\n    i = 2\n    d[i] = 1",
        "if b: i = 1\nelse: i = 2",
        "try:\n    d[0] = i = 1\nexcept E as i: d[i] = 2",
        "d.update({i: 1 for i in b})",
    ],
)
def test_what_a_loop_binds_itself_comes_from_nowhere_else(loop: str) -> None:
    """Protects from running every other loop over `i`: a name that the statement has bound itself is not looked for."""
    first = "for i in a: print(i)"
    assert first not in slice_of(f"d = {{}}\n{first}\n{loop}\ndef f(): return d")
    assert first in slice_of(f"d = {{}}\n{first}\nfor j in a: d[i] = 1\ndef f(): return d")


# ---------------------------------------------------------------------------------------------------- which binding


def test_the_last_definition_wins() -> None:
    """Protects notebooks that define a class again and again: the last one counts, earlier ones are not run."""
    source = """
        class f: first = 1
        class f: second = 2
        class f(dict): third = 3
    """
    assert slice_of(source) == ["class f(dict): third = 3"]


def test_extending_a_class_by_itself() -> None:
    """Protects `class Net(Net)`: the base is the definition before it, and so on down."""
    source = """
        class f: first = 1
        class f(f): second = 2
        class f(f): third = 3
    """
    assert slice_of(source) == ["class f: first = 1", "class f(f): second = 2", "class f(f): third = 3"]


def test_at_once_or_when_called() -> None:
    """Protects what Python does: a default takes the value that holds there, a body the last one."""
    source = """
        n = 1
        def f(x=n): return x
        n = 2
        def g(): return n
        n = 3
    """
    assert slice_of(source, "f") == ["n = 1", "def f(x=n): return x"]
    assert slice_of(source, "g") == ["def g(): return n", "n = 3"]
    assert slice_of(source, "f", "g") == ["n = 1", "def f(x=n): return x", "def g(): return n", "n = 3"]


def test_a_call_needs_the_globals_of_what_it_calls() -> None:
    """Protects values that are computed by a function: what it reads is there when it is called, and its final value."""
    source = """
        n = 1
        def g(): return h()
        def h(): return n
        f = g()
        n = 2
        m = n
    """
    assert slice_of(source, "f") == ["n = 1", "def g(): return h()", "def h(): return n", "f = g()", "n = 2"]


def test_objects_keep_the_globals_of_their_class() -> None:
    """Protects values that come from a method: what the method reads is there when it is called."""
    source = """
        class A:
            def m(self): return n
        a = A()
        n = 1
        f = a.m()
        n = 2
    """
    assert slice_of(source) == ["class A:", "a = A()", "n = 1", "f = a.m()", "n = 2"]


def test_conditional_bindings_count_together() -> None:
    """Protects names that are bound under a condition: all that may hold come along, what they replace does not."""
    source = """
        g = 0
        g = 1
        if x: g = 2
        try: g = 3
        except E: pass
        def f(): return g
        g = 4
        if y: g = 5
    """
    assert slice_of(source, "f") == ["def f(): return g", "g = 4", "if y: g = 5"]
    assert slice_of("g = 0\ng = 1\nif x: g = 2\nfor g in []: pass\nf = g") == [
        "g = 1",
        "if x: g = 2",
        "for g in []: pass",
        "f = g",
    ]


def test_imports_of_parts_add_up() -> None:
    """Protects `import a.b` and `import a.c`: they make one name together."""
    source = "import a.b\nimport a\nimport a.c\nimport x as y\nimport z as y\ndef f(): return a.b, y"
    assert slice_of(source) == ["import a.b", "import a", "import a.c", "import z as y", "def f(): return a.b, y"]


def test_one_import_of_several() -> None:
    """Protects from a failing import on the same line: each name is imported by itself."""
    assert len(program("import a, b\nfrom c import d, e").statements) == 4
    whole = program("import a, b\nfrom c import d, e\ndef f(): return b, e")
    assert [ast.unparse(whole.statements[i].node) for i in whole.select(["f"], ())][:2] == [
        "import b",
        "from c import e",
    ]


def test_cells_that_were_run_out_of_order() -> None:
    """Protects a notebook whose base class stands in a later cell than the class: it is chosen all the same."""
    assert slice_of("class f(g): pass\nclass g: pass") == ["class f(g): pass", "class g: pass"]


def test_under_main() -> None:
    """Protects code under `if __name__ == "__main__"`: in a notebook it runs, without a condition, the other branch not."""
    source = """
        g = 1
        if "__main__" == __name__:
            g = 2
            if __name__ == "__main__":
                g = 3
        else:
            g = 4
        def f(): return g
    """
    assert slice_of(source) == ["g = 3", "def f(): return g"]
    assert slice_of("g = 1\nif __name__ != '__main__': g = 2\nf = g")[:2] == [
        "g = 1",
        "if __name__ != '__main__': g = 2",
    ]


# ---------------------------------------------------------------------------------------------------- mutation


@pytest.mark.parametrize(
    "mutation",
    [
        "g.x = h",
        "g.x.y = 1",
        "g[0] = 1",
        "g[0].x[1] = 1",
        "g.x: int = 1",
        "g.x += 1",
        "g[0] += 1",
        "g += [1]",
        "x, g.y = 1, 2",
        "del g[0]",
        "del g.x",
        "setattr(g, 'x', 1)",
        "delattr(g, 'x')",
        "for g.x in []: pass",
        "for x in y: g[x] = 1",
        "for x in y: setattr(g, x, 1)",
        "for x in y: g.append(x)",
        "with x as g.y: pass",
        "if x: g.y = 1",
        "g.append(1)",
        "g.x.update(a=1)",
        "g.sort()",
    ],
)
def test_changes_belong_to_an_object(mutation: str) -> None:
    """Protects patched methods and filled dictionaries: what changes a needed object is run, and nothing for another."""
    source = f"g = make\nother = make\n{mutation}\n{mutation.replace('g', 'other', 1)}\ndef f(): return g"
    assert mutation in slice_of(source)
    assert mutation not in slice_of(source, "other")


def test_a_patched_method() -> None:
    """Protects `GPT.sample = sample`, with all that the function needs."""
    source = """
        class GPT: old = 1
        GPT.sample = None
        class GPT: pass
        tau = 1.0
        def sample(self): return tau
        GPT.sample = sample
        GPT.loss = train()
        def train(): pass
    """
    assert slice_of(source, "GPT") == [
        "class GPT: pass",
        "tau = 1.0",
        "def sample(self): return tau",
        "GPT.sample = sample",
        "GPT.loss = train()",
        "def train(): pass",
    ]


def test_changes_after_the_place_do_not_count() -> None:
    """Protects what Python does: an object that is used at once is used as it is there."""
    source = "c = C\nc.n = 1\nf = C(c.n)\nc.n = 2"
    assert slice_of(source) == ["c = C", "c.n = 1", "f = C(c.n)"]
    assert slice_of(source, "c") == ["c = C", "c.n = 1", "c.n = 2"]


@pytest.mark.parametrize(
    "statement",
    [
        "torch.sort(x)",
        "torch.add(x, y)",
        "print(torch)",
        "torch.manual_seed(1)",
        "x = g.pop()",
        "g.eval()",
        "del torch",
    ],
)
def test_what_is_no_change(statement: str) -> None:
    """Protects from running a demonstration because it calls a function of a module or of an object that is needed."""
    assert statement not in slice_of(f"import torch\ng = 1\n{statement}\ndef f(): return torch, g")


# ---------------------------------------------------------------------------------------------------- the rest


def test_constants_are_pinned() -> None:
    """Protects the values that the judge gives: their own bindings stay out, what derives from them stays in."""
    source = """
        text = open("input.txt").read()
        vocab_size = len(set(text))
        n_embd, n_head = 384, 6
        block_size = 256
        block_size *= 2
        if big: block_size = 1024
        head_size = n_embd // n_head
        def f(): return head_size, vocab_size, block_size
    """
    assert slice_of(source, constants=["vocab_size", "block_size", "n_embd", "n_head"]) == [
        "head_size = n_embd // n_head",
        "def f(): return head_size, vocab_size, block_size",
    ]
    assert "n_embd, n_head = 384, 6" in slice_of(source, constants=["n_embd"])
    assert slice_of(source, "n_embd", constants=["n_embd"]) == []


def test_star_imports() -> None:
    """Protects `from torch.nn import *`: run where a name is bound nowhere else and is no builtin."""
    source = "from a import *\nfrom b import *\ng = 1\n"
    stars = ["from a import *", "from b import *"]
    assert slice_of(source + "def f(): return len, g, __name__") == ["g = 1", "def f(): return len, g, __name__"]
    assert slice_of(source + "class f(Module): pass") == [*stars, "class f(Module): pass"]
    assert slice_of(source, "Linear") == stars
    assert slice_of(source + "Linear.x = 1", "Linear") == [*stars, "Linear.x = 1"]


def test_future_imports() -> None:
    """Protects annotations that are not evaluated: `from __future__` holds for all cells after it."""
    whole = program("x = 1", "from __future__ import annotations, division\ny = 2", "z = 3")
    first, second, third = (statement.flags for statement in whole.statements)
    assert first == 0
    assert second == third != 0


def test_training_loops() -> None:
    """Protects the time of a check: a loop that calls `backward` is known as training; a function that does is none."""
    whole = program(
        "for x in y: loss.backward()",
        "with x:\n    while True:\n        loss.sum().backward()",
        "def train():\n    loss.backward()",
        "class Trainer:\n    def fit(self): loss.backward()",
        "for x in y: print(x)",
    )
    assert [statement.trains for statement in whole.statements] == [True, True, False, False, False]


def test_broken_cells() -> None:
    """Protects the rest of the notebook from a cell that Python cannot read."""
    whole = program("x = 1", "def f(:", "def f(): return x")
    assert [cell.number for cell in whole.broken] == [2]
    assert [whole.statements[i].code for i in whole.select(["f"], ())] == ["x = 1", "def f(): return x"]


@pytest.mark.parametrize("source", ["return 1", "nonlocal x", "await f()", "x = yield", "break", "def f(a, a): pass"])
def test_what_the_compiler_refuses(source: str) -> None:
    """Protects the slice from statements that parse and do not compile: they are chosen, and fail when they run."""
    assert program(f"g = 1\n{source}\nf = 1").select(["f", "g"], ()) in ((0, 2), (0, 1, 2))


def test_recursion() -> None:
    """Protects from going round in circles: functions that call each other, and themselves."""
    assert slice_of("def f(): return g()\ndef g(): return f(), g()") == [
        "def f(): return g()",
        "def g(): return f(), g()",
    ]
    assert slice_of("f = f") == ["f = f"]


@pytest.mark.parametrize(
    "deep",
    ["x = y" + ".b" * 450, "x = " + "1 + " * 450 + "y", "if y: x = 1\n" + "elif y: x = 1\n" * 450],
    ids=["chain", "sum", "elif"],
)
def test_deep_statements_keep_what_they_need(deep: str) -> None:
    """Protects a notebook from one statement that is nested deeper than Python's stack: it is sliced like any other."""
    before = sys.getrecursionlimit()
    assert slice_of(f"y = 1\nz = 2\n{deep}", "x") == ["y = 1", deep.split("\n")[0]]
    assert before == sys.getrecursionlimit()


def test_speed() -> None:
    """Protects the time of each check: 300 cells and 3,000 statements are read and sliced well below a second."""
    sources = [
        "\n".join(
            f"class C{i}_{j}(Base):\n    def m(self, x):\n        y = [x for _ in range({j})]\n        return C{i}_{j - 1}"
            for j in range(10)
        )
        for i in range(300)
    ]
    began = time.process_time()
    whole = program(*sources)
    chosen = whole.select(["C299_9"], ())
    assert time.process_time() - began < 5.0  # 0.2 s on an idle machine
    assert len(chosen) == 10
