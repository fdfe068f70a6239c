"""Checks of the task span_corruption (docs/core.md).

The corruption is random, so most checks look at many draws. Each states its null hypothesis, N and error rate; the random
state is fixed by the seed, so that a rerun gives the same verdict.
"""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from .check import check
from .compare import assert_true, require_pair, require_tensor
from .strategies import document
from .tasks import MASK, PAD, SpanCorruption
from .verdict import CheckFailed

MIN_LENGTH = 4
BATCH = 250  # draws in one exchange with the worker


@dataclass(frozen=True)
class Draw:
    """One corruption, decoded: s is x plus the last of y."""

    x: Tensor
    y: Tensor
    text: str

    @property
    def parts(self) -> tuple[str, str, str]:
        """prefix, suffix and content.

        Raises:
            CheckFailed: the text is not prefix ⁇ suffix ⁇ content □…□.
        """
        body = self.text.rstrip(PAD)
        parts = body.split(MASK)
        if len(parts) == 4 and parts[3] == "":
            raise CheckFailed(f"There must be two {MASK}; a third stands behind the content:\n  {self.text!r}")
        if len(parts) != 3 or PAD in body:
            raise CheckFailed(
                f"The text must read prefix {MASK} suffix {MASK} content {PAD}…{PAD}, with exactly two {MASK} and {PAD} only "
                f"at the end; it reads:\n  {self.text!r}"
            )
        return parts[0], parts[1], parts[2]


def decode(value: Any, block_size: int, ids: Mapping[str, int]) -> Draw:
    """Read one (x, y).

    Raises:
        CheckFailed: wrong types, shapes, dtypes, or ids that no character has.
    """
    x, y = require_pair(value, "The corruption", ("x", "y"))
    x = require_tensor(x, "x", (block_size,), torch.int64)
    y = require_tensor(y, "y", (block_size,), torch.int64)
    characters = {i: character for character, i in ids.items()}
    sequence = [*x.tolist(), int(y[-1])]
    for i in sequence:
        if i not in characters:
            raise CheckFailed(f"x or y holds the id {i}, which is that of no character.")
    return Draw(x, y, "".join(characters[i] for i in sequence))


def draws(
    corruption: SpanCorruption,
    documents: Sequence[str],
    index: int,
    block_size: int,
    count: int,
    seed: int,
    ids: Mapping[str, int] | None = None,
) -> list[Draw]:
    """Many corruptions of one document, in exchanges of `BATCH`."""
    known = ids or corruption.ids_of(documents)
    found = []
    for start in range(0, count, BATCH):
        n = min(BATCH, count - start)
        values = corruption.draw(documents, index, block_size, n, seed + start, ids)
        found += [decode(value, block_size, known) for value in values]
    return found


def longest(block_size: int) -> int:
    """The greatest length of the cut text."""
    return int(block_size * 7 / 8)


def texts(rng: random.Random, lengths: Sequence[int]) -> list[str]:
    """Random documents of the given lengths."""
    return [document(rng, length) for length in lengths]


@check(task="span_corruption", group="interface")
def test_interface(corruption: SpanCorruption, rng: random.Random) -> None:
    """A document can be corrupted, and two values x and y come back."""
    [value] = corruption.draw(texts(rng, [30, 40]), 0, 32, 1, 1)
    require_pair(value, "The corruption", ("x", "y"))


@check(task="span_corruption", group="shape")
def test_shapes(corruption: SpanCorruption, rng: random.Random) -> None:
    """x and y are int64 tensors of length block_size."""
    for block_size in (16, 32, 61):
        for value in corruption.draw(texts(rng, [20, 90]), 1, block_size, 20, rng.getrandbits(32)):
            x, y = require_pair(value, "The corruption", ("x", "y"))
            require_tensor(x, "x", (block_size,), torch.int64)
            require_tensor(y, "y", (block_size,), torch.int64)


@check(task="span_corruption", group="agreement")
def test_rebuilds_the_document(corruption: SpanCorruption, rng: random.Random) -> None:
    """The text is prefix ⁇ suffix ⁇ content □…□, and prefix + content + suffix is a piece of the document."""
    for block_size in (16, 32, 60):
        documents = texts(rng, [8, 15, 70, 200])
        for index, whole in enumerate(documents):
            for draw in draws(corruption, documents, index, block_size, 60, rng.getrandbits(32)):
                prefix, suffix, content = draw.parts
                cut = prefix + content + suffix
                assert_true(
                    cut in whole,
                    f"prefix + content + suffix is no piece of the document.\n  text: {draw.text!r}\n  put together: {cut!r}"
                    f"\n  document: {whole[:120]!r}",
                )
                limit = longest(block_size)
                assert_true(
                    min(MIN_LENGTH, len(whole)) <= len(cut) <= limit,
                    f"The cut text has {len(cut)} characters; allowed are {MIN_LENGTH} to int({block_size} · 7/8) = {limit}."
                    f"\n  text: {draw.text!r}",
                )


