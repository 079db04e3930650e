# SPDX-License-Identifier: Apache-2.0
"""Arguments of JSON-RPC calls, read strictly: hexadecimal quantities and data as EIP-1474 defines them.

Every refusal is geth's sentence, because developers search for it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final, cast

from maillon.ledger.embedded.model import AccessList, CallRequest, Tag
from maillon.ledger.facade.faults import INVALID_PARAMS, SERVER_ERROR, Fault, bad_argument
from maillon.ledger.port import Address

MAXIMUM_DATA: Final = 512 * 1024
"""Bytes of one data argument."""
MAXIMUM_ACCESS_LIST: Final = 1_000
MAXIMUM_ADDRESSES: Final = 1_000
"""geth's own limits of a log filter."""
MAXIMUM_SUBTOPICS: Final = 1_000
MAXIMUM_TOPICS: Final = 4

_HEX: Final = re.compile(r"0x[0-9a-fA-F]*", re.ASCII)
_TAGS: Final = frozenset({"latest", "pending", "finalized", "safe", "earliest"})


def quantity(index: int, value: object, bits: int = 64) -> int:
    """A number as 0x and hexadecimal digits without leading zeros; raises `Fault`."""
    kind = "hexutil.Uint64" if bits <= 64 else "*hexutil.Big"
    if not isinstance(value, str):
        raise bad_argument(index, "non-string", kind)
    if not value.startswith(("0x", "0X")):
        raise bad_argument(index, "hex string without 0x prefix", kind)
    if len(value) == 2:
        raise bad_argument(index, 'hex string "0x"', kind)
    if len(value) > 2 + bits // 4:
        raise bad_argument(index, f"hex number > {bits} bits", kind)
    if len(value) > 3 and value[2] == "0":
        raise bad_argument(index, "hex number with leading zero digits", kind)
    if not _HEX.fullmatch(value):
        raise bad_argument(index, "invalid hex string", kind)
    return int(value, 16)


def data(index: int, value: object, length: int | None = None, kind: str = "hexutil.Bytes") -> bytes:
    """Bytes as 0x and an even number of hexadecimal digits; raises `Fault`."""
    if not isinstance(value, str):
        raise bad_argument(index, "non-string", kind)
    if not value.startswith("0x"):
        raise bad_argument(index, "hex string without 0x prefix", kind)
    if len(value) > 2 + 2 * MAXIMUM_DATA:
        raise Fault(INVALID_PARAMS, f"invalid argument {index}: more than {MAXIMUM_DATA} bytes of data")
    if length is not None and len(value) != 2 + 2 * length:
        raise bad_argument(index, f"hex string has length {len(value) - 2}, want {2 * length} for {kind}", kind)
    if len(value) % 2:
        raise bad_argument(index, "hex string of odd length", kind)
    if not _HEX.fullmatch(value):
        raise bad_argument(index, "invalid hex string", kind)
    return bytes.fromhex(value[2:])


def address(index: int, value: object) -> Address:
    """Twenty bytes."""
    return Address(data(index, value, 20, "common.Address"))


def hash_(index: int, value: object) -> bytes:
    """Thirty-two bytes."""
    return data(index, value, 32, "common.Hash")


def slot(value: object) -> int:
    """A storage key: up to 32 bytes, padded or not, as geth reads it."""
    if not isinstance(value, str) or not value.startswith("0x") or not _HEX.fullmatch(value):
        raise Fault(SERVER_ERROR, "unable to decode storage key: hex string invalid")
    if len(value) > 66:
        raise Fault(SERVER_ERROR, "unable to decode storage key: hex string too long, want at most 32 bytes")
    return int(value[2:] or "0", 16)


def flag(index: int, value: object) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise bad_argument(index, "non-boolean", "bool")
    return value


@dataclass(frozen=True, slots=True)
class BlockChoice:
    """Which block: a number, a hash or a tag (EIP-1898)."""

    which: int | bytes | Tag


LATEST: Final = BlockChoice("latest")


def block_choice(index: int, value: object) -> BlockChoice:
    """A tag, a number, a block hash, or `{"blockNumber"}` or `{"blockHash"}`; absent means latest."""
    if value is None:
        return LATEST
    if isinstance(value, dict):
        number, by_hash = value.get("blockNumber"), value.get("blockHash")
        if number is not None and by_hash is not None:
            raise Fault(
                INVALID_PARAMS,
                f"invalid argument {index}: cannot specify both BlockHash and BlockNumber, choose one or the other",
            )
        if by_hash is not None:
            return BlockChoice(hash_(index, by_hash))
        if number is not None:
            return block_choice(index, number)
        raise Fault(INVALID_PARAMS, f"invalid argument {index}: block object names neither blockHash nor blockNumber")
    if isinstance(value, str):
        if value in _TAGS:
            return BlockChoice(cast("Tag", value))
        if len(value) == 66:
            return BlockChoice(hash_(index, value))
    return BlockChoice(quantity(index, value))


def _access_list(index: int, value: object) -> AccessList:
    if not isinstance(value, list) or len(value) > MAXIMUM_ACCESS_LIST:
        raise Fault(
            INVALID_PARAMS, f"invalid argument {index}: an access list has at most {MAXIMUM_ACCESS_LIST} entries"
        )
    entries: list[tuple[Address, tuple[int, ...]]] = []
    for entry in value:
        if not isinstance(entry, dict) or not isinstance(keys := entry.get("storageKeys") or [], list):
            raise bad_argument(index, "non-object", "types.AccessTuple")
        if len(keys) > MAXIMUM_ACCESS_LIST:
            raise Fault(INVALID_PARAMS, f"invalid argument {index}: too many storage keys")
        entries.append(
            (address(index, entry.get("address")), tuple(int.from_bytes(hash_(index, key), "big") for key in keys))
        )
    return tuple(entries)


