"""The flat modules of cmu_birthplaces, as its commands see them: they import each other by flat names."""

import importlib
import sys
from pathlib import Path
from types import SimpleNamespace

SRC = Path(__file__).parents[3] / "reference" / "homeworks" / "cmu_birthplaces" / "src"
NAMES = ("attention", "models", "utils", "dataset", "trainer", "run", "sensitivity", "modern_llm")


def load() -> SimpleNamespace:
    """Import the modules; sys.path and sys.modules end as they began, so that no other test meets a flat name."""
    before = {name: sys.modules.pop(name) for name in NAMES if name in sys.modules}
    sys.path.insert(0, str(SRC))
    try:
        return SimpleNamespace(**{name: importlib.import_module(name) for name in NAMES})
    finally:
        sys.path.remove(str(SRC))
        for name in NAMES:
            sys.modules.pop(name, None)
        sys.modules.update(before)


cmu = load()
