"""Notes which torch functions and kernels run in a call: the second witness of a rule, told beside student code."""

from typing import Any

from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode


class FunctionsSeen(TorchFunctionMode):
    """Notes every function of torch's Python interface that is called."""

    def __init__(self, seen: set[str]) -> None:
        super().__init__()
        self.seen = seen

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        module = getattr(func, "__module__", None) or "torch.Tensor"  # its methods name no module
        self.seen.add(f"{module}.{getattr(func, '__name__', '')}"[:200])
        return func(*args, **(kwargs or {}))


class KernelsSeen(TorchDispatchMode):
    """Notes every kernel that runs, whichever way it was reached."""

    def __init__(self, seen: set[str]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.seen = seen


def _note_kernel(self: Any, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
    self.seen.add(f"torch.ops.{func}"[:200])
    return func(*args, **(kwargs or {}))


# Not in the class's body: there torch wraps it in what imports its compiler, for seconds and with a temporary directory,
# which a worker has not.
KernelsSeen.__torch_dispatch__ = _note_kernel  # type: ignore[method-assign]
