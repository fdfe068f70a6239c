"""Matching a decoder's parameters with their roles, as `alignment` does it for a single attention module.

Parameters are put in layers by a number in their names, or by a first axis as long as there are layers; a parameter
without either is shared by all layers. Within a layer, shapes tell embeddings and MLP apart, names tell the norms, and
`alignment.layouts` the four matrices of the attention. What stays open is listed, the likely one first.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from .alignment import Form, Piece, Shape, layouts
from .tasks import DecoderSizes

_WIDEST = 1 << 16  # no MLP is wider
_GAIN = re.compile(r"gamma|gain|scale")
_SHIFT = re.compile(r"beta|shift")
_NORM = re.compile(r"norm|(?:^|[._])ln")
_OF_MLP = re.compile(r"mlp|ff|feed|2")
_OF_ATTENTION = re.compile(r"att|1")
_UP = re.compile(r"up|fc_?1|w_?1|lin\w*1|expand")
_DOWN = re.compile(r"down|fc_?2|w_?2|lin\w*2")
_HEAD = re.compile(r"head|unembed|(?:^|[._])out")
_INITIALS = {"query": "q", "key": "k", "value": "v", "proj": "[op]"}
_OF_A_HEAD = re.compile(r"[bw]*_?[qkvo](uery|ey|alue|ut)?s?")


@dataclass(frozen=True)
class Place:
    """Where the parameters of all layers with the same role lie.

    Attributes:
        name: of the parameter; `{}` stands for the layer's number.
        kind: `numbered`, `stacked` along the first axis, or `shared` by all layers.
        first: number of the first layer.
    """

    name: str
    kind: str = "shared"
    first: int = 0

    def names(self, n_layers: int) -> list[str]:
        """The names of the parameters, one for each layer or only one."""
        if self.kind != "numbered":
            return [self.name]
        return [self.name.format(self.first + i) for i in range(n_layers)]

    @property
    def key(self) -> str:
        """A name for all layers."""
        return self.name.removesuffix(".{}").replace("{}", "#")


@dataclass(frozen=True)
class DecoderLayout:
    """Which role each parameter has.

    Attributes:
        n_layers: number of layers.
        shapes: shapes of the parameters, by name.
        embeddings: the parameters outside of the layers → their roles.
        places, pieces: by key: where it lies, and which roles within a layer it holds in which form.
        d_hidden: width of the MLP.
    """

    n_layers: int
    shapes: Mapping[str, Shape] = field(repr=False)
    embeddings: Mapping[str, str]
    places: Mapping[str, Place]
    pieces: Mapping[str, Piece]
    d_hidden: int

    def pack(self, weights: Mapping[str, Tensor], *, add: bool = False) -> dict[str, Tensor]:
        """Tensors by role → by the module's own names.

        Args:
            weights: `embedding.weight`, `layers.0.query.weight`, …
            add: what several layers share is the sum of theirs, as gradients are; otherwise it is the first layer's.
        """
        packed = {name: weights[role].reshape(self.shapes[name]) for name, role in self.embeddings.items()}
        for key, piece in self.pieces.items():
            each = [
                piece.pack({role: weights[f"layers.{i}.{role}"] for role, _ in piece.rows})
                for i in range(self.n_layers)
            ]
            place = self.places[key]
            if place.kind == "numbered":
                packed |= dict(zip(place.names(self.n_layers), each, strict=True))
            elif place.kind == "stacked":
                packed[place.name] = torch.stack(each)
            else:
                packed[place.name] = torch.stack(each).sum(0) if add else each[0]
        return packed

    def kept(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """What of the weights the module holds once they are loaded, by role."""
        found = {role: weights[role] for role in self.embeddings.values()}
        for key, piece in self.pieces.items():
            for i in range(self.n_layers):
                source = 0 if self.places[key].kind == "shared" else i
                found |= {f"layers.{i}.{role}": weights[f"layers.{source}.{role}"] for role, _ in piece.rows}
        return found

    def names_of(self, *roles: str) -> list[str]:
        """The parameters that hold some of the given roles of a layer."""
        keys = [key for key, piece in self.pieces.items() if any(role in roles for role, _ in piece.rows)]
        return [name for key in keys for name in self.places[key].names(self.n_layers)]

    def shared(self) -> list[str]:
        """The matrices that all of several layers share."""
        keys = [key for key, piece in self.pieces.items() if piece.rows[0][0].endswith(".weight")]
        return [
            self.places[key].name
            for key in keys
            if self.n_layers > 1
            and self.places[key].kind == "shared"
            and not self.pieces[key].rows[0][0].startswith("norm")
        ]


def places(parameters: Mapping[str, Shape], n_layers: int) -> list[Place]:
    """Find where layers lie. With three layers, `norm1` and `norm2` are not taken for two of them.

    Args:
        parameters: names and shapes of a module with so many layers.
        n_layers: three, or one if there is no choice.
    """
    found: list[Place] = []
    taken: set[str] = set()
    for name, shape in parameters.items():
        if name in taken:
            continue
        place = _numbered(name, parameters, n_layers) if n_layers > 1 else None
        if place is None:
            stacked = len(shape) >= 2 and shape[0] == n_layers
            place = Place(name.replace("{", "").replace("}", ""), "stacked" if stacked else "shared")
        taken.update(place.names(n_layers))
        found.append(place)
    return found


def _numbered(name: str, parameters: Mapping[str, Shape], n_layers: int) -> Place | None:
    """The parameters that differ from this one in one number, which counts the layers from 0 or 1."""
    for match in re.finditer(r"\d+", "" if "{" in name or "}" in name else name):
        for first in (0, 1):
            place = Place(f"{name[: match.start()]}{{}}{name[match.end() :]}", "numbered", first)
            names = place.names(n_layers)
            if name in names and all(parameters.get(other) == parameters[name] for other in names):
                return place
    return None


def decoder_layouts(
    parameters: Mapping[str, Shape], where: Sequence[Place], sizes: DecoderSizes, ones: Collection[str] = ()
) -> list[DecoderLayout]:
    """The possible layouts of a decoder, the likely one first; empty if its parameters fit none.

    The second half repeats the first with the two norms exchanged, if there are two.

    Args:
        parameters: names and shapes.
        where: as found with `places`.
        sizes: vocab_size and max_tokens must differ from each other, from d_model and from the MLP's width.
        ones: names of vectors that are 1 everywhere in a new module.
    """
    embeddings: dict[str, str] = {}
    for role, n_rows in (("embedding.weight", sizes.vocab_size), ("positions.weight", sizes.max_tokens)):
        fitting = [name for name, shape in parameters.items() if _plain(shape) == (n_rows, sizes.d_model)]
        likely = [name for name in fitting if not _HEAD.search(name.lower())] or fitting
        embeddings |= dict.fromkeys(likely[:1], role)
    if "embedding.weight" not in embeddings.values():
        return []
    inside: dict[str, Place] = {}
    shapes: dict[str, Shape] = {}
    for place in where:
        names = place.names(sizes.n_layers)
        shape = parameters.get(names[0])
        if shape is None or names[0] in embeddings or {sizes.vocab_size, sizes.max_tokens} & set(shape):
            continue
        inside[place.key] = place
        shapes[place.key] = shape[1:] if place.kind == "stacked" else shape
    new_ones = {key for key, place in inside.items() if place.names(sizes.n_layers)[0] in ones}
    vectors = [key for key, shape in shapes.items() if shape == (sizes.d_model,)]
    gains = [key for key in vectors if _is_gain(key, new_ones)]
    shifts = [key for key in vectors if key not in gains and _is_shift(key, gains)]
    others = {key: shape for key, shape in shapes.items() if key not in gains and key not in shifts}
    possible = [
        DecoderLayout(sizes.n_layers, parameters, embeddings, inside, {**pieces, **norms}, width)
        for norms in _norms(gains, shifts)
        for width, mlp in _mlps(shapes, sizes.d_model)
        for pieces in _completed(others, mlp, sizes)
    ]
    if possible and _names_tell(possible[0]):
        assigned = _assigned(possible[0])
        possible = [layout for layout in possible if _assigned(layout) == assigned]
    return possible


def _assigned(layout: DecoderLayout) -> dict[str, str]:
    """The attention's matrices that hold one role each."""
    return {
        piece.rows[0][0].removesuffix(".weight"): key
        for key, piece in layout.pieces.items()
        if len(piece.rows) == 1 and piece.rows[0][0].removesuffix(".weight") in _INITIALS
    }


