"""A failing case as Python code that repeats it with torch alone, beside the student's files.

It is written from the journal of the worker in which the case has failed: what was asked of the student's code, in order.
What cannot be written so, such as the sandbox's stand-ins for parts of a model, gives no snippet: none is better than a
wrong one.
"""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from sandbox.errors import StudentError, WorkerLost
from sandbox.journal import Entry, tensors_in

from ..verdict import CheckFailed
from .expressions import Expressions
from .literals import PACKED, NoLiteral, of_tensor
from .replies import Compared, Literal, Place, compared
from .stand_in_code import code_of
from .steps import Unwritable, handles_in, has_answer, kept

MAX_LENGTH = 6000
_MAX_SHOWN = 6  # results that are printed where it is not known which of them is wrong


def snippet_of(
    journal: Sequence[Entry],
    opened_at: int,
    case: Mapping[str, Any],
    error: CheckFailed | StudentError | WorkerLost,
) -> str:
    """The code that repeats a failing case; empty if it cannot be written, or would be too long to be read.

    Args:
        journal: of a worker in which nothing but the case was run.
        opened_at: the journal's length when the implementation had been opened, and the case began.
        case: the arguments that were drawn; their fields lend their names.
        error: why the case failed.
    """
    try:
        text = _Writer(journal, opened_at, case, error).text()
    except (Unwritable, NoLiteral):
        return ""
    return text if len(text) <= MAX_LENGTH else ""


