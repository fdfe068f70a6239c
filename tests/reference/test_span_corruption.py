"""The reference span corruption against its inverse and its stated distributions.

No third-party implementation has this layout (T5's own masks many spans and lives in TensorFlow), so the oracle is the
inverse: what x and y say must lead back to the document. What stays random is compared with its stated distribution.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor

from reference.span_corruption import MASK, PAD, corrupt_span

examples = settings(derandomize=True, deadline=None, database=None, max_examples=200)
characters = st.characters(exclude_characters=[MASK, PAD], exclude_categories=["Cs"])
documents = st.text(characters, min_size=4, max_size=120)
# The chance that a correct implementation fails one of the statistical tests, had the seed been drawn at random.
ERROR_RATE = 1e-6


class Span(NamedTuple):
    text: str
    start: int
    n_hidden: int


def encode(text: str) -> list[int]:
    return [ord(character) for character in text]


def invert(x: Tensor, y: Tensor) -> Span:
    """Read the cut text and the hidden span back from x and the last element of y."""
    corrupted = "".join(map(chr, [*x.tolist(), int(y[-1])])).rstrip(PAD)
    prefix, suffix, content = corrupted.split(MASK)
    return Span(prefix + content + suffix, len(prefix), len(content))


def slow_corruption(span: Span, block_size: int) -> list[str]:
    """Steps 2 and 3 of docs/core.md, one character at a time: prefix ⁇ suffix ⁇ content □…□."""
    visible: list[str] = []
    hidden: list[str] = []
    for place, character in enumerate(span.text):
        if place == span.start:
            visible.append(MASK)
        is_hidden = span.start <= place < span.start + span.n_hidden
        (hidden if is_hidden else visible).append(character)
    result = [*visible, MASK, *hidden]
    while len(result) < block_size + 1:
        result.append(PAD)
    return result


@examples
@given(document=documents, block_size=st.integers(16, 64), seed=st.integers(0, 2**32))
@example(document="abcd", block_size=16, seed=0)
def test_inverse_rebuilds_the_document(document: str, block_size: int, seed: int) -> None:
    """Protects layout, lengths, dtype and padding: x and y hold the start of the document and nothing else."""
    x, y = corrupt_span(document, block_size, encode, random.Random(seed))
    assert [(t.dtype, tuple(t.shape)) for t in (x, y)] == [(torch.int64, (block_size,))] * 2
    span = invert(x, y)
    assert document.startswith(span.text)
    assert min(4, len(document)) <= len(span.text) <= int(block_size * 7 / 8)
    assert 1 <= span.n_hidden < len(span.text)
    expected = encode("".join(slow_corruption(span, block_size)))
    assert x.tolist() == expected[:-1]
    assert y.tolist() == expected[1:]


def test_rng_is_the_only_source_of_randomness() -> None:
    """Protects reproducibility: equal seeds agree, the global generator is neither read nor moved."""
    before = random.getstate()
    first, again, other = (corrupt_span("x" * 90 + "y" * 9, 64, encode, random.Random(seed)) for seed in (0, 0, 1))
    assert random.getstate() == before
    assert torch.equal(first[0], again[0])
    assert not torch.equal(first[0], other[0])


N = 40_000
BLOCK_SIZE = 20
LONGEST = 17  # int(20 * 7 / 8)


@cache
def sample() -> Sequence[Span]:
    """Corrupt one long document N times with one generator. Its characters differ, so that the inverse is unique."""
    document = "".join(map(chr, range(ord("a"), ord("a") + 50)))
    rng = random.Random(0)
    return [invert(*corrupt_span(document, BLOCK_SIZE, encode, rng)) for _ in range(N)]


def assert_uniform(tables: Sequence[tuple[Counter[int], range]], claim: str) -> None:
    """Reject the null hypothesis that each counter is uniform on its range, by one chi-square test of all of them."""
    statistic, freedom = 0.0, 0
    for counts, values in tables:
        assert set(counts) <= set(values), f"{claim}: {sorted(set(counts) - set(values))} must not occur"
        expected = sum(counts.values()) / len(values)
        assert expected >= 5, f"{claim}: too few samples for a chi-square test"
        statistic += sum((counts[value] - expected) ** 2 / expected for value in values)
        freedom += len(values) - 1
    half = torch.tensor([freedom / 2, statistic / 2], dtype=torch.float64)
    p_value = torch.special.gammaincc(half[0], half[1]).item()
    assert p_value >= ERROR_RATE, (
        f"{claim}: chi-square {statistic:.1f} at {freedom} degrees, p = {p_value:.1e}; rejected"
    )


def test_every_cut_length_is_equally_likely() -> None:
    """Protects step 1. H0: the length is uniform on 4 … 17. N = 40,000, error rate 1e-6."""
    lengths = Counter(len(span.text) for span in sample())
    assert_uniform([(lengths, range(4, LONGEST + 1))], "length of the cut text")


def test_number_of_hidden_characters_is_uniform() -> None:
    """Protects the spread of the span. H0: given length n, uniform on 1 … (n−1)//2. N = 40,000, error rate 1e-6."""
    hidden: dict[int, Counter[int]] = defaultdict(Counter)
    for span in sample():
        hidden[len(span.text)][span.n_hidden] += 1
    assert_uniform([(counts, range(1, (n - 1) // 2 + 1)) for n, counts in hidden.items()], "hidden characters")


def test_a_quarter_of_the_text_is_hidden_on_average() -> None:
    """Protects step 2. H0: given n, the mean is n/4 (even n) or (n+1)/4 (odd). N = 40,000, error rate 1e-6.

    Hoeffding's inequality with a bound for each of the 14 lengths, the error rate shared among them.
    """
    hidden: dict[int, list[int]] = defaultdict(list)
    for span in sample():
        hidden[len(span.text)].append(span.n_hidden)
    for n, numbers in hidden.items():
        expected = (n + n % 2) / 4
        spread = (n - 1) // 2 - 1
        log_term = torch.log(torch.tensor(2 * len(hidden) / ERROR_RATE)).item()
        bound = spread * (log_term / (2 * len(numbers))) ** 0.5
        mean = sum(numbers) / len(numbers)
        assert abs(mean - expected) <= bound, f"n = {n}: mean {mean:.3f}, expected {expected} ± {bound:.3f}; rejected"


def test_span_starts_anywhere() -> None:
    """Protects the place of the span. H0: given n and the span, uniform on all starts. N = 40,000, error rate 1e-6."""
    starts: dict[tuple[int, int], Counter[int]] = defaultdict(Counter)
    for span in sample():
        starts[len(span.text), span.n_hidden][span.start] += 1
    assert_uniform([(counts, range(n - hidden + 1)) for (n, hidden), counts in starts.items()], "start of the span")


def test_a_short_document_is_taken_whole_or_cut() -> None:
    """Protects step 1 for documents between the bounds: 9 characters stay whole when the length drawn is 9 or more.

    H0: P(whole) = 6/11, as the length is uniform on 4 … 14. N = 4,000, error rate 1e-6 (Hoeffding: ± 0.043).
    """
    rng = random.Random(0)
    lengths = Counter(len(invert(*corrupt_span("abcdefghi", 16, encode, rng)).text) for _ in range(4000))
    assert set(lengths) == set(range(4, 10))
    assert abs(lengths[9] / 4000 - 6 / 11) <= 0.043
