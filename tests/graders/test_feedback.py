"""The words for what went wrong: whole sentences, read here as a student reads them."""

from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from torch import Tensor

from graders.feedback import is_blocking, of_case, of_error, of_loss, size_of
from graders.tasks import HeadSizes
from graders.verdict import CheckFailed
from sandbox.errors import Loss, StudentError, WorkerLost

# ---------------------------------------------------------------------------------------------------- errors

PLACE = {"file": "attention.py", "line": 12}


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (
            {"kind": "missing_module", "module": "multi_head"},
            "There is no file multi_head.py in the submission. Add it, with this name.",
        ),
        (
            {"kind": "missing_module", "module": "layers.attention"},
            "There is no file layers/attention.py in the submission. Add it, with this name.",
        ),
        (
            {"kind": "missing_name", "module": "mask", "name": "causal_mask", "nearest": None},
            "mask.py does not define causal_mask.",
        ),
        (
            {"kind": "missing_name", "module": "mask", "name": "causal_mask", "nearest": "casual_mask"},
            "mask.py does not define causal_mask. Did you mean casual_mask? The name must be exactly causal_mask.",
        ),
        (
            {"kind": "missing_name", "notebook": "hw/task.ipynb", "name": "TinyGPT", "nearest": "TinyGpt"},
            "hw/task.ipynb does not define TinyGPT. Did you mean TinyGpt? The name must be exactly TinyGPT.",
        ),
        (
            {"kind": "missing_notebook"},
            "There is no notebook in the submission. Add the `.ipynb` file itself, not only its PDF or a link to it.",
        ),
        (
            {"kind": "checkpoint", "message": "m.pt is empty: save it again"},
            "m.pt is empty: save it again.",
        ),
        (
            {"kind": "checkpoint", "message": "There is no file m.pt in the submission. Add it, with this name."},
            "There is no file m.pt in the submission. Add it, with this name.",
        ),
        (
            {"kind": "notebook", "file": "task.ipynb", "message": "it is not JSON (line 1: Expecting value)"},
            "task.ipynb cannot be read as a notebook: it is not JSON (line 1: Expecting value). Open it in Jupyter or "
            "Colab, save it, and hand in that file.",
        ),
        (
            {
                "kind": "slice",
                "notebook": "task.ipynb",
                "name": "TinyGPT",
                "cell": 3,
                "code": "text = open('input.txt').read()",
                "reason": "reads the file input.txt, which is not there",
            },
            "TinyGPT cannot be taken from task.ipynb: its code cell 3 reads the file input.txt, which is not there.\n"
            "    text = open('input.txt').read()\n"
            "Only what TinyGPT needs is run, not the whole notebook. That part must run by itself, without files, "
            "downloads and training.",
        ),
        (
            {"kind": "syntax", "message": "'(' was never closed", "code": "x = (1", **PLACE},
            "attention.py, line 12: Python cannot read this file ('(' was never closed). The line is:\n"
            "    x = (1\n"
            "Run the file once with `python` to see the same error.",
        ),
        (
            {"kind": "raised", "type": "RuntimeError", "message": "sizes differ", "code": "return q @ k", **PLACE},
            "The code raised RuntimeError in attention.py, line 12: sizes differ\n    return q @ k",
        ),
        (
            {"kind": "raised", "type": "AssertionError", "message": "", "code": "assert T < 5", **PLACE},
            "The code raised AssertionError in attention.py, line 12.\n    assert T < 5",
        ),
        (
            {"kind": "raised", "type": "TypeError", "message": "attention() takes 2 positional arguments"},
            "The code raised TypeError: attention() takes 2 positional arguments",
        ),
        (
            {"kind": "raised", "type": "NotImplementedError", "message": "", "code": "raise …", **PLACE},
            "Not written yet: the template’s `raise NotImplementedError` in attention.py, line 12.",
        ),
        (
            {"kind": "raised", "type": "NotImplementedError", "message": "part b: finish forward", **PLACE},
            "Not written yet: part b: finish forward in attention.py, line 12.",
        ),
        (
            {"kind": "raised", "type": "SystemExit", "message": "0", "code": "sys.exit()", **PLACE},
            "The code ended the program (sys.exit) in attention.py, line 12. Graded code must return.\n    sys.exit()",
        ),
        (
            {"kind": "raised", "type": "ModuleNotFoundError", "missing": "einops", "code": "import einops", **PLACE},
            "The import of einops failed in attention.py, line 12: no such module is in the submission or installed "
            "here.\n    import einops",
        ),
        (
            {"kind": "raised", "type": "RecursionError", "message": "maximum …", "code": "return f(x)", **PLACE},
            "The code calls itself without end (RecursionError) in attention.py, line 12.\n    return f(x)",
        ),
        ({}, "The code raised an exception."),
    ],
    ids=lambda value: value.get("kind", "nothing") if isinstance(value, dict) else "",
)
def test_each_error_is_a_sentence(facts: dict[str, Any], expected: str) -> None:
    """Protects what a student reads first: file, line, the code there, and what to do."""
    assert expected == of_error(StudentError(facts))