def _names_tell(layout: DecoderLayout) -> bool:
    """Whether the names of all four matrices begin as their roles do, so that no other assignment need be tried."""
    assigned = _assigned(layout)
    names = {role: re.sub(r"(^|[._])w_?(?=.)", r"\1", key.lower()) for role, key in assigned.items()}
    return len(names) == 4 and all(re.search(rf"(^|[._]){_INITIALS[role]}", name) for role, name in names.items())


def _plain(shape: Shape) -> Shape:
    """The shape without axes of size 1 in front."""
    while shape and shape[0] == 1:
        shape = shape[1:]
    return shape


def _completed(shapes: Mapping[str, Shape], mlp: Mapping[str, Piece], sizes: DecoderSizes) -> list[dict[str, Piece]]:
    """Add what is left to the MLP: the attention, and a bias of the MLP whose name does not tell."""
    rest = {key: shape for key, shape in shapes.items() if key not in mlp}
    lone = [key for key, shape in rest.items() if shape == (sizes.d_model,) and not _of_a_head(key, rest)]
    mlp = dict(mlp)
    if lone and not any(role == "down.bias" for piece in mlp.values() for role, _ in piece.rows):
        mlp[lone[0]] = Piece((("down.bias", None),))
    heads = {key: shape for key, shape in rest.items() if key not in lone}
    return [
        {**attention.pieces, **mlp}
        for attention in layouts(heads, sizes.d_model, sizes.n_heads)
        if "proj.weight" in attention.roles
    ]


