"""How figures are summed up, where they were measured, and where they go: the same in every measurement."""

import argparse
import json
import os
import platform
import statistics
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from benchmarks import page


def spread(values: Iterable[float]) -> dict[str, float]:
    """Median, least and greatest."""
    kept = list(values)
    return {"median": statistics.median(kept), "min": min(kept), "max": max(kept)}


def cell(values: dict[str, float], digits: int = 2) -> str:
    """Median (least to greatest)."""
    return f"{values['median']:.{digits}f} ({values['min']:.{digits}f} to {values['max']:.{digits}f})"


def device() -> str:
    """The machine in a few words."""
    return f"{os.cpu_count()} cores, {platform.system()} {platform.release().partition('-')[0]}, {platform.machine()}"


def add_outlets(parser: argparse.ArgumentParser) -> None:
    """Options for where the figures go, and for taking them from where they went."""
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the measurements as JSON")
    parser.add_argument("--page", action="store_true", help="write the tables into docs/timing.md")
    parser.add_argument("--from", dest="source", type=Path, metavar="FILE", help="measure nothing: take this JSON")


def hand_out(
    options: argparse.Namespace,
    measure: Callable[[], dict[str, Any]],
    part: str,
    tables: Callable[[dict[str, Any]], str],
) -> dict[str, Any]:
    """Measure, or read what was measured; write and print it as the options say; returns it.

    Args:
        options: of `add_outlets`.
        measure: gives the measurements.
        part: of docs/timing.md.
        tables: the measurements as Markdown.
    """
    found = measure() if options.source is None else json.loads(options.source.read_text(encoding="utf-8"))
    keep(found, options.out)
    if options.page:
        page.rewrite(part, tables(found))
    print(tables(found))
    return found


def keep(found: dict[str, Any], out: Path | None) -> None:
    """Write measurements into a file, if one is named."""
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
