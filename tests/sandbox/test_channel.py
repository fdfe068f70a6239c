"""Hostile and broken student code in real workers: each worker ends in time, the next one works, the judge is unharmed.

After every test a fresh worker from the same zygote must answer rightly.
"""

import os
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

from sandbox import wire
from sandbox.client import Patience, Submission
from sandbox.confine import Limits
from sandbox.errors import Loss, StudentError, WorkerLost
from sandbox.launch import Zygote

MakeSubmission = Callable[..., Submission]
BUSY = "while True: pass"
IGNORE_SIGNALS = "import signal\nfor n in range(1, 32): n in (9, 19) or signal.signal(n, signal.SIG_IGN)"

# Student code that finds the nonce of the request being answered, and writes frames of its own making.
FORGE = """
import os, signal, struct, sys
def nonce():
    frame = sys._getframe()
    while frame.f_code.co_name != "serve":
        frame = frame.f_back
    return frame.f_locals["nonce"]
def write(text, payload=b"", nonce=bytes(16), n_text=None, n_payload=None):
    n_text = len(text) if n_text is None else n_text
    n_payload = len(payload) if n_payload is None else n_payload
    os.write(3, struct.pack("!4s16sIQ", b"HMW1", nonce, n_text, n_payload) + text + payload)
def forge(text, payload=b""):
    write(text, payload, nonce())
    signal.pause()
"""


@pytest.fixture(autouse=True)
def next_worker_works(zygote: Zygote, submission: MakeSubmission) -> Iterator[None]:
    """After each test: the same zygote still forks workers, and they compute what they are asked."""
    zygote.wait_until_ready()
    assert zygote._popen is not None
    before, allclose = zygote._popen.pid, torch.testing.assert_close
    yield
    with submission({"honest.py": "def double(x): return 2 * x"}).open(seed=1) as worker:
        assert worker.resolve("honest", "double")(torch.tensor([1.0, 2.0])).tolist() == [2.0, 4.0]
    assert before == zygote._popen.pid
    assert allclose is torch.testing.assert_close


def lose(submission: Submission, is_gone: Callable[[int], bool], *args: Any) -> tuple[WorkerLost, bytes]:
    """Call `f` of student.py, which must lose the worker; return the loss and what was printed."""
    worker = submission.open(seed=1)
    pid = worker.channel.pid
    with worker, pytest.raises(WorkerLost) as caught:
        worker.resolve("student", "f")(*args)
    assert is_gone(pid)
    with pytest.raises(WorkerLost):  # whoever asks again hears that it is gone
        worker.request("hello")
    return caught.value, bytes(worker.channel.output)


# ---------------------------------------------------------------------------------------------------- hangs


@pytest.mark.parametrize(
    "code",
    [
        f"{IGNORE_SIGNALS}\ndef f():\n    {BUSY}",
        BUSY,
        "import os, signal\ndef f(): os.kill(os.getpid(), signal.SIGSTOP)",
    ],
    ids=["call, signals ignored", "import", "stops itself"],
)
def test_a_hang_ends_in_time(
    code: str, submission: MakeSubmission, impatient: Patience, is_gone: Callable[[int], bool]
) -> None:
    """Protects the run from code that never returns, whatever it does to signals: the loss says how long it had."""
    lost, _ = lose(submission({"student.py": code}, patience=impatient), is_gone)
    assert (lost.loss, lost.detail) == (Loss.TIMEOUT, "1")


def test_a_flood_that_hangs(submission: MakeSubmission, impatient: Patience, is_gone: Callable[[int], bool]) -> None:
    """Protects the deadline from output that never ends: 16 KiB of it are kept, and the time is up all the same."""
    code = "import os\ndef f():\n    while True: os.write(1, b'A' * 65536)"
    lost, output = lose(submission({"student.py": code}, patience=impatient), is_gone)
    assert (lost.loss, output) == (Loss.TIMEOUT, b"A" * 16384)


