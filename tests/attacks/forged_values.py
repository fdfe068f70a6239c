"""Answers with values of which none has the form that was asked for.

catalogue: 18, 62
stopped by: judge
naive: no (there is no worker in a naive grader)
"""

import itertools
import sys

ODD = [{}, [], (), [[]], {"a": None}, "ok", 2**62, -1.5, True, None, [None] * 3, {("k",): {}}, (None, None), ("", [])]
VALUES = itertools.cycle(ODD)
for name, module in list(sys.modules.items()):
    if name.endswith(".worker") and hasattr(module, "Worker"):
        module.Worker.answer = lambda self, body: ["ok", next(VALUES)]


def attention(query, key, value, mask=None):
    return None
