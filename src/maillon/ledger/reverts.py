# SPDX-License-Identifier: Apache-2.0
"""Revert data in words: `Error(string)` and `Panic(uint256)` (Solidity and Vyper ABI), anything else stays data."""

from __future__ import annotations

from typing import Final

from maillon.ledger.errors import Reverted

ERROR_SELECTOR: Final = bytes.fromhex("08c379a0")
PANIC_SELECTOR: Final = bytes.fromhex("4e487b71")
MAXIMUM_REASON: Final = 1024
"""Bytes of a reason we repeat; a contract may answer with megabytes."""

PANICS: Final = {
    0x00: "generic panic",
    0x01: "assert(false)",
    0x11: "arithmetic underflow or overflow",
    0x12: "division or modulo by zero",
    0x21: "enum overflow",
    0x22: "invalid encoded storage byte array accessed",
    0x31: "out-of-bounds array access; popping on an empty array",
    0x32: "out-of-bounds access of an array or bytesN",
    0x41: "out of memory",
    0x51: "uninitialized function",
}
"""geth's wording of the codes in Solidity's documentation, section "Panic via assert and Error via require"."""


def reason_of(data: bytes) -> str | None:
    """The reason in revert data, or None when it is a custom error, empty, or not well formed."""
    selector, arguments = data[:4], data[4:]
    if selector == PANIC_SELECTOR and len(arguments) >= 32:
        code = int.from_bytes(arguments[:32], "big")
        return PANICS.get(code, f"unknown panic code: {code:#x}")
    if selector != ERROR_SELECTOR or len(arguments) < 64 or int.from_bytes(arguments[:32], "big") != 32:
        return None
    length = int.from_bytes(arguments[32:64], "big")
    text = arguments[64 : 64 + min(length, MAXIMUM_REASON)]
    if len(text) < min(length, MAXIMUM_REASON):
        return None
    return text.decode(errors="replace")


def reverted(data: bytes) -> Reverted:
    """The error for this revert data, worded as geth does."""
    reason = reason_of(data)
    message = "execution reverted" if reason is None else f"execution reverted: {reason}"
    return Reverted(message, data, reason)