def test_a_slow_drip(submission: MakeSubmission, impatient: Patience, is_gone: Callable[[int], bool]) -> None:
    """Protects the deadline from bytes that arrive one by one: it is absolute, no byte extends it."""
    code = """
        import os, time
        def f():
            for byte in b"HMW1" + bytes(28):
                os.write(3, bytes([byte]))
                time.sleep(0.2)
    """
    lost, _ = lose(submission({"student.py": code}, patience=impatient), is_gone)
    assert Loss.TIMEOUT is lost.loss


def test_a_worker_that_does_not_read(
    submission: MakeSubmission, impatient: Patience, is_gone: Callable[[int], bool]
) -> None:
    """Protects the judge from blocking while it sends: the deadline counts there too."""
    code = "import os, signal\ndef f():\n    os.fork() or signal.pause()\n    os._exit(0)"
    with submission({"student.py": code}, patience=impatient).open(seed=1) as worker:
        f = worker.resolve("student", "f")
        pid = worker.channel.pid
        os.kill(pid, 19)
        with pytest.raises(WorkerLost) as caught:
            f(torch.zeros(1 << 20))
    assert Loss.TIMEOUT is caught.value.loss
    assert is_gone(pid)


# ---------------------------------------------------------------------------------------------------- ends


@pytest.mark.parametrize(
    ("code", "loss", "detail"),
    [
        ("import os\ndef f(): os._exit(0)", Loss.EXIT, "status 0"),
        ("import os\ndef f(): os._exit(3)", Loss.EXIT, "status 3"),
        ("import os\nos._exit(0)", Loss.EXIT, "status 0"),
        ("import ctypes\ndef f(): ctypes.string_at(0)", Loss.SIGNAL, "SIGSEGV"),
        ("import os\ndef f(): os.abort()", Loss.SIGNAL, "SIGABRT"),
        ("import os\ndef f(): os.kill(os.getpid(), 9)", Loss.SIGNAL, "SIGKILL"),
        ("import os\ndef f(): os.kill(os.getpid(), 40)", Loss.SIGNAL, "40"),
    ],
    ids=["exit 0", "exit 3", "exit on import", "segfault", "abort", "kill", "real-time signal"],
)
def test_a_process_that_ends(
    code: str, loss: Loss, detail: str, submission: MakeSubmission, is_gone: Callable[[int], bool]
) -> None:
    """Protects against a forged end: exit status 0 is a loss like any other, and every signal has a name or number."""
    lost, _ = lose(submission({"student.py": code}), is_gone)
    assert (loss, detail) == (lost.loss, lost.detail)


@pytest.mark.parametrize("then", ["return", "signal.pause()"])
def test_a_connection_that_is_closed(then: str, submission: MakeSubmission, is_gone: Callable[[int], bool]) -> None:
    """Protects against a worker that hangs up: that is a loss at once, whether or not the process goes on."""
    code = f"import os, signal\ndef f():\n    os.close(3)\n    {then}"
    lost, _ = lose(submission({"student.py": code}), is_gone)
    assert lost.loss in (Loss.EXIT, Loss.SIGNAL)


def test_cpu_time_is_limited(submission: MakeSubmission, is_gone: Callable[[int], bool]) -> None:
    """Protects the machine from a worker that a judge has forgotten: the kernel ends it, and the loss tells why."""
    made = submission({"student.py": f"def f():\n    {BUSY}"}, limits=Limits(cpu_seconds=1))
    lost, _ = lose(made, is_gone)
    assert (lost.loss, lost.detail) == (Loss.SIGNAL, "SIGXCPU")


def test_a_child_that_would_outlive_its_worker(submission: MakeSubmission) -> None:
    """Protects the end of a check: there is no second process that could hold the socket open or go on later."""
    code = """
        import os, subprocess
        def fork(): return os.fork()
        def run(): return subprocess.run(["/bin/true"]).returncode
    """
    with submission({"student.py": code}).open(seed=1) as worker:
        for name in ("fork", "run"):
            with pytest.raises(StudentError) as caught:
                worker.resolve("student", name)()
            assert caught.value.facts["type"] == "PermissionError"