class _Writer:
    """Writes one snippet, line by line."""

    def __init__(self, journal: Sequence[Entry], opened_at: int, case: Mapping[str, Any], error: BaseException) -> None:
        self.entries = {number: journal[number] for number in kept(journal, opened_at)}
        answers = {number: entry for number, entry in self.entries.items() if has_answer(entry)}
        tells = answers or any(entry.operation == "parameters" for entry in self.entries.values())
        if not tells or not all(entry.is_unchanged for entry in self.entries.values()):
            raise Unwritable("nothing was asked, or what was asked has changed")
        self.last = max(answers, default=-1)
        ended = isinstance(answers[self.last].reply, BaseException) if answers else False
        self.raises = ended and not isinstance(error, CheckFailed)
        replies = {n: entry.reply for n, entry in answers.items() if not isinstance(entry.reply, BaseException)}
        sent = list(tensors_in([entry.arguments for entry in self.entries.values()]))
        self.compared = Compared() if self.raises else compared(error, replies, sent, _tensors_of(case))
        self.replies = replies
        self.shown = self._shown()
        self.code = Expressions(list(self.entries.values()), case)
        if isinstance(self.compared.expected, Tensor):
            self.code.use(self.compared.expected)
        self.constructs = any(
            entry.operation == "call" and entry.arguments["keep"] and not entry.arguments["attribute"]
            for entry in self.entries.values()
        )
        self.differentiated: set[int] = set()
        self.imports: list[str] = []
        self.definitions: list[str] = []

    def _shown(self) -> dict[int, list[tuple[str, Any]]]:
        """Of each answer, the names under which values in it are needed, and where in the reply they stand."""
        got, expected = self.compared.got, self.compared.expected
        if got is not None and expected is not None:
            pairs = [("got", got)] + ([("expected", expected)] if isinstance(expected, Place) else [])
            found: dict[int, list[tuple[str, Any]]] = {}
            for name, place in pairs:
                found.setdefault(place.reply, []).append((name, place.path))
            return found
        if self.raises:
            return {}
        if got is not None and len(self.replies) == 1:
            return {got.reply: [("got", got.path)]}
        return {number: [("", ())] for number in list(self.replies)[-_MAX_SHOWN:]}

    # ------------------------------------------------------------------------------------------ the whole

    def text(self) -> str:
        """The code."""
        begin = 0
        for number, entry in self.entries.items():
            getattr(self, f"_{entry.operation}")(number, entry)
            if has_answer(entry):
                if isinstance(entry.reply, BaseException) and not (self.raises and number == self.last):
                    self._expect_error(begin)
                begin = len(self.code.lines)
        self._print()
        body = "\n".join(self.code.lines)
        head = ["import torch", *(f"import {name}" for name in ("random", "types") if f"{name}." in body)]
        if "packed(" in body:
            head.insert(0, "import base64")
            self.definitions.append(PACKED)
        special = [name for name in ("inf", "nan") if re.search(rf"(?<![\w\"'.]){name}\b", body)]
        head += [f"from math import {', '.join(special)}"] if special else []
        parts = ["\n".join([*head, *self.imports]), *dict.fromkeys(self.definitions), body]
        return "\n\n".join(part.strip("\n") for part in parts) + "\n"

    def _expect_error(self, begin: int) -> None:
        """What has raised, and may."""
        tried = [f"    {line}" for text in self.code.lines[begin:] for line in text.split("\n")]
        self.code.lines[begin:] = ["try:", *tried, "except Exception as error:", '    print("raised:", repr(error))']

    def _print(self) -> None:
        expected = self.compared.expected
        if self.compared.got is None or "got" not in {name for uses in self.shown.values() for name, _ in uses}:
            return
        if isinstance(expected, Literal):
            value = expected.value
            got = self._value(self.compared.got)
            if isinstance(value, Tensor) and isinstance(got, Tensor):
                value = value.to(got.dtype)
                if str(value) == str(got.detach()):
                    self.code.lines.append("torch.set_printoptions(precision=8)")
            self.code.lines.append(
                f"expected = {of_tensor(value) if isinstance(value, Tensor) else self.code.expression(value)}"
            )
        elif isinstance(expected, Tensor):
            self.code.lines.append(f"expected = {self.code.tensor(expected)}")
        self.code.lines.append('print("got:", got, sep="\\n")')
        if expected is not None:
            self.code.lines.append('print("expected:", expected, sep="\\n")')

    def _value(self, place: Place) -> Any:
        value = self.replies[place.reply]
        for step in place.path:
            value = value[step]
        return value

    # ------------------------------------------------------------------------------------------ operations

    def _seed(self, number: int, entry: Entry) -> None:
        seed = entry.arguments["seed"]
        if number > 0:  # asked for by the case; the first one is that of a fresh process
            self.code.lines.append(f"random.seed({seed})")
        if number > 0 or self.constructs or isinstance(self.compared.expected, Place):
            self.code.lines.append(f"torch.manual_seed({seed % 2**63})")

    def _resolve(self, number: int, entry: Entry) -> None:
        module, name = entry.arguments["module"], entry.arguments["name"]
        self.code.attribute(module)
        self.code.attribute(name)
        self.imports.append(f"from {module} import {name}")
        self.code.take(name)
        self.code.handles[entry.arguments["number"]] = name

    def _define(self, number: int, entry: Entry) -> None:
        arguments = entry.arguments
        constants = ", ".join(f"{name} = {self._constant(value)}" for name, value in arguments["constants"].items())
        self.imports.append(
            f"# set {constants} in your notebook, run its cells again, then run this below them"
            if constants
            else "# run this in your notebook, below your own cells"
        )
        for name, made in zip(arguments["wanted"], arguments["numbers"], strict=True):
            self.code.attribute(name)
            self.code.take(name)
            self.code.handles[made] = name

    def _constant(self, value: Any) -> str:
        if isinstance(value, (bool, int, float, str)):
            return repr(value)
        raise Unwritable("a constant of the notebook's")

    def _make(self, number: int, entry: Entry) -> None:
        code = code_of(entry.arguments["kind"], entry.arguments["arguments"])
        if code is None:
            raise Unwritable(entry.arguments["kind"])
        name = self.code.name(code.name)
        self.definitions += [code.definition] if code.definition else []
        self.code.lines.append(f"{name} = {code.expression}")
        self.code.handles[entry.arguments["number"]] = name

    def _part(self, number: int, entry: Entry) -> None:
        target, path = self.code.expression(entry.arguments["target"]), entry.arguments["path"]
        for name in path.split("."):
            if name.startswith("__"):
                raise Unwritable(path)
            target += f"[{name}]" if name.isdigit() else self.code.attribute(name)
        self.code.handles[entry.arguments["number"]] = target

    def _get(self, number: int, entry: Entry) -> None:
        target = self.code.expression(entry.arguments["target"])
        self._answer(number, f"{target}{self.code.attribute(entry.arguments['attribute'])}")

    def _parameters(self, number: int, entry: Entry) -> None:
        module = self.code.expression(entry.arguments["target"])
        self.code.lines.append(f"print({{name: tuple(p.shape) for name, p in {module}.named_parameters()}})")

    def _call(self, number: int, entry: Entry) -> None:
        arguments = entry.arguments
        function = self.code.expression(arguments["target"]) + self.code.attribute(arguments["attribute"])
        if arguments["inputs_back"]:
            self._call_with_inputs_back(number, function, arguments)
            return
        loads = arguments["attribute"] == "load_state_dict"
        call = f"{function}({self.code.arguments(arguments['args'], arguments['kwargs'], copied=loads)})"
        if not arguments["keep"]:
            self._answer(number, call)
        elif any(h.number == arguments["keep"] for e in self.entries.values() for h in handles_in(e.arguments)):
            words = re.findall(r"[A-Z]+(?![a-z])|[A-Z][a-z]+|[a-z]+", function.rpartition(".")[2])
            name = self.code.name(words[-1].lower() if words else "module")
            self.code.handles[arguments["keep"]] = name
            self.code.lines.append(f"{name} = {call}")
        else:
            self.code.lines.append(call)

    def _call_with_inputs_back(self, number: int, function: str, arguments: Mapping[str, Any]) -> None:
        """Reply: the value, the positional arguments as they are after the call, the others."""
        names = []
        for value in arguments["args"]:
            if isinstance(value, Tensor):
                before = self.code.tensor(value)
                names.append(self.code.name(f"{before}_after"))
                self.code.lines.append(f"{names[-1]} = {before}.clone()")
            else:
                names.append(self.code.expression(value))
        keywords = self.code.arguments([], arguments["kwargs"])
        result = self.code.name("result")
        self.code.lines.append(f"{result} = {function}({', '.join([*names, *filter(None, [keywords])])})")
        for name, path in self.shown.get(number, []):
            if path[:1] == (1,) and len(path) > 1:
                self._put(name, names[path[1]] + _subscripts(path[2:]))
            elif path[:1] == (0,):
                self._put(name, result + _subscripts(path[1:]))
            else:
                self._put("", result)

    def _call_many(self, number: int, entry: Entry) -> None:
        arguments = entry.arguments
        function = self.code.expression(arguments["target"]) + self.code.attribute(arguments["attribute"])
        calls = [f"{function}({self.code.arguments(args, {})})" for args in arguments["calls"]]
        if len(calls) > 2 and len(set(calls)) == 1:
            self._answer(number, f"[{calls[0]} for _ in range({len(calls)})]")
        else:
            self._answer(number, f"[{', '.join(calls)}]")

    def _gradient(self, number: int, entry: Entry) -> None:
        """Reply: gradients of some arguments, and those of parameters by name."""
        arguments = entry.arguments
        function = self.code.expression(arguments["target"]) + self.code.attribute(arguments["attribute"])
        names = []
        for value in arguments["args"]:
            names.append(self.code.expression(value))
            if isinstance(value, Tensor) and names[-1].endswith(".clone()"):
                names.append(self.code.name(names.pop().removesuffix(".clone()")))
                self.code.lines.append(f"{names[-1]} = {self.code.tensor(value)}.clone()")
        self.code.lines += [f"{names[i]}.requires_grad_()" for i in arguments["wrt"]]
        module = arguments["module"]
        if module is not None and module.number in self.differentiated:
            self.code.lines.append(f"{self.code.expression(module)}.zero_grad()")
        output = "" if arguments["output"] is None else f"[{arguments['output']}]"
        value = self.code.name("output")
        self.code.lines.append(f"{value} = {function}({', '.join(names)}){output}")
        reply = entry.reply
        if isinstance(reply, tuple) and all(g is None for g in (*reply[0], *reply[1].values())):
            self.code.lines.append(f'print("a gradient can be computed:", {value}.requires_grad)')
            return
        grad_output = self.code.expression(arguments["grad_output"], copied=True)
        self.code.lines.append(f"({value} * {grad_output}).sum().backward()")
        if module is not None:
            self.differentiated.add(module.number)
        gradients = [f"{names[i]}.grad" for i in arguments["wrt"]]
        for name, path in self.shown.get(number, []):
            if path[:1] == (0,) and len(path) > 1:
                self._put(name, gradients[path[1]])
            elif path[:1] == (1,) and len(path) > 1:
                self._put(name, f"{self.code.expression(module)}.get_parameter({path[1]!r}).grad")
            else:
                for gradient in gradients:
                    self._put("", gradient)
                if module is not None:
                    by_name = f"{{name: p.grad for name, p in {self.code.expression(module)}.named_parameters()}}"
                    self._put("", by_name)

    # ------------------------------------------------------------------------------------------ answers

    def _answer(self, number: int, expression: str) -> None:
        """A call whose value is needed under some names, or for its effect alone."""
        needed = self.shown.get(number, [])
        if not needed:
            self.code.lines.append(expression)
            return
        if len(needed) > 1:
            result = self.code.name("result")
            self.code.lines.append(f"{result} = {expression}")
            expression = result
        for name, path in needed:
            is_float = (
                name and isinstance(found := self._value(Place(number, path)), Tensor) and found.is_floating_point()
            )
            self._put(name, expression + _subscripts(path) + (".detach()" if is_float and self.constructs else ""))

    def _put(self, name: str, expression: str) -> None:
        self.code.lines.append(f"{name} = {expression}" if name else f"print({expression})")


def _tensors_of(case: Mapping[str, Any]) -> list[Tensor]:
    """The tensors that a case holds, those among them that it has computed when it was asked for them."""
    parts = [vars(value) if dataclasses.is_dataclass(value) else value for value in case.values()]
    return list(tensors_in(parts))


def _subscripts(path: Sequence[Any]) -> str:
    return "".join(f"[{step!r}]" for step in path)
