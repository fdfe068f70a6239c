"""Run a Python file in this process as `python FILE ARGUMENTS` would."""

import os
import runpy
import sys
import traceback
from collections.abc import Sequence


def run(command: Sequence[str]) -> int:
    """Run it as `__main__`, from the working directory.

    Args:
        command: the path of the file and its arguments.

    Returns:
        The status that Python would end with. What Python would print of an exception is printed.
    """
    sys.argv = list(command)
    sys.path.insert(0, os.path.dirname(os.path.abspath(command[0])))
    try:
        runpy.run_path(command[0], run_name="__main__")
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return (end.code or 0) & 0xFF
        print(end.code, file=sys.stderr)
        return 1
    except BaseException:
        traceback.print_exc()
        return 1
    return 0
