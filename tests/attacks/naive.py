"""A grader as one would write it at first: the submission runs in its process, beside the answer and the results.

It is here to show that the attacks are real: most of them get their way with it. It is started in a process of its own,
with the folder of a submission and the way in which it compares.
"""

import json
import math
import os
import pickle
import sys

import torch

SHAPES = ((2, 3, 4), (2, 5, 4), (2, 5, 6))  # query, key, value


def reference(query, key, value):
    weights = torch.softmax(query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1]), -1)
    return weights @ value, weights


def compare(got, expected, how):
    if how == "equal":
        assert got == expected
    elif how == "max":
        assert not (got[0] - expected[0]).abs().max() > 1e-5
    elif how == "empty":
        assert all(abs(a - b) < 1e-5 for a, b in zip(got[0].flatten(), expected[0].flatten()))
    elif how == "broadcast":
        assert not ((got[0] - expected[0]).abs() > 1e-5).any()
    elif how == "pickle":
        assert pickle.loads(pickle.dumps(got)) == expected
    else:
        torch.testing.assert_close(tuple(got), expected)


def main(folder, how):
    sys.path.insert(0, folder)
    from targets import RESULTS

    generator = torch.Generator().manual_seed(0)
    case = [torch.randn(shape, generator=generator) for shape in SHAPES]
    expected = reference(*case)
    with open(os.path.join(folder, "attention.py")) as handed_in, open(os.path.join(RESULTS, "log"), "w") as log:
        log.write(handed_in.readline())
        score = 20
        try:
            from attention import attention

            for _ in range(3):
                got = attention(*case)
                if how == "late":
                    expected = reference(*case)
                compare(got, expected, how)
        except Exception as error:
            log.write(repr(error)[:1000])
            print(repr(error)[:1000])
            score = 0
        with open(os.path.join(RESULTS, "results.json"), "w") as file:
            json.dump({"score": score}, file)
    sys.exit(score == 0)


main(*sys.argv[1:])
