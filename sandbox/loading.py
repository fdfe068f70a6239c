"""How a worker imports a submission.

The snapshot is one package, `_submission`. Flat imports (`import attention`), imports through the folder's name
(`import src.attention`) and relative ones (`from .attention import …`) reach the same module objects. A submitted file
wins over an installed package of its name, and what it does not define is looked up there; the standard library and
what is already loaded win over it.
"""

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import CodeType, ModuleType
from typing import Any

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
    """Gives a module of the submission a second name, and what an installed package of that name holds beside it."""

    def __init__(self, canonical: str, installed: "Installed | None" = None) -> None:
        self.canonical, self.installed = canonical, installed

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        self.module = importlib.import_module(self.canonical)
        self.own_spec = self.module.__spec__
        return self.module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self.own_spec  # the import system has just set the alias's
        if self.installed is not None:
            vars(module).setdefault("__getattr__", self.installed)


class _InstalledLoader(importlib.abc.Loader):
    """Gives a module of an installed package that is already imported."""

    def __init__(self, installed: "Installed") -> None:
        self.installed = installed

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        self.module = self.installed.module(spec.name)
        self.own_spec = self.module.__spec__
        return self.module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self.own_spec


class Installed:
    """An installed package whose name a submitted file has taken; it is imported when something of it is asked for.

    It is the file's `__getattr__`: whatever the file does not define itself is looked up here.
    """

    def __init__(self, name: str, spec: importlib.machinery.ModuleSpec, finder: "SubmissionFinder") -> None:
        self.name, self.finder = name, finder
        self.path = spec.submodule_search_locations
        self.modules: dict[str, ModuleType] = {}  # those that the submission's hide

    def __call__(self, attribute: str) -> Any:
        """What the package holds under a name."""
        if attribute == "__path__" and self.path is not None:
            return self.path
        if attribute.startswith("__") and attribute != "__version__":
            raise AttributeError(f"module {self.name!r} has no attribute {attribute!r}")
        with self.in_front():
            return getattr(importlib.import_module(self.name), attribute)

    def module(self, fullname: str) -> ModuleType:
        """Import a module of the package."""
        with self.in_front():
            importlib.import_module(self.name)
            return importlib.import_module(fullname)

    @contextmanager
    def in_front(self) -> Iterator[None]:
        """Put the package in the place of the submission's modules for a while."""
        if self.name in self.finder.aside:
            yield
            return
        inside = [name for name in sys.modules if name == self.name or name.startswith(f"{self.name}.")]
        ours = {name: sys.modules.pop(name) for name in inside if is_ours(sys.modules[name])}
        sys.modules.update(self.modules)
        self.finder.aside.add(self.name)
        try:
            yield
        finally:
            self.finder.aside.discard(self.name)
            self.modules = {name: sys.modules[name] for name in ours if name in sys.modules}
            sys.modules.update(ours)


def is_ours(module: ModuleType | None) -> bool:
    """Whether a module is the submission's."""
    return getattr(module, "__name__", "").partition(".")[0] == PACKAGE


def own(module: ModuleType, name: str) -> Any:
    """What a module of the submission defines under a name, without the installed package whose name it has taken.

    Raises:
        AttributeError: it does not define it.
    """
    if isinstance(vars(module).get("__getattr__"), Installed) and name not in vars(module):
        raise AttributeError(name)
    return getattr(module, name)


class SubmissionFinder(importlib.abc.MetaPathFinder):
    """Finds the submission's modules under each of their names.

    Args:
        root: the folder that holds the code.
        aliases: further names of that folder itself, such as `src`.
    """

    def __init__(self, root: str, aliases: Sequence[str] = ()) -> None:
        self.root = root
        self.aliases = frozenset(aliases)
        self.aside: set[str] = set()  # names that are not the submission's at the moment

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """The spec of a module of the submission, or None: then the other finders look."""
        top, *rest = fullname.split(".")
        if top == PACKAGE:
            return self._canonical_spec(fullname, rest)
        if top in sys.stdlib_module_names or top in self.aside:
            return None
        if top in self.aliases:
            canonical = ".".join([PACKAGE, *rest])
        elif rest and not is_ours(sys.modules.get(top)):
            return None
        else:
            rest = [top, *rest]
            canonical = f"{PACKAGE}.{fullname}"
        if rest and self._locate(rest) is None:
            return self._installed_spec(fullname, top)
        return importlib.machinery.ModuleSpec(fullname, _AliasLoader(canonical, self._installed(fullname)))

    def _installed(self, name: str) -> Installed | None:
        """The installed package of a name, if there is one."""
        spec = None if "." in name else importlib.machinery.PathFinder.find_spec(name)
        return Installed(name, spec, self) if spec is not None and spec.loader is not None else None

    @staticmethod
    def _installed_spec(fullname: str, top: str) -> importlib.machinery.ModuleSpec | None:
        """The spec of a module that only the installed package has whose name the submission has taken."""
        installed = vars(sys.modules[top]).get("__getattr__") if top in sys.modules else None
        if fullname == top or not isinstance(installed, Installed):
            return None
        try:
            installed.module(fullname)
        except ModuleNotFoundError as error:
            if error.name == fullname:
                return None
            raise
        return importlib.machinery.ModuleSpec(fullname, _InstalledLoader(installed))

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