def call_request(index: int, value: object, gas_cap: int) -> CallRequest:
    """A transaction to execute without signature; `data` and `input` mean the same, gas at most `gas_cap`."""
    if not isinstance(value, dict):
        raise bad_argument(index, "non-object", "ethapi.TransactionArgs")
    given, input_ = value.get("data"), value.get("input")
    if given is not None and input_ is not None and given != input_:
        raise Fault(
            INVALID_PARAMS,
            'both "data" and "input" are set and not equal. Please use "input" to pass transaction call data',
        )
    payload = input_ if input_ is not None else given

    def number(name: str, bits: int = 256) -> int:
        return 0 if value.get(name) is None else quantity(index, value[name], bits)

    if value.get("gasPrice") is not None and (
        value.get("maxFeePerGas") is not None or value.get("maxPriorityFeePerGas") is not None
    ):
        raise Fault(SERVER_ERROR, "both gasPrice and (maxFeePerGas or maxPriorityFeePerGas) specified")
    gas = number("gas", 64)
    return CallRequest(
        to=None if value.get("to") is None else address(index, value["to"]),
        data=b"" if payload is None else data(index, payload),
        sender=Address(bytes(20)) if value.get("from") is None else address(index, value["from"]),
        value=number("value"),
        gas=min(gas, gas_cap) if gas else gas_cap,
        gas_price=number("gasPrice") or number("maxFeePerGas"),
        access_list=() if value.get("accessList") is None else _access_list(index, value["accessList"]),
    )


@dataclass(frozen=True, slots=True)
class LogCriteria:
    """What `eth_getLogs`, `eth_newFilter` and the logs subscription ask for."""

    since: BlockChoice | None = None
    until: BlockChoice | None = None
    block_hash: bytes | None = None
    addresses: tuple[Address, ...] = ()
    topics: tuple[tuple[bytes, ...] | None, ...] = ()

    def matches(self, contract: bytes, topics: tuple[bytes, ...]) -> bool:
        """Whether a log is among those asked for, its block aside."""
        if self.addresses and contract not in self.addresses:
            return False
        if len(self.topics) > len(topics):
            return False
        return all(wanted is None or topics[place] in wanted for place, wanted in enumerate(self.topics))


def log_criteria(index: int, value: object) -> LogCriteria:
    """A log filter object (EIP-234 for `blockHash`); raises `Fault`."""
    if not isinstance(value, dict):
        raise bad_argument(index, "non-object", "filters.FilterCriteria")
    block_hash = value.get("blockHash")
    bounds = {name: value.get(name) for name in ("fromBlock", "toBlock")}
    if block_hash is not None and any(bound is not None for bound in bounds.values()):
        raise Fault(
            INVALID_PARAMS,
            f"invalid argument {index}: cannot specify both BlockHash and FromBlock/ToBlock, choose one or the other",
        )
    return LogCriteria(
        since=None if bounds["fromBlock"] is None else block_choice(index, bounds["fromBlock"]),
        until=None if bounds["toBlock"] is None else block_choice(index, bounds["toBlock"]),
        block_hash=None if block_hash is None else hash_(index, block_hash),
        addresses=_addresses(index, value.get("address")),
        topics=_topics(index, value.get("topics")),
    )


def _addresses(index: int, value: object) -> tuple[Address, ...]:
    given = [] if value is None else value if isinstance(value, list) else [value]
    if len(given) > MAXIMUM_ADDRESSES:
        raise Fault(INVALID_PARAMS, "exceed max addresses")
    return tuple(address(index, entry) for entry in given)


def _topics(index: int, value: object) -> tuple[tuple[bytes, ...] | None, ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise bad_argument(index, "non-array", "[][]common.Hash")
    if len(value) > MAXIMUM_TOPICS:
        raise Fault(INVALID_PARAMS, "exceed max topics")
    topics: list[tuple[bytes, ...] | None] = []
    for entry in value:
        options = [entry] if isinstance(entry, str) else entry
        if options is None or options == [] or (isinstance(options, list) and None in options):
            topics.append(None)
        elif isinstance(options, list) and len(options) <= MAXIMUM_SUBTOPICS:
            topics.append(tuple(hash_(index, option) for option in options))
        else:
            raise Fault(INVALID_PARAMS, f"invalid argument {index}: invalid topic(s)")
    return tuple(topics)


@dataclass(frozen=True, slots=True)
class Arguments:
    """The positional parameters of one call."""

    values: tuple[Any, ...]

    @classmethod
    def read(cls, params: object, required: int, maximum: int) -> Arguments:
        """Check their number as geth does; raises `Fault`."""
        if params is None:
            params = []
        if not isinstance(params, list):
            raise Fault(INVALID_PARAMS, "non-array args")
        if len(params) > maximum:
            raise Fault(INVALID_PARAMS, f"too many arguments, want at most {maximum}")
        for position in range(required):
            if position >= len(params) or params[position] is None:
                raise Fault(INVALID_PARAMS, f"missing value for required argument {position}")
        return cls((*params, *[None] * (maximum - len(params))))

    def __getitem__(self, index: int) -> Any:
        return self.values[index]
