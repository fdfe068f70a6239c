"""Rules of a handout about the files themselves: each check through a Judge, on small submissions."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from graders.aligned import AlignedMultiHead, HeadForm
from graders.homework import _KEYS_OF_RULES, HOMEWORKS, Config, Homework
from graders.judge import Judge
from graders.rules import Use
from graders.scoring import lost_items
from graders.student import Offer
from graders.verdict import Outcome, Reason, Verdict
from sandbox.client import Remote, Worker

CHECKS = (
    "files_are_there",
    "nothing_else_is_there",
    "pdf_is_there",
    "no_forbidden_function",
    "signatures_are_unchanged",
    "code_only_in_todo_sections",
    "text_of_ones_own",
    "listed_packages_only",
    "file_equals_notebook",
)
PDF = b"%PDF-1.7\n%%EOF\n"
Files = Mapping[str, str | bytes]


def notebook(*cells: str) -> str:
    """A notebook of code cells."""
    code = [
        {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": cell} for cell in cells
    ]
    return json.dumps({"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": code})


def homework(
    table: Mapping[str, Any], binding: Mapping[str, Offer] | None = None, folder: Path = HOMEWORKS
) -> Homework:
    """A homework that consists of the rules that its table says something about."""
    listed = [f"rules.{name}" for name in CHECKS if _KEYS_OF_RULES.get(f"rules.{name}") in {None, *table}]
    item = {"number": "1", "title": "Rules", "points": 1, "kind": "auto", "rules": listed}
    config = Config.model_validate({"title": "Rules", "files": {"names": ["*"]}, "rules": table, "item": [item]})
    return Homework(slug="ruled", config=config, binding=binding or {}, folder=folder)


@pytest.fixture
def judged(judge: Any, tmp_path: Path) -> Callable[..., Verdict]:
    """Judge one check on a submission, given as {relative path: contents}, under a table of rules."""

    def verdict(
        check: str,
        files: Files,
        table: Mapping[str, Any],
        binding: Mapping[str, Offer] | None = None,
        folder: Path = HOMEWORKS,
    ) -> Verdict:
        root = tmp_path / "handed_in"
        root.mkdir()
        for name, content in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        someone: Judge = judge(root, homework=homework(table, binding, folder))
        return someone.judge(next(each for each in someone.checks if each.id == f"rules.{check}"))

    return verdict


def failed(message: str) -> tuple[Outcome, str]:
    return Outcome.FAILED, message


PASSED = (Outcome.PASSED, "")


def short(verdict: Verdict) -> tuple[Outcome, str]:
    """Outcome and message; a fault of the grader is shown whole."""
    return verdict.outcome, verdict.staff or verdict.message


# ---------------------------------------------------------------------------------------------------- names and kinds


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"hw.ipynb": "", "a/report.pdf": ""}, PASSED),
        ({"hw.ipynb": "", "report.PDF": "", "more.txt": ""}, PASSED),
        ({"hw.ipynb": ""}, failed("There is no file *.pdf or *.PDF. Handed in were: hw.ipynb.")),
        ({"b.pdf": "", "a.ipynb.txt": ""}, failed("There is no file *.ipynb. Handed in were: a.ipynb.txt, b.pdf.")),
        ({}, failed("There is no file *.ipynb. Handed in were: no files.")),
        (
            {f"{i}.txt": "" for i in range(10)},
            failed(
                "There is no file *.ipynb. Handed in were: 0.txt, 1.txt, 2.txt, 3.txt, 4.txt, 5.txt, 6.txt, 7.txt and 2 more."
            ),
        ),
    ],
    ids=lambda value: ",".join(value)[:40] if isinstance(value, dict) else "",
)
def test_files_are_there(judged: Any, files: Files, expected: Any) -> None:
    """Protects who forgets a file, or its ending: the names asked for are told, and what was found."""
    table = {"required": [["*.ipynb"], ["*.pdf", "*.PDF"]]}
    assert expected == short(judged("files_are_there", files, table))


@pytest.mark.parametrize(
    ("files", "table", "expected"),
    [
        ({"a.pdf": "", "b.ipynb": ""}, {"exactly": 2}, PASSED),
        ({"a.pdf": "", "b.ipynb": "", "__pycache__/x.pyc": "", ".DS_Store": ""}, {"exactly": 2}, PASSED),
        (
            {"a.pdf": ""},
            {"exactly": 2},
            failed("The handout asks for exactly 2 files, handed in were 1: a.pdf."),
        ),
        (
            {"a.pdf": "", "b.ipynb": "", "c/d.txt": ""},
            {"exactly": 2},
            failed("The handout asks for exactly 2 files, handed in were 3: a.pdf, b.ipynb, c/d.txt."),
        ),
        ({"src/a.py": "", "b.txt": ""}, {"suffixes": {"src": [".py"]}}, PASSED),
        (
            {"hw/src/a.py": "", "hw/src/deep/b.txt": "", "b.txt": ""},
            {"suffixes": {"src": [".py"]}},
            failed("In src/ only .py files are allowed, found: hw/src/deep/b.txt."),
        ),
        (
            {"a.pdf": "", "b.py": "", "c.zip": ""},
            {"suffixes": {"": [".pdf", ".ipynb"]}},
            failed("Of what is handed in only .pdf, .ipynb files are allowed, found: b.py, c.zip."),
        ),
        ({"anything.exe": ""}, {}, PASSED),
    ],
    ids=str,
)
def test_nothing_else_is_there(judged: Any, files: Files, table: Any, expected: Any) -> None:
    """Protects the handout's "exactly" and "only": what is too much is named; caches of the machine are nobody's fault."""
    assert expected == short(judged("nothing_else_is_there", files, table))


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"a/report.pdf": PDF}, PASSED),
        ({"REPORT.PDF": b"\n" * 100 + PDF}, PASSED),
        ({"hw.ipynb": ""}, failed("There is no PDF. Handed in were: hw.ipynb.")),
        (
            {"a.pdf": PDF, "b/report.pdf": b"<!DOCTYPE html>"},
            failed("report.pdf has the name of a PDF, but not its contents: export it again."),
        ),
        ({"a.pdf": b""}, failed("a.pdf has the name of a PDF, but not its contents: export it again.")),
        ({"a.pdf": b" " * 1024 + PDF}, failed("a.pdf has the name of a PDF, but not its contents: export it again.")),
    ],
    ids=lambda value: ",".join(value)[:40] if isinstance(value, dict) else "",
)
def test_pdf_is_there(judged: Any, files: Files, expected: Any) -> None:
    """Protects who prints a web page into a file named .pdf: the contents decide, by their first kilobyte."""
    assert expected == short(judged("pdf_is_there", files, {"pdf": True}))


# ---------------------------------------------------------------------------------------------------- forbidden functions

FORBIDDEN = {
    "classes": ["Own"],
    "forbidden": ["*scaled_dot_product*", "torch.nn.MultiheadAttention", "*multi_head_attention*"],
}
SDPA = "torch.nn.functional.scaled_dot_product_attention"


def message(name: str, place: str, line: int) -> tuple[Outcome, str]:
    return failed(f"Found {name} ({place}, line {line}). The handout asks for PyTorch's primitives in its place.")


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (
            ["import torch.nn.functional as F", "\nclass Own:\n    def f(self, q): return F.scaled_dot_product_attention(q)"],
            message(SDPA, "hw.ipynb [cell 2]", 3),
        ),
        (
            ["from torch.nn.functional import scaled_dot_product_attention as s\nclass Own:\n    def f(self, q): return s(q)"],
            message(SDPA, "hw.ipynb [cell 1]", 3),
        ),
        (
            ["from torch.nn.functional import *\nclass Own:\n    f = scaled_dot_product_attention"],
            message(SDPA, "hw.ipynb [cell 1]", 3),
        ),
        (
            ["import torch.nn as nn\nf = getattr(nn.functional, 'scaled_dot_product_attention')\nclass Own:\n    g = f"],
            message(SDPA, "hw.ipynb [cell 1]", 2),
        ),
        (
            ["from torch import nn\nclass Helper(nn.MultiheadAttention): pass", "class Own:\n    h = Helper(8, 2)"],
            message("torch.nn.MultiheadAttention", "hw.ipynb [cell 1]", 2),
        ),
        (
            ["from torch.nn import functional as F\ndef run(q):\n    return F.scaled_dot_product_attention(q)",
             "class Own:\n    def f(self, q): return run(q)"],
            message(SDPA, "hw.ipynb [cell 1]", 3),
        ),
        # none of these is a use
        (["import torch\nclass Own:\n    # F.scaled_dot_product_attention\n    f = torch.softmax"], PASSED),
        (["class Own:\n    '''As F.scaled_dot_product_attention does.'''\n    x = 'scaled_dot_product_attention'"], PASSED),
        (["class Own: pass", "import torch.nn.functional as F\nout = F.scaled_dot_product_attention(1, 2, 3)"], PASSED),
        (["class Own:\n    def scaled_dot_product_attention(self, q): return q\n"
          "    def f(self, q): return self.scaled_dot_product_attention(q)"], PASSED),
        (["class Other: pass"], PASSED),
        (["class Own(: pass"], PASSED),
    ],
    ids=["alias", "from import", "star import", "getattr", "helper class", "helper function",
         "comment", "string", "unused cell", "own method", "no such class", "cannot be read"],
)  # fmt: skip
def test_no_forbidden_function(judged: Any, cells: list[str], expected: Any) -> None:
    """Protects the rule and honest work alike: what the class uses counts, by whatever name; text and other cells do not."""
    assert expected == short(judged("no_forbidden_function", {"hw.ipynb": notebook(*cells)}, FORBIDDEN))


def test_names_in_messages_are_cleaned(judged: Any) -> None:
    """Protects the reader's terminal and the report: a file's name cannot rewrite the line that it stands in."""
    source = "import torch.nn.functional as F\nclass Own:\n    f = F.scaled_dot_product_attention\n"
    outcome, text = short(judged("no_forbidden_function", {"a\u202eb.py": source}, FORBIDDEN))
    assert (outcome, "\u202e" in text, "a\ufffdb.py" in text) == (Outcome.FAILED, False, True)


def test_use_reads_as_a_place() -> None:
    """Protects the messages' form."""
    assert str(Use("torch.nn.Module", "hw.ipynb [cell 2]", 5)) == "torch.nn.Module (hw.ipynb [cell 2], line 5)"


