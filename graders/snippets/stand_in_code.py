"""What the sandbox makes for a call, as code that makes it anywhere: generators, encoders, the language model of generation."""

import ast
import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox import window_model
from sandbox.window_model import WindowModel


@dataclass(frozen=True)
class Code:
    """Code for one object.

    Attributes:
        name: what to call it.
        expression: makes it.
        imports: modules that this needs.
        definition: stands before it, once.
    """

    name: str
    expression: str
    imports: tuple[str, ...] = ()
    definition: str = ""


def code_of(kind: str, arguments: Mapping[str, Any]) -> Code | None:
    """The code for what `Worker.make` makes; None if it cannot be written with torch alone."""
    if kind == "random":
        return Code("rng", f"random.Random({arguments['seed']})", ("random",))
    if kind == "generator":
        return Code("generator", f"torch.Generator().manual_seed({arguments['seed']})")
    if kind == "encoder":
        return Code("encode", f"lambda text, ids={dict(arguments['ids'])!r}: [ids[character] for character in text]")
    if kind == "device":
        return Code("device", 'torch.device("cpu")')
    if kind == "model":
        given = ", ".join(
            f"{name}={value!r}"
            for name, value in arguments.items()
            if name not in _DEFAULTS or value != _DEFAULTS[name]
        )
        return Code("model", f"WindowModel({given})", definition=_WINDOW_MODEL)
    if kind == "namespace" and all(_is_plain(value) for value in arguments.values()):
        given = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
        return Code("config", f"types.SimpleNamespace({given})", ("types",))
    return None


def _is_plain(value: Any) -> bool:
    return value is None or type(value) in (bool, int, str)


class _Bare(ast.NodeTransformer):
    """Leaves out docstrings and annotations, and names what the module around it had imported or defined."""

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        self.generic_visit(node)
        node.body = [statement for statement in node.body if not _is_docstring(statement)]
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self.generic_visit(node)
        node.returns = None
        node.body = [statement for statement in node.body if not _is_docstring(statement)]
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if node.id == "nn":
            return ast.Attribute(ast.Name("torch", ast.Load()), "nn", ast.Load())
        value = getattr(window_model, node.id, None)
        return ast.Constant(value) if type(value) is int else node


def _is_docstring(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _bare_source(kind: type) -> str:
    return ast.unparse(ast.fix_missing_locations(_Bare().visit(ast.parse(inspect.getsource(kind)))))


_WINDOW_MODEL = _bare_source(WindowModel)
_DEFAULTS = {
    name: parameter.default
    for name, parameter in inspect.signature(WindowModel).parameters.items()
    if parameter.default is not parameter.empty
}
