"""The definitions of a notebook's source, without what trains or reads files."""

import ast
from types import ModuleType
from typing import Any


def load(source: str, **constants: Any) -> Any:
    """Run a notebook's imports, functions, classes and literal constants, and set the constants given."""

    def is_kept(node: ast.stmt) -> bool:
        if not isinstance(node, ast.Assign):
            return isinstance(node, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef)
        try:
            ast.literal_eval(node.value)
        except ValueError:
            return False
        return True

    module = ModuleType("notebook")
    body = [node for node in ast.parse(source).body if is_kept(node)]
    exec(compile(ast.Module(body, []), "<notebook>", "exec"), module.__dict__)
    module.__dict__.update({"device": "cpu", **constants})
    return module
