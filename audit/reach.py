"""Which of a submission's code a check runs, so that what an edit does not reach need not be judged again.

Verdicts are deterministic: at one seed, a check that runs the same code as in the solution gives the same verdict. What it
runs is told by its requests for code (`define`, `resolve`) and by the rule that a worker cuts notebooks by
(`sandbox/slicing.py`).
"""

import ast
import copy
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from graders.student import Student
from sandbox import notebook
from sandbox.client import Worker
from sandbox.slicing import Program
from sandbox.statements import Statement

_READS_FILES = ("scan", "same", "compare")
_DEFINITIONS = (ast.FunctionDef, ast.ClassDef)


@dataclass(frozen=True)
class Reach:
    """The requests for code of one check.

    Attributes:
        defined: wanted names and constants of notebooks.
        resolved: modules and names.
        everything: whether it reads the files themselves, or asks in another way.
    """

    defined: frozenset[tuple[frozenset[str], frozenset[str]]] = frozenset()
    resolved: frozenset[tuple[str, str]] = frozenset()
    everything: bool = False


@dataclass(frozen=True)
class WatchedStudent(Student):
    """A submission whose requests for code are noted."""

    _requests: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def open(self, seed: int) -> Worker:
        """A worker that notes them."""
        worker = super().open(seed)
        assert isinstance(worker, Worker)
        notes = self._requests
        request = worker.request

        def noted(operation: str, /, **arguments: Any) -> Any:
            notes.append((operation, arguments))
            return request(operation, **arguments)

        worker.request = noted  # type: ignore[method-assign]
        return worker

    def reach(self) -> Reach:
        """What has been asked for since the last time; forgets it."""
        defined, resolved, everything = set(), set(), False
        for operation, arguments in self._requests:
            if operation == "define":
                defined.add((frozenset(arguments["wanted"]), frozenset(arguments["constants"])))
            elif operation == "resolve":
                resolved.add((str(arguments["module"]), str(arguments["name"])))
            everything |= operation in _READS_FILES
        self._requests.clear()
        return Reach(frozenset(defined), frozenset(resolved), everything or not (defined or resolved))


@lru_cache(maxsize=4096)
def code_reached(folder: Path, code: str, reach: Reach) -> str:
    """The digest of all code that a check runs of a submission, apart from layout and comments; "" = it cannot be told.

    Args:
        folder: the submission.
        code: the folder of the code in it.
        reach: what the check asks for.
    """
    try:
        return "" if reach.everything else _digest(folder, code, reach)
    except notebook.NotebookError:
        return ""


def _digest(folder: Path, code: str, reach: Reach) -> str:
    parts = []
    if reach.defined:
        books = sorted(folder.rglob("*.ipynb"))
        if len(books) != 1:
            return ""
        program = _program(books[0])
        if program.broken:
            return ""
        for wanted, constants in sorted(reach.defined, key=lambda pair: (sorted(pair[0]), sorted(pair[1]))):
            parts += _digested(folder, [program.statements[i] for i in program.select(wanted, constants)])
    for module, name in sorted(reach.resolved):
        path = (folder / code / module.replace(".", "/")).with_suffix(".py")
        if not path.is_file():
            return ""
        program = _program(path)
        if program.broken:
            return ""
        # the whole file runs when it is imported, and with it what its statements need: all but the bodies of functions
        # that nothing calls by then
        running = frozenset[str]().union(*(statement.loads[0] for statement in program.statements))
        chosen = set(program.select([name, *running], []))
        chosen |= {i for i, statement in enumerate(program.statements) if not isinstance(statement.node, _DEFINITIONS)}
        parts += _digested(folder, [program.statements[i] for i in sorted(chosen)])
        rest = [statement for i, statement in enumerate(program.statements) if i not in chosen]
        parts += [ast.dump(_WithoutBodies().visit(copy.deepcopy(statement.node))) for statement in rest]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


class _WithoutBodies(ast.NodeTransformer):
    """Leaves of a definition what runs when it is made."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        node.body = []
        return node


@lru_cache(maxsize=16)
def _program(path: Path) -> Program:
    data = path.read_bytes()
    return Program(notebook.read(data) if path.suffix == ".ipynb" else notebook.read_export(data))


def _digested(folder: Path, statements: Sequence[Statement]) -> list[str]:
    """Statements as text, and the local files that they import."""
    texts = [f"{statement.flags} {ast.dump(statement.node)}" for statement in statements]
    return texts + _local_files(folder, [statement.node for statement in statements])


def _local_files(folder: Path, statements: Sequence[ast.stmt]) -> list[str]:
    """The texts of all Python files of a submission, if one of some statements imports one of them; none otherwise."""
    files = sorted(folder.rglob("*.py"))
    # a file, a package, or a folder of the code under its own name
    local = {part for path in files for part in path.relative_to(folder).with_suffix("").parts}
    names = set()
    for statement in statements:
        for node in ast.walk(statement):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level:
                names |= local
            elif isinstance(node, ast.ImportFrom):
                names.add((node.module or "").partition(".")[0])
    return [repr(path.read_bytes()) for path in files] if names & local else []
