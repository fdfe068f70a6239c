"""The flat modules of cmu_birthplaces, as its commands see them: they import each other by flat names."""

from pathlib import Path

from reference.training.homework_code import flat_modules

SRC = Path(__file__).parents[3] / "reference" / "homeworks" / "cmu_birthplaces" / "src"
NAMES = ("attention", "models", "utils", "dataset", "trainer", "run", "sensitivity", "modern_llm")

cmu = flat_modules(SRC, NAMES)
