# SPDX-License-Identifier: Apache-2.0
"""How we speak to contracts: calls, answers, events and refusals as typed values.

`maillon.ledger.contracts` holds one generated class per contract; each method makes a `Call`, which knows its bytes and
how to read its answer, and does no input or output. What carries a call is the port: `await ask(ledger, call)`.
Artifacts are read once, without the compiler. Contract ABI specification, "Formal specification of the encoding".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final, Generic, TypeVar

import orjson
from eth_abi.abi import decode as decode_abi
from eth_abi.abi import encode as encode_abi
from eth_abi.exceptions import DecodingError, EncodingError

from maillon.evidence.hashing import keccak256
from maillon.ledger.errors import LedgerError
from maillon.ledger.port import Address, Event, Height, Ledger, Signer, TransactionHash

Answer = TypeVar("Answer")

ERROR_STRING: Final = bytes.fromhex("08c379a0")
"""Selector of `Error(string)`."""
PANIC: Final = bytes.fromhex("4e487b71")
"""Selector of `Panic(uint256)`."""
MAX_REVERT: Final = 4096
"""Bytes of revert data we decode; a contract decides their length, so we do."""

PANICS: Final = MappingProxyType(
    {
        0x01: "assertion failed",
        0x11: "arithmetic overflow",
        0x12: "division by zero",
        0x21: "no such member of the enumeration",
        0x22: "badly encoded storage array",
        0x31: "pop of an empty array",
        0x32: "index out of bounds",
        0x41: "out of memory",
        0x51: "call of an empty function pointer",
    }
)
"""Solidity's numbers of `Panic`, in words."""


class AbiError(LedgerError):
    """Base of what this module raises."""


class UnknownArtifact(AbiError):
    """No contract of that name is in the package."""


class NotEncodable(AbiError):
    """A value does not fit the type of the contract's argument."""


class NotDecodable(AbiError):
    """Bytes that came back are not what the contract's interface promises: another contract, or another chain."""


@dataclass(frozen=True, slots=True)
class Artifact:
    """What the compiler made of one contract, as committed."""

    name: str
    compiler: str
    source_sha256: str
    abi: Sequence[Mapping[str, Any]]
    selectors: Mapping[str, bytes]
    """Signature, as in `anchor(bytes32,uint64,bytes32)`, → four bytes."""
    slots: Mapping[str, int]
    """Storage variable → its base slot."""
    deploy: bytes
    """Code that, run with the encoded constructor arguments appended, returns the runtime code."""
    runtime: bytes
    """The code without the values of immutables, which the constructor appends."""


@cache
def artifact(name: str) -> Artifact:
    """The artifact of a contract, by the stem of its file. Raises `UnknownArtifact`."""
    try:
        document = orjson.loads(files("maillon.ledger").joinpath("artifacts", f"{name}.json").read_bytes())
    except FileNotFoundError as error:
        raise UnknownArtifact(f"no contract {name!r} in the package") from error
    layout = document["layout"].get("storage_layout", {})
    return Artifact(
        name=document["name"],
        compiler=document["compiler"],
        source_sha256=document["source_sha256"],
        abi=tuple(document["abi"]),
        selectors=MappingProxyType({s: bytes.fromhex(h[2:]) for s, h in document["method_identifiers"].items()}),
        slots=MappingProxyType({variable: int(place["slot"]) for variable, place in layout.items()}),
        deploy=bytes.fromhex(document["bytecode"][2:]),
        runtime=bytes.fromhex(document["bytecode_runtime"][2:]),
    )


@dataclass(frozen=True, slots=True)
class Call(Generic[Answer]):
    """One call of one function: where it goes, its bytes, and how its answer is read."""

    to: Address
    data: bytes
    decode: Callable[[bytes], Answer]


async def ask(ledger: Ledger, call: Call[Answer], at: Height | None = None) -> Answer:
    """Ask without changing anything, in the state after block `at`. Raises as `Ledger.call`, and `NotDecodable`."""
    return call.decode(await ledger.call(call.to, call.data, at))


async def instruct(ledger: Ledger, call: Call[Any], signer: Signer) -> TransactionHash:
    """Send a call as a transaction; `Ledger.wait` says what became of it."""
    return await ledger.send(call.to, call.data, signer)


def encode(types: Sequence[str], values: Sequence[object]) -> bytes:
    """Arguments as the ABI writes them. Raises `NotEncodable`."""
    try:
        return encode_abi(types, values)
    except (EncodingError, TypeError, ValueError) as error:
        raise NotEncodable(f"{_signature(types)}: {error}") from error


def decode(types: Sequence[str], data: bytes) -> tuple[Any, ...]:
    """Values as the ABI writes them; addresses as 20 bytes. Raises `NotDecodable`."""
    try:
        values = decode_abi(types, data)
    except (DecodingError, TypeError, ValueError, OverflowError) as error:
        raise NotDecodable(f"{_signature(types)}: {error}") from error
    return tuple(_plain(kind, value) for kind, value in zip(types, values, strict=True))


