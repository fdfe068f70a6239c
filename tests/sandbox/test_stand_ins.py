"""Stand-ins: harmless where the real package is absent, out of the way where it is not; words as NLTK splits them."""

import json
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sandbox import stand_ins
from sandbox.client import Submission
from sandbox.stand_ins import Nothing, Progress, sent_tokenize, word_tokenize


def run(program: str, *paths: Path) -> Any:
    """The value of `found` after a program in an interpreter that has no package but those of some folders."""
    start = f"""
import importlib.util, json, sys
sys.path += {[str(path) for path in paths]!r}
spec = importlib.util.spec_from_file_location("stand_ins", {stand_ins.__file__!r})
stand_ins = importlib.util.module_from_spec(spec)
spec.loader.exec_module(stand_ins)
stand_ins.install()
before = set(sys.modules)
"""
    command = [sys.executable, "-I", "-S", "-c", start + textwrap.dedent(program) + "\nprint(json.dumps(found))"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stderr, done.returncode) == ("", 0)
    return json.loads(done.stdout.splitlines()[-1])


# ---------------------------------------------------------------------------------------------------- modules


def test_what_student_files_import() -> None:
    """Protects files that import progress bars, plots and logs at their top: all of it works, and does nothing."""
    program = """
    import matplotlib
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    from matplotlib import pyplot, cm
    from matplotlib.ticker import MaxNLocator
    import tensorboard
    from tqdm import tqdm, trange
    from tqdm.auto import tqdm as auto
    from tqdm.notebook import tqdm as in_notebook, trange as t
    import tqdm as package
    from IPython.display import clear_output, display
    clear_output(wait=True)
    plt.figure(figsize=(3, 4)); plt.plot([1], [2], label="x"); plt.legend(); plt.show(); plt.savefig("x.png")
    plt.rcParams["figure.dpi"] = 100
    plt.style.use("ggplot")
    line, = plt.plot([1])
    counts, bins, patches = plt.hist([1, 2])
    class Locator(MaxNLocator): pass
    with plt.xkcd(): line.set_color(cm.viridis(0.5))
    found = [list(tqdm(range(3), desc="x")), list(trange(2)), list(auto([1])), list(in_notebook("a")), list(t(1, 3))]
    found += [len(package.tqdm([1, 2])), package.trange(3).n]
    """
    assert run(program) == [[0, 1, 2], [0, 1], [1], ["a"], [1, 2], 2, 0]


def test_a_log_for_torch(tmp_path: Path) -> None:
    """Protects `torch.utils.tensorboard`, which torch ships but cannot import without tensorboard."""
    (tmp_path / "torch/utils/tensorboard").mkdir(parents=True)
    (tmp_path / "torch/__init__.py").touch()
    (tmp_path / "torch/utils/__init__.py").touch()
    (tmp_path / "torch/utils/tensorboard/__init__.py").write_text(
        "import tensorboard.compat\nfrom x import SummaryWriter"
    )
    program = """
    from torch.utils.tensorboard import SummaryWriter
    with SummaryWriter(log_dir="runs") as writer:
        writer.add_scalar("loss", 1.0, 3)
    writer.close()
    found = type(writer).__name__
    """
    assert run(program, tmp_path) == "Nothing"
    (tmp_path / "tensorboard").mkdir()
    (tmp_path / "tensorboard/__init__.py").touch()
    (tmp_path / "tensorboard/compat.py").touch()
    (tmp_path / "x.py").write_text("class SummaryWriter:\n    pass\n")
    assert run("from torch.utils.tensorboard import SummaryWriter\nfound = SummaryWriter.__module__", tmp_path) == "x"


