"""Untrusted text: what a student controls is stripped of control characters and cut before anyone sees it."""

import unicodedata

# bidirectional controls can make a line read differently from what it says
_BIDIRECTIONAL = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def clean(text: str, limit: int) -> str:
    """Make untrusted text harmless as plain text: newline and tab stay, other control characters become `�`.

    Args:
        text: anything.
        limit: greatest length of the result; the middle of a longer text is left out, both ends stay.
    """
    if len(text) > limit:
        gap = "\n[…]\n"[:limit]
        half = max(0, limit - len(gap)) // 2
        text = text[:half] + gap + text[len(text) - half :]
    return "".join("\ufffd" if _is_control(character) else character for character in text)


def _is_control(character: str) -> bool:
    if character in "\n\t":
        return False
    # Zl and Zp separate lines for some programs only
    return unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") or character in _BIDIRECTIONAL
