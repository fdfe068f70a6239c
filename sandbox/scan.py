"""Reads a submission's code without running it: which names a definition uses, and where it differs from a template.

It runs in a worker in which nothing of the submission has been executed: a parser that dies of hostile source takes that
worker with it and nothing else, and no student code can colour what is reported.
"""

import ast
import builtins
import itertools
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from . import notebook
from .slicing import Program
from .statements import room_for_deep_trees

MAX_USES = 500
MAX_NAME = 200
Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
Scopes = tuple[dict[str, set[str]], ...]  # what each name that is bound there can stand for: nothing if not imported
_NEVER_OWN = ("torch", "numpy")  # loaded before a submission's files of these names could be
_DEFINITIONS = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


@dataclass
class Source:
    """The statements of a file, cell by cell.

    Attributes:
        name: the file's.
        cells: those that Python can read.
        problems: (label, line, message) of the others.
    """

    name: str
    cells: list[notebook.Cell] = field(default_factory=list)
    problems: list[tuple[str, int, str]] = field(default_factory=list)

    def label(self, cell: notebook.Cell) -> str:
        """How a place is called: a notebook's lines are counted in each cell, a Python file's from its beginning."""
        return f"{self.name} [cell {cell.number}]" if self.name.endswith(".ipynb") else self.name

    def definitions(self) -> dict[str, tuple[str, Definition]]:
        """The last definition of each name at the top level, with the label of its place."""
        return {
            node.name: (self.label(cell), node) for cell in self.cells if cell.tree for node in _defined_in(cell.tree)
        }


def read(name: str, data: bytes) -> Source:
    """Parse a `.py` or `.ipynb` file."""
    source = Source(name)
    try:
        cells = notebook.read(data) if name.endswith(".ipynb") else notebook.read_export(data)
    except notebook.NotebookError as error:
        source.problems.append((name, 0, str(error)))
        return source
    source.cells = [cell for cell in cells if cell.tree is not None]
    source.problems = [(source.label(cell), *cell.problem) for cell in cells if cell.problem is not None]
    return source


@room_for_deep_trees()
def scan(root: str, paths: Sequence[str], wanted: Sequence[str]) -> dict[str, Any]:
    """What definitions use, and what the files import.

    Returns:
        definitions: for each wanted name that is bound somewhere: its place, bases, methods with their parameters, and
            `uses`: [dotted name, place, line] of everything imported that it uses, directly or through other statements
            and files of the submission, at its first place;
        imports: [package, place, line] of the first import of each package; problems: [place, line, message].
    """
    sources = [read(path, _bytes_of(os.path.join(root, path))) for path in paths]
    files = [_File(source) for source in sources]
    found: dict[str, Any] = {}
    for name in wanted:
        homes = [file for file in files if name in file.program.bindings]
        if homes:
            home = next((file for file in homes if name in file.source.definitions()), homes[0])
            found[name] = home.facts(name) | {"uses": _uses(name, homes, files)[:MAX_USES]}
    imports: dict[str, tuple[str, int]] = {}
    for source in sources:
        for package, place, line in _imports(source):
            imports.setdefault(package[:MAX_NAME], (place, line))
    problems = [list(problem) for source in sources for problem in source.problems]
    return {
        "definitions": found,
        "imports": [[package, *place] for package, place in imports.items()][:MAX_USES],
        "problems": problems[:100],
    }


@room_for_deep_trees()
def same(root: str, first: str, second: str, wanted: Sequence[str]) -> list[str]:
    """The wanted definitions of the second file that the first lacks or defines otherwise.

    Comments and docstrings do not count.
    """
    one, other = (read(path, _bytes_of(os.path.join(root, path))).definitions() for path in (first, second))
    return [name for name in wanted if name in other and (name not in one or _differ(one[name][1], other[name][1]))]