def test_a_thread_left_spinning(submission: MakeSubmission, is_gone: Callable[[int], bool]) -> None:
    """Protects later checks from threads that go on after the call: they end with their worker."""
    code = f"""
        import threading
        def spin():
            {BUSY}
        def f():
            threading.Thread(target=spin, daemon=True).start()
            return 1
    """
    with submission({"student.py": code}).open(seed=1) as worker:
        f = worker.resolve("student", "f")
        assert [f(), f()] == [1, 1]
        pid = worker.channel.pid
    assert is_gone(pid)


# ---------------------------------------------------------------------------------------------------- bytes


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ("os.write(3, b'<html>' * 20)", "does not start like a frame"),
        ("[write(b'[0,[]]') for _ in range(50)]", "does not answer the request"),
        ("write(b'[0,[]]' * 20000, nonce=nonce())", "not valid JSON"),
        ("write(b'[[\"ok\",1],[]]', b'x' * 16, nonce(), n_payload=0)", "longer than it announces"),
        ("write(b'', n_text=2 ** 32 - 1)", "bytes of structure, at most"),
        ("write(b'', n_payload=2 ** 64 - 1)", "bytes of tensors, at most"),
        ("write(b'', n_payload=1 << 40)", "bytes of tensors, at most"),
        ("forge(b'')", "not valid JSON"),
        ("forge(b'[' * 200000)", "RecursionError"),
        ("forge(b'[1e400,[]]')", "beyond 64 bits"),
        ("forge(b'[' + b'9' * 4000 + b',[]]')", "beyond 64 bits"),
        ("forge(b'[5,[]]')", "neither a value nor an error"),
        ("forge(b'[[\"maybe\",5],[]]')", "neither a value nor an error"),
        ("forge(b'[[\"error\",5],[]]')", "neither a value nor an error"),
        ('forge(b\'[["ok",{"$tensor":0}],[["float32",[0,549755813888,549755813888]]]]\')', "beyond 64 bits"),
        ('forge(b\'[["ok",{"$tensor":0}],[["float32",[1000000]]]]\')', "needs more bytes"),
    ],
)
def test_bytes_that_are_no_reply(
    body: str, detail: str, submission: MakeSubmission, is_gone: Callable[[int], bool]
) -> None:
    """Protects the judge from forged frames: the loss is the worker's, and never an exception that excuses it."""
    lost, _ = lose(submission({"student.py": FORGE + f"def f(): {body}"}), is_gone)
    assert Loss.PROTOCOL is lost.loss
    assert detail in lost.detail


def test_replies_sent_on_import(submission: MakeSubmission, is_gone: Callable[[int], bool]) -> None:
    """Protects against replies written in advance: without the request's nonce they are none."""
    code = FORGE + "for _ in range(50): write(b'[[\"ok\",1],[]]')\ndef f(): return 1"
    lost, _ = lose(submission({"student.py": code}), is_gone)
    assert (lost.loss, lost.detail) == (Loss.PROTOCOL, "the reply does not answer the request")


def test_a_second_reply_is_not_taken_for_the_next(submission: MakeSubmission) -> None:
    """Protects strict turns: what a worker sends after a reply answers no later request."""
    code = FORGE + "def f():\n    write(b'[[\"ok\",1],[]]', nonce=nonce())\n    return 2"
    with submission({"student.py": code}).open(seed=1) as worker:
        f = worker.resolve("student", "f")
        with pytest.raises(WorkerLost, match="protocol"):  # by the second call at the latest
            [f(), f()]


