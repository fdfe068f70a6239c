"""Code that is read and not run: what definitions use, whether two files agree, where one differs from a template."""

import tempfile
from pathlib import Path

from sandbox import scan, wire
from sandbox.slicing import Program
from tests.fuzz.bounds import bounded
from tests.fuzz.notebooks import ROOT, as_notebook, slice_all

TEMPLATE = '''
import torch
from torch import nn

class Head(nn.Module):
    """A head."""
    def __init__(self, size, *, dropout=0.0):
        super().__init__()
        self.query = nn.Linear(size, size)
        # TODO
        ...
    def forward(self, x, mask=None):
        raise NotImplementedError

def loss(logits, targets):
    flat = logits.flatten(0, 1)
    ...
    return flat

class Given:
    def f(self): return 1
'''
WANTED = ("Head", "loss", "Given", "x")


def target(data: bytes) -> None:
    """Two files, `student.py` and `other.py`, separated by a NUL byte, and a notebook with both as its cells.

    Raises:
        AssertionError: a reply has not its agreed form, or cannot cross the wire.
        Exceeded: more than 20 seconds. Memory is bounded by the worker's limits, and the fuzzer's.
    """
    first, _, second = data.partition(b"\0")
    cells = as_notebook(first.decode("utf-8", "replace"), second.decode("latin-1"))
    with tempfile.TemporaryDirectory(prefix="fuzz-sources-") as root:
        for name, content in (("student.py", first), ("other.py", second), ("book.ipynb", cells)):
            Path(root, name).write_bytes(content)
        with bounded(seconds=20):
            _read_all(root, ["student.py", "other.py", "book.ipynb"])


def _read_all(root: str, paths: list[str]) -> None:
    sources = [scan.read(path, Path(root, path).read_bytes()) for path in paths]
    names = [name for source in sources for name in Program(source.cells).bindings]
    for source in sources:
        slice_all(Program(source.cells), at_most=3)
    wanted = [*WANTED, *names[:3]]
    found = scan.scan(root, paths, wanted)
    assert set(found) == {"definitions", "imports", "problems"}
    for facts in found["definitions"].values():
        assert set(facts) == {"place", "line", "bases", "methods", "uses"}
        assert all([type(part) for part in use] == [str, str, int] for use in facts["uses"])
    differing = scan.same(root, paths[0], paths[2], wanted)
    assert set(differing) <= set(wanted)
    compared = scan.compare(root, paths, TEMPLATE, "template.py", wanted)
    assert set(compared) == {"started", "signatures", "outside"}
    for reply in (found, differing, compared):
        _, text, *payload = wire.encode(["ok", reply], bytes(wire.NONCE_BYTES))
        if len(text) <= wire.MAX_JSON:  # else the judge refuses it, and that check is lost
            assert wire.decode(bytes(text), bytearray(b"".join(payload))) == ["ok", reply]


def seeds() -> list[bytes]:
    """Solutions and the template, imports in every form, and statements of every kind."""
    solutions = sorted((ROOT / "reference").glob("*.py"))
    imports = b"import torch as t, torch.nn.functional as F\nfrom torch.nn import *\nfrom .other import Head as x\n"
    calls = b"x = getattr(t, 'nn')\nloss = __import__('os').path\nHead = x\nclass Given(Head, F.Module): pass\n"
    kinds = b"""
async def f(a, /, b=1, *c, d, **e):
    global g
    async with a as (h, [*i]): await b
    async for j in c: yield (k := j)
try: import m
except* ValueError as n: del a.b, c[0]
else: o: int = [p async for p in q if r]
finally: s += lambda t=1: t
match u:
    case {'a': v, **w} | A(x, y=[_, *z]): pass
while x: setattr(x, 'y', 1); x.append(2); from_ = x.y[1:2]
if __name__ == '__main__': import main_only
class Head[T](x, metaclass=y): z = z; f = staticmethod(f)
"""
    pairs = [TEMPLATE.encode(), imports + calls + b"\0" + TEMPLATE.encode(), kinds, kinds + b"\0" + imports]
    return [*pairs, *(data for path in solutions if len(data := path.read_bytes()) < 1 << 12)]
