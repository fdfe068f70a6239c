"""Runs slices of a submission's notebooks in the worker.

Each call makes a fresh module from the statements that the wanted names need. A statement that raises, or does not end
in its share of the time, is skipped: its names stay unbound, with a reason that is told if they turn out to be needed.
"""

import ast
import linecache
import os
import re
import signal
import socket
import sys
import time
import types
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NoReturn

from . import loading, notebook
from .slicing import Program
from .stand_ins import Nothing
from .statements import Statement

# shares of the time for all: an import may use what is left, any other statement less
_SHARE_OF_ALL = 0.75
_SHARE_OF_ONE = 0.3
_ROUNDS = 10  # how often a statement is tried that lacks a name which a later one binds


class Unavailable(Exception):
    """A wanted name that cannot be had; `facts` are those of the reply, `names` what the notebook defines instead."""

    def __init__(self, kind: str, names: Sequence[str] = (), **facts: Any) -> None:
        super().__init__(kind)
        self.kind, self.names, self.facts = kind, names, facts


@dataclass(frozen=True)
class Failure:
    """Why a statement has not run: its cell, its first line, and a clause whose subject is the cell."""

    cell: int
    code: str
    reason: str


class _TooSlow(BaseException):
    """A statement's time is over."""


class _Training(Exception):
    """The statement is a training loop."""


class _OutOfTime(Exception):
    """Others have used up the time for all statements."""


