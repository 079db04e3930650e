# SPDX-License-Identifier: Apache-2.0
"""Documents of applicants: what is taken, by size, name and what the bytes are. Pure.

A document is kept as it came and only ever given out as a download; still, whoever opens it trusts us, so that what can
act is refused: scripts, actions, attachments, and whatever cannot be looked into. This is no virus scanner: a flaw of a
reader is not found here, and docs/operating/members.md says so.
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from dataclasses import dataclass
from typing import Final

from maillon.services.members.errors import (
    DocumentActive,
    DocumentDisguised,
    DocumentEmpty,
    DocumentName,
    DocumentTooLarge,
    UnknownDocumentType,
)

MAXIMUM_DOCUMENT: Final = 5 * 1024 * 1024
MAXIMUM_DOCUMENTS: Final = 10
MAXIMUM_NAME: Final = 120
_MEGABYTE: Final = 1024 * 1024
_MAXIMUM_STREAMS: Final = 5_000
_MAXIMUM_INFLATED: Final = 64 * _MEGABYTE
"""Bytes of compressed streams that are looked through; a document that holds more is refused."""


@dataclass(frozen=True, slots=True)
class DocumentType:
    """One type of file that is taken."""

    name: str
    media_type: str
    suffixes: tuple[str, ...]


PDF: Final = DocumentType("PDF", "application/pdf", (".pdf",))
PNG: Final = DocumentType("PNG", "image/png", (".png",))
JPEG: Final = DocumentType("JPEG", "image/jpeg", (".jpg", ".jpeg"))


@dataclass(frozen=True, slots=True)
class CheckedDocument:
    """A document that may be kept."""

    name: str
    type: DocumentType
    content: bytes


# Names of PDF actions and containers (ISO 32000-2, 12.6.4, 7.11.4, 12.7.8, 13), as they are written or escaped (7.3.5).
_ACTIVE: Final = {
    b"JavaScript": "a script",
    b"JS": "a script",
    b"Launch": "an action that starts a program",
    b"EmbeddedFile": "an attached file",
    b"EmbeddedFiles": "an attached file",
    b"RichMedia": "embedded media",
    b"XFA": "a form that acts",
    b"SubmitForm": "a form that sends",
    b"ImportData": "a form that loads",
    b"GoToE": "an embedded file",
    b"AA": "actions that run by themselves",
    b"Encrypt": "a password",
}
_NAME = re.compile(rb"/([^\x00-\x20()<>\[\]{}/%]+)")
_ESCAPE = re.compile(rb"#([0-9A-Fa-f]{2})")
_STREAM = re.compile(rb"stream\r?\n")
_OBJECT = re.compile(rb"\d\s+\d+\s+obj\b")
_OBJECTS = re.compile(rb"/Type\s*/ObjStm\b")
_FILTERS = re.compile(rb"/Filter\s*(\[[^\]]*\]|/[^\x00-\x20()<>\[\]{}/%]+)")
_FLATE = re.compile(rb"\[?\s*/(?:FlateDecode|Fl)\s*\]?")


def parse_file_name(text: str) -> str:
    """The last part of a file's name, shortened to what can be shown. Raises `DocumentName`."""
    name = unicodedata.normalize("NFC", re.split(r"[\\/]", text)[-1]).strip(" .")
    if not 0 < len(name) <= MAXIMUM_NAME or any(unicodedata.category(character)[0] == "C" for character in name):
        raise DocumentName
    return name


def detect(content: bytes) -> DocumentType | None:
    """What the bytes are, by their first ones; None for none that is taken."""
    if content.startswith(b"%PDF-"):
        return PDF
    if content.startswith(b"\x89PNG\r\n\x1a\n") and content[12:16] == b"IHDR":
        return PNG
    if content.startswith(b"\xff\xd8\xff"):
        return JPEG
    return None


def check_document(file_name: str, declared: str, content: bytes) -> CheckedDocument:
    """A document as it may be kept. Raises an `InvalidDocument`.

    1. It has a name that shows. 2. It is neither empty nor too large. 3. Its bytes are of a type we take. 4. Its name
    and the type it was sent as say the same. 5. It ends as its type ends, so that nothing hides behind it. 6. A PDF
    holds nothing that acts.
    """
    name = parse_file_name(file_name)
    if not content:
        raise DocumentEmpty(name)
    if len(content) > MAXIMUM_DOCUMENT:
        raise DocumentTooLarge(name, MAXIMUM_DOCUMENT // _MEGABYTE)
    found = detect(content)
    if found is None:
        raise UnknownDocumentType(name)
    suffix = f".{name.rpartition('.')[2].lower()}"
    if suffix not in found.suffixes:
        raise DocumentDisguised(name, suffix, found.name)
    media_type = declared.partition(";")[0].strip().lower()
    if media_type not in ("", "application/octet-stream", found.media_type, "image/jpg" if found is JPEG else ""):
        raise DocumentDisguised(name, media_type[:60], found.name)
    _check_end(name, found, content)
    if found is PDF:
        _check_pdf(name, content)
    return CheckedDocument(name, found, content)


def _check_end(name: str, found: DocumentType, content: bytes) -> None:
    """A picture with an archive or a page behind its end is two files."""
    tail = content.rstrip(b"\x00\r\n\t ")
    ends = {PDF: b"%%EOF", PNG: b"IEND\xaeB`\x82", JPEG: b"\xff\xd9"}[found]
    if not tail.endswith(ends):
        raise DocumentDisguised(name, found.name, "more than that behind its end")


def _check_pdf(name: str, content: bytes) -> None:
    """Look through the objects: those written plainly, and those in compressed object streams (ISO 32000-2, 7.5.7)."""
    plain, parts, at, room = [], [], 0, _MAXIMUM_INFLATED
    for count, start in enumerate(_STREAM.finditer(content)):
        if count >= _MAXIMUM_STREAMS or room <= 0:
            raise DocumentActive(name, "more than can be looked through")
        if start.start() < at:
            continue
        head = _unescaped(content[at : start.start()])
        end = content.find(b"endstream", start.end())
        body = content[start.end() : end if end >= 0 else None]
        plain.append(head)
        at = end if end >= 0 else len(content)
        dictionary = head[head.rfind(b"obj") :]
        if _OBJECTS.search(dictionary):
            inflated = _objects_in(name, dictionary, body, room)
            room -= len(inflated)
            parts.append(inflated)
        elif _OBJECT.search(body):
            # No stream of data holds the beginning of an object: something is hidden from whoever believes it is one.
            parts.append(body)
    plain.append(content[at:])
    for part in (*plain, *parts):
        for written in _NAME.finditer(_unescaped(part)):
            if written[1] in _ACTIVE:
                raise DocumentActive(name, _ACTIVE[written[1]])


def _objects_in(name: str, dictionary: bytes, body: bytes, room: int) -> bytes:
    filters = _FILTERS.search(dictionary)
    if filters is None:
        return body
    if not _FLATE.fullmatch(filters[1]):
        raise DocumentActive(name, "objects that cannot be looked into")
    reader = zlib.decompressobj()
    try:
        inflated = reader.decompress(body.lstrip(b"\r\n"), room)
    except zlib.error:
        raise DocumentActive(name, "compressed objects that cannot be read") from None
    if reader.unconsumed_tail:
        raise DocumentActive(name, "more than can be looked through")
    return inflated


def _unescaped(part: bytes) -> bytes:
    """Names as they are meant: any letter of one may be written by its number (7.3.5)."""
    return _ESCAPE.sub(lambda escaped: bytes.fromhex(escaped[1].decode()), part)
