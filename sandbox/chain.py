"""Steps of which each needs the one before: what is timed on a GPU, where a single call is shorter than its way there."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor


def run(
    function: Callable[..., Any], inputs: Sequence[Tensor], shifts: Sequence[int], device: str
) -> tuple[Tensor, dict[str, Any]]:
    """Move the inputs to a device, call a function once for each shift, and move all outputs back.

    The first call gets the inputs; each next one gets, in the place of the first input, the last output plus the first input
    rolled along its tokens. So no step can be left out, nor be computed before the one before it.

    Args:
        function: its value, or the first of several, has the shape of the first input.
        inputs: on the CPU.
        shifts: by how many tokens the first input is rolled after each step.
        device: a torch device.

    Returns:
        The outputs (len(shifts), …) on the CPU; and what this process says of itself, which proves nothing: seconds, events
        (milliseconds by CUDA's own events) and peak (bytes allocated at most), the last two on CUDA only.
    """
    on_cuda = torch.device(device).type == "cuda"
    start = time.perf_counter()
    first, *rest = (tensor.to(device) for tensor in inputs)
    if on_cuda:
        torch.cuda.reset_peak_memory_stats()
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        begin.record()
    outputs, x = [], first
    for shift in shifts:
        value = function(x, *rest)
        output = value[0] if isinstance(value, (tuple, list)) else value
        outputs.append(output)
        x = output + first.roll(shift, -2)
    facts: dict[str, Any] = {}
    if on_cuda:
        end.record()
    stacked = torch.stack(outputs).cpu()
    if on_cuda:
        facts = {"events": begin.elapsed_time(end), "peak": torch.cuda.max_memory_allocated()}
    return stacked, {"seconds": time.perf_counter() - start} | facts
