"""4(a) `MyTokenizer(raw_text)`: its vocabulary is given, `encode` and `decode` are written."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from sandbox.client import Remote, Worker
from sandbox.errors import StudentError

from .notebook import define

_FORMS: dict[str, Callable[[Sequence[int]], Any]] = {"list": list, "array": np.array, "tensor": torch.tensor}


@dataclass
class MitTokenizer:
    """Makes one tokenizer for each text that it is asked about."""

    constructor: Remote
    _made: dict[str, Remote] = field(default_factory=dict, repr=False)
    _form: str = field(default="", repr=False)

    def encode(self, raw_text: str, texts: Sequence[str]) -> list[Any]:
        return self._of(raw_text).call_many([[text] for text in texts], "encode")

    def decode(self, raw_text: str, ids: Sequence[Any]) -> list[Any]:
        return self._of(raw_text).call_many([[each] for each in ids], "decode")

    def as_it_likes(self, ids: Sequence[int]) -> Any:
        if not self._form:
            self._form = next((name for name in _FORMS if self._takes(name)), "list")
        return _FORMS[self._form](ids)

    def _takes(self, form: str) -> bool:
        try:
            return type(self.decode("to be", [_FORMS[form]([3, 4])])[0]) is str
        except StudentError:
            return False

    def _of(self, raw_text: str) -> Remote:
        if raw_text not in self._made:
            self._made[raw_text] = self.constructor.construct(raw_text)
        return self._made[raw_text]


def open_tokenizer(worker: Worker) -> MitTokenizer:
    return MitTokenizer(define(worker, "MyTokenizer", ("raw_text",))["MyTokenizer"])
