"""How many processors this process may use: of the machine, by its affinity, and by the quota of its control group."""

import math
import os
from pathlib import Path

GROUPS = Path("/sys/fs/cgroup")


def usable_cores(groups: Path = GROUPS, membership: Path = Path("/proc/self/cgroup")) -> int:
    """Whole processors, at least 1.

    Args:
        groups: where the tree of control groups is mounted.
        membership: the file that says in which of them this process is.
    """
    affinity = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
    return max(1, math.floor(min(len(affinity), _quota(groups, membership))))


def _quota(groups: Path, membership: Path) -> float:
    """The least quota of the groups that this process is in, in processors (cgroups(7), both versions)."""
    quotas = [math.inf]
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        return math.inf
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        folder = groups / controllers
        quotas.append(_quota_of(folder))  # in a container the path may be that of the machine: this is all there is
        for part in path.strip("/").split("/"):
            folder /= part
            quotas.append(_quota_of(folder))
    return min(quotas)


def _quota_of(folder: Path) -> float:
    """The quota of one group, in processors; infinite where there is none."""
    try:
        if (folder / "cpu.max").exists():
            quota, period = (folder / "cpu.max").read_text().split()
        else:
            quota = (folder / "cpu.cfs_quota_us").read_text()
            period = (folder / "cpu.cfs_period_us").read_text()
        return float(quota) / float(period) if float(quota) > 0 else math.inf
    except (OSError, ValueError, ZeroDivisionError):  # "max" is no number
        return math.inf
