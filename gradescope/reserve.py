"""Room on the disk that is kept free for the last results.json."""

import os
from pathlib import Path

BYTES = 2 << 20


class Reserve:
    """A file of nothing beside results.json, which gives its room back when the disk is full.

    Args:
        folder: that of results.json.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / ".headmaster-reserve"

    def take(self) -> None:
        """Take the room, unless there is none."""
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            try:
                os.write(descriptor, os.urandom(BYTES))  # random, since some file systems keep no zeros
            finally:
                os.close(descriptor)
        except OSError:
            self.give_back()

    def give_back(self) -> None:
        """Give it back, for good."""
        try:
            self._path.unlink(missing_ok=True)
        except OSError:
            pass
