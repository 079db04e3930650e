# SPDX-License-Identifier: Apache-2.0
"""Documents of applicants: what is taken, and everything that is not what it says or could act."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maillon.services.members import errors
from maillon.services.members.documents import (
    JPEG,
    MAXIMUM_DOCUMENT,
    PDF,
    PNG,
    check_document,
    detect,
    parse_file_name,
)

PLAIN_PDF = b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\ntrailer << /Root 1 0 R >>\n%%EOF\n"
PLAIN_PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(17) + b"\0\0\0\0IEND\xaeB`\x82"
PLAIN_JPEG = b"\xff\xd8\xff\xe0" + bytes(20) + b"\xff\xd9"


def pdf(*objects: bytes) -> bytes:
    return b"%PDF-1.7\n" + b"\n".join(objects) + b"\n%%EOF\n"


def stream(dictionary: bytes, body: bytes) -> bytes:
    return b"5 0 obj\n<< " + dictionary + b" >>\nstream\n" + body + b"\nendstream\nendobj"


@pytest.mark.parametrize(
    ("name", "declared", "content", "kind"),
    [
        ("extrait.pdf", "application/pdf", PLAIN_PDF, PDF),
        ("EXTRAIT.PDF", "", PLAIN_PDF, PDF),
        ("photo.png", "image/png", PLAIN_PNG, PNG),
        ("photo.jpeg", "image/jpeg; x=1", PLAIN_JPEG, JPEG),
        ("photo.jpg", "image/jpg", PLAIN_JPEG, JPEG),
        ("C:\\Mes documents\\extrait.pdf", "application/octet-stream", PLAIN_PDF, PDF),
    ],
)
def test_a_plain_document_is_taken(name: str, declared: str, content: bytes, kind: object) -> None:
    kept = check_document(name, declared, content)
    assert kept.type is kind
    assert kept.content == content
    assert "\\" not in kept.name
    assert "/" not in kept.name


@pytest.mark.parametrize(
    ("name", "declared", "content", "refusal"),
    [
        ("a.pdf", "application/pdf", b"", errors.DocumentEmpty),
        ("a.pdf", "application/pdf", PLAIN_PDF + bytes(MAXIMUM_DOCUMENT), errors.DocumentTooLarge),
        ("a.html", "text/html", b"<script>alert(1)</script>", errors.UnknownDocumentType),
        ("a.svg", "image/svg+xml", b"<svg onload='x()'/>", errors.UnknownDocumentType),
        ("a.pdf", "application/pdf", b"MZ\x90\0", errors.UnknownDocumentType),
        ("a.pdf", "application/pdf", b"PK\x03\x04", errors.UnknownDocumentType),
        ("a.exe", "application/pdf", PLAIN_PDF, errors.DocumentDisguised),
        ("a.pdf.exe", "application/pdf", PLAIN_PDF, errors.DocumentDisguised),
        ("a.png", "image/png", PLAIN_PDF, errors.DocumentDisguised),
        ("a.pdf", "text/html", PLAIN_PDF, errors.DocumentDisguised),
        ("a.png", "image/png", PLAIN_PNG + b"<script>", errors.DocumentDisguised),
        ("a.jpg", "image/jpeg", PLAIN_JPEG + b"PK\x03\x04 an archive", errors.DocumentDisguised),
        ("a.pdf", "application/pdf", PLAIN_PDF + b"<script>", errors.DocumentDisguised),
        ("a\u202efdp.exe", "application/pdf", PLAIN_PDF, errors.DocumentName),
        ("", "application/pdf", PLAIN_PDF, errors.DocumentName),
        ("x" * 300 + ".pdf", "application/pdf", PLAIN_PDF, errors.DocumentName),
    ],
)
def test_a_document_that_is_not_what_it_says_is_refused(
    name: str, declared: str, content: bytes, refusal: type[errors.Refused]
) -> None:
    with pytest.raises(refusal):
        check_document(name, declared, content)


@pytest.mark.parametrize(
    "hidden",
    [
        b"1 0 obj << /OpenAction << /S /JavaScript /JS (app.alert\\(1\\)) >> >> endobj",
        b"1 0 obj << /S /J#61vaScript >> endobj",
        b"1 0 obj << /S /Launch /F (cmd.exe) >> endobj",
        b"1 0 obj << /Names << /EmbeddedFiles 2 0 R >> >> endobj",
        b"1 0 obj << /AA << >> >> endobj",
        b"1 0 obj << /AcroForm << /XFA [] >> >> endobj",
        b"trailer << /Encrypt 4 0 R >>",
        stream(b"/Type /ObjStm /Filter /FlateDecode", zlib.compress(b"7 0 << /S /JavaScript >>")),
        stream(b"/Type /Obj#53tm /Filter /FlateDecode", zlib.compress(b"7 0 << /S /JavaScript >>")),
        stream(b"/Type /ObjStm /Filter [/FlateDecode]", zlib.compress(b"7 0 << /S /Launch >>")),
        stream(b"/Type /ObjStm", b"7 0 << /S /JavaScript >>"),
        stream(b"/Type /ObjStm /Filter /LZWDecode", b"anything"),
        stream(b"/Type /ObjStm /Filter [/ASCIIHexDecode /FlateDecode]", b"anything"),
        stream(b"/Type /ObjStm /Filter /FlateDecode", b"not compressed at all"),
        # A reader that skips the comment sees the object; one that believes the stream does not.
        b"%\nstream\n9 0 obj << /S /JavaScript >> endobj\nendstream",
    ],
)
def test_a_pdf_that_could_act_is_refused(hidden: bytes) -> None:
    with pytest.raises(errors.DocumentActive):
        check_document("a.pdf", "application/pdf", pdf(hidden))


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    bomb = zlib.compress(bytes(80 * 1024 * 1024), 9)
    with pytest.raises(errors.DocumentActive, match="looked through"):
        check_document("a.pdf", "application/pdf", pdf(stream(b"/Type /ObjStm /Filter /FlateDecode", bomb)))


def test_a_picture_within_a_pdf_says_nothing() -> None:
    body = b"\x01/JS \x02/AA\x03/Launch "
    assert check_document("a.pdf", "", pdf(stream(b"/Type /XObject /Subtype /Image", body))).type is PDF


@given(st.binary(max_size=400))
def test_any_bytes_are_refused_or_are_what_they_begin_as(content: bytes) -> None:
    for start in (b"", b"%PDF-1.4\n", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"\xff\xd8\xff"):
        try:
            kept = check_document("a.pdf", "", start + content)
        except errors.InvalidDocument:
            continue
        assert detect(kept.content) is kept.type


@given(st.text(max_size=150))
def test_any_file_name_is_refused_or_shows(text: str) -> None:
    try:
        name = parse_file_name(text)
    except errors.DocumentName:
        return
    assert name.isprintable() or " " in name or any(ord(c) > 127 for c in name)
    assert not set(name) & set("/\\\r\n\0")
