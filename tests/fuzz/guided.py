"""Runs one target under atheris, guided by what the inputs reach; libFuzzer ends the process.

python -m tests.fuzz.guided TARGET FOLDER LIBFUZZER-OPTION…
"""

import importlib
import sys
from pathlib import Path

import atheris

# what is watched: the code under test, and what it leaves to others that are written in Python
WATCHED = ["sandbox", "graders.homework", "json.decoder", "tomllib", "tomli"]


def main(name: str, folder: str, *options: str) -> None:
    """Fuzz; new inputs go to the folder `corpus`, what fails lies beside it.

    libFuzzer ends the process: with a status other than 0 if an input has failed.
    """
    with atheris.instrument_imports(include=WATCHED, enable_loader_override=False):
        module = importlib.import_module(f"tests.fuzz.{name}")
    corpus = Path(folder) / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(module.seeds()):
        (corpus / f"seed_{number:03}").write_bytes(seed)
    arguments = [sys.argv[0], f"-artifact_prefix={folder}/", *options, str(corpus)]
    atheris.Setup(arguments, module.target)
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
