"""How a worker imports a submission.

The snapshot is one package, `_submission`. Flat imports (`import attention`), imports through the folder's name
(`import src.attention`) and relative ones (`from .attention import …`) reach the same module objects. A submitted file
wins over an installed package of its name; the standard library and what is already loaded win over it.
"""

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
from collections.abc import Sequence
from types import CodeType, ModuleType

PACKAGE = "_submission"  # a name that no student gives to a file


class _SourceLoader(importlib.machinery.SourceFileLoader):
    """Compiles the source each time: a submitted `.pyc` is never looked at."""

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        try:
            code: CodeType = self.source_to_code(self.get_data(path), path)
        except SyntaxError as error:
            error.filename = error.filename or path  # Python does not say it where the source holds a NUL byte
            raise
        return code


class _AliasLoader(importlib.abc.Loader):
    """Gives a module of the submission a second name."""

    def __init__(self, canonical: str) -> None:
        self.canonical = canonical

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        self.module = importlib.import_module(self.canonical)
        self.own_spec = self.module.__spec__
        return self.module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self.own_spec  # the import system has just set the alias's


class SubmissionFinder(importlib.abc.MetaPathFinder):
    """Finds the submission's modules under each of their names.

    Args:
        root: the folder that holds the code.
        aliases: further names of that folder itself, such as `src`.
    """

    def __init__(self, root: str, aliases: Sequence[str] = ()) -> None:
        self.root = root
        self.aliases = frozenset(aliases)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """The spec of a module of the submission, or None: then the other finders look."""
        top, *rest = fullname.split(".")
        if top == PACKAGE:
            return self._canonical_spec(fullname, rest)
        if top in sys.stdlib_module_names:
            return None
        if top in self.aliases:
            canonical = ".".join([PACKAGE, *rest])
        elif rest and not self._is_ours(top):
            return None
        else:
            rest = [top, *rest]
            canonical = f"{PACKAGE}.{fullname}"
        if rest and self._locate(rest) is None:
            return None
        return importlib.machinery.ModuleSpec(fullname, _AliasLoader(canonical))

    def _is_ours(self, top: str) -> bool:
        return getattr(sys.modules.get(top), "__name__", "").partition(".")[0] == PACKAGE

    def _canonical_spec(self, fullname: str, parts: list[str]) -> importlib.machinery.ModuleSpec | None:
        if not parts:
            return self._package_spec(fullname, self.root)
        found = self._locate(parts)
        if found is None:
            return None
        if found.endswith(".py"):
            return importlib.util.spec_from_file_location(fullname, found, loader=_SourceLoader(fullname, found))
        return self._package_spec(fullname, found)

    @staticmethod
    def _package_spec(fullname: str, folder: str) -> importlib.machinery.ModuleSpec | None:
        init = os.path.join(folder, "__init__.py")
        if os.path.isfile(init):
            return importlib.util.spec_from_file_location(
                fullname, init, loader=_SourceLoader(fullname, init), submodule_search_locations=[folder]
            )
        spec = importlib.machinery.ModuleSpec(fullname, None, is_package=True)
        spec.submodule_search_locations = [folder]
        return spec

    def _locate(self, parts: list[str]) -> str | None:
        """The file or the folder of a module, or None. A folder counts if it is a package or holds Python files."""
        base = os.path.join(self.root, *parts)
        if os.path.isfile(os.path.join(base, "__init__.py")):
            return base
        if os.path.isfile(base + ".py"):
            return base + ".py"
        if os.path.isdir(base) and any(name.endswith(".py") for name in os.listdir(base)):
            return base
        return None


def install(root: str, aliases: Sequence[str] = ()) -> None:
    """Put a submission in front of the installed packages; called once in each worker."""
    sys.meta_path.insert(0, SubmissionFinder(root, aliases))
