"""The judge's decoder: the JSON part of a frame and its payload, without the header around them."""

from sandbox import wire
from tests.fuzz import frames
from tests.fuzz.bounds import bounded


def target(data: bytes) -> None:
    """Decode the text before the first NUL byte, with what follows as its payload.

    Raises:
        AssertionError: what was decoded holds more tensor bytes than have arrived.
        Exceeded: more than 10 seconds, or more memory than 200 bytes per byte of text and 4 per byte of payload.
    """
    text, _, payload = data.partition(b"\0")
    text = text[: wire.MAX_JSON]
    with bounded(seconds=10, n_bytes=(1 << 18) + 200 * len(text) + 4 * len(payload)):
        try:
            value = wire.decode(text, bytearray(payload))
        except wire.WireError:
            return
    assert _tensor_bytes(value) <= len(payload), "a small reply has grown large"


def _tensor_bytes(value: object) -> int:
    total, pending = 0, [value]
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            pending += [*item.keys(), *item.values()]
        elif isinstance(item, (list, tuple)):
            pending += item
        else:
            total += getattr(item, "nbytes", 0)
    return total


def seeds() -> list[bytes]:
    """Every reply of `frames`, without its header."""
    found = []
    for value in frames.values():
        _, text, *payload = frames.wire.encode(value, frames.NONCES[0])
        found.append(bytes(text) + b"\0" + b"".join(payload))
    return found
