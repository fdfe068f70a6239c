"""Raises an exception with a huge text, a name full of Markdown and attributes that raise.

catalogue: 20, 79
stopped by: output
naive: no (it fails there too)
"""

def text(self):
    return "\x1b]52;c;aGk=\x07<script>✓ 100/100</script>" * 500_000


def attention(query, key, value, mask=None):
    members = {"__str__": text, "__repr__": text, "args": property(lambda self: 1 / 0)}
    raise type("Passed\n## 100/100\n✓", (Exception,), members)()
