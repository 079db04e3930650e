# SPDX-License-Identifier: Apache-2.0
"""Feeds: the newest proposals as Atom (RFC 4287), and when votes open and close as iCalendar (RFC 5545). Pure."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any, Final
from xml.sax.saxutils import escape, quoteattr

_FOLD: Final = 75
"""Octets of a line, RFC 5545 section 3.1."""


def _moment(seconds: int) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC)


def atom(documents: Sequence[dict[str, Any]], url: str, language: str, title: str, network: str) -> bytes:
    """The newest proposals. `documents` are those of the list; `url` is where the portal is."""
    updated = max((each["updated"] for each in documents), default=0)
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        f'<feed xmlns="http://www.w3.org/2005/Atom" xml:lang={quoteattr(language)}>',
        f"<id>{escape(url)}/{language}/votes</id>",
        f"<title>{escape(title)}</title>",
        f"<updated>{_moment(updated).isoformat()}</updated>",
        f"<author><name>{escape(network)}</name></author>",
        f'<link rel="self" href={quoteattr(f"{url}/feeds/{language}/votes.atom")}/>',
        f"<link href={quoteattr(f'{url}/{language}/votes')}/>",
    ]
    for each in documents:
        address = f"{url}/{language}/votes/{each['number']}"
        lines += [
            "<entry>",
            f"<id>{escape(address)}</id>",
            f"<title>{escape(each['title'])}</title>",
            f"<updated>{_moment(each['updated']).isoformat()}</updated>",
            f"<link href={quoteattr(address)}/>",
            f"<summary>{escape(each['sentence'])}</summary>",
            "</entry>",
        ]
    return "\n".join([*lines, "</feed>", ""]).encode()


def calendar(documents: Sequence[dict[str, Any]], url: str, language: str, host: str) -> bytes:
    """One event for each vote, from its opening to its close; stamped with its last change (section 3.8.7.2)."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Maillon//Votes//EN", "CALSCALE:GREGORIAN"]
    for each in documents:
        lines += [
            "BEGIN:VEVENT",
            f"UID:vote-{each['number']}@{host}",
            f"DTSTAMP:{_utc(each['updated'])}",
            f"DTSTART:{_utc(each['opens'])}",
            f"DTEND:{_utc(each['closes'])}",
            f"SUMMARY:{_text(each['title'])}",
            f"DESCRIPTION:{_text(each['sentence'])}",
            f"URL:{url}/{language}/votes/{each['number']}",
            "TRANSP:TRANSPARENT",
            "END:VEVENT",
        ]
    lines.append("END:VCALENDAR")
    return b"".join(_folded(line) for line in lines)


def _utc(seconds: int) -> str:
    return _moment(seconds).strftime("%Y%m%dT%H%M%SZ")


def _text(value: str) -> str:
    """RFC 5545 section 3.3.11."""
    for plain, escaped in (("\\", "\\\\"), (";", "\\;"), (",", "\\,"), ("\n", "\\n")):
        value = value.replace(plain, escaped)
    return value


def _folded(line: str) -> bytes:
    """A line no longer than 75 octets, folded where no character is cut."""
    made, part = b"", b""
    for character in line:
        encoded = character.encode()
        if len(part) + len(encoded) > _FOLD:
            made, part = made + part + b"\r\n", b" "
        part += encoded
    return made + part + b"\r\n"
