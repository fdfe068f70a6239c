"""The bank of misconceptions where there is one. The students' kit has none: there no mistake is known, and none is named."""

try:
    from .misconceptions import banks, named
    from .misconceptions.self_attention import Attending, is_known_mistake
    from .misconceptions.whole_decoder import MISTAKES, with_mistakes
except ModuleNotFoundError as missing:
    if missing.name != f"{__package__}.misconceptions":
        raise
    # as if the bank were empty
    banks, MISTAKES = dict, {}  # type: ignore[assignment]
    named, Attending = lambda *asked: None, lambda *seen: None  # type: ignore[assignment,misc]
    is_known_mistake, with_mistakes = lambda *case: False, lambda *readings: []

__all__ = ["MISTAKES", "Attending", "banks", "is_known_mistake", "named", "with_mistakes"]
