"""Untrusted text is made harmless."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.text import clean

pytestmark = pytest.mark.torch_free
examples = settings(derandomize=True, deadline=None, database=None, max_examples=200)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("σ, √ and ⁇\n\tstay", "σ, √ and ⁇\n\tstay"),
        ("\x1b[31mred\x07", "�[31mred�"),
        ("a\rb\0c\x7f\x85", "a�b�c��"),
        ("\u202eevil\u2066", "�evil�"),
        ("\ud800", "�"),
        ("a\u2028b\u2029c", "a�b�c"),
    ],
)
def test_control_characters(text: str, expected: str) -> None:
    """Protects terminals and reports from escape sequences, direction overrides and lone surrogates."""
    assert expected == clean(text, 100)


def test_long_text_keeps_both_ends() -> None:
    """Protects the beginning and the end of a long message: what was asked, and what went wrong."""
    expected = "a" * 7 + "\n[…]\n" + "b" * 7
    assert expected == clean("a" * 50 + "b" * 50, 20)


@examples
@given(text=st.text(st.characters(), max_size=60), limit=st.integers(0, 40))
def test_never_longer_never_unprintable(text: str, limit: int) -> None:
    """Protects the stated length for every limit, and UTF-8 output for every text."""
    cleaned = clean(text, limit)
    assert len(cleaned) <= limit
    cleaned.encode("utf-8")
    assert [c for c in cleaned if unicodedata.category(c) in ("Cc", "Cs") and c not in "\n\t"] == []
