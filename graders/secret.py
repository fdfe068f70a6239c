"""The secret that seeds follow from: a package brings its course's own; at home there is a default, which is no secret."""

from pathlib import Path

SECRET_FILE = "SECRET"
MIN_SECRET, MAX_SECRET = 16, 200  # characters
DEFAULT_SECRET = "headmaster"
_ROOT = Path(__file__).resolve().parent.parent


def own_secret(folder: Path = _ROOT) -> str:
    """The secret beside the rooms, or the default where there is none.

    Raises:
        OSError: there is one that cannot be read; cases must not follow from another in silence.
    """
    path = folder / SECRET_FILE
    return path.read_text(encoding="utf-8").strip() if path.is_file() else DEFAULT_SECRET