@pytest.mark.parametrize("forged", ['["ok",5]', '["ok",{"$tuple":[1,[],5]}]', '["ok",{"$dict":[["parameters",5]]}]'])
@pytest.mark.parametrize("operation", ["inputs_after", "call_many", "gradients", "parameters", "describe"])
def test_a_reply_of_another_form(operation: str, forged: str, submission: MakeSubmission) -> None:
    """Protects the verdict: a forged reply of the wrong form is the student's loss, never the sandbox's fault."""
    code = f"""
        class Forger:
            def __call__(self, *args): forge({("[" + forged + ",[]]").encode()!r})
            __signature__ = property(__call__)
            named_parameters = __call__
        f = Forger()
    """
    code = FORGE + "\n".join(line[8:] for line in code.splitlines())
    x = torch.ones(2)
    with submission({"student.py": code}).open(seed=1) as worker:
        f = worker.resolve("student", "f")
        ask = {
            "inputs_after": lambda: f.inputs_after(x),
            "call_many": lambda: f.call_many([[x], [x]]),
            "gradients": lambda: f.gradients([x], [0], x),
            "parameters": f.parameters,
            "describe": f.describe,
        }[operation]
        with pytest.raises(WorkerLost) as caught:
            ask()
    assert Loss.PROTOCOL is caught.value.loss


def test_a_forged_error(submission: MakeSubmission) -> None:
    """Protects reports from a forged error reply: its strings are cleaned, what is no plain value is left out."""
    facts = '{"$dict":[["message","\\\\u001b[2J"],["type",{"$tensor":0}],[{"$tuple":[]},1],["line",{"$dict":[]}]]}'
    code = FORGE + f'def f(): forge(b\'[["error",{facts}],[["uint8",[0]]]]\')'
    with submission({"student.py": code}).open(seed=1) as worker, pytest.raises(StudentError) as caught:
        worker.resolve("student", "f")()
    assert caught.value.facts == {"message": "�[2J"}


# ---------------------------------------------------------------------------------------------------- sizes


def test_a_flood_of_output(submission: MakeSubmission) -> None:
    """Protects memory and the call: of 3 MB printed the first 16 KiB are kept, and the call returns."""
    code = "import os, sys\ndef f():\n    os.write(1, b'first')\n    sys.stdout.write('A' * 1500000)\n"
    code += "    sys.stderr.write('B' * 1500000)\n    return 7"
    with submission({"student.py": code}).open(seed=1) as worker:
        assert worker.resolve("student", "f")() == 7
    assert len(worker.channel.output) == 16384
    assert worker.channel.output.startswith(b"firstAAAA")


def test_what_was_printed_before_the_end_is_kept(submission: MakeSubmission, is_gone: Callable[[int], bool]) -> None:
    """Protects what helps a student most: the lines printed before the crash."""
    code = "import ctypes\ndef f():\n    print('layer 3')\n    ctypes.string_at(0)"
    _, output = lose(submission({"student.py": code}), is_gone)
    assert output == b"layer 3\n"


@pytest.mark.parametrize(
    ("value", "detail"),
    [
        ("torch.zeros(2 << 20)", "8388608 bytes of tensors"),
        ("torch.zeros(1).expand(2 << 20)", "8388608 bytes of tensors"),
        ("'a' * 300000", "bytes of structure"),
        ("[[]] * 200000", "bytes of structure"),
    ],
)
def test_replies_that_are_too_large(
    value: str, detail: str, submission: MakeSubmission, is_gone: Callable[[int], bool]
) -> None:
    """Protects the judge's memory: a reply beyond what its arguments allow is refused before it is read."""
    lost, _ = lose(submission({"student.py": f"import torch\ndef f(): return {value}"}), is_gone)
    assert Loss.PROTOCOL is lost.loss
    assert detail in lost.detail


@pytest.mark.parametrize("value", ["torch.zeros(10 ** 9)", "bytearray(3 << 30)", "[0] * (1 << 28)"])
def test_too_much_memory(value: str, submission: MakeSubmission) -> None:
    """Protects the machine's memory: the worker's own limit answers, as an error of the student's code."""
    made = submission({"student.py": f"import torch\ndef f(): return {value}"}, limits=Limits(memory_bytes=2 << 30))
    with made.open(seed=1) as worker, pytest.raises(StudentError) as caught:
        worker.resolve("student", "f")()
    assert caught.value.facts["type"] in ("MemoryError", "RuntimeError")


