"""Loading a homework's own code."""

import sys
from pathlib import Path

import pytest

from reference.training.homework_code import HOMEWORKS, flat_modules, notebook_definitions


def test_flat_modules_leave_no_trace(tmp_path: Path) -> None:
    """Protects everybody else from a module called `utils`: sys.path and sys.modules end as they began."""
    (tmp_path / "utils.py").write_text("VALUE = 3\n")
    (tmp_path / "models.py").write_text("import utils\nVALUE = utils.VALUE + 1\n")
    modules, path = set(sys.modules), list(sys.path)
    code = flat_modules(tmp_path, ("models", "utils"))
    assert (code.models.VALUE, code.utils.VALUE) == (4, 3)
    assert code.models.utils is code.utils
    assert (set(sys.modules) & {"models", "utils"}, sys.path) == (modules & {"models", "utils"}, path)


def test_a_module_that_is_not_there_leaves_no_trace_either(tmp_path: Path) -> None:
    """Protects the same when an import fails."""
    (tmp_path / "models.py").write_text("import missing_from_everywhere\n")
    path = list(sys.path)
    with pytest.raises(ModuleNotFoundError):
        flat_modules(tmp_path, ("models",))
    assert sys.path == path
    assert "models" not in sys.modules


def test_notebook_definitions_train_nothing() -> None:
    """Protects recipes from notebooks that train when they are loaded; constants can be replaced."""
    source = "import math\nsize = 3\nclass A:\n    def f(self):\n        return size * math.pi\n"
    source += "raise RuntimeError('a cell ran')\n"
    assert notebook_definitions(source, size=1).A().f() == pytest.approx(3.14159, abs=1e-4)


def test_homeworks_lie_where_they_are_looked_for() -> None:
    """Protects all recipes: the folder holds the five homeworks."""
    assert (HOMEWORKS / "cmu_birthplaces" / "src" / "run.py").is_file()
