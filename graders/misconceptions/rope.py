"""Misconceptions of rotary position embedding, interleaved pairs."""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from .. import oracles
from ..strategies import generator
from ..tasks import Rope
from ..verdict import Misconception
from .bank import Asked, Bank, Probe

# ---------------------------------------------------------------------------------------------------- the table of angles


@dataclass(frozen=True)
class Table:
    """Arguments of the cache; `base` as it is passed."""

    dim: int
    n_positions: int
    base: float = 10000.0

    def of(self, exponents: Tensor, first: int = 0) -> Tensor:
        """Cosine and sine of t · base^exponent, t counted from `first`, (n_positions, dim/2, 2)."""
        position = torch.arange(first, first + self.n_positions, dtype=torch.float64)
        return _cos_sin(position[:, None] * self.base**exponents)

    @property
    def pairs(self) -> Tensor:
        """0, 1, … dim/2 − 1."""
        return torch.arange(self.dim // 2, dtype=torch.float64)

    @property
    def exponents(self) -> Tensor:
        """The right ones."""
        return -2 * self.pairs / self.dim


def _cos_sin(angles: Tensor) -> Tensor:
    return torch.stack((angles.cos(), angles.sin()), dim=-1)


def _ask_cache(rope: Rope, rng: random.Random) -> Asked:
    """The cache for a few positions."""
    table = Table(rng.choice([6, 8, 12]), rng.randint(4, 9))
    return Asked(rope.cache(table.dim, table.n_positions), [table.of(table.exponents)], table)


def _ask_narrow_cache(rope: Rope, rng: random.Random) -> Asked:
    """The cache for two pairs: angles that grow with the pair stay so small that float32 knows their sines."""
    table = Table(4, rng.randint(3, 6))
    return Asked(rope.cache(table.dim, table.n_positions), [table.of(table.exponents)], table)


def _ask_base(rope: Rope, rng: random.Random) -> Asked:
    """The cache for another base."""
    table = Table(rng.choice([6, 8, 12]), rng.randint(4, 9), rng.choice([100.0, 500.0]))
    return Asked(rope.cache(table.dim, table.n_positions, table.base), [table.of(table.exponents)], table)


TABLES: dict[Misconception, Callable[[Table], Tensor]] = {
    Misconception(
        "factor_2_missing",
        "Your angles are t · base^(−i/dim). The exponent is −2i/dim, where i counts the pairs.",
        "Does the variable in your exponent count pairs or features? The formula has a number before it.",
    ): lambda table: table.of(-table.pairs / table.dim),
    Misconception(
        "divides_by_n_pairs",
        "You divide 2i by the number of pairs, dim/2. The exponent is −2i/dim, so that it stays above −1.",
        "Print the exponent of your last pair, and work out by hand what it should be.",
    ): lambda table: table.of(-4 * table.pairs / table.dim),
    Misconception(
        "pairs_count_from_1",
        "Your pairs count from 1. With the exponent −2i/dim they count from 0: the first pair turns by t itself.",
        "Work out the angle of the first pair at position 1 by hand.",
    ): lambda table: table.of(-2 * (table.pairs + 1) / table.dim),
    Misconception(
        "one_frequency",
        "All your pairs turn by the same angle t. Pair i turns by t · base^(−2i/dim), each more slowly than the one before.",
        "Compare two columns of your cache.",
    ): lambda table: table.of(torch.zeros(table.dim // 2, dtype=torch.float64)),
    Misconception(
        "positions_count_from_1",
        "Your positions count from 1. They count from 0: the first token is not turned at all.",
        "Print the first row of your cache.",
    ): lambda table: table.of(table.exponents, first=1),
    Misconception(
        "angles_in_degrees",
        "You take the angles for degrees and convert them once more. t · base^(−2i/dim) is in radians already.",
        "At position 1 the first pair turns by one radian: look at what your cache holds there.",
    ): lambda table: _cos_sin(
        torch.arange(table.n_positions, dtype=torch.float64)[:, None] * table.base**table.exponents * math.pi / 180
    ),
}

# ---------------------------------------------------------------------------------------------------- the rotation


@dataclass(frozen=True)
class Turning:
    """Arguments of the rotation in float64.

    Attributes:
        x: (B, H, T, dim).
        cache: (n_positions, dim/2, 2).
        positions: (B, 1, T).
    """

    x: Tensor
    cache: Tensor
    positions: Tensor

    @property
    def pairs(self) -> tuple[Tensor, Tensor]:
        """The first and the second component of each pair of neighbours, each (B, H, T, dim/2)."""
        return self.x[..., 0::2], self.x[..., 1::2]

    @property
    def cos_sin(self) -> tuple[Tensor, Tensor]:
        """Each (B, 1, T, dim/2)."""
        cos, sin = self.cache[self.positions].unbind(-1)
        return cos, sin

    def at(self, positions: Tensor) -> Tensor:
        """x as it is right at other positions."""
        return oracles.rope(self.x, self.cache, positions)


def _case(rng: random.Random) -> Turning:
    """x whose axes are pairwise distinct, and positions that differ between the sequences, their first the smallest."""
    B, H, T, dim, n_positions = 2, 3, rng.choice([5, 7]), rng.choice([8, 12]), 24
    draws = generator(rng.getrandbits(32))
    positions = torch.randint(4, n_positions, (B, 1, T), generator=draws)
    positions[..., 0] = torch.tensor([[2], [3]])
    return Turning(torch.randn(B, H, T, dim, generator=draws), oracles.rope_cache(dim, n_positions), positions)


def _ask(rope: Rope, rng: random.Random) -> Asked:
    """The rotation of tokens at 0 … T−1."""
    drawn = _case(rng)
    case = Turning(drawn.x.double(), drawn.cache, torch.arange(drawn.x.shape[-2]).expand_as(drawn.positions))
    return Asked(rope.apply(drawn.x, drawn.cache.float()), [case.at(case.positions)], case)


def _ask_positions(rope: Rope, rng: random.Random) -> Asked:
    """The rotation of tokens at given positions."""
    drawn = _case(rng)
    case = Turning(drawn.x.double(), drawn.cache, drawn.positions)
    return Asked(rope.apply(drawn.x, drawn.cache.float(), drawn.positions), [case.at(case.positions)], case)


def _woven(first: Tensor, second: Tensor) -> Tensor:
    """(…, dim/2) twice → (…, dim), taken in turn."""
    return torch.stack((first, second), dim=-1).flatten(-2)


def _neighbours(turn: Callable[[Tensor, Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]) -> Callable[[Turning], Tensor]:
    """Each pair of neighbours turns in a way of its own."""
    return lambda case: _woven(*turn(*case.pairs, *case.cos_sin))


def _turned(a: Tensor, b: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor]:
    """The right rotation."""
    return a * cos - b * sin, a * sin + b * cos


def _half_split(case: Turning) -> Tensor:
    left, right = case.x.chunk(2, dim=-1)
    return torch.cat(_turned(left, right, *case.cos_sin), dim=-1)


def _mixed(case: Turning) -> Tensor:
    left, right = case.x.chunk(2, dim=-1)
    cos, sin = (each.repeat_interleave(2, dim=-1) for each in case.cos_sin)
    return case.x * cos + torch.cat((-right, left), dim=-1) * sin


def _by_head(case: Turning) -> Tensor:
    cos, sin = case.cache[: case.x.shape[1], None].unbind(-1)  # each (H, 1, dim/2)
    return _woven(*_turned(*case.pairs, cos, sin))


TURNS: dict[Misconception, Callable[[Turning], Tensor]] = {
    Misconception(
        "half_split_pairs",
        "Your pairs are (xᵢ, xᵢ₊dim/2), as in Llama's code. The task rotates neighbours: (x₂ᵢ, x₂ᵢ₊₁).",
        "Rotate the vector (1, 2, 3, 4) at position 1 by hand, and see which two numbers turn together.",
    ): _half_split,
    Misconception(
        "two_layouts_mixed",
        "Cosines and sines are laid out for neighbours (x₂ᵢ, x₂ᵢ₊₁), but what you multiply by the sines is swapped by "
        "halves of the vector. Both must use the same pairs.",
        "For one feature, write down its partner in the cosine term and in the sine term.",
    ): _mixed,
    Misconception(
        "halves_side_by_side",
        "You return all first components, then all second ones. Each must go back to its place: x₂ᵢ and x₂ᵢ₊₁ alternate.",
        "At position 0 the result must be x itself: compare the two, number by number.",
    ): lambda case: torch.cat(_turned(*case.pairs, *case.cos_sin), dim=-1),
    Misconception(
        "rotates_backwards",
        "Your pairs turn by −tθ in place of tθ. The formula is (a cos − b sin, a sin + b cos).",
        "Work out where (1, 0) goes when it turns by a small positive angle.",
    ): _neighbours(lambda a, b, cos, sin: _turned(a, b, cos, -sin)),
    Misconception(
        "cos_and_sin_swapped",
        "You read the last axis of the cache as sine and cosine. It holds the cosine first, then the sine.",
        "The token at position 0 must stay as it is: look at the numbers that you multiply it by.",
    ): _neighbours(lambda a, b, cos, sin: _turned(a, b, sin, cos)),
    Misconception(
        "minus_missing",
        "You compute (a cos + b sin, a sin + b cos). A rotation is (a cos − b sin, a sin + b cos).",
        "A rotation keeps the length of each pair: check whether yours does.",
    ): _neighbours(lambda a, b, cos, sin: (a * cos + b * sin, a * sin + b * cos)),
    Misconception(
        "overwritten_too_early",
        "The second component of a pair is computed from the first one after that has been turned. Both need the values "
        "from before.",
        "Check which value the first component has by the time your second line runs.",
    ): _neighbours(lambda a, b, cos, sin: (a * cos - b * sin, (a * cos - b * sin) * sin + b * cos)),
    Misconception(
        "position_is_head_index",
        "Axis 1 of x (B, H, T, dim) is taken for the tokens, so each head gets an angle of its own. Positions run along "
        "axis −2.",
        "Compare the axis of x that holds the tokens with the one along which your angles change.",
    ): _by_head,
    Misconception(
        "adds_sinusoids",
        "You add sines and cosines to x, as sinusoidal position embeddings do. RoPE rotates the pairs of x.",
        "Compare what your function makes of a vector of zeros with what a rotation makes of it.",
    ): lambda case: case.x + _woven(*reversed(case.cos_sin)),
    Misconception(
        "comes_back_unturned",
        "x comes back as it was: what you compute never reaches the result.",
        "Follow the turned values to your return statement, and see in which tensor they end up.",
    ): lambda case: case.x,
}
POSITIONS: dict[Misconception, Callable[[Turning], Tensor]] = {
    Misconception(
        "positions_ignored",
        "The positions that are passed have no effect: your tokens always count from 0. Each token turns by its own one.",
        "Follow the argument positions from the signature to the cache.",
    ): lambda case: case.at(torch.arange(case.x.shape[-2])),
    Misconception(
        "positions_from_first",
        "Positions are shifted so that the first one counts as 0. Each token turns by the position that is given.",
        "Call your function for a single token at position 5, and see whether it is turned.",
    ): lambda case: case.at(case.positions - case.positions[..., :1]),
    Misconception(
        "positions_of_first_row",
        "All sequences get the positions of the first one. Each sequence of the batch may have its own.",
        "Look at the axes of positions, and at which of them your code drops.",
    ): lambda case: case.at(case.positions[:1]),
}

BANK = Bank(
    "rope",
    (
        Probe(_ask_cache, TABLES),
        Probe(
            _ask_narrow_cache,
            {
                Misconception(
                    "angles_grow",
                    "Your angles grow with the pair i: the sign of the exponent counts twice. The formula is "
                    "t · base^(−2i/dim), 1/base^(2i/dim) if you write it as a fraction.",
                    "Compare the first and the last column of your cache, and which of them turns faster.",
                ): lambda table: table.of(-table.exponents)
            },
        ),
        Probe(_ask, TURNS),
        Probe(_ask_positions, POSITIONS, requires=frozenset({"positions"})),
        Probe(
            _ask_base,
            {
                Misconception(
                    "base_is_10000",
                    "Your angles always use the base 10000. The base is an argument, and 10000 only its default.",
                    "Search for numbers in your formula that should be names.",
                ): lambda table: Table(table.dim, table.n_positions).of(table.exponents)
            },
            requires=frozenset({"base"}),
        ),
    ),
)
