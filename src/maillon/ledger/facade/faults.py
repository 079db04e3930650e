# SPDX-License-Identifier: Apache-2.0
"""JSON-RPC errors, worded as geth words them: clients match on codes and, where the code is -32000, on the text."""

from __future__ import annotations

from typing import Any, Final

from maillon.ledger.errors import LedgerError, NotFound, Rejected, Reverted, Unavailable
from maillon.ledger.reverts import reverted

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
INTERNAL_ERROR: Final = -32603
SERVER_ERROR: Final = -32000
TIMED_OUT: Final = -32002
RESPONSE_TOO_LARGE: Final = -32003
LIMIT_EXCEEDED: Final = -32005
"""EIP-1474: a limit was met; the message says which, and what would fit."""
EXECUTION_REVERTED: Final = 3


class Fault(Exception):
    """An error object of JSON-RPC 2.0, section 5.1."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data

    def to_json(self) -> dict[str, Any]:
        """The error object; `data` only when there is some."""
        document: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.data is not None:
            document["data"] = self.data
        return document


def unknown_method(name: str) -> Fault:
    """What viem and others fall back on."""
    return Fault(METHOD_NOT_FOUND, f"the method {name[:100]} does not exist/is not available")


def bad_argument(index: int, reason: str, kind: str) -> Fault:
    """An argument that cannot be read, in the words of geth's JSON decoder."""
    return Fault(
        INVALID_PARAMS, f"invalid argument {index}: json: cannot unmarshal {reason} into Go value of type {kind}"
    )


def of_ledger(error: LedgerError) -> Fault:
    """What a client sees of an error of ours. A store that contradicts itself is our fault, not the client's."""
    if isinstance(error, Reverted):
        worded = reverted(error.data) if error.data else error
        return Fault(EXECUTION_REVERTED, str(worded), "0x" + error.data.hex())
    if isinstance(error, NotFound):
        return Fault(SERVER_ERROR, str(error) or "header not found")
    if isinstance(error, Rejected):
        return Fault(SERVER_ERROR, str(error))
    if isinstance(error, Unavailable):
        return Fault(TIMED_OUT, str(error) or "request timed out")
    return Fault(INTERNAL_ERROR, "internal error")
