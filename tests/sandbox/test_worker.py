"""What student code finds around it, in a real worker: nothing of the judge, the checkout or the machine's settings."""

import json
import os
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sandbox.client import Submission
from sandbox.errors import StudentError

MakeSubmission = Callable[..., Submission]
CHECKOUT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the tests look into /proc")


@pytest.fixture
def look(submission: MakeSubmission) -> Callable[[str], Any]:
    """Evaluate an expression where student code runs."""

    def look(expression: str) -> Any:
        code = f"import gc, importlib.util, os, signal, sys, threading, torch\ndef f():\n    return {expression}"
        with submission({"student.py": code}).open(seed=1) as worker:
            return worker.resolve("student", "f")()

    return look


def test_the_environment_is_empty(look: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects tokens and paths in environment variables: none reaches a worker."""
    monkeypatch.setenv("HEADMASTER_TEST_TOKEN", "secret")
    assert look("dict(os.environ)") == {}
    assert "secret" not in look("open('/proc/self/environ').read()")


@pytest.mark.parametrize(
    "expression",
    [
        "sys.path + sys.argv + sys.orig_argv + [sys.executable, sys.prefix, os.getcwd()]",
        "open('/proc/self/cmdline').read().split('\\0')",
        "open('/proc/self/environ').read().split('\\0')",
        "[str(getattr(m, '__file__', '')) for m in list(sys.modules.values())]",
        "[repr(vars(sys.modules['__main__']))]",
        "[os.readlink(f'/proc/self/fd/{fd}') for fd in range(4)]",
    ],
)
def test_no_path_of_the_checkout(expression: str, look: Callable[[str], Any]) -> None:
    """Protects the answer key: a worker is not told where the checkout lies, only where the installed packages do."""
    found = [text.replace(sys.prefix, "").replace(sys.executable, "") for text in look(expression)]
    assert [text for text in found if str(CHECKOUT) in text] == []


def test_modules_of_the_checkout_are_out_of_reach(look: Callable[[str], Any]) -> None:
    """Protects the answer key and the judges: their packages are neither loaded in a worker nor importable there."""
    rooms = ["reference", "graders", "gradescope", "headmaster", "sandbox", "tests", "conftest"]
    assert look(f"[name for name in sys.modules if name.split('.')[0] in {[*rooms, 'pytest', 'hypothesis']}]") == []
    assert look(f"[name for name in {rooms} if importlib.util.find_spec(name)]") == []


def test_no_path_of_the_checkout_in_memory(submission: MakeSubmission) -> None:
    """Protects the answer key: wherever a worker looks in its own memory, it finds no path of the checkout's rooms."""
    code = """
        import re
        def f(backwards, rooms):
            wanted = re.compile(re.escape(backwards[::-1].encode()) + b"/(?:%s)" % "|".join(rooms).encode())
            with open("/proc/self/maps") as file:
                maps = [line.split() for line in file]
            spans = [[int(end, 16) for end in map[0].split("-")] for map in maps if map[1].startswith("rw")]
            found = 0
            with open("/proc/self/mem", "rb", buffering=0) as memory:
                for start, end in spans:
                    memory.seek(start)
                    found += len(wanted.findall(memory.read(end - start)))
            return len(spans) > 10, found
    """
    rooms = ["reference", "graders", "sandbox", "tests"]
    with submission({"student.py": code}).open(seed=1) as worker:
        assert worker.resolve("student", "f")(str(CHECKOUT)[::-1], rooms) == (True, 0)


def test_descriptors(look: Callable[[str], Any]) -> None:
    """Protects the judge's files and sockets: a worker has its input, its output twice, and its own socket."""
    assert look("[fd for fd in range(256) if os.path.lexists(f'/proc/self/fd/{fd}')]") == [0, 1, 2, 3]
    null, out, err, connection = look("[os.readlink(f'/proc/self/fd/{fd}') for fd in range(4)]")
    assert ("/dev/null", out, "socket:") == (null, err, connection[:7])
    assert out.startswith("pipe:")


def test_session_and_parent(look: Callable[[str], Any], zygote: Any) -> None:
    """Protects the judge's terminal and process group: a worker leads a session of its own, under the zygote."""
    assert look("[os.getsid(0) == os.getpid(), os.getpgrp() == os.getpid()]") == [True, True]
    assert zygote._popen.pid == look("os.getppid()")
    assert os.getsid(0) != os.getsid(zygote._popen.pid)


def test_kernel_settings(look: Callable[[str], Any]) -> None:
    """Protects the layers that are reported: the kernel says so too."""
    status = look("open('/proc/self/status').read()")
    assert "NoNewPrivs:\t1\n" in status
    assert "Threads:\t1\n" in status
    assert look("open('/proc/self/oom_score_adj').read()") == "1000\n"


def test_interpreter(look: Callable[[str], Any]) -> None:
    """Protects determinism and imports: one thread, hash seed 0, no bytecode written, no entry "" in the path."""
    assert look("[torch.get_num_threads(), threading.active_count()]") == [1, 1]
    assert look("hash('headmaster')") == look("hash('headmaster')")
    assert look("[sys.dont_write_bytecode, '' in sys.path]") == [True, False]
    assert look("[torch.is_grad_enabled(), str(torch.get_default_dtype())[6:]]") == [True, "float32"]


def test_no_signal_of_the_judges_is_handled(look: Callable[[str], Any]) -> None:
    """Protects the meaning of a loss: signals have their usual effect in a worker."""
    assert look("signal.getsignal(signal.SIGTERM) == signal.getsignal(signal.SIGXCPU) == signal.SIG_DFL")


def test_unknown_operations_are_errors(submission: MakeSubmission) -> None:
    """Protects the worker's loop: a request that it does not know is answered, and the next one too."""
    with submission({}).open(seed=1) as worker:
        with pytest.raises(StudentError) as caught:
            worker.request("exec", code="1")
        assert caught.value.facts["type"] == "KeyError"
        assert worker.layers()


def test_a_submission_is_read_and_not_run(submission: MakeSubmission) -> None:
    """Protects what the judge believes: all readings come from the snapshot's top, and run nothing of it."""
    sdpa = "torch.nn.functional.scaled_dot_product_attention"
    source = textwrap.dedent("""
        raise SystemExit
        import torch.nn.functional as F
        from torch import nn

        class Own(nn.Module):
            def forward(self, q, k, v):
                return F.scaled_dot_product_attention(q, k, v)
    """)
    cell = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
    cell["source"] = source.replace("return", "return 1 +")
    notebook = json.dumps({"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": [cell]})
    with submission({"src/a.py": source, "notes/hw.ipynb": notebook}, code="src").open(seed=1) as worker:
        found = worker.read_only("scan", paths=["src/a.py", "notes/hw.ipynb"], wanted=["Own"])
        assert [sdpa, "src/a.py", 8] in found["definitions"]["Own"]["uses"]
        assert worker.read_only("same", first="src/a.py", second="notes/hw.ipynb", wanted=["Own"]) == ["Own"]
        template = "class Own:\n    def forward(self): raise NotImplementedError\n"
        reply = worker.read_only("compare", paths=["src/a.py"], template=template, template_name="t.py", wanted=["Own"])
        assert reply["signatures"] == [["Own.forward", ["self"], ["self", "q", "k", "v"]]]
        assert reply["outside"] == [["Own", "src/a.py", 6]]
        assert worker.layers()  # it lives on: nothing was run
