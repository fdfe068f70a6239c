"""Picks the statements of a notebook that wanted names need, transitively, and no others.

A notebook is a list of top-level statements in source order. A name that is loaded while a statement runs needs the
binding that reaches that place; a name that a function loads when it is called needs the final binding. Statements
that change a needed object (`GPT.sample = sample`) belong to it. Bare expressions, so training and prints, do not.
"""

import __future__

import ast
import builtins
from collections.abc import Collection, Iterator, Sequence

from .notebook import Cell
from .statements import Statement

_GIVEN = frozenset(dir(builtins)) | {"__name__", "__file__", "__doc__", "__builtins__", "__package__", "__spec__"}


class Program:
    """The statements of a notebook: which names they bind, and which of them a name needs.

    Attributes:
        statements: in source order.
        bindings: name -> indices of the statements that bind it.
        broken: cells that Python cannot read.
    """

    def __init__(self, cells: Sequence[Cell]) -> None:
        self.broken = [cell for cell in cells if cell.tree is None]
        self.statements: list[Statement] = []
        flags = 0
        for cell in cells:
            for node in _flat(cell.tree.body if cell.tree else []):
                if isinstance(node, ast.ImportFrom) and node.module == "__future__":
                    for alias in node.names:
                        if alias.name in __future__.all_feature_names:
                            flags |= getattr(__future__, alias.name).compiler_flag
                else:
                    self.statements.append(Statement(node, cell, flags))
        self.bindings: dict[str, list[int]] = {}
        self._mutations: dict[str, list[int]] = {}
        self._stars = [i for i, statement in enumerate(self.statements) if statement.star]
        for i, statement in enumerate(self.statements):
            for name in statement.binds:
                self.bindings.setdefault(name, []).append(i)
        for i, statement in enumerate(self.statements):
            for name in statement.mutates | {name for name in statement.updates if not self._is_imported(name)}:
                self._mutations.setdefault(name, []).append(i)

    def select(self, names: Collection[str], constants: Collection[str]) -> tuple[int, ...]:
        """The indices of the statements to run, in source order.

        Args:
            names: wanted names.
            constants: names whose values are given: what binds nothing but these is left out.
        """
        return tuple(sorted(_Selection(self, frozenset(constants)).of(names)))

    def _is_imported(self, name: str) -> bool:
        """Whether it is a module's: `np.append` and `torch.sort` change nothing."""
        return any(self.statements[i].imports for i in self.bindings.get(name, ()))

    def reaching(self, name: str, before: int) -> list[int]:
        """The bindings that may be in force at a place: the last unconditional one before it and what follows that."""
        found = []
        for i in reversed(self.bindings.get(name, ())):
            if i < before:
                found.append(i)
                if not self.statements[i].conditional:
                    break
        return found

    def mutations(self, name: str, after: int, before: int) -> list[int]:
        """The statements between two places that change a name's object."""
        return [i for i in self._mutations.get(name, ()) if after < i < before]

    def stars(self, before: int) -> list[int]:
        """The star imports before a place."""
        return [i for i in self._stars if i < before]


class _Selection:
    """One answer to `Program.select`."""

    def __init__(self, program: Program, constants: frozenset[str]) -> None:
        self.program, self.constants = program, constants
        self.chosen: set[int] = set()
        self.asked: set[tuple[str, int]] = set()
        self.open: list[tuple[str, int]] = []  # names that are needed, and the place where

    def of(self, names: Collection[str]) -> set[int]:
        end = len(self.program.statements)
        self.open = [(name, end) for name in names]
        while self.open:
            need = self.open.pop()
            if need not in self.asked and need[0] not in self.constants:
                self.asked.add(need)
                self._supply(*need)
        return self.chosen

    def _supply(self, name: str, before: int) -> None:
        program, end = self.program, len(self.program.statements)
        found = program.reaching(name, before)
        if not found and name in _GIVEN:
            return
        if not found:
            found = program.stars(before)
        if not found:  # a cell that was run before one above it
            found = program.reaching(name, end)
        if not found:
            return
        found += program.mutations(name, min(found), before)
        for i in found:
            self._choose(i)
        if before < end and program.statements[before].calls:  # what it calls needs its globals by then
            for i in found:
                self.open += [(needed, before) for needed in frozenset().union(*program.statements[i].loads)]

    def _choose(self, i: int) -> None:
        statement = self.program.statements[i]
        if i in self.chosen or (statement.binds and statement.binds <= self.constants and not statement.mutates):
            return
        self.chosen.add(i)
        now, later = statement.loads
        self.open += [(name, i) for name in now]
        self.open += [(name, len(self.program.statements)) for name in later]


def _flat(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a module, one for each imported name; what stands under `if __name__ == "__main__"` runs too."""
    for node in body:
        if isinstance(node, ast.If) and _asks_for_main(node.test):
            yield from _flat(node.body)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                yield ast.copy_location(ast.Import([alias]), node)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield ast.copy_location(ast.ImportFrom(node.module, [alias], node.level), node)
        else:
            yield node


def _asks_for_main(test: ast.expr) -> bool:
    match test:
        case ast.Compare(left=left, ops=[ast.Eq()], comparators=[right]):
            sides = [left, right]
            return any(isinstance(side, ast.Name) and side.id == "__name__" for side in sides) and any(
                isinstance(side, ast.Constant) and side.value == "__main__" for side in sides
            )
    return False
