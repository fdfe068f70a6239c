"""What a node of a syntax tree can be replaced by, one change at a time: the mistakes that mutants are made of."""

import ast
import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

_ARITHMETIC: dict[type[ast.operator], tuple[type[ast.operator], ...]] = {
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Div,),
    ast.Div: (ast.Mult, ast.FloorDiv),
    ast.FloorDiv: (ast.Div, ast.Mult),
    ast.Mod: (ast.FloorDiv,),
    ast.Pow: (ast.Mult,),
    ast.BitAnd: (ast.BitOr,),
    ast.BitOr: (ast.BitAnd,),
}
_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.Gt),
    ast.LtE: (ast.Lt, ast.GtE),
    ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.LtE),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_PAIRS = (
    ("min", "max"),
    ("minimum", "maximum"),
    ("amin", "amax"),
    ("argmin", "argmax"),
    ("zeros", "ones"),
    ("zeros_like", "ones_like"),
    ("tril", "triu"),
    ("sum", "mean"),
    ("any", "all"),
    ("cos", "sin"),
    ("floor", "ceil"),
    ("sqrt", "rsqrt"),
    ("cumsum", "cumprod"),
)
_COUNTERPART = {**dict(_PAIRS), **{b: a for a, b in _PAIRS}}
# functions whose first argument has a direction: its sign matters and is easily got wrong
_DIRECTED = {
    "softmax",
    "log_softmax",
    "exp",
    "sort",
    "argsort",
    "topk",
    "cos",
    "sin",
    "cross_entropy",
    "sigmoid",
    "gelu",
}
_AXES = {"dim", "axis", "dims"}
_TEXT_WIDTH = 90


@dataclass(frozen=True)
class Edit:
    """Another node for a place in the tree. `old` and `new` say what changes; an empty `new` means dropped."""

    kind: str
    node: ast.AST
    old: str
    new: str


def shown(node: ast.AST) -> str:
    """A node's text: of a statement its first line, cut where it is long."""
    text = ast.unparse(node).strip().split("\n")[0]
    return text if len(text) <= _TEXT_WIDTH else f"{text[:_TEXT_WIDTH]}…"


def is_literal(node: ast.AST) -> bool:
    """A negative number, which is an operator and a constant to Python."""
    return isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and _is_number(node.operand)


def _is_number(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and type(node.value) in (int, float)


def _number(value: int | float) -> ast.expr:
    constant = ast.Constant(abs(value))
    return ast.UnaryOp(ast.USub(), constant) if value < 0 else constant


def _changed(kind: str, old: ast.AST, new: ast.AST) -> Edit:
    """The edit that puts `new` for the node `old`."""
    return Edit(kind, new, shown(old), shown(new))


def of_statement(node: ast.stmt, bound: set[str], function: str) -> Iterator[Edit]:
    """Statements that can be left out, and those that have something to exchange."""
    dropped = Edit("drop", ast.Pass(), shown(node), "")
    if isinstance(node, ast.Expr | ast.AugAssign | ast.Assert | ast.For | ast.While) or (
        isinstance(node, ast.If) and not node.orelse
    ):
        yield dropped
    elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        if all(_stays_bound(target, bound, function) for target in targets):
            yield dropped
    if isinstance(node, ast.AugAssign):
        for other in _ARITHMETIC.get(type(node.op), ()):
            yield _changed("operator", node, ast.AugAssign(node.target, other(), node.value))
    elif isinstance(node, ast.Return) and isinstance(node.value, ast.BinOp | ast.Call | ast.Name):
        yield _changed("minus", node, ast.Return(ast.UnaryOp(ast.USub(), node.value)))


def _stays_bound(target: ast.expr, bound: set[str], function: str) -> bool:
    """Whether the name (or the part of an object) also has a value without this assignment."""
    if isinstance(target, ast.Name):
        return target.id in bound
    if isinstance(target, ast.Tuple | ast.List):
        return all(_stays_bound(element, bound, function) for element in target.elts)
    if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name):
        return function not in ("", "__init__")
    return isinstance(target, ast.Subscript | ast.Attribute)


def of_condition(node: ast.expr, parent: ast.AST) -> Iterator[Edit]:
    """A condition forced, or turned round where no comparison in it can be."""
    for value in (True, False):
        dropped_already = value is False and isinstance(parent, ast.If | ast.While) and not parent.orelse
        if not dropped_already:
            yield _changed("condition", node, ast.Constant(value))
    if not (isinstance(node, ast.Compare) and len(node.ops) == 1) and not isinstance(node, ast.UnaryOp):
        yield _changed("condition", node, ast.UnaryOp(ast.Not(), node))


