# SPDX-License-Identifier: Apache-2.0
"""JSON read strictly: bounded in size, depth and numbers, no name twice, no fractions, every member of a known type.

Unknown members are refused: a reader who ignores what it does not know can be shown two meanings of one document.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, TypeVar

from maillon.evidence.errors import Unreadable
from maillon.evidence.hashing import parse_base64, parse_hexadecimal

T = TypeVar("T")

MAXIMUM_DOCUMENT = 1024 * 1024
MAXIMUM_DEPTH = 16
_NO_BRACKETS = re.compile(r'"(?:[^"\\]+|\\.)*"?|[^"\[\]{}]+', re.DOTALL)
"""What stands between brackets; a string, closed or not, is one piece of it: one pass, whatever the text."""
_SURROGATE = re.compile(r"\\u[dD]")
_DECIMAL = re.compile(r"0|-?[1-9][0-9]{0,18}", re.ASCII)
"""One text for each number: no zero before it, and none that is negative."""
_ETHEREUM = re.compile(r"0x(?:[0-9a-f]{2})*", re.ASCII)
_QUANTITY = re.compile(r"0x[0-9a-f]{1,64}", re.ASCII)
_COMETBFT = re.compile(r"(?:[0-9A-F]{2})*", re.ASCII)


def _integer(text: str) -> int:
    if not _DECIMAL.fullmatch(text):
        raise Unreadable("a number has at most 19 digits, and zero no sign")
    return int(text)


def _refuse(text: str) -> Any:
    raise Unreadable(f"{text[:40]} is not a number of this format")


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise Unreadable("an object names a member twice")
    if not all(name.isascii() for name in members):
        raise Unreadable("an object has a member whose name is not ASCII")
    return members


def check_depth(text: str, what: str) -> None:
    """Count brackets before the parser meets them. Raises `Unreadable` beyond `MAXIMUM_DEPTH`.

    Its own guard is the interpreter's recursion limit; libraries raise that (py-evm does), and then a thousand opening
    brackets overflow the stack of the whole process instead of raising.
    """
    depth = 0
    for bracket in _NO_BRACKETS.sub("", text):
        depth += 1 if bracket in "[{" else -1
        if depth > MAXIMUM_DEPTH:
            raise Unreadable(f"{what} is nested deeper than {MAXIMUM_DEPTH}")


def read(data: bytes, what: str, maximum: int = MAXIMUM_DOCUMENT) -> Fields:
    """The object a document holds; raises `Unreadable`."""
    if len(data) > maximum:
        raise Unreadable(f"{what} is larger than {maximum} bytes")
    try:
        text = data.decode("utf-8")
        check_depth(text, what)
        value = json.loads(
            text,
            object_pairs_hook=_members,
            parse_int=_integer,
            parse_float=_refuse,
            parse_constant=_refuse,
        )
        if _SURROGATE.search(text):
            # JSON can write half of a surrogate pair; no bytes could be hashed or signed for it.
            json.dumps(value, ensure_ascii=False).encode()
    except (UnicodeError, json.JSONDecodeError) as error:
        raise Unreadable(f"{what} is not JSON: {error}") from None
    return Fields(value, what)


class Fields:
    """One object of a document: each member is asked for once, by its type; `end` refuses what was not asked for."""

    def __init__(self, value: Any, what: str) -> None:
        if not isinstance(value, dict):
            raise Unreadable(f"{what} is not an object")
        self.what = what
        self._members: dict[str, Any] = dict(value)

    def has(self, name: str) -> bool:
        """Whether the member is there and not yet taken."""
        return name in self._members

    def _take(self, name: str) -> Any:
        if name not in self._members:
            raise Unreadable(f"{self.what} lacks {name}")
        return self._members.pop(name)

    def text(self, name: str, maximum: int = 65_536) -> str:
        """A string of at most `maximum` characters."""
        value = self._take(name)
        if not isinstance(value, str) or len(value) > maximum:
            raise Unreadable(f"{self.what}: {name} is not a string of at most {maximum} characters")
        return value

    def integer(self, name: str, minimum: int = 0, maximum: int = 2**63 - 1) -> int:
        """A JSON number."""
        value = self._take(name)
        if isinstance(value, bool) or not isinstance(value, int) or not minimum <= value <= maximum:
            raise Unreadable(f"{self.what}: {name} is not a number from {minimum} to {maximum}")
        return value

    def decimal(self, name: str, minimum: int = 0, maximum: int = 2**63 - 1) -> int:
        """A number written as a string, as CometBFT writes 64-bit integers."""
        value = self.text(name, 20)
        if not _DECIMAL.fullmatch(value) or not minimum <= int(value) <= maximum:
            raise Unreadable(f"{self.what}: {name} is not a decimal number from {minimum} to {maximum}")
        return int(value)

    def hexadecimal(self, name: str, length: int | None = None) -> bytes:
        """Lower-case hexadecimal without prefix."""
        return parse_hexadecimal(self.text(name), f"{self.what}: {name}", length)

    def ethereum(self, name: str, length: int | None = None) -> bytes:
        """Lower-case hexadecimal after 0x, whole bytes."""
        return ethereum_bytes(self.text(name), f"{self.what}: {name}", length)

    def cometbft(self, name: str, lengths: tuple[int, ...]) -> bytes:
        """Upper-case hexadecimal, as CometBFT writes hashes; empty where 0 is one of the lengths."""
        value = self.text(name, 128)
        if not _COMETBFT.fullmatch(value) or len(value) // 2 not in lengths:
            raise Unreadable(f"{self.what}: {name} is not upper-case hexadecimal of {lengths} bytes")
        return bytes.fromhex(value)

    def encoded(self, name: str, maximum: int = 65_536) -> bytes:
        """Bytes in base64."""
        return parse_base64(self.text(name, maximum), f"{self.what}: {name}")

    def quantity(self, name: str) -> int:
        """A number as Ethereum's JSON-RPC writes it: hexadecimal after 0x, of at most 32 bytes."""
        value = self.text(name, 66)
        if not _QUANTITY.fullmatch(value):
            raise Unreadable(f"{self.what}: {name} is not hexadecimal after 0x")
        return int(value, 16)

    def fields(self, name: str) -> Fields:
        """An object."""
        return Fields(self._take(name), f"{self.what}: {name}")

    def list(self, name: str, maximum: int) -> list[Any]:
        """A list of at most `maximum` members of any type."""
        value = self._take(name)
        if not isinstance(value, list) or len(value) > maximum:
            raise Unreadable(f"{self.what}: {name} is not a list of at most {maximum}")
        return value

    def each(self, name: str, maximum: int, make: Callable[[Fields], T]) -> tuple[T, ...]:
        """A list of objects, each made into a value."""
        return tuple(make(Fields(value, f"{self.what}: {name}")) for value in self.list(name, maximum))

    def absent(self, name: str) -> None:
        """A member that is missing, null or empty: CometBFT's ways of writing no bytes."""
        if self._members.pop(name, None) not in (None, ""):
            raise Unreadable(f"{self.what}: {name} must be empty here")

    def end(self) -> None:
        """Refuse members nobody asked for."""
        if self._members:
            raise Unreadable(f"{self.what} has members unknown here: {', '.join(sorted(self._members))[:200]}")


def ethereum_bytes(value: Any, what: str, length: int | None = None) -> bytes:
    """Bytes written as Ethereum writes them; raises `Unreadable`, naming `what`."""
    if not isinstance(value, str) or not _ETHEREUM.fullmatch(value):
        raise Unreadable(f"{what} is not lower-case hexadecimal after 0x")
    data = bytes.fromhex(value[2:])
    if length is not None and len(data) != length:
        raise Unreadable(f"{what} has {length} bytes, not {len(data)}")
    return data