@check(task="span_corruption", group="property")
def test_y_is_x_shifted(corruption: SpanCorruption, rng: random.Random) -> None:
    """y is x one step ahead: y[:-1] equals x[1:]."""
    documents = texts(rng, [50, 90])
    for draw in draws(corruption, documents, 0, 32, 50, rng.getrandbits(32)):
        assert_true(
            torch.equal(draw.y[:-1], draw.x[1:]),
            f"y[:-1] differs from x[1:].\n  x = {draw.x.tolist()}\n  y = {draw.y.tolist()}",
        )


@check(task="span_corruption", group="property")
def test_characters_kept(corruption: SpanCorruption, rng: random.Random) -> None:
    """No character is lost or added: without ⁇ and □ the text has the characters of a piece of the document."""
    whole = document(rng, 12)
    for draw in draws(corruption, [whole, document(rng, 60)], 0, 64, 200, rng.getrandbits(32)):
        found = Counter(draw.text.replace(MASK, "").replace(PAD, ""))
        n = found.total()
        pieces = [Counter(whole[i : i + n]) for i in range(len(whole) - n + 1)]
        assert_true(
            draw.text.count(MASK) == 2 and found in pieces,
            f"The text has other characters than a piece of the document, or not two {MASK}.\n  text: {draw.text!r}\n"
            f"  document: {whole!r}",
        )


@check(task="span_corruption", group="property")
def test_every_length_occurs(corruption: SpanCorruption, rng: random.Random) -> None:
    """A long document is cut to every length from 4 to int(block_size · 7/8), both included.

    Null hypothesis: every length has at least a quarter of the uniform probability. With N = 2,000 draws and 25 lengths
    a correct solution misses one with probability below 25 · (1 − 1/100)^2000 < 1e-7.
    """
    block_size = 32
    limit = longest(block_size)
    found = draws(corruption, texts(rng, [200]), 0, block_size, 2000, rng.getrandbits(32))
    seen = {sum(len(part) for part in draw.parts) for draw in found}
    missing = sorted(set(range(MIN_LENGTH, limit + 1)) - seen)
    assert_true(
        not missing,
        f"In {len(found)} draws from a document of 200 characters with block_size {block_size}, these lengths of the cut "
        f"text never occurred: {missing}. All from {MIN_LENGTH} to {limit} must be possible.",
    )
    beyond = sorted(seen - set(range(MIN_LENGTH, limit + 1)))
    assert_true(not beyond, f"These lengths of the cut text are not allowed: {beyond}.")


@check(task="span_corruption", group="property")
def test_mean_span_length(corruption: SpanCorruption, rng: random.Random) -> None:
    """The content has a random length, a quarter of the cut text on average.

    Null hypothesis: given the cut length n ≥ 16 the content's share has mean within 1/(2n) of 1/4 and a standard
    deviation of at most 0.16 (a uniform length has 0.144). N = 4,000 draws, about 3,100 of them with n ≥ 16: the
    tolerance of 0.03 is the discretisation's bias (0.013 on average) plus 6 standard errors of 0.0029, an error rate
    below 1e-8.
    """
    found = draws(corruption, texts(rng, [300]), 0, 64, 4000, rng.getrandbits(32))
    by_length: dict[int, list[int]] = {}
    for draw in found:
        prefix, suffix, content = draw.parts
        by_length.setdefault(len(prefix) + len(suffix) + len(content), []).append(len(content))
    shares = [n_hidden / n for n, hidden in by_length.items() if n >= 16 for n_hidden in hidden]
    assert_true(len(shares) > 1000, "Almost all texts are cut to fewer than 16 characters: lengths are not spread.")
    mean = sum(shares) / len(shares)
    assert_true(
        abs(mean - 0.25) <= 0.03,
        f"The content is {mean:.3f} of the cut text on average (over {len(shares)} draws); expected 0.25 ± 0.03.",
    )
    # given n ≥ 16 a random length takes one single value in 20 draws with negligible probability
    fixed = [n for n, hidden in by_length.items() if n >= 16 and len(hidden) >= 20 and len(set(hidden)) == 1]
    assert_true(not fixed, f"For texts cut to {fixed[:3]} characters the content always has the same length.")


