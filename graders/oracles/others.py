"""What other right submissions would ask an oracle in the place of a question: recorded with it for the students' kit.

Where a handout leaves open whether there are biases, or which of several conventions is followed, the solution asks about
its own way only.
"""

import re
from collections.abc import Iterator
from dataclasses import replace

from ..readings import readings_with_norms, readings_without_norms
from ..recorded import Question

__all__ = ["other_biases", "other_gelus", "other_probes", "other_readings"]

_BIASES = (r"(query|key|value)\.bias", r"proj\.bias", r"(query|key|value|proj)\.bias", r"(up|down)\.bias", r"bias")


def other_biases(question: Question) -> Iterator[Question]:
    """The same about modules without some of the biases: those of queries, keys and values, of the projection, of the MLP."""
    weights = question["weights"]
    seen = [frozenset(weights)]
    for pattern in _BIASES:
        kept = {role: tensor for role, tensor in weights.items() if not re.search(rf"(^|\.){pattern}$", role)}
        if frozenset(kept) not in seen:
            seen.append(frozenset(kept))
            yield {**question, "weights": kept}


def other_gelus(question: Question) -> Iterator[Question]:
    """The same with either GELU, with and without biases."""
    for approximate in ("none", "tanh"):
        like = {**question, "approximate": approximate}
        yield from (like, *other_biases(like))


def other_readings(question: Question) -> Iterator[Question]:
    """The same by each reading of the handout that differs in the residual connections only, with and without biases."""
    for other in readings_without_norms():
        reading = replace(question["reading"], mlp_reads=other.mlp_reads, mlp_adds=other.mlp_adds)
        like = {**question, "reading": reading}
        yield from (like, *other_biases(like))


def other_probes(question: Question) -> Iterator[Question]:
    """The same by every right reading of the handout, with and without gains, shifts and biases."""
    weights = question["weights"]
    without_norms = {role: tensor for role, tensor in weights.items() if ".norm" not in role}
    for kept in (weights, without_norms):
        for reading in (*readings_without_norms(), *readings_with_norms()):
            like = {**question, "weights": kept, "reading": reading}
            yield from (like, *other_biases(like))
