"""Texts of Python files, importable as one package without lying in a folder."""

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from types import CodeType, ModuleType

PACKAGE = "_observed"


class _Texts(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """Finds the package and its modules among the texts."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self.texts = {PACKAGE: files.get("__init__.py", "")}
        for name, text in files.items():
            path = PurePosixPath(name)
            if path.suffix == ".py" and len(path.parts) == 1 and path.stem != "__init__":
                self.texts[f"{PACKAGE}.{path.stem}"] = text

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname not in self.texts:
            return None
        return importlib.util.spec_from_loader(fullname, self, is_package=fullname == PACKAGE)

    def get_source(self, fullname: str) -> str:
        return self.texts[fullname]

    def get_code(self, fullname: str) -> CodeType:
        return self.source_to_code(self.texts[fullname], f"{fullname}.py")

    def is_package(self, fullname: str) -> bool:
        return fullname == PACKAGE


def install(files: Mapping[str, str]) -> None:
    """Let this process import the files; once for a process.

    Args:
        files: text by name, such as `attention.py`. Modules may import each other relatively.
    """
    sys.meta_path.insert(0, _Texts(files))


def load(name: str) -> ModuleType:
    """Import one of the installed files by the name of its module."""
    return importlib.import_module(f"{PACKAGE}.{name}")
