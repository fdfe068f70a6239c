"""What a student writes reaches people as plain text: in results.json, in a terminal, in JUnit's XML and on a page."""

import json
import os
import re
import subprocess
import sys
import unicodedata
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from audit.matrix import Row
from audit.specimens import Specimen
from audit.summary import summaries
from audit.tables import page
from graders.catalogue import checks_of
from graders.homework import load
from gradescope.report import MAX_MESSAGE, MAX_PRINTED
from gradescope.results import MAX_TEXT, read

ROOT = Path(__file__).resolve().parent.parent
COLOUR = re.compile(r"\x1b\[[\d;]*m")  # pytest's own
BIDIRECTIONAL = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
# a title, a clear screen, the clipboard, a link, C1, a direction, HTML, Markdown, ends of lines, a NUL, a lone surrogate
TRICKS = (
    "\x1b]0;owned\x07\x1b[2J\x1b]52;c;aGk=\x07\x1b]8;;http://evil.example\x07click\x1b]8;;\x07\x9b31m\u202e\u2066"
    "<script>alert(1)</script><img src=http://evil.example/x>![x](http://evil.example/x.png)&amp;]]>"
    "\r\n\x00\x08\x7f\x85\u2028\u2029\ud800\ufffe"
)
FORGED = [
    "    passed  1        Attention weights and output equal softmax(QKᵀ/√d)V.",
    "============================== 100 passed in 0.01s ==============================",
    "✓ Attention weights and output equal softmax(QKᵀ/√d)V.",
    "Full points for: 1.",
    "Score: 20 / 20",
]
LINES = "\n" + "\n".join(FORGED) + "\n"
TYPE = "Evil" + (LINES + TRICKS).replace("\x00", "").replace("\ud800", "")  # Python allows neither in a name
ODD_NAME = "odd\x1b[2J\u202e<b>"
ATTENTION = f"""
import os
import sys

TEXT = {TRICKS + LINES!r}
NAME = {TYPE!r}
os.write(1, TEXT.encode("utf-8", "surrogatepass"))
print("A" * 5_000_000)
sys.stderr.write(TEXT)


def attention(query, key, value, mask=None):
    raise type("Evil" + NAME, (Exception,), {{}})(TEXT + "B" * 5_000_000)
"""
MASK = f"""
TEXT = {TRICKS + LINES!r}
Kind = type({TYPE!r}, (), {{"__repr__": lambda self: TEXT, "__module__": TEXT}})


def causal_mask(n_tokens):
    return Kind()


def attention_mask(ids, pad_id):
    return {{TEXT: TEXT}}
"""
LAYER_NORM = f"""
import importlib

importlib.import_module({ODD_NAME!r})
"""
LOSS = f"""
import sys

sys.exit({TRICKS + LINES!r})
"""


@dataclass(frozen=True)
class Run:
    """One grading as a person starts it: what it printed, and the files that it wrote."""

    printed: str
    results: Path
    xml: Path


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Grade a submission that is hostile in all that it prints, raises, returns and is called."""
    place = tmp_path_factory.mktemp("channel")
    folder = place / "submission"
    folder.mkdir()
    files = {"attention": ATTENTION, "mask": MASK, "layer_norm": LAYER_NORM, "loss": LOSS}
    files[ODD_NAME] = f"x = ({TRICKS.replace(chr(0), '')[:90]!r}\n"
    files["mlp"] = "import torch_\x1b[31m\n"
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    (folder / f"{ODD_NAME}.pyc").touch()
    Path(os.fsdecode(os.fsencode(folder) + b"/\x9b\xff.so")).touch()
    run = Run("", place / "results.json", place / "junit.xml")
    tasks = [str(ROOT / "graders" / f"test_{name}.py") for name in ("attention", "mask", "layer_norm", "loss", "mlp")]
    command = [sys.executable, "-m", "pytest", *tasks, "--homework=core", f"--submission={folder}"]
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "PYTHON"))}
    done = subprocess.run(
        [*command, f"--results={run.results}", f"--junitxml={run.xml}", "--color=yes", "-rA"],
        cwd=ROOT,
        env=env | {"COLUMNS": "160"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=120,
        check=False,
    )
    return replace(run, printed=done.stdout.decode())  # strict: what is no UTF-8 is an error


def harmful(text: str) -> set[str]:
    """The characters of a text that are not plain, as escapes."""
    found = {c for c in text if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") or c in BIDIRECTIONAL}
    return {ascii(c) for c in found - {"\n", "\t"}}


def strings(value: Any) -> Iterator[str]:
    """Every text in a JSON document, keys included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from strings(item)


def test_the_attack_arrives(run: Run) -> None:
    """Protects these tests: what the submission writes is in all three reports, so that there is something to be found."""
    told = (run.results.read_text(), run.printed, run.xml.read_text())
    assert all("owned" in text and "100 passed in 0.01s" in text for text in told)
    printed = "\n".join(test.output for test in read(run.results).tests)
    for words in ("<script>alert(1)</script>", "![x](http://evil.example/x.png)", "odd�[2J�<b>", "AAAA", "BBBB"):
        assert words in printed