# ---------------------------------------------------------------------------------------------------- the second witness

OWN = """
import torch
from torch import nn
import torch.nn.functional as F

class Own(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.proj = (nn.Linear(width, width) for _ in range(4))

    def forward(self, x):
        B, T, C = x.shape
        q, k, v = (f(x).view(B, T, self.heads, -1).transpose(1, 2) for f in (self.query, self.key, self.value))
        mask = torch.ones(T, T, dtype=torch.bool).tril()
        y = BODY
        return self.proj(y.transpose(1, 2).reshape(B, T, C))
"""
BY_HAND = "(q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5).masked_fill(~mask, float('-inf')).softmax(-1) @ v"
HIDDEN = "vars(F)['scaled_dot' + '_product_attention'](q, k, v, is_causal=True)"
BELOW = "eval('torch.ops.aten.scaled_dot_product_attention')(q, k, v, is_causal=True)"


def opened(worker: Worker) -> AlignedMultiHead:
    """The class `Own` of attention.py as the task multi_head."""
    own: Remote = worker.resolve("attention", "Own")
    return AlignedMultiHead(HeadForm("attention.py", lambda sizes: own.construct(sizes.d_model, sizes.n_heads)))


@pytest.mark.parametrize(
    ("body", "names"),
    [
        (BY_HAND, None),
        (HIDDEN, ["torch._C._nn.scaled_dot_product_attention"]),
        (f"eval({HIDDEN!r})", ["torch._C._nn.scaled_dot_product_attention"]),
        (BELOW, ["scaled_dot_product"]),
        ("nn_attention(q, k, v)", None),  # a NameError: the module cannot run, and its own checks say so
    ],
    ids=["by hand", "by a computed name", "by eval", "the kernel", "raises"],
)
def test_what_runs_is_seen_too(judged: Any, body: str, names: list[str] | None) -> None:
    """Protects the rule from names that are made while the code runs: what a forward pass runs is looked at as well."""
    files = {"attention.py": OWN.replace("BODY", body)}
    outcome, text = short(judged("no_forbidden_function", files, FORBIDDEN, {"multi_head": Offer(opened)}))
    if names is None:
        assert (outcome, text) == PASSED
    else:
        assert outcome is Outcome.FAILED
        assert text.startswith("When the attention module runs, it uses torch.")
        assert text.endswith(". Write it out yourself.")
        assert all(name in text for name in names)