def test_a_view_too_large_to_be_sent(submission: MakeSubmission) -> None:
    """Protects the worker from a view of more elements than memory can hold: it is described in place of sent."""
    made = submission({"student.py": "import torch\ndef f(): return torch.zeros(1).expand(1 << 40)"})
    with made.open(seed=1) as worker:
        assert isinstance(worker.resolve("student", "f")(), wire.Opaque)


# ---------------------------------------------------------------------------------------------------- exceptions


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("import sys; sys.exit(0)", "SystemExit"),
        ("raise SystemExit", "SystemExit"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("raise GeneratorExit", "GeneratorExit"),
        ("f()", "RecursionError"),
        ("input()", "EOFError"),
        ("open('/tmp/headmaster', 'w').write('x' * 99999)", "PermissionError"),
        ("import os; os.makedirs('checkpoints')", "PermissionError"),
        ("import socket; socket.create_connection(('127.0.0.1', 9))", "PermissionError"),
    ],
)
def test_exceptions_are_answers(body: str, kind: str, submission: MakeSubmission) -> None:
    """Protects the worker from exceptions that end programs: they are told, and the worker lives on."""
    code = f"def f(): {body}\ndef g(): return 1"
    with submission({"student.py": code}).open(seed=1) as worker:
        f, g = worker.resolve("student", "f"), worker.resolve("student", "g")
        with pytest.raises(StudentError) as caught:
            f()
        assert g() == 1
    facts = caught.value.facts
    assert ("raised", kind, "student.py", 1) == (facts["kind"], facts["type"], facts["file"], facts["line"])


@pytest.mark.parametrize("body", ["import sys; sys.exit()", "raise KeyboardInterrupt"])
def test_exceptions_on_import_are_answers(body: str, submission: MakeSubmission) -> None:
    """Protects the worker from a module that ends the program when it is imported."""
    with submission({"student.py": f"{body}\ndef f(): pass"}).open(seed=1) as worker:
        with pytest.raises(StudentError):
            worker.resolve("student", "f")
        assert worker.layers()


@pytest.mark.parametrize(
    "definition",
    [
        "class E(Exception):\n    def __str__(self): raise SystemExit",
        "class E(Exception):\n    def __str__(self): return 5",
        "class M(type):\n    def __getattribute__(self, name): raise SystemExit\nclass E(Exception, metaclass=M): pass",
        "class E(SyntaxError):\n    filename = property(lambda self: 1 / 0)",
        "class E(SyntaxError):\n    lineno = [[object()]]",
        "class E(ModuleNotFoundError):\n    name = property(lambda self: 1 / 0)",
        "class E(Exception):\n    __traceback__ = 5",
    ],
)
def test_exceptions_that_raise(definition: str, submission: MakeSubmission) -> None:
    """Protects the error reply from exceptions whose own text, name or attributes raise."""
    with submission({"student.py": f"{definition}\ndef f(): raise E()"}).open(seed=1) as worker:
        with pytest.raises(StudentError):
            worker.resolve("student", "f")()
        assert worker.layers()


def test_names_of_exceptions_are_cleaned(submission: MakeSubmission) -> None:
    """Protects terminals and reports from the name and the text of an exception."""
    code = "E = type('Evil\\x1b[31m\\u202e', (Exception,), {})\ndef f(): raise E('\\x07' + 'a' * 99999)"
    with submission({"student.py": code}).open(seed=1) as worker, pytest.raises(StudentError) as caught:
        worker.resolve("student", "f")()
    assert caught.value.facts["type"] == "Evil�[31m�"
    assert caught.value.facts["message"][:4] == "�aaa"
    assert len(caught.value.facts["message"]) <= 2000


# ---------------------------------------------------------------------------------------------------- sabotage


