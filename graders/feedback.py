"""The words for what went wrong. All text of the student's comes in cleaned and cut, and is labelled as theirs."""

import dataclasses
from typing import Any

from torch import Tensor

from sandbox.errors import Loss, StudentError, WorkerLost
from sandbox.text import clean

from .compare import number, show
from .verdict import CheckFailed

_SIGNALS = {
    "SIGSEGV": "it crashed with a segmentation fault (runaway recursion in C, or memory that is not its own)",
    "SIGABRT": "it aborted",
    "SIGKILL": "it was killed (too much memory, most likely)",
    "SIGXCPU": "it used more CPU time than is allowed",
    "SIGXFSZ": "it wrote a file",
    "SIGBUS": "it crashed with a bus error",
    "SIGFPE": "it crashed with an arithmetic error",
}


def of_error(error: CheckFailed | StudentError) -> str:
    """Explain a failed case or an error of the student's code."""
    if isinstance(error, CheckFailed):
        return str(error)
    facts = error.facts
    kind = error.kind
    if kind == "missing_module":
        return f"There is no file {_file(facts.get('module'))} in the submission. Add it, with this name."
    if kind == "missing_notebook":
        return "There is no notebook in the submission. Add the `.ipynb` file itself, not only its PDF or a link to it."
    if kind == "notebook":
        return (
            f"{facts.get('file')} cannot be read as a notebook: {facts.get('message')}. "
            "Open it in Jupyter or Colab, save it, and hand in that file."
        )
    if kind == "checkpoint":
        text = str(facts.get("message"))
        return text if text.endswith(".") else f"{text}."
    if kind == "slice":
        return (
            f"{facts.get('name')} cannot be taken from {facts.get('notebook')}: its code cell {facts.get('cell')} "
            f"{facts.get('reason')}.\n    {facts.get('code')}\n"
            f"Only what {facts.get('name')} needs is run, not the whole notebook. That part must run by itself, without "
            "files, downloads and training."
        )
    if kind == "missing_name":
        message = f"{facts.get('notebook') or _file(facts.get('module'))} does not define {facts.get('name')}."
        nearest = facts.get("nearest")
        return (
            f"{message} Did you mean {nearest}? The name must be exactly {facts.get('name')}." if nearest else message
        )
    if kind == "syntax":
        return (
            f"{_place(facts)}: Python cannot read this file ({facts.get('message')}). The line is:\n"
            f"    {facts.get('code', '')}\n"
            "Run the file once with `python` to see the same error."
        )
    return _of_exception(facts)


def _of_exception(facts: dict[str, Any]) -> str:
    name, text = str(facts.get("type", "an exception")), str(facts.get("message", ""))
    place = _place(facts)
    where = f" in {place}" if place else ""
    line = f"\n    {facts['code']}" if facts.get("code") else ""
    if name == "NotImplementedError":
        return f"Not written yet: {text or 'the template’s `raise NotImplementedError`'}{where}."
    if name == "SystemExit":
        return f"The code ended the program (sys.exit){where}. Graded code must return.{line}"
    if name == "PermissionError":
        return (
            f"The code was not allowed to do what it tried{where}: {text}{line}\n"
            "Graded code may read its own files. It may not write files, start programs or use the network: put such lines "
            "under `if __name__ == '__main__':`."
        )
    if "missing" in facts:
        return f"The import of {facts['missing']} failed{where}: no such module is in the submission or installed here.{line}"
    if name == "RecursionError":
        return f"The code calls itself without end (RecursionError){where}.{line}"
    return f"The code raised {name}{where}: {text}{line}" if text else f"The code raised {name}{where}.{line}"


def of_loss(lost: WorkerLost) -> str:
    """Explain why the worker is gone."""
    if lost.loss is Loss.TIMEOUT and lost.during == "import":
        return (
            f"Importing the file did not end within {lost.detail} seconds and was stopped. What stands at the top level of a "
            "file runs when it is imported: put training and tests under `if __name__ == '__main__':`."
        )
    if lost.loss is Loss.TIMEOUT and lost.during == "check":
        return f"The calls of this check took more than {lost.detail} seconds together: each is far slower than it need be."
    if lost.loss is Loss.TIMEOUT:
        return f"The call did not return within {lost.detail} seconds and was stopped. Look for a loop without an end."
    if lost.loss is Loss.EXIT:
        return f"The code ended the whole Python process ({lost.detail}), for example by os._exit. Graded code must return."
    if lost.loss is Loss.SIGNAL:
        return f"The Python process died: {_SIGNALS.get(lost.detail, 'signal ' + lost.detail)}."
    return f"What came back is not a usable reply: {lost.detail}. Return plain tensors of the expected size."


def is_blocking(error: CheckFailed | StudentError | WorkerLost) -> bool:
    """Whether an error keeps the submission from being graded at all, rather than that one case of it is wrong."""
    if isinstance(error, WorkerLost):
        return True
    return isinstance(error, StudentError) and (error.kind != "raised" or "missing" in error.facts)


def of_case(case: dict[str, Any]) -> str:
    """Show a case in numbers that a person can follow; large tensors by their shape."""
    lines = []
    for name, value in case.items():
        lines += [f"  {field} = {_show(item)}" for field, item in _fields(name, value).items() if item is not None]
    return "The smallest case found:\n" + "\n".join(lines) if lines else ""


def size_of(case: dict[str, Any]) -> int:
    """How much there is to read in a case: elements of its tensors, and its numbers."""
    return sum(_size(item) for name, value in case.items() for item in _fields(name, value).values())


def _fields(name: str, value: Any) -> dict[str, Any]:
    """A dataclass's fields by their names; anything else under the name of the argument that it is."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: getattr(value, f.name) for f in dataclasses.fields(value) if f.repr}
    return {name: value}


def _size(item: Any) -> int:
    if isinstance(item, Tensor):
        return item.numel() + item.dim()
    if isinstance(item, (list, tuple, str)):
        return len(item)
    if isinstance(item, int) and not isinstance(item, bool):
        return min(abs(item), 1000)
    return 1


def _show(item: Any) -> str:
    if isinstance(item, Tensor):
        axes = "×".join(str(n) for n in item.shape)
        return f"({axes}) {show(item)}" if axes else show(item)
    if isinstance(item, float):
        return number(item)
    if dataclasses.is_dataclass(item) and not isinstance(item, type):  # sizes: those that are set
        pairs = [(f.name, getattr(item, f.name), f.default) for f in dataclasses.fields(item) if f.repr]
        return ", ".join(f"{name}={_show(value)}" for name, value, default in pairs if value != default)
    return clean(repr(item), 300)


def _place(facts: dict[str, Any]) -> str:
    file, line = facts.get("file"), facts.get("line")
    return f"{file}, line {line}" if file and line else str(file or "")


def _file(module: Any) -> str:
    return str(module).replace(".", "/") + ".py"
