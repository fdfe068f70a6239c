"""What a student reads of the time that was measured: ratios, exponents, a plot."""

from .scaling import Growth, plot
from .timing_verdict import SPREAD, Comparison
from .workloads import Workload


def of_comparison(found: Comparison, workload: Workload, size: int) -> str:
    """The figures, a line for each clock."""
    lines = [f"Measured were {found.n_pairs} calls beside the reference's, {workload.shape.format(size)}."]
    lines += [
        f"  {clock.name}: {clock.ratio} times the reference's; allowed is {found.gate:g}" for clock in found.clocks
    ]
    lines += [
        f"  by {clock.name} the reference differs from itself by a factor of {clock.spread:.2f}; expected is {SPREAD} at most"
        for clock in found.clocks
        if not clock.is_quiet
    ]
    if len(found.clocks) == 1:
        lines.append("  this system has no clock of what another process computes: only wall time was taken")
    return "\n".join(lines)


def of_growth(found: Growth, workload: Workload) -> str:
    """The fitted exponents, a plot, and the figures at the largest size."""
    fit = found.telling
    return "\n".join(
        [
            f"With the {workload.axis} n, its {fit.clock.name} grows as n^{fit.student:.2f}, the reference's as "
            f"n^{fit.reference:.2f} (* = this code, o = the reference, @ = both):",
            plot(fit.costs),
            of_comparison(found.largest, workload, max(fit.costs)),
        ]
    )
