"""Harmless stand-ins for packages that student files import and that grading does not need.

Progress bars, plots and logs: used only where the real package is not installed. The stand-in for nltk always wins, so
that a tokenizer needs no downloaded data and gives the same words everywhere, and so does that for matplotlib. Nothing is
made before it is imported.
"""

import importlib
import importlib.abc
import importlib.machinery
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from types import ModuleType
from typing import Any

_FIXED = {  # names whose result is unpacked
    "hist": lambda *_, **__: (Nothing(), Nothing(), Nothing()),
    "plot": lambda *_, **__: [Nothing()],
}


class Nothing:
    """Does nothing, whatever is asked of it: each attribute, item and result is as harmless."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _FIXED.get(name) or (_subplots if name == "subplots" else Nothing())

    def __setattr__(self, name: str, value: Any) -> None:
        pass

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Return as harmless a thing."""
        return Nothing()

    def __getitem__(self, key: Any) -> "Nothing":
        return Nothing()

    def __setitem__(self, key: Any, value: Any) -> None:
        pass

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __len__(self) -> int:
        return 0

    def __bool__(self) -> bool:
        return True

    def __enter__(self) -> "Nothing":
        return self

    def __exit__(self, *exc_info: object) -> None:
        pass


def _subplots(nrows: int = 1, ncols: int = 1, *args: Any, squeeze: bool = True, **kwargs: Any) -> tuple[Any, Any]:
    """A figure and its axes: one, a row or a column, or a grid, as matplotlib returns them."""
    import numpy as np

    axes = np.empty((nrows, ncols), dtype=object)
    axes[:] = [[Nothing() for _ in range(ncols)] for _ in range(nrows)]
    if not squeeze:
        return Nothing(), axes
    return Nothing(), axes.item() if axes.size == 1 else axes.squeeze()


class Progress:
    """`tqdm`: iterates, and shows nothing."""

    def __init__(self, iterable: Iterable[Any] | None = None, *args: Any, **kwargs: Any) -> None:
        self.iterable = iterable
        self.total = kwargs.get("total")
        self.n = 0

    def __iter__(self) -> Iterator[Any]:
        for item in () if self.iterable is None else self.iterable:
            self.n += 1
            yield item

    def __len__(self) -> int:
        return len(self.iterable) if isinstance(self.iterable, Sized) else int(self.total or 0)

    def __bool__(self) -> bool:
        return True

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *exc_info: object) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Nothing()

    def update(self, n: float = 1) -> None:
        """Count."""
        self.n += int(n)

    @classmethod
    def write(cls, text: object = "", *args: Any, **kwargs: Any) -> None:
        """Print."""
        print(text)

    @classmethod
    def pandas(cls, *args: Any, **kwargs: Any) -> None:
        """Do nothing."""


def _progress_range(*args: int, **kwargs: Any) -> Progress:
    return Progress(range(*args), **kwargs)


# ---------------------------------------------------------------------------------------------------- words

# A full stop after these, or after an initial, ends no sentence, and is no word of its own.
_ABBREVIATIONS = re.compile(
    r"(?:mr|mrs|ms|dr|prof|rev|gen|sen|gov|capt|col|lt|sgt|st|vs|e\.g|i\.e|cf|inc|ltd|co|corp"
    r"|jan|feb|aug|sept|oct|nov|dec|[^\W\d_])"
)
_BREAK = re.compile(r"""[.?!]+['")\]}»”’]*\s+(?=['"`(\[{«“‘]*[^\W_a-z])""")
_LAST_STOP = re.compile(r"""(?<=[^.])\.(?=[\])}>"'»”’\s]*$)""")
# What separates words, and the runs between: a comma or a colon before a digit, a single stop, hyphen or apostrophe
# belong to a word.
_SEPARATE = r"""«»“”‘’„‒–—―;@#$%&?!*()\[\]{}<>"`"""
_PIECE = re.compile(
    rf"""\.\.+ | `+ | '' | -- | [{_SEPARATE}] | [:,](?!\d)
    | (?: [^\s{_SEPARATE}.,:'\-] | \.(?!\.) | '(?!') | -(?!-) | [:,](?=\d) )+""",
    re.VERBOSE,
)
_CLITIC = re.compile(r"(?<=[^'])(?:'[sSmMdD]?|'ll|'LL|'re|'RE|'ve|'VE|n't|N'T)$")
_OPENING = re.compile(r"(?i)(?<!\w)'(?=\w)(?!(?:re|ve|ll|m|t|s|d|n)\b)")
_FUSED = {  # where the first of two words ends
    "cannot": 3,
    "d'ye": 1,
    "gimme": 3,
    "gonna": 3,
    "gotta": 3,
    "lemme": 3,
    "wanna": 3,
    "more'n": 4,
}


def word_tokenize(text: str, language: str = "english", preserve_line: bool = False) -> list[str]:
    """Split English prose into words and punctuation by the conventions of the Penn Treebank, as NLTK does.

    Args:
        text: any text.
        language: is not looked at.
        preserve_line: take the text for one sentence: only its last full stop is a word of its own.
    """
    sentences = [text] if preserve_line else sent_tokenize(text)
    return [word for sentence in sentences for word in _words(sentence)]


def sent_tokenize(text: str, language: str = "english") -> list[str]:
    """Split prose into sentences: at stops before what may begin one, not after common abbreviations and initials."""
    sentences, start = [], 0
    for found in _BREAK.finditer(text):
        before = re.split(r"[\s(\[\"'“‘]", text[start : found.start()])[-1].lower()
        if found[0].startswith(".") and _ABBREVIATIONS.fullmatch(before) and before != "i":
            continue
        sentences.append(text[start : found.end()].strip())
        start = found.end()
    sentences.append(text[start:].strip())
    return [sentence for sentence in sentences if sentence]