@room_for_deep_trees()
def compare(
    root: str, paths: Sequence[str], template: str, template_name: str, wanted: Sequence[str]
) -> dict[str, Any]:
    """Compare definitions with those of the template from which a submission should have started.

    What the template leaves to students is a `raise NotImplementedError` or `...`: any statements may stand there.

    Returns:
        started: whether most of what the template gives complete stands in the submission unchanged;
        signatures: [name, expected parameters, found ones] of methods and functions that take others;
        outside: [name, place, line] of the first statement of each that differs outside of a section to be written.
    """
    given = read(template_name, template.encode()).definitions()
    theirs: dict[str, tuple[str, Definition]] = {}
    for path in paths:
        theirs |= read(path, _bytes_of(os.path.join(root, path))).definitions()
    complete = [name for name, (_, node) in given.items() if not _is_open(node)]
    kept = [name for name in complete if name in theirs and not _differ(given[name][1], theirs[name][1])]
    signatures: list[list[Any]] = []
    outside: list[list[Any]] = []
    for name in wanted:
        if name in given and name in theirs:
            label, node = theirs[name]
            signatures += _signatures(given[name][1], node, name)
            line = _first_difference([given[name][1]], [node])
            if line is not None:
                outside.append([name, label, line])
    return {"started": 2 * len(kept) >= len(complete) > 0, "signatures": signatures, "outside": outside}


# ------------------------------------------------------------------------------------------------ names


