"""Speeches with speakers, in the layout of tiny Shakespeare: the speaker's name and a colon, lines, an empty line.

Who speaks decides what is missed, and the friend, the place and the hour that a speech begins with come back in its later
lines. So each speech can be told ahead better the more of it is known.
"""

from collections.abc import Callable
from dataclasses import dataclass

from .choices import Choices

BELONGINGS = {
    "ASTRONOMER": ("telescope", "almanac"),
    "BLACKSMITH": ("hammer", "anvil"),
    "CAPTAIN": ("compass", "ship"),
    "FIRST WIDOW": ("ring", "veil"),
    "FOOL": ("bells", "whistle"),
    "GARDENER": ("spade", "roses"),
    "KING": ("crown", "sceptre"),
    "NURSE": ("child", "cradle"),
    "QUEEN": ("mirror", "necklace"),
    "SECOND WIDOW": ("letter", "candle"),
    "SHEPHERD": ("flock", "flute"),
    "SOLDIER": ("sword", "helmet"),
}
PLACES = ("garden", "tower", "forest", "harbour", "chapel", "market", "orchard", "cellar")
HOURS = ("morning", "evening", "night", "noon")
MANNERS = ("gentle", "noble", "honest", "merry")


@dataclass(frozen=True)
class Dialogues:
    """Generated speeches.

    Attributes:
        blocks: the speeches: the speaker's line, then two or three lines.
        nats: mean loss of a whole speech for a reader who knows all the rules, given that it begins and ends here; see
            `Choices.nats`. Divided by the mean number of tokens, it is the loss of a token.
    """

    blocks: tuple[str, ...]
    nats: float

    @property
    def text(self) -> str:
        """All speeches with an empty line between them, and a line break at the end."""
        return "\n\n".join(self.blocks) + "\n"

    @property
    def documents(self) -> tuple[str, ...]:
        """The speeches as one line each."""
        return tuple(" ".join(block.split("\n")) for block in self.blocks)


def make_dialogues(seed: int, n_blocks: int = 1000) -> Dialogues:
    """Write speeches.

    Args:
        seed: the same seed gives the same speeches. For validation take another one.
        n_blocks: number of speeches, at least 1; about 27 words each.

    Raises:
        ValueError: there would be no speech.
    """
    if n_blocks < 1:
        raise ValueError(f"n_blocks must be at least 1, got {n_blocks}")
    choices = Choices(seed)
    blocks = tuple(choices.pick(_KINDS)(choices) for _ in range(n_blocks))
    return Dialogues(blocks, choices.nats / n_blocks)


def _called(name: str) -> str:
    return " ".join(word.capitalize() for word in name.split())


def _loss(choices: Choices) -> str:
    """Ask who has seen what was lost."""
    speaker, friend = _persons(choices)
    manner, hour = choices.pick(MANNERS), choices.pick(HOURS)
    thing, place = choices.pick(BELONGINGS[speaker]), choices.pick(PLACES)
    return (
        f"{speaker}:\nGood {hour}, {manner} {_called(friend)}!\nI left my {thing} in the {place} this {hour},\n"
        f"and who but {_called(friend)} walks in the {place}?"
    )


def _order(choices: Choices) -> str:
    """Send for something."""
    speaker, friend = _persons(choices)
    place, thing = choices.pick(PLACES), choices.pick(BELONGINGS[speaker])
    manner = choices.pick(MANNERS)
    return (
        f"{speaker}:\nGo to the {place}, {_called(friend)}, and bring my {thing}.\n"
        f"What is the {place} to me without my {thing}, {manner} {_called(friend)}?"
    )


def _gift(choices: Choices) -> str:
    """Give away something of one's own for something of the friend's."""
    speaker, friend = _persons(choices)
    mine, yours = choices.pick(BELONGINGS[speaker]), choices.pick(BELONGINGS[friend])
    hour = choices.pick(HOURS)
    return (
        f"{speaker}:\nMy {mine} for thy {yours}, {_called(friend)}!\n"
        f"Come this {hour}; bring thy {yours},\nand ere the {hour} ends my {mine} is thine."
    )


def _persons(choices: Choices) -> tuple[str, str]:
    speaker = choices.pick(tuple(BELONGINGS))
    return speaker, choices.other(tuple(BELONGINGS), speaker)


_KINDS: tuple[Callable[[Choices], str], ...] = (_loss, _order, _gift)