def test_a_missing_class_is_left_to_its_own_checks(judged: Any) -> None:
    """Protects that a mistake costs once: what cannot be built breaks no rule."""
    files = {"other.py": "x = 1\n"}
    assert short(judged("no_forbidden_function", files, FORBIDDEN, {"multi_head": Offer(opened)})) == PASSED


def test_the_reading_comes_before_the_running(judged: Any) -> None:
    """Protects the first witness: code that would forge the reader's replies is not imported before it is read."""
    forging = (
        "import sys, torch.nn.functional as F\n"
        "for module in list(sys.modules.values()):\n"
        "    if getattr(module, 'scan', None) and hasattr(module.scan, 'scan'):\n"
        "        module.scan.scan = lambda *_, **__: {'definitions': {}, 'imports': [], 'problems': []}\n"
    )
    files = {"attention.py": forging + OWN.replace("BODY", "F.scaled_dot_product_attention(q, k, v, is_causal=True)")}
    outcome, text = short(judged("no_forbidden_function", files, FORBIDDEN, {"multi_head": Offer(opened)}))
    assert (outcome, text.partition(" (")[0]) == failed(f"Found {SDPA}")


def test_a_binding_whose_module_cannot_be_watched(judged: Any) -> None:
    """Protects homeworks with a binding of their own: without the second witness the first one decides alone."""

    class Plain:
        def build(self, sizes: Any) -> object:
            return object()

    files = {"attention.py": "class Own: pass\n"}
    binding = {"multi_head": Offer(lambda worker: Plain())}
    assert short(judged("no_forbidden_function", files, FORBIDDEN, binding)) == PASSED