def test_a_failed_case_speaks_for_itself() -> None:
    """Protects the comparison's own message: it is shown as it is."""
    assert of_error(CheckFailed("the output: 1 of 2 values are wrong.")) == "the output: 1 of 2 values are wrong."


@pytest.mark.parametrize(
    "kind", ["missing_module", "missing_name", "checkpoint", "notebook", "slice", "syntax", "raised"]
)
def test_control_characters_are_gone(kind: str) -> None:
    """Protects the terminal and the page: whatever a student puts in an exception arrives as plain text."""
    evil = "\x1b]0;owned\x07\x1b[2J\u202edekcah\r"
    names = ("module", "notebook", "name", "nearest", "type", "message", "file", "code", "missing", "cell", "reason")
    message = of_error(StudentError({"kind": kind, "line": 3, **dict.fromkeys(names, evil)}))
    assert "\ufffd" in message
    assert set() == {"\x1b", "\x07", "\u202e", "\r"} & set(message)


def test_long_texts_are_cut() -> None:
    """Protects the page from an exception with a novel in it."""
    message = of_error(StudentError({"kind": "raised", "type": "ValueError", "message": "x" * 10**6}))
    assert len(message) < 2100
    assert "[…]" in message


@pytest.mark.parametrize("forged", [7, None, True, 1.5, ["list"], {"a": 1}])
def test_forged_facts_do_no_harm(forged: Any) -> None:
    """Protects the judge: facts of any type give some sentence and never an exception of ours."""
    for kind in ("missing_module", "missing_name", "missing_notebook", "notebook", "slice", "syntax", "raised", forged):
        names = ("module", "name", "nearest", "type", "message", "file", "line", "code", "missing", "cell", "notebook")
        assert of_error(StudentError({"kind": kind, **dict.fromkeys(names, forged)}))


# ---------------------------------------------------------------------------------------------------- losses


@pytest.mark.parametrize(
    ("lost", "expected"),
    [
        (
            WorkerLost(Loss.TIMEOUT, "10"),
            "The call did not return within 10 seconds and was stopped. Look for a loop without an end.",
        ),
        (
            WorkerLost(Loss.TIMEOUT, "20", "import"),
            "Importing the file did not end within 20 seconds and was stopped. What stands at the top level of a file runs "
            "when it is imported: put training and tests under `if __name__ == '__main__':`.",
        ),
        (
            WorkerLost(Loss.TIMEOUT, "90", "check"),
            "The calls of this check took more than 90 seconds together: each is far slower than it need be.",
        ),
        (
            WorkerLost(Loss.EXIT, "status 3"),
            "The code ended the whole Python process (status 3), for example by os._exit. Graded code must return.",
        ),
        (
            WorkerLost(Loss.SIGNAL, "SIGSEGV"),
            "The Python process died: it crashed with a segmentation fault (runaway recursion in C, or memory that is "
            "not its own).",
        ),
        (WorkerLost(Loss.SIGNAL, "SIGABRT"), "The Python process died: it aborted."),
        (
            WorkerLost(Loss.SIGNAL, "SIGKILL"),
            "The Python process died: it was killed (too much memory, most likely).",
        ),
        (WorkerLost(Loss.SIGNAL, "SIGXCPU"), "The Python process died: it used more CPU time than is allowed."),
        (WorkerLost(Loss.SIGNAL, "SIGXFSZ"), "The Python process died: it wrote a file."),
        (WorkerLost(Loss.SIGNAL, "SIGBUS"), "The Python process died: it crashed with a bus error."),
        (WorkerLost(Loss.SIGNAL, "SIGFPE"), "The Python process died: it crashed with an arithmetic error."),
        (WorkerLost(Loss.SIGNAL, "SIGUSR1"), "The Python process died: signal SIGUSR1."),
        (WorkerLost(Loss.SIGNAL, "40"), "The Python process died: signal 40."),
        (
            WorkerLost(Loss.PROTOCOL, "the reply does not start like a frame"),
            "What came back is not a usable reply: the reply does not start like a frame. Return plain tensors of the "
            "expected size.",
        ),
    ],
    ids=str,
)
def test_each_loss_is_a_sentence(lost: WorkerLost, expected: str) -> None:
    """Protects what a student reads when the process is gone: what happened to it, and where to look."""
    assert expected == of_loss(lost)


