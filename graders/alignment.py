"""Matching a self-attention module's parameters with the roles query, key, value and proj.

Names, fusion, orientation and order of a student's parameters are seldom fixed by a handout. The few possible assignments
are listed, the likely one first; the binding tries them against the oracle and takes the first that makes the outputs equal.
"""

import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import torch
from torch import Tensor

ROLES = ("query", "key", "value", "proj")
PARTS = ("weight", "bias")
_HINTS = {"query": "q", "key": "k", "value": "v", "proj": "po"}
Shape = tuple[int, ...]
Form = Literal["rows", "columns", "heads"]


@dataclass(frozen=True)
class Piece:
    """What one parameter holds.

    Attributes:
        rows: ((role.part, rows or None for all), …), stacked along the first axis.
        form: `rows` as in nn.Linear, [out, in]; `columns` its transpose; `heads` (n_heads, in, d_head).
        n_heads: for the form `heads`.
    """

    rows: tuple[tuple[str, slice | None], ...]
    form: Form = "rows"
    n_heads: int = 1

    def pack(self, weights: Mapping[str, Tensor]) -> Tensor:
        """Canonical weights by role → the parameter."""
        stacked = torch.cat([weights[role] if rows is None else weights[role][rows] for role, rows in self.rows])
        if self.form == "rows":
            return stacked
        if self.form == "columns":
            return stacked.T.contiguous()
        heads = stacked.view(self.n_heads, -1, stacked.shape[1])  # (n_heads, d_head, in)
        return heads.transpose(1, 2).contiguous()  # (n_heads, in, d_head)

    def rows_of(self, parameter: Tensor) -> Tensor:
        """The parameter → stacked rows, [out, in]."""
        if self.form == "rows":
            return parameter
        return parameter.T if self.form == "columns" else parameter.transpose(1, 2).flatten(0, 1)


