"""What answering "London" to every question scores: question 2(d).

python src/london_baseline.py > london_baseline_accuracy.txt
"""

from __future__ import annotations

from utils import evaluate_places


def main(path: str = "birth_dev.tsv") -> float:
    """Score the constant answer "London".

    Args:
        path: one `question<tab>place` on a line, read from the working directory.

    Returns:
        The share of right answers in percent, from 0 to 100.
    """
    # <solution> part d: the accuracy of "London" as the answer to every question, in percent
    with open(path, encoding="utf-8") as file:
        n_questions = sum(bool(line.strip()) for line in file)
    total, correct = evaluate_places(path, ["London"] * n_questions)
    return 100 * correct / total
    # </solution>
    # <template>
    # | # [part d] Predict "London" once for each line of the file and score that; evaluate_places returns how many
    # | # answers there are and how many are right. A result of 12.5 means 12.5 %.
    # | raise NotImplementedError("part d: return the accuracy of the London baseline in percent")
    # </template>


if __name__ == "__main__":
    print(main())