def of_expression(node: ast.expr, imported: set[str], siblings: Mapping[str, str]) -> Iterator[Edit]:
    """All that an expression can become.

    Args:
        node: the expression.
        imported: names that are modules, or come from them.
        siblings: for each parameter, and each attribute of self, one that it may be confused with.
    """
    if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
        other = siblings.get(ast.unparse(node))
        if other is not None:
            yield _changed("confused", node, ast.parse(other, mode="eval").body)
    if isinstance(node, ast.BinOp):
        yield from _binary(node)
    elif isinstance(node, ast.UnaryOp):
        yield from _unary(node)
    elif isinstance(node, ast.BoolOp):
        operator = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield _changed("bool", node, ast.BoolOp(operator, node.values))
        for value in node.values:
            rest = [v for v in node.values if v is not value]
            yield _changed("operand", node, rest[0] if len(rest) == 1 else ast.BoolOp(node.op, rest))
    elif isinstance(node, ast.Compare):
        yield from _comparison(node)
    elif isinstance(node, ast.Constant):
        yield from (_changed(kind, node, new) for kind, new in _other_constants(node.value))
    elif isinstance(node, ast.IfExp):
        yield from (_changed("condition", node, branch) for branch in (node.body, node.orelse))
    elif isinstance(node, ast.Call):
        yield from _call(node, imported)
    elif isinstance(node, ast.Tuple | ast.List):
        for elements in _neighbours_swapped(node.elts):
            yield _changed("swap", node, type(node)(elements, node.ctx))
    elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
        yield _changed("index", node, node.value)
        yield from _slices(node)


def _binary(node: ast.BinOp) -> Iterator[Edit]:
    if isinstance(node.left, ast.Constant | ast.JoinedStr) and isinstance(getattr(node.left, "value", ""), str):
        return  # formatting
    for other in _ARITHMETIC.get(type(node.op), ()):
        yield _changed("operator", node, ast.BinOp(node.left, other(), node.right))
    if isinstance(node.op, ast.MatMult):
        yield _changed("swap", node, ast.BinOp(node.right, node.op, node.left))
    if isinstance(node.op, ast.Pow):
        yield _changed("minus", node, ast.BinOp(node.left, node.op, _negated(node.right)))
    for operand in (node.left, node.right):
        yield _changed("operand", node, operand)


def _negated(node: ast.expr) -> ast.expr:
    """Minus in front, or taken away."""
    return node.operand if isinstance(node, ast.UnaryOp) else ast.UnaryOp(ast.USub(), node)


def _unary(node: ast.UnaryOp) -> Iterator[Edit]:
    yield _changed("minus" if isinstance(node.op, ast.USub) else "not", node, node.operand)
    if is_literal(node) and isinstance(node.operand, ast.Constant):
        yield from (_changed(kind, node, new) for kind, new in _other_constants(-node.operand.value))  # type: ignore[operator]


def _other_constants(value: object) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(value, bool):
        yield "bool", ast.Constant(not value)
    elif isinstance(value, int):
        yield from (("int", _number(value + step)) for step in (1, -1))
    elif isinstance(value, float):
        others = (value * 2, 0.0) if value else (1.0,)
        yield from (("float", _number(other)) for other in others)


def _comparison(node: ast.Compare) -> Iterator[Edit]:
    for index, operator in enumerate(node.ops):
        for other in _COMPARISONS[type(operator)]:
            operators = [other() if i == index else op for i, op in enumerate(node.ops)]
            yield _changed("compare", node, ast.Compare(node.left, operators, node.comparators))
    group = node.comparators[0]
    if isinstance(node.ops[0], ast.In | ast.NotIn) and isinstance(group, ast.Tuple | ast.List | ast.Set):
        for element in group.elts:
            smaller = copy.copy(group)
            smaller.elts = [e for e in group.elts if e is not element]
            yield _changed("element", node, ast.Compare(node.left, node.ops, [smaller]))


def _neighbours_swapped(items: Sequence[ast.expr]) -> Iterator[list[ast.expr]]:
    for i in range(len(items) - 1):
        yield [*items[:i], items[i + 1], items[i], *items[i + 2 :]]


