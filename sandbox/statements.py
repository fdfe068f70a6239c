"""What a top-level statement of a notebook does to names: which it binds, changes and loads, and when."""

import ast
import copy
import symtable
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property

from .notebook import MAX_DEPTH, Cell

# methods of lists, dictionaries and sets that change them
_MUTATORS = frozenset(
    [
        "append",
        "extend",
        "insert",
        "add",
        "update",
        "setdefault",
        "sort",
        "reverse",
        "pop",
        "remove",
        "discard",
        "clear",
    ]
)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_MAX_FRAMES = 8 * MAX_DEPTH  # to copy a level of a syntax tree takes six frames


@contextmanager
def room_for_deep_trees() -> Iterator[None]:
    """Let what visits a syntax tree of MAX_DEPTH levels recurse as deep as it must; the limit is as before after it."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, _MAX_FRAMES))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


class Statement:
    """A top-level statement and what it does to names.

    Attributes:
        node, cell: the statement and where it stands.
        flags: compiler flags of the `from __future__` imports before it.
        binds: names that it binds.
        mutates, updates: names of objects whose attributes or items it sets; those that it calls `append` and the like on.
        conditional: whether it may leave its names as they were.
        star: whether it is `from … import *`.
        calls: whether it calls anything while it runs.
        trains: whether it is a training loop: it calls `backward`.
    """

    def __init__(self, node: ast.stmt, cell: Cell, flags: int) -> None:
        self.node, self.cell, self.flags = node, cell, flags
        with room_for_deep_trees():
            found = _Effects(node)
        self.binds, self.mutates, self.updates = map(frozenset, (found.binds, found.mutates, found.updates))
        self.star, self.calls = found.star, found.calls
        self.trains = found.backward and not isinstance(node, (*_FUNCTIONS, ast.ClassDef))
        self.conditional = _is_conditional(node)

    @property
    def code(self) -> str:
        """Its first line."""
        return self.cell.line(self.node.lineno)

    @property
    def imports(self) -> bool:
        """Whether it is an import."""
        return isinstance(self.node, (ast.Import, ast.ImportFrom))

    @cached_property
    def loads(self) -> tuple[frozenset[str], frozenset[str]]:
        """Global names that it loads while it runs, and those that its functions load when they are called."""
        loads = _Loads()
        with room_for_deep_trees():
            loads.of(self.node, set())
        return frozenset(loads.now), frozenset(loads.later)


class _AsGenerators(ast.NodeTransformer):
    """Turns comprehensions into generators: from Python 3.12 on, only these have a scope of their own in a symbol table."""

    def _generator(self, node: ast.ListComp | ast.SetComp) -> ast.expr:
        return self.generic_visit(ast.GeneratorExp(node.elt, node.generators))  # type: ignore[return-value]

    visit_ListComp = visit_SetComp = _generator

    def visit_DictComp(self, node: ast.DictComp) -> ast.expr:
        pair = ast.Tuple([node.key, node.value], ast.Load())
        return self.generic_visit(ast.GeneratorExp(pair, node.generators))  # type: ignore[return-value]


class _Loads:
    """Collects the global names that a statement loads: `now`, before it binds them itself, and `later`, when called."""

    def __init__(self) -> None:
        self.now: set[str] = set()
        self.later: set[str] = set()

    def of(self, node: ast.stmt, bound: set[str]) -> None:
        """Add the loads of a statement; `bound` holds what is certainly bound by now, and is added to."""
        match node:
            case ast.If(test=test, body=body, orelse=orelse):
                self._expression(test, bound)
                bound |= self._block(body, bound) & self._block(orelse, bound)
            case (
                ast.For(target=target, iter=source, body=body, orelse=orelse)
                | ast.AsyncFor(target=target, iter=source, body=body, orelse=orelse)
            ):
                self._expression(source, bound)
                inside = set(bound)
                self.of(ast.Assign([target], ast.Constant(None), lineno=0), inside)
                self._block(body, inside)
                self._block(orelse, bound)
            case ast.While(test=test, body=body, orelse=orelse):
                self._expression(test, bound)
                self._block(body, bound)
                self._block(orelse, bound)
            case ast.With(items=items, body=body) | ast.AsyncWith(items=items, body=body):
                for item in items:
                    self._expression(item.context_expr, bound)
                    if item.optional_vars is not None:
                        self.of(ast.Assign([item.optional_vars], ast.Constant(None), lineno=0), bound)
                bound |= self._block(body, bound)
            case ast.Try(body=body, handlers=handlers, orelse=orelse, finalbody=finalbody):
                tried = self._block(body, bound)
                self._block(orelse, tried)
                for handler in handlers:
                    if handler.type is not None:
                        self._expression(handler.type, bound)
                    self._block(handler.body, bound | ({handler.name} if handler.name else set()))
                bound |= self._block(finalbody, bound)
            case _:
                self._simple(node, bound)

    def _block(self, body: Sequence[ast.stmt], bound: set[str]) -> set[str]:
        """The loads of statements in a row; returns what is bound after them."""
        bound = set(bound)
        for node in body:
            self.of(node, bound)
        return bound

    def _expression(self, node: ast.expr, bound: set[str]) -> None:
        self._simple(ast.Expr(node), bound)

    def _simple(self, node: ast.stmt, bound: set[str]) -> None:
        found = _Effects(node)
        now, later = set(found.adds_to), set[str]()
        try:
            text = ast.unparse(_AsGenerators().visit(copy.deepcopy(node)))
            _collect(symtable.symtable(text, "?", "exec"), now, later, running=True)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            pass  # compiling it says what is wrong
        self.now |= now - bound
        self.later |= later
        if not _is_conditional(node) or isinstance(node, ast.Import):
            bound |= found.binds


def _collect(table: symtable.SymbolTable, now: set[str], later: set[str], running: bool) -> None:
    """Add the global names that a scope and the scopes within it load."""
    kind = str(getattr(table.get_type(), "value", table.get_type()))
    if kind == "function" and table.get_name() != "genexpr":
        running = False
    names = now if running else later
    for symbol in table.get_symbols():
        if kind in ("module", "class"):  # a class may load a global name that it then binds itself
            loaded = symbol.is_referenced() and not symbol.is_free()
        else:
            loaded = symbol.is_global() and (symbol.is_referenced() or symbol.is_assigned())
        if loaded or (kind == "class" and symbol.is_declared_global()):
            names.add(symbol.get_name())
    for child in table.get_children():
        _collect(child, now, later, running)


def _is_conditional(node: ast.stmt) -> bool:
    if isinstance(node, ast.Import):
        return node.names[0].asname is None  # `import a.b` adds to what `import a.c` has made
    return not isinstance(
        node, (*_FUNCTIONS, ast.ClassDef, ast.Assign, ast.AnnAssign, ast.AugAssign, ast.ImportFrom, ast.Expr)
    )


class _Effects(ast.NodeVisitor):
    """What a statement does at the top level: bodies of functions are left out, they have not run yet."""

    def __init__(self, node: ast.stmt) -> None:
        self.binds: set[str] = set()
        self.mutates: set[str] = set()
        self.updates: set[str] = set()  # what methods such as `append` are called on, for nothing but their effect
        self.adds_to: set[str] = set()  # targets of augmented assignment: loaded, too
        self.star = self.calls = self.backward = False
        self._depth_of_classes = 0
        self.visit(node)

    def _bind(self, name: str | None) -> None:
        if name and not self._depth_of_classes:
            self.binds.add(name)

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Store):
            self._bind(node.id)

    def _visit_definition(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self._bind(node.name)
        self.calls = self.calls or bool(node.decorator_list)
        for part in (*node.decorator_list, node.args, node.returns):
            if part is not None:
                self.visit(part)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._visit_definition(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self._visit_definition(node)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self.visit(node.args)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._bind(node.name)
        self.calls = self.calls or bool(node.decorator_list)
        for part in (*node.decorator_list, *node.bases, *node.keywords):
            self.visit(part)
        self._depth_of_classes += 1
        for statement in node.body:
            self.visit(statement)
        self._depth_of_classes -= 1

    def visit_comprehension(self, node: ast.comprehension) -> None:
        for part in (node.iter, *node.ifs):  # its target is its own
            self.visit(part)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self._set(node.target)
            self.visit(node.value)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Name):
            self.adds_to.add(node.target.id)
        self.generic_visit(node)

    def visit_Delete(self, node: ast.Delete) -> None:
        self.mutates |= {
            name for target in node.targets if (name := _root(target)) and not isinstance(target, ast.Name)
        }

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self._set(node)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        self._set(node)

    def _set(self, node: ast.expr) -> None:
        if isinstance(node, ast.Name):
            self.visit_Name(node)
            return
        if (
            isinstance(node, (ast.Attribute, ast.Subscript))
            and isinstance(node.ctx, ast.Store)
            and (root := _root(node))
        ):
            self.mutates.add(root)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        self.calls = True
        self.backward = self.backward or (isinstance(node.func, ast.Attribute) and node.func.attr == "backward")
        self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> None:
        match node.value:
            case ast.Call(func=ast.Name(id="setattr" | "delattr"), args=[target, *_]) if root := _root(target):
                self.mutates.add(root)
            case ast.Call(func=ast.Attribute(attr=attr, value=value)) if attr in _MUTATORS and (root := _root(value)):
                self.updates.add(root)
        self.generic_visit(node)

    def _visit_import(self, node: ast.Import | ast.ImportFrom) -> None:
        for alias in node.names:
            if alias.name == "*":
                self.star = True
            else:
                self._bind(
                    alias.asname or (alias.name.partition(".")[0] if isinstance(node, ast.Import) else alias.name)
                )

    def visit_Import(self, node: ast.Import) -> None:
        self._visit_import(node)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        self._visit_import(node)

    def visit_MatchAs(self, node: ast.MatchAs) -> None:
        self._bind(node.name)
        self.generic_visit(node)

    def visit_MatchStar(self, node: ast.MatchStar) -> None:
        self._bind(node.name)

    def visit_MatchMapping(self, node: ast.MatchMapping) -> None:
        self._bind(node.rest)
        self.generic_visit(node)


def _root(node: ast.expr) -> str | None:
    """The name of the variable through which an object is reached: `model` of `model.layers[0].weight`."""
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Starred)):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None
