"""Hostile JSON and tables of tensors: what is decoded is no larger than what arrived, the rest is refused."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox import wire
from tests.fuzz import bounds, structures

examples = settings(derandomize=True, deadline=None, database=None, max_examples=100)
FULL = wire.MAX_JSON - 8

HOSTILE = {
    "deep lists": b"[" * FULL,
    "deep objects": b'{"a":' * (FULL // 5),
    "as deep as allowed": b"[" + b"[" * 40 + b"]" * 40 + b",[]]",
    "deep tuples": b'{"$tuple":[' * 900 + b"]}" * 900,
    "beyond float64": b"[1e400,[]]",
    "an exponent without end": b"[1e" + b"9" * FULL + b",[]]",
    "50,000 digits": b"[" + b"7" * 50_000 + b",[]]",
    "250,000 digits": b"[" + b"7" * 250_000 + b",[]]",
    "a long fraction": b"[0." + b"7" * FULL + b",[]]",
    "NaN": b"[NaN,[]]",
    "-Infinity": b"[-Infinity,[]]",
    "a key twice": b'[{"$float":"nan","$float":"inf"},[]]',
    "a key 20,000 times": b"[{" + b'"a":1,' * 20_000 + b'"a":1},[]]',
    "half a character": b'["\\ud800",[]]',
    "half a character as a key": b'[{"\\udfff":1},[]]',
    "half a character in bytes": b'["\xed\xa0\x80",[]]',
    "UTF-16": '[1,[["uint8",[0]]]]'.encode("utf-16"),
    "UTF-32": '[1,[["uint8",[0]]]]'.encode("utf-32"),
    "a byte order mark": b"\xef\xbb\xbf[1,[]]",
    "empty lists": b"[[" + b"[]," * 80_000 + b"[]],[]]",
    "empty mappings": b"[[" + b'{"$dict":[]},' * 18_000 + b"0],[]]",
    "one long string": b'["' + b"a" * FULL + b'",[]]',
    "one wide string": b'["' + b"a" * (FULL - 20) + b'\\ud83d\\ude00",[]]',
    "a mapping of one key": b'[{"$dict":[' + b"[0,0]," * 40_000 + b"[0,0]]},[]]",
    "a mapping of many keys": b'[{"$dict":[' + b",".join(b"[%d,0]" % i for i in range(25_000)) + b"]},[]]",
    "a tensor as a key": b'[{"$dict":[[{"$tensor":0},0]]},[["uint8",[0]]]]',
    "NaN as keys": b'[{"$dict":[' + b'[{"$float":"nan"},0],' * 5000 + b"[0,0]]},[]]",
    "tensors without elements": b"[0,[" + b'["bool",[0]],' * 15_000 + b'["bool",[0]]]]',
    "too many tensors": b"[0,[" + b'["bool",[0]],' * 20_001 + b'["bool",[0]]]]',
    "an enormous shape": b'[0,[["uint8",[1099511627775,1099511627775,1099511627775,0]]]]',
    "an enormous shape of ones": b'[0,[["uint8",[' + b"1," * 100_000 + b"1]]]]",
    "a shape of -1": b'[0,[["uint8",[-1]]]]',
    "a shape of booleans": b'[0,[["uint8",[true]]]]',
    "an enormous order": b'[0,[["uint8",[0],[' + b"0," * 100_000 + b"0]]]]",
    "white space": b" " * FULL,
    "nothing": b"",
}  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_structures(text: bytes) -> None:
    """Protects the judge from structures that are deep, huge, ambiguous or no JSON, in time and in memory."""
    structures.target(text + b"\0")


atoms = st.sampled_from(
    [
        b"0",
        b"-1",
        b"1e400",
        b"NaN",
        b"null",
        b"true",
        b'""',
        b'"\\ud800"',
        b"[]",
        b"{}",
        b"9" * 5000,
        b"1.5",
        b'"uint8"',
    ]
)
tags = st.sampled_from([b"$tensor", b"$array", b"$tuple", b"$dict", b"$float", b"$handle", b"$opaque", b"", b"\\u0000"])
nodes = st.recursive(
    atoms,
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: b"[" + b",".join(items) + b"]")
        | st.lists(st.tuples(tags, inner), max_size=2).map(
            lambda pairs: b"{" + b",".join(b'"%s":%s' % pair for pair in pairs) + b"}"
        )
    ),
    max_leaves=8,
)


@examples
@given(tree=nodes, table=nodes, payload=st.binary(max_size=33))
def test_any_text_of_json(tree: bytes, table: bytes, payload: bytes) -> None:
    """Protects the judge from JSON that no encoder writes: doubled keys, numbers beyond all bounds, half characters."""
    structures.target(b"[%s,[[%s]]]\0%s" % (tree, table, payload))
    structures.target(b"[%s,%s]\0%s" % (tree, table, payload))


@examples
@given(seed=st.sampled_from(structures.seeds()), data=st.data())
def test_a_true_structure_with_a_bit_flipped(seed: bytes, data: st.DataObject) -> None:
    """Protects the judge from every frame that is nearly right."""
    bent = bytearray(seed)
    bent[data.draw(st.integers(0, len(bent) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    structures.target(bytes(bent))


def test_a_target_can_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects the fuzzing from finding nothing: a decoder that keeps too much, or lets an error out, is noticed."""
    structures.target(b"[0,[]]")
    monkeypatch.setattr(wire, "decode", lambda text, payload: bytearray(1 << 20))
    with pytest.raises(bounds.Exceeded, match="allocated"):
        structures.target(b"[0,[]]")
    monkeypatch.setattr(wire, "decode", lambda text, payload: json.loads(text))
    with pytest.raises(json.JSONDecodeError):
        structures.target(b"[")