def _call(node: ast.Call, imported: set[str]) -> Iterator[Edit]:
    """Axes, swapped and dropped arguments, and the call itself left out."""
    yield from _axes(node)
    if not any(isinstance(argument, ast.Starred) for argument in node.args):
        for args in _neighbours_swapped(node.args):
            yield _changed("swap", node, ast.Call(node.func, args, node.keywords))
    for keyword in node.keywords:
        without = ast.Call(node.func, node.args, [k for k in node.keywords if k is not keyword])
        yield Edit("keyword", without, f"{keyword.arg or '**'}={shown(keyword.value)}", "")
    is_method, name = False, ""
    if isinstance(node.func, ast.Attribute):
        owner, name = node.func.value, node.func.attr
        is_method = _root(owner) not in {*imported, "self", "super"} or isinstance(owner, ast.Call)
        if is_method and _root(owner) != "super":
            yield Edit("chain", owner, f".{shown(node).removeprefix(shown(owner)).lstrip('.')}", "")
        if name in _COUNTERPART:
            yield _changed("name", node, ast.Call(ast.Attribute(owner, _COUNTERPART[name]), node.args, node.keywords))
    elif isinstance(node.func, ast.Name):
        name = node.func.id
        if name in _COUNTERPART:
            yield _changed("name", node, ast.Call(ast.Name(_COUNTERPART[name]), node.args, node.keywords))
    if not node.args or isinstance(node.args[0], ast.Starred):
        return
    first, rest = node.args[0], node.args[1:]
    if not is_method:
        yield _changed("call", node, first)
    if name in _DIRECTED and not is_literal(first):
        yield _changed("minus", node, ast.Call(node.func, [ast.UnaryOp(ast.USub(), first), *rest], node.keywords))
    if name in ("masked_fill", "masked_fill_", "where", "masked_select"):
        turned = first.operand if isinstance(first, ast.UnaryOp) else ast.UnaryOp(ast.Invert(), first)
        yield _changed("not", node, ast.Call(node.func, [turned, *rest], node.keywords))


def _root(node: ast.expr) -> str:
    """The name that a chain of attributes, calls and indices starts with."""
    while isinstance(node, ast.Attribute | ast.Call | ast.Subscript):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def _axes(node: ast.Call) -> Iterator[Edit]:
    """Axes named by `dim` or `axis`, and negative numbers among the arguments: the axes beside them."""
    for i, argument in enumerate(node.args):
        if is_literal(argument):
            for kind, new in _unary_axis(argument):
                args = [new if j == i else other for j, other in enumerate(node.args)]
                yield Edit(kind, ast.Call(node.func, args, node.keywords), shown(argument), shown(new))
    for keyword in node.keywords:
        if keyword.arg in _AXES and (is_literal(keyword.value) or _is_number(keyword.value)):
            for kind, new in _unary_axis(keyword.value):
                keywords = [ast.keyword(k.arg, new) if k is keyword else k for k in node.keywords]
                yield Edit(kind, ast.Call(node.func, node.args, keywords), shown(keyword.value), shown(new))


def _unary_axis(node: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    value = ast.literal_eval(node)
    if isinstance(value, int):
        yield from (("dim", _number(value + step)) for step in (1, -1))


def _slices(node: ast.Subscript) -> Iterator[Edit]:
    """Slices that begin or end one earlier or later. Whole axes (`:`) stay."""
    items = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    for i, item in enumerate(items):
        if not isinstance(item, ast.Slice) or (item.lower is None and item.upper is None):
            continue
        bounds = [(ast.Slice(lower, item.upper, item.step)) for lower in _moved(item.lower, 1)]
        bounds += [(ast.Slice(item.lower, upper, item.step)) for upper in _moved(item.upper, -1)]
        for other in bounds:
            moved: list[ast.expr] = [other if j == i else same for j, same in enumerate(items)]
            place = ast.Tuple(moved, ast.Load()) if isinstance(node.slice, ast.Tuple) else other
            yield _changed("slice", node, ast.Subscript(node.value, place, node.ctx))


def _moved(bound: ast.expr | None, first: int) -> Iterator[ast.expr]:
    if bound is None:
        yield _number(first)
    elif is_literal(bound) or _is_number(bound):
        yield from (_number(ast.literal_eval(bound) + step) for step in (1, -1))
    else:
        yield ast.BinOp(bound, ast.Add(), ast.Constant(1))
        yield ast.BinOp(bound, ast.Sub(), ast.Constant(1))