def test_installed_packages_win_but_nltk_and_matplotlib(tmp_path: Path) -> None:
    """Protects real packages from their stand-ins, and words from what is installed."""
    for name in ("tqdm", "matplotlib", "IPython", "nltk"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("REAL = True")
    program = """
    import tqdm, matplotlib, IPython, nltk
    found = [getattr(module, "REAL", None) is True for module in (tqdm, matplotlib, IPython, nltk)]
    """
    assert run(program, tmp_path) == [True, False, True, False]


def test_a_progress_bar_in_a_notebook(tmp_path: Path) -> None:
    """Protects `tqdm.notebook` where tqdm is installed and its widgets are not: the bar is shown by nobody."""
    (tmp_path / "tqdm").mkdir()
    (tmp_path / "tqdm/__init__.py").write_text("REAL = True")
    (tmp_path / "tqdm/notebook.py").write_text("REAL = True\n")
    program = """
    import tqdm
    import tqdm.notebook
    found = [module.REAL is True for module in (tqdm, tqdm.notebook)]
    """
    assert run(program, tmp_path) == [True, False]
    (tmp_path / "ipywidgets.py").touch()
    assert run(program, tmp_path) == [True, True]


def test_others_that_look_for_a_notebook() -> None:
    """Protects installed packages that ask IPython whether they run in a notebook: they do not."""
    program = """
    from IPython.display import display
    ipython = sys.modules["IPython"]
    found = [display(1).x is None, ipython.get_ipython(), ipython.version_info[:2] >= (8, 24)]
    """
    assert run(program) == [False, None, True]


def test_nothing_is_made_that_is_not_asked_for() -> None:
    """Protects the start of a worker, and imports that must fail: other packages are absent as ever."""
    program = """
    found = [sorted(set(sys.modules) - before)]
    for name in ("wandb", "tqdm.contrib.nothing", "nltk.corpus", "torch"):
        found.append(importlib.util.find_spec(name) if "." not in name else None)
    try:
        import nltk.corpus
    except ModuleNotFoundError as error:
        found.append(error.name)
    try:
        from nltk import PorterStemmer
    except ImportError as error:
        found.append(str(error)[:33])
    """
    assert run(program) == [[], None, None, None, None, "nltk.corpus", "cannot import name 'PorterStemmer"]


def test_in_a_worker(submission: Callable[..., Submission]) -> None:
    """Protects the order of finders: a stand-in is there for student code, and a submitted file of its name wins."""
    code = """
        import nltk
        from nltk.tokenize import word_tokenize
        import IPython
        def f():
            ready = nltk.download("punkt", quiet=True)
            return ready, word_tokenize("Don't go."), nltk.word_tokenize("A b."), IPython.WHOSE
    """
    files = {"student.py": code, "IPython.py": "WHOSE = 'submitted'"}
    with submission(files).open(seed=1) as worker:
        expected = (True, ["Do", "n't", "go", "."], ["A", "b", "."], "submitted")
        assert expected == worker.resolve("student", "f")()


def test_nltks_data_is_never_missing() -> None:
    """Protects cells that look for NLTK's data and download it: both succeed, and nothing is loaded."""
    program = """
    import nltk
    try:
        nltk.data.find("tokenizers/punkt")
    except LookupError:
        nltk.download("punkt")
    nltk.data.path.append("/tmp")
    import tqdm
    found = [nltk.download("punkt_tab"), nltk.tokenize.word_tokenize is nltk.word_tokenize, tqdm.auto.tqdm is tqdm.tqdm]
    """
    assert run(program) == [True, True, True]


# ---------------------------------------------------------------------------------------------------- objects


@pytest.mark.parametrize(("arguments", "shape"), [((1, 3), (3,)), ((2, 1), (2,)), ((2, 3), (2, 3))])
def test_axes_have_the_shape_of_matplotlibs(arguments: tuple[int, int], shape: tuple[int, ...]) -> None:
    """Protects `fig, axes = plt.subplots(2, 3)`, however the axes are reached."""
    figure, axes = Nothing().subplots(*arguments, figsize=(3, 4))
    assert axes.shape == shape
    assert all(isinstance(axis.imshow(1), Nothing) for axis in axes.flat)
    assert isinstance(figure.colorbar(1).set_label("x"), Nothing)


def test_one_pair_of_axes() -> None:
    """Protects `fig, ax = plt.subplots()`, and `squeeze=False`."""
    _, axis = Nothing().subplots()
    assert isinstance(axis, Nothing)
    assert Nothing().subplots(squeeze=False)[1].shape == (1, 1)


def test_nothing_does_nothing() -> None:
    """Protects whatever is done with a plot: items, attributes, iteration, contexts."""
    nothing = Nothing(1, x=2)
    nothing.x = 3
    nothing["a"] = 4
    assert isinstance(nothing.x, Nothing)
    assert isinstance(nothing["a"], Nothing)
    assert (list(nothing), len(nothing), bool(nothing)) == ([], 0, True)
    with nothing as entered:
        assert entered is nothing
    with pytest.raises(AttributeError):
        nothing.__array__  # noqa: B018


def test_progress() -> None:
    """Protects loops over a progress bar: they iterate as without, and its methods are there."""
    with Progress(total=5) as bar:
        bar.update(2)
        bar.set_description("x")
        bar.set_postfix(loss=1.0)
        assert (bar.n, len(bar), bool(bar)) == (2, 5, True)
    assert list(zip(Progress(enumerate("ab")), Progress([1, 2]), strict=True)) == [((0, "a"), 1), ((1, "b"), 2)]
    assert list(Progress()) == []
    items = iter(Progress(x for x in range(3)))
    assert next(items) == 0


def test_progress_prints(capsys: pytest.CaptureFixture[str]) -> None:
    """Protects `tqdm.write`, which prints."""
    Progress.write("loss")
    assert capsys.readouterr().out == "loss\n"


# ---------------------------------------------------------------------------------------------------- words

# as NLTK 3.10 splits them: NLTKWordTokenizer().tokenize on each of the sentences
WORDS = {
    "Hello, world. Bye!": "Hello , world . Bye !",
    "I don't know: it's, they'll, we've.": "I do n't know : it 's , they 'll , we 've .",
    "You're, I'd, I'm; isn't.": "You 're , I 'd , I 'm ; is n't .",
    'He said, "Go." Then ("so be it") he left.': "He said , `` Go . '' Then ( `` so be it '' ) he left .",
    "''Twice'' and `once' and “curly” ‘quotes’": "'' Twice '' and ` once ' and “ curly ” ‘ quotes ’",
    "'Fore me, 'tis an 't 'em": "' Fore me , ' tis an 't ' em",
    "the boys' dog--and the cat's": "the boys ' dog -- and the cat 's",
    "I cannot, gonna, wanna, gimme, lemme, gotta": "I can not , gon na , wan na , gim me , lem me , got ta",
    "D'ye want more'n that? CAN'T! WE'LL SEE'S": "D 'ye want more 'n that ? CA N'T ! WE 'LL SEE 'S",
    "It costs $3,000.50 at 10:30, or 5%.": "It costs $ 3,000.50 at 10:30 , or 5 % .",
    "Wait... what?! [see #1 & @x; *y*]": "Wait ... what ? ! [ see # 1 & @ x ; * y * ]",
    "e-mail, well-known and and/or": "e-mail , well-known and and/or",
    "Mr. Smith met Dr. J. Doe in the U.S. army.": "Mr. Smith met Dr. J. Doe in the U.S. army .",
    "a–b — c": "a – b — c",
    "The end (really).": "The end ( really ) .",
    'The end."': "The end . ''",
    "x < y > z {a}": "x < y > z { a }",
    "naïve Größe 東京.": "naïve Größe 東京 .",
    "": "",
    " \n\t": "",
    "'": "'",
    "''": "''",
    "wouldn't've": "wouldn't 've",
}


@pytest.mark.parametrize(("text", "words"), WORDS.items(), ids=repr)
def test_words(text: str, words: str) -> None:
    """Protects vocabularies: words, punctuation, contractions and quotes are those of the Treebank's conventions."""
    assert " ".join(word_tokenize(text)) == words


def test_one_line() -> None:
    """Protects `preserve_line=True`: the text is one sentence, whose inner full stops stay with their words."""
    assert word_tokenize("Go on. Stop.", "english", True) == ["Go", "on.", "Stop", "."]
    assert word_tokenize("Go on. Stop.", language="english", preserve_line=False) == ["Go", "on", ".", "Stop", "."]


def test_sentences() -> None:
    """Protects full stops within a text: they are words of their own where a sentence ends, not after an abbreviation."""
    text = 'It is so. Mr. A. B. Smith said: "Why? No!" (I agree.) And I. 3.5 is e.g. one... Then on.\n\nNew line\nhere'
    assert sent_tokenize(text) == [
        "It is so.",
        'Mr. A. B. Smith said: "Why?',
        'No!"',
        "(I agree.)",
        "And I.",
        "3.5 is e.g. one...",
        "Then on.",
        "New line\nhere",
    ]
    assert sent_tokenize("") == []


@pytest.mark.parametrize("text", ["", "Don't go.", "  two  spaces ", "ÉTÉ, déjà-vu: 3.5 €", "line\nbreak\t\tand tab"])
def test_nltks_pattern_tokenizers(text: str) -> None:
    """Protects tokenizers that split by a pattern: the same words as nltk's own classes find."""
    import nltk.tokenize as real

    for pattern, options in (
        (r"\w+|[^\w\s]", {}),
        (r"\s+", {"gaps": True}),
        (r"\s", {"gaps": True, "discard_empty": False}),
    ):
        expected = real.RegexpTokenizer(pattern, **options).tokenize(text)
        assert expected == stand_ins.RegexpTokenizer(pattern, **options).tokenize(text)
        assert expected == stand_ins.regexp_tokenize(text, pattern, **options)
    assert real.wordpunct_tokenize(text) == stand_ins.wordpunct_tokenize(text)
    assert real.WhitespaceTokenizer().tokenize(text) == stand_ins.WhitespaceTokenizer().tokenize(text)
