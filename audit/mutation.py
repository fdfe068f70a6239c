"""Wrong variants of a module, made mechanically: each is its syntax tree with one change.

Docstrings, annotations, imports, the messages of `raise`, and what stands under `if TYPE_CHECKING` or `if __name__ ==
"__main__"` are left alone. Comments are lost, as in every `ast.unparse`.
"""

import ast
import copy
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from .replacements import Edit, is_literal, of_condition, of_expression, of_statement, shown

_UNTOUCHED_FIELDS = {"annotation", "returns", "bases", "type_params", "ctx", "op", "ops", "pattern"}
_UNTOUCHED = (ast.Import, ast.ImportFrom, ast.Raise, ast.JoinedStr, ast.Global, ast.Nonlocal)


@dataclass(frozen=True)
class Mutant:
    """A module with one change.

    Attributes:
        name: short, and unique among the mutants of its module.
        line: where the change is, in the module's own text.
        change: the change in a sentence.
        source: the whole text.
    """

    name: str
    line: int
    change: str
    source: str


def mutants(source: str) -> list[Mutant]:
    """Make every mutant of a module, in the order of its lines; no two have the same text.

    Raises:
        SyntaxError: the text is no Python.
    """
    tree = ast.parse(source)
    seen = {ast.unparse(tree)}
    counts: Counter[tuple[int, str]] = Counter()
    found = []
    for site in sorted(_Walk(tree).sites, key=lambda site: site.line):
        text = site.mutated(tree)
        if text in seen or not _compiles(text):
            continue
        seen.add(text)
        counts[site.line, site.edit.kind] += 1
        name = f"L{site.line}-{site.edit.kind}-{counts[site.line, site.edit.kind]}"
        found.append(Mutant(name, site.line, site.sentence(), text + "\n"))
    return found


def _compiles(text: str) -> bool:
    try:
        compile(text, "mutant", "exec")
    except SyntaxError:
        return False
    return True


@dataclass(frozen=True)
class _Place:
    """Where a node hangs: a field of its parent, or an entry of such a field."""

    parent: ast.AST
    field: str
    index: int | None

    def put(self, node: ast.AST) -> None:
        """Hang a node there."""
        if self.index is None:
            setattr(self.parent, self.field, node)
        else:
            getattr(self.parent, self.field)[self.index] = node


@dataclass(frozen=True)
class _Site:
    """An edit at its place. `context` is the text around it that says where it is."""

    place: _Place
    node: ast.stmt | ast.expr
    edit: Edit
    context: str

    @property
    def line(self) -> int:
        """The line that the node starts in; of a definition, that of its name."""
        return self.node.lineno

    def mutated(self, tree: ast.Module) -> str:
        """The whole text with the edit; the tree stays as it is."""
        self.place.put(self.edit.node)
        try:
            return ast.unparse(tree)
        finally:
            self.place.put(self.node)

    def sentence(self) -> str:
        """The change in words."""
        change = f"became `{self.edit.new}`" if self.edit.new else "was dropped"
        where = f" in `{self.context}`" if self.context != self.edit.old else ""
        return f"line {self.line}: `{self.edit.old}` {change}{where}"


@dataclass(frozen=True)
class _Scope:
    """What is known about the names at a place of the tree.

    Attributes:
        function: the name of the innermost function, or nothing.
        bound: names that have a value here.
        siblings: for a parameter the next one, and for an attribute of self the next that its class sets.
        context: the text around the place.
    """

    function: str = ""
    bound: set[str] = field(default_factory=set)
    siblings: dict[str, str] = field(default_factory=dict)
    context: str = ""


class _Walk:
    """Collects the edits of a tree, outer nodes before inner ones."""

    def __init__(self, tree: ast.Module) -> None:
        self.sites: list[_Site] = []
        imports = (node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom))
        self.imported = {alias.asname or alias.name.partition(".")[0] for node in imports for alias in node.names}
        self._children(tree, _Scope())

    def _children(self, node: ast.AST, scope: _Scope) -> None:
        for name, value in ast.iter_fields(node):
            if name in _UNTOUCHED_FIELDS:
                continue
            if isinstance(value, ast.AST):
                self._visit(_Place(node, name, None), value, scope)
            elif isinstance(value, list):
                for index, item in enumerate(value):
                    if isinstance(item, ast.AST) and not _is_docstring(name, index, item):
                        self._visit(_Place(node, name, index), item, scope)

    def _visit(self, place: _Place, node: ast.AST, scope: _Scope) -> None:
        if isinstance(node, _UNTOUCHED) or (isinstance(node, ast.If) and _is_for_others(node.test)):
            return
        if isinstance(node, ast.stmt | ast.Call | ast.Subscript):
            scope = replace(scope, context=shown(node))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            self._add(place, node, _without_decorators(node), scope)
            scope = _inside(node, scope)
        elif isinstance(node, ast.stmt):
            self._add(place, node, of_statement(node, scope.bound, scope.function), scope)
        elif isinstance(node, ast.expr):
            self._add(place, node, of_expression(node, self.imported, scope.siblings), scope)
            if place.field in ("test", "ifs"):
                self._add(place, node, of_condition(node, place.parent), scope)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                scope.bound.add(node.id)
        if not is_literal(node):
            self._children(node, scope)

    def _add(self, place: _Place, node: ast.stmt | ast.expr, edits: Iterator[Edit], scope: _Scope) -> None:
        self.sites += [_Site(place, node, edit, scope.context) for edit in edits]


def _inside(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, scope: _Scope) -> _Scope:
    """What is known at the beginning of a definition."""
    if isinstance(node, ast.ClassDef):
        attributes: dict[str, None] = {}
        for inner in ast.walk(node):
            if (
                isinstance(inner, ast.Attribute)
                and isinstance(inner.ctx, ast.Store)
                and ast.unparse(inner.value) == "self"
            ):
                attributes[ast.unparse(inner)] = None
        return _Scope("", set(), _cycle(list(attributes)), scope.context)
    parameters = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    names = [parameter.arg for parameter in parameters if parameter.arg not in ("self", "cls")]
    of_self = {name: other for name, other in scope.siblings.items() if name.startswith("self.")}
    return _Scope(node.name, set(names), {**of_self, **_cycle(names)}, scope.context)


def _cycle(names: list[str]) -> dict[str, str]:
    """For each name the next one."""
    return dict(zip(names, [*names[1:], *names[:1]], strict=True)) if len(names) > 1 else {}


def _without_decorators(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> Iterator[Edit]:
    for decorator in node.decorator_list:
        without = copy.copy(node)
        without.decorator_list = [other for other in node.decorator_list if other is not decorator]
        yield Edit("decorator", without, f"@{shown(decorator)}", "")


def _is_docstring(field: str, index: int, node: ast.AST) -> bool:
    return field == "body" and index == 0 and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _is_for_others(test: ast.expr) -> bool:
    """Whether a condition holds for type checkers or for scripts only."""
    text = ast.unparse(test)
    return text in ("TYPE_CHECKING", "typing.TYPE_CHECKING") or "__name__" in text
