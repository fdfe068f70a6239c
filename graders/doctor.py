"""`headmaster doctor`: whether this machine can grade safely, and what to do where it cannot."""

import argparse
import os
import platform
import sys
from collections.abc import Sequence

import torch
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sandbox.errors import SandboxError
from sandbox.launch import Zygote
from sandbox.self_test import REQUIRED, Confinement, self_test

LAYERS = {
    "session": "a session of its own",
    "oom_first": "the kernel ends it first when memory is short",
    "dies_with_parent": "it ends with the judge",
    "rlimits": "limits on memory, CPU time, files and descriptors",
    "uid": "a user of its own",
    "no_capabilities": "none of root's powers",
    "no_new_privs": "no programs with more rights",
    "not_dumpable": "no look into its memory",
    "landlock": "Landlock: reads the interpreter and the submission only",
    "seccomp": "seccomp: no processes, programs, sockets, modes of files",
}


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns 0 if confinement holds, 1 if not, 2 if it cannot be found out."""
    argparse.ArgumentParser(prog="headmaster doctor", description=__doc__).parse_args(arguments)
    console = Console()
    try:
        with Zygote() as zygote:
            found = self_test(zygote)
    except SandboxError as error:
        print(f"headmaster doctor: {error}", file=sys.stderr)
        return 2
    show(found, console)
    return 0 if found.holds else 1


def show(found: Confinement, console: Console) -> None:
    """Print the machine, the layers, what was tried, and what to do."""
    user = f"user {os.geteuid()}" if os.geteuid() else "root"
    console.print(
        f"{platform.system()} {platform.release()} on {platform.machine()}, Python {platform.python_version()}, "
        f"torch {torch.__version__}, {os.cpu_count()} CPUs, {user}",
        highlight=False,
    )
    layers = Table(title="Layers", title_justify="left", show_header=False)
    for name, words in LAYERS.items():
        layers.add_row(_mark(found.layers.get(name, False)), name, words)
    console.print(layers)
    tried = Table(title="What a worker could do", title_justify="left", show_header=False)
    for name, stopped in found.stopped.items():
        tried.add_row(_mark(stopped), name, "" if name in REQUIRED else "not required")
    console.print(tried)
    console.print(Text(found.summary, style="green" if found.holds else "bold red"))
    for sentence in found.advice():
        console.print(Text(f"- {sentence}"))


def _mark(good: bool) -> Text:
    return Text("✓", style="green") if good else Text("✗", style="bold red")