def _words(sentence: str) -> Iterator[str]:
    sentence = _LAST_STOP.sub(" .\n", sentence)  # no space after it: there a quote would open
    for found in _PIECE.finditer(sentence):
        piece = found[0]
        if piece in ('"', "''"):
            before = sentence[found.start() - 1] if found.start() else ""
            yield "``" if (before in " ([{<" if before else piece == '"') else "''"
        elif "'" in piece or piece.lower() in _FUSED:
            yield from _parts(piece)
        else:
            yield piece


def _parts(word: str) -> Iterator[str]:
    """Split contractions and opening quotes: don't → do n't, it's → it 's, cannot → can not, 'So → ' So."""
    while opening := _OPENING.search(word):
        yield from (part for part in (word[: opening.start()], "'") if part)
        word = word[opening.end() :]
    found = _CLITIC.search(word)
    stem, clitic = (word[: found.start()], found[0]) if found else (word, "")
    at = _FUSED.get(stem.lower(), 0)
    yield from (part for part in (stem[:at], stem[at:], clitic) if part)


class RegexpTokenizer:
    """Splits a text by a pattern that its words match, or its gaps."""

    def __init__(
        self,
        pattern: str,
        gaps: bool = False,
        discard_empty: bool = True,
        flags: int = re.UNICODE | re.MULTILINE | re.DOTALL,
    ) -> None:
        self._pattern = re.compile(pattern, flags)
        self._gaps, self._discard_empty = gaps, discard_empty

    def tokenize(self, text: str) -> list[str]:
        """The words of a text."""
        if not self._gaps:
            return self._pattern.findall(text)
        return [word for word in self._pattern.split(text) if word or not self._discard_empty]


class WordPunctTokenizer(RegexpTokenizer):
    """Splits a text into runs of letters and runs of other signs."""

    def __init__(self) -> None:
        super().__init__(r"\w+|[^\w\s]+")


class WhitespaceTokenizer(RegexpTokenizer):
    """Splits a text at white space."""

    def __init__(self) -> None:
        super().__init__(r"\s+", gaps=True)


def regexp_tokenize(text: str, pattern: str, **options: Any) -> list[str]:
    """The words of a text, as `RegexpTokenizer` finds them."""
    return RegexpTokenizer(pattern, **options).tokenize(text)


def wordpunct_tokenize(text: str) -> list[str]:
    """The words of a text, as `WordPunctTokenizer` finds them."""
    return WordPunctTokenizer().tokenize(text)


# ---------------------------------------------------------------------------------------------------- modules

_NLTK: dict[str, Any] = {
    "word_tokenize": word_tokenize,
    "sent_tokenize": sent_tokenize,
    "RegexpTokenizer": RegexpTokenizer,
    "WordPunctTokenizer": WordPunctTokenizer,
    "WhitespaceTokenizer": WhitespaceTokenizer,
    "regexp_tokenize": regexp_tokenize,
    "wordpunct_tokenize": wordpunct_tokenize,
    "download": lambda *_, **__: True,
}
_TQDM: dict[str, Any] = {
    "tqdm": Progress,
    "trange": _progress_range,
    "tqdm_notebook": Progress,
    "tnrange": _progress_range,
}
# full name -> (the package that makes it needless, its contents); what it does not hold is a `Nothing`
_MODULES: dict[str, tuple[str | None, dict[str, Any]]] = {
    "nltk": (None, _NLTK),
    "nltk.tokenize": (None, _NLTK),
    "nltk.tokenize.regexp": (None, _NLTK),
    "nltk.data": (None, {"path": [], "find": lambda *_, **__: ""}),
    "tqdm": ("tqdm", _TQDM),
    "tqdm.auto": ("tqdm", _TQDM),
    "tqdm.autonotebook": ("tqdm", _TQDM),
    "tqdm.notebook": ("ipywidgets", _TQDM),  # the real one is of no use without them
    "torch.utils.tensorboard": ("tensorboard", {"SummaryWriter": Nothing}),
    "IPython": ("IPython", {"get_ipython": lambda: None, "version_info": (9, 0, 0)}),  # what others ask it
    "IPython.display": ("IPython", {}),
}
_WHOLE = frozenset(["matplotlib", "tensorboard"])  # packages all of whose modules hold `Nothing`
_ALWAYS = frozenset(
    ["matplotlib"]
)  # the real one wants a folder that it may write to, and nobody looks at its pictures


class StandInFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the stand-ins."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """The spec of a stand-in, or None where there is none or the real package is installed."""
        top = fullname.partition(".")[0]
        real, _ = _MODULES.get(fullname, (top, {}))
        if fullname not in _MODULES and top not in _WHOLE:
            return None
        if real is not None and top not in _ALWAYS and importlib.machinery.PathFinder.find_spec(real) is not None:
            return None
        return importlib.machinery.ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> None:
        """Leave it to the import system."""

    def exec_module(self, module: ModuleType) -> None:
        """Fill a stand-in."""
        _, contents = _MODULES.get(module.__name__, (None, {}))
        vars(module).update(contents, __getattr__=_nothing_of(module.__name__))


def _nothing_of(module: str) -> Callable[[str], Any]:
    strict = module.startswith("nltk")  # words are no decoration: what is not here is an error

    def attribute(name: str) -> Any:
        if f"{module}.{name}" in _MODULES:
            return importlib.import_module(f"{module}.{name}")
        if name.startswith("__") or strict:
            raise AttributeError(f"module {module!r} has no attribute {name!r} where homework is graded")
        return getattr(Nothing(), name)

    return attribute


def install() -> None:
    """Offer the stand-ins; to be called before the submission is put in front of everything."""
    sys.meta_path.insert(0, StandInFinder())
