"""The student templates: in step with the answer key, and without it."""

import ast
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference.templates import (
    HOMEWORKS,
    REFERENCE,
    cut,
    homeworks,
    solved,
    sources,
    with_notebooks,
    write_solution,
    write_template,
)

COMMITTED = REFERENCE.parent / "student_template"
FILES = [pytest.param(h, path, id=f"{h}-{path.stem}") for h in homeworks() for path in sources(h)]


def committed(homework: str, path: Path) -> str:
    """What of a file of the answer key is in the committed template; of a notebook its cells, one after another."""
    if homework in with_notebooks():
        content = json.loads((COMMITTED / homework / f"{path.stem}.ipynb").read_text(encoding="utf-8"))
        return "\n\n".join(cell_text(cell) for cell in content["cells"])
    root = REFERENCE if homework == "core" else HOMEWORKS / homework
    return (COMMITTED / homework / path.relative_to(root)).read_text(encoding="utf-8")


def cell_text(cell: dict[str, str]) -> str:
    """A cell as Python reads it: Markdown is a comment."""
    lines = "".join(cell["source"]).split("\n")
    return "\n".join(lines if cell["cell_type"] == "code" else [f"# {line}".rstrip() for line in lines])


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_every_homework_has_its_folder() -> None:
    """Protects against a homework without a committed template, and a template without its homework."""
    assert sorted(homeworks()) == sorted(path.name for path in COMMITTED.iterdir() if path.is_dir())
    assert {"core", "cmu_birthplaces"} <= set(homeworks())


def test_homeworks_with_notebooks() -> None:
    """Protects the split: these four are handed in as notebooks, the others as Python files."""
    assert with_notebooks() == ["jhu_tinygpt", "mit_dialoguegpt", "transformers_from_scratch", "tugraz_charlm"]
    assert set(with_notebooks()) < set(homeworks())


@pytest.mark.parametrize("homework", homeworks())
def test_committed_template_is_up_to_date(homework: str, tmp_path: Path) -> None:
    """Protects the rule that templates are generated, never edited: writing them again changes no byte."""
    write_template(homework, tmp_path)
    assert contents(tmp_path) == contents(COMMITTED / homework)


@pytest.mark.parametrize("homework", with_notebooks())
def test_committed_solution_is_up_to_date(homework: str, tmp_path: Path) -> None:
    """Protects the same rule for the solutions as they are handed in, by which the grader itself is judged."""
    write_solution(homework, tmp_path)
    assert contents(tmp_path) == contents(HOMEWORKS / homework / "handed_in")


@pytest.mark.parametrize("homework", with_notebooks())
def test_what_is_handed_in(homework: str, tmp_path: Path) -> None:
    """Protects the solution's folder: notebooks and copied cells, what lies beside the source, and no marker."""
    write_solution(homework, tmp_path)
    files = contents(tmp_path)
    beside = {path.name: path.read_bytes() for path in (HOMEWORKS / homework / "source").iterdir()
              if path.is_file() and path.suffix != ".py"}  # fmt: skip
    assert {name: files.get(name) for name in beside} == beside
    assert {f"{path.stem}.ipynb" for path in sources(homework)} == {name for name in files if name.endswith(".ipynb")}
    for name in files.keys() - beside.keys():
        text = files[name].decode()
        assert "<solution>" not in text and "<template>" not in text and "raise NotImplementedError(" not in text


@pytest.mark.parametrize("homework", with_notebooks())
def test_template_and_solution_are_the_same_files(homework: str, tmp_path: Path) -> None:
    """Protects students from looking for a file to copy into: the template has all files of code that are handed in."""
    write_template(homework, tmp_path / "template")
    write_solution(homework, tmp_path / "solution")
    template, solution = contents(tmp_path / "template"), contents(tmp_path / "solution")
    assert [name for name in solution if name.endswith((".py", ".ipynb"))] == list(template)
    assert all(template[name] != solution[name] for name in template)


def public_interface(source: str) -> dict[str, str]:
    """Signature and docstring of the public functions, classes and methods of a source, by name."""
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

    visit(ast.parse(source).body, "")
    return found


@pytest.mark.parametrize("homework, path", FILES)
def test_interfaces_are_equal(homework: str, path: Path) -> None:
    """Protects the agreement of template and answer key: same functions, classes, methods, arguments, docstrings."""
    interface = public_interface(path.read_text(encoding="utf-8"))
    assert interface
    assert public_interface(committed(homework, path)) == interface


def solution_lines(path: Path) -> set[str]:
    """The lines of code between solution markers, stripped; those as short as `return x` give nothing away."""
    found, inside = set(), False
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.strip().startswith(("# <solution>", "# </solution>")):
            inside = not line.strip().startswith("# </")
        elif inside and len(line.strip()) > len("return x"):
            found.add(line.strip())
    return found


