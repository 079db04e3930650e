# SPDX-License-Identifier: Apache-2.0
"""As whom the command line acts: one answer for every command that asks a server.

The first of these that is there: the key of `MAILLON_API_KEY`; the token that `maillon login` left for this
very server; the key that the server wrote into its own home, shown to a server on this machine alone. A key is never an
argument, where others on the machine would read it.
"""

from __future__ import annotations

import ipaddress
import json
import os
from typing import Final
from urllib.parse import urlsplit

from maillon.kit.errors import CredentialUnreadable
from maillon.kit.settings import Settings

LOGIN_FILE: Final = "login.json"
"""In the home: the token of `maillon login`, and the server it is of."""
KEY_FILE: Final = "api-key"
"""In the home: the first key of the server that runs on it."""


def authorization(settings: Settings) -> dict[str, str]:
    """The header that says who asks; empty when there is nothing to show. Raises `CredentialUnreadable`."""
    given = os.environ.get("MAILLON_API_KEY", "").strip() or login_token(settings) or _key(settings)
    if not given:
        return {}
    if not given.isascii() or not given.isprintable():
        raise CredentialUnreadable("the key is no key: it is one line, as it was shown when it was made")
    return {"Authorization": f"Bearer {given}"}


def login_token(settings: Settings) -> str:
    """The token of `maillon login` at this server; empty without one. Raises `CredentialUnreadable`."""
    path = settings.home / LOGIN_FILE
    try:
        document = json.loads(path.read_bytes())
        return str(document["token"]) if document["server"] == settings.server_url else ""
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise CredentialUnreadable(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError):
        raise CredentialUnreadable(f"{path} is damaged: remove it, or maillon login writes it again") from None


def _key(settings: Settings) -> str:
    if not _may_be_ours(settings):
        return ""
    path = settings.home / KEY_FILE
    try:
        return path.read_text("ascii").strip()
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise CredentialUnreadable(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise CredentialUnreadable(f"{path} is damaged: remove it and start the server anew") from None


def is_sealed(url: str) -> bool:
    """Whether nobody between here and a server reads what it is sent: by TLS, or because it is on this machine."""
    parts = urlsplit(url)
    return parts.scheme == "https" or parts.hostname == "localhost" or _is_loopback(parts.hostname or "")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _may_be_ours(settings: Settings) -> bool:
    """Whether the server asked can be the one of this home: by loopback, or by the address the home's settings give.

    Its key opens everything: it is not for whoever `--url` names.
    """
    host = urlsplit(settings.server_url).hostname or ""
    if host in ("localhost", settings.host, urlsplit(settings.public_url or "").hostname):
        return True
    return _is_loopback(host)
