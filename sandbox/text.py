"""Untrusted text: what a student controls is stripped of control characters and cut before anyone sees it."""

import re

# control characters but newline and tab (Cc), halves of a pair (Cs), what separates lines for some programs only (Zl, Zp), and
# bidirectional controls, which can make a line read differently from what it says
_HARMFUL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


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
    return _HARMFUL.sub("\ufffd", text)
