"""The student templates: in step with the answer key, and without it."""

import ast
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference.templates import REFERENCE, cut, homeworks, sources, write_template

COMMITTED = REFERENCE.parent / "student_template"
FILES = [pytest.param(h, path, id=f"{h}-{path.stem}") for h in homeworks() for path in sources(h)]


def committed(homework: str, path: Path) -> Path:
    root = REFERENCE if homework == "core" else REFERENCE / "homeworks" / homework
    return COMMITTED / homework / path.relative_to(root)


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_every_homework_has_its_folder() -> None:
    """Protects against a homework without a committed template, and a template without its homework."""
    assert sorted(homeworks()) == sorted(path.name for path in COMMITTED.iterdir() if path.is_dir())
    assert {"core", "cmu_birthplaces"} <= set(homeworks())


@pytest.mark.parametrize("homework", homeworks())
def test_committed_template_is_up_to_date(homework: str, tmp_path: Path) -> None:
    """Protects the rule that templates are generated, never edited: writing them again changes no byte."""
    write_template(homework, tmp_path)
    assert contents(tmp_path) == contents(COMMITTED / homework)


def public_interface(path: Path) -> dict[str, str]:
    """Signature and docstring of the public functions, classes and methods of a file, by name."""
    found = {}

    def visit(body: list[ast.stmt], owner: str) -> None:
        for node in body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef):
                if node.name.startswith("_") and node.name != "__init__":
                    continue
                if isinstance(node, ast.ClassDef):
                    signature = ", ".join(map(ast.unparse, node.bases))
                    visit(node.body, f"{node.name}.")
                else:
                    signature = f"{ast.unparse(node.args)} -> {ast.unparse(node.returns) if node.returns else ''}"
                found[owner + node.name] = f"({signature}) {ast.get_docstring(node)}"

    visit(ast.parse(path.read_text(encoding="utf-8")).body, "")
    return found


@pytest.mark.parametrize("homework, path", FILES)
def test_interfaces_are_equal(homework: str, path: Path) -> None:
    """Protects the agreement of template and answer key: same functions, classes, methods, arguments, docstrings."""
    interface = public_interface(path)
    assert interface
    assert public_interface(committed(homework, path)) == interface


def solution_lines(path: Path) -> set[str]:
    """The lines of code between solution markers, stripped."""
    found, inside = set(), False
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.strip().startswith(("# <solution>", "# </solution>")):
            inside = not line.strip().startswith("# </")
        elif inside and line.strip():
            found.add(line.strip())
    return found


@pytest.mark.parametrize("homework, path", FILES)
def test_no_solution_line_survives(homework: str, path: Path) -> None:
    """Protects the answer key: none of its lines, and no marker, is in a template; the gaps raise and name the work."""
    template = committed(homework, path).read_text(encoding="utf-8")
    solution = solution_lines(path)
    assert not solution & {line.strip() for line in template.splitlines()}
    assert "solution" not in template.lower()
    assert "answer key" not in template.lower()
    assert bool(solution) == ("raise NotImplementedError(" in template)
    assert max(map(len, template.splitlines())) <= 120


@pytest.mark.parametrize("homework", homeworks())
def test_something_is_left_to_do(homework: str) -> None:
    """Protects the check above from passing because nothing was marked."""
    assert any(solution_lines(path) for path in sources(homework))


def test_core_takes_the_modules_that_hold_a_solution() -> None:
    """Protects the choice of files: no package file, no tool, in the folder that students get."""
    names = {path.name for path in sources("core")}
    assert {"attention.py", "mask.py", "multi_head.py", "rope.py", "span_corruption.py"} <= names
    assert not {"__init__.py", "templates.py"} & names


def test_cut_leaves_a_stub() -> None:
    """Protects the plain region: one line that raises, indented like the marker, with the marker's text."""
    source = 'def f():\n    """Say "hi"."""\n    # <solution> f: return "hi"\n    return "hi"\n    # </solution>\n'
    expected = 'def f():\n    """Say "hi"."""\n    raise NotImplementedError("f: return \\"hi\\"")\n'
    assert cut(source) == expected