def _of_a_head(key: str, rest: Mapping[str, Shape]) -> bool:
    """Whether a vector is a bias of the attention's: `W_q.bias` beside `W_q.weight`, or `b_q`."""
    if key.endswith(".bias"):
        return key.removesuffix("bias") + "weight" in rest
    last = key.rpartition(".")[2].lower().replace("bias", "").strip("_")
    return _OF_A_HEAD.fullmatch(last) is not None


def _mlps(shapes: Mapping[str, Shape], d_model: int) -> list[tuple[int, dict[str, Piece]]]:
    """The MLP's width, matrices and biases: of two matrices, one axis is d_model and the other the same number."""
    by_width: dict[int, list[str]] = {}
    for key, shape in shapes.items():
        if len(shape) == 2 and d_model in shape and shape != (d_model, d_model):
            by_width.setdefault(shape[0] if shape[1] == d_model else shape[1], []).append(key)
    found = []
    for width, pair in sorted(by_width.items(), reverse=True):
        if len(pair) != 2 or shapes[pair[0]] == shapes[pair[1]] or width > _WIDEST:
            continue
        biases = {key: Piece((("up.bias", None),)) for key, shape in shapes.items() if shape == (width,)}
        tall, flat = sorted(pair, key=lambda key: shapes[key] != (width, d_model))  # (width, d_model), (d_model, width)
        linear = all(key.endswith(".weight") for key in pair)
        named = _UP.search(tall.lower()) or _DOWN.search(flat.lower())
        forms: tuple[Form, Form] = ("rows", "columns") if linear or named else ("columns", "rows")
        for form in forms:
            up, down = (tall, flat) if form == "rows" else (flat, tall)
            pieces = {up: Piece((("up.weight", None),), form), down: Piece((("down.weight", None),), form), **biases}
            beside = down.removesuffix("weight") + "bias"
            if down.endswith(".weight") and shapes.get(beside) == (d_model,):
                pieces[beside] = Piece((("down.bias", None),))
            found.append((width, pieces))
    return found


def _norms(gains: Sequence[str], shifts: Sequence[str]) -> list[dict[str, Piece]]:
    """Gains and shifts of the two norms, then the same exchanged; a single pair serves both norms.

    Where there are modules, parameters beside them are those of the template, which nobody uses any more.
    """
    modules = [key for key in gains if key.endswith(".weight")]
    if len(gains) > len(modules) > 0:
        gains = modules
        shifts = [key for key in shifts if key.endswith(".bias")]
    gains = sorted(gains, key=lambda key: _comes_second(key, gains))
    shifts = sorted(shifts, key=lambda key: _comes_second(key, shifts))
    if len(gains) != 2 or len(shifts) not in (0, 2):
        return [_as_norms(gains[:1], shifts[:1])] if gains or shifts else [{}]
    return [_as_norms(gains, shifts), _as_norms(gains[::-1], shifts[::-1])]


def _as_norms(gains: Sequence[str], shifts: Sequence[str]) -> dict[str, Piece]:
    return {
        key: Piece(((f"norm{i}.{part}", None),))
        for part, keys in (("weight", gains), ("bias", shifts))
        for i, key in enumerate(keys, start=1)
    }


def _is_gain(key: str, ones: Collection[str]) -> bool:
    name = key.lower()
    return bool(_GAIN.search(name)) or (bool(_NORM.search(name)) and name.endswith("weight")) or key in ones


def _is_shift(key: str, gains: Collection[str]) -> bool:
    name = key.lower()
    if _SHIFT.search(name) or (_NORM.search(name) and name.endswith("bias")):
        return True
    return key.endswith(".bias") and key.removesuffix("bias") + "weight" in gains


def _comes_second(key: str, keys: Sequence[str]) -> int:
    """How much the part of a name that the other names lack speaks for the MLP, and against the attention."""
    words = [set(re.split(r"[._]", other.lower())) for other in keys if other != key]
    own = " ".join(set(re.split(r"[._]", key.lower())).difference(*words))
    return int(bool(_OF_MLP.search(own))) - int(bool(_OF_ATTENTION.search(own)))