# ---------------------------------------------------------------------------------------------------- the template

TEMPLATE = """
class Given:
    def run(self): return 1

class Own:
    def __init__(self, config):
        self.width = config.width

    def forward(self, x, mask=None):
        y = x
        raise NotImplementedError("the rest")
        return y
"""
SOLUTION = TEMPLATE.replace('raise NotImplementedError("the rest")', "y = y + 1  # mine")
NO_TEMPLATE = "Not judged: the template that this course hands out is not known here; the staff looks at it."
TABLE = {"classes": ["Own"], "template": "course.py"}


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """The folder of an instructor's TOML, with the course's own template beside it."""
    folder = tmp_path / "course"
    folder.mkdir()
    (folder / "course.py").write_text(TEMPLATE, encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("check", "source", "expected"),
    [
        ("signatures_are_unchanged", SOLUTION, PASSED),
        ("code_only_in_todo_sections", SOLUTION, PASSED),
        ("signatures_are_unchanged", TEMPLATE, PASSED),
        ("code_only_in_todo_sections", TEMPLATE, PASSED),
        ("signatures_are_unchanged", "x = 1\n", PASSED),
        ("code_only_in_todo_sections", "x = 1\n", PASSED),
        (
            "signatures_are_unchanged",
            SOLUTION.replace("(self, x, mask=None)", "(self, x, *masks)"),
            failed("The template has Own.forward(self, x, mask), found Own.forward(self, x, *masks)."),
        ),
        (
            "signatures_are_unchanged",
            "def Own(config): return config\n",
            failed("The template has Own((a class)), found Own((a function))."),
        ),
        (
            "code_only_in_todo_sections",
            SOLUTION.replace("config.width", "3"),
            failed("Own differs from the template outside of its TODO sections, first in hw.py, line 7."),
        ),
        # what does not belong to the classes may be changed
        ("code_only_in_todo_sections", SOLUTION.replace("return 1", "return 2"), PASSED),
    ],
)
def test_the_courses_own_template(judged: Any, course: Path, check: str, source: str, expected: Any) -> None:
    """Protects the handout's rule where the course's template is known: it is judged, whatever a submission began with."""
    assert expected == short(judged(check, {"hw.py": source}, TABLE, folder=course))


def test_long_signatures_are_cut(judged: Any, course: Path) -> None:
    """Protects the report from a method with a thousand parameters."""
    many = ", ".join(f"parameter_{i}" for i in range(1000))
    files = {"hw.py": SOLUTION.replace("(self, x, mask=None)", f"(self, {many})")}
    outcome, text = short(judged("signatures_are_unchanged", files, TABLE, folder=course))
    assert outcome is Outcome.FAILED
    assert len(text) < 600


@pytest.mark.parametrize("check", ["signatures_are_unchanged", "code_only_in_todo_sections"])
def test_without_a_template_it_cannot_be_judged(judged: Any, check: str) -> None:
    """Protects students of a course whose template is not known: no verdict, no points lost, and the staff looks."""
    verdict = judged(check, {"hw.py": "class Own: pass\n"}, {"classes": ["Own"]})
    assert (verdict.outcome, verdict.reason, verdict.message) == (Outcome.NOT_JUDGED, Reason.NO_TEMPLATE, NO_TEMPLATE)
    assert verdict.gives_points


