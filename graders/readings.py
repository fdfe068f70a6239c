"""A handout of a decoder can be read in several ways, all of them right: where the norms stand, what the MLP reads and adds."""

import itertools
from dataclasses import dataclass, replace

__all__ = ["Reading", "readings_with_norms", "readings_without_norms"]

NORMS = ("sum", "sublayer", "inside", "before", "none")


@dataclass(frozen=True)
class Reading:
    """One way to read the handout.

    Attributes:
        norm1: which vectors the first layer norm acts on: the residual `sum`, the output of the attention `sublayer`, the
            heads' outputs `inside` of it, the layer's input `before` it, or `none`.
        norm2: the same around the MLP, without `inside`.
        mlp_reads: whether the MLP reads the residual `sum` Z' or the attention's `plain` output Z.
        mlp_adds: which of the two the second residual connection adds.
        unbiased: whether the norms' variance is divided by d − 1.
        mistake: a key of `MISTAKES`; empty = right.
    """

    norm1: str = "none"
    norm2: str = "none"
    mlp_reads: str = "sum"
    mlp_adds: str = "sum"
    unbiased: bool = False
    mistake: str = ""


def readings_without_norms() -> list[Reading]:
    """What may be right where layer norm changes nothing, the likely one first.

    The last one follows equations 6 and 8 to the letter, with Z in both places: Z' = Z + X is used nowhere.
    """
    return [Reading(mlp_reads=reads, mlp_adds=adds) for adds in ("sum", "plain") for reads in ("sum", "plain")]


def readings_with_norms(like: Reading | None = None) -> list[Reading]:
    """What may come out where layer norm acts, or only one of the two does, the likely one first.

    Args:
        like: what the residual connections are known to do, and a mistake; None = anything right.
    """
    plain = readings_without_norms() if like is None else [like]
    places = [(first, second) for first, second in itertools.product(NORMS, NORMS) if second != "inside"]
    places.sort(key=lambda pair: (pair != ("sum", "sum"), pair != ("sublayer", "sublayer"), "none" in pair))
    return [
        replace(reading, norm1=first, norm2=second, unbiased=unbiased)
        for unbiased in (False, True)
        for first, second in places
        for reading in plain
        if (first, second) != ("none", "none")
        if first != "sum" or "sum" in (reading.mlp_reads, reading.mlp_adds)  # otherwise the sum is used nowhere
    ]
