"""A homework's own code, loaded to be trained: flat modules, or the definitions of a notebook."""

import ast
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

HOMEWORKS = Path(__file__).parent.parent / "homeworks"


def flat_modules(folder: Path, names: Sequence[str]) -> Any:
    """Import modules that import each other by flat names.

    sys.path and sys.modules end as they began, so that nobody else meets a module called `utils`.

    Returns:
        An object with the modules as attributes.
    """
    before = {name: sys.modules.pop(name) for name in names if name in sys.modules}
    sys.path.insert(0, str(folder))
    try:
        return SimpleNamespace(**{name: importlib.import_module(name) for name in names})
    finally:
        sys.path.remove(str(folder))
        for name in names:
            sys.modules.pop(name, None)
        sys.modules.update(before)


def notebook_definitions(source: str, **constants: Any) -> Any:
    """Run a notebook's imports, functions, classes and literal constants, and nothing that trains or reads files.

    Args:
        source: a Python file in percent format.
        **constants: what replaces the notebook's own, such as n_embd.

    Returns:
        A module with the definitions.
    """

    def is_kept(node: ast.stmt) -> bool:
        if not isinstance(node, ast.Assign):
            return isinstance(node, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef | ast.Try)
        try:
            ast.literal_eval(node.value)
        except ValueError:
            return False
        return True

    module = ModuleType("notebook")
    body = [node for node in ast.parse(source).body if is_kept(node)]
    sys.modules[module.__name__] = module  # dataclasses look themselves up there
    exec(compile(ast.Module(body, []), "<notebook>", "exec"), module.__dict__)
    module.__dict__.update({"device": "cpu", **constants})
    return module