@dataclass(frozen=True)
class Layout:
    """Which rows of which roles each parameter stacks.

    Attributes:
        pieces: by the parameter's name.
    """

    pieces: dict[str, Piece]

    @property
    def roles(self) -> frozenset[str]:
        """The `role.part`s that the module has; it may lack biases, and the projection."""
        return frozenset(role for piece in self.pieces.values() for role, _ in piece.rows)

    def pack(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Canonical weights by role → the module's parameters by name. Roles that the module lacks are left out."""
        return {name: piece.pack(weights) for name, piece in self.pieces.items()}

    def unpack(self, gradients: Mapping[str, Tensor], like: Mapping[str, Shape]) -> dict[str, Tensor]:
        """The module's gradients by name → by role.

        Args:
            gradients: one tensor per parameter, of the parameter's shape.
            like: shapes of the roles; those that the module lacks are left out.
        """
        result = {role: torch.zeros(shape) for role, shape in like.items() if role in self.roles}
        for name, piece in self.pieces.items():
            gradient, start = piece.rows_of(gradients[name]), 0
            for role, rows in piece.rows:
                target = result[role] if rows is None else result[role][rows]
                target.copy_(gradient[start : start + len(target)])
                start += len(target)
        return result


def layouts(
    parameters: Mapping[str, Shape], d_model: int, n_heads: int, d_head: int | None = None, d_out: int | None = None
) -> list[Layout]:
    """The possible layouts of a module, the likely one first; empty if its parameters fit none.

    Known are Linears with or without bias and bare Parameters, in four arrangements: query, key and value fused (head by
    head as [q|k|v], or in three blocks); three matrices under any names; three for each head; three of shape (n_heads,
    in, d_head). A projection may follow or not.

    Args:
        parameters: names and shapes.
        d_model: width of the input.
        n_heads: number of heads.
        d_head: width of a head; d_model / n_heads by default.
        d_out: width of the output; d_model by default.
    """
    d_head = d_model // n_heads if d_head is None else d_head
    width = n_heads * d_head
    matrices = {name: shape for name, shape in parameters.items() if len(shape) >= 2}
    sizes = _Sizes(d_model, n_heads, d_head, width, d_model if d_out is None else d_out, matrices, parameters)
    found = [*_fused(sizes), *_whole(sizes), *_per_head(sizes), *_stacked(sizes)]
    complete = [layout for layout in found if set(layout.pieces) == set(parameters)]
    return complete or [layout for layout in found if matrices.keys() <= layout.pieces.keys()]


@dataclass(frozen=True)
class _Sizes:
    d_model: int
    n_heads: int
    d_head: int
    width: int
    d_out: int
    matrices: Mapping[str, Shape]
    parameters: Mapping[str, Shape]

    def forms(self, name: str, out: int, into: int) -> list[Form]:
        """In which forms a matrix can map `into` features to `out`; Linears have one form only."""
        shape = self.matrices[name]
        forms: list[Form] = ["rows"] if shape == (out, into) else []
        if shape == (into, out) and not name.endswith(".weight"):
            forms.insert(0, "columns")  # x @ W is how bare Parameters are used
        return forms

    def projections(self, rest: Sequence[str]) -> list[tuple[str, Form]] | None:
        """What the matrices that are left over can be: [] no projection, None something that fits nowhere."""
        if not rest:
            return []
        if len(rest) > 1:
            return None
        forms = self.forms(rest[0], self.d_out, self.width)
        return [(rest[0], form) for form in forms] or None


def _with_bias(pieces: dict[str, Piece], sizes: _Sizes) -> Layout:
    """Add the bias beside each weight that has one."""
    complete = dict(pieces)
    for name, piece in pieces.items():
        bias = _bias_of(name, sizes.parameters)
        if bias is None:
            continue
        rows = tuple((role.replace(".weight", ".bias"), rows) for role, rows in piece.rows)
        if sizes.parameters[bias] == (_rows_in(piece, sizes.matrices[name]),):
            complete[bias] = Piece(rows)
    return Layout(complete)


def _rows_in(piece: Piece, shape: Shape) -> int:
    """How many features a matrix maps to."""
    return {"rows": shape[0], "columns": shape[-1], "heads": piece.n_heads * shape[-1]}[piece.form]


def _bias_of(weight: str, parameters: Mapping[str, Shape]) -> str | None:
    if weight.endswith(".weight"):
        guesses = [weight.removesuffix("weight") + "bias"]
    else:  # W_q beside b_q, wq beside bq, q_weight beside q_bias
        head, _, last = weight.rpartition(".")
        prefix = f"{head}." if head else ""
        guesses = [prefix + re.sub(r"^[wW]", "b", last), prefix + last.replace("weight", "bias"), f"{weight}_bias"]
    return next((name for name in guesses if name != weight and name in parameters), None)


def _plans(
    qkv: Callable[[Form], dict[str, Piece]], forms: Sequence[Form], rest: Sequence[str], sizes: _Sizes
) -> list[Layout]:
    """The layouts of query, key and value in the given forms, with the projection that is left."""
    projections = sizes.projections(rest)
    if projections is None:
        return []
    found = []
    for form in forms:
        tails = [(name, tail) for name, tail in projections if name.endswith(".weight") or tail == form] or projections
        ends = [{name: Piece((("proj.weight", None),), f)} for name, f in tails] or [{}]
        found += [_with_bias(qkv(form) | end, sizes) for end in ends]
    return found


def _fused(sizes: _Sizes) -> list[Layout]:
    fused = [name for name in sizes.matrices if sizes.forms(name, 3 * sizes.width, sizes.d_model)]
    if len(fused) != 1:
        return []
    name = fused[0]
    rest = [other for other in sizes.matrices if other != name]
    forms = sizes.forms(name, 3 * sizes.width, sizes.d_model)
    d_head = sizes.d_head
    by_head = tuple(
        (f"{role}.weight", slice(head * d_head, (head + 1) * d_head))
        for head in range(sizes.n_heads)
        for role in ROLES[:3]
    )
    in_blocks = tuple((f"{role}.weight", None) for role in ROLES[:3])
    stacks = (by_head, in_blocks) if sizes.n_heads > 1 else (in_blocks,)
    found = []
    for rows in stacks:

        def qkv(form: Form, rows: tuple[tuple[str, slice | None], ...] = rows) -> dict[str, Piece]:
            return {name: Piece(rows, form)}

        found += _plans(qkv, forms, rest, sizes)
    return found


def _whole(sizes: _Sizes) -> list[Layout]:
    names = list(sizes.matrices)
    if len(names) not in (3, 4):
        return []
    found = []
    orientations: tuple[Form, ...] = ("rows",) if all(n.endswith(".weight") for n in names) else ("columns", "rows")
    for order in sorted(itertools.permutations(names, 3), key=lambda order: _unlikely(order, names)):
        forms: list[Form] = [form for form in orientations if all(_fits(sizes, name, form) for name in order)]
        rest = [name for name in names if name not in order]

        def qkv(form: Form, order: tuple[str, ...] = order) -> dict[str, Piece]:
            return {
                name: Piece(((f"{role}.weight", None),), _own(name, form))
                for role, name in zip(ROLES, order, strict=False)
            }

        found += _plans(qkv, forms, rest, sizes)
    return found


def _own(name: str, form: Form) -> Form:
    """A Linear's weight is [out, in] whatever bare Parameters beside it are."""
    return "rows" if name.endswith(".weight") else form


def _fits(sizes: _Sizes, name: str, form: Form) -> bool:
    return _own(name, form) in sizes.forms(name, sizes.width, sizes.d_model)


def _unlikely(order: Sequence[str], names: Sequence[str]) -> int:
    """How many of the names do not hint at their role."""
    rest = [name for name in names if name not in order]
    return sum(not _hints(name, role) for name, role in zip([*order, *rest], ROLES, strict=False))


@lru_cache(maxsize=4096)
def _hints(name: str, role: str) -> bool:
    words = re.split(r"[._]", name.lower())
    words = [re.sub(r"^w(?=.)", "", word) for word in words]
    return any(word[:1] in _HINTS[role] for word in words if word and word not in ("weight", "proj", "projection")) or (
        role == "proj"
        and any(word.startswith("proj") for word in words)
        and not any(_hints(name, r) for r in ROLES[:3])
    )


def _per_head(sizes: _Sizes) -> list[Layout]:
    """Matrices of single heads, numbered by a component of their names."""
    if sizes.n_heads == 1:
        return []
    stems: dict[str, dict[int, str]] = {}
    for name, shape in sizes.matrices.items():
        number = next((int(n) for n in re.findall(r"\d+", name) if int(n) < sizes.n_heads), None)
        if number is not None and shape in ((sizes.d_head, sizes.d_model), (sizes.d_model, sizes.d_head)):
            stems.setdefault(re.sub(r"\d+", "#", name, count=1), {})[number] = name
    stems = {stem: heads for stem, heads in stems.items() if len(heads) == sizes.n_heads}
    if len(stems) != 3:
        return []
    taken = {name for heads in stems.values() for name in heads.values()}
    rest = [name for name in sizes.matrices if name not in taken]
    found = []
    for order in sorted(itertools.permutations(stems), key=lambda order: _unlikely(order, list(stems))):
        some = stems[order[0]][0]

        def qkv(form: Form, order: tuple[str, ...] = order) -> dict[str, Piece]:
            return {
                stems[stem][head]: Piece(
                    ((f"{role}.weight", slice(head * sizes.d_head, (head + 1) * sizes.d_head)),), form
                )
                for role, stem in zip(ROLES, order, strict=False)
                for head in range(sizes.n_heads)
            }

        found += _plans(qkv, sizes.forms(some, sizes.d_head, sizes.d_model), rest, sizes)
    return found


def _stacked(sizes: _Sizes) -> list[Layout]:
    """Parameters (n_heads, in, d_head)."""
    names = [name for name, shape in sizes.matrices.items() if shape == (sizes.n_heads, sizes.d_model, sizes.d_head)]
    if len(names) != 3:
        return []
    rest = [name for name in sizes.matrices if name not in names]
    found = []
    for order in sorted(itertools.permutations(names), key=lambda order: _unlikely(order, names)):

        def qkv(form: Form, order: tuple[str, ...] = order) -> dict[str, Piece]:
            return {
                name: Piece(((f"{role}.weight", None),), form, sizes.n_heads)
                for role, name in zip(ROLES, order, strict=False)
            }

        found += _plans(qkv, ["heads"], rest, sizes)
    return found
