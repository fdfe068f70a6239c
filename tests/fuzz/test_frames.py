"""Streams of frames that are cut, doubled, put in another order, bent: the judge takes a reply, or loses the worker."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sandbox import wire
from tests.fuzz import frames

examples = settings(derandomize=True, deadline=None, database=None, max_examples=80)
FIRST = [frames.frame(value) for value in frames.values()]
SECOND = [frames.frame(value, 1) for value in frames.values()]
GIANT = (
    wire.MAX_JSON,
    wire.MAX_JSON + 1,
    frames.MAX_PAYLOAD,
    frames.MAX_PAYLOAD + 1,
    2**31,
    2**32 - 1,
    2**40,
    2**64 - 1,
)


@st.composite
def headers(draw: st.DrawFn) -> bytes:
    """A header whose lengths promise more than the caps, or more than arrives."""
    nonce = draw(st.sampled_from([*frames.NONCES, bytes(wire.NONCE_BYTES)]))
    lengths = st.sampled_from(GIANT) | st.integers(0, 64)
    return wire.HEADER.pack(wire.MAGIC, nonce, min(draw(lengths), 2**32 - 1), draw(lengths))


@st.composite
def bent(draw: st.DrawFn) -> bytes:
    """A true frame with a bit flipped, or some bytes cut out or put in."""
    whole = bytearray(draw(st.sampled_from(FIRST + SECOND)))
    at = draw(st.integers(0, len(whole) - 1))
    match draw(st.integers(0, 2)):
        case 0:
            whole[at] ^= 1 << draw(st.integers(0, 7))
        case 1:
            del whole[at : at + draw(st.integers(1, 40))]
        case 2:
            whole[at:at] = draw(st.binary(min_size=1, max_size=40))
    return bytes(whole)


parts = st.sampled_from(FIRST) | st.sampled_from(SECOND) | bent() | headers() | st.binary(max_size=40)
sizes = st.integers(0, 255).map(lambda size: bytes([size]))


@pytest.mark.parametrize("whole", FIRST, ids=range(len(FIRST)))
def test_a_reply_cut_at_each_byte(whole: bytes) -> None:
    """Protects the judge from a worker that dies in the middle of its reply, wherever that is."""
    for end in range(0, len(whole), 1 + len(whole) // 30):
        frames.target(b"\0" + whole[:end])
    frames.target(b"\0" + whole)


@examples
@given(size=sizes, stream=st.lists(parts, max_size=4).map(b"".join))
@example(size=b"\0", stream=FIRST[0] + FIRST[0])
@example(size=b"\x2c", stream=SECOND[0] + FIRST[0])
def test_any_stream_of_frames(size: bytes, stream: bytes) -> None:
    """Protects the judge from frames that come twice, early, in another order, bent, or with lengths beyond all caps."""
    frames.target(size + stream)


@settings(examples, max_examples=15)
@given(size=sizes, header=headers(), filling=st.sampled_from([b"[", b'{"":', b"0", b"\xff"]))
def test_as_much_as_a_header_may_promise(size: bytes, header: bytes, filling: bytes) -> None:
    """Protects the judge's memory from a reply of the greatest size that is allowed, full of what costs most to read."""
    frames.target(size + header + filling * (frames.MAX_STREAM // len(filling)))


def test_a_target_can_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects the fuzzing from finding nothing: without the nonce's check a reply to another request is noticed."""
    stream = b"\0" + wire.HEADER.pack(wire.MAGIC, bytes(16), 13, 0) + b'[["ok",0],[]]'
    frames.target(stream)
    read = wire.read_header
    monkeypatch.setattr(
        wire,
        "read_header",
        lambda data, **caps: wire.Header(frames.NONCES[0], *list(vars(read(data, **caps)).values())[1:]),
    )
    with pytest.raises(AssertionError, match="does not answer the request"):
        frames.target(stream)