@check(task="span_corruption", group="property")
def test_span_position_varies(corruption: SpanCorruption, rng: random.Random) -> None:
    """The content may stand anywhere in the cut text: at its beginning, at its end, and in between.

    Null hypothesis: each of the three has a probability of at least 1 %. With N = 1,500 draws a correct solution misses
    one with probability below 3 · 0.99^1500 < 1e-6.
    """
    found = draws(corruption, texts(rng, [20]), 0, 64, 1500, rng.getrandbits(32))
    seen: Counter[str] = Counter()
    for draw in found:
        prefix, suffix, _ = draw.parts
        seen["at the beginning"] += not prefix
        seen["at the end"] += not suffix
        seen["in between"] += bool(prefix and suffix)
    missing = [place for place in ("at the beginning", "at the end", "in between") if not seen[place]]
    assert_true(not missing, f"In {len(found)} draws the content never stood {' or '.join(missing)} of the cut text.")
    starts = {len(draw.parts[0]) / max(1, len(draw.text.rstrip(PAD)) - 2) for draw in found}
    assert_true(len(starts) > 10, "The content always starts at the same few places.")


@check(task="span_corruption", group="property")
def test_short_documents(corruption: SpanCorruption, rng: random.Random) -> None:
    """Documents shorter than the cut are taken whole; four characters are enough."""
    documents = texts(rng, [4, 5, 9])
    for index, whole in enumerate(documents):
        for draw in draws(corruption, documents, index, 32, 80, rng.getrandbits(32)):
            prefix, suffix, content = draw.parts
            cut = prefix + content + suffix
            assert_true(
                cut in whole and len(cut) >= MIN_LENGTH,
                f"For the document {whole!r} the text is {draw.text!r}: put together {cut!r}, which is no piece of it of at "
                f"least {MIN_LENGTH} characters.",
            )


@check(task="span_corruption", group="property", requires=("encoder",))
def test_uses_the_encoder(corruption: SpanCorruption, rng: random.Random) -> None:
    """Ids come from the given encoder, those of ⁇ and □ included."""
    documents = texts(rng, [40])
    for _ in range(4):
        characters = [MASK, PAD, *sorted(set(documents[0]))]
        ids = dict(zip(characters, rng.sample(range(2, 400), len(characters)), strict=True))
        for draw in draws(corruption, documents, 0, 32, 20, rng.getrandbits(32), ids):
            assert_true(
                draw.text.count(MASK) == 2, f"With ids {ids[MASK]} for {MASK} and {ids[PAD]} for {PAD}: {draw.text!r}"
            )
            _ = draw.parts


@check(task="span_corruption", group="property")
def test_fresh_each_call(corruption: SpanCorruption, rng: random.Random) -> None:
    """Each call draws a new corruption of the document."""
    documents = texts(rng, [120, 90])
    # 40 draws among thousands of (length, span) choices: all alike only if nothing is drawn
    found = {draw.text for draw in draws(corruption, documents, 0, 32, 40, rng.getrandbits(32))}
    assert_true(len(found) > 10, f"40 calls in a row gave only {len(found)} different corruptions.")


@check(task="span_corruption", group="invariance", requires=("own_generator",))
def test_fresh_and_reproducible(corruption: SpanCorruption, rng: random.Random) -> None:
    """Each call draws anew, and the same random state gives the same corruptions again, whatever was asked in between."""
    documents = texts(rng, [120, 90])
    seed = rng.getrandbits(32)
    first = [draw.text for draw in draws(corruption, documents, 0, 32, 40, seed)]
    # 40 draws among thousands of (length, span) choices: all alike only if nothing is drawn
    assert_true(len(set(first)) > 10, f"{40 - len(set(first)) + 1} of 40 calls in a row gave the same corruption.")
    draws(corruption, documents, 1, 48, 10, seed + 1)
    again = [draw.text for draw in draws(corruption, documents, 0, 32, 40, seed)]
    place = next((i for i, (a, b) in enumerate(zip(first, again, strict=True)) if a != b), 0)
    assert_true(
        first == again,
        "The same random state gives other corruptions when it comes again: something else is drawn from, or kept.\n"
        f"  first: {first[place]!r}\n  again: {again[place]!r}",
    )


@check(task="span_corruption", group="invariance", requires=("own_generator",))
def test_seeds_differ(corruption: SpanCorruption, rng: random.Random) -> None:
    """Different random states give different corruptions."""
    documents = texts(rng, [120])
    found = {tuple(draw.text for draw in draws(corruption, documents, 0, 32, 5, rng.getrandbits(32))) for _ in range(8)}
    assert_true(len(found) == 8, "Eight different random states gave only " + f"{len(found)} different sequences.")