class _File:
    """What the names of a file's statements stand for."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.program = Program(source.cells)
        self.module = PurePosixPath(source.name).stem if source.name.endswith(".py") else ""

    def facts(self, name: str) -> dict[str, Any]:
        """Where a name is bound and, if it is a class, what it is made of."""
        place = self.source.definitions().get(name)
        if place is None:
            statement = self.program.statements[self._bound_at(name)[-1]]
            label = self.source.label(statement.cell)
            return {"place": label, "line": statement.node.lineno, "bases": [], "methods": {}}
        label, node = place
        facts: dict[str, Any] = {"place": label, "line": node.lineno, "bases": [], "methods": {}}
        if isinstance(node, ast.ClassDef):
            names = self._names(self.program.select([name], ()))
            for base in node.bases:
                known = sorted(names.dotted(base, names.top))
                facts["bases"] += known or [ast.unparse(base)[:100]]
            facts["methods"] = {
                each.name: _parameters(each) for each in node.body if isinstance(each, _DEFINITIONS[1:])
            }
        return facts

    def uses(self, name: str) -> Iterator[tuple[str, str, int]]:
        """(dotted name, place, line) of what the statements that a name needs use of imported modules."""
        chosen = self.program.select([name], ())
        names = self._names(chosen)
        place = self.facts(name)
        itself = names.dotted(ast.Name(name, ast.Load()), names.top)  # it may be an import under that name
        yield from ((dotted, place["place"], place["line"]) for dotted in sorted(itself))
        for i in chosen:
            statement = self.program.statements[i]
            label = self.source.label(statement.cell)
            yield from ((dotted, label, line) for dotted, line in names.used_in(statement.node))

    def has(self, name: str) -> bool:
        """Whether it binds a name, or may do so by a star import."""
        return bool(self._bound_at(name))

    def _bound_at(self, name: str) -> list[int]:
        return self.program.bindings.get(name) or self.program.stars(len(self.program.statements))

    def _names(self, chosen: Sequence[int]) -> "_Names":
        return _Names([self.program.statements[i].node for i in chosen])


def _uses(name: str, homes: Sequence[_File], files: Sequence[_File]) -> list[list[Any]]:
    """What a name uses wherever it is bound: each dotted name once, at its first place; other files are followed."""
    found: dict[str, tuple[str, int]] = {}
    pending = [(file, name) for file in homes]
    seen = {(file.source.name, name) for file in homes}
    own = {(file.module, bound) for file in files if file.module not in _NEVER_OWN for bound in file.program.bindings}
    while pending:
        file, name = pending.pop(0)
        for dotted, place, line in file.uses(name):
            parts = tuple(dotted.split("."))
            if parts not in own:  # what is one's own is followed, not listed
                found.setdefault(dotted, (place, line))
            for module, attribute in itertools.pairwise(parts):
                new = [each for each in files if each.module == module and each.has(attribute)]
                new = [each for each in new if (each.source.name, attribute) not in seen]
                seen |= {(each.source.name, attribute) for each in new}
                pending += [(each, attribute) for each in new]
    return [[dotted[:MAX_NAME], *place] for dotted, place in found.items()]


class _Names:
    """Full names of what statements use, by Python's rules for scopes; names of a class's own are left out."""

    def __init__(self, statements: Sequence[ast.stmt]) -> None:
        self.stars = [
            node.module
            for node in statements
            if isinstance(node, ast.ImportFrom) and node.module and node.names[0].name == "*"
        ]
        self.top = self._inside(statements)

    def used_in(self, statement: ast.stmt) -> Iterator[tuple[str, int]]:
        """(full name, line) of everything imported that a statement uses, functions in it included."""
        pending: list[tuple[ast.AST, Scopes]] = [(statement, self.top)]
        while pending:
            node, scopes = pending.pop()
            if isinstance(node, (ast.Name, ast.Attribute, ast.Call)):
                yield from ((dotted, node.lineno) for dotted in sorted(self.dotted(node, scopes)))
            body = _body_of(node)
            inner = self._inside(body, node, scopes) if body else scopes
            pending += [
                (child, inner if child in body else scopes) for child in reversed([*ast.iter_child_nodes(node)])
            ]

    def _inside(self, body: Sequence[ast.AST], function: ast.AST | None = None, outer: Scopes = ()) -> Scopes:
        """The scopes within a function, or at the top level."""
        scope, values = _bound_in(body)
        if isinstance(function, _FUNCTIONS):
            scope = {each.arg: set() for each in ast.walk(function.args) if isinstance(each, ast.arg)} | scope
        scopes = (*outer, scope)
        for _ in range(3):  # a name for a name for a name of a module
            for name, value in values:
                scope[name] |= self.dotted(value, scopes)
        return scopes

    def dotted(self, node: ast.expr, scopes: Scopes) -> set[str]:
        """The full names that an expression of names and attributes can stand for; empty for anything else."""
        match node:
            case ast.Name(id=name):
                known = next((scope[name] for scope in reversed(scopes) if name in scope), None)
                if known is None and not hasattr(builtins, name):
                    return {f"{module}.{name}" for module in self.stars}
                return set(known or ())
            case ast.Attribute(value=base, attr=name):
                return {f"{each}.{name}" for each in self.dotted(base, scopes)}
            case ast.Call(func=ast.Name("getattr"), args=[base, ast.Constant(value=str(name)), *_]):
                return {f"{each}.{name}" for each in self.dotted(base, scopes)}
            case ast.Call(func=function, args=[ast.Constant(value=str(name)), *_]):
                imports = isinstance(function, ast.Name) and function.id == "__import__"
                return {name} if imports or "importlib.import_module" in self.dotted(function, scopes) else set()
        return set()


def _body_of(node: ast.AST) -> list[ast.AST]:
    """What lies in the scope that a function opens."""
    if not isinstance(node, _FUNCTIONS):
        return []
    return [node.body] if isinstance(node, ast.Lambda) else list(node.body)


def _bound_in(body: Sequence[ast.AST]) -> tuple[dict[str, set[str]], list[tuple[str, ast.expr]]]:
    """The names that a scope's own statements bind, with what imports make of them; and (name, value) of assignments."""
    scope: dict[str, set[str]] = {}
    values: list[tuple[str, ast.expr]] = []
    elsewhere: set[str] = set()  # declared global or nonlocal
    pending = list(body)
    while pending:
        node = pending.pop()
        children = list(ast.iter_child_nodes(node))
        match node:
            case ast.Import(names=names):
                for alias in names:
                    first = alias.name.partition(".")[0]
                    scope.setdefault(alias.asname or first, set()).add(alias.name if alias.asname else first)
                children = []
            case ast.ImportFrom(module=module, names=names):
                for alias in names:
                    scope.setdefault(alias.asname or alias.name, set()).add(f"{module or ''}.{alias.name}".strip("."))
                children = []
            case ast.Global(names=declared) | ast.Nonlocal(names=declared):
                elsewhere |= set(declared)
            case ast.Name(id=name, ctx=ast.Store()):
                scope.setdefault(name, set())
            case ast.Assign(targets=targets, value=value):
                values += [(target.id, value) for target in targets if isinstance(target, ast.Name)]
            case (
                ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
                | ast.NamedExpr(target=ast.Name(id=name), value=value)
            ):
                values.append((name, value))
            case ast.comprehension(target=target):
                children.remove(target)  # its own
            case ast.ClassDef(body=inside) | ast.FunctionDef(body=inside) | ast.AsyncFunctionDef(body=inside):
                children = [child for child in children if child not in inside]
            case ast.Lambda():
                children = [node.args]
        bound = getattr(node, "name", None) or getattr(node, "rest", None)  # definitions, `except`, `match`
        if isinstance(bound, str):
            scope.setdefault(bound, set())
        pending += children
    return (
        {name: known for name, known in scope.items() if name not in elsewhere},
        [(name, value) for name, value in values if name not in elsewhere],
    )


def _defined_in(block: ast.AST) -> Iterator[Definition]:
    """The definitions at the top level, those under an `if` or in a `try` included."""
    for node in ast.iter_child_nodes(block):
        if isinstance(node, _DEFINITIONS):
            yield node
        elif isinstance(node, (ast.stmt, ast.ExceptHandler)):
            yield from _defined_in(node)


