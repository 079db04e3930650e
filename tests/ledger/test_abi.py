# SPDX-License-Identifier: Apache-2.0
"""Calls, answers, events and refusals as typed values: what is written is read back, what is malformed is refused."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maillon.evidence.hashing import keccak256
from maillon.ledger import abi
from maillon.ledger.abi import (
    ERROR_STRING,
    PANIC,
    NotDecodable,
    NotEncodable,
    UnknownArtifact,
    artifact,
    ask,
    decode,
    decode_revert,
    encode,
    instruct,
    nothing,
    read_event,
)
from maillon.ledger.contracts.anchors import Anchored, Anchors, Newest, decode_event
from maillon.ledger.contracts.directory import Directory
from maillon.ledger.port import Address, Event, Height, TransactionHash

HERE = Address(b"\x4d" * 20)
LOG, ROOT = b"\x01" * 32, b"\x02" * 32
anchors = Anchors(HERE)


def anchored(data: bytes, topics: tuple[bytes, ...] = (Anchored.TOPIC, LOG)) -> Event:
    return Event(HERE, topics, data, Height(1), 0, TransactionHash(bytes(32)))


def test_a_call_is_selector_and_arguments() -> None:
    call = anchors.anchor(LOG, 7, ROOT)
    assert call.to == HERE
    assert call.data == keccak256(b"anchor(bytes32,uint64,bytes32)")[:4] + LOG + (7).to_bytes(32, "big") + ROOT


@pytest.mark.parametrize("log", [b"\x01" * 33, "text", 5])
def test_a_value_of_another_type_is_not_encodable(log: Any) -> None:
    with pytest.raises(NotEncodable):
        anchors.anchor(log, 7, ROOT)


@pytest.mark.parametrize("size", [-1, 2**64, "7", 1.5])
def test_a_size_out_of_range_is_not_encodable(size: Any) -> None:
    with pytest.raises(NotEncodable):
        anchors.anchor(LOG, size, ROOT)


def test_an_answer_is_a_value() -> None:
    words = [(9).to_bytes(32, "big"), ROOT, (3).to_bytes(32, "big"), (4).to_bytes(32, "big")]
    assert anchors.newest(LOG).decode(b"".join(words)) == Newest(9, ROOT, 3, 4)
    assert Directory(HERE).lookup(LOG).decode(bytes(12) + HERE) == HERE


@pytest.mark.parametrize("data", [b"", b"\x00" * 31, b"\xff" * 128, b"\x00" * 127])
def test_what_is_no_answer_is_refused(data: bytes) -> None:
    with pytest.raises(NotDecodable):
        anchors.newest(LOG).decode(data)


def test_no_answer_is_none() -> None:
    assert anchors.register(LOG).decode(b"") is None
    with pytest.raises(NotDecodable):
        nothing(b"\x00")


def test_addresses_are_bytes_wherever_they_stand() -> None:
    types = ("address", "address[]", "(uint256,(address,bool))", "(address,uint8)[2]", "string")
    values = (HERE, (HERE, HERE), (1, (HERE, True)), ((HERE, 1), (HERE, 2)), "é")
    assert decode(types, encode(types, values)) == values


@given(st.binary(max_size=400), st.sampled_from([("string",), ("address[]",), ("(uint8,bytes)",), ("bytes32", "bool")]))
def test_decoding_anything_decodes_or_is_refused(data: bytes, types: tuple[str, ...]) -> None:
    try:
        values = decode(types, data)
    except NotDecodable:
        return
    assert decode(types, encode(types, values)) == values


def test_an_event_is_read() -> None:
    data = encode(("uint64", "bytes32", "uint64", "uint64"), (9, ROOT, 3, 4))
    event = anchored(data)
    assert Anchored.decode(event) == Anchored(LOG, 9, ROOT, 3, 4) == decode_event(event)


@pytest.mark.parametrize("topics", [(), (LOG,), (Anchored.TOPIC,), (Anchored.TOPIC, LOG, LOG), (Anchored.TOPIC, b"x")])
def test_another_event_is_not(topics: tuple[bytes, ...]) -> None:
    data = encode(("uint64", "bytes32", "uint64", "uint64"), (9, ROOT, 3, 4))
    with pytest.raises(NotDecodable):
        Anchored.decode(anchored(data, topics))


def test_an_event_of_another_contract_is_none_of_ours() -> None:
    assert decode_event(anchored(b"", (LOG,))) is None
    assert decode_event(anchored(b"", ())) is None


def test_an_indexed_text_is_its_hash() -> None:
    topic = b"\x07" * 32
    event = anchored(encode(("uint256",), (5,)), (topic, ROOT))
    assert read_event(event, topic, (("string", True), ("uint256", False))) == (ROOT, 5)
    with pytest.raises(NotDecodable):
        read_event(replace(event, data=b""), topic, (("string", True), ("uint256", False)))


def test_a_refusal_in_words() -> None:
    refusal = decode_revert(ERROR_STRING + encode(("string",), ("anchors: size shrinks",)))
    assert refusal.reason == "anchors: size shrinks" == str(refusal)
    assert str(decode_revert(PANIC + encode(("uint256",), (0x11,)))) == "panic 0x11: arithmetic overflow"
    assert str(decode_revert(PANIC + encode(("uint256",), (0x99,)))) == "panic 0x99: unknown"


def test_a_declared_error_has_its_name() -> None:
    declared = [{"type": "error", "name": "Short", "inputs": [{"type": "uint256"}, {"type": "address"}]}]
    data = keccak256(b"Short(uint256,address)")[:4] + encode(("uint256", "address"), (5, HERE))
    assert decode_revert(data, declared).reason == f"Short(5, 0x{HERE.hex()})"
    assert decode_revert(data).reason is None
    assert decode_revert(data[:-1], declared).reason is None


def test_a_refusal_without_words() -> None:
    assert str(decode_revert(b"")) == "reverted without a reason"
    assert str(decode_revert(b"\xde\xad")) == "reverted with 0xdead"


@given(st.binary(max_size=300), st.sampled_from([ERROR_STRING, PANIC, b""]))
def test_no_refusal_is_too_strange(data: bytes, selector: bytes) -> None:
    assert str(decode_revert(selector + data))


def test_a_refusal_is_bounded() -> None:
    long = ERROR_STRING + encode(("string",), ("x" * 10_000,))
    assert decode_revert(long).reason is None
    assert len(str(decode_revert(long))) < 200


def test_artifacts_are_loaded_once_and_unknown_ones_refused() -> None:
    assert artifact("anchors") is artifact("anchors")
    assert artifact("anchors").slots["_anchors"] == 0
    assert artifact("anchors").selectors["register(bytes32)"] == keccak256(b"register(bytes32)")[:4]
    with pytest.raises(UnknownArtifact):
        artifact("nowhere")


def test_neither_compiler_nor_evm_is_loaded() -> None:
    program = (
        "import sys, maillon.ledger.abi, maillon.ledger.genesis, maillon.ledger.contracts.anchors as a;"
        "print(sorted({n.split('.')[0] for n in sys.modules} & {'vyper', 'eth', 'lmdb', 'web3'}))"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


class Remembering:
    """A ledger that answers what it is told and remembers what it was sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[Address | None, bytes, Any]] = []

    async def call(self, to: Address, data: bytes, at: Height | None = None) -> bytes:
        assert (to, data) == (HERE, anchors.newest(LOG).data)
        return b"".join(word.to_bytes(32, "big") for word in (9, int.from_bytes(ROOT), at or 0, 4))

    async def send(self, to: Address | None, data: bytes, signer: Any) -> TransactionHash:
        self.sent.append((to, data, signer))
        return TransactionHash(b"\x05" * 32)


async def test_calls_travel_through_the_port() -> None:
    ledger: Any = Remembering()
    assert await ask(ledger, anchors.newest(LOG)) == Newest(9, ROOT, 0, 4)
    assert await ask(ledger, anchors.newest(LOG), Height(3)) == Newest(9, ROOT, 3, 4)
    call = anchors.register(LOG)
    assert await instruct(ledger, call, "signer") == b"\x05" * 32
    assert ledger.sent == [(HERE, call.data, "signer")]
    assert abi.PANICS[0x11]
