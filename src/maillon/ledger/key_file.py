# SPDX-License-Identifier: Apache-2.0
"""A key in a file of its owner's: what a command line signs with, and what never leaves the machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import orjson

from maillon.ledger.errors import LedgerError
from maillon.ledger.signing import Account

MAXIMUM_KEY_FILE: Final = 64 * 1024


class KeyFileUnusable(LedgerError):
    """The file holds no key we can read, or others may read it."""


def read_key(path: Path, passphrase: Callable[[], str]) -> Account:
    """The account of a key file: 64 hexadecimal digits, or an Ethereum keystore (version 3) opened by a passphrase.

    `passphrase` is asked only for a keystore. Raises `KeyFileUnusable`.
    """
    try:
        if path.stat().st_mode & 0o077:
            raise KeyFileUnusable(f"{path} can be read by others: chmod 600 {path}")
        data = path.read_bytes()[: MAXIMUM_KEY_FILE + 1]
    except OSError as error:
        raise KeyFileUnusable(f"{path} cannot be read: {error.strerror}") from None
    text = data.decode(errors="replace").strip()
    if text.startswith("{"):
        # Imported here: only a keystore needs it, and it is slow to load.
        from eth_account import Account as Keystore

        try:
            return Account(bytes(Keystore.decrypt(orjson.loads(text), passphrase())))
        except (ValueError, KeyError, TypeError, orjson.JSONDecodeError) as error:
            raise KeyFileUnusable(f"{path} does not open: {error}") from None
    try:
        return Account(bytes.fromhex(text.removeprefix("0x")))
    except ValueError:
        raise KeyFileUnusable(f"{path} holds neither 64 hexadecimal digits nor a keystore") from None