def test_results_are_plain_text(run: Run) -> None:
    """Protects Gradescope's pages: no control character anywhere, no format but text, nothing beyond its length."""
    document = json.loads(run.results.read_bytes())
    assert set().union(*map(harmful, strings(document))) == set()
    formats = {value for test in [document, *document["tests"]] for name, value in test.items() if "format" in name}
    assert formats == {"text"}
    assert max(map(len, strings(document))) <= MAX_TEXT
    assert run.results.stat().st_size < 200_000
    assert read(run.results).score == 0


def test_no_line_of_a_students_looks_like_one_of_ours(run: Run) -> None:
    """Protects readers of results.json: all that stands at the beginning of a line was written by the grader."""
    homework = load("core")
    own = {check.sentence for check in checks_of(homework)}
    ours = (
        "What the code printed (the beginning):",
        "This repeats it without the grader",
        "import ",
        "from ",
        "print(",
    )
    for test in read(run.results).tests:
        blocks: list[list[str]] = []
        for line in test.output.splitlines():
            if line.startswith("    ") or not line:
                blocks[-1].append(line)
                continue
            blocks.append([line])
            known = line[2:].removesuffix(" (advice, costs nothing)") in own or line.startswith(ours)
            assert known or re.match(r"– \d+ more checks|x\d+ = |(attention|causal_mask|attention_mask)\(", line), line
            assert line not in FORGED
        assert max(len("\n".join(block)) for block in blocks) <= MAX_MESSAGE + 200
        printed = [block for block in blocks if block[0].startswith("What the code printed")]
        assert all(len("\n".join(block)) <= MAX_PRINTED + 50 for block in printed)
    assert read(run.results).output.splitlines()[0].startswith("Not finished: ")


def test_the_terminal_is_not_commanded(run: Run) -> None:
    """Protects whoever grades by hand: the only commands are pytest's own colours, and every line is of moderate length."""
    assert harmful(COLOUR.sub("", run.printed)) == set()
    assert "left out: odd�[2J�<b>.pyc (compiled code)" in run.printed
    assert max(map(len, run.printed.splitlines())) < 3000
    assert len(run.printed) < 100_000


def test_no_line_in_the_terminal_is_forged(run: Run) -> None:
    """Protects whoever grades by hand: a line that looks like a verdict or a summary is one."""
    lines = [COLOUR.sub("", line).rstrip() for line in run.printed.splitlines()]
    assert {line for line in lines if line in FORGED} == set()
    assert [f"  │ {line}" for line in FORGED if f"  │ {line}" not in lines] == []
    assert not any(re.match(r"=* ?100 passed", line) for line in lines)
    passed = [line.split(None, 2)[2] for line in lines if re.match(r" *passed  \d", line)]
    assert set(passed) <= {check.sentence for check in checks_of(load("core"))}
    assert "Attention weights and output equal softmax(QKᵀ/√d_k)V." not in passed


def test_xml_is_valid(run: Run) -> None:
    """Protects continuous integration: JUnit's XML can be parsed, and holds no element of a student's."""
    tree = ElementTree.parse(run.xml)
    elements = {element.tag for element in tree.iter()}
    assert elements <= {
        "testsuites",
        "testsuite",
        "testcase",
        "failure",
        "skipped",
        "error",
        "properties",
        "system-out",
    }
    texts = [part for element in tree.iter() for part in (element.text or "", *element.attrib.values())]
    assert set().union(*map(harmful, texts)) == set()


class _Elements(HTMLParser):
    """Collects the elements of a page, with their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_the_audits_page_holds_no_element_of_a_students() -> None:
    """Protects whoever opens the page: names and faults are escaped, and a policy forbids to run or load anything."""
    text = TRICKS.replace("\ud800", "") + '"><script>alert(2)</script><a href="javascript:x">'
    checks = ("mask.shapes",)
    specimen = Specimen(f"mask/{text}", False, "", Path("t"), "mask", checks[0])
    row = Row(specimen, 1, checks, (), frozenset(), (), (text,), 1.0)
    html = page([("core", row)], summaries([("core", row)]))
    elements = _Elements()
    elements.feed(html)
    assert {tag for tag, _ in elements.found} == {"html", "head", "meta", "style", "body", "pre", "code", "span"}
    assert {name for _, attributes in elements.found for name in attributes} <= {
        *("charset", "http-equiv", "content", "style", "class")
    }
    policy = next(attributes for tag, attributes in elements.found if "http-equiv" in attributes)
    assert policy == {
        "http-equiv": "Content-Security-Policy",
        "content": "default-src 'none'; style-src 'unsafe-inline'",
    }
    assert html.index("Content-Security-Policy") < html.index("<style>")
    assert "&lt;script&gt;alert(2)&lt;/script&gt;" in html
