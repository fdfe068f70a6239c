r"""How much the wording of a question matters: question 4(a). As run.py, but `evaluate` asks in other words.

python src/sensitivity.py evaluate rope wiki.txt --reading_params_path rope.finetune.params \
    --eval_corpus_path birth_dev.tsv --outputs_path rope.sensitivity.dev.predictions
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import run


def rephrase(question: str) -> str:
    """Turn `Where was NAME born?` into `What is the birthplace of NAME?`; what follows the question mark stays.

    Raises:
        ValueError: the question has another form.
    """
    # <solution> part 4a: ask for the birthplace
    match = re.fullmatch(r"Where was (?P<name>.+) born\?(?P<rest>\s*)", question)
    if match is None:
        raise ValueError(f"expected a question of the form `Where was NAME born?`, got {question!r}")
    return f"What is the birthplace of {match['name']}?{match['rest']}"
    # </solution>
    # <template>
    # | # [part 4a] `evaluate` in run.py passes each question through this function on its way to the model. The file of
    # | # the questions stays as it is, and so do the answers. A regular expression finds the name.
    # | raise NotImplementedError("part 4a: ask for the birthplace in rephrase")
    # </template>


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one of run.py's functions, with other questions in `evaluate`."""
    run.main(arguments, rephrase)


if __name__ == "__main__":
    main()
