"""`core`'s span corruption."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graders.signature import require_parameters
from graders.tasks import character_ids
from sandbox.client import Remote, Worker


@dataclass(frozen=True)
class CoreSpanCorruption:
    """`corrupt_span(document, block_size, encode, rng)`."""

    corrupt_span: Remote

    def ids_of(self, documents: Sequence[str]) -> dict[str, int]:
        return character_ids("".join(documents))

    def draw(
        self,
        documents: Sequence[str],
        index: int,
        block_size: int,
        count: int,
        seed: int,
        ids: Mapping[str, int] | None = None,
    ) -> list[Any]:
        worker = self.corrupt_span.worker
        encode = worker.make("encoder", ids=dict(ids or self.ids_of(documents)))
        rng = worker.make("random", seed=seed)
        return self.corrupt_span.call_many([[documents[index], block_size, encode, rng]] * count)


def open_span_corruption(worker: Worker) -> CoreSpanCorruption:
    function = worker.resolve("span_corruption", "corrupt_span")
    require_parameters(function, "span_corruption.py", ("document", "block_size", "encode", "rng"))
    return CoreSpanCorruption(function)
