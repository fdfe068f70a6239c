"""A homework's own code, loaded to be trained."""

import sys
from pathlib import Path

import pytest

from reference.training.homework_code import HOMEWORKS, flat_modules, notebook_definitions

NOTEBOOK = '''
"""A notebook."""
import math
WIDTH = 3
SHIFT = -1
text = open("nowhere.txt").read()
try:
    from words_of_nowhere import split
except ImportError:
    def split(line):
        return line.split()
class Model:
    width = WIDTH
def area():
    return width_of() ** 2
def width_of():
    return WIDTH
print("trains")
for step in range(WIDTH):
    raise RuntimeError("trained")
'''


def test_definitions_come_without_what_trains_or_reads(capsys: pytest.CaptureFixture[str]) -> None:
    """Protects the recipes: imports (tried ones too), constants, classes and functions, and nothing else."""
    module = notebook_definitions(NOTEBOOK)
    assert (module.WIDTH, module.SHIFT, module.Model.width, module.area()) == (3, -1, 3, 9)
    assert module.split("a b") == ["a", "b"]
    assert not hasattr(module, "text")
    assert not capsys.readouterr().out


def test_constants_are_replaced_for_the_functions() -> None:
    """Protects presets: what a function looks up later is the value given."""
    assert notebook_definitions(NOTEBOOK, WIDTH=5).area() == 25


@pytest.mark.parametrize("source", sorted(HOMEWORKS.glob("*/source/*.py")), ids=lambda path: path.parent.parent.name)
def test_each_notebook_can_be_loaded(source: Path) -> None:
    """Protects the four homeworks with a notebook."""
    assert notebook_definitions(source.read_text(encoding="utf-8"))


def test_flat_modules_leave_no_trace(tmp_path: Path) -> None:
    """Protects others from a module called `utils`: sys.path and sys.modules end as they began."""
    (tmp_path / "utils.py").write_text("VALUE = 7\n")
    (tmp_path / "run.py").write_text("import utils\nDOUBLE = 2 * utils.VALUE\n")
    before = list(sys.path), set(sys.modules)
    assert flat_modules(tmp_path, ["utils", "run"]).run.DOUBLE == 14
    assert (list(sys.path), set(sys.modules)) == before


def test_a_module_that_is_not_there_leaves_no_trace_either(tmp_path: Path) -> None:
    """Protects the same when an import fails."""
    (tmp_path / "models.py").write_text("import missing_from_everywhere\n")
    path = list(sys.path)
    with pytest.raises(ModuleNotFoundError):
        flat_modules(tmp_path, ("models",))
    assert sys.path == path
    assert "models" not in sys.modules