class _Absent:
    """Stands for what could not be imported: whoever uses it gets the import's own error."""

    def __init__(self, error: ImportError) -> None:
        self.__dict__["_error"] = error

    def _use(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise self.__dict__["_error"].with_traceback(None)

    __call__ = __getattr__ = __setattr__ = __getitem__ = __iter__ = __enter__ = __mro_entries__ = _use


class Notebooks:
    """The notebooks of a submission.

    Args:
        root: the folder of the code.
        top: the folder of the whole submission.
    """

    def __init__(self, root: str, top: str) -> None:
        self.root, self.top = root, top
        self._found: list[_Notebook] | None = None
        self._unreadable: list[tuple[str, str]] = []
        self._unbound: dict[str, tuple[_Notebook, dict[str, Failure]]] = {}  # by name of the slice's module

    def define(
        self,
        wanted: Mapping[str, bool],
        constants: Mapping[str, Any],
        among: Collection[str],
        seconds: float,
    ) -> dict[str, Any]:
        """Run what the wanted names need in a fresh module, and return their values.

        Args:
            wanted: names, and whether each may be absent.
            constants: names with given values; the notebook's own bindings of them are left out.
            among: further names by which the notebook is recognised if there are several.
            seconds: the time for the whole request.

        Raises:
            Unavailable: a name that must be there is not.
        """
        chosen = self._choose(set(wanted), set(among))
        os.chdir(os.path.dirname(chosen.path))  # where a notebook looks for its files
        module, failures = chosen.run(tuple(wanted), constants, seconds)
        self._unbound[module.__name__] = (chosen, failures)
        values = {}
        for name, may_be_absent in wanted.items():
            if name in vars(module) and not isinstance(vars(module)[name], _Absent):
                values[name] = vars(module)[name]
            elif not may_be_absent:
                raise chosen.unavailable(name, failures.get(name))
        return values

    def why_unbound(self, error: NameError) -> dict[str, Any] | None:
        """The facts about a name that a slice lacks because a statement has not run."""
        trace = error.__traceback__
        if type(error) is not NameError or trace is None:
            return None
        while trace.tb_next is not None:
            trace = trace.tb_next
        slice_of = self._unbound.get(trace.tb_frame.f_globals.get("__name__", ""))
        name = str(error.name)
        failure = slice_of and (slice_of[1].get(name) or slice_of[0].in_a_broken_cell(name))
        return {"kind": "slice", **slice_of[0].facts(name, failure)} if slice_of and failure else None

    def _choose(self, names: Collection[str], among: Collection[str]) -> "_Notebook":
        if self._found is None:
            self._found = self._read_all()
        known = {*names, *among}
        fit = [book for book in self._found if not book.plain or book.program.bindings.keys() & names]
        if not fit:
            if self._unreadable:
                file, message = self._unreadable[0]
                raise Unavailable("notebook", file=file, message=message)
            raise Unavailable("missing_notebook")
        return max(fit, key=lambda book: (len(book.program.bindings.keys() & known), book.size))

    def _read_all(self) -> list["_Notebook"]:
        """Every notebook; if there is none, the exports; if there is none either, all Python files."""
        files = [os.path.join(folder, name) for folder, _, names in os.walk(self.top) for name in names]
        files.sort(key=lambda path: (not path.startswith(os.path.join(self.root, "")), path))
        notebooks = [path for path in files if path.lower().endswith(".ipynb")]
        if notebooks:
            return self._read(notebooks, notebook.read, plain=False)
        python = [path for path in files if path.endswith(".py")]
        exports = [path for path in python if notebook.is_export(_bytes_of(path))]
        return self._read(exports or python, notebook.read_export, plain=not exports)

    def _read(self, paths: list[str], reader: Any, plain: bool) -> list["_Notebook"]:
        found = []
        for path in paths:
            data = _bytes_of(path)
            inside = path.startswith(os.path.join(self.root, ""))
            label = os.path.relpath(path, self.root if inside else self.top)
            try:
                found.append(_Notebook(path, label, reader(data), len(data), plain))
            except notebook.NotebookError as error:
                if not plain:
                    self._unreadable.append((label, str(error)))
        return found


class _Notebook:
    """One notebook, and what has been learnt about its statements.

    Args:
        path, label: where it lies, and how it is called in messages.
        cells, size: what it holds, and its bytes.
        plain: whether it is a Python file without the marks of a notebook.
    """

    def __init__(self, path: str, label: str, cells: list[notebook.Cell], size: int, plain: bool) -> None:
        self.path, self.label, self.size, self.plain = path, label, size, plain
        self.program = Program(cells)
        self._compiled: dict[int, types.CodeType] = {}
        self._slow: dict[int, float] = {}  # statements that did not end, and the seconds that they had
        self._slices: dict[tuple[frozenset[str], frozenset[str]], _Slice] = {}
        for cell in cells:
            _show_source(f"{path} [cell {cell.number}]", cell.source)

    def run(
        self, names: Sequence[str], constants: Mapping[str, Any], seconds: float
    ) -> tuple[types.ModuleType, dict[str, Failure]]:
        """Run the slice for some names in a fresh module; also return why names that it should bind are unbound."""
        key = frozenset(names), frozenset(constants)
        if key not in self._slices:
            self._slices[key] = _Slice(self, self.program.select(names, constants), len(self._slices))
        wanted = self._slices[key]
        module = wanted.new_module()
        space = vars(module)
        space |= constants
        failures: dict[str, Failure] = {}
        ends = time.monotonic() + _SHARE_OF_ALL * seconds
        waiting = wanted.indices
        lacking: dict[int, str] = {}  # statements that lacked a name
        for _ in range(_ROUNDS):
            for i in waiting:
                statement = self.program.statements[i]
                before = {name: space[name] for name in statement.binds if name in space}
                remaining = ends - time.monotonic()
                error = self._try(i, space, remaining if statement.imports else min(_SHARE_OF_ONE * seconds, remaining))
                lacking.pop(i, None)
                if error is None:
                    wanted.locate(i, space)
                    for name in statement.binds:
                        failures.pop(name, None)
                else:
                    self._unbind(i, error, space, before, failures)
                if isinstance(error, NameError):
                    lacking[i] = str(error.name)
                space |= constants
            waiting = tuple(i for i in sorted(lacking) if lacking[i] in space)
            if not waiting:
                break
        return module, failures

    def _try(self, i: int, space: dict[str, Any], seconds: float) -> BaseException | None:
        """Run a statement; return what it raised."""
        statement = self.program.statements[i]
        if statement.trains:
            return _Training()
        if i in self._slow:
            return _TooSlow()
        if seconds <= 0:
            return _OutOfTime()
        try:
            if i not in self._compiled:
                self._compiled[i] = _compile(statement, f"{self.path} [cell {statement.cell.number}]")
            with _alarm(seconds):
                exec(self._compiled[i], space)
        except _TooSlow as error:
            self._slow[i] = seconds
            return error
        except BaseException as error:  # SystemExit and KeyboardInterrupt of the student's included
            return error
        return None

    def _unbind(
        self,
        i: int,
        error: BaseException,
        space: dict[str, Any],
        before: Mapping[str, Any],
        failures: dict[str, Failure],
    ) -> None:
        """Note why a statement has not run, and leave the names that it should have bound unbound.

        What a conditional statement has not touched keeps the value that it had before.
        """
        statement = self.program.statements[i]
        failure = None
        if isinstance(error, NameError):
            failure = failures.get(str(error.name)) or self.in_a_broken_cell(str(error.name))
        elif isinstance(error, _OutOfTime):
            failure = next((failures[name] for name in sorted(statement.loads[0]) if name in failures), None)
        if failure is None:
            failure = Failure(statement.cell.number, statement.code[:200], self._reason(i, error))
        for name in statement.binds:
            if statement.conditional and name in before and space.get(name) is before[name]:
                continue
            space.pop(name, None)
            failures[name] = failure
            if statement.imports and isinstance(error, ImportError):
                space[name] = _Absent(error)

    def _reason(self, i: int, error: BaseException) -> str:
        text = _text_of(error)
        if isinstance(error, _Training):
            return "is a training cell, and training is not run here"
        if isinstance(error, _TooSlow):
            return f"did not end within {self._slow[i]:.2g} seconds"
        if isinstance(error, _OutOfTime):
            return "was not run, since the cells before it took too long"
        if isinstance(error, FileNotFoundError) and error.filename is not None:
            return f"reads the file {str(error.filename)[:200]}, which is not there"
        if isinstance(error, ModuleNotFoundError) and error.name:
            missing = error.name.removeprefix(f"{loading.PACKAGE}.")
            return f"needs {missing}, which is neither in the submission nor installed here"
        kind = f"{type(error).__name__}: {text}" if text else type(error).__name__
        if isinstance(error, (ConnectionError, socket.gaierror)) or type(error).__module__.startswith(
            ("urllib", "requests", "http", "socket")
        ):
            return f"needs the network, which is not there ({kind})"
        return f"raised {kind}"

    def in_a_broken_cell(self, name: str) -> Failure | None:
        """The failure of a cell that would define a name if Python could read it."""
        defines = re.compile(rf"^[ \t]*(?:class|def)[ \t]+{re.escape(name)}\b|^{re.escape(name)}[ \t]*=", re.MULTILINE)
        for cell in reversed(self.program.broken):
            if cell.problem and defines.search(cell.source):
                line, message = cell.problem
                return Failure(cell.number, cell.line(line)[:200], f"is not valid Python (line {line}: {message})")
        return None

    def unavailable(self, name: str, failure: Failure | None) -> Unavailable:
        """What is told when a wanted name is not there."""
        failure = failure or self.in_a_broken_cell(name)
        if failure is not None:
            return Unavailable("slice", **self.facts(name, failure))
        names = [key for key in self.program.bindings if not key.startswith("_")]
        return Unavailable("missing_name", names, notebook=self.label, name=name)

    def facts(self, name: str, failure: Failure) -> dict[str, Any]:
        """The facts of a reply about a name that cannot be had because a statement has not run."""
        facts = {"notebook": self.label, "name": name}
        return {**facts, "cell": failure.cell, "code": failure.code, "reason": failure.reason}


class _Slice:
    """The statements that some names need; their text is the source of the modules made of them."""

    def __init__(self, book: _Notebook, indices: tuple[int, ...], number: int) -> None:
        self.indices = indices
        self._statements = book.program.statements
        self.file = f"{book.path} [slice {number}]"
        self._first_lines: dict[int, int] = {}
        lines: list[str] = []
        for i in indices:
            statement = self._statements[i]
            self._first_lines[i] = len(lines) + 1
            lines += statement.cell.source.split("\n")[_first_line(statement.node) - 1 : statement.node.end_lineno]
        _show_source(self.file, "\n".join(lines))

    def new_module(self) -> types.ModuleType:
        """An empty module under a name that no other has, so that dataclasses and `super` find it."""
        number = 1
        while f"{loading.PACKAGE}.notebook_slice_{number}" in sys.modules:
            number += 1
        module = types.ModuleType(f"{loading.PACKAGE}.notebook_slice_{number}")
        module.__file__, module.__package__ = self.file, loading.PACKAGE
        vars(module).update(display=Nothing(), get_ipython=Nothing())
        sys.modules[module.__name__] = module
        return module

    def locate(self, i: int, space: Mapping[str, Any]) -> None:
        """Tell a class where its source stands: from Python 3.13 on `inspect` asks the class itself."""
        node = self._statements[i].node
        made = space.get(node.name) if isinstance(node, ast.ClassDef) else None
        if isinstance(made, type) and "__firstlineno__" in vars(made):
            made.__firstlineno__ = self._first_lines[i]  # type: ignore[attr-defined]


def _first_line(node: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


def _compile(statement: Statement, filename: str) -> types.CodeType:
    tree = ast.Module([statement.node], [])
    code: types.CodeType = compile(tree, filename, "exec", statement.flags, dont_inherit=True)
    return code


def _show_source(filename: str, text: str) -> None:
    """Let tracebacks and `inspect` find the lines of what is no file."""
    lines = [f"{line}\n" for line in text.split("\n")]
    linecache.cache[filename] = (len(text), None, lines, filename)


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    """Raise _TooSlow within after some seconds, and again, should a bare `except` have caught it."""

    def ring(*_: object) -> NoReturn:
        raise _TooSlow

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds, 0.2)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _bytes_of(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _text_of(error: BaseException) -> str:
    try:
        return str(error)[:300]
    except BaseException:
        return ""