@pytest.mark.parametrize("check", ["signatures_are_unchanged", "code_only_in_todo_sections"])
@pytest.mark.parametrize("table", [{"classes": ["Own"]}, TABLE | {"template": "misspelt.py"}], ids=["ours", "misspelt"])
def test_our_template_says_something_about_who_started_from_it_only(
    judged: Any, course: Path, check: str, table: Any
) -> None:
    """Protects who began with the course's own template, unknown here: ours does not count; a wrong path is no template."""
    (course / "template").mkdir()
    (course / "course.py").rename(course / "template" / "homework.py")
    stranger = SOLUTION.replace("return 1", "return 2").replace("mask=None", "m=None").replace("config.width", "3")
    verdict = judged(check, {"hw.py": stranger}, table, folder=course)
    assert (verdict.outcome, verdict.reason) == (Outcome.NOT_JUDGED, Reason.NO_TEMPLATE)


@pytest.mark.parametrize("check", ["signatures_are_unchanged", "code_only_in_todo_sections"])
def test_our_template_counts_for_who_started_from_it(judged: Any, course: Path, check: str) -> None:
    """Protects the rule for our own students: a notebook is taken before a Python file beside it."""
    folder = course / "template"
    folder.mkdir()
    (folder / "a.py").write_text("x = 1\n", encoding="utf-8")
    (folder / "homework.ipynb").write_text(notebook(TEMPLATE), encoding="utf-8")
    changed = SOLUTION.replace("mask=None", "m=None").replace("config.width", "3")
    verdict = judged(check, {"hw.ipynb": notebook(changed)}, {"classes": ["Own"]}, folder=course)
    assert verdict.outcome is Outcome.FAILED


# ---------------------------------------------------------------------------------------------------- a text of one's own

TEXT = {"text": ["*.txt", 20, 40]}


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"my.txt": "Grüße aus Graz,\r\n\tund mehr"}, PASSED),
        ({"my.txt": "\ufeff" + "x" * 40}, PASSED),
        ({"my.txt": "x" * 20}, PASSED),
        ({"my.txt": "x" * 19}, failed("my.txt has 19 characters; the handout asks for 20 to 40.")),
        ({"a/my.txt": "ü" * 41}, failed("my.txt has 41 characters; the handout asks for 20 to 40.")),
        (
            {"my.txt": b"x" * 20 + "Grüße".encode("latin-1")},
            failed("my.txt is not UTF-8: the byte at place 22 cannot be read. Save it as UTF-8."),
        ),
        (
            {"my.txt": "x" * 20 + "\x00"},
            failed("my.txt holds control characters, such as '\\x00': remove what is not text."),
        ),
        (
            {"my.txt": "x" * 20 + "\x93"},
            failed("my.txt holds control characters, such as '\\x93': remove what is not text."),
        ),
        ({"my.txt": "x" * 20 + "<br>a&amp;b"}, failed("my.txt still holds mark-up: <br, &amp;.")),
        ({"my.txt": "a < b, c > d, x & y, [1], {2}"}, PASSED),
        # the handout's own data may lie beside it
        ({"a_data.txt": "x" * 1000, "my.txt": "x" * 30}, PASSED),
        ({"a.txt": "x" * 1000, "b.txt": "x"}, failed("a.txt has 1000 characters; the handout asks for 20 to 40.")),
    ],
    ids=str,
)
def test_text_of_ones_own(judged: Any, files: Files, expected: Any) -> None:
    """Protects the training text: its length in characters, its encoding and what was left of a web page are told."""
    assert expected == short(judged("text_of_ones_own", files, TEXT))


def test_a_text_that_is_optional_may_be_missing(judged: Any) -> None:
    """Protects who leaves the bonus out: no verdict, and nothing lost."""
    verdict = judged("text_of_ones_own", {"notes.md": "x"}, TEXT)
    assert (verdict.outcome, verdict.reason) == (Outcome.NOT_JUDGED, Reason.NOT_HANDED_IN)
    assert verdict.message == "Not judged: it is optional, and not there."
    assert verdict.gives_points