def one_address(answer: bytes | None) -> Address | None:
    """The answer as one address and nothing more; None when it is anything else, or nobody."""
    if answer is None or len(answer) != 32 or any(answer[:12]) or not any(answer):
        return None
    return Address(answer[12:])


def one_number(answer: bytes | None) -> int | None:
    """The answer as one number without sign and nothing more; None when it is anything else."""
    return int.from_bytes(answer, "big") if answer is not None and len(answer) == 32 else None


def constructor(name: str, types: Sequence[str], values: Sequence[object]) -> bytes:
    """What a transaction without recipient carries to deploy a contract of the package."""
    return artifact(name).deploy + encode(types, values)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Revert data in words. `reason` is None when the contract said nothing, or in a form we do not know."""

    reason: str | None
    data: bytes

    def __str__(self) -> str:
        """What is shown to people."""
        if self.reason is not None:
            return self.reason
        return f"reverted with 0x{self.data[:68].hex()}" if self.data else "reverted without a reason"


def decode_revert(data: bytes, abi: Sequence[Mapping[str, Any]] = ()) -> Refusal:
    """Read what came back from a revert. Never raises.

    `Error(string)`, `Panic(uint256)`, the errors that `abi` declares, or bytes left as they are.
    """
    selector, body = data[:4], data[4:MAX_REVERT]
    try:
        if selector == ERROR_STRING:
            return Refusal(decode(("string",), body)[0], data)
        if selector == PANIC:
            number = decode(("uint256",), body)[0]
            return Refusal(f"panic 0x{number:02x}: {PANICS.get(number, 'unknown')}", data)
        return Refusal(_declared(selector, body, abi), data)
    except NotDecodable:
        return Refusal(None, data)


def _declared(selector: bytes, body: bytes, abi: Sequence[Mapping[str, Any]]) -> str | None:
    """A custom error of the contract, as `Name(value, ...)`."""
    for entry in abi:
        if entry["type"] == "error":
            types = [part["type"] for part in entry["inputs"]]
            if keccak256((entry["name"] + _signature(types)).encode())[:4] == selector:
                return f"{entry['name']}({', '.join(_shown(value) for value in decode(types, body))})"
    return None


def _shown(value: object) -> str:
    return "0x" + value.hex() if isinstance(value, bytes) else str(value)


def read_event(event: Event, topic: bytes, shape: Sequence[tuple[str, bool]]) -> tuple[Any, ...]:
    """The values of one log in declared order; `shape` says of each its type and whether it is indexed.

    An indexed value of dynamic type is only its hash, which is what is returned. Raises `NotDecodable`.
    """
    indexed = [kind for kind, is_indexed in shape if is_indexed]
    if not event.topics or event.topics[0] != topic or len(event.topics) != len(indexed) + 1:
        raise NotDecodable(f"not the event with topic 0x{topic.hex()}")
    words = iter(event.topics[1:])
    values = iter(decode([kind for kind, is_indexed in shape if not is_indexed], event.data))
    return tuple(
        next(values) if not is_indexed else word if _is_dynamic(kind) else decode((kind,), word)[0]
        for kind, is_indexed, word in ((kind, flag, next(words) if flag else b"") for kind, flag in shape)
    )


def nothing(data: bytes) -> None:
    """The answer of a function that answers nothing."""
    if data:
        raise NotDecodable(f"expected no answer, found {len(data)} bytes")


def _is_dynamic(kind: str) -> bool:
    """Types whose indexed form is a hash (ABI specification, "Encoding of Indexed Event Parameters")."""
    return kind in {"bytes", "string"} or kind.endswith((")", "]"))


def _signature(types: Sequence[str]) -> str:
    return f"({','.join(types)})"


def _plain(kind: str, value: object) -> object:
    """eth-abi gives addresses as text; ours are bytes, also within arrays and tuples."""
    if kind == "address" and isinstance(value, str):
        return Address(bytes.fromhex(value[2:]))
    if kind.endswith("]") and isinstance(value, tuple):
        inner = kind[: kind.rindex("[")]
        return tuple(_plain(inner, item) for item in value)
    if kind.startswith("(") and isinstance(value, tuple):
        return tuple(_plain(part, item) for part, item in zip(_parts(kind), value, strict=True))
    return value


def _parts(kind: str) -> list[str]:
    """The component types of a tuple type, which may hold tuples."""
    parts, depth, start = [], 0, 1
    for position, character in enumerate(kind):
        depth += (character == "(") - (character == ")")
        if (character == "," and depth == 1) or depth == 0:
            parts.append(kind[start:position])
            start = position + 1
    return [part for part in parts if part]
