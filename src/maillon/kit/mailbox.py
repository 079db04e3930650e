# SPDX-License-Identifier: Apache-2.0
"""An e-mail address, read so that one mailbox is one text. Pure."""

from __future__ import annotations

import re
from typing import Final

import idna

_LONGEST: Final = 254
"""RFC 5321 section 4.5.3.1.3, without the brackets of a path."""
_MAILBOX: Final = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}"
)
"""The form of HTML's e-mail field."""


def parse_mailbox(text: str) -> str | None:
    """The address in lower case, its domain as the mail system writes it; None for what is none.

    Letters beyond ASCII are IDNA 2008, mapped as UTS 46 says and browsers do.
    """
    local, at, domain = text.strip().rpartition("@")
    try:
        address = local + at + idna.encode(domain, uts46=True).decode("ascii")
    except idna.IDNAError:
        return None
    return address.lower() if len(address) <= _LONGEST and _MAILBOX.fullmatch(address) else None