@pytest.mark.parametrize("homework, path", FILES)
def test_no_solution_line_survives(homework: str, path: Path) -> None:
    """Protects the answer key: none of its lines, and no marker, is in a template; the gaps raise and name the work."""
    template = committed(homework, path)
    solution = solution_lines(path)
    assert not solution & {line.strip() for line in template.splitlines()}
    assert "<solution>" not in template
    assert "solution" not in template.lower()
    assert "answer key" not in template.lower()
    assert bool(solution) == ("raise NotImplementedError(" in template)
    limit = 128 if homework in with_notebooks() else 120  # a sentence may stand out a little, as in the source
    assert max(map(len, template.splitlines())) <= limit


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


SOLVED = """\
def f():
    # <solution> part a
    y = 1

    return y
    # </solution>
    # <template>
    # | raise NotImplementedError("part a: y")
    # </template>


# <solution> part b
z = 2
# </solution>
# the end
"""


def test_solved_keeps_what_is_between_the_markers() -> None:
    """Protects the solution as it is handed in: its lines as they are, without markers and without the template's."""
    assert solved(SOLVED) == "def f():\n    y = 1\n\n    return y\n\n\nz = 2\n# the end\n"


@settings(derandomize=True, deadline=None, database=None)
@given(source=st.text(st.sampled_from("ab #<>/|\n\r\f\u2028é"), max_size=40))
def test_solved_leaves_other_text_alone(source: str) -> None:
    """Protects what stands outside of the regions, and the solution itself: both come out byte for byte."""
    assert solved(source) == source
    region = f"# <solution> do it\n{source}\n# </solution>"
    assert solved(f"{source}\n{region}\n{source}") == f"{source}\n{source}\n{source}"


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
def test_the_line_of_a_faulty_marker_is_named(source: str, message: str) -> None:
    """Protects against a solution that reaches students through an unbalanced or misspelt marker; both ways to read it."""
    for change in (cut, solved):
        with pytest.raises(ValueError) as error:
            change(source)
        assert message in str(error.value)


def test_unknown_homework_is_refused(tmp_path: Path) -> None:
    """Protects the message for a homework that does not exist: it lists those that do; nothing is written."""
    with pytest.raises(ValueError, match=r"one of core, .*cmu_birthplaces.*got '\.\./core'"):
        write_template("../core", tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("homework", ["core", "cmu_birthplaces", "../jhu_tinygpt", ""])
def test_a_solution_is_written_for_notebooks_only(homework: str, tmp_path: Path) -> None:
    """Protects the message where the solution lies ready: it lists the homeworks with notebooks; nothing is written."""
    ready = "; its solution lies ready in reference/" if homework in ("core", "cmu_birthplaces") else ""
    with pytest.raises(ValueError, match=rf"^homework must be one of jhu_tinygpt, mit_.*, got '{homework}'{ready}$"):
        write_solution(homework, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_homework_of_ones_own_with_notebooks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects new homeworks: a folder `source` makes notebooks; copied cells and other files go where they belong."""
    folder = tmp_path / "homeworks" / "own" / "source"
    (folder / "deeper").mkdir(parents=True)
    cell = "# %%\n# part.py: copy this cell into that file\ny = 0\n# <solution> set x\nx = 1\n# </solution>\n"
    (folder / "Task.py").write_text(f"# %% [markdown]\n# Text\n\n{cell}", encoding="utf-8")
    (folder / "report.pdf").write_bytes(b"%PDF-\xff")
    (folder / "deeper" / "notes.txt").write_text("stays", encoding="utf-8")
    monkeypatch.setattr("reference.templates.HOMEWORKS", tmp_path / "homeworks")
    assert (homeworks(), with_notebooks()) == (["core", "own"], ["own"])
    write_template("own", tmp_path / "template")
    write_solution("own", tmp_path / "solution")
    template, solution = contents(tmp_path / "template"), contents(tmp_path / "solution")
    assert (set(template), set(solution)) == ({"Task.ipynb", "part.py"}, {"Task.ipynb", "part.py", "report.pdf"})
    assert template["part.py"] == b'y = 0\nraise NotImplementedError("set x")\n'
    assert (solution["part.py"], solution["report.pdf"]) == (b"y = 0\nx = 1\n", b"%PDF-\xff")
    assert b"x = 1" in solution["Task.ipynb"] and b"x = 1" not in template["Task.ipynb"]


def test_writing_again_replaces_and_keeps(tmp_path: Path) -> None:
    """Protects the folder's other files, and from remains: a file of the same name is replaced."""
    (tmp_path / "Homework7.ipynb").write_text("old", encoding="utf-8")
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
    write_solution("jhu_tinygpt", tmp_path)
    assert json.loads((tmp_path / "Homework7.ipynb").read_text(encoding="utf-8"))["nbformat"] == 4
    assert (tmp_path / "mine.txt").read_text(encoding="utf-8") == "mine"


def test_faulty_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects the message for a faulty marker in the answer key: file and line."""
    (tmp_path / "broken.py").write_text("# <solution> do it\n", encoding="utf-8")
    monkeypatch.setattr("reference.templates.REFERENCE", tmp_path)
    with pytest.raises(ValueError, match=r"broken\.py, line 1: .* never closed"):
        write_template("core", tmp_path / "out")