# ---------------------------------------------------------------------------------------------------- packages


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"hw.ipynb": notebook("import torch.nn as nn, numpy\nimport os, json\nfrom __future__ import annotations")}, PASSED),
        ({"hw.ipynb": notebook("from google.colab import drive", "import IPython.display\n%pip install pandas")}, PASSED),
        # one's own files and folders
        ({"hw.ipynb": notebook("import transformers_own, layers.heads\nfrom . import x"),
          "transformers_own.py": "import numpy", "layers/heads.py": "import math"}, PASSED),
        (
            {"hw.ipynb": notebook("import torch", "import numpy\nfrom pandas.io import json")},
            failed("Found an import of pandas (hw.ipynb [cell 2], line 2); the handout lists torch, numpy."),
        ),
        (
            {"src/a.py": "def f():\n    import tiktoken\n"},
            failed("Found an import of tiktoken (src/a.py, line 2); the handout lists torch, numpy."),
        ),
        ({"src/a.py": "# import tiktoken\nx = 'import tiktoken'\n"}, PASSED),
    ],
    ids=["listed", "Colab's", "one's own", "another", "within a function", "comment"],
)  # fmt: skip
def test_listed_packages_only(judged: Any, files: Files, expected: Any) -> None:
    """Protects who imports what the course's machine may lack: the line is named; Python's own and one's own may be used."""
    assert expected == short(judged("listed_packages_only", files, {"packages": ["torch", "numpy"]}))


# ---------------------------------------------------------------------------------------------------- the copied cell

SAME = {"same": ["transformers.py|transformer.py", ["One", "Two"]]}
ONE, TWO = "class One:\n    x = 1  # one\n", "class Two:\n    'Two.'\n    y = 2\n"


@pytest.mark.parametrize(
    ("name", "copy", "cells", "expected"),
    [
        ("transformers.py", ONE + TWO, [ONE, TWO], PASSED),
        ("hw/transformer.py", ONE + "\n\n" + TWO, ["import torch\n" + ONE + TWO], PASSED),
        ("transformers.py", (ONE + TWO).replace("# one", "").replace("'Two.'", "''"), [ONE, TWO], PASSED),
        ("transformers.py", ONE + TWO, ["from transformers import One, Two"], PASSED),
        (
            "transformers.py",
            ONE + TWO.replace("y = 2", "y = 3"),
            [ONE, TWO],
            failed("Two in transformers.py is not what the notebook has: copy the cell again."),
        ),
        (
            "a/transformer.py",
            ONE.replace("x = 1", "x = 0"),
            [ONE, TWO],
            failed("One and Two in transformer.py is not what the notebook has: copy the cell again."),
        ),
    ],
)
def test_file_equals_notebook(judged: Any, name: str, copy: str, cells: list[str], expected: Any) -> None:
    """Protects who mends the notebook and forgets the copy: the classes that differ are named; comments may differ."""
    assert expected == short(judged("file_equals_notebook", {name: copy, "hw.ipynb": notebook(*cells)}, SAME))


@pytest.mark.parametrize("files", [{"hw.ipynb": notebook(ONE)}, {"transformers.py": ONE}, {}], ids=",".join)
def test_one_of_the_two_files_may_be_missing(judged: Any, files: Files) -> None:
    """Protects that a mistake costs once: that a file is not there another rule says."""
    verdict = judged("file_equals_notebook", files, SAME)
    assert (verdict.outcome, verdict.reason) == (Outcome.NOT_JUDGED, Reason.NOT_HANDED_IN)


# ---------------------------------------------------------------------------------------------------- the seam


def test_every_rule_has_its_tests() -> None:
    """Protects against a rule without tests here: the catalogue and this file name the same ones."""
    from graders.catalogue import all_checks

    assert [f"rules.{name}" for name in CHECKS] == [each.id for each in all_checks() if each.task == "rules"]


def test_an_empty_table_demands_nothing(judged: Any) -> None:
    """Protects homeworks that demand nothing of their files."""
    assert short(judged("nothing_else_is_there", {"anything.exe": ""}, {})) == PASSED


def test_hostile_files_break_a_rule_and_no_grader(judged: Any) -> None:
    """Protects the judge: source that is nested without end ends in a verdict about the submission."""
    files = {"hw.py": "class Own:\n    x = " + "-" * 50_000 + "1\n", "two.py": "(" * 10_000}
    verdict = judged("no_forbidden_function", files, FORBIDDEN)
    assert (verdict.reason, verdict.staff) == (None, "")


def test_a_rule_earns_nothing_alone(judge: Any) -> None:
    """Protects the score of the untouched template: it breaks no rule, and gets no points for that."""
    someone = judge({"a.py": "x = 1\n"}, homework=homework({"pdf": True, **FORBIDDEN}))
    for check in someone.checks:
        if check.name in ("files_are_there", "no_forbidden_function"):
            someone.judge(check)
    assert {verdict.outcome for verdict in someone.verdicts.values()} == {Outcome.PASSED}
    assert lost_items(someone.homework, someone.checks, someone.verdicts) == {"1"}
