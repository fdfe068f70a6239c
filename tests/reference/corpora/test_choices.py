"""Random choices that count their surprise."""

import math

import pytest

from reference.corpora.choices import Choices

pytestmark = pytest.mark.torch_free


def test_surprise_is_minus_the_log_of_the_probability() -> None:
    """Protects the stated best loss: draws of 2, 6 and 3 options have the probability 1/36."""
    choices = Choices(0)
    assert choices.nats == 0
    choices.pick("ab")
    choices.pick(range(6))
    choices.other("abcd", "b")
    assert choices.nats == pytest.approx(math.log(36), rel=1e-12)


def test_a_sure_thing_costs_nothing() -> None:
    """Protects the stated best loss: what cannot be otherwise is no surprise."""
    choices = Choices(0)
    assert choices.pick("a") == "a"
    assert choices.other("ab", "a") == "b"
    assert choices.nats == 0


def test_options_are_equally_likely() -> None:
    """Protects the stated best loss, which takes equal chances for granted: 6,000 draws of 6, each within 5 sigma."""
    choices = Choices(0)
    drawn = [choices.pick("abcdef") for _ in range(6000)]
    for option in "abcdef":
        assert abs(drawn.count(option) - 1000) < 5 * math.sqrt(6000 * 1 / 6 * 5 / 6)


def test_taken_options_are_not_drawn() -> None:
    """Protects against a person who sells to herself."""
    choices = Choices(1)
    assert {choices.other("abcd", "a", "c") for _ in range(100)} == {"b", "d"}


def test_the_seed_decides() -> None:
    """Protects repeatability."""
    first, again, other = (Choices(seed) for seed in (5, 5, 6))
    draws = [[choices.pick(range(1000)) for _ in range(10)] for choices in (first, again, other)]
    assert draws[0] == draws[1] != draws[2]