@pytest.mark.parametrize(
    "body",
    [
        "sys.stdout = sys.stderr = None",
        "sys.stdout = sys.stderr = Raiser()",
        "sys.stdout.close(); sys.stderr.close()",
        "os.closerange(0, 3)",
        "os.chdir('/'); os.environ['PYTHONPATH'] = '/'; sys.path.clear()",
        "torch.testing.assert_close = torch.allclose = torch.equal = lambda *args: True",
        "torch.Tensor.__eq__ = lambda *args: True",
        "sys.settrace(None); sys.setrecursionlimit(60)",
        "torch.set_grad_enabled(False); torch.set_default_dtype(torch.float64)",
    ],
)
def test_sabotage_of_the_worker_harms_nobody(body: str, submission: MakeSubmission) -> None:
    """Protects judging from changes to the worker's own streams, settings and functions: the call is answered."""
    code = "import os, sys, torch\nclass Raiser:\n    def flush(self): raise RuntimeError\n"
    with submission({"student.py": code + f"def f():\n    {body}\n    return 7"}).open(seed=1) as worker:
        f = worker.resolve("student", "f")
        assert [f(), f()] == [7, 7]


@pytest.mark.parametrize(
    "body",
    [
        "wire.encode = lambda reply, nonce: [b'junk' * 20]",
        "wire.encode = lambda reply, nonce: 1 / 0",
        "wire.HEADER = wire.struct.Struct('!4s')",
        "worker.Worker.answer = lambda self, body: ['ok']",
    ],
)
def test_sabotage_of_the_protocol_is_a_loss(
    body: str, submission: MakeSubmission, impatient: Patience, is_gone: Callable[[int], bool]
) -> None:
    """Protects the judge from a worker whose own side of the wire was patched: the worker is lost, no more."""
    code = f"import sys\nwire, worker = sys.modules['_headmaster.wire'], sys.modules['_headmaster.worker']\n{body}\n"
    lose(submission({"student.py": code + "def f(): pass"}, patience=impatient), is_gone)


def test_output_closed_after_a_flood(submission: MakeSubmission) -> None:
    """Protects the judge's loop from a pipe that has ended: it is read no more, later calls are answered."""
    code = "import os\ndef f():\n    os.write(1, b'A')\n    os.close(1)\n    os.close(2)\n    return 7"
    with submission({"student.py": code}).open(seed=1) as worker:
        f = worker.resolve("student", "f")
        assert f() == 7
        with pytest.raises(StudentError):
            f()
        assert worker.layers()
    assert worker.channel.output == b"A"


def test_waiting_is_counted_between_the_last_bytes(submission: MakeSubmission) -> None:
    """Protects the taking of time: from the request's last byte to the reply's last one."""
    made = submission({"student.py": "import time\ndef f(x): time.sleep(0.05); return x\n"})
    with made.open(seed=1) as worker:
        function = worker.resolve("student", "f")
        before, start = worker.channel.waited, time.monotonic()
        function(torch.ones(3))
        assert 0.05 <= worker.channel.waited - before <= time.monotonic() - start


def test_frames_are_counted(submission: MakeSubmission) -> None:
    """Protects the count of frames: two for each exchange, none for what is deferred."""
    with submission({"student.py": "def f(): return 1"}).open(seed=1) as worker:
        assert worker.channel.frames == 0
        f = worker.resolve("student", "f")
        worker.seed(3)
        assert worker.channel.frames == 2
        f()
        assert worker.channel.frames == 4


def test_closing_twice(submission: MakeSubmission, is_gone: Callable[[int], bool]) -> None:
    """Protects clean-up code that closes what has been closed, or what was lost."""
    worker = submission({"student.py": ""}).open(seed=1)
    worker.close()
    worker.close()
    assert is_gone(worker.channel.pid)


def test_closing_a_worker_that_is_busy(submission: MakeSubmission, is_gone: Callable[[int], bool]) -> None:
    """Protects the end of a check: a worker in the middle of a call is gone when `close` returns, at once."""
    code = f"import threading\ndef spin():\n    {BUSY}\nfor _ in range(2): threading.Thread(target=spin).start()\n"
    started = time.monotonic()
    with submission({"student.py": code + "def f(): pass"}).open(seed=1) as worker:
        worker.resolve("student", "f")
    assert is_gone(worker.channel.pid)
    assert time.monotonic() - started < 20
