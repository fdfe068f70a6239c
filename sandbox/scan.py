"""Reads a submission's code without running it: which names a definition uses, and where it differs from a template.

It runs in a worker in which nothing of the submission has been executed: a parser that dies of hostile source takes that
worker with it and nothing else, and no student code can colour what is reported.
"""

import ast
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from . import notebook

MAX_USES = 2000
Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
_DEFINITIONS = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass
class Source:
    """The statements of a file, cell by cell.

    Attributes:
        parts: (label of the cell or file, its statements).
        problems: (label, line, message) of what Python cannot read.
    """

    parts: list[tuple[str, ast.Module]] = field(default_factory=list)
    problems: list[tuple[str, int, str]] = field(default_factory=list)

    def definitions(self) -> dict[str, tuple[str, Definition]]:
        """The last definition of each name at the top level, with the label of its place."""
        return {
            node.name: (label, node)
            for label, tree in self.parts
            for node in tree.body
            if isinstance(node, _DEFINITIONS)
        }


def read(name: str, data: bytes) -> Source:
    """Parse a `.py` or `.ipynb` file."""
    source = Source()
    try:
        cells = notebook.read(data) if name.endswith(".ipynb") else notebook.read_export(data)
    except notebook.NotebookError as error:
        source.problems.append((name, 0, str(error)))
        return source
    for cell in cells:
        label = f"{name} [cell {cell.number}]" if name.endswith(".ipynb") else name
        if cell.tree is not None:
            source.parts.append((label, cell.tree))
        elif cell.problem is not None:
            source.problems.append((label, *cell.problem))
    return source


def scan(root: str, paths: Sequence[str], wanted: Sequence[str]) -> dict[str, Any]:
    """What definitions use, and what the files import.

    Returns:
        definitions: for each wanted name that is defined somewhere: its place, bases, methods with their parameters, and
            `uses`: [dotted name, place, line] of everything imported that it uses, directly or through other definitions;
        imports: [package, place, line] of every import; problems: [place, line, message].
    """
    sources = {path: read(path, _bytes_of(os.path.join(root, path))) for path in paths}
    found: dict[str, Any] = {}
    for source in sources.values():
        names = _Names(source)
        for name, (label, node) in source.definitions().items():
            if name in wanted:
                uses = names.used_by(name)
                found[name] = _facts(label, node, names) | {"uses": [list(use) for use in uses[:MAX_USES]]}
    imports = [list(each) for source in sources.values() for each in _imports(source)]
    problems = [list(problem) for source in sources.values() for problem in source.problems]
    return {"definitions": found, "imports": imports[:MAX_USES], "problems": problems[:100]}


def same(root: str, first: str, second: str, wanted: Sequence[str]) -> list[str]:
    """The wanted definitions that two files do not define alike; comments and docstrings do not count."""
    one, other = (read(path, _bytes_of(os.path.join(root, path))).definitions() for path in (first, second))
    return [name for name in wanted if name in one and name in other and _dump(one[name][1]) != _dump(other[name][1])]


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
    kept = [name for name in complete if name in theirs and _dump(given[name][1]) == _dump(theirs[name][1])]
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


class _Names:
    """What the names of a source stand for: imports anywhere in it, and plain assignments of dotted names."""

    def __init__(self, source: Source) -> None:
        self.definitions = source.definitions()
        self.aliases: dict[str, set[str]] = {}
        self.stars: list[str] = []
        trees = [tree for _, tree in source.parts]
        for node in (node for tree in trees for node in ast.walk(tree)):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    known = alias.name if alias.asname else alias.name.partition(".")[0]
                    self.aliases.setdefault(alias.asname or known, set()).add(known)
            elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
                for alias in node.names:
                    if alias.name == "*":
                        self.stars.append(node.module)
                    else:
                        dotted = f"{node.module}.{alias.name}"
                        self.aliases.setdefault(alias.asname or alias.name, set()).add(dotted)
        for _ in range(3):  # an alias of an alias of an alias
            for node in (node for tree in trees for node in ast.walk(tree)):
                if isinstance(node, ast.Assign):
                    for target in node.targets:
                        if isinstance(target, ast.Name):
                            self.aliases.setdefault(target.id, set()).update(self.dotted(node.value))

    def dotted(self, node: ast.expr) -> set[str]:
        """The full names that an expression of names and attributes can stand for; empty for anything else."""
        if isinstance(node, ast.Name):
            known = self.aliases.get(node.id)
            if known is None and node.id not in self.definitions:
                return {f"{module}.{node.id}" for module in self.stars}
            return set(known or ())
        if isinstance(node, ast.Attribute):
            return {f"{base}.{node.attr}" for base in self.dotted(node.value)}
        if _is_getattr(node):
            assert isinstance(node, ast.Call)
            name = node.args[1]
            assert isinstance(name, ast.Constant)
            return {f"{base}.{name.value!s}" for base in self.dotted(node.args[0])}
        return set()

    def used_by(self, name: str) -> list[tuple[str, str, int]]:
        """(dotted name, place, line) of what a definition uses, directly or through others of the same file."""
        pending, seen, uses = [name], {name}, []
        while pending:
            label, definition = self.definitions[pending.pop()]
            for node in ast.walk(definition):
                if isinstance(node, ast.Name) and node.id in self.definitions and node.id not in seen:
                    seen.add(node.id)
                    pending.append(node.id)
                if isinstance(node, (ast.Name, ast.Attribute, ast.Call)):
                    uses += [(dotted, label, node.lineno) for dotted in sorted(self.dotted(node))]
        return list(dict.fromkeys(uses))


def _is_getattr(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "getattr"
        and len(node.args) >= 2
        and isinstance(node.args[1], ast.Constant)
        and isinstance(node.args[1].value, str)
    )


def _facts(label: str, node: Definition, names: _Names) -> dict[str, Any]:
    facts: dict[str, Any] = {"place": label, "line": node.lineno, "bases": [], "methods": {}}
    if isinstance(node, ast.ClassDef):
        for base in node.bases:
            known = sorted(names.dotted(base))
            facts["bases"] += known or [ast.unparse(base)[:100]]
        facts["methods"] = {each.name: _parameters(each) for each in node.body if isinstance(each, _DEFINITIONS[1:])}
    return facts


def _imports(source: Source) -> Iterator[tuple[str, str, int]]:
    for label, tree in source.parts:
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                yield from ((alias.name.partition(".")[0], label, node.lineno) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
                yield node.module.partition(".")[0], label, node.lineno


# ------------------------------------------------------------------------------------------------ template


def _is_todo(node: ast.stmt) -> bool:
    """Whether a statement of a template marks what is to be written."""
    if isinstance(node, ast.Raise) and node.exc is not None:
        called = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
        return isinstance(called, ast.Name) and called.id == "NotImplementedError"
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and node.value.value is Ellipsis


def _is_open(node: ast.AST) -> bool:
    return any(isinstance(each, ast.stmt) and _is_todo(each) for each in ast.walk(node))


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
        same_so_far = [a for a, b in zip(given, theirs, strict=False) if _pair_difference(a, b) is None]
        place = min(len(same_so_far), len(theirs) - 1)
        return theirs[place].lineno if theirs else 0
    else:
        pairs = [*zip(given, theirs, strict=True)]
    for mine, other in pairs:
        line = _pair_difference(mine, other)
        if line is not None:
            return line
    return None


def _pair_difference(given: ast.stmt, theirs: ast.stmt) -> int | None:
    if not _is_open(given):
        return None if _dump(given) == _dump(theirs) else theirs.lineno
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
