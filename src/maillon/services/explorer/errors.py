# SPDX-License-Identifier: Apache-2.0
"""What can go wrong in the explorer."""

from __future__ import annotations


class ExplorerError(Exception):
    """Base of everything the explorer raises on purpose."""


class Unknown(ExplorerError):
    """The chain has no such block or transaction."""

    slug = "unknown-to-the-ledger"
    status = 404
    title = "The ledger holds nothing of that name"
    advice = "Check the number or hash; a transaction appears once it is in a block."
