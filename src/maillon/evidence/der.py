# SPDX-License-Identifier: Apache-2.0
"""Distinguished Encoding Rules (X.690), read strictly: each value has one form, and no other is read.

Readers of ASN.1 accept more than DER: lengths in longer forms or none, numbers with zeros before them, tags that are
looked at only when a value is asked for. Then several byte strings are one token, and two verifiers differ.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from maillon.evidence.errors import Unreadable

BOOLEAN, INTEGER, OCTET_STRING, OBJECT_IDENTIFIER, GENERALIZED_TIME = 0x01, 0x02, 0x04, 0x06, 0x18
SEQUENCE, SET = 0x30, 0x31
_CONSTRUCTED, _CLASS, _LONG_TAG = 0x20, 0xC0, 0x1F
_MAXIMUM_DEPTH = 32
_IDENTIFIER = re.compile(rb"(?:(?:[\x81-\xff][\x80-\xff]*)?[\x00-\x7f])+")
"""Numbers to the base 128: all bytes but the last have the high bit, and the first is no zero."""


def context(number: int) -> int:
    """The tag of a constructed element that a sequence knows by number."""
    return 0xA0 + number


class Element(NamedTuple):
    """A value: its tag, its contents, all of its bytes, and the elements that a constructed one holds.

    A tuple, because a token has a hundred of them and no other immutable value is made as fast.
    """

    tag: int
    body: bytes
    encoded: bytes
    parts: tuple[Element, ...]

    def only(self, tag: int) -> Element:
        """The one element this holds, of that tag; raises `Unreadable`."""
        if len(self.parts) != 1 or self.parts[0].tag != tag:
            raise Unreadable(f"not DER of that form: expected one element of tag {tag:02x} inside {self.tag:02x}")
        return self.parts[0]


class Walk:
    """The elements of a sequence in their order: `take` must be there, `perhaps` may, and `end` refuses the rest."""

    def __init__(self, sequence: Element) -> None:
        self.left = list(sequence.parts)

    def perhaps(self, tag: int) -> Element | None:
        """The next element when it has that tag."""
        return self.left.pop(0) if self.left and self.left[0].tag == tag else None

    def take(self, tag: int) -> Element:
        """The next element, of that tag; raises `Unreadable`."""
        found = self.perhaps(tag)
        if found is None:
            raise Unreadable(f"not DER of that form: an element of tag {tag:02x} is missing")
        return found

    def end(self) -> None:
        """Raise `Unreadable` unless everything was taken."""
        if self.left:
            raise Unreadable(f"not DER of that form: an element of tag {self.left[0].tag:02x} is too many")


def integer(read: Element) -> int:
    """A number in its shortest form; raises `Unreadable`."""
    body = read.body
    padded = len(body) > 1 and ((body[0] == 0 and body[1] < 0x80) or (body[0] == 0xFF and body[1] >= 0x80))
    if not body or padded:
        raise Unreadable("not DER: a number is not in its shortest form")
    return int.from_bytes(body, "big", signed=True)


def is_true(read: Element) -> bool:
    """A truth, written 00 or ff; raises `Unreadable`."""
    if read.body not in (b"\x00", b"\xff"):
        raise Unreadable("not DER: a truth is 00 or ff")
    return read.body == b"\xff"


def require_identifier(read: Element) -> None:
    """Raise `Unreadable` unless it is an object identifier, each number of it in its shortest form."""
    if not _IDENTIFIER.fullmatch(read.body):
        raise Unreadable("not DER: an object identifier is cut short, or has a number with a zero before it")


def dotted(read: Element) -> str:
    """An object identifier with its dots; raises `Unreadable`."""
    require_identifier(read)
    numbers: list[int] = []
    held = 0
    for byte in read.body:
        held = held << 7 | byte & 0x7F
        if byte < 0x80:
            numbers.append(held)
            held = 0
    top = min(numbers[0] // 40, 2)
    return ".".join(str(number) for number in (top, numbers[0] - 40 * top, *numbers[1:]))


_CHECKED = {INTEGER: integer, BOOLEAN: is_true, OBJECT_IDENTIFIER: require_identifier}


def _refused() -> Unreadable:
    return Unreadable("not DER: an element is cut short, or its length not in its one form")


def _element(data: bytes, start: int, end: int, depth: int) -> Element:
    """The element at `start`, which ends by `end`, and all that stands in it; raises `Unreadable`."""
    if end - start < 2:
        raise _refused()
    tag, length = data[start], data[start + 1]
    body = start + 2
    # No type of the formats read here has a tag number above 30.
    if tag & _LONG_TAG == _LONG_TAG:
        raise _refused()
    if length >= 0x80:
        size = length - 0x80
        written = data[body : body + size]
        if not 1 <= size <= 4 or len(written) != size or written[0] == 0:
            raise _refused()
        length = int.from_bytes(written, "big")
        if length < 0x80:
            raise _refused()
        body += size
    stop = body + length
    if stop > end:
        raise _refused()
    constructed = tag & _CONSTRUCTED
    if not tag & _CLASS and bool(constructed) is not (tag | _CONSTRUCTED in (SEQUENCE, SET)):
        raise Unreadable("not DER: sequences and sets are constructed, and no other type")
    parts = []
    if constructed:
        if depth == _MAXIMUM_DEPTH:
            raise Unreadable(f"not DER that is read here: elements nested deeper than {_MAXIMUM_DEPTH}")
        place = body
        while place < stop:
            part = _element(data, place, stop, depth + 1)
            parts.append(part)
            place += len(part.encoded)
    found = Element(tag, data[body:stop], data[start:stop], tuple(parts))
    if tag in _CHECKED:
        _CHECKED[tag](found)
    return found


def read(data: bytes, tag: int) -> Element:
    """The one element that is all of the bytes, of that tag, and all that stands in it; raises `Unreadable`."""
    found = _element(data, 0, len(data), 1)
    if len(found.encoded) != len(data) or found.tag != tag:
        raise Unreadable(f"not DER: expected one element of tag {tag:02x}")
    return found
