"""Misconceptions of generation: of the window that the model gets, and of the draw from its logits."""

import dataclasses
import random
import re
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from sandbox.errors import StudentError
from sandbox.window_model import WindowModel

from ..oracles.generate import greedy, least_lead
from ..strategies.generate import CERTAIN, SURE_LEAD
from ..tasks import Generate, ModelSpec
from ..verdict import Misconception
from .bank import Asked, Bank, Probe, all_differ

Answers = Mapping[str, Tensor | int]  # by name
_TOO_LONG = re.compile(r"takes at most .* tokens, got (\d+)")
_N_NEW = 6


def _ask_window(generate: Generate, rng: random.Random) -> Asked:
    """A prompt far longer than the block, and a model that is certain of each token whatever part of the text it gets.

    Far, so that a student's own constant for the length of a window is not taken for no window at all.
    """
    while True:
        block_size = rng.choice([3, 4])
        model = ModelSpec(7, block_size, rng.getrandbits(20), spread=CERTAIN)
        ids = torch.tensor([[rng.randrange(7) for _ in range(40 + rng.choice([1, 2]))]])
        answers = _answers(model, ids)
        if answers is not None:
            break
    right = greedy(model, ids, _N_NEW)
    try:
        got = generate(model, ids, _N_NEW)
    except StudentError as error:
        too_long = _TOO_LONG.search(str(error.facts.get("message")))
        if too_long is None:
            raise
        got = int(too_long[1])  # the tokens that the model was given
    if isinstance(got, Tensor) and got.dtype is torch.int64 and torch.equal(got, right[:, -block_size:]):
        got = right[:, -block_size - 1 :]  # whether the last token is cut to the block too is no matter
    return Asked(got, [right], answers)


def _answers(model: ModelSpec, ids: Tensor) -> Answers | None:
    """What each variant makes of a prompt; None if two of them make the same or one is not certain."""
    net = WindowModel(**dataclasses.asdict(model), with_parameter=False)
    block_size = model.block_size or 1
    least = SURE_LEAD

    def continued(window: Callable[[Tensor], Tensor], place: int = -1) -> Tensor:
        nonlocal least
        text = ids
        for _ in range(_N_NEW):
            logits = net.logits(window(text))[:, place]  # (1, V)
            best = logits.topk(2).values[0]
            least = min(least, float(best[0] - best[1]))
            text = torch.cat((text, logits.argmax(-1, keepdim=True)), dim=1)
        return text

    right = continued(lambda text: text[:, -block_size:])
    answers: dict[str, Tensor | int] = {
        "no_crop": ids.shape[1],
        "crops_once": block_size + 1,
        "crops_to_the_beginning": continued(lambda text: text[:, :block_size]),
        "window_too_short": continued(lambda text: text[:, -block_size + 1 :]),
        "last_token_only": continued(lambda text: text[:, -1:]),
        "first_position": continued(lambda text: text[:, -block_size:], place=0),
        "crops_the_text": right[:, -block_size - 1 :],
        "new_tokens_only": right[:, ids.shape[1] :],
    }
    return answers if least >= SURE_LEAD and all_differ([right, *answers.values()]) else None


def _ask_draw(generate: Generate, rng: random.Random) -> Asked:
    """Whether the largest logit always wins: where logits lie far apart but tau is huge, and where tau is tiny."""
    n, ids = 16, torch.tensor([[rng.randrange(3), rng.randrange(3)]])
    while True:
        close = ModelSpec(3, 2, rng.getrandbits(20), spread=0.3)
        likeliest = greedy(close, ids, n)
        if least_lead(close, likeliest, n) > 0.01:
            break
    far = dataclasses.replace(close, spread=CERTAIN)  # the order of the logits is the same

    def wins(model: ModelSpec, tau: float) -> bool | None:
        text = generate(model, ids, n, tau=tau, seed=rng.getrandbits(32))
        if not isinstance(text, Tensor) or text.dtype is not torch.int64 or text.shape != likeliest.shape:
            return None
        return torch.equal(text, likeliest)

    return Asked([wins(far, 1e7), wins(close, 1e-4), wins(far, 1e-4)], [[False, True, True]], None)


def _of(name: str) -> Callable[[Answers], Tensor | int]:
    return lambda answers: answers[name]


BANK = Bank(
    "generate",
    (
        Probe(
            _ask_window,
            {
                Misconception(
                    "no_crop",
                    "The model gets the whole text, also when it is longer than block_size. "
                    "It gets the last block_size tokens at most.",
                    "Think of what the model's positions are when the text has grown past block_size.",
                ): _of("no_crop"),
                Misconception(
                    "crops_once",
                    "You cut the text to block_size before the loop only, so that it grows too long again. "
                    "At each step the model gets the last block_size tokens at most.",
                    "Print the length of what the model gets at each step.",
                ): _of("crops_once"),
                Misconception(
                    "crops_to_the_beginning",
                    "The model gets the first block_size tokens of the text, so that it never sees the new ones. "
                    "It gets the last block_size tokens.",
                    "Try your slice on a list of ten numbers and look at which end is left.",
                ): _of("crops_to_the_beginning"),
                Misconception(
                    "window_too_short",
                    "The model gets block_size − 1 tokens of a long text. It can take block_size, the newest one included.",
                    "Print the length of what the model gets and compare it with block_size.",
                ): _of("window_too_short"),
                Misconception(
                    "last_token_only",
                    "The model gets the newest token alone. "
                    "The next token depends on the whole text, up to the last block_size tokens.",
                    "The model keeps nothing between two calls: look at what it is told in each of them.",
                ): _of("last_token_only"),
                Misconception(
                    "first_position",
                    "You draw from the logits at the first position. The next token follows from those at the last position.",
                    "The logits at t predict the token at t+1: say which t you need.",
                ): _of("first_position"),
                Misconception(
                    "crops_the_text",
                    "Your text loses its beginning when it grows past block_size. "
                    "Only what the model gets is cut; the text itself stays whole.",
                    "Keep apart what the model gets and what you return.",
                ): _of("crops_the_text"),
                Misconception(
                    "new_tokens_only",
                    "You return the new tokens alone. The result starts with the prompt: T + n_new_tokens tokens.",
                    "Compare the shape of what you return with the one that is asked for.",
                ): _of("new_tokens_only"),
            },
        ),
        Probe(
            _ask_draw,
            {
                Misconception(
                    "always_the_likeliest",
                    "You always take the token with the largest logit. Each token is drawn from softmax(logits / τ).",
                    "Generate twice from the same prompt: the two texts should differ.",
                ): lambda _: [True, True, True],
                Misconception(
                    "ignores_tau",
                    "Your draw does not depend on the temperature. Each token is drawn from softmax(logits / τ).",
                    "Follow the temperature through your code, and ask what it changes where it is used.",
                ): lambda _: [True, False, True],
                Misconception(
                    "multiplies_by_tau",
                    "You multiply the logits by the temperature. "
                    "Each token is drawn from softmax(logits / τ): a high τ makes the choice more even.",
                    "Try a temperature of 100 by hand and see whether your distribution becomes flat or sharp.",
                ): lambda _: [True, False, False],
            },
            cases=4,
        ),
    ),
)
