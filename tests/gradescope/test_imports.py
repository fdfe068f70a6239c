"""What a file imports of ours: a package and a kit bring what they need, and nothing by chance."""

from gradescope.imports import ROOT, files_behind, imported


def test_every_form_of_import_counts() -> None:
    """Protects from a forgotten file: absolute and relative imports, inside of functions too, and names out of modules."""
    text = "import a.b\nfrom . import c\nfrom ..d import e\ndef f():\n    from graders.check import Check\n"
    assert set(imported(text, ("top", "inner"))) == {"a.b", "top.inner.c", "top.d.e", "graders.check.Check"}


def test_files_with_the_packages_around_them() -> None:
    """Protects the closure: packages are read on the way to a module, and what is no module of ours is nobody's file."""
    found = {path.relative_to(ROOT).as_posix(): package for path, package in files_behind("graders.check.Check")}
    assert found == {"graders/__init__.py": ("graders",), "graders/check.py": ("graders",)}
    assert list(files_behind("numpy.random")) == []