def _imports(source: Source) -> Iterator[tuple[str, str, int]]:
    for cell in source.cells:
        for node in ast.walk(cell.tree or ast.Module([], [])):
            if isinstance(node, ast.Import):
                yield from ((alias.name.partition(".")[0], source.label(cell), node.lineno) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
                yield node.module.partition(".")[0], source.label(cell), node.lineno


# ------------------------------------------------------------------------------------------------ template


def _is_todo(node: ast.stmt) -> bool:
    """Whether a statement of a template marks what is to be written."""
    if isinstance(node, ast.Raise) and node.exc is not None:
        called = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
        return isinstance(called, ast.Name) and called.id == "NotImplementedError"
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and node.value.value is Ellipsis


def _is_open(node: ast.AST) -> bool:
    return any(isinstance(each, ast.stmt) and _is_todo(each) for each in ast.walk(node))


def _differ(one: ast.AST, other: ast.AST) -> bool:
    return _dump(one) != _dump(other)


def _dump(node: ast.AST) -> str:
    """A definition's syntax tree as text, without docstrings."""
    copy = ast.parse(ast.unparse(node))
    for each in ast.walk(copy):
        if isinstance(each, _DEFINITIONS):
            each.body = _without_docstring(each.body)
    return ast.dump(copy)


def _without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    first = body[0] if body else None
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        return body[1:]
    return body


def _parameters(node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    given = node.args
    names = [argument.arg for argument in [*given.posonlyargs, *given.args]]
    names += [f"*{given.vararg.arg}"] if given.vararg else []
    names += [argument.arg for argument in given.kwonlyargs]
    return names + ([f"**{given.kwarg.arg}"] if given.kwarg else [])


def _signatures(given: Definition, theirs: Definition, name: str) -> list[list[Any]]:
    if isinstance(given, ast.ClassDef):
        if not isinstance(theirs, ast.ClassDef):
            return [[name, ["(a class)"], ["(a function)"]]]
        methods = {each.name: each for each in theirs.body if isinstance(each, _DEFINITIONS[1:])}
        return [
            difference
            for each in given.body
            if isinstance(each, _DEFINITIONS[1:]) and each.name in methods
            for difference in _signatures(each, methods[each.name], f"{name}.{each.name}")
        ]
    if isinstance(theirs, ast.ClassDef):
        return [[name, ["(a function)"], ["(a class)"]]]
    expected, found = _parameters(given), _parameters(theirs)
    return [] if expected == found else [[name, expected, found]]


def _first_difference(given: Sequence[ast.stmt], theirs: Sequence[ast.stmt]) -> int | None:
    """The line of the first statement that differs where nothing was to be written; None if there is none."""
    todos = [i for i, node in enumerate(given) if _is_todo(node)]
    if todos:
        before, after = given[: todos[0]], given[todos[-1] + 1 :]
        if len(theirs) < len(before) + len(after):
            return theirs[-1].lineno if theirs else 0
        pairs = [*zip(before, theirs, strict=False)]
        pairs += zip(after, theirs[len(theirs) - len(after) :], strict=True)
    elif len(given) != len(theirs):
        pairs = [*zip(given, theirs, strict=False)]
        place = next((i for i, pair in enumerate(pairs) if _pair_difference(*pair) is not None), len(pairs))
        return theirs[min(place, len(theirs) - 1)].lineno if theirs else 0
    else:
        pairs = [*zip(given, theirs, strict=True)]
    for mine, other in pairs:
        line = _pair_difference(mine, other)
        if line is not None:
            return line
    return None


def _pair_difference(given: ast.stmt, theirs: ast.stmt) -> int | None:
    if not _differ(given, theirs):
        return None
    if type(given) is not type(theirs):
        return theirs.lineno
    for name, value in ast.iter_fields(given):
        other = getattr(theirs, name)
        if isinstance(value, list) and value and isinstance(value[0], ast.stmt):
            line = _first_difference(_without_docstring(value), _without_docstring(other))
            if line is not None:
                return line or theirs.lineno
        elif name not in ("type_comment", "returns", "type_params") and _plain(value) != _plain(other):
            return theirs.lineno
    return None


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return repr([_plain(each) for each in value])
    return ast.dump(value) if isinstance(value, ast.AST) else repr(value)


def _bytes_of(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()