def test_cut_takes_the_template_region() -> None:
    """Protects the template region: its lines stand in the solution's place, blank lines and deeper ones too."""
    source = """\
if x:
    # <solution> part a
    y = 1
    # </solution>
    # <template>
    # | # [part a] y
    # |
    # | if y:
    # |     raise NotImplementedError("part a: y")
    # </template>
z = 2
"""
    expected = """\
if x:
    # [part a] y

    if y:
        raise NotImplementedError("part a: y")
z = 2
"""
    assert cut(source) == expected


@settings(derandomize=True, deadline=None, database=None)
@given(source=st.text(st.sampled_from("ab #<>/|\n\r\f\u2028é"), max_size=40))
def test_cut_leaves_other_text_alone(source: str) -> None:
    """Protects what stands outside of the regions: it comes out byte for byte."""
    assert cut(source) == source
    region = "# <solution> do it\nx = 1\n# </solution>"
    assert cut(f"{source}\n{region}\n{source}") == f'{source}\nraise NotImplementedError("do it")\n{source}'


BEGIN, END = "# <solution> do it\n", "# </solution>\n"


@pytest.mark.parametrize(
    "source, message",
    [
        ("a\n" + BEGIN + "x\n", "line 2: `# <solution>` is never closed"),
        ("a\n" + END, "line 2: `# </solution>` was never opened"),
        (BEGIN + BEGIN + END, "line 2: expected `# </solution>`, indented like line 1, got `# <solution> do it`"),
        (BEGIN + "    " + END, "line 2: expected `# </solution>`, indented like line 1, got `    # </solution>`"),
        (BEGIN + "# </template>\n", "line 2: expected `# </solution>`"),
        ("# <solution>\nx\n" + END, "line 1: `# <solution>` needs a message"),
        (BEGIN + END + "# <template>\n# | a\n", "line 3: `# <template>` is never closed"),
        (BEGIN + END + "# </template>\n", "line 3: `# </template>` was never opened"),
        ("# <template>\n# </template>\n", "line 1: `# <template>` follows no solution region"),
        (BEGIN + END + "\n# <template>\n# </template>\n", "line 4: `# <template>` follows no solution region"),
        (BEGIN + END + "  # <template>\n  # </template>\n", "line 3: `# <template>` follows no solution region"),
        (BEGIN + END + "# <template>\nx = 1\n# </template>\n", r"line 4: a line of a template region must start with"),
        (BEGIN + END + "# <template>\n#| x\n# </template>\n", r"line 4: a line of a template region must start with"),
        ("#<solution> do it\n", "line 1: not a marker, but looks like one: #<solution> do it"),
        ("x = 1  # <Solution> do it\n", "line 1: not a marker, but looks like one"),
        (BEGIN + "# </solution\n", "line 2: not a marker, but looks like one"),
    ],
)
def test_cut_names_the_line_of_a_faulty_marker(source: str, message: str) -> None:
    """Protects against a solution that reaches students through an unbalanced or misspelt marker."""
    with pytest.raises(ValueError) as error:
        cut(source)
    assert message in str(error.value)


def test_unknown_homework_is_refused(tmp_path: Path) -> None:
    """Protects the message for a homework that does not exist: it lists those that do; nothing is written."""
    with pytest.raises(ValueError, match=r"one of core, .*cmu_birthplaces.*got '\.\./core'"):
        write_template("../core", tmp_path)
    assert not list(tmp_path.iterdir())


def test_faulty_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects the message for a faulty marker in the answer key: file and line."""
    (tmp_path / "broken.py").write_text("# <solution> do it\n", encoding="utf-8")
    monkeypatch.setattr("reference.templates.REFERENCE", tmp_path)
    with pytest.raises(ValueError, match=r"broken\.py, line 1: .* never closed"):
        write_template("core", tmp_path / "out")
