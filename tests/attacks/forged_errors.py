"""Answers with errors that lack every fact from which a message is made.

catalogue: 18, 20
stopped by: judge
naive: no (there is no worker in a naive grader)
"""

import itertools
import sys

KINDS = ["raised", "missing_name", "missing_module", "syntax", "slice", "notebook", "missing_notebook", "", "x" * 5000]
FACTS = [{"kind": kind, **more} for kind in KINDS for more in ({}, {"type": 1, "line": -1, "message": None, "nearest": 3})]
VALUES = itertools.cycle([*FACTS, {"kind": None}, {"kind": 7}, {}])
for name, module in list(sys.modules.items()):
    if name.endswith(".worker") and hasattr(module, "Worker"):
        module.Worker.answer = lambda self, body: ["error", next(VALUES)]


def attention(query, key, value, mask=None):
    return None
