"""Misconceptions of a function that continues a text by means of a model and a tokenizer."""

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from sandbox.errors import StudentError
from sandbox.text_model import WORDS, logits_of

from ..tasks import TextModelSpec, TextSampling
from ..verdict import Misconception
from .bank import Asked, Bank, NoAnswer, Probe, all_differ

_TOO_LONG = re.compile(r"takes at most .* tokens, got (\d+)")
_CERTAIN = 30.0  # by so much the largest logit exceeds the others, whatever part of the text the model gets
_LONGEST = 5  # tokens that the model takes
_N_NEW = 4


@dataclass(frozen=True)
class Continued:
    """What comes of a start whose continuation is certain, by each variant."""

    start_only: list[int]
    last_token_only: list[int]


def _chain(
    model: TextModelSpec, start: Sequence[int], window: Callable[[list[int]], list[int]]
) -> tuple[list[int], float]:
    """The likeliest tokens, each given a part of the text, and the smallest lead of one of them."""
    ids, least = list(start), float("inf")
    for _ in range(_N_NEW):
        logits = logits_of(torch.tensor([window(ids)]), None, model.seed)[0, -1]
        values, tokens = logits.topk(2)
        least = min(least, float(values[0] - values[1]))
        ids.append(int(tokens[0]))
    return ids[len(start) :], least


def _ask_chain(sampling: TextSampling, rng: random.Random) -> Asked:
    """A text that grows past what the model takes."""
    start = [rng.randrange(len(WORDS)) for _ in range(3)]
    while True:
        model = TextModelSpec(seed=rng.getrandbits(20), max_tokens=_LONGEST)
        right, lead = _chain(model, start, lambda ids: ids[-_LONGEST:])
        first, lead_of_first = _chain(model, start, lambda ids: ids[: len(start)])
        last, lead_of_last = _chain(model, start, lambda ids: ids[-1:])
        if min(lead, lead_of_first, lead_of_last) > _CERTAIN and all_differ([right, first, last]):
            break
    got: list[int] | int
    try:
        got = sampling(model, start, _N_NEW)
    except StudentError as error:
        too_long = _TOO_LONG.search(str(error.facts.get("message")))
        if too_long is None:
            raise
        got = int(too_long[1])  # the tokens that the model was given
    return Asked(got, [right], Continued(first, last))


def _ask_draw(sampling: TextSampling, rng: random.Random) -> Asked:
    """Whether the largest logit always wins: where logits lie far apart but tau is huge, and where tau is tiny.

    So that the end of the text, whose logit is −10,000, never comes, tau is 0.002 to 300. The facts say whether it can be
    chosen.
    """
    rows = torch.tensor([rng.sample([0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6], len(WORDS))])
    best = int(rows.argmax())

    def wins(logits: Tensor, tau: float) -> bool:
        return set(sampling(TextModelSpec(rows=logits), [0, 1], 16, tau)) == {best}

    if not sampling.takes_tau:
        return Asked([wins(rows, 1.0)], [[False]], False)
    got = [wins(300 * rows, 300), wins(rows, 0.002), wins(300 * rows, 0.01)]
    return Asked(got, [[False, True, True]], True)


def _wins(answers: list[bool]) -> Callable[[bool], list[bool]]:
    def answer(takes_tau: bool) -> list[bool]:
        if not takes_tau:
            raise NoAnswer
        return answers

    return answer


BANK = Bank(
    "temperature_sampling",
    (
        Probe(
            _ask_chain,
            {
                Misconception(
                    "new_tokens_not_fed_back",
                    "Each of your tokens is drawn as if the text were still the start. "
                    "The model gets the whole text so far, the new tokens included.",
                    "Print what the model gets at each step.",
                ): lambda case: case.start_only,
                Misconception(
                    "last_token_only",
                    "The model gets the newest token alone. The next token depends on the whole text so far.",
                    "The model keeps nothing between two calls: look at what it is told in each of them.",
                ): lambda case: case.last_token_only,
                Misconception(
                    "no_crop",
                    "The model gets the whole text, also when it is longer than the context length. "
                    "It gets the last tokens, as many as it can take.",
                    "Think of what the model's positions are when the text has grown past the context length.",
                ): lambda _: _LONGEST + 1,
            },
            cases=4,
        ),
        Probe(
            _ask_draw,
            {
                Misconception(
                    "always_the_likeliest",
                    "You always take the token with the largest logit. Each token is drawn from softmax(logits / temperature).",
                    "Continue the same start twice: the two texts should differ.",
                ): lambda takes_tau: [True, True, True] if takes_tau else [True],
                Misconception(
                    "temperature_ignored",
                    "Your draw does not depend on the temperature. Each token is drawn from softmax(logits / temperature).",
                    "Follow the temperature through your code, and ask what it changes where it is used.",
                ): _wins([True, False, True]),
                Misconception(
                    "multiplies_by_the_temperature",
                    "You multiply the logits by the temperature. Each token is drawn from softmax(logits / temperature): "
                    "a high one makes the choice more even.",
                    "Try a temperature of 100 by hand and see whether your distribution becomes flat or sharp.",
                ): _wins([True, False, False]),
            },
            cases=4,
        ),
    ),
)
