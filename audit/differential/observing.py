"""What a driver has seen: a list of labelled values, and how two such lists are compared."""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias, TypeVar

import torch
from torch import Tensor

T = TypeVar("T")
# label, value, and the largest allowed difference if it is not the one of the value's type
Observation: TypeAlias = tuple[str, Any, "float | None"]
Load: TypeAlias = Callable[[str], Any]

FINE, COARSE = 1e-6, 1e-4  # relative and absolute; for float64, and for what is narrower
STOPPED = "stopped"


class Journal:
    """The observations of one run of a driver, in order."""

    def __init__(self) -> None:
        self.entries: list[Observation] = []
        self.under_way = "before the first call"

    def note(self, label: str, value: Any, within: float | None = None) -> None:
        """Write a value down.

        Args:
            label: says what it is.
            value: tensors, numbers, strings, None, and lists and tuples of them; of other objects only the type counts.
            within: the largest allowed difference, relative and absolute; 0 for none.
        """
        self.entries.append((label, plain(value), within))

    def call(
        self, label: str, function: Callable[..., T], *args: Any, within: float | None = None, **options: Any
    ) -> T:
        """Call a function that must not raise, and write its result down."""
        self.under_way = label
        result = function(*args, **options)
        self.note(label, result, within)
        return result

    def attempt(self, label: str, function: Callable[..., Any], *args: Any, **options: Any) -> None:
        """Call a function that refuses these arguments; only the type of what it raises is written down."""
        self.under_way = label
        try:
            function(*args, **options)
        except Exception as error:
            self.note(label, f"raises {type(error).__name__}")
        else:
            self.note(label, "returns")

    def step(self, label: str) -> None:
        """Say what comes next, in case that it raises."""
        self.under_way = label

    def dtype(self, label: str, function: Callable[..., Any], *args: Any) -> None:
        """Call a function with numbers of few digits; only the dtypes of its results are written down."""
        self.under_way = label
        result = function(*args)
        results = result if isinstance(result, tuple) else (result,)
        self.note(label, [str(getattr(tensor, "dtype", type(tensor))) for tensor in results])

    def untouched(self, label: str, inputs: Sequence[Tensor], function: Callable[[], T]) -> T:
        """Run something, and write down whether its inputs are still what they were."""
        before = [tensor.detach().clone() for tensor in inputs]
        self.under_way = label
        result = function()
        self.note(f"{label}: inputs unchanged", [torch.equal(*pair) for pair in zip(inputs, before, strict=True)])
        return result

    def gradients(
        self, label: str, outputs: Iterable[Tensor], inputs: Sequence[Tensor], weights: Iterable[Tensor]
    ) -> None:
        """Write down the gradients of a weighted sum of outputs."""
        self.under_way = f"{label}: gradients"
        total = torch.stack([(output * weight).sum() for output, weight in zip(outputs, weights, strict=True)]).sum()
        self.note(f"{label}: gradients", list(torch.autograd.grad(total, list(inputs), allow_unused=True)))

    def share(self, label: str, happened: Tensor) -> None:
        """Write down how often something happened in independent trials.

        The tolerance is six standard errors of the difference of two runs; two right solutions differ by more with a
        probability below 1e-8.
        """
        within = 6 * math.sqrt(2 * 0.25 / happened.numel())
        self.note(label, ("share", float(happened.double().mean())), within)

    def support(self, label: str, values: Tensor) -> None:
        """Write down which different values occur at all."""
        different = torch.unique((values.detach().double() * 1e5).round()) / 1e5
        self.note(label, different, COARSE)


def plain(value: Any) -> Any:
    """A value that stays what it is and can be sent: detached copies of tensors, and names for unknown objects."""
    if isinstance(value, Tensor):
        return value.detach().clone().contiguous()
    if value is None or type(value) in (bool, int, float, str):
        return value
    if type(value) in (list, tuple):
        return type(value)(plain(item) for item in value)
    return f"an object of {type(value).__name__}"


def has_nan(value: Any) -> bool:
    """Whether some number in an observed value is NaN: what is drawn must have a defined result."""
    if isinstance(value, Tensor):
        return value.is_floating_point() and bool(value.isnan().any())
    if isinstance(value, list | tuple):
        return any(map(has_nan, value))
    return isinstance(value, float) and math.isnan(value)


def first_difference(expected: Sequence[Observation], actual: Sequence[Observation]) -> str | None:
    """Say where two runs differ first, in a sentence; None if they are the same."""
    for (label, right, within), (other_label, got, _) in zip(expected, actual, strict=False):
        if other_label == STOPPED:
            return str(got)
        if label != other_label:
            return f"expected {label}, got {other_label}"
        difference = _difference(right, got, within)
        if difference is not None:
            return f"{label}: {difference}"
    if len(expected) != len(actual):
        return f"expected {len(expected)} observations, got {len(actual)}"
    return None


def _difference(expected: Any, actual: Any, within: float | None) -> str | None:
    if type(expected) is not type(actual):
        return f"expected {_described(expected)}, got {_described(actual)}"
    if isinstance(expected, Tensor):
        return _tensors_differ(expected, actual, within)
    if isinstance(expected, list | tuple):
        if len(expected) != len(actual):
            return f"expected {len(expected)} values, got {len(actual)}"
        for i, (right, got) in enumerate(zip(expected, actual, strict=True)):
            difference = _difference(right, got, within)
            if difference is not None:
                return f"value {i}: {difference}"
        return None
    if isinstance(expected, float):
        tolerance = FINE if within is None else within
        same = math.isclose(expected, actual, rel_tol=tolerance, abs_tol=tolerance)
    else:
        same = expected == actual
    return None if same else f"expected {_described(expected)}, got {_described(actual)}"


def _tensors_differ(expected: Tensor, actual: Tensor, within: float | None) -> str | None:
    if (expected.shape, expected.dtype) != (actual.shape, actual.dtype):
        return f"expected {_described(expected)}, got {_described(actual)}"
    if expected.numel() == 0:
        return None
    if not expected.is_floating_point():
        wrong = expected != actual
    else:
        tolerance = within if within is not None else FINE if expected.dtype == torch.float64 else COARSE
        wrong = ~torch.isclose(actual.double(), expected.double(), rtol=tolerance, atol=tolerance)
    if not wrong.any():
        return None
    place = tuple(wrong.nonzero()[0].tolist())
    return (
        f"{int(wrong.sum())} of {wrong.numel()} elements differ, first at {list(place)}: "
        f"expected {expected[place].item():.7g}, got {actual[place].item():.7g}"
    )


def _described(value: Any) -> str:
    if isinstance(value, Tensor):
        return f"{str(value.dtype).removeprefix('torch.')} of shape {tuple(value.shape)}"
    text = repr(value)
    return text if len(text) <= 80 else f"{type(value).__name__} {text[:80]}…"
