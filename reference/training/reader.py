"""A reader who has only counted: which character follows the last few ones. It judges texts that models have written.

Source: Witten and Bell 1991, "The zero-frequency problem", method C, interpolated: what followed a longer context counts
first, and the shorter one fills in for what has not been seen.
"""

import math
from collections import Counter, defaultdict

ORDER = 6  # characters that the reader remembers


class Reader:
    """Counts what follows each context of up to `ORDER` characters.

    Args:
        text: what the reader has read.
        vocabulary: all characters that there are.
    """

    def __init__(self, text: str, vocabulary: str) -> None:
        self._n_characters = len(set(vocabulary) | set(text))
        self._following: dict[str, Counter[str]] = defaultdict(Counter)
        for place, character in enumerate(text):
            for length in range(min(place, ORDER) + 1):
                self._following[text[place - length : place]][character] += 1

    def nats(self, text: str, start: int = 0) -> float:
        """Say what the characters of a text from `start` on cost this reader, all together."""
        return sum(-math.log(self._chance(text[max(0, i - ORDER) : i], text[i])) for i in range(start, len(text)))

    def _chance(self, context: str, character: str) -> float:
        chance = 1 / self._n_characters
        for length in range(len(context) + 1):
            seen = self._following.get(context[len(context) - length :])
            if seen is None:
                break  # longer contexts have not been seen either
            chance = (seen[character] + len(seen) * chance) / (seen.total() + len(seen))
        return chance