def test_each_kind_of_loss_has_its_test() -> None:
    """Protects the table above: a new kind of loss would otherwise be called a reply that is not usable."""
    assert {"TIMEOUT", "EXIT", "SIGNAL", "PROTOCOL"} == {loss.name for loss in Loss}


@pytest.mark.parametrize(
    ("error", "blocks"),
    [
        (CheckFailed("the output: 1 of 2 values are wrong"), False),
        (StudentError({"kind": "raised", "type": "ValueError"}), False),
        (StudentError({"kind": "raised", "type": "ModuleNotFoundError", "missing": "einops"}), True),
        *((StudentError({"kind": kind}), True) for kind in ("missing_module", "missing_name", "missing_notebook")),
        *((StudentError({"kind": kind}), True) for kind in ("notebook", "slice", "syntax")),
        *((WorkerLost(loss, "3"), True) for loss in Loss),
    ],
    ids=repr,
)
def test_is_blocking(error: CheckFailed | StudentError | WorkerLost, blocks: bool) -> None:
    """Protects what is told in full at every level: errors without which nothing can be graded, and no wrong case."""
    assert is_blocking(error) is blocks


# ---------------------------------------------------------------------------------------------------- cases


@dataclass
class Case:
    """Like the strategies' cases."""

    x: Tensor
    mask: Tensor | None
    sizes: HeadSizes
    weights: dict[str, Tensor] = field(default_factory=dict, repr=False)


def test_a_case_is_shown_in_numbers() -> None:
    """Protects the smallest case: small tensors whole, large ones by shape, what is None or hidden left out."""
    x = torch.tensor([[1.0, -0.123456789]])
    case = Case(x, None, HeadSizes(6, 2), {"query.weight": torch.zeros(6, 6)})
    assert of_case({"case": case, "seed": 3}) == (
        "The smallest case found:\n  x = (1×2) [[1, -0.12346]]\n  sizes = d_model=6, n_heads=2\n  seed = 3"
    )


def test_large_tensors_are_shown_by_their_shape() -> None:
    """Protects the reader: beyond 40 elements the shape says enough."""
    assert of_case({"x": torch.zeros(7, 6)}) == "The smallest case found:\n  x = (7×6) float32 (7, 6)"


def test_plain_arguments_are_shown_under_their_own_names() -> None:
    """Protects checks that draw numbers and no case: `dim = 4` says more than `value = 4`."""
    shown = of_case(
        {"dim": 4, "size": -1e4, "train": True, "dtype": torch.bfloat16, "ones": {"T"}, "x": torch.tensor(2)}
    )
    assert shown == (
        "The smallest case found:\n"
        "  dim = 4\n"
        "  size = -10000\n"
        "  train = True\n"
        "  dtype = torch.bfloat16\n"
        "  ones = {'T'}\n"
        "  x = 2"
    )


def test_no_case_is_no_text() -> None:
    """Protects checks that draw nothing."""
    assert of_case({}) == ""


def test_text_in_a_case_is_cleaned_and_cut() -> None:
    """Protects the page from whatever a strategy draws."""
    shown = of_case({"text": "\x1b[2J" + "x" * 1000})
    assert "\x1b" not in shown
    assert len(shown) < 400


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ({}, 0),
        ({"n": 7}, 7),
        ({"n": -7}, 7),
        ({"seed": 2**32}, 1000),
        ({"train": True}, 1),
        ({"size": 2.5}, 1),
        ({"mask": None}, 1),
        ({"bases": [1.0, 2.0, 3.0]}, 3),
        ({"text": "abcd"}, 4),
        ({"x": torch.zeros(2, 3)}, 8),
        ({"x": torch.tensor(1.0)}, 1),
        ({"case": Case(torch.zeros(2, 3), None, HeadSizes(6, 2), {"w": torch.zeros(99)}), "seed": 2}, 12),
    ],
    ids=str,
)
def test_size_of(case: dict[str, Any], expected: int) -> None:
    """Protects what `smallest` means: elements and axes to read, and numbers by their size; what is hidden is free."""
    assert expected == size_of(case)


def test_smaller_cases_have_smaller_sizes() -> None:
    """Protects the design's promise: T=2, d=2 beats T=17, d=64."""
    assert size_of({"x": torch.zeros(2, 2), "seed": 5}) < size_of({"x": torch.zeros(17, 64), "seed": 0})
