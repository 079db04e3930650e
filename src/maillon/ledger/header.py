# SPDX-License-Identifier: Apache-2.0
"""The header of an Ethereum block between its two forms: RLP, which hashes to the block's hash, and JSON-RPC.

21 fields since Prague (EIP-7685), in the order of the execution specifications' `Header`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from maillon.evidence.errors import Unreadable
from maillon.evidence.rlp import decode_list, encode, to_integer

DATA, QUANTITY = True, False
FIELDS: Final = (
    ("parentHash", DATA),
    ("sha3Uncles", DATA),
    ("miner", DATA),
    ("stateRoot", DATA),
    ("transactionsRoot", DATA),
    ("receiptsRoot", DATA),
    ("logsBloom", DATA),
    ("difficulty", QUANTITY),
    ("number", QUANTITY),
    ("gasLimit", QUANTITY),
    ("gasUsed", QUANTITY),
    ("timestamp", QUANTITY),
    ("extraData", DATA),
    ("mixHash", DATA),
    ("nonce", DATA),
    ("baseFeePerGas", QUANTITY),
    ("withdrawalsRoot", DATA),
    ("blobGasUsed", QUANTITY),
    ("excessBlobGas", QUANTITY),
    ("parentBeaconBlockRoot", DATA),
    ("requestsHash", DATA),
)
"""Name in JSON-RPC, and whether it is bytes or a number."""


def header_to_json(header: bytes) -> dict[str, str]:
    """The fields as `eth_getBlockByNumber` writes them; raises `Unreadable`."""
    items = decode_list(header, "a header")
    if len(items) != len(FIELDS):
        raise Unreadable(f"a header has {len(FIELDS)} fields, this one {len(items)}")
    fields: dict[str, str] = {}
    for (name, is_data), item in zip(FIELDS, items, strict=True):
        if isinstance(item, list):
            raise Unreadable(f"{name} of a header is not bytes")
        fields[name] = "0x" + item.hex() if is_data else hex(to_integer(item, name))
    return fields


def header_from_json(block: Mapping[str, Any]) -> bytes:
    """The RLP of a block's header from its JSON-RPC form; raises `Unreadable` when a field is missing or malformed.

    The caller compares its Keccak-256 with the block's hash: a node of another fork has other fields.
    """
    items: list[bytes | int] = []
    for name, is_data in FIELDS:
        value = block.get(name)
        if not isinstance(value, str) or not value.startswith("0x"):
            raise Unreadable(f"{name} of a block is missing")
        try:
            items.append(bytes.fromhex(value[2:]) if is_data else int(value, 16))
        except ValueError as error:
            raise Unreadable(f"{name} of a block is not hexadecimal") from error
    return encode(items)
