"""What a function that continues a text must do, whichever way it samples: the bodies of the checks of both tasks."""

import random
from collections.abc import Sequence

import torch
from torch import Tensor

from sandbox.text_model import WORDS, logits_of

from .compare import assert_true
from .frequencies import assert_frequencies
from .tasks import TextModelSpec, TextSampling
from .verdict import CheckFailed

N = 1600  # tokens drawn in one call
_CLEAR = 60.0  # by so much the largest logit exceeds the others where a continuation is certain


def best_chain(model: TextModelSpec, start: Sequence[int], n_new_tokens: int) -> list[int]:
    """The continuation by the largest logit, each token given all before it."""
    ids = list(start)
    for _ in range(n_new_tokens):
        ids.append(int(_last_logits(model, ids).argmax()))
    return ids[len(start) :]


def spec_of_a_chain(start: Sequence[int], n_new_tokens: int, seed: int, max_tokens: int | None = None) -> TextModelSpec:
    """A model for which the continuation of a text is certain, whatever the temperature.

    Args:
        start: the text.
        n_new_tokens: for so many tokens.
        seed: where the search for such a model begins.
        max_tokens: the longest text that the model takes; None = any.
    """
    while True:
        model = TextModelSpec(seed=seed) if max_tokens is None else TextModelSpec(seed=seed, max_tokens=max_tokens)
        ids = list(start)
        for _ in range(n_new_tokens):
            largest, second = _last_logits(model, ids).topk(2).values.tolist()
            if largest - second < _CLEAR:
                break
            ids.append(int(_last_logits(model, ids).argmax()))
        else:
            return model
        seed += 1


def _last_logits(model: TextModelSpec, ids: Sequence[int]) -> Tensor:
    window = torch.tensor([ids[-model.max_tokens :]])
    return logits_of(window, model.rows, model.seed)[0, -1]


def follows_the_chain(
    sampling: TextSampling, start: Sequence[int], n_new_tokens: int, seed: int, max_tokens: int | None = None
) -> None:
    """Where one logit is far above the others, its token follows, each time given the whole text so far."""
    model = spec_of_a_chain(start, n_new_tokens, seed, max_tokens)
    expected, got = best_chain(model, start, n_new_tokens), sampling(model, start, n_new_tokens)
    place = next((i for i, (one, other) in enumerate(zip(got, expected, strict=True)) if one != other), 0)
    assert_true(
        got == expected,
        f"After “{_words(start)}” come, by logits far apart, “{_words(expected)}”; got “{_words(got)}”. New token {place + 1} "
        "is the first that is wrong. Each is drawn from the logits at the last position, and these from the whole text so "
        "far, the new tokens included.",
    )


def are_drawn(
    sampling: TextSampling, rows: Tensor, probabilities: Tensor, tau: float, p: float, what: str, n: int = N
) -> list[int]:
    """After each class of tokens, the next one is drawn with given probabilities.

    Args:
        sampling: the student's.
        rows: (K, number of words) logits of what follows token i, i mod K.
        probabilities: the same shape, float64.
        tau, p: what is asked for.
        what: how messages call it.
        n: number of tokens that are drawn.

    Returns:
        The tokens.
    """
    start = [0, 1]
    drawn = sampling(TextModelSpec(rows=rows), start, n, tau, p)
    before = torch.tensor([start[-1], *drawn[:-1]]) % len(rows)
    tokens = torch.tensor(drawn)
    assert_true(bool(((tokens >= 0) & (tokens < len(WORDS))).all()), f"{what}: a token outside of the vocabulary came.")
    for row in range(len(rows)):
        after = tokens[before == row]
        if after.numel():
            names = "even" if row == 0 else "odd"
            place = f"{what}, after tokens with an {names} id" if len(rows) == 2 else what
            assert_frequencies(after, probabilities[row], place)
    return drawn


def fitting_temperature(rows: Tensor, start: int, drawn: Sequence[int]) -> float:
    """The temperature under which tokens are most likely to be drawn so, from 0.05 to 20."""
    before = torch.tensor([start, *drawn[:-1]]) % len(rows)
    tokens = torch.tensor(list(drawn))
    taus = torch.logspace(-1.30103, 1.30103, 600, dtype=torch.float64)
    log_p = (rows.double() / taus[:, None, None]).log_softmax(-1)  # (600, K, number of words)
    likelihood = log_p[:, before, tokens].sum(-1)  # (600,)
    return float(taus[likelihood.argmax()])


def shuffled(values: Sequence[float], rng: random.Random) -> Tensor:
    """Numbers in random order, (1, number of words) float32."""
    mixed = list(values)
    rng.shuffle(mixed)
    return torch.tensor([mixed])


def temperature_is_obeyed(sampling: TextSampling, rows: Tensor, tau: float, what: str) -> None:
    """Tokens are drawn with probabilities softmax(logits / tau); a known other way is named."""
    probabilities = (rows.double() / tau).softmax(-1)
    try:
        are_drawn(sampling, rows, probabilities, tau, 0.9, what)
    except CheckFailed as failed:
        drawn = sampling(TextModelSpec(rows=rows), [0, 1], N, tau)
        raise CheckFailed(f"{failed}{_hint(fitting_temperature(rows, 1, drawn), tau)}") from None


def some_temperature_fits(sampling: TextSampling, rows: Tensor, what: str) -> None:
    """Tokens are drawn with probabilities softmax(logits / tau) for a tau that stands in the code."""
    drawn = sampling(TextModelSpec(rows=rows), [0, 1], N)
    tau = fitting_temperature(rows, 1, drawn)
    assert_true(
        0.08 < tau < 15,
        f"{what}: no temperature gives these tokens.{_hint(tau, None)}",
    )
    are_drawn(
        sampling, rows, (rows.double() / tau).softmax(-1), tau, 0.9, f"{what}, whose temperature seems to be {tau:.2g}"
    )


def _hint(tau: float, given: float | None) -> str:
    if tau < 0.08:
        return "\nThe most probable token is taken each time: draw one with torch.multinomial."
    if tau > 15:
        return "\nAll tokens come equally often: the logits have no influence."
    if given is None or abs(tau / given - 1) < 0.15:
        return ""
    return (
        f"\nA temperature of {given:g} was asked for; the tokens come as with one of {tau:.2g}. "
        "The logits are divided by it, before the softmax."
    )


def _words(ids: Sequence[int]) -> str:
    return " ".join(WORDS[i] if 0 <= i < len(WORDS) else str(i) for i in ids)
